"""The API of feeds: setting, trying, running, pausing and removing them, and the accounts of their runs."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.intel import feed_clock, feed_running, feed_taxii, feeds
from hanse.intel.feed_models import Feed, FeedRun
from hanse.intel.feeds import Said
from hanse.kernel.markings import Marking
from hanse.policy.guarded import NotVisibleError
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["intelligence"])


class FeedIn(In):
    """A feed."""

    name: str = Field(min_length=1, max_length=200)
    format: Literal["misp", "stix", "csv", "taxii"]
    url: str = Field(
        min_length=1,
        max_length=8_000,
        description="https; of a MISP feed the folder of manifest.json, of TAXII a collection.",
    )
    header: str = Field("Authorization", max_length=100, description="Header that proves who asks.")
    user: str = Field("", max_length=200, description="User whose password proves it; empty for another way.")
    secret: str | None = Field(
        None,
        max_length=4_000,
        description="The header's value, or the user's password; it is never given back. Null sends none, or keeps the one "
        "there.",
    )
    every_s: int = Field(
        3_600, ge=feeds.SOONEST_S, le=feeds.LATEST_S, description="Seconds between two runs."
    )
    grade: str = Field("", max_length=24, description="Such as `admiralty B6`; each item has it.")
    keep_days: int = Field(
        0, ge=0, le=feeds.LONGEST_KEPT_DAYS, description="Days that items are kept; 0 is for good."
    )
    most_bytes: int = Field(100_000_000, ge=10_000, le=feeds.MOST_BYTES, description="Bytes of one run.")
    most_items: int = Field(100_000, ge=1, le=feeds.MOST_ITEMS, description="New items of one run.")
    marking: dict[str, Any] | None = Field(
        None,
        description="What each item carries at least, as an envelope has it; null is this authority's own.",
    )
    team: str = Field("", max_length=64, description="Id of the need-to-know team; empty for none.")

    @property
    def said(self) -> Said:
        """The feed as the service takes it."""
        told = self.model_dump(exclude={"marking", "team"})
        return Said(**told)

    @property
    def chosen(self) -> Marking | None:
        """The marking."""
        return Marking.from_json(self.marking) if self.marking is not None else None


class FeedOut(Schema):
    """One feed, and how it stands."""

    id: UUID
    name: str
    format: str
    url: str = Field(description="Without what follows a question mark.")
    header: str
    has_secret: bool
    every_s: int
    grade: str
    keep_days: int
    most_bytes: int
    most_items: int
    team: str
    state: str = Field(description="`new`, `running`, `failing`, `stopped` or `paused`.")
    failures: int = Field(description="Runs that failed one after the other.")
    words: str = Field(description="Why the last run ended so.")
    ran_us: int | None
    due_us: int
    set_us: int
    set_by: str
    marking: dict[str, Any]
    entry: int

    @staticmethod
    def resolve_id(row: Feed) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_url(row: Feed) -> str:
        """Without what may be a key."""
        return feeds.shown_url(row.url)

    @staticmethod
    def resolve_has_secret(row: Feed) -> bool:
        """Whether a header is sent."""
        return bool(row.secret)

    @staticmethod
    def resolve_marking(row: Feed) -> dict[str, Any]:
        """What each item carries at least."""
        return row.marking.marking.as_json()

    @staticmethod
    def resolve_entry(row: Feed) -> int:
        """The entry that last set it."""
        return row.sequence


class FeedRunOut(Schema):
    """The account of one run."""

    id: UUID
    feed: UUID
    outcome: str = Field(description="`whole`, `part` (it goes on), `unchanged`, `failed` or `cancelled`.")
    words: str
    began_us: int
    ended_us: int
    requests: int
    bytes: int
    parts: int = Field(description="Events, or pages of a TAXII collection, that were done with.")
    fresh: int
    newer: int
    known: int
    older: int
    clashes: int
    left_out: int
    wrong_marking: int = Field(description="Items left out because their marking is none, parts among them.")
    actor_name: str
    entry: int

    @staticmethod
    def resolve_id(row: FeedRun) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_entry(row: FeedRun) -> int:
        """The entry that says so."""
        return row.sequence


class FeedRunWholeOut(FeedRunOut):
    """The account of one run with what clashed and what was left out."""

    clashing: list[dict[str, Any]] = Field(description="Id, version and content of what was not taken.")
    left_out_why: list[str]

    @staticmethod
    def resolve_clashing(row: FeedRun) -> list[dict[str, Any]]:
        """What was not taken."""
        found: list[dict[str, Any]] = row.detail["clashes"]
        return found

    @staticmethod
    def resolve_left_out_why(row: FeedRun) -> list[str]:
        """What was left out, and why."""
        found: list[str] = row.detail["left_out"]
        return found


class FeedTriedOut(Schema):
    """What the first run would bring."""

    events: int = Field(description="Events of a MISP feed; 0 for others.")
    looked_into: int = Field(description="Events that were looked into.")
    fresh: int
    newer: int
    known: int
    older: int
    clashes: int
    left_out: list[str]
    wrong_marking: int = Field(description="Items left out because their marking is none, parts among them.")


class FeedCollectionsIn(In):
    """A TAXII server: its discovery, an API root, or one of its collections."""

    url: str = Field(min_length=1, max_length=8_000, description="https.")
    header: str = Field("Authorization", max_length=100, description="Header that proves who asks.")
    user: str = Field("", max_length=200, description="User whose password proves it; empty for another way.")
    secret: str = Field("", max_length=4_000, description="The header's value, or the user's password.")


class FeedCollectionOut(Schema):
    """A collection that a TAXII server has."""

    url: str = Field(description="What a feed of it has as its address.")
    title: str
    description: str
    readable: bool = Field(description="Whether it may be read.")


class FeedCollectionsOut(Schema):
    """What a TAXII server says that it has."""

    collections: list[FeedCollectionOut]
    told: list[str] = Field(description="What could not be asked, and why.")


class FeedRemoveIn(In):
    """Why a feed is removed."""

    why: str = Field(min_length=1, max_length=4_000)


class FeedJobOut(Schema):
    """The job that fetches a feed."""

    job: UUID


@router.get("/feeds", response=Page[FeedOut], operation_id="feeds_list", summary="Feeds, the last set first")
@endpoint("intel.view")
def list_feeds(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The feeds that the caller may see."""
    rows = Feed.objects.for_actor(signed_in(request), "intel.view").select_related("marking")
    told = paged(rows, Order("set_us", descending=True), paging)
    looked_at(request, "intel.view", told["items"])
    return told


@router.post("/feeds", response={201: FeedOut}, operation_id="feeds_subscribe", summary="Subscribe to a feed")
@endpoint("intel.subscribe")
def subscribe(request: HttpRequest, told: FeedIn) -> Any:
    """Have a feed fetched from now on."""
    actor = signed_in(request)
    made = feeds.subscribe(told.said, actor, marking=told.chosen, team=told.team)
    return Status(201, feeds.feed_for(actor, made))


@router.post(
    "/feeds/try", response=FeedTriedOut, operation_id="feeds_try", summary="Say what a feed would bring"
)
@endpoint("intel.subscribe", waits=True)
def try_out(request: HttpRequest, told: FeedIn) -> Any:
    """What the first run would bring, with nothing written: newest events, or the first page of a collection."""
    came = feed_running.tried(told.said, signed_in(request), marking=told.chosen, team=told.team)
    account = came.account
    return {
        "events": came.total, "looked_into": came.parts, "fresh": account.fresh, "newer": account.newer,
        "known": account.known, "older": account.older, "clashes": len(account.clashes),
        "left_out": account.left_out[:1_000], "wrong_marking": account.wrong_marking,
    }  # fmt: skip


@router.post(
    "/feeds/collections",
    response=FeedCollectionsOut,
    operation_id="feeds_collections",
    summary="Ask a TAXII server for its collections",
)
@endpoint("intel.subscribe", waits=True)
def collections(request: HttpRequest, told: FeedCollectionsIn) -> Any:
    """The collections of a TAXII 2.1 server, of which one can be subscribed to."""
    said = Said(name="", format="taxii", **told.model_dump())
    found = feed_taxii.collections(said, signed_in(request))
    listed = [
        {"url": one.url, "title": one.title, "description": one.description, "readable": one.readable}
        for one in found.collections
    ]
    return {"collections": listed, "told": found.told}


@router.get("/feeds/{uuid:feed_id}", response=FeedOut, operation_id="feeds_one", summary="One feed")
@endpoint("intel.view")
def get_feed(request: HttpRequest, feed_id: UUID) -> Any:
    """One feed, and how it stands."""
    row = Feed.objects.get_for(signed_in(request), "intel.view", feed_id)
    looked_at(request, "intel.view", [row])
    return row


@router.put("/feeds/{uuid:feed_id}", response=FeedOut, operation_id="feeds_change", summary="Set a feed anew")
@endpoint("intel.subscribe")
def change(request: HttpRequest, feed_id: UUID, told: FeedIn) -> Any:
    """Set a feed anew, whole; its marking can be tightened and never weakened."""
    actor = signed_in(request)
    feeds.change(feed_id, told.said, actor, marking=told.chosen, team=told.team)
    return feeds.feed_for(actor, feed_id)


@router.post(
    "/feeds/{uuid:feed_id}/run",
    response={202: FeedJobOut},
    operation_id="feeds_run",
    summary="Run a feed now",
)
@endpoint("intel.subscribe")
def run(request: HttpRequest, feed_id: UUID) -> Any:
    """Have it fetched now; the job says how far it is and can be cancelled."""
    actor = signed_in(request)
    return Status(202, {"job": feed_clock.start(feeds.feed_for(actor, feed_id), actor).pk})


@router.post(
    "/feeds/{uuid:feed_id}/pause", response={204: None}, operation_id="feeds_pause", summary="Pause a feed"
)
@endpoint("intel.subscribe")
def pause(request: HttpRequest, feed_id: UUID) -> Any:
    """Fetch it by the clock no longer."""
    feeds.pause(feed_id, signed_in(request))
    return Status(204, None)


@router.post(
    "/feeds/{uuid:feed_id}/resume",
    response={204: None},
    operation_id="feeds_resume",
    summary="Let a feed go on",
)
@endpoint("intel.subscribe")
def resume(request: HttpRequest, feed_id: UUID) -> Any:
    """Let a feed go on that was paused or that stopped by itself."""
    feeds.resume(feed_id, signed_in(request))
    return Status(204, None)


@router.post(
    "/feeds/{uuid:feed_id}/remove", response={204: None}, operation_id="feeds_remove", summary="Remove a feed"
)
@endpoint("intel.subscribe")
def remove(request: HttpRequest, feed_id: UUID, told: FeedRemoveIn) -> Any:
    """Fetch it no more; what it brought stays."""
    feeds.remove(feed_id, signed_in(request), told.why)
    return Status(204, None)


@router.get(
    "/feeds/{uuid:feed_id}/runs",
    response=Page[FeedRunOut],
    operation_id="feeds_runs",
    summary="Runs, newest first",
)
@endpoint("intel.view")
def list_runs(request: HttpRequest, feed_id: UUID, paging: Query[Paging]) -> Any:
    """The accounts of a feed's runs."""
    rows = (
        FeedRun.objects.for_actor(signed_in(request), "intel.view")
        .filter(feed=feed_id)
        .select_related("marking")
    )
    told = paged(rows, Order("sequence", descending=True), paging)
    looked_at(request, "intel.view", told["items"])
    return told


@router.get(
    "/feeds/{uuid:feed_id}/runs/{uuid:run_id}",
    response=FeedRunWholeOut,
    operation_id="feeds_one_run",
    summary="One run",
)
@endpoint("intel.view")
def get_run(request: HttpRequest, feed_id: UUID, run_id: UUID) -> Any:
    """One run, with what clashed and what was left out."""
    row = FeedRun.objects.get_for(signed_in(request), "intel.view", run_id)
    if row.feed != feed_id:
        raise NotVisibleError("There is no such run of this feed.")
    looked_at(request, "intel.view", [row])
    return row
