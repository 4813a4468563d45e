"""What is kept of standing matching between turns: no text, since values are known by keyed hashes of this node's own."""

import msgspec

from hanse.matching.standing_models import OwnTurns


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A turn that waits for its answer.

    Attributes:
        points: What is sent.
        taken: Tokens that are taken back.
        places: The keyed hash of the value of each point; empty for a decoy.
        again: Values whose tokens are held, and that another selector here has since: what both have of these is found
            with what is new, not before it and not the next day, or when would tell that somebody here had them.
    """

    points: bytes
    taken: bytes
    places: tuple[bytes, ...]
    again: tuple[bytes, ...] = ()


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """What waits for turns to come: as of `standing.Queue`, with keyed hashes for values.

    Attributes:
        new: Values, the oldest first.
        gone: Values that are not offered any more, with the tokens that are to be taken back, the oldest first.
        decoys: Tokens that are of nothing.
    """

    new: tuple[bytes, ...] = ()
    gone: tuple[tuple[bytes, bytes], ...] = ()
    decoys: tuple[bytes, ...] = ()


Held = dict[bytes, bytes]
"""The token of each value that both sides hold, by keyed hash."""


def pending_of(row: OwnTurns) -> Pending | None:
    """The turn that waits for its answer."""
    data = bytes(row.pending)
    return msgspec.msgpack.decode(data, type=Pending) if data else None


def waiting_of(row: OwnTurns) -> Waiting:
    """What waits."""
    data = bytes(row.queue)
    return msgspec.msgpack.decode(data, type=Waiting) if data else Waiting()


def held_of(row: OwnTurns) -> Held:
    """The tokens of this side's values."""
    data = bytes(row.held)
    return msgspec.msgpack.decode(data, type=dict[bytes, bytes]) if data else {}


def packed(value: Pending | Waiting | Held) -> bytes:
    """As it is kept."""
    return msgspec.msgpack.encode(value)
