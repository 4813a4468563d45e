"""Pages on which people decide on attacks: each decision has a form, works without scripts, and can be withdrawn."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.attacks import service
from hanse.attacks.forms import FORMS, form_of
from hanse.attacks.models import Attack
from hanse.attacks.service import What
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.policy.guarded import NotVisibleError
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in

MOST = 100
"""Attacks that can be merged at once."""


@page("attacks.decide", "attacks/decide.html", methods=("GET", "POST"))
def decide(request: HttpRequest, attack_id: UUID) -> Result:
    """Mark as a false positive, split, or note: the form, and doing it."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.decide", attack_id)
    what = _what(request.POST.get("what") or request.GET.get("what") or "")
    posted = request.POST if request.method == "POST" else None
    form = form_of(what, posted, at=(row.start_us + row.end_us) // 2)
    if posted is not None and form.is_valid() and _done(what, row, form, actor):
        messages.success(request, _("Decided. It is in the ledger, and can be withdrawn below."))
        return redirect("attacks:detail", attack_id)
    return {"row": row, "what": what, "form": form, "marking": row.marking.marking}


@page("attacks.decide", "attacks/withdraw.html", methods=("GET", "POST"))
def withdraw(request: HttpRequest, attack_id: UUID) -> Result:
    """Take a decision back: the form, and doing it."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.decide", attack_id)
    wanted = request.POST.get("decision") or request.GET.get("decision") or ""
    decision = next((one for one in service.decisions_on(row.pk, actor) if str(one.decision) == wanted), None)
    if decision is None:
        raise NotVisibleError(_("There is no such decision on this attack."))
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            service.withdraw(decision.decision, form.cleaned_data["reason"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Withdrawn. The detector no longer follows it."))
            return redirect("attacks:detail", attack_id)
    return {"row": row, "decision": decision, "form": form, "marking": row.marking.marking}


@page("attacks.decide", "attacks/merge.html", methods=("POST",))
def merge(request: HttpRequest) -> Result:
    """Merge the chosen attacks into one: asks for the reason, then does it."""
    actor = signed_in(request)
    ids = _chosen(request)
    rows = [Attack.objects.get_for(actor, "attacks.decide", one) for one in ids]
    rows.sort(key=lambda row: (row.start_us, row.name))
    form = WhyForm(request.POST if "reason" in request.POST else None)
    if form.is_bound and form.is_valid():
        try:
            service.merge(ids, form.cleaned_data["reason"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Merged. It is in the ledger, and can be withdrawn below."))
            return redirect("attacks:detail", rows[0].pk)
    return {"rows": rows, "form": form, "marking": strictest(row.marking.marking for row in rows)}


def _chosen(request: HttpRequest) -> list[UUID]:
    """The ids that a list sends.

    Raises:
        UsageError: They are none, too few, too many, or no ids.
    """
    try:
        ids = list(dict.fromkeys(UUID(one) for one in request.POST.getlist("ids")))
    except ValueError:
        raise UsageError(_("Choose attacks in the list.")) from None
    if not 2 <= len(ids) <= MOST:
        raise UsageError(_("Choose at least two attacks in the list, and at most a hundred."))
    return ids


def _what(text: str) -> What:
    """The decision that is meant.

    Raises:
        UsageError: None of them.
    """
    if text not in FORMS:
        raise UsageError(_("Choose what to decide on the attack's page: false positive, split or note."))
    return text


def _done(what: What, row: Attack, form: Any, actor: Actor) -> bool:
    """Carry out one decision; what cannot be meant stands in the form."""
    reason = form.cleaned_data["reason"]
    try:
        if what == "false-positive":
            service.mark_false_positive(row.pk, reason, actor)
        elif what == "split":
            service.split(row.pk, form.cleaned_data["at"], reason, actor)
        else:
            service.note(row.pk, reason, actor)
    except UsageError as error:
        form.add_error("at" if what == "split" else "reason", str(error))
        return False
    return True
