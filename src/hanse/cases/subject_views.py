"""The pages of subject access: requests, what is held on somebody, the answer, erasing, and the statement of it."""

from functools import partial
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.cases import subject
from hanse.cases.evidence_models import Evidence
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.subject_finding import SORTS, Held, held_on
from hanse.cases.subject_forms import AnswerForm, AskForm, EraseForm
from hanse.cases.subject_models import ANSWERS, OPEN, Erasure, SubjectRequest
from hanse.intel.models import Item
from hanse.intel.values import ValueProblem
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.web import lists
from hanse.web.page import Result, page, signed_in


def _url(row: SubjectRequest) -> str:
    return reverse("cases:subject", args=[row.pk])


LIST = lists.Listed(
    name="requests",
    caption="Requests of people about themselves",
    order="-received",
    columns=(
        lists.Column(key="who", label="Who asks", value=str, link=_url),
        lists.Column(key="received", label="Came", value="received_us", format="when", sort="received_us"),
        lists.Column(key="state", label="Answer", value=lambda row: row.get_state_display(), sort="state"),
        lists.Column(key="answered", label="Answered", value="answered_us", format="when"),
        lists.Column(key="by", label="By", value="answered_by"),
    ),
    filters=(lists.Filter(key="state", label="Answer", field="state", choices=list(ANSWERS.items())),),
    row_url=_url,
    export="cases.tell",
    empty=lists.Empty(
        "Whoever asks what is held on them is put on record here, and answered.",
        (("Take a request", "/cases/subjects/ask/", "cases.answer"),),
    ),
)  # fmt: skip


@page("cases.answer", "cases/subject_list.html")
@asks_why
def requests(request: HttpRequest) -> Result:
    """The requests, and the erasures."""
    actor = signed_in(request)
    told = listed(request, LIST, partial(SubjectRequest.objects.for_actor, actor), "cases.answer")
    if not isinstance(told, dict):
        return told
    erasures = Erasure.objects.for_actor(actor, "cases.answer").order_by("-time_us")[:50]
    return told | {"erasures": list(erasures)}


@page("cases.answer", "cases/subject_ask.html", methods=("GET", "POST"))
def ask(request: HttpRequest) -> Result:
    """Take a request."""
    posted = request.method == "POST"
    form = AskForm(request.POST if posted else None, initial=AskForm.first())
    if posted and form.is_valid():
        try:
            return redirect("cases:subject", subject.take(form.request(), signed_in(request)))
        except ValueProblem as error:
            form.add_error("selectors", str(error))
        except UsageError as error:
            form.add_error(None, str(error))
    return {"form": form}


@page("cases.answer", "cases/subject.html", methods=("GET", "POST"))
@asks_why
def one(request: HttpRequest, request_id: UUID) -> Result:
    """A request: what is held on whom it is about, and the answer."""
    actor = signed_in(request)
    row = subject.request_for(actor, request_id)
    posted = request.method == "POST"
    form = AnswerForm(request.POST if posted else None)
    if posted and form.is_valid():
        told = form.cleaned_data
        try:
            subject.answer(row.pk, told["what"], _chosen(request), told["ground"], told["why"], actor)
            messages.success(request, _("The answer is on record."))
            return redirect("cases:subject", row.pk)
        except UsageError as error:
            form.add_error(None, str(error))
    held = held_on(subject.person_of(row), actor)
    shown = written_down(request, row, held, actor)
    chosen = {one.object_id for one in held if one.sure and not one.kept_back}
    if posted:
        chosen = set(_chosen(request))
    return {
        "row": row, "person": subject.person_of(row), "held": _with_words(held), "chosen": chosen, "form": form,
        "is_open": row.state == OPEN, "marking": shown, "verdict": _verdict(held), "is_told": bool(row.told),
        "may_erase": may_begin(actor, "cases.erase"), "proposed": subject.waiting_on(row.pk), "reasons": row.why,
        "may_ledger": bool(may(actor, "ledger.view", now_us=now_us())),
        "may_prove": bool(may(actor, "ledger.prove", now_us=now_us())),
    }  # fmt: skip


@page("cases.tell", "cases/subject.html")
@asks_why
def printed(request: HttpRequest, request_id: UUID) -> Result:
    """What they are told, as a page to be printed, or as JSON."""
    actor = signed_in(request)
    row = subject.request_for(actor, request_id, "cases.tell")
    looked_at(request, "cases.tell", [row], recipient=subject.THEY)
    return answer_of(row, actor, as_json=request.GET.get("as") == "json")


@page("cases.erase", "cases/subject_erase.html", methods=("GET", "POST"))
@asks_why
def erase(request: HttpRequest, request_id: UUID) -> Result:
    """Choose what is erased, and propose it."""
    actor = signed_in(request)
    row = subject.request_for(actor, request_id)
    posted = request.method == "POST"
    form = EraseForm(request.POST if posted else None)
    if posted and form.is_valid():
        told = form.cleaned_data
        try:
            subject.propose_erasure(row.pk, _chosen(request), told["law"], told["why"], actor)
            messages.success(request, _("It is proposed. Another person decides on it in Approvals."))
            return redirect("cases:subject", row.pk)
        except UsageError as error:
            form.add_error(None, str(error))
    held = held_on(subject.person_of(row), actor)
    shown = written_down(request, row, held, actor)
    chosen = (
        set(_chosen(request)) if posted else {one.object_id for one in held if one.sure and not one.stays}
    )
    return {"row": row, "held": _with_words(held), "chosen": chosen, "form": form, "marking": shown,
            "receivers": subject.receivers(held)}  # fmt: skip


@page("cases.answer", "cases/subject_erasure.html")
@asks_why
def erasure(request: HttpRequest, erasure_id: UUID) -> Result:
    """What was erased for a request: it names nobody."""
    actor = signed_in(request)
    row = subject.erasure_for(actor, erasure_id)
    looked_at(request, "cases.answer", [row])
    at = now_us()
    return {"row": row, "marking": row.marking.marking, "may_ledger": bool(may(actor, "ledger.view", now_us=at)),
            "may_prove": bool(may(actor, "ledger.prove", now_us=at)), "may_tell": bool(may(actor, "cases.tell", now_us=at))}  # fmt: skip


@page("cases.tell", "cases/subject_erasure.html", methods=("POST",))
def statement(request: HttpRequest, erasure_id: UUID) -> HttpResponseBase:
    """The statement of an erasure, with its proofs, as an archive for `hanse verify`."""
    actor = signed_in(request)
    return statement_of(subject.erasure_for(actor, erasure_id), actor)


def statement_of(row: Erasure, actor: Actor) -> StreamingHttpResponse:
    """The archive as an answer, made while it is sent."""
    pieces = (piece for piece in subject.statement(row, actor) if piece)
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="hanse-erasure-{row.pk.hex[:12]}.zip"'
    return response


def answer_of(row: SubjectRequest, actor: Actor, *, as_json: bool) -> HttpResponse:
    """What they are told, as a page of its own or as JSON.

    Raises:
        UsageError: The request is not answered yet.
    """
    if row.state == OPEN:
        raise UsageError(_("The request is not answered yet. Answer it first."))
    held = subject.told_in(row, actor)
    if as_json:
        return HttpResponse(_json(row, held), content_type="application/json")
    told = {"row": row, "held": _with_words(held), "cases": subject.cases_of(held), "node": settings.HANSE_NODE,
            "now_us": now_us()}  # fmt: skip
    response = HttpResponse(render_to_string("cases/subject_print.html", told))
    response["Content-Disposition"] = f'attachment; filename="answer-{row.pk.hex[:12]}.html"'
    return response


def _json(row: SubjectRequest, held: list[Held]) -> bytes:
    """What they are told, for programs: per thing what it is and says, and by which law the case has it."""
    told = {
        "format": "hanse/subject-access/1", "request": str(row.pk), "authority": settings.HANSE_NODE.authority,
        "answered_us": row.answered_us, "answer": row.state, "ground": row.ground,
        "held": [
            {"id": str(one.object_id), "sort": one.sort, "what": one.what, "how": one.how, "entry": one.sequence,
             "legal_basis": one.case.legal_basis if one.case else "", "purpose": one.case.purpose if one.case else "",
             "kept_until_us": one.case.retention_us if one.case else None}
            for one in held
        ],
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(told), indent=1)


def _chosen(request: HttpRequest) -> list[UUID]:
    """The objects that are ticked; what is no id is none."""
    found = []
    for text in request.POST.getlist("objects"):
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _with_words(held: list[Held]) -> list[tuple[Held, str]]:
    return [(one, SORTS[one.sort]) for one in held]


def written_down(request: HttpRequest, row: SubjectRequest, held: list[Held], actor: Actor) -> Marking:
    """Write down what the page shows; its marking, as strict as the strictest."""
    ids = [one.object_id for one in held]
    cases = subject.cases_of(held)
    items = list(Item.objects.for_actor(actor, "intel.view").filter(pk__in=ids).select_related("marking"))
    files = list(Evidence.objects.for_actor(actor, "cases.view").filter(pk__in=ids).select_related("marking"))
    said_in = JointSaying.objects.filter(pk__in=ids).values("joint")
    joint = JointCase.objects.for_actor(actor, "cases.view").filter(Q(pk__in=said_in) | Q(pk__in=ids))
    joints = list(joint.select_related("marking"))
    looked_at(request, "cases.answer", [row])
    if cases or files or joints:
        looked_at(request, "cases.view", [*cases, *files, *joints])
    if items:
        looked_at(request, "intel.view", items)
    return strictest(one.marking.marking for one in (row, *cases, *files, *joints, *items))


def _verdict(held: list[Held]) -> str:
    """What is held, in a sentence."""
    sure, cases = sum(one.sure for one in held), len(subject.cases_of(held))
    items = sum(one.case is None for one in held)
    if not held:
        return _("Nothing that you may see is held on them.")
    places = [words for words, number in (
        (_("{n} cases").format(n=cases) if cases != 1 else _("1 case"), cases),
        (_("{n} items of intelligence").format(n=items) if items != 1 else _("1 item of intelligence"), items),
    ) if number]  # fmt: skip
    perhaps = _(" {n} more may be about them.").format(n=len(held) - sure) if len(held) > sure else ""
    things = _("{n} things are").format(n=sure) if sure != 1 else _("1 thing is")
    return (
        _("{things} held on them, in {places}.").format(things=things, places=_(" and ").join(places))
        + perhaps
    )
