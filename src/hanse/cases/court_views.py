"""The page on which a case is exported for court: what goes, what is kept back and why, what went before."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from hanse.accounts.looking import asks_why, looked_at, looked_at_again
from hanse.cases import court
from hanse.cases.choosing import case_for
from hanse.cases.forms import QuietForm
from hanse.cases.models import Case
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.decision import may
from hanse.web.forms import ReasonField
from hanse.web.page import Result, page, signed_in
from hanse.web.partial import asked_for, etag_of, part_or_unchanged

GIVEN_OUT = "given-out"
"""The element of the page that is kept up to date: an archive stands in it once all of it was sent."""


class CourtForm(QuietForm):
    """To whom a case goes, and why."""

    whom = forms.CharField(label=_("To which court or prosecutor"), max_length=500)
    why = ReasonField(help_text=_("It is kept with your name, and stands in the archive."))


@page("cases.export", "cases/court.html", methods=("GET", "POST"))
@asks_why
def export(request: HttpRequest, case_id: UUID) -> Result:
    """What would go, the form, and the archive once it is said to whom and why."""
    actor = signed_in(request)
    posted = request.method == "POST"
    form = CourtForm(request.POST if posted else None)
    if posted and form.is_valid():
        try:
            return archive(case_id, form.cleaned_data["whom"], form.cleaned_data["why"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
    if asked_for(request, GIVEN_OUT):
        case = case_for(actor, "cases.export", case_id)
        looked_at_again(request, "cases.view", [case])
        html = render_to_string("cases/court_given_out.html", _given_out(case))
        return part_or_unchanged(request, html, etag_of(html))
    choice = court.choose(case_id, actor)
    looked_at(request, "cases.view", [choice.case])
    return {
        "choice": choice, "form": form, "marking": choice.case.marking.marking,
        "size": sum(row.size for row in choice.going), **_given_out(choice.case),
    }  # fmt: skip


def archive(case_id: UUID, whom: str, why: str, actor: Actor) -> StreamingHttpResponse:
    """The archive as an answer, made while it is sent."""
    case, pieces = court.export(case_id, whom, why, actor)
    response = StreamingHttpResponse(_some(pieces), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{_file_name(case)}"'
    return response


def act(case: Case, actor: Actor) -> str:
    """The action at the right of a case's page; nothing for who may not export it."""
    told: dict[str, Any] = {"case": case}
    allowed = may(actor, "cases.export", now_us=now_us()) and Case.objects.judge(actor, "cases.export", case)
    return render_to_string("cases/court_act.html", told) if allowed else ""


def panel(case: Case, _: Actor) -> str:
    """The section of a case's page that says which archives were given out."""
    told = _given_out(case)
    return render_to_string("cases/court_panel.html", told) if told["exports"] else ""


def _given_out(case: Case) -> dict[str, Any]:
    """Which archives of a case were given out, and how one is verified."""
    return {
        "case": case, "exports": court.exports_of(case), "file": _file_name(case), "fingerprint": court.own_fingerprint(),
    }  # fmt: skip


def _file_name(case: Case) -> str:
    return f"hanse-case-{case.pk.hex[:12]}.zip"


def _some(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces that hold anything: an empty one would end a chunked answer."""
    return (piece for piece in pieces if piece)
