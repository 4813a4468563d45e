"""By what items came: the file that somebody brought, or the run of a feed."""

from typing import NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.intel.feed_models import Feed, FeedRun
from hanse.intel.models import Batch, Item
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, strictest
from hanse.kernel.units import minute


class CameBy(NamedTuple):
    """What brought an item.

    Attributes:
        name: What the file or the feed is called; empty for a feed that is gone.
        url: The page of its account.
        who: Who brought it; empty for a feed.
        time_us: When, microseconds UTC.
        marking: Of what is told here.
    """

    name: str
    url: str
    who: str
    time_us: int
    marking: Marking

    @property
    def words(self) -> str:
        """Its name and when it came, to the minute."""
        return f"{self.name or _('a feed that is gone')}, {minute(self.time_us)}"


def of(row: Item, actor: Actor) -> CameBy | None:
    """By what an item came, as far as an actor may know it; None where they may not, and for what was written or shared."""
    return by(row.batch, actor)


def by(batch_id: str, actor: Actor) -> CameBy | None:
    """The import or the run of an id, as far as an actor may know it; None where they may not, or there is none."""
    try:
        one = UUID(batch_id)
    except ValueError:
        return None
    batch = Batch.objects.for_actor(actor, "intel.view").select_related("marking").filter(pk=one).first()
    if batch is not None:
        url = reverse("intel:import", args=[one])
        return CameBy(batch.name, url, batch.actor_name, batch.time_us, batch.marking.marking)
    run = FeedRun.objects.for_actor(actor, "intel.view").select_related("marking").filter(pk=one).first()
    if run is None:
        return None
    feeds = Feed.objects.for_actor(actor, "intel.view").select_related("marking")
    feed = feeds.filter(pk=run.feed).first()
    markings = [run.marking.marking, *([feed.marking.marking] if feed else [])]
    url = reverse("intel:feed-run", args=[run.feed, one])
    return CameBy(feed.name if feed else "", url, "", run.began_us, strictest(markings))
