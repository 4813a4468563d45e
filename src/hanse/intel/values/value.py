"""The kinds of values and their one normal form."""

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from hanse.intel.values import accounts, digests, hosts, phones, wallets
from hanse.intel.values.problem import ValueProblem

LONGEST: Final = 8_192
"""Characters of a value: longer ones are documents."""


class Value(NamedTuple):
    """A value in its normal form.

    Attributes:
        kind: One of `KINDS`.
        text: Its normal form.
    """

    kind: str
    text: str


def _text(text: str) -> str:
    """Free text: composed (Unicode NFC), white space at the ends removed.

    Raises:
        ValueProblem: It is empty.
    """
    if not (plain := unicodedata.normalize("NFC", text).strip()):
        raise ValueProblem("It is empty.")
    return plain


def _lower(text: str) -> str:
    """A text whose case means nothing, such as a hash that has no kind of its own.

    Raises:
        ValueProblem: It is empty.
    """
    return unicodedata.normalize("NFC", _text(text).lower())


def _name(text: str) -> str:
    """A name by which a thing goes: without case and invisible signs, its white space single.

    Caseless as the Unicode Standard, section 3.13, D145 has it, then composed.

    Raises:
        ValueProblem: It is empty.
    """
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    seen = "".join(sign for sign in folded if unicodedata.category(sign) != "Cf")
    return _text(" ".join(seen.split()))


KINDS: Final[dict[str, Callable[[str], str]]] = {
    "address": hosts.address,
    "network": hosts.network,
    "domain": hosts.domain,
    "url": hosts.url,
    "email": hosts.email,
    "asn": hosts.asn,
    "mac": hosts.mac,
    "md5": partial(digests.digest, bits=128),
    "sha1": partial(digests.digest, bits=160),
    "sha224": partial(digests.digest, bits=224),
    "sha256": partial(digests.digest, bits=256),
    "sha384": partial(digests.digest, bits=384),
    "sha512": partial(digests.digest, bits=512),
    "imphash": partial(digests.digest, bits=128),
    "ja3": partial(digests.digest, bits=128),
    "hassh": partial(digests.digest, bits=128),
    "certificate": digests.certificate,
    "fuzzy-hash": _text,
    "other-hash": _lower,
    "cve": digests.cve,
    "phone": phones.phone,
    "iban": accounts.iban,
    "card": accounts.card,
    "wallet": wallets.wallet,
    "account": _text,
    "file-name": _text,
    "registry-key": _text,
    "mutex": _text,
    "user-agent": _text,
    "name": _name,
}
"""What makes the normal form of each kind of text, or raises `ValueProblem`."""

MASKED: Final = frozenset({"card"})
"""Kinds that no page shows whole and no table keeps in the clear (PCI DSS 4.0, requirement 3.4.1)."""


def normalise(kind: str, text: str) -> Value:
    """The one spelling of a value.

    Args:
        kind: One of `KINDS`.
        text: As somebody wrote it.

    Raises:
        ValueProblem: It is none of that kind; says why.
        KeyError: There is no such kind.
    """
    if len(text) > LONGEST:
        raise ValueProblem(f"It has {len(text):,} characters; {LONGEST:,} are the most.")
    if "\0" in text:
        raise ValueProblem("It holds the character NUL.")
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueProblem("It holds half of a surrogate pair, which is no character.")
    return Value(kind, KINDS[kind](text))


def shown(value: Value) -> str:
    """A value as pages show it: a card's number only by its first six and last four digits."""
    if value.kind in MASKED:
        return value.text[:6] + "*" * (len(value.text) - 10) + value.text[-4:]
    return value.text
