"""Who else? Published sets of tags that only who asks the key holder can look something up in.

A key holder publishes a tag for each of its selectors: the keyed hash (`voprf`) of kind and text under the key of
the epoch, cut short. Who asks has 1 to 100 selectors hashed by the key holder, which sees neither them nor how many
they are, and looks the tags up at home. So only the asker learns what is in the set, and nobody can guess at it
without asking.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from hanse.intel.values import Value
from hanse.matching import voprf
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.later import np
from hanse.matching.padding import padded_size, shares
from hanse.matching.secret import RunSecret
from hanse.matching.voprf import Blinded, KeyPair

PROOF: Final = 26
"""Bytes of a tag with what follows it in the hash. A tag is published; only who had the selector hashed by the key
holder knows the 16 bytes after it, so that nobody who merely read the set can say to have found something in it."""
TAG: Final = 10
"""Bytes of a tag: 80 bits. One question looks 100 tags up among 10^7 of each of 50 partners: 5 * 10^10 pairs, of which
4 * 10^-14 are equal by chance. If 50 nodes all ask once a minute for ten years, 10^-5 false hits are expected in all of
that time; with 8 bytes it would be 0.7, and each longer byte costs 10 MB a partner."""
ASKED: Final = 100
"""Tags that a question asks for, however many of them are real."""
ADDED: Final = 1024
TAKEN: Final = 512
"""Tags that each version of a set adds and takes away, however many of them are real."""

if TYPE_CHECKING:
    import numpy.typing as npt

    Tags = npt.NDArray[np.bytes_]
else:
    Tags = Any


@dataclass(frozen=True, slots=True)
class TagSet:
    """What a key holder has published, as whoever asks keeps it.

    Attributes:
        epoch: Of the key.
        version: Counts from 0 in each epoch.
        tags: Sorted, each once.
    """

    epoch: str
    version: int
    tags: Tags

    def holds(self, tags: Tags) -> "npt.NDArray[np.bool_]":
        """Whether each of some tags is in the set."""
        return _among(self.tags, tags)


@dataclass(frozen=True, slots=True)
class Delta:
    """What makes a version of the one before it; always of the same size.

    Attributes:
        epoch: Of the set.
        version: That it makes.
        added: `ADDED` tags, sorted.
        taken: `TAKEN` tags, sorted.
    """

    epoch: str
    version: int
    added: Tags
    taken: Tags


@dataclass(frozen=True, slots=True)
class Published:
    """What the key holder keeps of its own set.

    Attributes:
        current: As it is published.
        decoys: Those of its tags that are of no selector; sorted. Never leaves the node.
    """

    current: TagSet
    decoys: Tags = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What the asker keeps of a question. Its points can go to all partners: they say nothing to all of them together.

    Attributes:
        values: The selectors that are asked for.
        inputs: Theirs first, then those that fill up.
        blinded: Its points are what is sent.
    """

    values: tuple[Value, ...] = field(repr=False)
    inputs: tuple[bytes, ...] = field(repr=False)
    blinded: Blinded


def tag_of(key: KeyPair, epoch: str, value: Value) -> bytes:
    """The key holder's tag of a selector of its own."""
    return proof_of(key, epoch, value)[:TAG]


def proof_of(key: KeyPair, epoch: str, value: Value) -> bytes:
    """The key holder's `PROOF` bytes of a selector of its own: the tag is the first of them."""
    return voprf.evaluate(key, _input(epoch, value))[:PROOF]


def ask(values: Sequence[Value], epoch: str, secret: RunSecret | None = None) -> Question:
    """A question for 1 to 100 selectors; its size does not depend on how many there are.

    Args:
        values: The selectors.
        epoch: Of the key.
        secret: What all that hides them follows from, so that the very same question can be put again; never the same
            for other selectors. A fresh one by default.

    Raises:
        ValueError: None or too many.
    """
    if not 0 < len(values) <= ASKED:
        raise ValueError(f"One can ask for 1 to {ASKED} selectors at once, not {len(values)}.")
    hides = secret or RunSecret.fresh()
    inputs = [_input(epoch, value) for value in values] + hides.fill(ASKED - len(values))
    return Question(tuple(values), tuple(inputs), voprf.blind(inputs, hides.blinds(ASKED)))


def answer(key: KeyPair, points: bytes) -> tuple[bytes, bytes]:
    """The key holder's answer: 100 points and one proof for all, whatever was asked.

    Raises:
        ProtocolError: It is not a question of 100 points.
    """
    if len(points) != ASKED * POINT:
        raise ProtocolError(f"A question has {ASKED} points, not {len(points) / POINT:g}.")
    return voprf.blind_evaluate(key, points)


def found(
    question: Question, evaluated: bytes, proof: bytes, public: bytes, published: TagSet
) -> list[Value]:
    """The selectors of a question that are in a set, in their order; arguments and errors as of `found_with`."""
    return [value for value, _ in found_with(question, evaluated, proof, public, published)]


def found_with(
    question: Question, evaluated: bytes, proof: bytes, public: bytes, published: TagSet
) -> list[tuple[Value, bytes]]:
    """The selectors of a question that are in a set, in their order, each with its `PROOF` bytes.

    Args:
        question: As it was asked, in the epoch of the set.
        evaluated: The answer.
        proof: Its proof.
        public: The key as it was published with the set.
        published: Where they are looked up.

    Raises:
        ProtocolError: The answer is not of this key.
    """
    outputs = voprf.finalize(question.inputs, question.blinded, evaluated, proof, public)
    held = published.holds(packed([output[:TAG] for output in outputs]))  # all 100: what fills up as well
    rows = zip(question.values, outputs, held, strict=False)
    return [(value, output[:PROOF]) for value, output, hit in rows if hit]


def packed(tags: Sequence[bytes]) -> Tags:
    """Tags as a column, in their order."""
    return _column(b"".join(tags))


def publish(epoch: str, real: Tags) -> Published:
    """The first version of an epoch's set, filled up with decoys.

    Args:
        epoch: Of the key.
        real: Tags of the selectors that may be found, in any order.
    """
    own = np.unique(real)
    decoys = _decoys(padded_size(len(own) + TAKEN) - len(own))
    return Published(TagSet(epoch, 0, np.sort(np.concatenate([own, decoys]))), decoys)


def changed(published: Published, new: Tags, gone: Tags) -> tuple[Published, Delta, int, int]:
    """The next version, to be made on a fixed schedule whether or not anything changed.

    Args:
        published: The version before.
        new: Tags of selectors that came, those that wait longest first; none is in the set.
        gone: Tags of selectors that went, likewise; all are.

    Returns:
        What is published then, what makes it of the version before, and how many of the new and of the gone are in it.
        The rest waits for the next version.
    """
    # 1. How many of each are real this time.
    part = shares(len(new), len(gone), len(published.decoys), added=ADDED, taken=TAKEN)
    # 2. Decoys for the rest; those to take away are drawn, so that their age says nothing.
    fresh = _decoys(ADDED - part.new)
    drawn = _drawn(len(published.decoys), TAKEN - part.gone)
    # 3. The delta, and what it makes.
    current = published.current
    delta = Delta(
        current.epoch,
        current.version + 1,
        np.sort(np.concatenate([new[: part.new], fresh])),
        np.sort(np.concatenate([gone[: part.gone], published.decoys[drawn]])),
    )
    decoys = np.sort(np.concatenate([np.delete(published.decoys, drawn), fresh]))
    return Published(applied(current, delta), decoys), delta, *part


def applied(published: TagSet, delta: Delta) -> TagSet:
    """The version that a delta makes.

    Raises:
        ProtocolError: It is not the next version of this set, or not of its fixed size, or does not fit the set.
    """
    if (delta.epoch, delta.version) != (published.epoch, published.version + 1):
        raise ProtocolError(
            f"Version {delta.version} of epoch {delta.epoch[:40]} does not follow version {published.version} of epoch "
            f"{published.epoch}. Fetch the versions between, or the whole set."
        )
    added, taken = np.unique(delta.added), np.unique(delta.taken)
    if (len(added), len(taken)) != (ADDED, TAKEN) or (len(delta.added), len(delta.taken)) != (ADDED, TAKEN):
        raise ProtocolError(f"A version adds {ADDED:,} tags and takes {TAKEN:,} away, no more and no fewer.")
    if published.holds(added).any() or not published.holds(taken).all():
        raise ProtocolError(
            "This version adds tags that are there or takes away some that are not. Fetch the whole set."
        )
    left = np.delete(published.tags, np.searchsorted(published.tags, taken))
    return replace(
        published, version=delta.version, tags=np.insert(left, np.searchsorted(left, added), added)
    )


def read(epoch: str, version: int, data: bytes) -> TagSet:
    """A whole set as it came: tags of `TAG` bytes, sorted, each once.

    Raises:
        ProtocolError: They are not.
    """
    if not data or len(data) % TAG:
        raise ProtocolError(f"{len(data):,} bytes are no whole number of tags.")
    tags = _column(data)
    if not (tags[:-1] < tags[1:]).all():
        raise ProtocolError("The tags are not sorted, or one of them is there twice.")
    return TagSet(epoch, version, tags)


def _among(those: Tags, tags: Tags) -> "npt.NDArray[np.bool_]":
    """Whether each of some tags is among those, which are sorted and not none."""
    places = np.minimum(np.searchsorted(those, tags), len(those) - 1)
    return np.equal(those[places], tags)


def _input(epoch: str, value: Value) -> bytes:
    """What is hashed of a selector: neither an epoch nor a kind has a slash."""
    return f"HANSE-V01 who-else/{epoch}/{value.kind}/{value.text}".encode()


def _decoys(number: int) -> Tags:
    """So many tags that nobody can tell from real ones, sorted."""
    return np.sort(_column(secrets.token_bytes(number * TAG)))


def _drawn(among: int, number: int) -> "npt.NDArray[np.int64]":
    """So many places among some, each as likely as another."""
    return np.argsort(np.frombuffer(secrets.token_bytes(8 * among), "<u8"))[:number]


def _column(data: bytes) -> Tags:
    """Tags as a column. NumPy leaves zeros at the end of one away in what it shows, and of nothing in comparing."""
    return np.frombuffer(data, f"S{TAG}")
