"""Use cases of a case itself: opening it, how it stands, until when it is kept. Its parts are in `working`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from hanse.accounts import service as accounts
from hanse.accounts.models import Membership, Person, Team
from hanse.cases import court_entries, evidence_entries, joint_projecting, models, projecting, subject_entries
from hanse.cases.choosing import case_for, parts_of, visible
from hanse.cases.contents import (
    Details,
    LinkMade,
    NoteWritten,
    PartRemoved,
    PersonSaid,
    SelectorAdded,
    StatusSet,
    TaskDone,
    TaskSet,
)
from hanse.cases.evidence_models import Evidence
from hanse.cases.words import CLOSED, STATES, line, lines
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp, is_at_least
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import require
from hanse.policy.service import MARKED, Marked

if TYPE_CHECKING:
    from django.db.models import QuerySet

DAY_US = 86_400_000_000

SOONEST_US = 7 * DAY_US
"""A case is kept for a week at least once somebody has set the date, so that nobody purges it unnoticed."""

LONGEST_US = 3_653 * DAY_US
"""Ten years: who needs a case for longer decides so again when it is reviewed."""


class ClosedError(UsageError):
    """The case is closed."""

    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a case says of itself, as somebody types it; fields as of `contents.Details`.

    Attributes:
        title: What it is called.
        legal_basis: The law that it rests on.
        purpose: What it is for.
        review_us: When somebody has to decide whether it goes on, microseconds UTC.
        authority: Who leads it; this authority by default.
        reference: The authority's own file number; may be empty.
        owner: Who leads it, one of its team; who opens it by default.
    """

    title: str
    legal_basis: str
    purpose: str
    review_us: int
    authority: str = ""
    reference: str = ""
    owner: UUID | None = None


def open_case(
    said: Said, retention_us: int, actor: Actor, *, team: UUID | None = None, new_team: str = "",
    marking: Marking | None = None,
) -> UUID:  # fmt: skip
    """Open a case for one of the actor's teams, or for a new one in which only the actor is; the case's id.

    Args:
        said: What it says of itself.
        retention_us: When it purges itself, microseconds UTC.
        actor: Who opens it.
        team: A team that the actor is in.
        new_team: Name of a team to be made.
        marking: Of the case and all its parts; TLP:AMBER+STRICT by default. The date goes into it.

    Raises:
        RefusedError: The actor may not.
        UsageError: Something is missing or wrong, or there is no such team.
    """
    require(actor, "cases.open")
    _check(said)
    _check_dates(said.review_us, retention_us)
    own = marking or replace(Marking.own(authority()), tlp=Tlp.AMBER_STRICT)
    with writing():
        one = _team(team, new_team, actor)
        content = _details(said, one, said.owner or UUID(actor.id))
        marked = replace(own, retention_us=retention_us)
        return append("cases.opened", content, actor=actor, object_id=uuid4(), marking=marked).object_id


def change(case_id: UUID, said: Said, actor: Actor, reason: str = "") -> None:
    """Let a case say something else of itself; saying the same writes nothing.

    Raises:
        NotVisibleError: There is no such case for the actor.
        ClosedError: It is closed.
        UsageError: Something is missing or wrong.
    """
    with writing():
        row = open_for(actor, case_id)
        _check(said)
        if said.review_us != row.review_us:
            _check_dates(said.review_us, row.retention_us)
        content = _details(said, row.team, said.owner or row.owner)
        if content != _details_of(row):
            _append(row, "cases.changed", content, actor, line(reason))


def set_status(case_id: UUID, status: str, reason: str, actor: Actor) -> None:
    """Suspend, close or reopen a case.

    Raises:
        NotVisibleError: There is no such case for the actor.
        UsageError: There is no such state, it stands so already, or no reason is given.
    """
    if status not in STATES:
        raise UsageError(f"There is no state {status[:40]!r}. It is one of {', '.join(STATES)}.")
    if not reason.strip():
        raise UsageError("Say why: it is kept with the case.")
    with writing():
        row = case_for(actor, "cases.edit", case_id)
        if row.status == status:
            raise UsageError(f"The case is {STATES[status].lower()} already.")
        _append(row, "cases.status_set", StatusSet(status=status, team=row.team), actor, line(reason))


def keep(
    case_id: UUID,
    retention_us: int,
    review_us: int,
    reason: str,
    actor: Actor,
    marking: Marking | None = None,
) -> None:
    """Say until when a case is kept, and when that is reviewed; every part of it follows.

    Args:
        case_id: The case.
        retention_us: When it purges itself, microseconds UTC.
        review_us: When somebody has to decide again, microseconds UTC.
        reason: Why.
        actor: Who decides.
        marking: A stricter marking from now on; the one that it has by default.

    Raises:
        NotVisibleError: There is no such case for the actor.
        RefusedError: The actor may not, or did not prove a passkey.
        UsageError: A date is too near, too far or not in order, no reason is given, or the marking would be weaker.
    """
    if not reason.strip():
        raise UsageError("Say why: the law asks for it, and who reviews it next will.")
    require(actor, "cases.keep")
    with writing():
        row = case_for(actor, "cases.keep", case_id)
        _check_dates(review_us, retention_us)
        old = row.marking.marking
        new = replace(marking or old, retention_us=retention_us, originators=old.originators)
        if not is_at_least(replace(new, retention_us=None), replace(old, retention_us=None)):
            raise UsageError("A case cannot be marked weaker here: more people would come to know it.")
        _mark(row, new, replace_review(row, review_us), reason, actor)


def mark(row: models.Case, marking: Marking, team: str, reason: str, actor: Actor) -> None:
    """Give a case and every part of it another marking and team; the console has decided that the actor may.

    Args:
        row: The case.
        marking: Of the case from now on.
        team: Id of its team from now on.
        reason: Why.
        actor: Who marks it, or who approved it.
    """
    said = _details_of(row)
    content = Details(**{name: getattr(said, name) for name in said.__struct_fields__} | {"team": team})
    with writing():
        _mark(row, marking, content, reason, actor)


def open_for(actor: Actor, case_id: UUID) -> models.Case:
    """A case that the actor may work on and that takes something in.

    Raises:
        NotVisibleError: There is none for the actor.
        ClosedError: It is closed.
    """
    row = case_for(actor, "cases.edit", case_id)
    if row.status == CLOSED:
        raise ClosedError("The case is closed. Reopen it first.")
    return row


def due_for_review(actor: Actor) -> "QuerySet[models.Case]":
    """The cases that the actor may work on, are not closed, and whose review is due."""
    return visible(actor, "cases.edit").filter(review_us__lte=now_us()).exclude(status=CLOSED)


def members(team: str) -> list[Person]:
    """The people of a team, by name."""
    ids = Membership.objects.filter(team=UUID(team)).values("person")
    return list(Person.objects.filter(pk__in=ids).order_by("name", "pk"))


def teams_of(actor: Actor) -> list[Team]:
    """The teams for which an actor can open a case."""
    ids = [UUID(one) for one in actor.teams if _is_id(one)]
    return list(Team.objects.filter(pk__in=ids, closed=False).order_by("name"))


def replace_review(row: models.Case, review_us: int) -> Details:
    """What a case says of itself, with another date of review."""
    said = _details_of(row)
    return Details(
        **{name: getattr(said, name) for name in said.__struct_fields__} | {"review_us": review_us}
    )


def _mark(row: models.Case, marking: Marking, content: Details, reason: str, actor: Actor) -> None:
    """The case's next version; each part follows, and stays as strict as it was where it has a marking of its own."""
    append("cases.changed", content, actor=actor, reason=line(reason), object_id=row.pk, marking=marking)
    pieces = set(Evidence.projected.filter(case=row.pk).values_list("pk", flat=True))
    drafts = [
        Draft(MARKED, Marked(content.team), part,
              evidence_entries.marking_of(part, marking) if part in pieces else marking)
        for part in parts_of(row.pk)
    ]  # fmt: skip
    append_many(drafts, actor)


def _append(row: models.Case, kind: str, content: Details | StatusSet, actor: Actor, reason: str) -> None:
    append(kind, content, actor=actor, reason=reason, object_id=row.pk, marking=row.marking.marking)


def _details(said: Said, team: str, owner: UUID) -> Details:
    return Details(
        title=line(said.title), reference=line(said.reference), legal_basis=lines(said.legal_basis),
        authority=line(said.authority) or authority(), purpose=lines(said.purpose), owner=owner.hex, team=team,
        review_us=said.review_us,
    )  # fmt: skip


def _details_of(row: models.Case) -> Details:
    return Details(
        title=row.title, reference=row.reference, authority=row.authority, legal_basis=row.legal_basis,
        purpose=row.purpose, owner=row.owner.hex, team=row.team, review_us=row.review_us,
    )  # fmt: skip


def _check(said: Said) -> None:
    """Refuse a case that does not say what the law asks of it.

    Raises:
        UsageError: It does not.
    """
    needed = (("title", said.title), ("legal basis", said.legal_basis), ("purpose", said.purpose))
    if missing := [name for name, text in needed if not text.strip()]:
        raise UsageError(f"A case needs a {' and a '.join(missing)}. Give what is missing.")


def _check_dates(review_us: int, retention_us: int | None) -> None:
    """Refuse dates that are past, too far, or in the wrong order.

    Raises:
        UsageError: They are.
    """
    now = now_us()
    if retention_us is not None and not now + SOONEST_US <= retention_us <= now + LONGEST_US:
        raise UsageError(
            "A case is kept for at least seven days and at most ten years from now. Choose a date between."
        )
    if review_us <= now:
        raise UsageError("The review is in the past. Choose a day that is still to come.")
    if retention_us is not None and review_us > retention_us:
        raise UsageError("The review comes after the case has purged itself. Choose an earlier day.")


def _team(team: UUID | None, new_team: str, actor: Actor) -> str:
    """Id of the team that a case is opened for.

    Raises:
        UsageError: None is chosen, or the actor is not in it.
    """
    if team is not None and new_team.strip():
        raise UsageError("Choose a team or name a new one, not both.")
    if new_team.strip():
        return accounts.found_team(new_team, actor).hex
    if team is None or team.hex not in {one.pk.hex for one in teams_of(actor)}:
        raise UsageError(
            "A case always has a team that may know it. Choose one that you are in, or name a new one."
        )
    return team.hex


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


KINDS: Iterable[Kind] = (
    Kind("cases.opened", Details, projecting.details, projecting.forget, sealed=True),
    Kind("cases.changed", Details, projecting.details, sealed=True),
    Kind("cases.status_set", StatusSet, projecting.status_set, sealed=True),
    Kind("cases.person_said", PersonSaid, projecting.person_said, sealed=True),
    Kind(
        "cases.selector_added",
        SelectorAdded,
        projecting.selector_added,
        sealed=True,
        project_many=projecting.selectors_added,
    ),
    Kind("cases.task_set", TaskSet, projecting.task_set, sealed=True),
    Kind("cases.task_done", TaskDone, projecting.task_done, sealed=True),
    Kind("cases.note_written", NoteWritten, projecting.note_written, sealed=True),
    Kind("cases.link_made", LinkMade, projecting.link_made, sealed=True),
    Kind("cases.part_removed", PartRemoved, projecting.part_removed, sealed=True),
    *joint_projecting.KINDS,
    *evidence_entries.KINDS,
    *court_entries.KINDS,
    *subject_entries.KINDS,
)
