"""Addresses of crypto-currencies, by chain, with their checksums.

The normal form is ``chain:address``. Which chain it is follows from the address; ``ethereum`` stands for every chain
that uses its addresses.
"""

import re
from hashlib import sha256
from typing import Final

from hanse.intel.values.keccak import keccak256
from hanse.intel.values.problem import ValueProblem

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CASH_GENERATOR: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
_CASH_SIZES: Final = (20, 24, 28, 32, 40, 48, 56, 64)
_BECH32_CONSTANT, _BECH32M_CONSTANT = 1, 0x2BC830A3

_VERSIONS: Final = {0x00: "bitcoin", 0x05: "bitcoin", 0x30: "litecoin", 0x32: "litecoin", 0x1E: "dogecoin",
                    0x16: "dogecoin", 0x41: "tron"}  # fmt: skip
"""Version bytes of addresses with 20-byte hashes (chainparams of each chain)."""
CHAINS: Final = frozenset({*_VERSIONS.values(), "ethereum", "monero", "bitcoincash"})
"""The chains whose addresses are known here."""
_SHARED: Final = {("litecoin", "bitcoin"): "3", ("bitcoincash", "bitcoin"): "13"}
"""Chains that use addresses of another: of which chain they are only who writes them can say; and how they begin."""
_PREFIXES: Final = {"bc": "bitcoin", "ltc": "litecoin"}
_MONERO: Final = (18, 19, 42)
_MONERO_BLOCKS: Final = {0: 0, 2: 1, 3: 2, 5: 3, 6: 4, 7: 5, 9: 6, 10: 7, 11: 8}
"""Bytes that a block of so many base58 signs holds (Monero, base58.cpp)."""


def wallet(text: str) -> str:
    """A wallet's address with its chain, ``bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa``.

    Raises:
        ValueProblem: It is of no chain known here, or its checksum is wrong.
    """
    plain = text.strip()
    before, colon, rest = plain.partition(":")
    said = before.lower() if colon and before.lower() in CHAINS else ""
    found = _cash(rest) if said == "bitcoincash" and not _is_old(rest) else _found(rest if said else plain)
    chain, _, address = found.partition(":")
    if not said or said == chain:
        return found
    if (said, chain) in _SHARED and address[0] in _SHARED[said, chain]:
        return f"{said}:{address}"
    raise ValueProblem(f"This is an address of {chain}, and not of {said}.")


def _found(text: str) -> str:
    """A wallet's address with the chain that its form tells."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{40}", text):
        return f"ethereum:{_ethereum(text)}"
    lowered = text.lower()
    if "1" in lowered and lowered.rpartition("1")[0] in _PREFIXES:
        return _segwit(text)
    if len(text) in {95, 106}:
        return f"monero:{_monero(text)}"
    return _base58check(text)


def _base58check(text: str) -> str:
    """Base58 with a checksum of two SHA-256 (Bitcoin, Base58Check)."""
    data = _from_base58(text, 25)
    if sha256(sha256(data[:-4]).digest()).digest()[:4] != data[-4:]:
        raise ValueProblem("The checksum of this wallet's address is wrong: a sign is mistyped.")
    chain = _VERSIONS.get(data[0])
    if chain is None:
        raise ValueProblem(f"No chain known here has addresses of version {data[0]}.")
    return f"{chain}:{text}"


def _from_base58(text: str, length: int) -> bytes:
    number = 0
    for sign in text:
        place = _BASE58.find(sign)
        if place < 0:
            raise ValueProblem(f"{text[:60]!r} is no wallet's address: {sign!r} occurs in none.")
        number = number * 58 + place
    zeros = len(text) - len(text.lstrip("1"))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
    if len(data) != length:
        raise ValueProblem(f"{text[:60]!r} is no wallet's address of a chain known here.")
    return data


def _segwit(text: str) -> str:
    """Bech32 (BIP 173) for version 0, Bech32m (BIP 350) for later ones."""
    if text not in {text.lower(), text.upper()}:
        raise ValueProblem("This wallet's address mixes capitals and small letters, which BIP 173 forbids.")
    prefix, _, rest = text.lower().rpartition("1")
    values = [_BECH32.find(sign) for sign in rest]
    if -1 in values or not 8 <= len(rest) <= 88:
        raise ValueProblem(
            f"{text[:60]!r} is no wallet's address: a sign occurs in none, or its length is wrong."
        )
    check = _polymod([*(ord(sign) >> 5 for sign in prefix), 0, *(ord(sign) & 31 for sign in prefix), *values])
    if check != (_BECH32_CONSTANT if values[0] == 0 else _BECH32M_CONSTANT):
        raise ValueProblem("The checksum of this wallet's address is wrong: a sign is mistyped.")
    length = len(_octets(values[1:-6]))
    if values[0] > 16 or not 2 <= length <= 40 or (values[0] == 0 and length not in {20, 32}):
        raise ValueProblem("This wallet's address has a length or version that BIP 141 does not allow.")
    return f"{_PREFIXES[prefix]}:{text.lower()}"


def _octets(fives: list[int]) -> bytes:
    """Bytes of groups of five bits; what is left over is less than five bits, all zero (BIP 173)."""
    number = 0
    for five in fives:
        number = number << 5 | five
    over = len(fives) * 5 % 8
    if over >= 5 or number & ((1 << over) - 1):
        raise ValueProblem("This wallet's address ends in bits that mean nothing, as no address may.")
    return (number >> over).to_bytes(len(fives) * 5 // 8)


def _is_old(text: str) -> bool:
    """Whether an address of Bitcoin Cash is in the form that it has in common with Bitcoin."""
    return text[:1] in {"1", "3"}


def _cash(text: str) -> str:
    """CashAddr (Bitcoin Cash, cashaddr.md): five bits a sign, with a BCH code of 40 bits."""
    plain = text.lower()
    values = [_BECH32.find(sign) for sign in plain]
    if -1 in values or text not in {plain, text.upper()} or len(values) < 14:
        raise ValueProblem(f"{text[:60]!r} is no wallet's address of Bitcoin Cash.")
    state = 1
    for value in [*(ord(sign) & 31 for sign in "bitcoincash"), 0, *values]:
        top = state >> 35
        state = (state & 0x07FFFFFFFF) << 5 ^ value
        for place, part in enumerate(_CASH_GENERATOR):
            state ^= part if top >> place & 1 else 0
    if state != 1:
        raise ValueProblem("The checksum of this wallet's address is wrong: a sign is mistyped.")
    data = _octets(values[:-8])
    if data[0] & 0x80 or len(data) - 1 != _CASH_SIZES[data[0] & 7]:
        raise ValueProblem("This wallet's address has a length that its version does not allow.")
    return f"bitcoincash:{plain}"


def _polymod(values: list[int]) -> int:
    """The checksum of BIP 173."""
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for place, part in enumerate(_GENERATOR):
            state ^= part if top >> place & 1 else 0
    return state


def _ethereum(text: str) -> str:
    """Lower-case hexadecimal; mixed case is a checksum (EIP-55) and must hold."""
    digits = text[2:]
    if digits not in {digits.lower(), digits.upper()}:
        hashed = keccak256(digits.lower().encode()).hex()
        right = "".join(
            sign.upper() if int(nibble, 16) >= 8 else sign
            for sign, nibble in zip(digits.lower(), hashed, strict=False)
        )
        if digits != right:
            raise ValueProblem(
                "The capitals of this wallet's address are no checksum (EIP-55): a sign is mistyped."
            )
    return f"0x{digits.lower()}"


def _monero(text: str) -> str:
    """Base58 in blocks of eleven signs, with a checksum of Keccak-256 (Monero, standard address format)."""
    data = b""
    for at in range(0, len(text), 11):
        block = text[at : at + 11]
        size = _MONERO_BLOCKS.get(len(block), -1)
        number = 0
        for sign in block:
            place = _BASE58.find(sign)
            if place < 0:
                raise ValueProblem(f"{text[:60]!r} is no wallet's address: {sign!r} occurs in none.")
            number = number * 58 + place
        if size < 0 or number >= 256**size:
            raise ValueProblem(f"{text[:60]!r} is no wallet's address of Monero.")
        data += number.to_bytes(size)
    if data[0] not in _MONERO or keccak256(data[:-4])[:4] != data[-4:]:
        raise ValueProblem("The checksum of this wallet's address is wrong: a sign is mistyped.")
    return text
