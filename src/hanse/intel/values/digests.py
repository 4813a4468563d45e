"""Hashes of files and certificates, and the names of vulnerabilities."""

import re
from typing import Final

from hanse.intel.values.problem import ValueProblem

_CVE: Final = re.compile(r"CVE-(?:19|20)\d\d-\d{4,19}")
_HEX: Final = re.compile(r"[0-9a-f]+")
_BY_LENGTH: Final = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_LENGTHS: Final = ", ".join(map(str, _BY_LENGTH))

EMPTY: Final = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        (
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
    }
)
"""The hashes of the empty file by every function above: who shares it shares nothing."""


def digest(text: str, *, bits: int) -> str:
    """A hash in lower-case hexadecimal.

    Raises:
        ValueProblem: It has another length, or other signs.
    """
    plain = text.strip().lower()
    if len(plain) != bits // 4:
        raise ValueProblem(
            f"A hash of {bits} bits has {bits // 4} hexadecimal digits; this has {len(plain)} signs."
        )
    if not _HEX.fullmatch(plain):
        raise ValueProblem(f"{plain[:40]!r} is no hash: its digits are 0 to 9 and a to f.")
    return plain


def kind_of(text: str) -> str:
    """Which kind of hash a text of hexadecimal digits is, by their number.

    Raises:
        ValueProblem: It has other signs, or none known here has that length.
    """
    plain = text.strip().lower()
    kind = _BY_LENGTH.get(len(plain))
    if kind is None or not _HEX.fullmatch(plain):
        raise ValueProblem(f"{plain[:40]!r} is no hash known here: they have {_LENGTHS} hexadecimal digits.")
    return kind


def certificate(text: str) -> str:
    """The fingerprint of a certificate: a hash of any known length, colons left out.

    Raises:
        ValueProblem: It is none.
    """
    plain = re.sub(r"[:\s]", "", text)
    kind_of(plain)
    return digest(plain, bits=len(plain) * 4)


def cve(text: str) -> str:
    """The name of a vulnerability: ``CVE-2021-44228``.

    Raises:
        ValueProblem: It is none.
    """
    plain = text.strip().upper().replace("\N{EN DASH}", "-")
    if not _CVE.fullmatch(plain):
        raise ValueProblem(f"{text[:40]!r} is no CVE. Write it like CVE-2021-44228.")
    return plain
