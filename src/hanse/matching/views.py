"""The pages of matching: what partners have too, what is compared, what was agreed."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, looked_at
from hanse.cases.choosing import case_for
from hanse.cases.joint_models import JointCase
from hanse.cases.models import Case
from hanse.federation.models import Partner
from hanse.federation.partners import partner_of
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.matching import (
    agreeing,
    contacting,
    hits,
    reopening,
    reopening_days,
    running,
    showing,
    standing_on,
    who_else,
    withholding,
)
from hanse.matching.contacting import Told
from hanse.matching.forms import AgreementForm, KeepOutForm, OfferForm, OpeningOfferForm, QuestionForm
from hanse.matching.models import Agreement
from hanse.matching.quota import PER_CASE
from hanse.matching.tags import ASKED
from hanse.policy.asking import may_begin
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in


@page("matching.oversee", "matching/matches.html")
@asks_why
def matches(request: HttpRequest) -> Result:
    """What waits for an answer, what is compared, and what was agreed with whom."""
    actor = signed_in(request)
    told: dict[str, Any] = {
        "runs": showing.runs(actor), "agreements": showing.agreements(actor), "oversees": showing.oversees(actor), "proposals": showing.proposals(),
        "counts": showing.counts(), "days": showing.days(actor), "askings": showing.askings(actor), "may_reopen": may_begin(actor, reopening.REOPEN), "without": showing.partners_without(), "per_case": PER_CASE,
        **{name: may_begin(actor, f"matching.{name.removeprefix('may_')}") for name in ("may_run", "may_agree", "may_view")},
    }  # fmt: skip
    if told["may_view"]:
        told["hits"] = showing.hits_of(actor)
        cases = list({one.case.pk: one.case for one in told["hits"]}.values())
        looked_at(request, hits.VIEW, cases)
        if cases:
            told["marking"] = strictest(one.marking.marking for one in cases)
    return told


@page("matching.agree", "matching/agree.html", methods=("GET", "POST"))
def agree(request: HttpRequest, partner: str = "") -> Result:
    """Propose what is compared with a partner from now on."""
    held = Agreement.objects.filter(partner=partner).first() if partner else None
    if partner:
        partner_of(partner)
    form = AgreementForm(request.POST if request.method == "POST" else None, held=held, partner=partner)
    if form.is_bound and form.is_valid():
        try:
            agreeing.propose(form.terms, form.cleaned_data["reason"], signed_in(request))
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Proposed. It holds once another person approves it."))
            return redirect("matching:matches")
    return {"form": form, "held": held}


@page("matching.agree", "matching/why.html", methods=("GET", "POST"))
def end(request: HttpRequest, partner: str) -> Result:
    """Offer nothing to a partner any more."""
    agreeing.agreement_with(partner)
    told = {
        "title": _("End what is agreed"), "button": _("End it"),
        "words": _("Nothing is compared with %s any more. Hits that were found stay.") % partner_of(partner).name,
    }  # fmt: skip
    return _why(request, told, lambda why: agreeing.end(partner, why, signed_in(request)))


@page("matching.run", "matching/why.html", methods=("GET", "POST"))
def ask(request: HttpRequest, partner: str) -> Result:
    """Have all that is agreed compared with a partner now."""
    agreeing.agreement_with(partner)
    told = {
        "title": _("Compare with %s") % partner_of(partner).name, "button": _("Compare now"),
        "words": _("Both sides learn which selectors both have, and nothing else. The partner learns how many you have, of which kinds together, the legal basis, and that you asked."),
    }  # fmt: skip
    return _why(request, told, lambda why: running.ask(partner, signed_in(request), why))


@page("matching.run", "matching/why.html", methods=("GET", "POST"))
def stop(request: HttpRequest, run: UUID) -> Result:
    """End a run before it finishes."""
    told = {
        "title": _("Stop a comparison"), "button": _("Stop it"),
        "words": _("It ends on both sides. The partner is told that it was stopped, and not why."),
    }  # fmt: skip
    return _why(request, told, lambda why: running.stop(run, signed_in(request), why))


@page("matching.reopen", "matching/why.html", methods=("GET", "POST"))
def reopen(request: HttpRequest, run: UUID) -> Result:
    """Do a comparison again, and say whether it was honest on this side."""
    told = {
        "title": _("Do a comparison again"), "button": _("Do it again"),
        "words": _("What was put in and sent is made anew from the sealed secret and compared with the cases and the ledger. You are told what differs, and no selector. That you did it stands in the ledger."),
    }  # fmt: skip

    honest = _("It was honest: its inputs stood in cases, and what was sent is made of them.")
    return _why(
        request, told, lambda why: _say(request, reopening.reopen(run, signed_in(request), why), honest)
    )


@page("matching.reopen", "matching/why.html", methods=("GET", "POST"))
def reopen_count(request: HttpRequest, count: UUID) -> Result:
    """Do a count of common sources again, and say whether it was honest on this side."""
    told = {
        "title": _("Do a count again"), "button": _("Do it again"),
        "words": _("What was put in and sent is made anew from the sealed secret and compared with the attack on record and the ledger. You are told what differs, and no source. That you did it stands in the ledger."),
    }  # fmt: skip
    honest = _(
        "It was honest: its sources are those of the attack on record, and what was sent is made of them."
    )
    return _why(
        request,
        told,
        lambda why: _say(request, reopening.reopen_count(count, signed_in(request), why), honest),
    )


@page("matching.reopen", "matching/why.html", methods=("GET", "POST"))
def reopen_day(request: HttpRequest, partner: str, epoch: str) -> Result:
    """Do a day of standing matching again, and say whether it was honest on this side: a job."""
    told = {
        "title": _("Do a day of standing matching again"), "button": _("Do it again"),
        "words": _("Each turn of %(day)s with %(partner)s is made anew from the sealed secret and compared with the cases, with the ledger and with what the partner says. It takes up to half a minute. What differs stands beside the day then, and no selector. That you did it stands in the ledger.") % {"day": epoch, "partner": partner_of(partner).name},
    }  # fmt: skip
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            job = reopening_days.begin(partner, epoch, signed_in(request), form.cleaned_data["reason"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            return redirect("jobs:job", job.pk)
    return {"form": form, **told}


def _say(request: HttpRequest, found: Sequence[str], honest: str) -> None:
    """Say what was found when something was done again."""
    if found:
        messages.error(request, " ".join(found))
    else:
        messages.success(request, honest)


def _why(request: HttpRequest, told: dict[str, Any], act: Callable[[str], object], then: str = "") -> Result:
    """A page that asks why, does something, and goes on at an address, or to all matches."""
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            act(form.cleaned_data["reason"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            return redirect(then or "matching:matches")
    return {"form": form, **told}


@page("matching.view", "matching/hit.html")
@asks_why
def hit(request: HttpRequest, hit_id: UUID) -> Result:
    """One hit: what both have, and how the contact stands."""
    one = _shown(request, hit_id)
    return _page(request, one, _form(one, None))


@page("matching.contact", "matching/hit.html", methods=("POST",))
@asks_why
def offer(request: HttpRequest, hit_id: UUID) -> Result:
    """Offer a name, a hint or a joint case; what cannot be is said in the form."""
    one = _shown(request, hit_id)
    form = _form(one, request.POST)
    if form.is_valid():
        try:
            contacting.offer(hit_id, form.told, signed_in(request))
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Said, and sent to the partner."))
            return redirect("matching:hit", hit_id)
    return _page(request, one, form)


@page("matching.contact", "matching/hit.html", methods=("POST",))
def decline(request: HttpRequest, hit_id: UUID) -> Result:
    """Want no contact: the partner is told that, and nothing else."""
    try:
        contacting.offer(hit_id, Told(declined=True), signed_in(request))
    except UsageError as error:
        messages.error(request, str(error))
    return redirect("matching:hit", hit_id)


def _shown(request: HttpRequest, hit_id: UUID) -> showing.HitShown:
    actor = signed_in(request)
    hits.hit_for(actor, hit_id)
    [one] = showing.hits_of(actor, only=hit_id)
    looked_at(request, hits.VIEW, [one.case])
    return one


def _form(one: showing.HitShown, data: Any) -> OfferForm:
    own = one.stands.own
    names = ("name", "telephone", "case_class", "age", "stage", "agrees")
    said = {name: getattr(own, name) for name in names} if own else {}
    return (OpeningOfferForm if one.stands.opens_here else OfferForm)(data, initial=said)


def _page(request: HttpRequest, one: showing.HitShown, form: OfferForm) -> dict[str, Any]:
    actor = signed_in(request)
    joint, second = (_joint(actor, one) for one in (one.stands.joint, one.stands.second))
    return {
        "one": one, "form": form, "marking": one.case.marking.marking,
        "may_contact": may_begin(actor, "matching.contact"), "joint": joint, "second": second,
    }  # fmt: skip


def _joint(actor: Actor, pk: UUID | None) -> JointCase | None:
    """A joint case as far as the actor may see it and it has come."""
    return JointCase.objects.for_actor(actor, "cases.view").filter(pk=pk).first() if pk else None


@page("matching.run", "matching/ask_who_else.html", methods=("GET", "POST"))
@asks_why
def ask_who_else(request: HttpRequest, case_id: UUID) -> Result:
    """Ask partners whether they have selectors of a case."""
    actor = signed_in(request)
    case = case_for(actor, hits.VIEW, case_id)
    looked_at(request, hits.VIEW, [case])
    can = who_else.askable(case_id, (), actor)
    names = dict(Partner.objects.values_list("authority", "name"))
    form = QuestionForm(
        request.POST if request.method == "POST" else None, case=case, askable=can, names=names
    )
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            who_else.ask(
                case_id, [UUID(one) for one in told["selectors"]], told["partners"], told["reason"], actor
            )
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Asked. What each partner answers stands here within seconds."))
            return redirect(f"{reverse('cases:case', args=[case_id])}#matching")
    return {"form": form, "case": case, "marking": case.marking.marking, "most": ASKED}


@page("matching.agree", "matching/why.html", methods=("GET", "POST"))
def standing(request: HttpRequest, partner: str, wish: str) -> Result:
    """Turn standing matching with a partner on or off."""
    turns = {
        "on": (
            standing_on.turn_on, _("Match new selectors as they come"), _("Turn it on"),
            _("From then on each new selector that is agreed meets the partner's within a minute, and both sides see a hit at once. It begins when a person of the partner has turned it on too."),
        ),
        "off": (
            standing_on.turn_off, _("Match new selectors no longer"), _("Turn it off"),
            _("Nothing is sent or answered from now on, and what was exchanged goes on both sides; what an auditor needs stays for thirty days. Hits stay."),
        ),
    }  # fmt: skip
    if wish not in turns:
        raise Http404
    turn, title, button, words = turns[wish]
    told = {"title": title, "button": button, "words": words}
    return _why(request, told, lambda why: turn(partner_of(partner).authority, why, signed_in(request)))


@page("matching.keep_out", "matching/keep_out.html", methods=("GET", "POST"))
@asks_why
def keep_out(request: HttpRequest, case_id: UUID) -> Result:
    """Say that a case, or a selector of it, is not compared, or who answers for it alone."""
    actor = signed_in(request)
    case = case_for(actor, withholding.KEEP_OUT, case_id)
    looked_at(request, "cases.view", [case])
    form = KeepOutForm(request.POST if request.method == "POST" else None, case=case)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        selector, officer = (UUID(told[name]) if told[name] else None for name in ("selector", "officer"))
        try:
            withholding.keep_out(case_id, selector, officer, told["reason"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            return redirect("cases:case", case_id)
    return {"form": form, "case": case, "marking": case.marking.marking}


@page("matching.keep_out", "matching/why.html", methods=("GET", "POST"))
def let_in(request: HttpRequest, case_id: UUID, object_id: UUID) -> Result:
    """Let a case, or a selector of it, be compared like others again."""
    selector, actor = None if object_id == case_id else object_id, signed_in(request)
    case = case_for(actor, withholding.KEEP_OUT, case_id)
    told = {
        "title": _("Compare it again"), "button": _("Compare it again"), "marking": case.marking.marking,
        "words": _("It is compared with partners like what else the case has, from the next time on."),
    }  # fmt: skip
    then = reverse("cases:case", args=[case_id])
    return _why(request, told, lambda why: withholding.let_in(case_id, selector, why, actor), then)


def figure(case: Case, actor: Actor) -> str:
    """The figure of a case's page that says how many of its selectors partners have too; nothing where `panel` is not."""
    if not may_begin(actor, hits.VIEW):
        return ""
    number = showing.selectors_hit(case, actor)
    if not (number or Agreement.objects.exists()):
        return ""
    return render_to_string("matching/figure.html", {"number": number})


def panel(case: Case, actor: Actor) -> str:
    """What a case's page says of matching; nothing for who may not see it, or where nothing is agreed with anybody."""
    if not may_begin(actor, hits.VIEW):
        return ""
    told = showing.on_case(case, actor)
    if not (told["hits"] or told["withheld"] or Agreement.objects.exists()):
        return ""
    return render_to_string(
        "matching/panel.html",
        {
            "case": case,
            **told,
            "may_keep_out": may_begin(actor, withholding.KEEP_OUT),
            "may_run": may_begin(actor, "matching.run"),
            "agreed": Agreement.objects.exists(),
        },
    )
