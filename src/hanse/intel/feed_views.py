"""The pages of feeds: which there are and how they stand, one with its runs, and setting, running and removing it."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.intel import feed_clock, feed_running, feed_taxii, feeds
from hanse.intel.feed_forms import FeedForm, RemoveForm
from hanse.intel.feed_models import FORMATS, Feed, FeedRun
from hanse.intel.models import Item
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import strictest
from hanse.policy.decision import may
from hanse.web import lists
from hanse.web.page import Result, page, signed_in

TOLD_SHOWN = 100
"""Clashes and things left out that a run's page shows."""


def _url(row: Feed) -> str:
    return reverse("intel:feed", args=[row.pk])


def _run_url(row: FeedRun) -> str:
    return reverse("intel:feed-run", args=[row.feed, row.pk])


LIST = lists.Listed(
    name="feeds",
    caption="Feeds",
    order="-set",
    columns=(
        lists.Column(key="state", label="State", template="intel/feed_state.html"),
        lists.Column(key="name", label="Feed", link=_url),
        lists.Column(key="format", label="What it is", value=lambda row: FORMATS[row.format]),
        lists.Column(key="every", label="Every", value=lambda row: row.every_s * 1_000_000, format="span_us"),
        lists.Column(key="ran", label="Last run", value="ran_us", format="when"),
        lists.Column(key="due", label="Next run",
                     value=lambda row: None if row.paused or row.stopped else row.due_us, format="when"),
        lists.Column(key="grade", label="Grade", value=lambda row: row.grade[:1].upper() + row.grade[1:]),
        lists.Column(key="set", label="Set", value="set_us", format="when", sort="set_us", shown=False),
        lists.Column(key="set_by", label="Set by", shown=False),
    ),
    filters=(
        lists.Filter(key="format", label="What it is", field="format", choices=list(FORMATS.items())),
        lists.Filter(key="name", label="Feed", field="name__icontains"),
    ),
    row_url=_url,
    export="intel.export",
    empty=lists.Empty(
        "Feeds that the node fetches by itself appear here, with when each ran last and what came of it.",
        (("Subscribe to a MISP feed, a TAXII collection, a STIX bundle or a list", "/intelligence/feeds/new/", "intel.subscribe"),
         ("Bring a file in once", "/intelligence/imports/", "intel.import")),
    ),
)  # fmt: skip

RUNS = lists.Listed(
    name="runs",
    caption="Runs",
    order="-began",
    columns=(
        lists.Column(key="outcome", label="Outcome", template="intel/run_outcome.html"),
        lists.Column(key="began", label="When", value="began_us", format="when", sort="sequence", link=_run_url),
        lists.Column(key="took", label="Took", value=lambda row: row.ended_us - row.began_us, format="span_us"),
        lists.Column(key="bytes", label="Fetched", format="octets"),
        lists.Column(key="parts", label="Events or pages", format="count"),
        lists.Column(key="fresh", label="New", format="count"),
        lists.Column(key="newer", label="Newer", format="count"),
        lists.Column(key="known", label="Known", format="count"),
        lists.Column(key="clashes", label="Clashes", format="count"),
        lists.Column(key="left_out", label="Left out", format="count"),
        lists.Column(key="words", label="Why"),
        lists.Column(key="requests", label="Requests", format="count", shown=False),
        lists.Column(key="actor_name", label="By", shown=False),
    ),
    filters=(
        lists.Filter(key="outcome", label="Outcome", field="outcome",
                     choices=[("whole", "whole"), ("part", "goes on"), ("unchanged", "unchanged"), ("failed", "failed"),
                              ("cancelled", "cancelled")]),
    ),
    row_url=_run_url,
    export="intel.export",
    empty=lists.Empty("Each run stands here, with what it brought or why it failed. The first is still to come."),
)  # fmt: skip


@page("intel.view", "intel/feeds.html")
@asks_why
def feed_list(request: HttpRequest) -> Result:
    """All feeds that the actor may see."""
    actor = signed_in(request)
    told = listed(request, LIST, partial(Feed.objects.for_actor, actor), "intel.view")
    return told | _allowed(actor) if isinstance(told, dict) else told


@page("intel.view", "intel/feed.html")
@asks_why
def feed(request: HttpRequest, feed_id: UUID) -> Result:
    """One feed: how it stands, what its runs brought, and what can be done with it."""
    actor = signed_in(request)
    row = Feed.objects.get_for(actor, "intel.view", feed_id)
    looked_at(request, "intel.view", [row])
    told = listed(
        request,
        RUNS,
        lambda action: FeedRun.objects.for_actor(actor, action).filter(feed=feed_id),
        "intel.view",
    )
    if not isinstance(told, dict):
        return told
    markings = [row.marking.marking, *([told["marking"]] if told["marking"] else [])]
    runs = FeedRun.objects.for_actor(actor, "intel.view").filter(feed=feed_id)
    return told | _allowed(actor) | {
        "row": row, "url": feeds.shown_url(row.url), "format": FORMATS[row.format], "job": feed_clock.at_work(feed_id),
        "every": units.duration(row.every_s), "marking": strictest(markings), "overdue": row.due_us <= now_us(),
        "last": runs.order_by("-sequence").first(),
    }  # fmt: skip


@page("intel.view", "intel/feed_run.html")
@asks_why
def run(request: HttpRequest, feed_id: UUID, run_id: UUID) -> Result:
    """One run: what came of it, what clashes with what is here, and what was left out."""
    actor = signed_in(request)
    row = FeedRun.objects.get_for(actor, "intel.view", run_id)
    looked_at(request, "intel.view", [row])
    of = Feed.objects.for_actor(actor, "intel.view").filter(pk=feed_id).first()
    return {
        "row": row, "feed": of, "marking": row.marking.marking, "clashes": row.detail["clashes"][:TOLD_SHOWN],
        "left_out": row.detail["left_out"][:TOLD_SHOWN],
        "held": Item.objects.for_actor(actor, "intel.view").filter(batch=run_id.hex).count(), **_allowed(actor),
    }  # fmt: skip


@page("intel.subscribe", "intel/feed_edit.html", methods=("GET", "POST"))
def new(request: HttpRequest) -> Result:
    """Subscribe to a feed: the form, trying it out, and doing it."""
    form = FeedForm(_posted(request))
    told = _tried(request, form, None) or _found(request, form, None)
    if form.is_bound and form.is_valid() and not told:
        try:
            made = feeds.subscribe(
                form.said,
                signed_in(request),
                marking=form.cleaned_data["whole"],
                team=form.cleaned_data["team"],
            )
        except HanseError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("It is fetched within a minute, and then as often as you said."))
            return redirect("intel:feed", made)
    return {"form": form, **told}


@page("intel.subscribe", "intel/feed_edit.html", methods=("GET", "POST"))
def edit(request: HttpRequest, feed_id: UUID) -> Result:
    """Set a feed anew: the form, trying it out, and doing it."""
    row = feeds.feed_for(signed_in(request), feed_id)
    form = FeedForm(_posted(request), row=row)
    told = _tried(request, form, row) or _found(request, form, row)
    if form.is_bound and form.is_valid() and not told:
        try:
            feeds.change(
                feed_id,
                form.said,
                signed_in(request),
                marking=form.cleaned_data["whole"],
                team=form.cleaned_data["team"],
            )
        except HanseError as error:
            form.add_error(None, str(error))
        else:
            words = _("Saved. It stays paused.") if row.paused else _("Saved. It is fetched within a minute.")
            messages.success(request, words)
            return redirect("intel:feed", feed_id)
    return {"form": form, "row": row, "marking": row.marking.marking, **told}


@page("intel.subscribe", "intel/feed_remove.html", methods=("GET", "POST"))
def remove(request: HttpRequest, feed_id: UUID) -> Result:
    """Remove a feed: the form, and doing it."""
    row = feeds.feed_for(signed_in(request), feed_id)
    form = RemoveForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        feeds.remove(feed_id, signed_in(request), form.cleaned_data["reason"])
        messages.success(request, _("It is fetched no more. What it brought stays."))
        return redirect("intel:feeds")
    return {"form": form, "row": row, "marking": row.marking.marking}


@page("intel.subscribe", "intel/feed.html", methods=("POST",))
def run_now(request: HttpRequest, feed_id: UUID) -> Result:
    """Have a feed fetched now; leads to the job."""
    actor = signed_in(request)
    return redirect("jobs:job", feed_clock.start(feeds.feed_for(actor, feed_id), actor).pk)


@page("intel.subscribe", "intel/feed.html", methods=("POST",))
def pause(request: HttpRequest, feed_id: UUID) -> Result:
    """Fetch a feed by the clock no longer."""
    feeds.pause(feed_id, signed_in(request))
    messages.success(request, _("It is paused."))
    return redirect("intel:feed", feed_id)


@page("intel.subscribe", "intel/feed.html", methods=("POST",))
def resume(request: HttpRequest, feed_id: UUID) -> Result:
    """Let a feed go on."""
    feeds.resume(feed_id, signed_in(request))
    messages.success(request, _("It goes on within a minute."))
    return redirect("intel:feed", feed_id)


def _tried(request: HttpRequest, form: FeedForm, row: Feed | None) -> dict[str, Any]:
    """What the first run would bring, where that was asked; empty otherwise."""
    if "try" not in request.POST or not form.is_valid():
        return {}
    told, actor = form.cleaned_data, signed_in(request)
    try:
        came = feed_running.tried(form.said, actor, marking=told["whole"], team=told["team"], feed=row)
    except HanseError as error:
        return {"failed": str(error)}
    account = came.account
    return {
        "tried": came, "account": account, "clashes": account.clashes[:TOLD_SHOWN],
        "left_out": account.left_out[:TOLD_SHOWN], "marking": account.marking,
    }  # fmt: skip


def _posted(request: HttpRequest) -> QueryDict | None:
    """What was typed, with the address of the collection that was chosen, where one was."""
    if request.method != "POST":
        return None
    if "chosen" not in request.POST:
        return request.POST
    typed = request.POST.copy()
    typed["url"], typed["format"] = str(request.POST["chosen"]), "taxii"
    return typed


def _found(request: HttpRequest, form: FeedForm, row: Feed | None) -> dict[str, Any]:
    """The collections of a TAXII server, where they were asked for or one was chosen; empty otherwise."""
    if not {"find", "chosen"} & request.POST.keys() or not form.is_valid():
        return {}
    if "chosen" in request.POST:
        return {"chosen": form.cleaned_data["url"]}
    try:
        return {"found": feed_taxii.collections(form.said, signed_in(request), feed=row)}
    except HanseError as error:
        return {"failed": str(error)}


def _allowed(actor: Actor) -> dict[str, Any]:
    """What the actor may do on these pages."""
    at = now_us()
    actions = (("subscribe", "intel.subscribe"), ("ledger", "ledger.view"), ("prove", "ledger.prove"))
    return {f"may_{name}": bool(may(actor, action, now_us=at)) for name, action in actions}
