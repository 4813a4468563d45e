"""An embargoed body before the eyes of who oversees: only when a second person opened it, and for a day."""

from typing import Any
from uuid import UUID, uuid5

from hanse.accounts import contents
from hanse.accounts.approvals import Approvable, Pending, propose
from hanse.accounts.models import Opening
from hanse.accounts.proof import histories
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.writing import append

HOLDS_US = 86_400 * 1_000_000
"""What was opened is shut again after a day."""


def ask_for(object_id: UUID, why: str, actor: Actor) -> UUID:
    """Propose that an object be opened to the actor; the proposal's id. Errors as of `approvals.propose`."""
    return propose("accounts.open", {"object": object_id.hex, "person": actor.id}, why, actor)


def opened_to(object_id: UUID) -> frozenset[str]:
    """Ids of the people to whom an object is open now, for `policy.decision.Subject.opened_to`."""
    people = set(
        Opening.objects.filter(opened=object_id, until_us__gt=now_us()).values_list("person", flat=True)
    )
    said = histories(_opening_id(object_id, person) for person in people)
    return frozenset(
        content.person
        for content in (one[-1].content for one in said.values() if one)
        if isinstance(content, contents.Opened)
        and content.opened == object_id.hex
        and content.until_us > now_us()
    )


def _opening_id(object_id: UUID, person: str) -> UUID:
    """The object under which everything is said about one person and one opened object."""
    return uuid5(object_id, f"opened/{person}")


def _words(subject: dict[str, Any]) -> str:
    return f"Open the embargoed object {subject['object']} to the proposer for a day."


def _execute(proposal: Pending, approver: Actor) -> str:
    opened = UUID(proposal.subject["object"])
    content = contents.Opened(opened.hex, proposal.proposed_by, now_us() + HOLDS_US, proposal.id.hex)
    append(
        "accounts.opened",
        content,
        actor=approver,
        reason=proposal.why,
        object_id=_opening_id(opened, proposal.proposed_by),
    )
    return ""


APPROVABLE = Approvable("accounts.open", "ledger.read_body", _words, _execute)
"""What the two people agree on."""
