"""The two-person rule, for every room: one person proposes, another one approves, and only then it happens.

Whoever gets something by it, such as a role, is not the other one. About one thing one proposal waits at a time: of two
that say different things, the one that is approved last would hold, whatever those who approved the first had read.

What can be proposed is registered once per process by the composition root, as kinds are. Deciding reads the
signed entry of the proposal, never its row: who changes the row changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connections
from django.urls import reverse
from django.utils.translation import gettext_lazy

from hanse.accounts import contents
from hanse.accounts.models import Proposal
from hanse.accounts.proof import histories
from hanse.accounts.rules import UnknownPersonError, ask, refuse
from hanse.accounts.who import person_actor
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.units import minute
from hanse.ledger.plain import number
from hanse.ledger.routing import database
from hanse.ledger.writing import append, writing
from hanse.policy.asking import may_begin
from hanse.policy.decision import Subject, may

EXPIRES_US = 7 * 86_400 * 1_000_000
"""A proposal waits seven days: a week's holiday, not a forgotten drawer."""


class ProposalOverError(UsageError):
    """The proposal was decided already, or is too old."""

    status = 409


class ProposedAlreadyError(HanseError):
    """A proposal about the same waits for a second person already.

    Attributes:
        proposal: Its id.
        there: Address of the page that shows it.
    """

    status = 409
    title = gettext_lazy("Proposed already")

    def __init__(self, words: str, proposal: UUID) -> None:
        super().__init__(words)
        self.proposal = proposal

    @property
    def there(self) -> str:
        """Address of the page that shows it."""
        return f"{reverse('accounts:approvals')}?proposal={self.proposal}"


class ChangedSinceError(UsageError):
    """What was proposed is about something that is no longer as it was then: nobody approves it any more."""

    status = 409


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal as its signed entry says it.

    Attributes:
        id: Its UUID.
        action: What is to happen.
        subject: With what.
        why: The proposer's reason.
        proposed_by: Id of the proposer.
        proposed_name: Their name as it was then.
        expires_us: Until when it can be approved, microseconds UTC.
        proposed_as: What the proposer is: ``person``, ``token`` or ``system``.
    """

    id: UUID
    action: str
    subject: dict[str, Any]
    why: str
    proposed_by: str
    proposed_name: str
    expires_us: int
    proposed_as: str

    @property
    def person(self) -> str:
        """Id of the person to whom it gives something; empty where it gives nobody anything."""
        return str(self.subject.get("person", ""))


@dataclass(frozen=True, slots=True)
class Approvable:
    """Something that takes two people.

    Attributes:
        action: Its name, such as ``accounts.grant_role``.
        proposed_with: The action of policy that the proposer needs.
        words: What will happen, in a sentence, from the subject; the approver reads it.
        execute: Does it, in the transaction of the approval; gets the proposal and the approver. What it returns
            is shown to the approver once and kept nowhere.
        where: Address of what it is about, from the subject; None where there is nothing to look at.
        once: What the approver reads beside what `execute` returns; empty where that is a one-time link for a person.
        before: What the approver has to know or ask before, in a sentence, from the subject, as long as it is open.
        about: What it decides on, from the subject, in texts: while a proposal about one of them waits, no other one is
            made. By default that is the whole subject.
        over: Why it can no longer be approved, from the subject, in a sentence: what it is about has changed since. Empty while
            it can. Such a proposal gives way to the next one.
        asks: What policy is asked about for the proposer again when it is approved, with `proposed_with`, from the subject: as
            it is marked then, and of the team that knows it then. Nothing where the role says all.
        ahead: Works out what `execute` takes and what takes long, from the subject, before the ledger is locked, and holds
            it until it is over.
    """

    action: str
    proposed_with: str
    words: Callable[[dict[str, Any]], str]
    execute: Callable[[Pending, Actor], str]
    where: Callable[[dict[str, Any]], str] | None = None
    once: str = ""
    before: Callable[[dict[str, Any]], str] | None = None
    about: Callable[[dict[str, Any]], Iterable[str]] | None = None
    over: Callable[[dict[str, Any]], str] = lambda _subject: ""
    asks: Callable[[dict[str, Any]], Iterable[Subject]] = lambda _subject: ()
    ahead: Callable[[dict[str, Any]], AbstractContextManager[None]] = lambda _subject: nullcontext()

    def decides_on(self, subject: dict[str, Any]) -> frozenset[str]:
        """What a proposal of this kind with that subject decides on."""
        return frozenset(self.about(subject) if self.about else [json.dumps(subject, sort_keys=True)])


_known: dict[str, Approvable] = {}


def register(approvables: Iterable[Approvable]) -> None:
    """Make known what can be proposed.

    Raises:
        HanseError: Something else of that name is registered already.
    """
    for one in approvables:
        if _known.setdefault(one.action, one) != one:
            raise HanseError(f"Two approvals are called {one.action}. Rename one.")


def propose(action: str, subject: dict[str, Any], why: str, actor: Actor) -> UUID:
    """Propose what takes two people; the proposal's id.

    Args:
        action: A registered action.
        subject: With what, as JSON values; ``person`` is the id of whom it gives something.
        why: The reason, which the approver reads.
        actor: Who proposes.

    Raises:
        UsageError: There is no such action, or no reason was given.
        ProposedAlreadyError: Something about the same waits for a second person.
        RefusedError: The actor may not propose it.
    """
    approvable = _approvable(action)
    ask(actor, approvable.proposed_with)
    if not why.strip():
        raise UsageError("Say why: another person has to decide on it.")
    proposal = uuid4()
    content = contents.Proposed(action, subject, now_us() + EXPIRES_US)
    with writing():  # of two who propose the same at once, the second one finds the first
        _check_first(approvable, subject, actor)
        append("accounts.proposed", content, actor=actor, reason=why.strip(), object_id=proposal)
    return proposal


def _check_first(approvable: Approvable, subject: dict[str, Any], actor: Actor) -> None:
    """Refuse what would be the second open proposal about one thing; a first one that nobody can approve gives way to it."""
    wanted = approvable.decides_on(subject)
    rows = Proposal.objects.filter(action=approvable.action, state="open", expires_us__gt=now_us())
    for row in rows.order_by("proposed_us"):
        with suppress(UsageError):  # a row that was put in by SQL hinders nobody
            first = pending(row.pk)
            if first.action == approvable.action and wanted & approvable.decides_on(first.subject):
                if why := approvable.over(first.subject) or _proposer_over(first, approvable):
                    why = f"{why} Another proposal takes its place."
                    append(
                        "accounts.withdrawn", contents.Decided(), actor=actor, object_id=row.pk, reason=why
                    )
                    continue
                words = approvable.words(first.subject).rstrip(".")
                raise ProposedAlreadyError(
                    f"{first.proposed_name} proposed something about the same, and it waits for another person until "
                    f"{minute(first.expires_us)}: {words}. Have it approved, refused or taken back first.",
                    row.pk,
                )


def approve(proposal: UUID, actor: Actor) -> str:
    """Approve a proposal of somebody else and do what it says; what the approver is shown once, often nothing.

    Raises:
        UnknownPersonError: There is no such proposal.
        ProposalOverError: It is decided or too old.
        RefusedError: It is the actor's own, or gives them something; the actor is no approver, or did not prove a
            passkey; or the proposer could not propose it any more.
        ChangedSinceError: What it is about has changed since.
    """
    asked = _for_approval(proposal, actor)
    locked = connections[database()].in_atomic_block  # then who locked it worked it out, by `ahead_of`
    with nullcontext() if locked else _approvable(asked.action).ahead(asked.subject), writing():
        found = _for_approval(proposal, actor)
        approvable = _approvable(found.action)
        if why := approvable.over(found.subject):
            raise ChangedSinceError(f"{why} Look at it, and propose it anew.")
        if why := _proposer_over(found, approvable):
            refuse("proposer", f"{why} Refuse it; who may can propose it anew.")
        append("accounts.approved", contents.Decided(), actor=actor, object_id=proposal, reason=found.why)
        return approvable.execute(found, actor)


@contextmanager
def ahead_of(proposal: UUID, actor: Actor) -> Iterator[None]:
    """Hold what approving a proposal takes and what takes long, for who locks the ledger around `approve`.

    Where the actor may not approve it, nothing is worked out: `approve` says why.
    """
    with ExitStack() as held:
        with suppress(HanseError):
            asked = _for_approval(proposal, actor)
            held.enter_context(_approvable(asked.action).ahead(asked.subject))
        yield


def _decidable(proposal: UUID, actor: Actor) -> Pending:
    """What is proposed, if the actor may decide on it; errors as of `approve`."""
    found = pending(proposal)
    ask(actor, "accounts.approve", created_by=found.proposed_by)
    return found


def _for_approval(proposal: UUID, actor: Actor) -> Pending:
    """What is proposed, if the actor may approve it; errors as of `approve`."""
    found = _decidable(proposal, actor)
    if found.person == actor.id:
        refuse("own-gain", "It gives you something, so that another approver decides on it, and you do not.")
    return found


def _proposer_over(found: Pending, approvable: Approvable) -> str:
    """Why a proposal is its proposer's no more, who was deactivated or lost the role since: one person would do it alone.

    Or who may not do it any more with what it is about, which was marked anew, or is known to a team that they are not in.
    Empty where they may propose it still; the passkey was proved when it was proposed.
    """
    if found.proposed_as == "system":
        return ""
    who = person_actor(UUID(found.proposed_by), stepped_up_us=now_us())
    if who is None or not may(who, approvable.proposed_with, now_us=now_us()):
        return (
            f"{found.proposed_name}, who proposed it, is not active any more or may not propose it any more."
        )
    about = approvable.asks(found.subject)
    if not all(may(who, approvable.proposed_with, one, now_us=now_us()) for one in about):
        return f"{found.proposed_name}, who proposed it, may not do it any more with all that it is about."
    return ""


def reject(proposal: UUID, words: str, actor: Actor) -> None:
    """Refuse a proposal of somebody else; errors as of `approve`.

    Args:
        proposal: The proposal.
        words: Why not: who proposed it reads it.
        actor: Who refuses.

    Raises:
        UsageError: No reason is given.
    """
    words = words.strip()
    if not words:
        raise UsageError("Say why not: who proposed it has to know what to change.")
    with writing():
        _decidable(proposal, actor)
        append("accounts.refused", contents.Decided(words), actor=actor, object_id=proposal, reason=words)


def withdraw(proposal: UUID, actor: Actor) -> None:
    """Take back one's own proposal.

    Raises:
        UnknownPersonError: There is no such proposal.
        ProposalOverError: It is decided or too old.
        RefusedError: It is somebody else's.
    """
    with writing():
        found = pending(proposal)
        if actor.kind != "person" or found.proposed_by != actor.id:
            refuse("own-proposal", "Only who proposed it can take it back.")
        append("accounts.withdrawn", contents.Decided(), actor=actor, object_id=proposal)


def withdraw_all_of(person: UUID, why: str, actor: Actor, *, tokens: bool = False) -> None:
    """Take back every open proposal of a person who is kept out; the caller's transaction keeps them out.

    Args:
        person: Whose proposals.
        why: Why they are kept out.
        actor: Who keeps them out.
        tokens: Only what was proposed by a token of theirs.
    """
    for row in Proposal.objects.filter(proposed_by=person.hex, state="open", expires_us__gt=now_us()):
        with suppress(UsageError):  # a row that was changed by SQL hinders nobody from keeping a thief out
            found = pending(row.pk)
            if found.proposed_by == person.hex and (not tokens or found.proposed_as == "token"):
                append("accounts.withdrawn", contents.Decided(), actor=actor, object_id=row.pk, reason=why)


def pending(proposal: UUID) -> Pending:
    """A proposal that can still be decided.

    Raises:
        UnknownPersonError: The ledger has no such proposal.
        ProposalOverError: It is decided or too old.
    """
    said = histories([proposal])[proposal]
    content = said[0].content if said else None
    if not isinstance(content, contents.Proposed):
        raise UnknownPersonError("There is no such proposal. Look in Approvals.")
    if len(said) > 1:
        raise ProposalOverError("It was decided already. Look in Approvals, or propose it anew.")
    if content.expires_us <= now_us():
        raise ProposalOverError("It waited longer than seven days. Propose it anew.")
    first = said[0]
    return Pending(
        proposal,
        content.action,
        content.subject,
        first.reason,
        first.who.id,
        first.who.name,
        content.expires_us,
        first.who.kind,
    )


def words_of(proposal: Proposal) -> str:
    """What will happen on approval, in a sentence; while it is open, also what the approver has to know before.

    Where it can no longer be approved, that and why, be it for what it is about or for who proposed it.
    """
    one = _approvable(proposal.action)
    words = one.words(proposal.subject)
    if state_of(proposal) != "open":
        return words
    if why := _over(proposal, one):
        return f"{words} It can no longer be approved. {why}"
    before = one.before(proposal.subject) if one.before is not None else ""
    return f"{words} {before}" if before else words


def state_of(proposal: Proposal) -> str:
    """How a proposal stands now: as its row says, or ``expired`` where nobody decided on it within its time."""
    return "expired" if proposal.state == "open" and proposal.expires_us <= now_us() else proposal.state


def why_not(proposals: Iterable[Proposal]) -> dict[UUID, str]:
    """Why proposals were refused or withdrawn, in the words of who did it, by id; what no reason was given for is left out."""
    ended = [one.pk for one in proposals if one.state in {"refused", "withdrawn"}]
    return {one: said[-1].reason for one, said in histories(ended).items() if said and said[-1].reason}


def address_of(proposal: Proposal) -> str:
    """Where one looks at what a proposal is about; empty where there is nothing to look at."""
    where = _approvable(proposal.action).where
    return where(proposal.subject) if where else ""


def once_of(proposal: Proposal) -> str:
    """What the approver reads beside what they are shown once; empty where that is a one-time link for a person."""
    return _approvable(proposal.action).once


def waiting_for(actor: Actor) -> list[Proposal]:
    """Open proposals that the actor can decide on, oldest first."""
    if not _decides(actor):
        return []
    rows = Proposal.objects.filter(state="open", expires_us__gt=now_us()).exclude(proposed_by=actor.id)
    return [row for row in rows.order_by("proposed_us") if row.subject.get("person") != actor.id]


def waiting_about(action: str, member: str, thing: UUID) -> list[Proposal]:
    """Open proposals about a thing, newest first, but for those that nobody can approve any more.

    Args:
        action: A registered action.
        member: The member of the subject that names the thing, hexadecimal.
        thing: The thing.
    """
    rows = Proposal.objects.filter(action=action, state="open", expires_us__gt=now_us())
    here = [row for row in rows.order_by("-proposed_us") if row.subject.get(member) == thing.hex]
    return [row for row in here if not _over(row, _approvable(action))]


def _over(proposal: Proposal, approvable: Approvable) -> str:
    """Why nobody can approve an open proposal any more; empty where somebody can, or where only deciding it says so.

    What it is about is asked first: its words tell more of what to do. Of a row that is not as it was signed, deciding says it.
    """
    if why := approvable.over(proposal.subject):
        return why
    with suppress(UsageError):
        return _proposer_over(pending(proposal.pk), approvable)
    return ""


def shown(proposal: UUID, actor: Actor) -> Proposal | None:
    """A proposal of somebody else for an actor who could have made it, or who sees people's doings; None for others."""
    row = Proposal.objects.filter(pk=proposal).first()
    if row is None or row.action not in _known:
        return None
    could = may_begin(actor, _known[row.action].proposed_with)
    return row if could or may(actor, "accounts.view", now_us=now_us()) else None


def count_waiting_for(actor: Actor) -> int:
    """How many `waiting_for` has; every page says it."""
    return number(_WAITING, [now_us(), actor.id, actor.id]) if _decides(actor) else 0


_WAITING: Final = (
    "SELECT count(*) FROM accounts_proposal WHERE state = 'open' AND expires_us > %s AND proposed_by <> %s "
    "AND coalesce(subject ->> 'person', '') <> %s"
)


def _decides(actor: Actor) -> bool:
    return "approver" in actor.roles and actor.kind == "person"


def _approvable(action: str) -> Approvable:
    if action not in _known:
        raise UsageError(f"Nothing called {action!r} takes two people here. Is it from a newer version?")
    return _known[action]
