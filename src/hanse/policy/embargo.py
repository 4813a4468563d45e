"""Embargoes end at their hour: what was given to a team for that long alone is the authority's again.

From the hour on policy asks for no embargo any more (`decision.may`), on every node that has the thing. It is opened
by an entry as well: what its team alone knew meanwhile, and what partners without a node are told of as news. So
whoever looks later finds when and why, and who asks what is new gets it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from django.db.models import OuterRef, Subquery

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import MarkingError
from hanse.ledger.models import Entry
from hanse.policy.models import MarkedModel, NeedToKnow, StoredMarking, marked_models
from hanse.policy.service import mark

AT_ONCE: Final = 500
"""Things that are opened in one look; the others follow in the next ones."""


def hours() -> list[int]:
    """The hours of the embargoes of all markings on record, microseconds UTC."""
    return [hour for _, hour in _embargoes()]


def ahead() -> list[StoredMarking]:
    """The markings on record with an embargo whose hour has not come."""
    now = now_us()
    return [row for row, hour in _embargoes() if now < hour]


def open_due(actor: Actor) -> int:
    """Open what was under an embargo until an hour that is past; how many things.

    Args:
        actor: In whose name: the node's.
    """
    due = {row.pk: (row, goes) for row, goes in islice(_due(now_us()), AT_ONCE)}
    for row, goes in due.values():
        marking, team = row.marking.marking, "" if _was_given_until(row) else row.team
        if goes:
            marking = replace(marking, embargo_us=None, embargo_for=frozenset())
        mark(row.pk, marking, team, actor, "The embargo is over.")
    return len(due)


def _due(now: int) -> Iterator[tuple[MarkedModel, bool]]:
    """What is to be opened, each with whether its marking says no more of the embargo from then on."""
    over = {row.pk: hour for row, hour in _embargoes() if hour <= now}
    if not over:
        return
    for model in marked_models():
        if model.team_stays:
            continue
        rows = model.under_embargo(over).select_related("marking")
        yield from ((row, True) for row in rows.filter(model.embargo_goes)[:AT_ONCE])
        stay = rows.exclude(model.embargo_goes).exclude(team="").annotate(given_us=Subquery(_GIVEN_US))
        told = stay.values_list("pk", "marking_id", "given_us")
        due = [pk for pk, marking, given in told.iterator() if given is not None and given < over[marking]]
        yield from ((row, False) for row in rows.filter(pk__in=due[:AT_ONCE]))


_GIVEN_US: Final = Entry.objects.filter(
    pk=Subquery(NeedToKnow.objects.filter(pk=OuterRef(OuterRef("pk"))).values("sequence")[:1])
).values("time_us")[:1]
"""When somebody here gave a thing to its team; of all that keep an embargo with their marking it is asked at once."""


def _was_given_until(row: MarkedModel) -> bool:
    """Whether a thing was given to its team before the hour of its embargo: one that came later is no part of it.

    Nor is the team that the thing came with, such as its feed's: nobody here gave it to that one.
    """
    given = NeedToKnow.objects.filter(pk=row.pk).values("sequence")
    said = Entry.objects.filter(pk__in=given).values_list("time_us", flat=True).first()
    hour = row.marking.marking.embargo_us
    return said is not None and hour is not None and said < hour


def _embargoes() -> Iterator[tuple[StoredMarking, int]]:
    """The markings of things under an embargo, each with its hour. One that was altered is left to the check of rows."""
    for row in StoredMarking.objects.filter(text__contains='"embargo_us":'):
        with suppress(MarkingError):
            hour = row.marking.embargo_us
            if hour is not None:
                yield row, hour
