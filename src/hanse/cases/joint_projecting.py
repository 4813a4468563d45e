"""How joint cases become rows: what this authority wrote, and what others sent, each proven by who signed it."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from hanse.cases.joint_entries import (
    CLOSING,
    JOINING,
    MEMBERS_LIMIT,
    OPENED,
    PER_DAY,
    SAID,
    SORTS,
    TEXT_LIMIT,
    TITLE_LIMIT,
    JointOpened,
    JointSaid,
)
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.federation.handlers import Arrived, own_id
from hanse.federation.models import Given, PassedOn
from hanse.kernel.actors import is_authority_id
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import TIERS, Marking
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Entry
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.policy.models import give_to_team, stored, team_of

_DAY_US: Final = 86_400_000_000


def joint_id(founder: str, there: UUID) -> UUID:
    """The own id of a joint case, from its founder and from how that names it."""
    return there if founder == authority() else own_id(founder, there)


def as_uuid(text: str) -> UUID:
    """An object as an entry names it.

    Raises:
        UsageError: It is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no object.") from None


def project_opened(recorded: Recorded, content: JointOpened) -> None:
    """This authority founded it; the copies that went to others say the same."""
    if not recorded.recipient:
        _open(recorded.object_id, authority(), recorded.object_id, content, recorded.marking, recorded.time_us,
              recorded.sequence)  # fmt: skip


def opened(here: Arrived, content: JointOpened) -> None:
    """A partner founded it."""
    _open(here.object_id, here.partner, here.there, content, here.marking, here.received_us, here.sequence)


def _open(
    pk: UUID, founder: str, there: UUID, content: JointOpened, marking: Marking, time_us: int, sequence: int
) -> None:
    members = [
        {"authority": one.authority, "name": one.name, "country": one.country, "tier": one.tier}
        for one in content.members
    ]
    JointCase.projected.create(
        object_id=pk, marking=stored(marking), team=team_of(pk), founder=founder, there=there, title=content.title,
        purpose=content.purpose, legal_basis=content.legal_basis, members=members, standing={founder: "joined"},
        opened_us=time_us, changed_us=time_us, sequence=sequence,
    )  # fmt: skip


def check_opened(here: Arrived, content: JointOpened) -> None:
    """Refuse a joint case that cannot be meant, or that another opens in its founder's name."""
    names = [one.authority for one in content.members]
    if here.via or names[:1] != [here.partner]:
        raise UsageError(f"{here.via or here.partner} opens a joint case that it does not found.")
    if authority() not in names or len(set(names)) != len(names) or len(names) > MEMBERS_LIMIT:
        raise UsageError(f"{here.partner} opens a joint case without saying rightly who takes part in it.")
    for one in content.members:
        if not is_authority_id(one.authority) or len(one.name) > TITLE_LIMIT or one.tier not in TIERS:
            raise UsageError(f"{here.partner} names somebody in a joint case who could not be an authority.")
    if not content.title.strip() or len(content.title) > TITLE_LIMIT:
        raise UsageError(f"{here.partner} opens a joint case without a title that could be shown.")
    if max(len(content.purpose), len(content.legal_basis)) > TEXT_LIMIT:
        raise UsageError(f"{here.partner} opens a joint case with more words than anybody reads.")
    if JointCase.projected.filter(pk=here.object_id).exists():
        raise UsageError(f"{here.partner} opens one joint case twice.")


def project_said(recorded: Recorded, content: JointSaid) -> None:
    """This authority said it; the copies that went to others say the same."""
    if not recorded.recipient:
        _say(
            recorded.object_id, authority(), recorded.object_id, content, recorded.time_us, recorded.sequence
        )


def said(here: Arrived, content: JointSaid) -> None:
    """Another member said it."""
    _say(here.object_id, here.partner, here.there, content, here.written_us, here.sequence)


def _say(pk: UUID, author: str, there: UUID, content: JointSaid, written_us: int, sequence: int) -> None:
    joint = joint_id(content.founder, as_uuid(content.joint))
    row = JointCase.projected.filter(pk=joint).first()
    if row is None:
        return  # the case was purged here
    about = as_uuid(content.about) if content.about else None
    values = {
        "joint": joint, "author": author, "there": there, "sort": content.sort, "text": content.text, "to": content.to,
        "due_us": content.due_us, "of": content.of, "about": about, "written_us": written_us, "sequence": sequence,
    }  # fmt: skip
    set_row(JointSaying.objects, pk, values)
    if content.sort in JOINING:
        row.standing = {**row.standing, author: content.sort}
    if content.sort in CLOSING:
        row.is_closed = content.sort == "closed"
    if row.team:
        give_to_team(entries_of([pk]), row.team, sequence)
    row.changed_us = max(row.changed_us, written_us)
    row.save(update_fields=["standing", "is_closed", "changed_us"])


def follow_marking(joint: UUID, sequence: int) -> None:
    """Let what was said in a joint case be known to its team alone, as the case is, once that was given to it.

    Args:
        joint: The case, whose row has the team.
        sequence: The entry that marks it.
    """
    said_ = list(JointSaying.objects.filter(joint=joint).values_list("pk", flat=True))
    team = JointCase.projected.values_list("team", flat=True).get(pk=joint)
    give_to_team(entries_of(said_), team, sequence)


def entries_of(sayings: Collection[UUID]) -> set[UUID]:
    """Under which objects sayings stand in the ledger: themselves, as they were passed round, and as they came round."""
    given = Given.objects.filter(thing__in=list(sayings)).values_list("shared", flat=True)
    passed = PassedOn.objects.filter(inner__in=list(sayings)).values_list("object_id", flat=True)
    return {*sayings, *given, *passed}


def check_said(here: Arrived, content: JointSaid) -> None:
    """Refuse what is said by who takes no part, by another way than the founder, or in a case that is not known here."""
    row = JointCase.projected.filter(pk=joint_id(content.founder, as_uuid(content.joint))).first()
    names = {one["authority"] for one in row.members} if row is not None else set()
    if row is None or here.partner not in names:
        raise UsageError(f"{here.partner} says something in a joint case that it has no part in here.")
    direct = here.partner == row.founder or row.founder == authority()
    if (here.via or row.founder) != row.founder or (not here.via and not direct):
        raise UsageError(f"What {here.partner} says in a joint case came by another way than {row.founder}.")
    if content.sort not in SORTS or (content.sort in CLOSING and here.partner != row.founder):
        raise UsageError(
            f"{here.partner} says {content.sort[:40]!r} in a joint case, which is not its to say."
        )
    # What its founder passes round it has checked; who joins and says something may come in one page.
    if not here.via and content.sort not in JOINING and row.standing.get(here.partner) != "joined":
        raise UsageError(f"{here.partner} says something in a joint case before it takes part in it.")
    if row.is_closed and content.sort not in CLOSING:
        raise UsageError(
            "That joint case is closed, and takes nothing in any more. Its founder can open it again."
        )
    if not here.via and said_enough(row, here.partner):
        raise UsageError(
            f"{here.partner} said {PER_DAY} things in that joint case within a day. Go on tomorrow."
        )
    if len(content.text) > TEXT_LIMIT or max(len(content.to), len(content.of)) > 128:
        raise UsageError(f"{here.partner} says more in a joint case than anybody reads.")
    if content.about:
        as_uuid(content.about)
    _check_new(here, content)


def _check_new(here: Arrived, content: JointSaid) -> None:
    """What was said stays as it was said: who thinks otherwise says so, and both stand there."""
    before = JointSaying.objects.filter(pk=here.object_id).first()
    if before is None:
        return
    about = UUID(content.about) if content.about else None
    same = (before.sort, before.text, before.to, before.due_us, before.of, before.about)
    if same != (content.sort, content.text, content.to, content.due_us, content.of, about):
        raise UsageError(
            f"{here.partner} says something else in place of what it said. Say the new thing beside the old one."
        )


def said_enough(row: JointCase, author: str) -> bool:
    """Whether an authority has said in a joint case what it may within 24 hours, by this node's clock."""
    said_ = JointSaying.objects.filter(joint=row.pk, author=author).order_by("-sequence")
    last = said_.values_list("sequence", flat=True)[PER_DAY - 1 : PER_DAY]
    return Entry.objects.filter(pk__in=list(last), time_us__gt=now_us() - _DAY_US).exists()


def forget_opened(object_id: UUID) -> None:
    """The case goes, with all that was said in it."""
    drop(JointCase.projected, object_id)
    drop(JointSaying.objects, object_id, "joint")


def forget_said(object_id: UUID) -> None:
    """What was said goes."""
    drop(JointSaying.objects, object_id)


KINDS = (
    Kind(OPENED, JointOpened, project_opened, forget_opened, sealed=True),
    Kind(SAID, JointSaid, project_said, forget_said, sealed=True),
)
