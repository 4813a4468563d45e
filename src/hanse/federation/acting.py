"""What a partner did with what it was shared: an originator is told what was done there, in words, and by whom not."""

from typing import Final
from uuid import UUID, uuid4

from hanse.federation.contents import Acted
from hanse.federation.handlers import Arrived, Handler, own_id
from hanse.federation.models import ActedOn, Given, Standing
from hanse.federation.originals import original_of
from hanse.federation.sending import send
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import set_row
from hanse.ledger.writing import Draft
from hanse.policy.asking import require

ACTED: Final = "federation.acted"
LONGEST: Final = 2_000

DONE: Final = {
    "warned": "warned those concerned",
    "mitigated": "mitigated it",
    "blocked": "blocked sources of it",
    "investigates": "investigates it",
    "nothing": "nothing to be done",
}
"""What can have been done, in words."""


def acted(object_id: UUID, what: str, text: str, actor: Actor) -> None:
    """Tell its originator what this authority did with a thing; what was told last counts.

    Args:
        object_id: The thing, under its own id here; the actor was seen to be allowed to see it.
        what: One of `DONE`.
        text: More words; may be empty.
        actor: Who says so.

    Raises:
        RefusedError: The actor may not share.
        UsageError: It is none of these, no partner sent the thing as its own, or it is no active partner.
    """
    require(actor, "federation.share")
    text = text.strip()
    if what not in DONE or len(text) > LONGEST:
        raise UsageError(f"Say what was done, of {', '.join(DONE)}, in up to {LONGEST:,} characters.")
    partner, head, _ = original_of(object_id)
    if partner.state != Standing.ACTIVE:
        raise UsageError(f"{partner.name} is no active partner: nothing is sent to it.")
    send([Draft(ACTED, Acted(head.object, what, text), uuid4(), recipient=partner.authority)])


def told(object_id: UUID) -> ActedOn | None:
    """What the originator of a thing was told last; None for nothing."""
    return ActedOn.objects.filter(pk=object_id).first()


def _project_acted(recorded: Recorded, content: Acted) -> None:
    """This authority said so."""
    set_row(
        ActedOn.objects,
        own_id(recorded.recipient, UUID(content.object_id)),
        {"what": content.what, "text": content.text, "time_us": recorded.time_us},
    )


def _acted(here: Arrived, content: Acted) -> None:
    """A partner says so."""
    rows = Given.objects.filter(shared=UUID(content.object_id), recipient=here.partner)
    rows.update(acted=content.what, acted_words=content.text, acted_us=here.received_us)


def _check(here: Arrived, content: Acted) -> None:
    try:
        UUID(content.object_id)
    except ValueError:
        raise UsageError(f"{here.partner} acted on {content.object_id[:40]!r}, which is no object.") from None
    if content.what not in DONE or len(content.text) > LONGEST:
        raise UsageError(f"{here.partner} says to have done {content.what[:40]!r}, or in too many words.")


KINDS = (Kind(ACTED, Acted, _project_acted),)
HANDLERS = (Handler(ACTED, Acted, _acted, check=_check),)
