"""Where attacks stand, by what was found of them and what people decided."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from hanse.attacks import models
from hanse.attacks.attack import Attack
from hanse.kernel.clock import now_us
from hanse.ledger import objects
from hanse.ledger.models import Entry


def state_of(row: models.Attack) -> models.State:
    """Where an attack stands by what was found and decided.

    That it is none, or is to be split, was decided on what was found until then: found anew with other content,
    the detector has taken the decision into account. What was found to be part of another one stays so also when that
    is purged: its traffic was that one's. What people merged counts for itself again, for it is an attack of its own.
    """
    held = models.Decision.objects.filter(attack=row.object_id, withdrawn_by=None)
    decided = list(held.values_list("what", "into", "sequence"))
    since = {what for what, _, sequence in decided if sequence > row.sequence}
    merged = [into for what, into, _ in decided if what == "merge"]
    wholes = [one for one in merged if one is not None]
    if "false-positive" in since:
        return models.State.FALSE_POSITIVE
    if row.part_of is not None or (wholes and models.Attack.projected.filter(pk__in=wholes).exists()):
        return models.State.MERGED
    if "split" in since:
        return models.State.SPLIT
    return models.State.RUNNING if row.running else models.State.OVER


def restate(attack_ids: Iterable[UUID]) -> None:
    """Make the states of attacks what was found and decided of them."""
    for row in models.Attack.projected.filter(pk__in=list(attack_ids)).defer("detail"):
        models.Attack.projected.filter(pk=row.pk).update(state=state_of(row))


def merged_into(attack_id: UUID) -> set[UUID]:
    """Attacks that people decided to be part of one."""
    merged = models.Decision.objects.filter(into=attack_id, withdrawn_by=None)
    return set(merged.values_list("attack", flat=True))


def absorbed_in(attack_id: UUID) -> list[UUID]:
    """Attacks that were found to be part of one, and parts of these, sorted: their traffic is part of its own."""
    found: set[UUID] = set()
    wholes = {attack_id}
    while wholes:
        rows = models.Attack.projected.filter(part_of__in=wholes).values_list("pk", flat=True)
        wholes = set(rows) - found - {attack_id}
        found |= wholes
    return sorted(found)


def is_on_record(name: str) -> bool:
    """Whether an attack is on record that the detector calls so; for the node itself."""
    return models.Attack.projected.filter(pk=objects.named("attack", name)).exists()


def lately(gap_s: int) -> list[Attack]:
    """Attacks that were watched until lately, within the quiet that ends one, s; for the node itself."""
    now = now_us()
    rows = models.Attack.projected.filter(
        state=models.State.OVER, end_us__gt=now - gap_s * 1_000_000, end_us__lte=now
    )
    watched = Entry.objects.filter(sequence__in=rows.values("sequence"), kind="attacks.ended")
    rows = rows.filter(sequence__in=watched.values("sequence")).order_by("start_us", "object_id")
    return [msgspec.convert(row.detail, Attack) for row in rows]
