"""The stored flows file by file, and proposing with a reason that some of them go."""

from dataclasses import replace
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why
from hanse.kernel import units
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.telemetry import removing
from hanse.telemetry.exporters import clock_words
from hanse.telemetry.imports import by_import
from hanse.telemetry.models import Partition
from hanse.telemetry.searching import SOURCES
from hanse.web import lists
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in
from hanse.web.times import read_end, read_time

MOST = 1_000
"""Partitions that can be removed at once."""


def _flows(row: Partition) -> str:
    """The search for all flows of a partition's time."""
    span = {"since": units.second(row.start_us), "until": units.second(row.end_us)}
    return f"{reverse('telemetry:list')}?{urlencode(span)}"


def _clocks(row: Partition) -> str:
    """Whose flows in it are dated by receipt, and how wrong their clocks were."""
    return ", ".join(f"{exporter} ({clock_words(ahead_s)})" for exporter, ahead_s in row.clocks)


LIST = lists.Listed(
    name="partitions",
    caption="Stored flows by file",
    order="-start",
    columns=(
        lists.Column(key="start", label="First flow", value="start_us", format="when", sort="start_us", link=_flows),
        lists.Column(key="end", label="Last flow ended", value="end_us", format="when", sort="end_us"),
        lists.Column(key="rows", label="Flows", format="count", sort="rows"),
        lists.Column(key="bytes", label="On disk", format="octets", sort="bytes"),
        lists.Column(key="source", label="From", value=lambda row: SOURCES.get(row.source, row.source)),
        lists.Column(key="vantage", label="Seen at"),
        lists.Column(key="clocks", label="Dated by receipt", value=_clocks, shown=False),
        lists.Column(key="stored", label="Stored", value="stored_us", format="when", sort="stored_us"),
        lists.Column(key="path", label="File", shown=False),
        lists.Column(key="sha256", label="SHA-256", shown=False),
    ),
    filters=(
        lists.Filter(key="source", label="From", field="source", choices=list(SOURCES.items())),
        lists.Filter(key="since", label="Not before", field="end_us__gte", read=read_time,
                     help="Such as 2007-05-09 or 2007-05-09 14:32, in UTC."),
        lists.Filter(key="until", label="Not after", field="start_us__lte", read=read_end,
                     help="Likewise; a day counts to its end."),
    ),
    row_url=_flows,
    export="telemetry.export",
    bulk=(lists.Bulk("telemetry.remove", "Remove these flows", "/flows/partitions/remove/", dangerous=True),),
    empty=lists.Empty(
        "The files that flows are kept in appear here.",
        (("Drop a capture or flow files", "/flows/inputs/", "telemetry.import"), ("Other ways to begin", "/start/", "telemetry.import")),
    ),
)  # fmt: skip


@page("telemetry.view", "telemetry/partitions.html")
@asks_why
def partitions(request: HttpRequest) -> Result:
    """All files of flows that the actor may look at; what is in them is not shown, so nothing is written down."""
    actor = signed_in(request)
    mine = replace(LIST, filters=(*LIST.filters, by_import(actor)))
    return lists.answer(request, mine, partial(Partition.objects.for_actor, actor), "telemetry.view")


@page("telemetry.remove", "telemetry/remove.html", methods=("POST",))
def remove(request: HttpRequest) -> Result:
    """Propose to remove the chosen files: asks for the reason first."""
    actor = signed_in(request)
    found = Partition.objects.for_actor(actor, "telemetry.view").filter(pk__in=_chosen(request))
    rows = list(found.select_related("marking").order_by("start_us"))
    if not rows:
        raise UsageError(_("None of these files is there any more. Look at the list again."))
    form = WhyForm(request.POST if "reason" in request.POST else None)
    if form.is_bound and form.is_valid():
        removing.propose_removal([row.pk for row in rows], form.cleaned_data["reason"], actor)
        messages.success(
            request, _("Proposed: %s. They go once another person approves it.") % _files(len(rows))
        )
        return redirect("telemetry:partitions")
    return {
        "rows": rows,
        "form": form,
        "files": _files(len(rows)),
        "flows": sum(row.rows for row in rows),
        "octets": sum(row.bytes for row in rows),
        "since_us": min(row.start_us for row in rows),
        "until_us": max(row.end_us for row in rows),
        "marking": strictest(row.marking.marking for row in rows),
    }


def _files(number: int) -> str:
    return f"{units.count(number)} {_('file') if number == 1 else _('files')}"


def _chosen(request: HttpRequest) -> list[UUID]:
    """The ids that a list sends.

    Raises:
        UsageError: They are none, too many, or no ids.
    """
    try:
        ids = list(dict.fromkeys(UUID(one) for one in request.POST.getlist("ids")))
    except ValueError:
        ids = []
    if not 1 <= len(ids) <= MOST:
        raise UsageError(_("Choose files in the list, at most a thousand."))
    return ids
