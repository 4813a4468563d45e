"""Telling a partner which of its entries were refused here, so that it does not believe that they were taken."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

from hanse.federation.contents import Refusal, Refusals, Taken
from hanse.federation.handlers import Arrived, Handler
from hanse.federation.models import Given, Partner, Standing
from hanse.federation.sending import send
from hanse.federation.stream import MOST, Arrival
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import Draft

REFUSED: Final = "federation.refused"
LONGEST: Final = 500


def tell(partner: Partner, arrivals: Sequence[Arrival], taken: Sequence[Taken]) -> None:
    """Tell a partner what of a page was refused, and why; of what is no entry at all, nobody can be told.

    A refusal of a refusal is not told: two nodes that do not understand each other would never end.
    """
    found = tuple(
        Refusal(arrival.head.object, arrival.head.kind, arrival.head.time, became.why[:LONGEST])
        for arrival, became in zip(arrivals, taken, strict=True)
        if became.state == "refused" and arrival.head is not None and arrival.head.kind != REFUSED
    )
    if found and partner.state == Standing.ACTIVE:
        send([Draft(REFUSED, Refusals(found), uuid4(), recipient=partner.authority)])


def _project_refused(_: Recorded, __: Refusals) -> None:
    """What was refused here is in the rows of what came."""


def _refused(here: Arrived, content: Refusals) -> None:
    """A partner refused something; what it was given anew since then is not meant."""
    for one in content.refused:
        rows = Given.objects.filter(shared=UUID(one.object_id), recipient=here.partner)
        rows.filter(given_us__lte=one.written_us).update(refused=one.why)


def _check(here: Arrived, content: Refusals) -> None:
    if len(content.refused) > MOST:
        raise UsageError(f"{here.partner} refuses more at once than it can have been sent.")
    for one in content.refused:
        try:
            UUID(one.object_id)
        except ValueError:
            raise UsageError(f"{here.partner} refuses {one.object_id[:40]!r}, which is no object.") from None
        if len(one.why) > LONGEST:
            raise UsageError(f"{here.partner} refuses something in more words than anybody reads.")


KINDS = (Kind(REFUSED, Refusals, _project_refused),)
HANDLERS = (Handler(REFUSED, Refusals, _refused, check=_check),)
