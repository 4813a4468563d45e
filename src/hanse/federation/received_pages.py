"""The pages of what a partner shared, the same for whatever it is: how it came, passing it on, saying what was done."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.federation import acting, releases, sharing
from hanse.federation.models import Release
from hanse.federation.partners import active
from hanse.federation.sharing import Audience, Sharing
from hanse.federation.sharing_pages import Place
from hanse.federation.showing import came_by, holders
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.policy.asking import may_begin
from hanse.web.forms import WhyForm
from hanse.web.page import Result, signed_in


def told_of(object_id: UUID, actor: Actor) -> dict[str, Any]:
    """What the page of a partner's thing says of how it came, where it went, what was asked and done, for its templates."""
    told = acting.told(object_id)
    return {
        "came": came_by(object_id),
        "holders": holders(object_id),
        "requests": list(Release.objects.filter(thing=object_id, incoming=False).order_by("-asked_us")),
        "acted": told,
        "done": acting.DONE[told.what] if told else "",
        "may_share": may_begin(actor, "federation.share"),
        "may_mark": may_begin(actor, "policy.mark"),
    }


class PassOnForm(WhyForm):
    """To whom a partner's thing goes, and why."""

    partner = forms.ChoiceField(label=gettext_lazy("To"))
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=4_000,
        help_text=gettext_lazy("Where the originator is asked, two people there read it."),
        widget=forms.Textarea({"rows": 3}),
    )
    field_order = ("partner", "reason")


def pass_on(request: HttpRequest, place: Place, originator: str) -> Result:
    """Who may have it as it is; passing it on to one of them, or asking its originator."""
    actor = signed_in(request)
    told: dict[str, Any] = {"place": place, "marking": place.marking}
    names = frozenset(one.authority for one in active()) - {originator}
    if not names:
        return told
    try:
        shown = sharing.preview(Sharing(place.sort, place.thing, Audience(authorities=names)), actor)
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
            words = _do(request, place, shown, form.cleaned_data)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, words)
            return redirect(place.page)
    return {**told, "form": form, "shown": shown}


def _do(request: HttpRequest, place: Place, shown: list[sharing.Shown], told: dict[str, Any]) -> str:
    """Pass it on, or ask; what was done, in words."""
    actor, to, why = signed_in(request), told["partner"], told["reason"]
    [one] = [one for one in shown if one.partner.authority == to]
    if one.held_us is not None:
        raise UsageError(
            _("%(name)s has it already, and newer versions go there by themselves.")
            % {"name": one.partner.name}
        )
    if "ask" in request.POST:
        if one.content is not None:
            raise UsageError(
                _("%(name)s may have it as it is: pass it on. Nobody needs to be asked.")
                % {"name": one.partner.name}
            )
        releases.ask(place.thing, to, why, actor)
        return _("Asked. What the originator decides is shown here.")
    wanted = Sharing(place.sort, place.thing, Audience(authorities=frozenset({to})))
    [given] = sharing.share(wanted, actor, why)
    if given.content is None:
        raise UsageError(f"{given.decision.words} Ask the originator.")
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


def acted(request: HttpRequest, place: Place) -> Result:
    """Tell the partner that shared a thing what this authority did."""
    form = ActedForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            acting.acted(
                place.thing, form.cleaned_data["what"], form.cleaned_data["text"], signed_in(request)
            )
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The partner is told."))
            return redirect(place.page)
    return {"place": place, "form": form, "marking": place.marking}
