"""What webhooks tell of feeds: that a run failed, where the feed's marking releases that to the partner."""

from collections.abc import Sequence
from uuid import UUID

from hanse.intel.feed_models import FeedRun
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.webhooks.notices import ACTION, Notice, Source


def _tell(actor: Actor, things: Sequence[UUID]) -> list[Notice]:
    rows = FeedRun.objects.for_actor(actor, ACTION).filter(pk__in=list(things), outcome="failed")
    return [
        Notice(
            row.pk,
            "feed.failed",
            row.marking.marking,
            {"feed": row.feed.hex, "ended": units.iso(row.ended_us)},
        )
        for row in rows.select_related("marking")
    ]


SOURCE = Source(
    "feed", frozenset({"intel.feed_ran"}), {"feed.failed": "a run of a feed of intelligence failed"}, _tell
)
