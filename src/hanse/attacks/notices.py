"""What webhooks tell of attacks: that one began, that it is over, and that one was none after all.

A notice says what happened and not to whom: neither the victim nor a source is in it.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hanse.attacks.models import Attack, State
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.webhooks.notices import ACTION, Notice, Source


def _tell(actor: Actor, things: Sequence[UUID]) -> list[Notice]:
    rows = Attack.objects.for_actor(actor, ACTION).filter(pk__in=list(things)).select_related("marking")
    return [_notice(row) for row in rows]


def _notice(row: Attack) -> Notice:
    """How an attack stands."""
    if row.state not in (State.RUNNING, State.OVER):
        return Notice(row.pk, "attack.withdrawn", row.marking.marking, {}, news=False)
    over = row.state == State.OVER
    summary: dict[str, Any] = {
        "vector": row.vector, "started": units.iso(row.start_us), "sector": row.sector, "country": row.country,
        "confidence": row.confidence,
        **({"ended": units.iso(row.end_us), "peak_bps": round(row.peak_bps), "peak_pps": round(row.peak_pps)} if over else {}),
    }  # fmt: skip
    return Notice(row.pk, "attack.ended" if over else "attack.began", row.marking.marking, summary)


SOURCE = Source(
    "attack",
    frozenset(
        {
            "attacks.found",
            "attacks.started",
            "attacks.ended",
            "attacks.absorbed",
            "attacks.decided",
            "attacks.decision_withdrawn",
        }
    ),
    {
        "attack.began": "an attack began",
        "attack.ended": "an attack is over, or was found when it was",
        "attack.withdrawn": "an attack that was told is none after all, or was merged or split",
    },
    _tell,
)
