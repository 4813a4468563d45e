"""The campaigns' pages: the list, one campaign with its evidence, its links, and its report."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import FILE, asks_why, listed, looked_at
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.service import attack_in
from hanse.attacks.within import masked
from hanse.campaigns import service, stix_export
from hanse.campaigns.across_views import of_campaign
from hanse.campaigns.campaign import Campaign as Found
from hanse.campaigns.members import Members, members_in
from hanse.campaigns.models import Campaign
from hanse.campaigns.models import Link as LinkRow
from hanse.campaigns.report import page as report_page
from hanse.campaigns.report import words
from hanse.campaigns.report.findings import Findings
from hanse.campaigns.tables import Held
from hanse.campaigns.told import found_of, marking_of
from hanse.intel import authoring, stix_bundle
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.countries import country_name
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.ledger.among import among
from hanse.policy.asking import may_begin, require
from hanse.policy.decision import may
from hanse.tracing import service as tracing
from hanse.tracing.data_files import find_borders
from hanse.tracing.models import Trace as TraceRow
from hanse.tracing.trace import Trace
from hanse.web import lists
from hanse.web.page import Result, page, signed_in

if TYPE_CHECKING:
    from django.db.models import QuerySet

ATTACKS_SHOWN = 25
"""Attacks on a campaign's page; the list of attacks has all of them, page by page."""

HITS_SHOWN = 25
"""Organisations on a campaign's page, those hit most often; a page of their own has all of them."""

LINKS_SHOWN = 10
"""Links on a campaign's page, the weakest: there it would break."""

ROWS_OF_A_PAGE = 50
"""Links, or organisations, of one page of them all."""

SCOPES = ("organisation", "sector", "state", "several states", "unknown")

Figures = list[tuple[str, str, str]]


def _url(row: Campaign) -> str:
    return reverse("campaigns:detail", args=[row.pk])


LIST = lists.Listed(
    name="campaigns",
    caption="Campaigns",
    order="-start",
    columns=(
        lists.Column(key="verdict", label="Verdict", link=_url),
        lists.Column(key="scope", label="Against"),
        lists.Column(key="country", label="Country"),
        lists.Column(key="start", label="First attack", value="start_us", format="when", sort="start_us"),
        lists.Column(key="end", label="Last ended", value="end_us", format="when", sort="end_us"),
        lists.Column(key="attacks", label="Attacks", value="named", format="count", sort="named"),
        lists.Column(key="organisations", label="Organisations", format="count"),
        lists.Column(key="version", label="Version", format="count", shown=False),
        lists.Column(key="name", label="Id", shown=False),
    ),
    filters=(
        lists.Filter(key="scope", label="Against", field="scope", choices=[(one, one) for one in SCOPES]),
        lists.Filter(key="country", label="Country", field="country", read=str.upper, help="Two letters."),
        lists.Filter(key="verdict", label="Verdict", field="verdict__icontains", help="A word of it."),
    ),
    row_url=_url,
    empty=lists.Empty(
        "Attacks that belong together, by tests with numbers, appear here as campaigns.",
        (("Bring in telemetry", "/start/", "telemetry.import"), ("All attacks", "/attacks/", "attacks.view")),
    ),
    export="campaigns.export",
    live_seconds=30,
)


@page("campaigns.view", "campaigns/list.html")
@asks_why
def campaigns(request: HttpRequest) -> Result:
    """The campaigns that the actor may see; those that another has taken the place of are left out."""
    told = listed(request, LIST, partial(service.standing, signed_in(request)), "campaigns.view")
    if isinstance(told, dict):
        told["across_count"] = len(service.across(signed_in(request)))
    return told


@page("campaigns.view", "campaigns/detail.html")
@asks_why
def detail(request: HttpRequest, campaign_id: UUID) -> Result:
    """One campaign: the verdict, how sure and why, what would refute it, who was hit, and what holds it together."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.view", campaign_id)
    looked_at(request, "campaigns.view", [row])
    seen = AttackRow.objects.for_actor(actor, "attacks.view")
    members = members_in(service.named_of(row, seen))
    weakest = list(service.weakest_first(row)[:LINKS_SHOWN])
    first = [one.object_id for one in members.all[:ATTACKS_SHOWN]]
    shown = _rows(seen, {*first, *_ends(weakest)})
    attacks = [shown[one] for one in first if one in shown]
    may_trace = bool(may(actor, "tracing.view", now_us=now_us()))
    reports = authoring.citing(stix_export.cite_of(row).id, actor)
    across = of_campaign(actor, row)
    beside = [*(one.marking.marking for one in reports), *([across.marking] if across else ())]
    return {
        "row": row,
        "marking": strictest([marking_of(row, attacks), *beside]),
        "members": members,
        "lasted_us": row.end_us - row.start_us,
        "figures": figures(row.detail.get("figures", {})),
        "evidence": row.detail.get("evidence", ()),
        "refuted_by": row.detail.get("refuted_by", ()),
        "hits": members.hits[:HITS_SHOWN],
        "hit_count": len(members.hits),
        "attacks": attacks,
        "more_attacks": len(members.all) > ATTACKS_SHOWN,
        "link_count": service.weakest_first(row).count(),
        "links": _with_ends(weakest, shown),
        "weakest": weakest[0].p_value if weakest else None,
        "asked": tuple(words.TEST_ASKS.items()),
        "may_trace": may_trace,
        "traced": may_trace and tracing.any_of(actor, _standing_in(members)),
        "replaced_by": _replaced_by(row, actor),
        "across": across,
        "may_export": bool(Campaign.objects.judge(actor, "campaigns.export", row)),
        "reports": reports,
        "may_write": bool(may(actor, "intel.write", now_us=now_us())),
        "may_ledger": bool(may(actor, "ledger.view", now_us=now_us())),
        "may_prove": bool(may(actor, "ledger.prove", now_us=now_us())),
        "may_mark": may_begin(actor, "policy.mark"),
        "may_purge": may_begin(actor, "ledger.purge"),
    }


@page("campaigns.view", "campaigns/links.html")
@asks_why
def links(request: HttpRequest, campaign_id: UUID) -> Result:
    """All links of a campaign, the weakest first, page by page."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.view", campaign_id)
    looked_at(request, "campaigns.view", [row])
    found = service.weakest_first(row)
    count = found.count()
    first, told = _part(request, count)
    here = list(found[first : first + ROWS_OF_A_PAGE])
    return {
        "row": row,
        "marking": row.marking.marking,
        "link_count": count,
        "asked": tuple(words.TEST_ASKS.items()),
        "links": _with_ends(here, _rows(AttackRow.objects.for_actor(actor, "attacks.view"), _ends(here))),
        **told,
    }


@page("campaigns.view", "campaigns/victims.html")
@asks_why
def victims(request: HttpRequest, campaign_id: UUID) -> Result:
    """All organisations that a campaign hit, the most often hit first, page by page."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.view", campaign_id)
    looked_at(request, "campaigns.view", [row])
    members = members_in(service.named_of(row, AttackRow.objects.for_actor(actor, "attacks.view")))
    count = len(members.hits)
    first, told = _part(request, count)
    return {
        "row": row,
        "marking": row.marking.marking,
        "hit_count": count,
        "hits": members.hits[first : first + ROWS_OF_A_PAGE],
        **told,
    }


@page("campaigns.view", "campaigns/sources.html")
@asks_why
def sources(request: HttpRequest, campaign_id: UUID) -> Result:
    """The countries of the apparent sources of a campaign's attacks: what stands behind the map on its page."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.view", campaign_id)
    require(actor, "tracing.view")
    looked_at(request, "campaigns.view", [row])
    members = members_in(service.named_of(row, AttackRow.objects.for_actor(actor, "attacks.view")))
    countries = tracing.countries_of(actor, _standing_in(members))
    return {
        "row": row,
        "marking": row.marking.marking,
        "countries": countries,
        "places": [(country_name(one.country), one) for one in countries.countries],
    }


@page("campaigns.export", "campaigns/detail.html")
@asks_why
def export(request: HttpRequest, campaign_id: UUID) -> Result:
    """One campaign as JSON, as STIX, or as a report in one HTML file; as far as the actor may take its attacks out."""
    actor = signed_in(request)
    row = service.campaign_for(actor, "campaigns.export", campaign_id)
    wanted = request.GET.get("as", "json")
    if wanted not in {"json", "html", "stix"}:
        raise UsageError(
            _("A campaign can be had as JSON, as STIX or as an HTML report. Choose one on its page.")
        )
    attacks = masked(list(service.members_of(row, actor, "attacks.export").select_related("marking")), actor)
    looked_at(request, "campaigns.export", [row, *attacks], recipient=FILE)
    found = found_of(row, attacks)
    marking = marking_of(row, attacks)
    response: HttpResponse
    if wanted == "stix":
        told = stix_bundle.written(stix_export.objects_of(row, attacks, actor), f"campaign {row.pk}")
        response = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
        wanted = "stix.json"
    elif wanted == "html":
        response = HttpResponse(report_page.render(_findings(row, found, attacks, marking, actor)))
    else:
        told = {"campaign": found.as_json(), "object": str(row.pk), "entry": row.sequence}
        told |= {"attacks": [attack_in(one).as_json() for one in attacks], "marking": marking.as_json()}
        response = JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="hanse-campaign-{row.pk}.{wanted}"'
    return response


def figures(numbers: dict[str, float]) -> Figures:
    """The numbers behind the verdict: heading, value, and what it means; those that are not known are left out."""
    named = {
        "top_victim_share": (_("Most hit victim's share"), _("of all attacks")),
        "effective_victims": (_("Effective victims"), _("equally hit ones would be as diverse")),
        "top_vector_share": (_("Share of one vector"), _("of all attacks")),
        "top_day_share": (_("Share of one day"), _("of all attacks")),
        "days": (_("Days"), _("from first to last")),
        "quiet_days": (_("Quiet days"), _("between, without an attack")),
        "concurrent_share": (_("Within a minute"), _("of one on another victim")),
    }
    return [
        (label, words.figure(name, numbers[name]), note)
        for name, (label, note) in named.items()
        if name in numbers
    ]


def _rows(seen: "QuerySet[AttackRow]", ids: Collection[UUID]) -> dict[UUID, AttackRow]:
    """Some attacks with their markings, as far as these are among those that the actor may see."""
    rows = seen.filter(pk__in=among(ids)).select_related("marking").defer("detail")
    return {one.pk: one for one in rows}


def _ends(links: Iterable[LinkRow]) -> set[UUID]:
    """The attacks that links are between."""
    return {end for one in links for end in (one.first, one.second)}


def _with_ends(links: Iterable[LinkRow], attacks: Mapping[UUID, AttackRow]) -> list[Held]:
    """Links with their two attacks, where both are among some."""
    return [
        Held((attacks[one.first], attacks[one.second]), one.tests)
        for one in links
        if one.first in attacks and one.second in attacks
    ]


def _standing_in(members: Members) -> list[UUID]:
    """The attacks that stand."""
    return [one.object_id for one in members.standing]


def _replaced_by(row: Campaign, actor: Actor) -> Campaign | None:
    """The campaign that has taken the place of this one."""
    taken = service.replacing(row.pk)
    return service.standing(actor).filter(pk__in=taken).first() if taken else None


def _findings(
    row: Campaign, found: Found, attacks: Sequence[AttackRow], marking: Marking, actor: Actor
) -> Findings:
    """What the report is made from."""
    ids = [one.pk for one in attacks]
    traces = TraceRow.objects.for_actor(actor, "tracing.view").filter(pk__in=ids)
    return Findings(
        title=_("A campaign"),
        subtitle=" · ".join([settings.HANSE_NODE.name, marking.banner(), *sorted(marking.handling_text)]),
        generated_us=now_us(),
        attacks=tuple(attack_in(one) for one in attacks),
        traces=tuple(msgspec.convert(one.detail, Trace) for one in traces),
        campaigns=(found,),
        organisation_of={one.victim: one.organisation for one in attacks if one.organisation},
        sector_of={one.victim: one.sector for one in attacks if one.sector},
        country_of={one.victim: one.country for one in attacks if one.country},
        span_us=(row.start_us, row.end_us),
        exercise=settings.HANSE_NODE.exercise,
        marking=f"TLP:{marking.tlp}",
        borders=find_borders(),
    )


def _part(request: HttpRequest, count: int) -> tuple[int, dict[str, int]]:
    """Where the page that the address asks for begins among so many rows, from 0; and what the page says of it.

    Raises:
        UsageError: The address asks for none.
    """
    number = _page_number(request.GET.get("page", "1"))
    first = (number - 1) * ROWS_OF_A_PAGE
    last = min(first + ROWS_OF_A_PAGE, count)
    return first, {
        "first": first + 1, "last": last, "before": number - 1, "after": number + 1 if last < count else 0,
    }  # fmt: skip


def _page_number(text: str) -> int:
    """A page's number in an address.

    Raises:
        UsageError: It is none.
    """
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text)):
        raise UsageError(_("There is no such page. Start from the first."))
    return int(text)
