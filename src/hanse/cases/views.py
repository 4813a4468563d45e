"""The pages of cases: all of them, one, and opening one."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.cases import case_page, panels, service
from hanse.cases.choosing import case_for, visible
from hanse.cases.forms import ChangeForm, KeepForm, OpenForm, StatusForm, day_of
from hanse.cases.models import Case, Task
from hanse.cases.part_views import act
from hanse.cases.words import CLOSED, STATES
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.web import lists
from hanse.web.page import Result, page, signed_in


def _url(row: Case) -> str:
    return reverse("cases:case", args=[row.pk])


def _due(text: str) -> Any:
    """Ids of the cases whose review is due.

    Raises:
        ValueError: Something else is asked for.
    """
    _only("due", text)
    return Case.projected.filter(review_us__lte=now_us()).exclude(status=CLOSED).values("pk")


def _overdue(text: str) -> Any:
    """Ids of the cases in which a task is overdue; whose it is the page of the case says.

    Raises:
        ValueError: Something else is asked for.
    """
    _only("overdue", text)
    late = Task.objects.filter(done_us__isnull=True, due_us__lt=now_us())
    return late.values("case")


def _only(word: str, text: str) -> None:
    if text != word:
        raise ValueError(text)


LIST = lists.Listed(
    name="cases",
    caption="Cases",
    order="-changed",
    columns=(
        lists.Column(key="title", label="Case", value=str, link=_url),
        lists.Column(key="reference", label="File number"),
        lists.Column(key="status", label="State", value=lambda row: row.get_status_display(), sort="status"),
        lists.Column(key="changed", label="Changed", value="changed_us", format="when", sort="changed_us"),
        lists.Column(key="review", label="Review", value="review_us", format="when", sort="review_us"),
        lists.Column(key="retention", label="Kept until", value="retention_us", format="when"),
        lists.Column(key="opened", label="Opened", value="opened_us", format="when", sort="opened_us", shown=False),
        lists.Column(key="authority", label="Authority", shown=False),
    ),
    filters=(
        lists.Filter(key="status", label="State", field="status", choices=list(STATES.items())),
        lists.Filter(
            key="review", label="Review", field="pk__in", choices=[("due", "Due")], read=_due
        ),
        lists.Filter(
            key="task", label="Tasks", field="pk__in", choices=[("overdue", "Overdue")], read=_overdue
        ),
    ),
    row_url=_url,
    export="cases.export",
    empty=lists.Empty(
        "The cases of your teams appear here. Nobody else knows that they exist.",
        (("Open a case", "/cases/open/", "cases.open"),),
    ),
)  # fmt: skip


@page("cases.view", "cases/list.html")
@asks_why
def cases(request: HttpRequest) -> Result:
    """The cases of the actor's teams."""
    actor = signed_in(request)
    told = listed(request, LIST, partial(visible, actor), "cases.view")
    return told | allowed(actor) if isinstance(told, dict) else told


@page("cases.open", "cases/open.html", methods=("GET", "POST"))
def open_case(request: HttpRequest) -> Result:
    """Open a case: the form, and doing it."""
    actor = signed_in(request)
    posted = request.method == "POST"
    form = OpenForm(request.POST if posted else None, initial=OpenForm.first(), actor=actor)
    if posted and form.is_valid():
        told = form.cleaned_data
        try:
            case_id = service.open_case(
                form.said(), told["retention"], actor, team=UUID(told["team"]) if told["team"] else None,
                new_team=told["new_team"], marking=told["marking"],
            )  # fmt: skip
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The case is open. Only its team knows that it exists."))
            return redirect("cases:case", case_id)
    return {"form": form}


@page("cases.view", "cases/case.html")
@asks_why
def case(request: HttpRequest, case_id: UUID) -> Result:
    """One case."""
    actor = signed_in(request)
    row = case_for(actor, "cases.view", case_id)
    told = case_page.told(row, actor)
    others = case_page.looked_up(told["known"], told["ties"])
    looked_at(request, "cases.view", [row, *others.pop("cases.view", ())])
    for action, rows in others.items():
        looked_at(request, action, rows)
    marking = strictest(one.marking.marking for one in [row, *case_page.rows_of(told)])
    added = {
        name: panels.shown(registered, row, actor)
        for name, registered in (
            ("panels", panels.panels),
            ("figures", panels.figures),
            ("acts", panels.acts),
        )
    }
    return {"row": row, **told, **added, **allowed(actor), "marking": marking}


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def change(request: HttpRequest, case_id: UUID) -> Result:
    """Let the case say something else of itself."""
    actor = signed_in(request)
    row = case_for(actor, "cases.edit", case_id)
    looked_at(request, "cases.view", [row])
    names = ("title", "reference", "authority", "legal_basis", "purpose")
    first = {name: getattr(row, name) for name in names} | {
        "review": day_of(row.review_us),
        "owner": str(row.owner),
    }
    form = ChangeForm(request.POST or None, initial=first, people=service.members(row.team))

    def do() -> None:
        told = form.cleaned_data
        said = form.said(UUID(told["owner"]))
        if day_of(said.review_us) == day_of(row.review_us):
            said = replace(said, review_us=row.review_us)
        service.change(row.pk, said, actor, told["reason"])

    return act(request, row, form, do, {"title": _("Change the case"), "button": _("Save")})


@page("cases.edit", "cases/act.html", methods=("GET", "POST"))
@asks_why
def state(request: HttpRequest, case_id: UUID) -> Result:
    """Suspend, close or reopen the case."""
    actor = signed_in(request)
    row = case_for(actor, "cases.edit", case_id)
    looked_at(request, "cases.view", [row])
    form = StatusForm(request.POST or None, initial={"status": row.status})

    def do() -> None:
        service.set_status(row.pk, form.cleaned_data["status"], form.cleaned_data["reason"], actor)

    words = {
        "title": _("Set the state"), "button": _("Set it"),
        "intro": _("A closed case takes nothing in any more. It can be reopened."),
    }  # fmt: skip
    return act(request, row, form, do, words)


@page("cases.keep", "cases/act.html", methods=("GET", "POST"))
@asks_why
def keep(request: HttpRequest, case_id: UUID) -> Result:
    """Say until when the case is kept."""
    actor = signed_in(request)
    row = case_for(actor, "cases.keep", case_id)
    looked_at(request, "cases.view", [row])
    first = {"review": day_of(row.review_us), "retention": day_of(row.retention_us)}
    form = KeepForm(request.POST or None, initial=first)

    def do() -> None:
        told = form.cleaned_data
        service.keep(row.pk, told["retention"], told["review"], told["reason"], actor)

    words = {
        "title": _("Review, and keep until"), "button": _("Decide"),
        "intro": _("The law asks that it is decided again and again whether the case is still needed."),
    }  # fmt: skip
    return act(request, row, form, do, words)


def allowed(actor: Actor) -> dict[str, Any]:
    """What the actor may do on these pages."""
    at = now_us()
    actions = (("open", "cases.open"), ("edit", "cases.edit"), ("export", "cases.export"), ("answer", "cases.answer"), ("ledger", "ledger.view"),
               ("prove", "ledger.prove"))  # fmt: skip
    told = {f"may_{name}": bool(may(actor, action, now_us=at)) for name, action in actions}
    return told | {"may_keep": may_begin(actor, "cases.keep"), "may_mark": may_begin(actor, "policy.mark")}
