"""What webhooks tell of campaigns: that one was found. A notice names no victim."""

from collections.abc import Sequence
from uuid import UUID

from hanse.campaigns.models import Campaign
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.webhooks.notices import ACTION, Notice, Source


def _tell(actor: Actor, things: Sequence[UUID]) -> list[Notice]:
    rows = Campaign.objects.for_actor(actor, ACTION).filter(pk__in=list(things)).select_related("marking")
    return [_notice(row) for row in rows]


def _notice(row: Campaign) -> Notice:
    """How a campaign stands."""
    summary = {
        "scope": row.scope, "country": row.country, "started": units.iso(row.start_us), "ended": units.iso(row.end_us),
        "attacks": row.named, "organisations": row.organisations,
    }  # fmt: skip
    return Notice(row.pk, "campaign.found", row.marking.marking, summary)


SOURCE = Source(
    "campaign", frozenset({"campaigns.found"}), {"campaign.found": "a campaign of attacks was found"}, _tell
)
