"""Which entries of the ledger an actor may know of: judged by their markings, as every other list is."""

from typing import TYPE_CHECKING

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import loads
from hanse.ledger.models import CarriedMarking, Entry
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import NotVisibleError

if TYPE_CHECKING:
    from django.db.models import QuerySet


def visible_entries(actor: Actor, action: str) -> "QuerySet[Entry]":
    """The entries with which an actor may do an action; each distinct marking is judged once.

    Mostly all are visible, so what is hidden is named, not what is seen. A marking that is new since it was read
    which there are has a higher number than all of these, and is not judged: it is not seen either.
    """
    now = now_us()
    used = CarriedMarking.objects.values_list("number", "text")
    judged = {
        number: bool(
            may(actor, action, Subject("entry", Marking.from_json(loads(text.encode()))), now_us=now)
        )
        for number, text in used
    }
    hidden = [number for number, visible in judged.items() if not visible]
    return Entry.objects.filter(marking__range=(0, max(judged, default=-1))).exclude(marking__in=hidden)


def entry_for(actor: Actor, action: str, sequence: int) -> Entry:
    """One entry.

    Raises:
        NotVisibleError: There is none, or the actor may not know of it.
    """
    row = visible_entries(actor, action).filter(pk=sequence).first()
    if row is None:
        raise NotVisibleError("There is no such entry, or you may not know of it.")
    return row
