"""What the open edge writes: its partners, what came of what they sent, and what could not be told them."""

from collections.abc import Iterable
from uuid import UUID

from hanse.kernel.actors import Actor
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import append, writing
from hanse.taxii import contents, models
from hanse.taxii.reading import Fault

PARTNER, REVOKED, GOT, LEFT_OUT = (
    "taxii.partner_made",
    "taxii.partner_revoked",
    "taxii.got",
    "taxii.left_out",
)
"""The kinds' names."""


def got(request: UUID, content: contents.Got, actor: Actor) -> None:
    """Write down what came of one sending."""
    append(GOT, content, actor=actor, object_id=request)


def left_out(faults: Iterable[Fault], actor: Actor) -> None:
    """Write down what is told to no partner, once for each state of a thing.

    Args:
        faults: What was left out of a page.
        actor: Who asked for the page.
    """
    found = {UUID(one.piece.object_id): one for one in faults if one.piece.object_id}
    if not found:
        return
    with writing():
        known = dict(models.LeftOut.objects.filter(pk__in=found).values_list("pk", "moved"))
        for object_id, one in found.items():
            if known.get(object_id, -1) < one.piece.moved:
                content = contents.NotTold(one.why, one.piece.moved)
                append(LEFT_OUT, content, actor=actor, object_id=object_id)


def _project_partner(recorded: Recorded, content: contents.PartnerMade) -> None:
    set_row(models.Partner.objects, recorded.object_id, {
        "authority": content.authority, "name": content.name, "country": content.country, "tier": content.tier,
        "digest": content.digest, "why": recorded.reason, "made_us": recorded.time_us, "revoked_us": None,
        "sequence": recorded.sequence,
    })  # fmt: skip


def _project_revoked(recorded: Recorded, _: contents.PartnerRevoked) -> None:
    row = models.Partner.objects.filter(pk=recorded.object_id)
    row.update(revoked_us=recorded.time_us, sequence=recorded.sequence)


def _forget_partner(object_id: UUID) -> None:
    drop(models.Partner.objects, object_id)


def _project_got(recorded: Recorded, content: contents.Got) -> None:
    set_row(models.Receipt.objects, recorded.object_id, {
        "partner": UUID(content.partner), "time_us": recorded.time_us, "asked_us": content.asked_us,
        "total": content.total, "taken": content.taken, "failures": [list(one) for one in content.failures],
        "account": content.account, "sequence": recorded.sequence,
    })  # fmt: skip


def _forget_got(object_id: UUID) -> None:
    drop(models.Receipt.objects, object_id)


def _project_left_out(recorded: Recorded, content: contents.NotTold) -> None:
    set_row(models.LeftOut.objects, recorded.object_id, {
        "why": content.why, "moved": content.moved, "time_us": recorded.time_us, "sequence": recorded.sequence,
    })  # fmt: skip


def _forget_left_out(object_id: UUID) -> None:
    drop(models.LeftOut.objects, object_id)


KINDS = (
    Kind(PARTNER, contents.PartnerMade, _project_partner, _forget_partner, sealed=True),
    Kind(REVOKED, contents.PartnerRevoked, _project_revoked, _forget_partner, sealed=True),
    Kind(GOT, contents.Got, _project_got, _forget_got, sealed=True),
    Kind(LEFT_OUT, contents.NotTold, _project_left_out, _forget_left_out, sealed=True),
)
