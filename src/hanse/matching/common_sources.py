"""How many sources two attacks have in common, and not which: cardinality of an intersection, in two exchanges.

The sources of each are the sample that a sketch keeps (`attacks.sketch`): the same addresses in every attack, so that
the number in common of the samples says that of all. Who asks sends its points; the other side sends its own and the
digest of its tokens; who asks sends its tokens, and gets the other's. Either side's tokens are fixed before it knows
those of the other, so that none can make up more in common than there is, and they come sorted, so that none that keeps
to the protocol learns which address it was; what others learn: docs/explanation/matching.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from typing import Final

import msgspec

from hanse.attacks.attack import Attack
from hanse.intel.values import Value
from hanse.kernel import strict_json
from hanse.kernel.errors import UsageError
from hanse.matching import commitment, psi
from hanse.matching.group import POINT, ProtocolError, chunks_of
from hanse.matching.secret import RunSecret

PROTOCOL: Final = "cardinality"
MOST: Final = 1_024
"""Sources of a side that are compared: as many as a sketch keeps."""
LEAST: Final = 16
"""Fewer sources of either side are not counted: the number in common would say which they are."""
ADDRESSES: Final = 2**32
"""Sources that an attack has at most, as far as anybody can mean it: all addresses of IPv4."""
_KIND: Final = "source"


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What a side commits to.

    Attributes:
        size: Sources that are compared.
        share: The share of all addresses that they are a sample of, over 0 to 1.
        root: Of the tree of the salted sources, hexadecimal.
    """

    size: int
    share: float
    root: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What a side puts in.

    Attributes:
        values: Hashes of its sources.
        share: The share of all addresses that they are a sample of.
    """

    values: tuple[Value, ...]
    share: float

    def said(self, secret: RunSecret) -> Said:
        """The commitment to it."""
        return Said(len(self.values), self.share, commitment.root(self.values, secret))

    def points(self, secret: RunSecret, epoch: str) -> bytes:
        """Its points under the mask, in an order that says nothing."""
        return b"".join(psi.masked(b"".join(psi.points_of(self.values, PROTOCOL, epoch)), secret))


def sample_of(attack: Attack) -> Sample:
    """The sources of an attack that can be counted with others.

    Raises:
        UsageError: They are forged, unknown, or too few; says which.
    """
    if attack.source_class == "spoofed":
        raise UsageError("The sources of this attack are forged: there is nothing to count.")
    if not attack.source_sketch:
        raise UsageError("The sources of this attack are not known: there is nothing to count.")
    from hanse.attacks.sketch import smallest  # noqa: PLC0415 - loads Arrow, which an idle node does without

    hashes, share = smallest(attack.source_sketch, MOST)
    if len(hashes) < LEAST:
        raise UsageError(
            f"This attack has {len(hashes)} sources. Of fewer than {LEAST} none are counted: the number would say which they are."
        )
    return Sample(psi.prepare(Value(_KIND, f"{int(one):016x}") for one in hashes), share)


def check(said: Said, points: bytes) -> Said:
    """What the other side commits to, if it can be.

    Raises:
        ProtocolError: It cannot.
    """
    if not (
        LEAST <= said.size <= MOST and 0 < said.share <= 1 and len(said.root) == 2 * sha256().digest_size
    ):
        raise ProtocolError("What the other side says of its sources cannot be.")
    if said.share < 1 and (said.size < MOST // 2 or said.size > said.share * ADDRESSES):
        raise ProtocolError("The other side says that its sources are a sample, of which they cannot be one.")
    if len(points) != said.size * POINT:
        # Without the numbers: a partner that is refused again and again is on record once for each reason.
        raise ProtocolError("Another number of points came than of sources was said.")
    if len(set(psi.each(points))) != said.size:
        raise ProtocolError("The other side sent a source twice.")
    return said


def session(question: str, attack: str, epoch: str, sides: dict[str, Said]) -> bytes:
    """What names a count: hash of the question and of both commitments, the same on both sides.

    Args:
        question: Its name.
        attack: The id of the attack that is asked about, hexadecimal.
        epoch: Under which points are made.
        sides: By authority, what it commits to.
    """
    told = [[name, one.size, repr(one.share), one.root] for name, one in sorted(sides.items())]
    return sha256(b"HANSE-V01 count" + strict_json.canonical([question, attack, epoch, told])).digest()


def tokens_of(points: bytes, secret: RunSecret) -> bytes:
    """The tokens of the other side's points, sorted.

    Raises:
        ProtocolError: One is no point.
    """
    return psi.unordered(b"".join(psi.doubled(chunks_of(points), len(points) // POINT, secret)))


def in_common(made: bytes, received: bytes, mine: Said) -> int:
    """How many sources both have.

    Args:
        made: This side's tokens of the other's points.
        received: The other side's tokens of this side's points.
        mine: What this side committed to.

    Raises:
        ProtocolError: They are not as many as this side has sources, or some are equal.
    """
    if len(received) != mine.size * psi.TOKEN:
        raise ProtocolError(f"{len(received):,} bytes of tokens came for {mine.size:,} sources.")
    return psi.overlap(made, received)


def believed(common: int, mine: Said, theirs: Said) -> int:
    """The number in common, if samples of such shares can have so many.

    Of the sample of the larger share, those below the smaller one can be in both. They are as many as it has, times the
    ratio of the shares, give or take: hashes are uniform, so that six standard deviations are passed once in 10^9.

    Raises:
        ProtocolError: They cannot: the other side says another share than it has.
    """
    larger, smaller = sorted((mine, theirs), key=lambda one: -one.share)
    expected = larger.size * smaller.share / larger.share
    if common > expected + 6 * sqrt(expected) + 6:
        raise ProtocolError("More sources are in common than samples of such shares can both have.")
    return common


@dataclass(frozen=True, slots=True)
class Sent:
    """What went over the wire in a count, as it was kept.

    Attributes:
        own: This side's points and tokens.
        theirs: The other side's.
    """

    own: tuple[bytes, bytes]
    theirs: tuple[bytes, bytes]


def redone(said: Said, secret: RunSecret, samples: Iterable[Sample], epoch: str, sent: Sent) -> list[str]:
    """Do this side's part of a count again, and say what was not as it should have been, in sentences.

    Args:
        said: What it committed to.
        secret: As it was sealed.
        samples: What it may have put in: of the attack as it stood on record, whenever.
        epoch: Under which points were made.
        sent: What was sent.
    """
    found, (points, tokens) = [], sent.own
    put_in = next((one for one in samples if one.said(secret) == said), None)
    if put_in is None:
        found.append(
            "The sources that were committed to are not those of the attack on record: they were invented."
        )
    elif put_in.points(secret, epoch) != points:
        found.append("What was sent is not what comes of the sources on record.")
    if tokens_of(sent.theirs[0], secret) != tokens:
        found.append("What was answered is not what comes of what the other side sent.")
    return found


def transcript(named: bytes, sent: dict[str, tuple[bytes, bytes]]) -> str:
    """Hash of all that went over the wire, hexadecimal.

    Args:
        named: The session.
        sent: By authority, its points and its tokens.
    """
    told = {}
    for name, (points, tokens) in sent.items():
        told[name, "points"] = sha256(points).digest()
        told[name, "tokens"] = sha256(tokens).digest()
    return commitment.transcript_hash(named, told).hex()
