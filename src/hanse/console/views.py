"""The situation page, first steps, and the search field."""

from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from hanse.attacks.models import Attack
from hanse.attacks.models import State as AttackState
from hanse.console.search import find
from hanse.console.situation import situation
from hanse.kernel.clock import now_us
from hanse.kernel.markings import strictest
from hanse.ledger.tree import latest
from hanse.policy.decision import may
from hanse.web.page import Result, page, public, signed_in
from hanse.web.partial import etag_of, part_or_unchanged


@page("situation.view", "console/situation.html")
def overview(request: HttpRequest) -> Result:
    """What is going on: the answer first."""
    actor = signed_in(request)
    found = situation(actor, now_us())
    shown = [*found.running, *found.campaigns]
    return {
        "found": found,
        "marking": strictest(row.marking.marking for row in shown) if shown else None,
        "may_import": bool(may(actor, "telemetry.import", now_us=now_us())),
    }


@page("situation.view", "console/start.html")
def start(request: HttpRequest) -> Result:
    """First steps: load the exercise, drop files, watch a folder, collect live."""
    actor = signed_in(request)
    return {
        "may_import": bool(may(actor, "telemetry.import", now_us=now_us())),
        "may_set": bool(may(actor, "settings.edit", now_us=now_us())),
    }


@page("attacks.view", "console/alarms.html")
def alarms(request: HttpRequest) -> Result:
    """The running attacks, for the bar that every page keeps up to date."""
    rows = Attack.objects.for_actor(signed_in(request), "attacks.view")
    running = list(rows.filter(state=AttackState.RUNNING).order_by("-start_us")[:3])
    html = render_to_string("console/alarms.html", {"running": running}, request)
    return part_or_unchanged(request, html, etag_of(html))


@page("situation.view", "console/search.html")
def search(request: HttpRequest) -> Result:
    """Everything that the actor may see of what was typed."""
    text = request.GET.get("q", "").strip()
    return {"text": text, "groups": find(text, signed_in(request)) if text else []}


@public("a monitor asks it; it tells nothing but whether the node works")
def health(_: HttpRequest) -> HttpResponse:
    """Whether the database answers and checkpoints are made: 200 or 503."""
    told: dict[str, Any] = {"database": "well", "checkpoint_age_s": None}
    status = 200
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        head = latest()
        if head is not None:
            told["checkpoint_age_s"] = round((now_us() - head.time_us) / 1e6)
    except DatabaseError:
        told["database"], status = "does not answer", 503
    return JsonResponse(told, status=status)
