"""The attacks' pages: the list, one attack with its evidence, and the flows behind it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from hanse.accounts.looking import FILE, asks_why, listed, looked_at
from hanse.attacks import service, stix_export
from hanse.attacks.attack import Attack as Found
from hanse.attacks.choosing import on_organisations
from hanse.attacks.forms import FORMS, form_of
from hanse.attacks.models import Attack, Decision, Membership, Run, RunAttack, State
from hanse.attacks.panels import campaigns_named, panels, parts
from hanse.attacks.sharing_views import held_html
from hanse.attacks.table import COLUMNS, page_of
from hanse.attacks.vectors import vector_words, vectors
from hanse.attacks.within import known_campaigns, masked, masked_decisions, masked_runs
from hanse.constituency import service as constituency
from hanse.intel import authoring, stix_bundle
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.policy.asking import may_begin, require
from hanse.policy.decision import may
from hanse.telemetry import service as telemetry
from hanse.telemetry.exporters import dated
from hanse.telemetry.protocols import flag_words
from hanse.web import lists
from hanse.web.page import Result, page, signed_in

FLOWS_SHOWN = 200
"""Flows on the page: enough to recognise a pattern; the file has all of them."""

CLASSES = ("direct", "reflected", "spoofed", "undetermined")

SOURCES_ARE = {
    "direct": ("apparent source", "apparent sources"),
    "reflected": ("reflector", "reflectors"),
    "spoofed": ("forged source address", "forged source addresses"),
    "undetermined": ("source address", "source addresses"),
}
"""What the addresses that the packets name are, by class of the source test."""


def _megabits(text: str) -> float:
    return float(text) * 1e6


class _OfCampaign(lists.Filter):
    """Attacks that a campaign names."""

    def narrow(self, rows: QuerySet[Any], values: Any) -> QuerySet[Any]:
        """The attacks of the campaigns of these ids."""
        return rows.filter(pk__in=Membership.objects.filter(campaign__in=_ids(values)).values("attack"))


class _OfRun(lists.Filter):
    """Attacks that one analysis found."""

    def narrow(self, rows: QuerySet[Any], values: Any) -> QuerySet[Any]:
        """The attacks of the analyses of these ids."""
        return rows.filter(pk__in=RunAttack.objects.filter(run__in=_ids(values)).values("attack"))


def _on_organisation(rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
    """Attacks on organisations with a text in their names.

    Raises:
        UsageError: It is more than one text.
    """
    if len(values) > 1:
        raise UsageError(_("Organisation: give one value only."))
    return rows.filter(on_organisations(rows, values[0]))


def _ids(values: Sequence[str]) -> list[UUID]:
    try:
        return [UUID(value) for value in values]
    except ValueError:
        raise UsageError(_("That is no id. Follow the link of a campaign or a job.")) from None


LIST = lists.Listed(
    name="attacks",
    caption="Attacks",
    order="-start",
    columns=COLUMNS,
    filters=(
        lists.Filter(key="state", label="State", field="state", choices=State.choices),
        lists.Filter(key="vector", label="Vector", field="vector",
                     choices=lambda: [(one.name, vector_words(one.name)) for one in vectors().values()]),
        lists.Filter(key="victim", label="Victim", field="victim__startswith",
                     help="An address, or how it begins."),
        lists.Filter(key="organisation", label="Organisation", narrows=_on_organisation),
        lists.Filter(key="sector", label="Sector", field="sector"),
        lists.Filter(key="peak", label="Peak from", field="peak_bps__gte", read=_megabits, help="Mbit/s."),
        lists.Filter(key="source_class", label="Source test", field="source_class",
                     choices=[(one, one) for one in CLASSES]),
        lists.Filter(key="confidence", label="How sure", field="confidence",
                     choices=[(one, one) for one in ("high", "medium", "low")]),
        _OfCampaign(key="campaign", label="Campaign", field="", help="Its whole id."),
        _OfRun(key="run", label="Analysis", field="", help="Its whole id."),
    ),
    row_url=page_of,
    bulk=(lists.Bulk("attacks.decide", "Merge into one attack", "/attacks/merge/", least=2,
                     needs="Choose two or more of one victim and vector."),),
    empty=lists.Empty(
        "Attacks that Hanse finds in your telemetry appear here.",
        (("Drop a capture or flow files", "/start/", "telemetry.import"), ("Other ways to begin", "/start/", "telemetry.import")),
    ),
    export="attacks.export",
    live_seconds=10,
)  # fmt: skip


@page("attacks.view", "attacks/list.html")
@asks_why
def attacks(request: HttpRequest) -> Result:
    """All attacks that the actor may see."""
    actor = signed_in(request)
    named = {"campaign": partial(_campaign_named, actor), "run": partial(_run_named, actor)}
    filters = tuple(replace(one, named=named.get(one.key, one.named)) for one in LIST.filters)
    told = listed(request, replace(LIST, filters=filters), partial(_rows, request, actor), "attacks.view")
    if isinstance(told, dict) and (wanted := request.GET.get("run")):
        run = Run.objects.get_for(actor, "attacks.view", _ids([wanted])[0])
        told["run"] = masked_runs([run], actor)[0]
    return told


def _campaign_named(actor: Actor, text: str) -> lists.Named | None:
    """What a campaign is called, as far as the actor may know of it."""
    found = (name(one, actor) for one in _ids([text]) for name in campaigns_named)
    return next((one for one in found if one is not None), None)


def _run_named(actor: Actor, text: str) -> lists.Named | None:
    """When an analysis was made and who asked for it; None of one that the actor may not see."""
    runs = Run.objects.for_actor(actor, "attacks.view").select_related("marking")
    run = runs.filter(pk=_ids([text])[0]).first()
    return lists.Named(f"{units.minute(run.time_us)}, {run.actor_name}", run.marking.marking) if run else None


def _rows(request: HttpRequest, actor: Actor, action: str) -> QuerySet[Attack]:
    """The attacks with which the actor may do an action; of a campaign only where the actor may know of that."""
    rows = Attack.objects.for_actor(actor, action)
    wanted = {one for text in request.GET.getlist("campaign") if text for one in _ids([text])}
    return rows if wanted <= known_campaigns(actor, wanted) else rows.none()


@page("attacks.view", "attacks/detail.html")
@asks_why
def detail(request: HttpRequest, attack_id: UUID) -> Result:
    """One attack: the verdict, why, what would refute it, the figures, the evidence."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.view", attack_id)
    looked_at(request, "attacks.view", [row])
    found = service.attack_in(row)
    others = Attack.objects.for_actor(actor, "attacks.view").select_related("marking")
    beside = [service.object_of(name) for name in found.linked]
    linked = list(others.filter(pk__in=beside).order_by("start_us", "object_id")) if beside else []
    parts = list(others.filter(part_of=row.pk).order_by("start_us", "object_id"))
    decisions = masked_decisions(service.decisions_on(row.pk, actor), actor)
    reports = authoring.citing(stix_export.thing(row).cite.id, actor)
    protected = constituency.row_of(row.victim, actor)
    seen = (row, *linked, *parts, *reports, *([protected] if protected else []))
    return {
        "row": row,
        "found": found,
        "protected": protected,
        "may_protect": may_begin(actor, "constituency.edit"),
        "marking": strictest(one.marking.marking for one in seen),
        "whole": others.filter(pk=row.part_of).first() if row.part_of else None,
        "parts": parts,
        "verdict": verdict(row, found),
        "facts": facts(found),
        "shares": shares(found),
        "linked": linked,
        "decisions": decisions,
        "standing": _standing(row, decisions),
        "alerts": service.alerts_on(row.pk, actor),
        "reports": reports,
        "panels": [html for panel in panels.values() if (html := panel(row.pk, actor))],
        "shared": held_html(row.pk, actor),
        "flows_held": telemetry.any_file(telemetry.partitions(actor, row.start_us, row.end_us)),
        **_allowed(actor, row),
    }


@page("telemetry.view", "attacks/flows.html")
@asks_why
def flows(request: HttpRequest, attack_id: UUID) -> Result:
    """The flows behind an attack: the first of them on a page, all of them as CSV or Parquet."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.view", attack_id)
    wanted = request.GET.get("as", "")
    if wanted:
        return _flows_file(request, row, wanted)
    from hanse.telemetry.flow_rows import shown  # noqa: PLC0415 - Arrow is loaded when flows are first read

    looked_at(request, "telemetry.view", [row])
    table = service.flows_behind(attack_id, actor, None)
    return {
        "row": row,
        "found": service.attack_in(row),
        "marking": row.marking.marking,
        "flows": shown(table.slice(0, FLOWS_SHOWN)),
        "dated": dated(
            (exporter, ahead_s)
            for part in telemetry.partitions(actor, row.start_us, row.end_us)
            for exporter, ahead_s in part.clocks
        ),
        "total": table.num_rows,
        **_allowed(actor, row),
    }


@page("attacks.export", "attacks/detail.html")
@asks_why
def export(request: HttpRequest, attack_id: UUID) -> Result:
    """One attack with its trace as JSON, or as STIX."""
    actor = signed_in(request)
    if request.GET.get("as") == "stix":
        return _stix_file(request, Attack.objects.get_for(actor, "attacks.export", attack_id))
    row = masked([Attack.objects.get_for(actor, "attacks.export", attack_id)], actor)[0]
    looked_at(request, "attacks.export", [row], recipient=FILE)
    added = {name: told for name, part in parts.items() if (told := part(row.pk, actor)) is not None}
    whose = {name: getattr(row, name) for name in ("organisation", "sector", "country", "site")}
    told = {
        "attack": service.attack_in(row).as_json(),
        "victim": whose,
        **added,
        "object": str(row.pk),
        "entry": row.sequence,
        "marking": row.marking.marking.as_json(),
    }
    response = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="hanse-attack-{row.pk}.json"'
    return response


def _stix_file(request: HttpRequest, row: Attack) -> JsonResponse:
    """One attack as a STIX bundle."""
    looked_at(request, "attacks.export", [row], recipient=FILE)
    told = stix_bundle.written(stix_export.objects_of(row, signed_in(request)), f"attack {row.pk}")
    response = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="hanse-attack-{row.pk}.stix.json"'
    return response


def _flows_file(request: HttpRequest, row: Attack, wanted: str) -> Result:
    """All flows of an attack that may leave the node, as a file.

    Raises:
        RefusedError: The actor may not take flows out.
        UsageError: There is no such kind of file.
    """
    actor = signed_in(request)
    require(actor, "telemetry.export")
    Attack.objects.get_for(actor, "attacks.export", row.pk)
    if wanted not in {"csv", "parquet"}:
        raise UsageError(_("Flows can be had as CSV or Parquet. Choose one of them on the page."))
    from hanse.telemetry.flow_rows import csv_lines  # noqa: PLC0415 - Arrow is loaded when flows are first read
    from hanse.telemetry.listing import write_parquet_stream  # noqa: PLC0415 - as above

    looked_at(request, "attacks.export", [row], recipient=FILE)
    table = service.flows_behind(row.pk, actor, None, "telemetry.export")
    name = f"hanse-flows-{row.pk}.{wanted}"
    if wanted == "parquet":
        out = BytesIO()
        write_parquet_stream(table.to_batches(), out)
        out.seek(0)
        return FileResponse(
            out, as_attachment=True, filename=name, content_type="application/vnd.apache.parquet"
        )
    response = StreamingHttpResponse(csv_lines(table), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def verdict(row: Attack, found: Found) -> str:
    """An attack in one sentence, which claims no more of its sources than their test allows."""
    whom = f"{row.organisation} ({row.victim})" if row.organisation else row.victim
    head = f"{vector_words(row.vector)} on {whom}"
    one, many = SOURCES_ARE.get(row.source_class, SOURCES_ARE["undetermined"])
    sources = f"{units.count(row.sources)} {one if row.sources == 1 else many}"
    rate = f"up to {units.bit_rate(row.peak_bps)} from {sources}"
    if row.running:
        return f"{head} since {units.minute(row.start_us)}, {rate}; it still runs."
    return f"{head}: {rate}, for {units.duration(found.duration_s)} from {units.minute(row.start_us)}."


def facts(found: Found) -> list[tuple[str, str]]:
    """What the telemetry shows, beside figures and shares; what is unknown is left out."""
    told = [
        (_("Threshold that fired"), found.threshold),
        (_("TCP flags"), flag_words(found.tcp_flags)),
        (_("ICMP type"), str(found.icmp_type) if found.icmp_type >= 0 else ""),
        (_("Sources that the victim conversed with"), _seen(found.answered_share)),
        (_("Sources that were asked first"), _known(found.requested_share)),
        (_("Flow records"), units.count(found.flows)),
        (_("Source networks"), _("%s (/24 or /48)") % units.count(found.networks) if found.networks else ""),
    ]
    return [(name, words) for name, words in told if words]


def shares(found: Found) -> list[tuple[str, str, list[tuple[str, float]]]]:
    """Parts of the packets, as small tables: heading, what a row is, and the rows."""
    told: list[tuple[str, str, list[tuple[str, float]]]] = [
        (_("Busiest networks"), _("Network"), list(found.top_networks)),
        (_("Destination ports"), _("Port"), [(str(port), share) for port, share in found.dst_ports]),
        (_("Source ports"), _("Port"), [(str(port), share) for port, share in found.src_ports]),
        (_("Packet sizes"), _("Size"), [(f"{size} B", share) for size, share in found.packet_sizes]),
    ]
    return [one for one in told if one[2]]


def _seen(share: float | None) -> str:
    return _("the return way was not seen") if share is None else f"{share:.0%}"


def _known(share: float | None) -> str:
    """A share that is not asked for every vector: None also says that it was not, so nothing is said then."""
    return "" if share is None else f"{share:.0%}"


def _standing(row: Attack, decisions: Sequence[Decision]) -> Decision | None:
    """The decision by which the attack is not simply what was found; None where there is none."""
    what = {State.FALSE_POSITIVE: "false-positive", State.MERGED: "merge", State.SPLIT: "split"}.get(
        State(row.state)
    )
    held = [one for one in decisions if one.what == what and one.withdrawn_by is None]
    return held[-1] if held else None


def _allowed(actor: Actor, row: Attack) -> dict[str, Any]:
    """What the actor may do with an attack, and the forms of it."""
    may_decide = bool(Attack.objects.judge(actor, "attacks.decide", row))
    middle = (row.start_us + row.end_us) // 2
    return {
        "may_decide": may_decide,
        "may_export": bool(Attack.objects.judge(actor, "attacks.export", row)),
        "may_flows": bool(may(actor, "telemetry.view", now_us=now_us())),
        "may_write": bool(may(actor, "intel.write", now_us=now_us())),
        "may_ledger": bool(may(actor, "ledger.view", now_us=now_us())),
        "may_prove": bool(may(actor, "ledger.prove", now_us=now_us())),
        "may_share": may_begin(actor, "federation.share"),
        "may_mark": may_begin(actor, "policy.mark"),
        "may_purge": may_begin(actor, "ledger.purge"),
        "forms": {what.replace("-", "_"): form_of(what, at=middle) for what in FORMS} if may_decide else {},
    }
