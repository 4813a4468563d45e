"""What of cases waits for somebody: reviews that are due, and tasks of theirs that are overdue."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.cases.choosing import visible
from hanse.cases.models import JointCase, Task
from hanse.cases.service import due_for_review
from hanse.cases.words import CLOSED
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.identity import authority
from hanse.policy.decision import may
from hanse.web.frame import Waiting


def reviews(actor: Actor) -> Waiting | None:
    """Cases of the actor's teams whose review is due; None for who works on no cases."""
    if not actor.teams or not may(actor, "cases.edit", now_us=now_us()):
        return None
    return Waiting(
        str(_("Cases to review")), due_for_review(actor).count(), f"{reverse('cases:list')}?review=due"
    )


def tasks(actor: Actor) -> Waiting | None:
    """The actor's own tasks that are overdue; None for who works on no cases."""
    if not actor.teams or actor.kind != "person" or not may(actor, "cases.edit", now_us=now_us()):
        return None
    mine = Task.objects.filter(owner=UUID(actor.id), done_us__isnull=True, due_us__lt=now_us())
    cases = visible(actor, "cases.edit").exclude(status=CLOSED)
    late = mine.filter(case__in=cases.values("pk")).count()
    return Waiting(str(_("Overdue tasks")), late, f"{reverse('cases:list')}?task=overdue")


def joint(actor: Actor) -> Waiting | None:
    """Joint cases that this authority is asked to take part in; None for who works on none."""
    if not may(actor, "cases.joint", now_us=now_us()):
        return None
    rows = JointCase.objects.for_actor(actor, "cases.joint").filter(is_closed=False)
    asked = sum(authority() not in standing for standing in rows.values_list("standing", flat=True))
    return Waiting(str(_("Joint cases that ask for you")), asked, reverse("cases:joints"))
