"""How a run opens: both say what they speak, and nothing is sent where they would miss each other."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from hanse.kernel import strict_json
from hanse.matching.group import ProtocolError
from hanse.matching.normaliser import fingerprint

SUITE: Final = "HANSE-V01-CS01 ristretto255-SHA512"
"""Group, hash and encodings; a change of any of them is another suite."""


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one side speaks.

    Attributes:
        suite: `SUITE`.
        protocol: Word for what is to be done.
        epoch: Under which points and keys are made.
        kinds: Of selectors that it may compare, under the agreement of the two.
        normaliser: Fingerprint of how it normalises.
    """

    suite: str
    protocol: str
    epoch: str
    kinds: tuple[str, ...]
    normaliser: str


def hello(protocol: str, epoch: str, kinds: Sequence[str]) -> Hello:
    """This node's, for one run."""
    return Hello(
        suite=SUITE, protocol=protocol, epoch=epoch, kinds=tuple(sorted(set(kinds))), normaliser=fingerprint()
    )


def speaks(protocol: str, epoch: str) -> str:
    """What this node speaks, but for kinds, in 64 hexadecimal digits: two nodes that differ in it compare nothing."""
    return sha256(strict_json.canonical(hello(protocol, epoch, ()))).hexdigest()


def check_same(protocol: str, epoch: str, other: str) -> None:
    """Refuse another side that speaks otherwise.

    Args:
        protocol: What is done.
        epoch: Under which keys or masks.
        other: What the other side says that `speaks` gives there.

    Raises:
        ProtocolError: It differs; says what to do.
    """
    if speaks(protocol, epoch) != other:
        raise ProtocolError(
            "The two nodes differ in their cryptography, their epoch, or in how they write selectors: they would "
            "silently miss what both have. Upgrade the older of the two nodes."
        )


def agreed_kinds(own: Hello, other: Hello) -> tuple[str, ...]:
    """The kinds of selectors that the two compare, sorted.

    Raises:
        ProtocolError: They cannot: says what differs and what to do.
    """
    for name, one, two, do in (
        ("suite of cryptography", own.suite, other.suite, "Upgrade the older of the two nodes."),
        ("protocol", own.protocol, other.protocol, "Begin the run anew."),
        ("epoch", own.epoch, other.epoch, "Compare the clocks of the two nodes, then begin the run anew."),
        ("normalisation of selectors", own.normaliser, other.normaliser,
         "They would silently miss what both have. Upgrade the older of the two nodes."),
    ):  # fmt: skip
        if one != two:
            raise ProtocolError(f"The two nodes differ in their {name} ({one[:40]!r}, {two[:40]!r}). {do}")
    if not (kinds := tuple(sorted(set(own.kinds) & set(other.kinds)))):
        raise ProtocolError("There is no kind of selector that both sides may compare. Agree on one first.")
    return kinds
