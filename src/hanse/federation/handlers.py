"""Who handles which kinds of entries that partners send; the composition root registers them once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import msgspec

from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking
from hanse.ledger.objects import namespace


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a projection may know of an entry that a partner sent.

    Attributes:
        partner: The authority that sent it, as its key proves.
        object_id: The own id of the partner's object.
        there: The object's id at the partner.
        version: The object's version at the partner.
        written_us: When the partner says to have written it, microseconds UTC.
        marking: What may be done with it.
        sequence: The own entry that holds it.
        received_us: When it was received, microseconds UTC.
        place: Its place among those that the partner addressed to this authority.
        via: The partner that passed it on; empty where it came from who signed it.
    """

    partner: str
    object_id: UUID
    there: UUID
    version: int
    written_us: int
    marking: Marking
    sequence: int
    received_us: int
    place: int
    via: str = ""


def _nothing(*_: Any) -> None:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Handler:
    """Who handles one kind.

    Attributes:
        kind: The kind as partners send it, such as ``attacks.shared``.
        content: The type of its content.
        project: Writes the rows that follow, from nothing but the entry and the entries before it.
        forget: Removes every row derived from an object that is purged.
        project_many: Writes the rows of several entries of this kind at once, as `project` would one by one; for
            kinds that come by the thousand.
        check: Refuses a content that cannot be meant, by a `HanseError`; it asks nothing but the entry and the rows.
        then: Done once it is on record, in the same transaction: what this authority answers or does by itself. Not
            done again in a replay. What comes after it in a page is on record only when it is done.
        again: The same, where the object had come before; several that come together may be on record by then.
        onward: Whether a third authority may pass it on: only what is material, never what two authorities say to each
            other, such as keys, questions and answers.
        taken_back: Whether its sender can take it back: something to know, and not that something was done, which both
            sides go by.
        dated: Whether it purges itself on a date that its sender says; likewise.
    """

    kind: str
    content: type[msgspec.Struct]
    project: Callable[[Arrived, Any], None]
    forget: Callable[[UUID], None] = _nothing
    check: Callable[[Arrived, Any], None] = _nothing
    then: Callable[[Arrived, Any], None] = _nothing
    again: Callable[[Arrived, Any], None] = _nothing
    project_many: Callable[[Sequence[tuple[Arrived, Any]]], None] | None = None
    onward: bool = False
    taken_back: bool = False
    dated: bool = False

    @property
    def acts(self) -> bool:
        """Whether this authority does something by itself once such an entry is on record."""
        return self.then is not _nothing

    def project_run(self, entries: Sequence[tuple[Arrived, Any]]) -> None:
        """Write the rows of several entries of this kind, in their order."""
        if self.project_many is not None:
            self.project_many(entries)
            return
        for arrived, content in entries:
            self.project(arrived, content)


_handlers: dict[str, Handler] = {}


def register(handlers: Iterable[Handler]) -> None:
    """Make known who handles what.

    Raises:
        HanseError: Two handle one kind.
    """
    for one in handlers:
        if _handlers.setdefault(one.kind, one) is not one:
            raise HanseError(f"Two handle {one.kind} from partners. Remove one.")


def handler_of(kind: str) -> Handler | None:
    """Who handles a kind; None for one that this version does not know."""
    return _handlers.get(kind)


def all_handlers() -> tuple[Handler, ...]:
    """All of them, by kind."""
    return tuple(_handlers[name] for name in sorted(_handlers))


def own_id(origin: str, there: UUID) -> UUID:
    """The own id of an object of another authority: two authorities that say one id say it of two things.

    It is a UUID5 (RFC 9562, section 5.5) of the verified origin and the id there, so that the same object is the same
    thing by whichever way it comes.
    """
    return uuid5(namespace(origin), f"received:{there.hex}")
