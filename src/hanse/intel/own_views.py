"""The pages on which reports, indicators and sightings are written, changed and taken back, and items graded."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, looked_at
from hanse.intel import authoring, cited, correlating, grades, service
from hanse.intel.authoring import EditedError, Piece
from hanse.intel.cited import Thing
from hanse.intel.models import Item
from hanse.intel.own_forms import NEW, WORDS, GradeForm, TakeBackForm, typed
from hanse.intel.reading import facts_of
from hanse.intel.values.value import MASKED
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.ledger.identity import authority
from hanse.policy.asking import RefusedError
from hanse.web.page import Result, page, signed_in

VALUES_TAKEN = 200
"""Values of an item that a new indicator or report begins with."""


@page("intel.write", "intel/write.html", methods=("GET", "POST"))
@asks_why
def write(request: HttpRequest, kind: str) -> Result:
    """Write a report, an indicator or a sighting; what it begins with stands in the address."""
    if kind not in NEW:
        raise Http404
    actor = signed_in(request)
    of = _of(request, kind, actor)
    things = _things(request, actor)
    form = NEW[kind](
        request.POST if request.method == "POST" else None, initial=_begun(request, actor, things)
    )
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        piece = _with(form.piece, of)
        try:
            made = authoring.write(piece, actor, marking=told["whole"], team=told["team"])
        except (RefusedError, UsageError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, _stricter(told["whole"], Item.objects.get_for(actor, "intel.view", made))
            )
            return redirect("intel:item", made)
    shown = [*things, *([of] if of else [])]
    return {
        "form": form,
        "kind": kind,
        "of": of,
        "things": things,
        "marking": strictest([Marking.own(authority()), *(one.marking for one in shown)]),
    }


@page("intel.write", "intel/write.html", methods=("GET", "POST"))
@asks_why
def edit(request: HttpRequest, item_id: UUID) -> Result:
    """Change what was written here; who was overtaken by another sees what that one wrote, beside their own words."""
    actor = signed_in(request)
    row = Item.objects.get_for(actor, "intel.write", item_id)
    looked_at(request, "intel.view", [row])
    piece = authoring.piece_of(row)
    things = list(cited.seen(piece.cites, actor).values())
    data = request.POST.copy() if request.method == "POST" else None
    form = WORDS[row.type](data, initial=typed(piece, things))
    overtaken: Piece | None = None
    if form.is_bound and data is not None and form.is_valid():
        told = form.piece
        try:
            authoring.change(item_id, str(data.get("before", "")), authoring.carried_on(told, piece), actor)
        except EditedError as error:
            form.add_error(None, str(error))
            overtaken, data["before"] = piece, row.source_version
        except (RefusedError, UsageError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved. The version before is in the ledger."))
            return redirect("intel:item", item_id)
    before = data["before"] if data is not None and "before" in data else row.source_version
    return {
        "form": form,
        "kind": row.type,
        "row": row,
        "before": before,
        "overtaken": overtaken,
        "things": things,
        "marking": strictest([row.marking.marking, *(one.marking for one in things)]),
    }


@page("intel.write", "intel/take_back.html", methods=("GET", "POST"))
@asks_why
def take_back(request: HttpRequest, item_id: UUID) -> Result:
    """Take back what was written here: the form, and doing it."""
    actor = signed_in(request)
    row = Item.objects.get_for(actor, "intel.write", item_id)
    looked_at(request, "intel.view", [row])
    data = request.POST if request.method == "POST" else None
    form = TakeBackForm(data)
    if data is not None and form.is_valid():
        try:
            authoring.take_back(item_id, str(data.get("before", "")), form.cleaned_data["reason"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Taken back. It stays on record, struck out."))
            return redirect("intel:item", item_id)
    return {"row": row, "form": form, "before": row.source_version, "marking": row.marking.marking}


@page("intel.edit", "intel/grade.html", methods=("GET", "POST"))
@asks_why
def grade(request: HttpRequest, item_id: UUID) -> Result:
    """Say what is thought of an item's source and of what it says."""
    actor = signed_in(request)
    row = Item.objects.get_for(actor, "intel.edit", item_id)
    looked_at(request, "intel.view", [row])
    begun = {"grade": row.standing_grade, "confidence": row.standing_confidence}
    form = GradeForm(request.POST if request.method == "POST" else None, initial=begun)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            grades.grade(item_id, told["grade"], told["confidence"], told["reason"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Graded. It can be taken back on its page."))
            return redirect("intel:item", item_id)
    return {"row": row, "form": form, "marking": row.marking.marking}


@page("intel.edit", "intel/grade.html", methods=("POST",))
def ungrade(request: HttpRequest, item_id: UUID) -> Result:
    """Let the source's own word count again."""
    grades.withdraw(item_id, "", signed_in(request))
    messages.success(request, _("Taken back. What its source says counts again."))
    return redirect("intel:item", item_id)


def _of(request: HttpRequest, kind: str, actor: Actor) -> Thing | None:
    """What a new sighting is of.

    Raises:
        UsageError: The address does not say.
    """
    if kind != "sighting":
        return None
    found = cited.seen(_ids([request.GET.get("of", "")]), actor)
    if not found:
        raise UsageError(
            _("A sighting is of something that is here. Open the page of an indicator, and begin there.")
        )
    return next(iter(found.values()))


def _things(request: HttpRequest, actor: Actor) -> list[Thing]:
    """What the address says that is cited, as far as the actor may see it."""
    return list(cited.seen(_ids(request.GET.getlist("cite")), actor).values())


def _ids(texts: list[str]) -> list[UUID]:
    try:
        return [UUID(text) for text in texts]
    except ValueError:
        raise UsageError(
            _("The address names nothing. Begin on the page of what you want to cite.")
        ) from None


def _begun(request: HttpRequest, actor: Actor, things: list[Thing]) -> dict[str, Any]:
    """What stands in a new form: what is cited, and the values of an item that the address names."""
    begun: dict[str, Any] = {"cites": things}
    for one in _ids(request.GET.getlist("values"))[:1]:
        row = correlating.by_id(one, actor)
        looked_at(request, "intel.view", [row])
        values = dict.fromkeys(value for value, _role in facts_of(service.item_of(row)).values)
        begun["values"] = [value for value in values if value.kind not in MASKED][:VALUES_TAKEN]
    return begun


def _with(piece: Piece, of: Thing | None) -> Piece:
    """A piece with what it is a sighting of."""
    return piece if of is None else Piece(written=piece.written, of=UUID(of.cite.object), grade=piece.grade)


def _stricter(chosen: Marking, row: Item) -> str:
    """What is said once it is written."""
    marking = row.marking.marking
    if marking == chosen:
        return _("Written.")
    return _("Written, and marked %s: what it rests on is marked so.") % marking.banner()
