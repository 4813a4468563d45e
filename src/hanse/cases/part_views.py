"""Pages on which people, tasks, notes and links of a case are put on record and taken out again."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, looked_at
from hanse.cases import tying, working
from hanse.cases.choosing import case_for
from hanse.cases.forms import NoteForm, PersonForm, RemoveForm, TaskForm, TieForm
from hanse.cases.models import Case, CasePerson
from hanse.cases.projecting import PARTS
from hanse.cases.service import members
from hanse.intel.values import ValueProblem
from hanse.kernel.errors import UsageError
from hanse.policy.guarded import NotVisibleError
from hanse.web.page import Result, page, signed_in

_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def add_person(request: HttpRequest, case_id: UUID) -> Result:
    """Put a person on record."""
    row, actor = _case(request, case_id), signed_in(request)
    form = PersonForm(request.POST or None)
    words = {"title": _("Add a person"), "button": _("Add the person")}
    return act(request, row, form, lambda: working.add_person(row.pk, form.told, actor), words)


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def change_person(request: HttpRequest, case_id: UUID, person_id: UUID) -> Result:
    """Say something else of a person."""
    row, actor = _case(request, case_id), signed_in(request)
    person: CasePerson = working.person_of(row, person_id)
    names = ("category", "name", "born", "country", "note")
    form = PersonForm(request.POST or None, initial={name: getattr(person, name) for name in names})
    words = {"title": str(person), "button": _("Save"), "part": person}
    return act(request, row, form, lambda: working.change_person(row.pk, person_id, form.told, actor), words)


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def set_task(request: HttpRequest, case_id: UUID) -> Result:
    """Set a task."""
    row, actor = _case(request, case_id), signed_in(request)
    form = TaskForm(request.POST or None, people=members(row.team))

    def do() -> None:
        told = form.cleaned_data
        owner = UUID(told["owner"]) if told["owner"] else None
        working.set_task(row.pk, told["title"], actor, owner=owner, due_us=told["due"])

    return act(request, row, form, do, {"title": _("Set a task"), "button": _("Set the task")})


@page("cases.edit", "cases/act.html", methods=("POST",))
def tick(request: HttpRequest, case_id: UUID, task_id: UUID) -> Result:
    """Say that a task is done, or is not after all."""
    working.tick(case_id, task_id, signed_in(request), done=request.POST.get("done") != "no")
    return redirect(f"/cases/{case_id}/#tasks")


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def write_note(request: HttpRequest, case_id: UUID) -> Result:
    """Write a note."""
    row, actor = _case(request, case_id), signed_in(request)
    form = NoteForm(request.POST or None)
    words = {"title": _("Write a note"), "button": _("Keep the note")}
    return act(
        request, row, form, lambda: working.write_note(row.pk, form.cleaned_data["text"], actor), words
    )


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def tie(request: HttpRequest, case_id: UUID) -> Result:
    """Tie the case to an attack, a campaign or an item of intelligence."""
    row, actor = _case(request, case_id), signed_in(request)
    form = TieForm(request.POST or None, initial={"target": request.GET.get("target", "")})

    def do() -> None:
        named = _ID.search(form.cleaned_data["target"])
        one = UUID(named[0]) if named else None
        sort = tying.sort_of(one, actor) if one else ""
        if one is None or not sort:
            raise UsageError(
                _("There is no such thing, or it is not for you to see. Copy the address of its page.")
            )
        working.tie(row.pk, sort, one, form.cleaned_data["why"], actor)

    return act(request, row, form, do, {"title": _("Tie to something"), "button": _("Tie them")})


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def remove(request: HttpRequest, case_id: UUID, part_id: UUID) -> Result:
    """Take a part out of the case again."""
    row, actor = _case(request, case_id), signed_in(request)
    part = next((one for rows in PARTS for one in rows.filter(pk=part_id, case=row.pk)), None)
    if part is None:
        raise NotVisibleError(_("There is no such thing in this case. Load the page again."))
    form = RemoveForm(request.POST if request.method == "POST" else None)
    words = {
        "title": _("Take it out"), "button": _("Take it out"), "danger": True, "shown": str(part),
        "intro": _("It stays in the ledger, sealed, as long as the case is kept."),
    }  # fmt: skip
    return act(
        request, row, form, lambda: working.remove(row.pk, part_id, form.cleaned_data["reason"], actor), words
    )


def act(
    request: HttpRequest, row: Case, form: forms.Form, do: Callable[[], object], words: dict[str, Any]
) -> Result:
    """Show a form, or do what it says and go back to the case; what cannot be done stands in the form."""
    if request.method == "POST" and form.is_valid():
        try:
            do()
        except (UsageError, ValueProblem) as error:
            form.add_error(None, str(error))
        else:
            return redirect("cases:case", row.pk)
    return {"row": row, "form": form, "marking": row.marking.marking, **words}


def _case(request: HttpRequest, case_id: UUID) -> Case:
    """The case that is worked on; that it is looked at is written down."""
    row = case_for(signed_in(request), "cases.edit", case_id)
    looked_at(request, "cases.view", [row])
    return row
