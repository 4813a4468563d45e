"""Cases on somebody's behalf: all of them, one, and what belongs to one."""

from typing import TYPE_CHECKING
from uuid import UUID

from hanse.cases.models import Case, Happening
from hanse.kernel.actors import Actor

if TYPE_CHECKING:
    from django.db.models import QuerySet


def visible(actor: Actor, action: str = "cases.view") -> "QuerySet[Case]":
    """The cases with which an actor may do an action: those of the actor's teams."""
    return Case.objects.for_actor(actor, action).select_related("marking")


def case_for(actor: Actor, action: str, case_id: UUID) -> Case:
    """One case.

    Raises:
        NotVisibleError: There is none, or the actor may not do the action with it.
    """
    return Case.objects.get_for(actor, action, case_id)


def parts_of(case_id: UUID) -> list[UUID]:
    """Every object that belongs to a case and is still on record, the case itself left out; the caller loaded the case."""
    rows = Happening.objects.filter(case=case_id).exclude(object_id=case_id)
    return sorted(set(rows.values_list("object_id", flat=True)))
