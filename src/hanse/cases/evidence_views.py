"""The pages of evidence: what a case has, one piece with its chain of custody, and what is done with it."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hanse.accounts import consultations
from hanse.accounts.looking import asks_why, looked_at
from hanse.cases import evidence
from hanse.cases.choosing import case_for
from hanse.cases.evidence_forms import DestroyForm, EvidenceForm, HandleForm, OpenForm
from hanse.cases.evidence_models import DESTROYED, HELD, Custody, Evidence
from hanse.cases.models import Case
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import join, strictest
from hanse.policy.asking import may_begin
from hanse.policy.decision import Subject, may
from hanse.web import uploads
from hanse.web.page import Result, page, signed_in

SHOWN_OF_CASE = 50


@page("cases.view", "cases/evidence_list.html")
@asks_why
def of_case(request: HttpRequest, case_id: UUID) -> Result:
    """The evidence of a case."""
    actor = signed_in(request)
    case = case_for(actor, "cases.view", case_id)
    rows = evidence.of_case(case, actor)
    looked_at(request, "cases.view", [case, *rows])
    marking = strictest(one.marking.marking for one in (case, *rows))
    return {"case": case, "rows": rows, "marking": marking, **_allowed(actor)}


@page("cases.edit", "cases/evidence_add.html")
@asks_why
def add(request: HttpRequest, case_id: UUID) -> Result:
    """The form by which a file comes into a case."""
    case = case_for(signed_in(request), "cases.edit", case_id)
    looked_at(request, "cases.view", [case])
    return {"case": case, "form": EvidenceForm(initial=EvidenceForm.first()), "marking": case.marking.marking,
            "caps": evidence.CAPS}  # fmt: skip


@uploads.takes_uploads
@page("cases.edit", "cases/evidence_add.html", methods=("POST",))
def upload(request: HttpRequest, case_id: UUID) -> Result:
    """Take a file into a case. It is encrypted while it comes."""
    actor = signed_in(request)
    case = case_for(actor, "cases.edit", case_id)
    came = uploads.receive(request, evidence.CAPS, evidence.store().draft)
    form, file = EvidenceForm(came.fields), came.files[0]
    try:
        if form.is_valid():
            told = form.cleaned_data
            one = evidence.add(case.pk, evidence.Brought(
                draft=uploads.inbox_folder() / file.path, name=file.name or _("no name"), size=file.size,
                sha256=file.sha256, description=told["description"], source=told["source"],
                received_us=told["received_us"], place=told["place"], marking=told["marking"],
            ), told["why"], actor)  # fmt: skip
            return uploads.went(request, reverse("cases:evidence", args=[one]))
    except UsageError as error:
        form.add_error(None, str(error))
    finally:
        uploads.drop(came)
    if request.headers.get("Accept", "").startswith(
        "application/json"
    ):  # what was typed and chosen stands there still
        raise UsageError(_said(form))
    form.add_error(None, _("The file was not kept. Choose it once more."))
    told = {"case": case, "form": form, "marking": case.marking.marking, "caps": evidence.CAPS}
    return render(request, "cases/evidence_add.html", told, status=400)


def _said(form: EvidenceForm) -> str:
    """What is wrong with a form, each field by its label."""
    labels = {name: f"{field.label}: " for name, field in form.fields.items()}
    return " ".join(
        f"{labels.get(name, '')}{words}" for name, errors in form.errors.items() for words in errors
    )


@page("cases.view", "cases/evidence.html")
@asks_why
def one(request: HttpRequest, evidence_id: UUID) -> Result:
    """One piece of evidence and its chain of custody."""
    actor = signed_in(request)
    row, case = evidence.evidence_for(actor, "cases.view", evidence_id)
    looked_at(request, "cases.view", [row, case])
    links = evidence.chain(row)
    return {
        "row": row, "case": case, "links": links, "verdict": _verdict(row, links),
        "marking": join(row.marking.marking, case.marking.marking),
        "open_form": OpenForm(), "proposed": evidence.waiting_on(row.pk),
        "is_there": row.state != DESTROYED, "is_held": row.state == HELD,
        "keeps": _keeps(row, case, actor), **_allowed(actor),
    }  # fmt: skip


@page("cases.inspect", "cases/evidence.html", methods=("POST",))
def open_file(request: HttpRequest, evidence_id: UUID) -> Result:
    """The file itself, once it is said why; as it came, never opened on the node."""
    form = OpenForm(request.POST)
    if not form.is_valid():
        raise UsageError(" ".join(str(words) for errors in form.errors.values() for words in errors))
    told = form.cleaned_data
    return file_of(signed_in(request), evidence_id, told["why"], told["whom"])


@page("cases.edit", "cases/evidence_act.html", methods=("GET", "POST"))
@asks_why
def handle(request: HttpRequest, evidence_id: UUID) -> Result:
    """Say what happened to the original."""
    actor = signed_in(request)
    row, case = evidence.evidence_for(actor, "cases.edit", evidence_id)
    looked_at(request, "cases.view", [row, case])
    form = HandleForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            evidence.handle(row.pk, told["what"], told["whom"], told["why"], actor)
            return redirect("cases:evidence", row.pk)
        except UsageError as error:
            form.add_error(None, str(error))
    return _acting(row, case, form, _("What happened to the original"), _("Put it on record"))


@page("cases.erase", "cases/evidence_act.html", methods=("GET", "POST"))
@asks_why
def destroy(request: HttpRequest, evidence_id: UUID) -> Result:
    """Propose that the file is destroyed."""
    actor = signed_in(request)
    row, case = evidence.evidence_for(actor, "cases.erase", evidence_id)
    looked_at(request, "cases.view", [row, case])
    form = DestroyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            evidence.propose_destruction(row.pk, form.cleaned_data["why"], actor)
            messages.success(request, _("It is proposed. Another person decides on it in Approvals."))
            return redirect("cases:evidence", row.pk)
        except UsageError as error:
            form.add_error(None, str(error))
    told = _acting(row, case, form, _("Destroy the file"), _("Propose to destroy it"))
    return told | {"danger": True, "words": _(
        "The file goes for good once another person agrees. What it was, its hash and its chain of custody stay on record."
    )}  # fmt: skip


def file_of(actor: Actor, evidence_id: UUID, why: str, whom: str) -> StreamingHttpResponse:
    """A file as an answer: that it was opened is in its chain of custody and in the log before a byte is sent."""
    row, pieces = evidence.take_out(evidence_id, why, whom, actor)
    action = "cases.take" if whom.strip() else "cases.inspect"
    subject = Subject("evidence", row.marking.marking, row.team)
    consultations.required(actor, action, [(row.pk, subject)], why, recipient=whom.strip())
    response = StreamingHttpResponse(pieces, content_type="application/octet-stream")
    response["Content-Length"] = str(row.size)
    response["Content-Disposition"] = f'attachment; filename="{uploads.stored_name(row.exhibit, row.name)}"'
    return response


def panel(case: Case, actor: Actor) -> str:
    """The section of a case's page that shows its evidence."""
    rows = evidence.of_case(case, actor)
    told = {
        "case": case,
        "rows": rows[:SHOWN_OF_CASE],
        "more": max(0, len(rows) - SHOWN_OF_CASE),
        **_allowed(actor),
    }
    return render_to_string("cases/evidence_panel.html", told)


def _keeps(row: Evidence, case: Case, actor: Actor) -> str:
    """Why a piece of evidence cannot be handed out, in words; empty where it can."""
    for model, one_of in ((Evidence, row), (Case, case)):
        decision = model.objects.judge(actor, "cases.take", one_of)
        if not decision:
            return str(decision.words)
    return ""


def _verdict(row: Evidence, links: list[Custody]) -> str:
    """How a piece of evidence stands, in a sentence."""
    done = Counter(link.what for link in links)
    out = done["exported"] + done["court"]
    looked = ngettext("opened once", "opened {n} times", done["viewed"]).format(n=units.count(done["viewed"]))
    handed = ngettext("handed out once", "handed out {n} times", out).format(n=units.count(out))
    told = [words for words, number in ((looked, done["viewed"]), (handed, out)) if number]
    since = f"{row.get_state_display()}; received {units.minute(row.received_us)[:10]}"
    return f"{since}, {' and '.join(told) or _('never opened since')}."


def _acting(row: Evidence, case: Case, form: Any, title: str, button: str) -> dict[str, Any]:
    return {"row": row, "case": case, "form": form, "title": title, "button": button,
            "marking": join(row.marking.marking, case.marking.marking)}  # fmt: skip


def _allowed(actor: Actor) -> dict[str, Any]:
    """What the actor may do on these pages."""
    at = now_us()
    actions = (("edit", "cases.edit"), ("inspect", "cases.inspect"), ("take", "cases.take"), ("ledger", "ledger.view"),
               ("prove", "ledger.prove"))  # fmt: skip
    told = {f"may_{name}": bool(may(actor, action, now_us=at)) for name, action in actions}
    return told | {"may_erase": may_begin(actor, "cases.erase")}
