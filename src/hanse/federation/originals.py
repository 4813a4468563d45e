"""What partners sent as their own, as they signed it: whoever passes it on or shows it afresh reads it here."""

from typing import Any, Final
from uuid import UUID

import msgspec

from hanse.federation import contents, stream
from hanse.federation.contents import Carried, Forwarded
from hanse.federation.handlers import handler_of
from hanse.federation.models import Partner
from hanse.federation.partners import partner_of
from hanse.kernel import envelope
from hanse.kernel.envelope import Envelope
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import written

FORWARDED: Final = "federation.forwarded"


def original_of(object_id: UUID) -> tuple[Partner, Envelope, Carried]:
    """The newest entry by which a partner sent a thing, as it signed it.

    Raises:
        UsageError: No partner sent it, or its body was purged.
    """
    entry = (
        Entry.objects.filter(object_id=object_id, kind="federation.received", body__isnull=False)
        .order_by("-version")
        .first()
    )
    if entry is None:
        raise UsageError(
            "No partner sent this as its own, or it was recalled. Nothing of it can be passed on."
        )
    came = msgspec.json.decode(
        written(entry, Body.objects.get(pk=entry.sequence)).content, type=contents.Received
    )
    head = envelope.decode(came.payload)
    if came.salt is None or came.body is None or head.kind == FORWARDED:
        raise UsageError("This came by another authority. Ask its originator to share it with you.")
    return partner_of(came.partner), head, Carried(came.payload, came.signature, came.salt, came.body)


def said_at(sequence: int) -> Any:
    """What a partner says in the entry that an own one holds, as the room that handles its kind was given it.

    Args:
        sequence: The own entry: what a partner sent as its own, or passed on.

    Raises:
        UsageError: No partner's entry is there, its body was purged, or this version does not know its kind.
    """
    entry = Entry.objects.filter(pk=sequence, kind="federation.received").select_related("body").first()
    if entry is None or getattr(entry, "body", None) is None:
        raise UsageError("What the partner said of this was purged. Load the page again.")
    came = msgspec.json.decode(written(entry, entry.body).content, type=contents.Received)
    head, body = envelope.reread(came.payload), came.body
    if head.kind == FORWARDED and body is not None:
        inner = msgspec.json.decode(stream.read_body(body).content, type=Forwarded).original
        head, body = envelope.reread(inner.payload), inner.body
    handler = handler_of(head.kind)
    if handler is None or body is None:
        raise UsageError(f"This version does not know what {came.partner} sent.")
    return msgspec.json.decode(stream.read_body(body).content, type=handler.content)
