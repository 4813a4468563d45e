"""What a witness is given and gives back; the league brings the network between them.

A witness is a partner that remembers the last checkpoint of this ledger that it saw, and cosigns a later one only
if the tree before it is a beginning of the tree now. So nobody can be shown another history than it was.
"""

from dataclasses import dataclass
from typing import Protocol

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import VerifyKey
from hanse.ledger.models import Checkpoint
from hanse.ledger.tree import consistency


class WitnessError(HanseError):
    """A witness does not cosign."""


class BehindError(WitnessError):
    """The witness has seen another size than the proof begins with; `size` is the one it has seen."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The witness has last seen {size:,} leaves. Ask again from there.")
        self.size = size


class ConflictError(WitnessError):
    """The witness has seen another tree of the same size, or a later one that this one does not lead to."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a witness is given (C2SP tlog-witness, add-checkpoint).

    Attributes:
        old: Size that the witness has last seen; 0 for none.
        proof: Consistency proof from there to the checkpoint (RFC 9162, section 2.1.4).
        checkpoint: The note, signed by the node.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: str


class Witness(Protocol):
    """A partner that consents to witness this ledger.

    Attributes:
        name: Its name in cosignatures.
        key: The key that it cosigns with.
    """

    name: str
    key: VerifyKey

    def cosign(self, request: Request) -> str:
        """The signature line to add to the note (C2SP tlog-cosignature), kept by the witness before it answers.

        Raises:
            BehindError: The request begins at another size than the witness has seen.
            ConflictError: The proof does not hold: there are two histories.
        """
        ...


def request_from(old: int, checkpoint: Checkpoint) -> Request:
    """What to give a witness that has last seen `old` leaves.

    Raises:
        TreeError: It has seen more leaves than the checkpoint has.
    """
    return Request(old, consistency(old, checkpoint.size), checkpoint.note)
