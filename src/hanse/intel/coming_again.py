"""What is on record and comes again: who may write over it, and how it is marked then."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from hanse.accounts.approvals import EXPIRES_US
from hanse.intel.feed_models import Feed, FeedRun
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, is_at_least, join
from hanse.ledger.among import among

SOON_US = EXPIRES_US
"""Nearer than this a retention date purges a thing before anybody has noticed."""


def joined(coming: Marking, before: Marking) -> Marking:
    """The marking of what is on record already and comes again: nothing from outside weakens what was decided here.

    Nor does it purge it: whoever brings the same thing with a date brings its end forward to `SOON_US` from now at most,
    as one person alone can by marking it (`hanse.console.marking`).
    """
    both = join(coming, before)
    if both.retention_us is None or both.retention_us == before.retention_us:
        return both
    until = max(both.retention_us, now_us() + SOON_US)
    if before.retention_us is not None:
        until = min(until, before.retention_us)
    return replace(both, retention_us=until)


def is_others(before: Marking, actor: Actor) -> bool:
    """Whether what is on record is not for whoever brings something to change: a partner changes what it sent itself.

    That it names the same creator proves nothing, and by its marking it would originate what it only had read.
    """
    return actor.kind == "partner" and before.originators != {actor.authority}


def of_other_feeds(batches: Collection[str], feed: UUID | None) -> set[str]:
    """Of some batches, those that are runs of other feeds than the one that brings something now.

    Who runs a feed says who made each of its items: that two feeds name one creator proves nothing. So none writes over
    what another brought, nor marks it anew. What a feed brought that was removed is for the next that has it.
    """
    ids = [UUID(one) for one in batches if one]
    if feed is None or not ids:
        return set()
    others = Feed.projected.exclude(pk=feed).values("pk")
    runs = FeedRun.projected.filter(pk__in=among(ids), feed__in=others)
    return {one.hex for one in runs.values_list("pk", flat=True)}


def adds_nothing(coming: Marking, before: Marking) -> bool:
    """Whether what is on record already stays marked as it is."""
    return is_at_least(before, coming) or joined(coming, before) == before
