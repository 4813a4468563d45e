"""Named groups of partners to share with: one person makes one, two let somebody in, one takes somebody out.

A group is this authority's own: what leaves is addressed to each member alone, and none learns that there is a group,
or who else is in it.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID, uuid4

from hanse.accounts import approvals
from hanse.accounts.approvals import Approvable, Pending
from hanse.federation.contents import GroupSet
from hanse.federation.models import Group
from hanse.federation.partners import called, partner_of
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append, writing
from hanse.policy.asking import require

GROUP: Final = "federation.group"
SET: Final = "federation.group_set"
NAME_LIMIT: Final = 100


class UnknownGroupError(UsageError):
    """There is no such group."""

    status = 404


def group_of(group: UUID) -> Group:
    """The group of that id.

    Raises:
        UnknownGroupError: There is none, or it was dissolved.
    """
    row = Group.objects.filter(pk=group).first()
    if row is None:
        raise UnknownGroupError("There is no such group, or it was dissolved.")
    return row


def members_of(groups: Collection[str]) -> frozenset[str]:
    """The authorities of some groups, by the groups' ids in hexadecimal.

    Raises:
        UnknownGroupError: There is no such group.
    """
    try:
        rows = [group_of(UUID(one)) for one in sorted(groups)]
    except ValueError:
        raise UnknownGroupError("There is no such group, or it was dissolved.") from None
    return frozenset(name for row in rows for name in row.members)


def make(name: str, members: Collection[str], why: str, actor: Actor) -> UUID:
    """Make a group; its id. Nothing is shared by that.

    Raises:
        RefusedError: The actor may not share.
        UsageError: It has no name, or another's, or no members that are partners, or no reason is given.
    """
    require(actor, "federation.share")
    name, group = " ".join(name.split()), uuid4()
    if not name or len(name) > NAME_LIMIT:
        raise UsageError(f"Give the group a name of up to {NAME_LIMIT} characters.")
    with writing():
        if Group.objects.filter(name=name).exists():
            raise UsageError(f"There is a group called {name} already.")
        _write(group, name, _checked(members), why, actor)
    return group


def change(group: UUID, members: Collection[str], why: str, actor: Actor) -> UUID | None:
    """Say who is in a group: the proposal where somebody comes in, for rules may share with the group.

    Raises:
        RefusedError: The actor may not share.
        UsageError: As of `make`, or nothing changes.
    """
    require(actor, "federation.share")
    with writing():
        row = group_of(group)
        wanted = _checked(members)
        if wanted == sorted(row.members):
            raise UsageError("These are its members already.")
        if set(wanted) - set(row.members):
            subject = {"group": group.hex, "name": row.name, "from": sorted(row.members), "to": wanted}
            return approvals.propose(GROUP, subject, why, actor)
        _write(group, row.name, wanted, why, actor)
    return None


def dissolve(group: UUID, why: str, actor: Actor) -> None:
    """There is no such group any more; what was shared stays with those who have it.

    Raises:
        RefusedError: The actor may not share.
        UsageError: There is none, or no reason is given.
    """
    require(actor, "federation.share")
    with writing():
        row = group_of(group)
        _write(group, row.name, [], why, actor)


def _checked(members: Collection[str]) -> list[str]:
    if not members:
        raise UsageError("Choose who is in it.")
    return sorted({partner_of(one).authority for one in members})


def _write(group: UUID, name: str, members: list[str], why: str, actor: Actor, proposal: str = "") -> None:
    if not why.strip():
        raise UsageError("Say why, for whoever comes after you.")
    content = GroupSet(name=name, members=tuple(members), proposal=proposal)
    append(SET, content, actor=actor, reason=why.strip(), object_id=group)


def _let_in(pending: Pending, actor: Actor) -> str:
    told = pending.subject
    row = group_of(UUID(told["group"]))
    _write(row.pk, row.name, _checked(told["to"]), pending.why, actor, pending.id.hex)
    return ""


def _over(told: dict[str, Any]) -> str:
    row = Group.objects.filter(pk=UUID(told["group"])).first()
    if row is None:
        return "There is no such group any more."
    return "" if sorted(row.members) == told["from"] else "Its members changed since this was proposed."


def _words(told: dict[str, Any]) -> str:
    come, gone = sorted(set(told["to"]) - set(told["from"])), sorted(set(told["from"]) - set(told["to"]))
    out = f", and take {_named(gone)} out" if gone else ""
    return f"Let {_named(come)} into the group {told['name']}{out}."


def _named(members: Iterable[str]) -> str:
    return ", ".join(map(called, members))


def _project(recorded: Recorded, content: GroupSet) -> None:
    Group.objects.filter(pk=recorded.object_id).delete()
    if content.members:
        Group.objects.create(object_id=recorded.object_id, name=content.name, members=list(content.members))


APPROVAL = Approvable(
    GROUP, "federation.share", _words, _let_in, about=lambda told: [told["group"]], over=_over
)
KINDS = (Kind(SET, GroupSet, _project),)
