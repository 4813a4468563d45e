"""What others put under an embargo and nobody named a team for: it waits for those who may mark.

Until its hour such a thing is seen by them alone, and by nobody who is to act on it: it came for named people, whom one
of them gives it to. Here stands what its marking says, and nothing of what the thing says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.console.marking import PAGES, sort_of
from hanse.intel.models import Holding, Item
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.ledger.plain import number
from hanse.policy import embargo
from hanse.policy.roles import grant
from hanse.web.frame import Waiting

MOST: Final = 200
"""Things that are told of; how many more there are is counted."""

SORTS: Final = {
    "attack": gettext_lazy("Attack"),
    "partnerattack": gettext_lazy("Partner's attack"),
    "campaign": gettext_lazy("Campaign"),
    "item": gettext_lazy("Intelligence"),
    "batch": gettext_lazy("Import of intelligence"),
    "case": gettext_lazy("Case"),
    "jointcase": gettext_lazy("Joint case"),
}
"""What a thing is, in words, by `marking.sort_of`."""


_ANY: Final = "SELECT count(*) FROM policy_storedmarking WHERE text LIKE %s"


@dataclass(frozen=True, slots=True)
class Embargoed:
    """A thing under an embargo that was given to no team yet.

    Attributes:
        object_id: The thing.
        sort: What it is, one of `SORTS`.
        marking: Its marking.
        url: Its page.
    """

    object_id: UUID
    sort: str
    marking: Marking
    url: str

    @property
    def originators(self) -> tuple[str, ...]:
        """Ids of the authorities that it comes from."""
        return tuple(sorted(self.marking.originators))

    @property
    def whom(self) -> tuple[str, ...]:
        """For whom it is, in the words of who put it under the embargo."""
        return tuple(sorted(self.marking.embargo_for))

    @property
    def until_us(self) -> int:
        """Its hour, microseconds UTC."""
        return self.marking.embargo_us or 0


def waits(actor: Actor) -> Waiting | None:
    """How many things wait for a team that the actor could give them to; None for who may not mark."""
    if not _may_name(actor) or not number(_ANY, ['%"embargo_us":%']):
        return None
    return Waiting(
        str(_("Under an embargo, for you to give to a team")), count(actor), reverse_lazy("console:embargoes")
    )


def count(actor: Actor) -> int:
    """How many things wait for a team that the actor could give them to."""
    return sum(_number(rows) for rows in _waiting(actor))


def without_team(actor: Actor) -> list[Embargoed]:
    """What waits for a team that the actor could give it to, at most `MOST`, what opens first first."""
    found = [one for rows in _waiting(actor) for one in _told(rows)]
    return sorted(found, key=lambda one: (one.until_us, one.object_id))[:MOST]


def _may_name(actor: Actor) -> bool:
    """Whether policy lets the actor see such a thing to give it to a team; the passkey is asked for when they do."""
    return bool(grant(actor.roles, "policy.mark").role)


def _waiting(actor: Actor) -> Iterator["QuerySet[Any]"]:
    """The rows of each sort that the actor may see; of items their holdings, for there may be millions."""
    if not _may_name(actor):
        return
    own = frozenset({authority()})
    markings = [row.pk for row in embargo.ahead() if row.marking.originators != own]
    if not markings:
        return
    for model, (action, _page) in PAGES.items():
        counted: Any = Holding if model is Item else model
        waits_here = {"team": "", "marking__in": markings}
        if counted.projected.filter(**waits_here).exists():
            yield counted.objects.for_actor(actor, action).filter(**waits_here)


def _number(rows: "QuerySet[Any]") -> int:
    if rows.model is Holding:
        return rows.aggregate(items=Sum("items"))["items"] or 0
    return rows.count()


def _told(rows: "QuerySet[Any]") -> Iterator[Embargoed]:
    """The first of some rows."""
    if rows.model is Holding:
        held = list(rows.values_list("pk", "marking"))
        rows = Item.under_embargo(marking for _, marking in held).filter(holding__in=[pk for pk, _ in held])
        rows = rows.order_by("-number")
    _action, page = PAGES[rows.model]
    for row in islice(rows.select_related("marking"), MOST):
        yield Embargoed(row.pk, sort_of(row), row.marking.marking, reverse(page, args=[row.pk]))
