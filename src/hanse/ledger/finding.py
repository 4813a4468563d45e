"""What `check` finds, and what its parts hand to each other."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the ledger's bytes say.

    Attributes:
        place: Table and row.
        what: What is wrong, in a sentence.
    """

    place: str
    what: str

    def __str__(self) -> str:
        """``entry 12: its signature does not hold.``."""
        return f"{self.place}: {self.what}"


class Placed(NamedTuple):
    """An entry that claims a leaf: the leaf, the recipient as signed, and the entry's leaf hash."""

    position: int
    recipient: str
    hashed: bytes


def raw(value: object) -> bytes:
    """A binary column; nothing where somebody put another type there, as SQLite allows."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else b""
