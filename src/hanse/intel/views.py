"""The pages of intelligence: what is known, one item with what it shares, bringing in and taking out."""

import json
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hanse.accounts.looking import FILE, asks_why, listed, looked_at
from hanse.federation.recalling import Gone
from hanse.intel import (
    came_by,
    cited,
    correlating,
    grades,
    item_filters,
    naming,
    noise,
    own,
    recalled_cites,
    service,
    sharing_views,
    taxonomies,
    twins,
)
from hanse.intel.cited import Thing
from hanse.intel.facts import Facts
from hanse.intel.forms import BringForm, UndoForm
from hanse.intel.item import STIX
from hanse.intel.item import Item as WholeItem
from hanse.intel.models import Batch, Item, Reference
from hanse.intel.projecting import reference_id
from hanse.intel.reading import facts_of
from hanse.intel.values import shown
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.web import jobs, lists, uploads
from hanse.web.page import Result, page, signed_in

PARTS_SHOWN = 200
"""Parts of an item on its page; an export has all."""
REFERENCES_SHOWN = 100
TAGS_SHOWN = 50
"""Tags of an item whose meaning its page looks up."""
RAW_SHOWN = 100_000
"""Characters of an item as it came that its page shows."""

CAPS = uploads.Caps(file_bytes=200_000_000, total_bytes=200_000_000, files=1)


def _url(row: Item) -> str:
    return reverse("intel:item", args=[row.pk])


def _what(row: Item) -> SafeString:
    """What an item is called, struck out where its creator has taken it back."""
    title = service.title_of(row)
    if not row.revoked:
        return conditional_escape(title)
    return format_html('<s>{}</s> <span class="muted">{}</span>', title, _("taken back"))


def _came_as(name: str) -> SafeString:
    """A format in words; files keep its name."""
    return conditional_escape(item_filters.CAME_AS.get(name, name))


LIST = lists.Listed(
    name="intelligence",
    caption="Intelligence",
    order="-number",
    columns=(
        lists.Column(key="title", label="What", value=service.title_of, link=_url, html=_what),
        lists.Column(key="type", label="Type", sort="type"),
        lists.Column(key="format", label="Came as", html=lambda row: _came_as(row.format)),
        lists.Column(key="origin", label="Partner"),
        lists.Column(key="creator", label="Said by", value=lambda row: getattr(row, "said_by", row.creator)),
        lists.Column(key="grade", label="Grade", value=lambda row: row.standing_grade[:1].upper() + row.standing_grade[1:]),
        lists.Column(key="confidence", label="Confidence", value="standing_confidence", format="count"),
        lists.Column(key="modified", label="Changed", value="modified_us", format="when"),
        lists.Column(key="valid_until", label="Valid until", value="valid_until_us", format="when", shown=False),
        lists.Column(key="revoked", label="Taken back", value=lambda row: "yes" if row.revoked else "", shown=False),
        lists.Column(key="source_id", label="Id", shown=False),
        lists.Column(key="number", label="Number", format="count", sort="number", shown=False),
    ),
    filters=item_filters.COMMON,
    row_url=_url,
    export="intel.export",
    empty=lists.Empty(
        "What you and others know of attackers appears here: reports, indicators, sightings.",
        (
            ("Bring in a STIX bundle, MISP events, a list or a fingerprint", "/intelligence/imports/", "intel.import"),
            ("Subscribe to a feed", "/intelligence/feeds/", "intel.subscribe"),
            ("Write a report", "/intelligence/write/report/", "intel.write"),
        ),
    ),
)  # fmt: skip

IMPORTS = lists.Listed(
    name="imports",
    caption="Imports",
    order="-time",
    columns=(
        lists.Column(key="time", label="When", value="time_us", format="when", sort="time_us",
                     link=lambda row: reverse("intel:import", args=[row.pk])),
        lists.Column(key="name", label="File"),
        lists.Column(key="format", label="Format", html=lambda row: _came_as(row.format)),
        lists.Column(key="fresh", label="New", format="count"),
        lists.Column(key="newer", label="Newer", format="count"),
        lists.Column(key="known", label="Known", format="count"),
        lists.Column(key="older", label="Older", format="count"),
        lists.Column(key="clashes", label="Clashes", format="count"),
        lists.Column(key="left_out", label="Left out", format="count"),
        lists.Column(key="actor_name", label="By"),
    ),
    row_url=lambda row: reverse("intel:import", args=[row.pk]),
    export="intel.export",
    empty=lists.Empty(
        "Each file that somebody brings in stands here, with how much of it was new, known already or left out, and why."
    ),
)  # fmt: skip


@page("intel.view", "intel/list.html")
@asks_why
def items(request: HttpRequest) -> Result:
    """All items that the actor may see; parts are found through what they are a part of, or by type."""
    actor = signed_in(request)
    mine = replace(LIST, filters=item_filters.filters(actor))
    told = listed(request, mine, partial(twins.once, actor), "intel.view")
    if not isinstance(told, dict):
        return told
    naming.name_creators(told["listing"].part.rows, actor)
    return told | _allowed(actor) | {"searched": request.GET.get("q", ""), "to_save": _to_save(request)}


@page("intel.view", "intel/item.html")
@asks_why
def item(request: HttpRequest, item_id: UUID) -> Result:
    """One item: what it says, what it shares with others, what it names and what names it."""
    actor = signed_in(request)
    row = correlating.by_id(item_id, actor)
    looked_at(request, "intel.view", [row])
    whole = service.item_of(row)
    facts = facts_of(whole)
    parts = service.parts_of(row, actor)
    distinct = dict.fromkeys(value for value, _role in facts.values)
    correlations = correlating.of_item(row, list(distinct)[:PARTS_SHOWN], actor)
    shared = [one for found in correlations for one in found.items]
    above = _source(row.parent, row.format, actor) if row.parent else None
    ways = twins.others(row, actor)
    seen = [row, *parts[:PARTS_SHOWN], *shared, *ways, *([above] if above else [])]
    said_by = naming.signed_by(row) or naming.named(
        facts.creator, row.format, naming.creators([facts.creator], actor)
    )
    cites = _cites(whole, row.team, actor)
    brought = came_by.of(row, actor)
    markings = [one.marking.marking for one in seen] + ([brought.marking] if brought else [])
    markings += [one.marking for _sort, thing, gone in cites for one in (thing, gone) if one is not None]
    markings += [said_by.marking] if said_by is not None and said_by.marking is not None else []
    raw = json.dumps(whole.raw, indent=2, ensure_ascii=False)
    return {
        "row": row,
        "facts": facts,
        "said_by": said_by,
        "brought": brought,
        "tags": taxonomies.meanings(facts.tags[:TAGS_SHOWN]),
        "more_tags": max(0, len(facts.tags) - TAGS_SHOWN),
        "judgement": grades.judgement_of(row),
        "cites": cites,
        "may_sight": whole.type in own.SIGHTED and own.is_stix_id(row.source_id),
        "values": [
            (value.kind, shown(value), role, noise.reason(value))
            for value, role in facts.values[:PARTS_SHOWN]
        ],
        "more_values": max(0, len(facts.values) - PARTS_SHOWN),
        "correlations": [(one, shown(one.value)) for one in correlations],
        "parts": parts[:PARTS_SHOWN],
        "more_parts": max(0, len(parts) - PARTS_SHOWN),
        "names": _names(row, whole, facts, actor),
        "named_by": _naming(row, actor),
        "above": above,
        "raw": raw[:RAW_SHOWN],
        "raw_cut": len(raw) > RAW_SHOWN,
        "marking": strictest(markings),
        "undo_form": UndoForm(),
        "ways": ways,
        **_allowed(actor),
        **sharing_views.told_of(row, actor),
    }


@page("intel.edit", "intel/undo.html", methods=("GET", "POST"))
@asks_why
def undo(request: HttpRequest, item_id: UUID, value: int) -> Result:
    """Say that a value is no correlation of an item, or anywhere."""
    actor = signed_in(request)
    row = correlating.by_id(item_id, actor)
    posted = request.method == "POST"
    form = UndoForm(request.POST if posted else None)
    if posted and form.is_valid():
        everywhere = form.cleaned_data["everywhere"]
        service.undo(value, None if everywhere else row, form.cleaned_data["why"], actor)
        messages.success(request, _("It is no correlation any more. It can be taken back below."))
        return redirect("intel:item", item_id)
    return {"row": row, "form": form, "marking": row.marking.marking}


@page("intel.edit", "intel/undo.html", methods=("POST",))
def restore(request: HttpRequest, item_id: UUID, decision: UUID) -> Result:
    """Take back that a value is no correlation."""
    service.restore(decision, signed_in(request))
    messages.success(request, _("It is a correlation again."))
    return redirect("intel:item", item_id)


@page("intel.export", "intel/item.html")
@asks_why
def export(request: HttpRequest, item_id: UUID) -> Result:
    """One item with its parts, in the format that it came in."""
    actor = signed_in(request)
    row = Item.objects.get_for(actor, "intel.export", item_id)
    rows = [row, *service.parts_of(row, actor, "intel.export")]
    return _file(request, rows, f"hanse-{row.format}-{row.pk}")


@page("intel.view", "intel/imports.html")
@asks_why
def imports(request: HttpRequest) -> Result:
    """What was brought in, and the form to bring in more."""
    actor = signed_in(request)
    told = listed(request, IMPORTS, partial(Batch.objects.for_actor, actor), "intel.view")
    chosen = request.GET if "marking_tlp" in request.GET else None
    if not isinstance(told, dict):
        return told
    return (
        told
        | _allowed(actor)
        | {"form": BringForm(chosen), "under_way": jobs.under_way(actor, "bring-in"), "caps": CAPS}
    )


@page("intel.view", "intel/import.html")
@asks_why
def account(request: HttpRequest, batch_id: UUID) -> Result:
    """One import: what came of it, what clashes with what is here, and what was left out."""
    actor = signed_in(request)
    row = Batch.objects.get_for(actor, "intel.view", batch_id)
    looked_at(request, "intel.view", [row])
    seen = Item.objects.for_actor(actor, "intel.view").filter(batch=batch_id.hex)
    return {
        "row": row,
        "marking": row.marking.marking,
        "held": seen.count(),
        "clashes": row.detail["clashes"][:REFERENCES_SHOWN],
        "left_out": row.detail["left_out"][:REFERENCES_SHOWN],
        **_allowed(actor),
    }


@page("intel.export", "intel/import.html")
@asks_why
def export_batch(request: HttpRequest, batch_id: UUID) -> Result:
    """All items of an import that may leave, in the format that they came in."""
    actor = signed_in(request)
    row = Batch.objects.get_for(actor, "intel.export", batch_id)
    found = Item.objects.for_actor(actor, "intel.export").filter(batch=batch_id.hex)
    rows = list(found.select_related("marking").order_by("number")[: lists.FILE_LIMIT])
    return _file(request, rows, f"hanse-{row.format}-{row.pk}")


@uploads.takes_uploads
@page("intel.import", "intel/tried.html", methods=("POST",))
def upload(request: HttpRequest) -> Result:
    """Take a file, and either say what would come of it or start bringing it in."""
    actor = signed_in(request)
    came = uploads.receive(request, CAPS)
    form = BringForm(came.fields)
    if not form.is_valid():
        uploads.drop(came)
        raise UsageError(" ".join(str(words) for errors in form.errors.values() for words in errors))
    marking, file = form.cleaned_data["marking"], came.files[0]
    if "try" in came.fields:
        data = (uploads.inbox_folder() / file.path).read_bytes()
        uploads.drop(came)
        tried = service.bring_in(data, file.name, actor, marking=marking, dry_run=True)
        return {
            "tried": tried,
            "clashes": tried.clashes[:REFERENCES_SHOWN],
            "left_out": tried.left_out[:REFERENCES_SHOWN],
            "chosen": urlencode({"marking_tlp": marking.tlp.value, "marking_pap": marking.pap.value}),
        }
    params = {"path": file.path, "name": file.name, "marking": marking.as_json()}
    job = jobs.start("bring-in", file.name[:500], params, actor)
    return uploads.went(request, f"/jobs/{job.pk}/")


def _file(request: HttpRequest, rows: list[Item], name: str) -> HttpResponse:
    """Items as a file; that they left is written down first.

    Raises:
        UsageError: None of them may leave.
    """
    if not rows:
        raise UsageError(_("Nothing of it may leave this node."))
    looked_at(request, "intel.export", rows, recipient=FILE)
    taken = service.taken_out(rows, name, signed_in(request))
    response: HttpResponse
    if taken.ending == "csv":
        response = HttpResponse(taken.document, content_type=taken.content_type)
    else:
        written = {"ensure_ascii": False, "indent": 2}
        response = JsonResponse(taken.document, safe=False, json_dumps_params=written)
    response["Content-Disposition"] = f'attachment; filename="{name}.{taken.ending}"'
    return response


def _naming(row: Item, actor: Actor) -> list[Item]:
    """The items that name one and that an actor may see, the newest first."""
    numbers = Reference.objects.filter(target=reference_id(row.source_id)).values("item")
    seen = twins.once(actor).filter(number__in=numbers)
    return list(seen.select_related("marking").order_by("-number")[:REFERENCES_SHOWN])


def _source(source_id: str, of: str, actor: Actor) -> Item | None:
    """The item of a source's id, if the actor may see it; what is written here and what came as STIX name each other."""
    formats = STIX if of in STIX else (of,)
    seen = twins.once(actor).filter(source_id=source_id, format__in=formats)
    return seen.select_related("marking").order_by("number").first()


def _cites(whole: WholeItem, team: str, actor: Actor) -> list[tuple[str, Thing | None, Gone | None]]:
    """What an item that was written here rests on, in the order in which it names it; None where it is not for the actor.

    Beside it, that its originator recalled it, for those who might have seen it.
    """
    if whole.format != "own":
        return []
    cites = own.typed(whole.raw).cites
    seen = cited.seen([UUID(one.object) for one in cites], actor)
    gone = recalled_cites.recalled(cites, team, actor)
    found = [(one.sort, seen.get(UUID(one.object)), gone.get(UUID(one.object))) for one in cites]
    return [(sort, thing, None if thing else recall) for sort, thing, recall in found]


def _names(row: Item, whole: WholeItem, facts: Facts, actor: Actor) -> list[tuple[str, str, Item | None]]:
    """What an item names: the role, the id, and the item where it is here and the actor may see it.

    The id of a cyber-observable follows from its value. Of one that is no item here, and whose value stands among those
    that this item names, the value says all there is.
    """
    told = [
        (role, target, _source(target, row.format, actor))
        for target, role in _told_references(whole, facts)[:REFERENCES_SHOWN]
    ]
    if all(other is not None for _, _, other in told):
        return told
    said = {one["id"] for one in own.observables(value for value, _ in facts.values)}
    return [one for one in told if one[2] is not None or one[1] not in said]


def _told_references(whole: WholeItem, facts: Facts) -> list[tuple[str, str]]:
    """What an item names, but for what its page says elsewhere: what it cites, its own values, and who wrote it."""
    if whole.format != "own":
        return list(facts.references)
    written = own.typed(whole.raw)
    said = {one.id for one in written.cites} | {one["id"] for one in own.observables(written.values)}
    return [one for one in facts.references if one[0] not in said | {whole.raw["created_by_ref"]}]


def _to_save(request: HttpRequest) -> str:
    """Address on which what the list shows is saved as a search; empty where it shows everything."""
    try:
        chosen = item_filters.chosen(request.GET)
    except UsageError:
        return ""
    return f"{reverse('intel:search-new')}?{urlencode(chosen, doseq=True)}"


def _allowed(actor: Actor) -> dict[str, Any]:
    """What the actor may do on these pages."""
    at = now_us()
    actions = (("import", "intel.import"), ("write", "intel.write"), ("edit", "intel.edit"), ("export", "intel.export"),
               ("ledger", "ledger.view"), ("prove", "ledger.prove"))  # fmt: skip
    told = {f"may_{name}": bool(may(actor, action, now_us=at)) for name, action in actions}
    return told | {"may_mark": may_begin(actor, "policy.mark"), "may_purge": may_begin(actor, "ledger.purge")}
