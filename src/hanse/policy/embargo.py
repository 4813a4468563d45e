"""Embargoes end at their hour: what was given to a team for that long alone is the authority's again.

From the hour on policy asks for no embargo any more (`decision.may`), on every node that has the thing. What its team
alone knew meanwhile is opened by an entry, so that whoever looks later finds when and why.
"""

from collections.abc import Iterator

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.policy.models import MarkedModel, NeedToKnow, StoredMarking, marked_models
from hanse.policy.service import mark


def hours() -> list[int]:
    """The hours of the embargoes of all markings on record, microseconds UTC."""
    found = (row.marking.embargo_us for row in _markings())
    return [hour for hour in found if hour is not None]


def open_due(actor: Actor) -> int:
    """Open what its team alone knew until an hour that is past; how many things.

    Args:
        actor: In whose name: the node's.
    """
    due = {row.pk: row for row in list(_due(now_us()))}
    for row in due.values():
        mark(row.pk, row.marking.marking, "", actor, "The embargo is over.")
    return len(due)


def _due(now: int) -> Iterator[MarkedModel]:
    over = [
        row.pk for row in _markings() if row.marking.embargo_us is not None and row.marking.embargo_us <= now
    ]
    if not over:
        return
    given = list(NeedToKnow.objects.values_list("pk", flat=True))
    for model in marked_models():
        if not model.team_stays:
            rows = model.projected.filter(pk__in=given, marking__in=over).exclude(team="")
            yield from rows.select_related("marking")


def _markings() -> list[StoredMarking]:
    return list(StoredMarking.objects.filter(text__contains='"embargo_us":'))
