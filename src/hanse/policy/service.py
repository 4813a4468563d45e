"""Marking anew: one entry of the object, which the rows of every room follow.

The marking itself is in the envelope, so that it is signed and searched as every other. The body says to which team
the object belongs and who proposed it. Who may do it, and when it takes two people, says `hanse.console.marking`.
"""

from uuid import UUID

import msgspec

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append
from hanse.policy.models import NeedToKnow, marked_models, stored

MARKED = "policy.marked"
"""The kind's name."""


class Marked(msgspec.Struct, frozen=True):
    """A thing has the marking of this entry from now on; the object is the thing.

    Attributes:
        team: Id of the need-to-know team that it belongs to; empty for none.
        proposal: Id of what two people decided; empty where one was enough.
    """

    team: str = ""
    proposal: str = ""


def mark(
    object_id: UUID, marking: Marking, team: str, actor: Actor, reason: str, proposal: str = ""
) -> Recorded:
    """Write the next version of an object, with another marking and the same content.

    Args:
        object_id: The object.
        marking: Its marking from now on.
        team: Id of its team from now on; empty for none.
        actor: Who marks it, or who approved it.
        reason: Why.
        proposal: Id of what two people decided, hexadecimal.
    """
    content = Marked(team, proposal)
    return append(MARKED, content, actor=actor, reason=reason, object_id=object_id, marking=marking)


def _project(recorded: Recorded, content: Marked) -> None:
    """Every row of the object has the marking and the team; rows that come later ask `policy.models.team_of`."""
    marking = stored(recorded.marking)
    for model in marked_models():
        if model.projected.filter(pk=recorded.object_id).update(marking=marking, team=content.team):
            model.follow_marking(recorded.object_id)
    _forget(recorded.object_id)
    if content.team:
        NeedToKnow.objects.create(object_id=recorded.object_id, team=content.team, sequence=recorded.sequence)


def _forget(object_id: UUID) -> None:
    NeedToKnow.objects.filter(pk=object_id).delete()


KINDS = (Kind(MARKED, Marked, _project, _forget),)
