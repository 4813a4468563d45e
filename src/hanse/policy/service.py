"""Marking anew: one entry of the object, which the rows of every room follow.

The marking itself is in the envelope, so that it is signed and searched as every other. The body says to which team
the object belongs and who proposed it. Who may do it, and when it takes two people, says `hanse.console.marking`.
"""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import msgspec

from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import append, writing
from hanse.policy.models import NeedToKnow, marked_models, stored

MARKED = "policy.marked"
"""The kind's name."""


_AT_ONCE = 500
"""Objects of one statement."""


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
    with writing():
        recorded = append(MARKED, content, actor=actor, reason=reason, object_id=object_id, marking=marking)
        for follow in _follow:
            follow(object_id, marking, team, actor, reason)
    return recorded


_follow: list[Callable[[UUID, Marking, str, Actor, str], None]] = []


def after_marking(follow: Callable[[UUID, Marking, str, Actor, str], None]) -> None:
    """Have something done once a thing is marked anew, in the same transaction: copies elsewhere follow it."""
    if follow not in _follow:
        _follow.append(follow)


def _project_many(entries: Sequence[tuple[Recorded, Marked]]) -> None:
    """Every row of the objects has the marking and the team; rows that come later ask `policy.models.team_of`.

    Of several entries of one object the last counts, and every marking is stored, as if they were projected one by
    one.
    """
    rows = {mark: stored(mark) for mark in {recorded.marking for recorded, _ in entries}}
    last = {recorded.object_id: (recorded, content) for recorded, content in entries}
    alike: dict[tuple[Marking, str], list[UUID]] = {}
    for object_id, (recorded, content) in last.items():
        alike.setdefault((recorded.marking, content.team), []).append(object_id)
    for (mark, team), ids in alike.items():
        for some in _chunks(ids):
            for model in marked_models():
                found = model.projected.filter(pk__in=some)
                if found.update(marking=rows[mark], team=team) and "follow_marking" in vars(model):
                    for object_id in list(found.values_list("pk", flat=True)):
                        model.follow_marking(object_id, last[object_id][0].sequence)
    for some in _chunks(list(last)):
        NeedToKnow.objects.filter(pk__in=some).delete()
    NeedToKnow.objects.bulk_create(
        NeedToKnow(object_id=object_id, team=content.team, sequence=recorded.sequence)
        for object_id, (recorded, content) in last.items()
        if content.team
    )


def _project(recorded: Recorded, content: Marked) -> None:
    _project_many([(recorded, content)])


def _chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for at in range(0, len(ids), _AT_ONCE):
        yield ids[at : at + _AT_ONCE]


def _forget(object_id: UUID) -> None:
    drop(NeedToKnow.objects, object_id)


KINDS = (Kind(MARKED, Marked, _project, _forget, project_many=_project_many),)
