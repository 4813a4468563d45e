"""What use cases of this room ask before they do anything, and how they refuse."""

from uuid import UUID

from hanse.accounts.models import Person, RoleGrant
from hanse.accounts.proof import histories
from hanse.accounts.who import active_name
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.policy.decision import STEP_UP_US, Decision, Reason, Subject, is_fresh, may

PEOPLE_NEEDED = 2
"""From this many people on who ever joined, giving takes two of them."""


class RefusedError(HanseError):
    """The actor may not do that.

    Attributes:
        decision: By which rules.
        status: HTTP status: 401 where only a fresh passkey is missing, otherwise 403.
    """

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.words)
        self.decision = decision
        self.status = 401 if decision.rules == ("step-up",) else 403


class UnknownPersonError(UsageError):
    """There is no such person, role, team, passkey, token or proposal."""

    status = 404


def ask(actor: Actor, action: str, *, created_by: str | None = None) -> None:
    """Let the actor go on who may do an action.

    Args:
        actor: Who asks.
        action: The action.
        created_by: Id of who began what is decided on, where the action is for a second person.

    Raises:
        RefusedError: They may not.
    """
    subject = Subject("proposal", Marking.own(authority()), created_by=created_by) if created_by else None
    decision = may(actor, action, subject, now_us=now_us())
    if not decision:
        raise RefusedError(decision)


def fresh(actor: Actor) -> bool:
    """Whether the actor proved a passkey in the last five minutes."""
    return actor.stepped_up_us is not None and 0 <= now_us() - actor.stepped_up_us <= STEP_UP_US


def ask_fresh(actor: Actor, why: str) -> None:
    """Let only a person go on who proved a passkey in the last five minutes, or the node itself.

    Args:
        actor: Who asks.
        why: What makes the passkey necessary, after "Prove your passkey first: ".

    Raises:
        RefusedError: They did not, or it is a token.
    """
    if actor.kind != "system" and not is_fresh(actor, now_us()):
        refuse("step-up", f"Prove your passkey first: {why}")


def ask_own(actor: Actor, person: UUID, *, step_up: bool = True) -> None:
    """Let a person go on who changes their own account.

    Raises:
        RefusedError: It is another's account, or a passkey has to be proved first.
    """
    if actor.kind != "person" or actor.id != person.hex:
        refuse("own-account", "Only they themselves change that, in My account.")
    if step_up and not fresh(actor):
        refuse("step-up", "Prove your passkey first.")


def refuse(rule: str, words: str) -> None:
    """Refuse by a rule of this room.

    Raises:
        RefusedError: Always.
    """
    raise RefusedError(Decision(allowed=False, reasons=(Reason(rule, words),)))


def founding() -> bool:
    """Whether fewer than two people ever joined: until then, one person gives roles alone.

    Counted in the ledger, not in rows: nobody comes back to this by deactivating the others.
    """
    return Entry.objects.filter(kind="accounts.joined")[:PEOPLE_NEEDED].count() < PEOPLE_NEEDED


def person_of(person: UUID) -> Person:
    """The row of a person.

    Raises:
        UnknownPersonError: There is none.
    """
    row = Person.objects.filter(pk=person).first()
    if row is None:
        raise UnknownPersonError("There is no such person. Look in People.")
    return row


def keep_one(role: str, without: UUID) -> None:
    """Refuse what would leave the node without anybody of a role that only others could give again.

    Raises:
        RefusedError: Nobody else who is active has it.
    """
    if role not in {"administrator", "approver"}:
        return
    holders = RoleGrant.objects.filter(role=role).exclude(person=without).values_list("person", flat=True)
    if not any(active_name(said) for said in histories(holders).values()):
        refuse("last-one", f"Nobody else is {role}. Give the role to another person first.")
