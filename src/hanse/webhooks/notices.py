"""What webhooks can tell: rooms that have something to tell register a source each.

A source says which entries of the ledger may be news of its things, and for an edge partner what there is to tell of
some of them: nothing of what policy keeps from that partner is in what it gives, so that nothing can be concluded from
it. How a thing stands counts, not what happened in between: the same is never told twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking, Tlp

ACTION: Final = "webhooks.receive"
"""What policy calls it when a partner is told."""
RECALLED: Final = "recalled"
"""What follows a thing that was told and is not for the partner any more; it is told wherever the thing was."""


@dataclass(frozen=True, slots=True)
class Notice:
    """How a thing stands, for a partner that may know.

    Attributes:
        thing: The thing, an object of the ledger.
        event: One of the source's events.
        marking: Its marking.
        summary: What is told of it, as JSON can hold it.
        news: Whether it is told to who never heard of the thing; else only to who did.
    """

    thing: UUID
    event: str
    marking: Marking
    summary: dict[str, Any]
    news: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """What a room has to tell.

    Attributes:
        sort: What its things are called, such as ``attack``.
        kinds: Kinds of entries after which how a thing stands may be news; the entry's object is the thing.
        events: Its events by name, such as ``attack.began``, in words.
        tell: How some things stand, for a partner; those that it may not know are left out.
    """

    sort: str
    kinds: frozenset[str]
    events: dict[str, str]
    tell: Callable[[Actor, Sequence[UUID]], list[Notice]] = field(compare=False)


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Register what a room has to tell; the composition calls it once per room and process.

    Raises:
        HanseError: Another one has that name.
    """
    if _sources.setdefault(source.sort, source) != source:
        raise HanseError(f"Two sources of notices are called {source.sort}. Rename one.")


def sources() -> list[Source]:
    """All sources, by name."""
    return [_sources[sort] for sort in sorted(_sources)]


def events() -> dict[str, str]:
    """All events that can be chosen, by name, in words."""
    return {name: words for source in sources() for name, words in source.events.items()}


def may_be_told(marking: Marking) -> bool:
    """Whether what is so marked can be told to anybody at all, whatever else policy says.

    TLP:RED is for the persons it was given to, and no handling code foresees a program that is told by itself.
    """
    return marking.tlp is not Tlp.RED and not marking.handling
