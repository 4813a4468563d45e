"""The page of a partner's attack, and passing it on: at once where its marking lets, else by asking its originator."""

from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.accounts.looking import asks_why, looked_at
from hanse.attacks.attack import Attack
from hanse.attacks.forms import WhyForm
from hanse.attacks.models import PartnerAttack
from hanse.attacks.shared import Shared
from hanse.attacks.sharing_views import facts
from hanse.federation import acting, onward, opening, sharing
from hanse.federation.models import Release
from hanse.federation.partners import active
from hanse.federation.showing import came_by, holders
from hanse.kernel.errors import UsageError
from hanse.policy.asking import may_begin
from hanse.web.page import Result, page, signed_in


@page("attacks.view", "attacks/of_partner.html")
@asks_why
def of_partner(request: HttpRequest, attack_id: UUID) -> Result:
    """One attack as a partner says it; its originator learns once that it was opened."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", attack_id)
    looked_at(request, "attacks.view", [row])
    opening.opened(row.pk)
    return {
        "row": row,
        "marking": row.marking.marking,
        "facts": facts(_content(row), _left_out(row)),
        "came": came_by(row.pk),
        "holders": holders(row.pk),
        "requests": requests_of(row.pk),
        "acted": (told := acting.told(row.pk)),
        "done": acting.DONE[told.what] if told else "",
        "may_share": may_begin(actor, "federation.share"),
        "may_mark": may_begin(actor, "policy.mark"),
    }


def _content(row: PartnerAttack) -> Shared:
    attack = msgspec.convert(row.detail, Attack)
    return Shared(
        attack=attack, victim_mark=row.victim_mark, organisation=row.organisation, sector=row.sector,
        country=row.country, state=row.state,
    )  # fmt: skip


def _left_out(row: PartnerAttack) -> frozenset[str]:
    return frozenset() if row.victim else frozenset({"victim"})


def requests_of(attack_id: UUID) -> list[Release]:
    """What its originator was asked about it, the last first."""
    return list(Release.objects.filter(thing=attack_id, incoming=False).order_by("-asked_us"))


class PassOnForm(WhyForm):
    """To whom a partner's attack goes, and why."""

    partner = forms.ChoiceField(label=gettext_lazy("To"))
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=4_000,
        help_text=gettext_lazy("Where the originator is asked, two people there read it."),
        widget=forms.Textarea({"rows": 3}),
    )
    field_order = ("partner", "reason")


@page("federation.share", "attacks/pass_on.html", methods=("GET", "POST"))
def pass_on(request: HttpRequest, attack_id: UUID) -> Result:
    """Who may have it as it is; passing it on to one of them, or asking its originator."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", attack_id)
    told: dict[str, Any] = {"row": row, "marking": row.marking.marking}
    names = frozenset(one.authority for one in active()) - {row.partner}
    if not names:
        return told
    try:
        shown = sharing.preview(
            sharing.Sharing("partner-attack", row.pk, sharing.Audience(authorities=names)), actor
        )
    except UsageError as error:
        return {**told, "failed": str(error)}
    form = PassOnForm(request.POST if request.method == "POST" else None)
    field = form.fields["partner"]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - it is declared above
    field.choices = [
        (one.partner.authority, f"{one.partner.name} ({one.partner.authority})") for one in shown
    ]
    if form.is_bound and form.is_valid():
        try:
            words = _do(request, row, form.cleaned_data)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, words)
            return redirect("attacks:of-partner", attack_id)
    return {**told, "form": form, "shown": shown}


def _do(request: HttpRequest, row: PartnerAttack, told: dict[str, Any]) -> str:
    """Pass it on, or ask; what was done, in words."""
    actor, to, why = signed_in(request), told["partner"], told["reason"]
    if "ask" in request.POST:
        onward.ask(row.pk, to, why, actor)
        return _("Asked. What the originator decides is shown here.")
    wanted = sharing.Sharing("partner-attack", row.pk, sharing.Audience(authorities=frozenset({to})))
    [shown] = sharing.share(wanted, actor, why)
    if shown.content is None:
        raise UsageError(f"{shown.decision.words} Ask the originator.")
    return _("Passed on, as its originator signed it.")


class ActedForm(forms.Form):
    """What this authority did."""

    what = forms.ChoiceField(label=gettext_lazy("This authority"), choices=list(acting.DONE.items()))
    text = forms.CharField(
        label=gettext_lazy("In more words"),
        required=False,
        max_length=acting.LONGEST,
        help_text=gettext_lazy("The partner that shared it reads it."),
        widget=forms.Textarea({"rows": 3}),
    )


@page("federation.share", "attacks/acted.html", methods=("GET", "POST"))
def acted(request: HttpRequest, attack_id: UUID) -> Result:
    """Tell the partner that shared an attack what this authority did."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", attack_id)
    form = ActedForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            acting.acted(row.pk, form.cleaned_data["what"], form.cleaned_data["text"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The partner is told."))
            return redirect("attacks:of-partner", attack_id)
    return {"row": row, "form": form, "marking": row.marking.marking}
