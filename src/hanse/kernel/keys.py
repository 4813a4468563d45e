"""Keys of a node: Ed25519 to sign, X25519 to be sealed to, and two secrets for what is kept at rest.

Nothing here prints a secret: `repr` shows ids alone.
"""

import secrets
from dataclasses import dataclass, field, replace
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError

_HEAD = b"hanse-keyring-1\n"
_SALT_BYTES = 16
_NONCE_BYTES = 12
_PRIME = 2**255 - 19
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = {0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8}
"""The y of edwards25519's points of order 1, 2, 4 and 8 (RFC 7748, section 4.1): as keys, they let anything hold."""


class KeysError(HanseError):
    """A key, a signature or a passphrase is not right."""


def key_id(raw: bytes) -> str:
    """Id of a raw public key: the first 16 bytes of its SHA-256, hexadecimal."""
    return sha256(raw).hexdigest()[:32]


class VerifyKey:
    """An Ed25519 public key (RFC 8032); `raw` is its 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        try:
            self._key = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise KeysError(f"This is no Ed25519 public key: {error}.") from None
        if int.from_bytes(raw, "little") % 2**255 % _PRIME in _SMALL_ORDER:
            raise KeysError(
                "This Ed25519 public key is of small order: its signature would hold for any text."
            )
        self.raw = raw
        self.id = key_id(raw)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature.

        Raises:
            KeysError: It does not hold.
        """
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise KeysError(f"The signature of key {self.id} does not hold.") from None

    def __repr__(self) -> str:
        """The id."""
        return f"VerifyKey({self.id})"


class SigningKey:
    """An Ed25519 private key; `secret` is its 32-byte seed."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.secret = secret
        self.public = VerifyKey(self._key.public_key().public_bytes_raw())
        self.id = self.public.id
        self.sign = self._key.sign

    def __repr__(self) -> str:
        """The id."""
        return f"SigningKey({self.id})"


class SealKey:
    """An X25519 public key to which HPKE seals; `raw` is its 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        try:
            self.key = X25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise KeysError(f"This is no X25519 public key: {error}.") from None
        self.raw = raw
        self.id = key_id(raw)

    def __repr__(self) -> str:
        """The id."""
        return f"SealKey({self.id})"


class OpenKey:
    """An X25519 private key that opens what was sealed to it; `secret` is its 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self.key = X25519PrivateKey.from_private_bytes(secret)
        self.secret = secret
        self.public = SealKey(self.key.public_key().public_bytes_raw())
        self.id = self.public.id

    def __repr__(self) -> str:
        """The id."""
        return f"OpenKey({self.id})"


class _Stored(msgspec.Struct, frozen=True):
    """The keyring as it is wrapped; newest keys first."""

    signing: list[bytes]
    opening: list[bytes]
    data: list[bytes]
    index: bytes
    created_us: int


@dataclass(frozen=True)
class Keyring:
    """All keys of a node.

    Attributes:
        signing: The key that signs now.
        opening: The key that others seal to now.
        data: The key under which bodies and fields are encrypted at rest now, 32 bytes.
        index: The key of the blind index, 32 bytes; it never changes, or nothing would be found again.
        created_us: When the newest of them were made, microseconds UTC.
        past: Earlier signing, opening and data keys, newest first: what they signed and sealed stays readable.
    """

    signing: SigningKey
    opening: OpenKey
    data: bytes = field(repr=False)
    index: bytes = field(repr=False)
    created_us: int = 0
    past: tuple[tuple[SigningKey, OpenKey, bytes], ...] = field(default=(), repr=False)

    @classmethod
    def new(cls) -> "Keyring":
        """Fresh keys."""
        return cls(*_fresh(), index=secrets.token_bytes(32), created_us=now_us())

    def rotated(self) -> "Keyring":
        """Fresh signing, opening and data keys; the present ones become past."""
        signing, opening, data = _fresh()
        past = ((self.signing, self.opening, self.data), *self.past)
        return replace(self, signing=signing, opening=opening, data=data, created_us=now_us(), past=past)

    def verify_keys(self) -> list[VerifyKey]:
        """The public keys of all signing keys, newest first."""
        return [self.signing.public, *(signing.public for signing, _, _ in self.past)]

    def verify_key(self, wanted: str) -> VerifyKey:
        """The node's own public key of that id, present or past.

        Raises:
            KeysError: No key of the node has it.
        """
        for key in self.verify_keys():
            if key.id == wanted:
                return key
        raise KeysError(f"Key {wanted} is none of this node's.")

    def signing_key(self, wanted: str) -> SigningKey:
        """The node's own private key of that id, present or past.

        Raises:
            KeysError: No key of the node has it.
        """
        for key in (self.signing, *(signing for signing, _, _ in self.past)):
            if key.id == wanted:
                return key
        raise KeysError(f"Key {wanted} is none of those that this process holds.")

    def open_key(self, wanted: str) -> OpenKey:
        """The node's own private key of that id to open what was sealed, present or past.

        Raises:
            KeysError: No key of the node has it.
        """
        for key in (self.opening, *(opening for _, opening, _ in self.past)):
            if key.id == wanted:
                return key
        raise KeysError(f"It was sealed to key {wanted[:40]}, which this node does not have.")

    def data_key(self, wanted: bytes) -> bytes:
        """The data key, present or past, whose id (see `sealing`) is wanted.

        Raises:
            KeysError: No key of the node has it.
        """
        for key in (self.data, *(data for _, _, data in self.past)):
            if sha256(key).digest()[:4] == wanted:
                return key
        raise KeysError(f"It was sealed under a key ({wanted.hex()}) that this node does not have.")


def _fresh() -> tuple[SigningKey, OpenKey, bytes]:
    return SigningKey(secrets.token_bytes(32)), OpenKey(secrets.token_bytes(32)), secrets.token_bytes(32)


def wrap(keyring: Keyring, passphrase: str) -> bytes:
    """The keyring under a passphrase: scrypt (RFC 7914) and AES-256-GCM, the header bound to it."""
    past = keyring.past
    stored = _Stored(
        signing=[keyring.signing.secret, *(one.secret for one, _, _ in past)],
        opening=[keyring.opening.secret, *(one.secret for _, one, _ in past)],
        data=[keyring.data, *(one for _, _, one in past)],
        index=keyring.index,
        created_us=keyring.created_us,
    )
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    head = _HEAD + salt + nonce
    return head + AESGCM(_stretched(passphrase, salt)).encrypt(nonce, msgspec.msgpack.encode(stored), head)


def unwrap(data: bytes, passphrase: str) -> Keyring:
    """The keyring that was wrapped.

    Raises:
        KeysError: It is none, was altered, or the passphrase is wrong.
    """
    return unwrap_with(data, opener(data, passphrase))


def opener(data: bytes, passphrase: str) -> bytes:
    """What opens a key file at once: its salt and its wrapping key, for whom the passphrase need not be stretched anew.

    It opens that file and no later one, because each has a salt of its own. It is as secret as the passphrase.

    Raises:
        KeysError: This is no key file.
    """
    salt = _salt(data)
    return salt + _stretched(passphrase, salt)


def fits(data: bytes, held: bytes) -> bool:
    """Whether an opener was made for this key file.

    Raises:
        KeysError: This is no key file.
    """
    return held[:_SALT_BYTES] == _salt(data)


def unwrap_with(data: bytes, held: bytes) -> Keyring:
    """The keyring that was wrapped, opened with its opener.

    Raises:
        KeysError: It is none, was altered, or the opener is of another passphrase or file.
    """
    _salt(data)
    end = len(_HEAD) + _SALT_BYTES + _NONCE_BYTES
    head = data[:end]
    try:
        plain = AESGCM(held[_SALT_BYTES:]).decrypt(head[-_NONCE_BYTES:], data[end:], head)
    except (InvalidTag, ValueError):
        raise KeysError(
            "The passphrase does not open the keys. Check it, or the key file was altered."
        ) from None
    stored = msgspec.msgpack.decode(plain, type=_Stored)
    triples = [
        (SigningKey(signing), OpenKey(opening), data)
        for signing, opening, data in zip(stored.signing, stored.opening, stored.data, strict=True)
    ]
    return Keyring(*triples[0], index=stored.index, created_us=stored.created_us, past=tuple(triples[1:]))


def _salt(data: bytes) -> bytes:
    """The salt of a key file.

    Raises:
        KeysError: This is none.
    """
    if len(data) <= len(_HEAD) + _SALT_BYTES + _NONCE_BYTES or not data.startswith(_HEAD):
        raise KeysError("This is no key file that this version of Hanse knows.")
    return data[len(_HEAD) :][:_SALT_BYTES]


def _stretched(passphrase: str, salt: bytes) -> bytes:
    """The wrapping key: 128 MiB and some 0.3 s for each guess (OWASP's recommendation for scrypt)."""
    return Scrypt(salt=salt, length=32, n=2**17, r=8, p=1).derive(passphrase.encode())
