"""What a partner is to be told next: entries of the ledger behind the last message, asked of the sources.

What is hidden from the partner leaves no trace here: no message, no number and no gap. How things stand counts, so that
to look at an entry twice tells nothing twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry, Head
from hanse.ledger.writing import Draft, append_many
from hanse.policy.service import MARKED
from hanse.webhooks import contents, notices, service
from hanse.webhooks.models import Hook, Message, Outcome
from hanse.webhooks.notices import RECALLED, Notice, Source

AT_ONCE: Final = 500
"""Entries that are looked at at once."""
MOST_WAITING: Final = 20
"""Messages that wait to be sent; what comes behind them is found when there is room."""
_PURGED: Final = "ledger.purged"


class _News(NamedTuple):
    """Something to tell, and the entry that was the news."""

    notice: Notice
    place: int


@dataclass
class Upcoming:
    """Finds news for one webhook.

    Attributes:
        through: Up to which entry there is nothing more to tell; what is left of it after a restart is looked at anew.
    """

    through: int = field(default=-1)

    def begin(self, row: Hook, partner: Actor) -> int:
        """Put messages on record that are to be sent, in order; how many.

        Args:
            row: The webhook.
            partner: Who is told, as policy sees it now.
        """
        mine = Message.objects.filter(hook=row.pk)
        room = MOST_WAITING - mine.filter(outcome__in=(Outcome.WAITING, Outcome.FAILED)).count()
        last = mine.order_by("-begun").values_list("place", flat=True).first()
        # Of the last place some may be left: a purge takes many things at once.
        self.through = max(self.through, row.since, -1 if last is None else last - 1)
        begun = 0
        while begun < room and (entries := self._next()):
            news = list(islice(_news(row, partner, entries), room - begun))
            _written(row, partner, news)
            begun += len(news)
            self.through = news[-1].place - 1 if begun >= room else entries[-1].sequence
        return begun

    def _next(self) -> list[Entry]:
        """The next entries that may be news."""
        kinds = {kind for source in notices.sources() for kind in source.kinds} | {MARKED, _PURGED}
        end = Head.objects.values_list("next_sequence", flat=True).first() or 0
        if self.through + 1 >= end:
            return []
        found = Entry.objects.filter(sequence__gt=self.through, kind__in=kinds, recipient="").order_by(
            "sequence"
        )
        some = list(found.only("sequence", "kind", "object_id")[:AT_ONCE])
        if not some:
            self.through = end - 1
        return some


def told_of(row: Hook, things: Iterable[UUID] | None = None) -> dict[UUID, str]:
    """What a partner was last told of things, or is about to be; of all that it was ever told of by default.

    What was dropped after an attempt counts: the receiver may have it.
    """
    rows = Message.objects.filter(hook=row.pk).exclude(outcome=Outcome.DROPPED, tried=False)
    if things is not None:
        rows = rows.filter(thing__in=list(things))
    return dict(rows.order_by("begun").values_list("thing", "event"))


def standing_of(source: Source, partner: Actor, things: Sequence[UUID]) -> dict[UUID, Notice]:
    """How things of a source stand for a partner; those that it may not know are not there."""
    found: dict[UUID, Notice] = {}
    for start in range(0, len(things), AT_ONCE):
        some = things[start : start + AT_ONCE]
        found |= {one.thing: one for one in source.tell(partner, some) if notices.may_be_told(one.marking)}
    return found


def _news(row: Hook, partner: Actor, entries: Sequence[Entry]) -> Iterable[_News]:
    """What of some entries is to be told, in order: how each thing stands now, where that was not told yet."""
    purged = any(one.kind == _PURGED for one in entries)
    told = told_of(row, None if purged else {one.object_id for one in entries})
    things = list({one.object_id for one in entries} | (told.keys() if purged else set()))
    now = {
        thing: notice
        for source in notices.sources()
        for thing, notice in standing_of(source, partner, things).items()
    }
    for entry in entries:
        for thing in sorted(told) if entry.kind == _PURGED else [entry.object_id]:
            if (notice := _to_tell(row, thing, now.get(thing), told.get(thing, ""))) is not None:
                told[thing] = notice.event
                yield _News(notice, entry.sequence)


def _to_tell(row: Hook, thing: UUID, now: Notice | None, told: str) -> Notice | None:
    """What is to be told of a thing, given how it stands and what was last told; None for nothing."""
    if now is None:
        return _recalled(thing, told) if told and not told.endswith(f".{RECALLED}") else None
    known = bool(told) and not told.endswith(f".{RECALLED}")
    if now.event == told or now.event not in row.events or not (now.news or known):
        return None
    return now


def _recalled(thing: UUID, told: str) -> Notice:
    """That a thing is not for the partner any more, which says nothing but that."""
    return Notice(thing, f"{told.partition('.')[0]}.{RECALLED}", Marking.own(authority()), {})


def _written(row: Hook, partner: Actor, news: Sequence[_News]) -> None:
    """Put messages on record, in one transaction."""
    append_many(
        [
            Draft(
                service.BEGUN,
                contents.Begun(row.pk.hex, one.event, one.thing.hex, place),
                uuid4(),
                one.marking,
            )
            for one, place in news
        ],
        partner,
    )
