"""An attack of this node taken out as STIX, and cited in what is written about it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse

from hanse.attacks import stix
from hanse.attacks.models import Attack
from hanse.attacks.panels import parts
from hanse.attacks.service import attack_in
from hanse.attacks.vectors import vector_words
from hanse.attacks.within import masked
from hanse.constituency import Target
from hanse.intel import telling
from hanse.intel.cited import Sort, Thing
from hanse.intel.own import Cite
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority

_AT_ONCE = 500
"""Attacks about which is asked at once: each names others, and a query takes so many names."""


def objects_of(row: Attack, actor: Actor, marking: Marking | None = None) -> list[dict[str, Any]]:
    """The STIX objects of an attack with its trace, after the head of a bundle.

    Args:
        row: The attack, which the actor may take out.
        actor: Who takes it out: its trace goes along where they may see it.
        marking: The marking to tell it with, where it is stricter than its own.
    """
    (row,) = masked([row], actor)
    return _told(row, actor, marking)


def objects_of_all(rows: Sequence[Attack], actor: Actor) -> list[dict[str, Any]]:
    """The same of several attacks; what of other attacks and campaigns may be known is asked once for many of them."""
    parts_of = (rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE))
    return [one for some in parts_of for row in masked(some, actor) for one in _told(row, actor, None)]


def _told(row: Attack, actor: Actor, marking: Marking | None) -> list[dict[str, Any]]:
    """The objects of an attack that says no more than the actor may know."""
    whole = marking or row.marking.marking
    trace = parts["trace"](row.pk, actor) if "trace" in parts else None
    target = (
        Target(row.prefix or row.victim, row.organisation, row.sector, row.country)
        if row.organisation
        else None
    )
    told = stix.objects(attack_in(row), telling.of(row.pk, whole), trace=trace, target=target)
    return telling.once([*telling.head({whole.text: whole}), *told])


def thing(row: Attack) -> Thing:
    """An attack as something that can be cited."""
    return Thing(
        Cite("attack", row.pk.hex, stix.incident_id(authority(), row.name)),
        f"{vector_words(row.vector)} on {row.organisation or row.victim}",
        reverse("attacks:detail", args=[row.pk]),
        row.marking.marking,
        frozenset({row.team} - {""}),
    )


def _seen(actor: Actor, ids: Sequence[UUID]) -> list[Thing]:
    rows = Attack.objects.for_actor(actor, "attacks.view").filter(pk__in=ids)
    return [thing(row) for row in rows.select_related("marking").defer("detail")]


def _on_record(ids: Sequence[UUID]) -> list[Thing]:
    rows = Attack.projected.filter(pk__in=ids).select_related("marking").defer("detail")
    return [thing(row) for row in rows]


def _objects(object_id: UUID, actor: Actor) -> list[dict[str, Any]]:
    row = (
        Attack.objects.for_actor(actor, "attacks.export")
        .filter(pk=object_id)
        .select_related("marking")
        .first()
    )
    return [] if row is None else objects_of(row, actor)


SORT = Sort("attack", _seen, _on_record, _objects)
