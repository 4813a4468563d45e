"""The situation page, first steps, and the search field."""

from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string

from hanse.accounts.looking import asks_why, looked_at
from hanse.attacks.models import Attack
from hanse.attacks.models import State as AttackState
from hanse.console.health import collector_now
from hanse.console.health import health as how_it_is
from hanse.console.search import find, in_flows, only
from hanse.console.sight_alerts import shown_blind
from hanse.console.situation import situation
from hanse.kernel.clock import now_us
from hanse.kernel.markings import strictest
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.telemetry.limits import limits
from hanse.web.page import Result, page, public, signed_in
from hanse.web.partial import asked_for, etag_of, part_or_unchanged

ALARMS = 3
"""Running attacks that the bar names; how many more there are stands below."""

NOW = ("console/situation_now.html", "console/situation_running.html")
"""What of the situation page is kept up to date: with the bar, it has to say the same."""


@page("situation.view", "console/situation.html")
def overview(request: HttpRequest) -> Result:
    """What is going on: the answer first; htmx asks for that, and for what runs, alone."""
    actor = signed_in(request)
    found = situation(actor, now_us())
    told = {
        "found": found,
        "marking": found.marking,
        "may_import": bool(may(actor, "telemetry.import", now_us=now_us())),
        "collector": collector_now(settings.HANSE_NODE.home).state,
        "unseen": shown_blind(settings.HANSE_NODE.home),
    }
    if asked_for(request, "now"):
        html = "".join(render_to_string(part, told | {"renewed": True}, request) for part in NOW)
        return part_or_unchanged(request, html, etag_of(html))
    return told


@page("situation.view", "console/start.html")
def start(request: HttpRequest) -> Result:
    """First steps: load the exercise, drop files, watch a folder, collect live."""
    actor = signed_in(request)
    asked = {
        "may_import": "telemetry.import", "may_set": "settings.edit", "may_know": "intel.import", "may_subscribe": "intel.subscribe",
        "may_case": "cases.open", "may_people": "accounts.invite",
    }  # fmt: skip
    return {"caps": limits().upload} | {name: may_begin(actor, action) for name, action in asked.items()}


@page("attacks.view", "console/alarms.html")
def alarms(request: HttpRequest) -> Result:
    """The running attacks, for the bar that every page keeps up to date."""
    rows = Attack.objects.for_actor(signed_in(request), "attacks.view")
    rows = rows.filter(state=AttackState.RUNNING)
    running = list(rows.select_related("marking").order_by("-peak_bps")[:ALARMS])
    more = rows.count() - ALARMS if len(running) == ALARMS else 0
    html = render_to_string("console/alarms.html", {"running": running, "more": more}, request)
    return part_or_unchanged(request, html, etag_of(html))


@page("situation.view", "console/search.html")
@asks_why
def search(request: HttpRequest) -> Result:
    """Everything that the actor may see of what was typed; where that is one thing, its page."""
    text = request.GET.get("q", "").strip()
    groups = find(text, signed_in(request))
    if there := only(groups):
        return redirect(there)
    for group in groups:
        if group.action:
            looked_at(request, group.action, group.rows)
    markings = [row.marking.marking for group in groups for row in group.rows]
    return {
        "text": text, "groups": groups, "in_flows": in_flows(text, signed_in(request)),
        "marking": strictest(markings) if markings else None,
    }  # fmt: skip


@public("a monitor asks it; it tells nothing but whether the node works")
def health(_: HttpRequest) -> HttpResponse:
    """Whether the node works, part by part: 200 or 503."""
    told = how_it_is(settings.HANSE_NODE.home)
    answer = JsonResponse({"well": told.well, **asdict(told)}, status=200 if told.well else 503)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django logs each 503 as an error, and monitors ask every few seconds
    return answer
