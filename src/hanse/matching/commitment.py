"""What a side says of its inputs before a run, so that it cannot say something else after it.

The commitment tells the other side the number of inputs and why they may be compared, and hides the inputs: each is
a salted leaf of a tree of which only the root is told. An auditor of the same authority to whom the run's secret
was unsealed can do the run again (`reopened`) and see whether inputs were invented, left out or altered.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from hanse.intel.values import Value
from hanse.kernel import merkle, strict_json
from hanse.kernel.errors import HanseError
from hanse.matching import group, psi
from hanse.matching.secret import SALT, RunSecret

MOST_AGAIN: Final = 100_000
"""Inputs of both sides together that are done again at once: a quarter of a minute."""
_LIMIT_BYTES: Final = 64 * 1024
_PREFIX: Final = b"HANSE-V01 transcript"


class CommitmentError(HanseError):
    """What came is no commitment."""


class Commitment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one side says before a run; whoever sends it signs it.

    Attributes:
        authority: Who says it.
        session: The run, a UUID.
        protocol: Word for what is done, such as ``psi`` or ``cardinality``.
        epoch: As agreed.
        kinds: Of the selectors, sorted.
        size: Number of inputs.
        root: Of the tree of salted inputs, in hexadecimal.
        legal_basis: Under what law they are compared.
        case_class: Of what kind of case they are.
        normaliser: Fingerprint of how they were brought into their normal form.
    """

    authority: str
    session: str
    protocol: str
    epoch: str
    kinds: tuple[str, ...]
    size: int
    root: str
    legal_basis: str
    case_class: str
    normaliser: str

    def encoded(self) -> bytes:
        """The bytes that are signed and sent: equal for equal commitments."""
        return strict_json.canonical(self)


class PurgedInput(NamedTuple):
    """What is left of an input that was purged, so that what went beside it can be done again.

    Attributes:
        leaf: Hash of its salted leaf.
        point: As it was sent.
        entry: The entry that had brought it, as the node says that purged it.
    """

    leaf: bytes
    point: bytes
    entry: int


def read(data: bytes) -> Commitment:
    """A commitment as it came.

    Raises:
        CommitmentError: It is none, or not in its one encoding.
    """
    try:
        said: Commitment = strict_json.decode(data, Commitment, limit_bytes=_LIMIT_BYTES, depth=4)
    except strict_json.StrictJsonError as error:
        raise CommitmentError(f"This is no commitment to a run: {error}") from error
    if said.encoded() != data or not 0 <= said.size <= psi.MOST or len(said.root) != 2 * sha256().digest_size:
        raise CommitmentError(
            "This commitment to a run is not in its one form, or its size or root cannot be."
        )
    return said


def root(inputs: Sequence["Value | PurgedInput"], secret: RunSecret) -> str:
    """Root of the tree of the salted inputs, in hexadecimal.

    Args:
        inputs: In the order of `psi.prepare`.
        secret: That of the run; the salts come from it.
    """
    salts = secret.salts(len(inputs))
    return merkle.root(
        one.leaf if isinstance(one, PurgedInput) else _leaf(one, salts, at) for at, one in enumerate(inputs)
    ).hex()


def _leaf(value: Value, salts: bytes, at: int) -> bytes:
    return merkle.leaf_hash(
        salts[at * SALT : (at + 1) * SALT] + value.kind.encode() + b"\0" + value.text.encode()
    )


def without(
    inputs: Sequence["Value | PurgedInput"], gone: Mapping[Value, int], said: Commitment, secret: RunSecret
) -> tuple["Value | PurgedInput", ...]:
    """Inputs of which some are purged: of these there is left what the run can be done again with.

    Args:
        inputs: In the order of `psi.prepare`.
        gone: What is purged, with the entry that had brought it.
        said: The commitment.
        secret: That of the run.
    """
    salts = secret.salts(len(inputs))

    def left(at: int, value: Value) -> PurgedInput:
        point = psi.point_of(value, said.protocol, said.epoch, secret)
        return PurgedInput(_leaf(value, salts, at), point, gone[value])

    return tuple(
        left(at, one) if isinstance(one, Value) and one in gone else one for at, one in enumerate(inputs)
    )


def session_hash(one: Commitment, other: Commitment) -> bytes:
    """What names a run: hash of both commitments, the same on both sides."""
    both = sorted(sha256(each.encoded()).digest() for each in (one, other))
    return sha256(b"HANSE-V01 session" + b"".join(both)).digest()


def transcript_hash(session: bytes, messages: Mapping[tuple[str, str], bytes]) -> bytes:
    """Hash of all that went over the wire in a run, the same on both sides.

    Args:
        session: `session_hash`.
        messages: For each sender and step, the SHA-256 of what it sent in it, of all chunks together.
    """
    told = [[sender, step, digest.hex()] for (sender, step), digest in sorted(messages.items())]
    return sha256(_PREFIX + session + strict_json.canonical(told)).digest()


def reopened(
    said: Commitment,
    secret: RunSecret,
    inputs: Sequence[Value | PurgedInput],
    points: bytes,
    received: bytes,
    tokens: bytes,
    *,
    whole: bool = True,
) -> list[str]:
    """Do a run again, and say what was not as it should have been.

    Args:
        said: The commitment on record.
        secret: As it was sealed.
        inputs: The selectors that were to be compared, from the cases on record; in the order of `psi.prepare` where some
            of them were purged since.
        points: What this side sent in step 2.
        received: What the other side sent in step 2.
        tokens: What this side sent in step 4.
        whole: Whether all points were sent; else so many of them, from the first on, as the run came to.

    Returns:
        What differs, in sentences; nothing if the run was honest.
    """
    values = [one for one in inputs if isinstance(one, Value)]
    own = tuple(inputs) if len(values) < len(inputs) else psi.prepare(values)
    made = _points(own, said, secret)
    answered = b"".join(psi.doubled(group.chunks_of(received), len(received) // group.POINT, secret))
    checks = (
        (
            len(own) == said.size,
            f"{said.size:,} inputs were committed to, and {len(own):,} selectors are on record.",
        ),
        (
            {value.kind for value in values} <= set(said.kinds),
            "There are selectors of kinds that were not named.",
        ),
        (root(own, secret) == said.root, "The inputs committed to are not the selectors on record."),
        (
            made == points if whole else made.startswith(points),
            "What was sent is not what comes of the selectors on record.",
        ),
        (
            tokens in {answered, psi.unordered(answered)},
            "What was answered is not what comes of what the other side sent.",
        ),
    )
    return [sentence for holds, sentence in checks if not holds]


def _points(inputs: Sequence[Value | PurgedInput], said: Commitment, secret: RunSecret) -> bytes:
    """What is sent of inputs in step 2."""
    values = [one for one in inputs if isinstance(one, Value)]
    points = b"".join(psi.points_of(values, said.protocol, said.epoch))
    mask = secret.mask()
    known = iter(psi.each(b"".join(group.multiply(mask, chunk) for chunk in group.chunks_of(points))))
    sent = [one.point if isinstance(one, PurgedInput) else next(known) for one in inputs]
    return b"".join(sent[at] for at in secret.order(len(sent)).tolist())
