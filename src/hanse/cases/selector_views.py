"""Pages of a case's selectors: all of them, adding one, and taking a list in that was tried first.

A list goes to the page that asks and comes back from there, so that no file of it lies on the node.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.accounts.looking import FILE, asks_why, looked_at
from hanse.cases import selector_list, working
from hanse.cases.choosing import case_for
from hanse.cases.forms import ListForm, SelectorForm
from hanse.cases.models import Case, CasePerson, Selector
from hanse.cases.part_views import act
from hanse.cases.selector import KINDS
from hanse.kernel.errors import UsageError
from hanse.web import lists
from hanse.web.page import Result, page, signed_in

SHOWN = 500
"""Rows of a report on the page."""


def _listed(row: Case) -> lists.Listed:
    """The list of a case's selectors."""
    people = {one.pk: one for one in CasePerson.objects.filter(case=row.pk)}
    return lists.Listed(
        name="selectors",
        caption="Selectors",
        order="sequence",
        columns=(
            lists.Column(key="kind", label="Kind", value=lambda one: KINDS.get(one.kind, one.kind), sort="kind"),
            lists.Column(key="value", label="Value", value="written"),
            lists.Column(key="person", label="Used by", value=lambda one: str(people.get(one.person, ""))),
            lists.Column(key="note", label="Note"),
            lists.Column(key="time", label="Added", value="time_us", format="when"),
            lists.Column(key="actor_name", label="By"),
            lists.Column(key="sequence", label="Entry", format="count", sort="sequence", shown=False),
        ),
        filters=(lists.Filter(key="kind", label="Kind", field="kind", choices=list(KINDS.items())),),
        empty=lists.Empty("The identifiers of the case appear here: telephones, accounts, addresses, people."),
        export="cases.export",
    )  # fmt: skip


@page("cases.view", "cases/selectors.html")
@asks_why
def selectors(request: HttpRequest, case_id: UUID) -> Result:
    """All selectors of a case."""
    actor = signed_in(request)
    leaves = bool(request.GET.get("as"))
    row = case_for(actor, "cases.export" if leaves else "cases.view", case_id)
    looked_at(request, "cases.export" if leaves else "cases.view", [row], recipient=FILE if leaves else "")
    rows = Selector.objects.filter(case=row.pk)
    told = lists.answer(request, _listed(row), lambda _action: rows, "cases.view")
    if not isinstance(told, dict):
        return told
    return {**told, "row": row, "marking": row.marking.marking}


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def add_selector(request: HttpRequest, case_id: UUID) -> Result:
    """Add one selector."""
    actor = signed_in(request)
    row = _case(request, case_id)
    people = list(CasePerson.objects.filter(case=row.pk).order_by("sequence"))
    form = SelectorForm(
        request.POST or None, people=people, initial={"person": request.GET.get("person", "")}
    )

    def do() -> None:
        told = form.cleaned_data
        person = UUID(told["person"]) if told["person"] else None
        if form.found is not None:
            working.add_selector(row.pk, form.found, actor, person=person, note=told["note"])

    return act(request, row, form, do, {"title": _("Add a selector"), "button": _("Add the selector")})


@page("cases.edit", "cases/list_selectors.html", methods=("GET", "POST"))
@asks_why
def add_list(request: HttpRequest, case_id: UUID) -> Result:
    """Choose or paste a list, and see row by row what would come of it; nothing is changed."""
    row = _case(request, case_id)
    posted = request.method == "POST"
    form = ListForm(request.POST if posted else None, request.FILES if posted else None)
    told: dict[str, Any] = {
        "row": row, "form": form, "marking": row.marking.marking, "columns": selector_list.COLUMNS,
        "most": selector_list.MOST_BYTES, "kinds": KINDS,
    }  # fmt: skip
    if not posted or not form.is_valid():
        return told
    file = form.cleaned_data["file"]
    data: bytes = file.read(selector_list.MOST_BYTES + 1) if file else form.cleaned_data["text"].encode()
    try:
        report = working.add_list(row.pk, data, signed_in(request), apply=False)
    except UsageError as error:
        form.add_error("file" if file else "text", str(error))
        return told
    return {**told, **shown(report), "text": data.decode("utf-8-sig")}


@page("cases.edit", "cases/list_selectors.html", methods=("POST",))
def take_list(request: HttpRequest, case_id: UUID) -> Result:
    """Take the good rows of a list that was tried."""
    actor = signed_in(request)
    report = working.add_list(case_id, request.POST.get("text", "").encode(), actor)
    words = _("Selectors added: %(new)d. Known already: %(known)d. Rows left out: %(wrong)d.")
    told = {status: report.count(status) for status in ("new", "known", "wrong")}
    messages.success(request, words % told)
    return redirect("cases:case", case_id)


def shown(report: working.ListReport) -> dict[str, Any]:
    """A report as a page shows it: what is wrong first, then the rest in its order."""
    rows = sorted(report.rows, key=lambda one: one.status != "wrong")
    counts = {status: report.count(status) for status in ("new", "known", "wrong")}
    return {"report": report, "rows": rows[:SHOWN], "more_rows": max(0, len(rows) - SHOWN), "counts": counts}


def _case(request: HttpRequest, case_id: UUID) -> Case:
    row = case_for(signed_in(request), "cases.edit", case_id)
    looked_at(request, "cases.view", [row])
    return row
