"""Which entries of the ledger an actor may know of: judged by their markings, as every other list is.

A thing that is marked anew more strictly takes its earlier entries with it: an entry is as strict as the strictest
of its own marking and all later ones of its object. Weakened, the newest version is for more people, and the earlier
ones stay as they were signed.
"""

from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef

from hanse.accounts.openings import opened_to
from hanse.kernel import envelope
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, strictest
from hanse.kernel.strict_json import loads
from hanse.ledger.kinds import known
from hanse.ledger.models import CarriedMarking, Entry
from hanse.policy.decision import Decision, Reason, Subject, may
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import NeedToKnow, team_of
from hanse.policy.roles import grant

if TYPE_CHECKING:
    from django.db.models import QuerySet

_OPENS: Final = frozenset({"ledger.read_body", "ledger.export"})
"""Actions that show the body of an entry."""


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
    rows = Entry.objects.filter(marking__range=(0, max(judged, default=-1))).exclude(marking__in=hidden)
    return _of_my_teams(_not_stricter_since(rows, hidden), actor, action)


def entry_for(actor: Actor, action: str, sequence: int) -> Entry:
    """One entry.

    Raises:
        NotVisibleError: There is none, or the actor may not know of it.
    """
    row = visible_entries(actor, action).filter(pk=sequence).first()
    if row is None or not judged(actor, action, row):
        raise NotVisibleError("There is no such entry, or you may not know of it.")
    return row


def judged(actor: Actor, action: str, row: Entry) -> Decision:
    """Whether an actor may do an action with an entry: by its marking and team, and by what its kind holds."""
    decision = may(actor, action, subject_of(row), now_us=now_us())
    kind = known(row.kind)
    if not decision or action not in _OPENS or kind is None or not kind.overseen:
        return decision
    if actor.kind == "system" or grant(actor.roles, action).oversight:
        return decision
    words = "It holds what is of all cases together, or what hides it: only who oversees reads it."
    return Decision(allowed=False, reasons=(Reason("overseen", words),))


def subject_of(row: Entry) -> Subject:
    """An entry as policy sees it: as strict as it and what was said later of its object, of that object's team."""
    own = Marking.from_json(envelope.decode(bytes(row.payload)).marking)
    later = Entry.objects.filter(object_id=row.object_id, recipient="", version__gt=row.version)
    texts = CarriedMarking.objects.filter(number__in=later.values("marking")).values_list("text", flat=True)
    markings = [Marking.from_json(loads(text.encode())) for text in texts]
    team = team_of(row.object_id)
    return Subject("entry", strictest([own, *markings]), team, opened_to=opened_to(row.object_id))


def _not_stricter_since(rows: "QuerySet[Entry]", hidden: list[int]) -> "QuerySet[Entry]":
    """Without entries of objects of which a later one is hidden: marked anew, or derived from something stricter.

    Each row asks the index of versions once, so that a page of a large ledger pays for its own rows alone.
    """
    if not hidden:
        return rows
    later = Entry.objects.filter(
        object_id=OuterRef("object_id"), recipient="", version__gt=OuterRef("version"), marking__in=hidden
    )
    return rows.exclude(Exists(later))


def _of_my_teams(rows: "QuerySet[Entry]", actor: Actor, action: str) -> "QuerySet[Entry]":
    """Without entries of objects of teams that the actor is not in; who oversees sees them all."""
    if actor.kind == "system" or grant(actor.roles, action).oversight:
        return rows
    others = NeedToKnow.objects.exclude(team__in=actor.teams)
    return rows.exclude(object_id__in=others.values("object_id")) if others.exists() else rows
