"""Read receipts: an originator learns that somebody at a partner has opened what it shared, once, and not who."""

from typing import Final
from uuid import UUID, uuid4

from hanse.federation.contents import Opened
from hanse.federation.handlers import Arrived, Handler, own_id
from hanse.federation.models import Given, Standing
from hanse.federation.models import Opened as Row
from hanse.federation.originals import original_of
from hanse.federation.sending import send
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import Draft

OPENED: Final = "federation.opened"


def opened(object_id: UUID) -> bool:
    """Tell its originator that a person here opened a thing, the first time; whether it is told now.

    What came by another authority is told to nobody: its originator did not send it here.
    """
    if Row.objects.filter(pk=object_id).exists():
        return False
    try:
        partner, head, _ = original_of(object_id)
    except UsageError:
        return False
    if partner.state != Standing.ACTIVE:
        return False
    send([Draft(OPENED, Opened(head.object), uuid4(), recipient=partner.authority)])
    return True


def _project_opened(recorded: Recorded, content: Opened) -> None:
    """This authority said so."""
    Row.objects.get_or_create(pk=own_id(recorded.recipient, UUID(content.object_id)))


def _opened(here: Arrived, content: Opened) -> None:
    """A partner says so."""
    rows = Given.objects.filter(shared=UUID(content.object_id), recipient=here.partner, opened_us=None)
    rows.update(opened_us=here.received_us)


def _check(here: Arrived, content: Opened) -> None:
    try:
        UUID(content.object_id)
    except ValueError:
        raise UsageError(f"{here.partner} opened {content.object_id[:40]!r}, which is no object.") from None


KINDS = (Kind(OPENED, Opened, _project_opened),)
HANDLERS = (Handler(OPENED, Opened, _opened, check=_check),)
