"""What a side says of its inputs before a run, so that it cannot say something else after it.

The commitment tells the other side the number of inputs and why they may be compared, and hides the inputs: each is
a salted leaf of a tree of which only the root is told. An auditor of the same authority to whom the run's secret
was unsealed can do the run again (`reopened`) and see whether inputs were invented, left out or altered.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from hanse.intel.values import Value
from hanse.kernel import merkle, strict_json
from hanse.kernel.errors import HanseError
from hanse.matching import group, psi
from hanse.matching.secret import SALT, RunSecret

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


def root(values: Sequence[Value], secret: RunSecret) -> str:
    """Root of the tree of the salted inputs, in hexadecimal.

    Args:
        values: As `psi.prepare` gave them.
        secret: That of the run; the salts come from it.
    """
    salts = secret.salts(len(values))
    return merkle.root(
        merkle.leaf_hash(
            salts[at * SALT : (at + 1) * SALT] + value.kind.encode() + b"\0" + value.text.encode()
        )
        for at, value in enumerate(values)
    ).hex()


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
    values: Iterable[Value],
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
        values: The selectors that were to be compared, from the cases on record.
        points: What this side sent in step 2.
        received: What the other side sent in step 2.
        tokens: What this side sent in step 4.
        whole: Whether all points were sent; else so many of them, from the first on, as the run came to.

    Returns:
        What differs, in sentences; nothing if the run was honest.
    """
    own = psi.prepare(values)
    made = b"".join(psi.masked(b"".join(psi.points_of(own, said.protocol, said.epoch)), secret))
    answered = b"".join(psi.doubled(group.chunks_of(received), len(received) // group.POINT, secret))
    checks = (
        (
            len(own) == said.size,
            f"{said.size:,} inputs were committed to, and {len(own):,} selectors are on record.",
        ),
        (
            {value.kind for value in own} <= set(said.kinds),
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
