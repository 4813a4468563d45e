"""What a projection may know of an entry beside its content."""

from uuid import UUID

import msgspec

from hanse.kernel.markings import Marking


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An entry that is in the ledger.

    Attributes:
        sequence: Place in this node's order.
        time_us: When it was written, microseconds UTC.
        kind: What it is.
        object_id: The object that it creates or changes.
        version: The object's version, from 1.
        marking: What may be done with it.
        actor_id: Who did it.
        actor_name: Their name as it was then.
        reason: Why, where one was given.
        recipient: The authority it is addressed to; empty for the node itself.
    """

    sequence: int
    time_us: int
    kind: str
    object_id: UUID
    version: int
    marking: Marking
    actor_id: str
    actor_name: str
    reason: str
    recipient: str
