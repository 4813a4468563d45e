"""The values that a STIX pattern compares with: what an indicator is about.

STIX 2.1, part 9. Only comparisons that name a value count: ``=``, ``IN`` and ``ISSUBSET``, not negated. The pattern
itself is kept as it is and never evaluated here.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from hanse.intel.facts import Gathering

_TOKEN: Final = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*+(?:'|\\?\Z))
      | (?P<path>(?<![A-Za-z0-9-])[a-z0-9-]++:(?:[\w.*\[\]-]|'(?:[^'\\]|\\.)*+(?:'|\\?\Z))++)
      | (?P<word>[A-Za-z]++)
      | (?P<number>-?[0-9]++(?:\.[0-9]++)?)
      | (?P<sign>!=|<=|>=|[=<>(),\[\]])""",
    re.VERBOSE | re.DOTALL,
)
"""Possessive, a path begins where no name goes on, and an unclosed text runs to the end: each sign is read once."""
_LONGEST: Final = 100_000

KINDS: Final = {
    "ipv4-addr:value": "address",
    "ipv6-addr:value": "address",
    "domain-name:value": "domain",
    "url:value": "url",
    "email-addr:value": "email",
    "email-message:from_ref.value": "email",
    "email-message:sender_ref.value": "email",
    "email-message:to_refs[*].value": "email",
    "network-traffic:src_ref.value": "address",
    "network-traffic:dst_ref.value": "address",
    "file:name": "file-name",
    "mac-addr:value": "mac",
    "autonomous-system:number": "asn",
    "mutex:name": "mutex",
    "windows-registry-key:key": "registry-key",
    "user-account:user_id": "account",
    "user-account:account_login": "account",
    "email-message:bcc_refs[*].value": "email",
    "email-message:cc_refs[*].value": "email",
    "process:image_ref.name": "file-name",
    "file:extensions.'windows-pebinary-ext'.imphash": "imphash",
    "artifact:url": "url",
    "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'": "user-agent",
}
"""What kind of value stands at a path, hashes left out."""

HASHES: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384",
                 "SHA-512": "sha512", "SSDEEP": "fuzzy-hash", "TLSH": "fuzzy-hash"}  # fmt: skip
"""What kind of value a hash of that name is (STIX 2.1, hash-algorithm-ov)."""


def gather(pattern: str, into: Gathering) -> None:
    """Add the values of a pattern; what has no kind here is left in the pattern."""
    if len(pattern) > _LONGEST:
        into.problems.append(f"pattern: it has {len(pattern):,} characters, and was not looked into.")
        return
    for path, literal in _compared(pattern):
        kind = kind_of(path)
        if kind is not None:
            into.value(kind, literal, path)


@lru_cache(maxsize=1_000)
def kind_of(path: str) -> str | None:
    """The kind of value at an object path; None where none is known."""
    kind = KINDS.get(path) or KINDS.get(re.sub(r"\[\d+\]", "[*]", path))
    if kind is None and (
        found := re.fullmatch(r"(file|artifact|x509-certificate):hashes\.'?([\w-]+)'?", path)
    ):
        kind = HASHES.get(found[2].upper().replace("SHA1", "SHA-1").replace("SHA256", "SHA-256"))
        if kind is not None and found[1] == "x509-certificate":
            kind = "certificate"
    return kind


def _compared(pattern: str) -> Iterator[tuple[str, str]]:
    """Each path with a literal that it is compared with."""
    path, negated, taking = "", False, False
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup, token[0]
        if kind == "path":
            path, negated, taking = text, False, False
        elif kind == "word" and text == "NOT":
            negated = True
        elif text in {"=", "IN", "ISSUBSET"}:
            taking = bool(path) and not negated
        elif kind in {"text", "number"}:
            if taking:
                yield path, _unquoted(text) if kind == "text" else text
        elif text not in {"(", ","}:
            taking = False


def _unquoted(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)
