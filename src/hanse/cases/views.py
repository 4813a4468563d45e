"""The pages of cases: all of them, one, and opening one."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.cases import service
from hanse.cases.choosing import case_for, visible
from hanse.cases.forms import OpenForm
from hanse.cases.models import Case
from hanse.cases.words import STATES
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.decision import may
from hanse.web import lists
from hanse.web.page import Result, page, signed_in


def _url(row: Case) -> str:
    return reverse("cases:case", args=[row.pk])


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
        lists.Filter(key="review", label="Review until", field="review_us__lte", read=int,
                     help="Microseconds UTC."),
    ),
    row_url=_url,
    empty=lists.Empty(
        "The cases of your teams appear here. Nobody else knows that they exist.",
        (("Open a case", "/cases/open/"),),
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
            return redirect("cases:case", case_id)
    return {"form": form}


@page("cases.view", "cases/case.html")
@asks_why
def case(request: HttpRequest, case_id: UUID) -> Result:
    """One case."""
    actor = signed_in(request)
    row = case_for(actor, "cases.view", case_id)
    looked_at(request, "cases.view", [row])
    return {"row": row, "marking": row.marking.marking, **allowed(actor)}


def allowed(actor: Actor) -> dict[str, Any]:
    """What the actor may do on these pages."""
    at = now_us()
    actions = (("open", "cases.open"), ("edit", "cases.edit"), ("export", "cases.export"), ("ledger", "ledger.view"),
               ("prove", "ledger.prove"))  # fmt: skip
    return {f"may_{name}": bool(may(actor, action, now_us=at)) for name, action in actions}
