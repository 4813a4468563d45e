"""Pages on which rules are proposed and ended, by which things are shared by themselves."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.federation import ruling, sharing
from hanse.federation.forms import AudienceForm
from hanse.federation.models import Group, Rule
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Tlp
from hanse.policy.asking import may_begin
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in


class RuleForm(AudienceForm):
    """With whom things of a sort are shared as they are found, without which parts, and why."""

    tlp = forms.ChoiceField(
        label=gettext_lazy("At most"),
        required=False,
        choices=[
            ("", gettext_lazy("any level that its marking lets leave")),
            *((one.value, f"TLP:{one}") for one in Tlp),
        ],
        help_text=gettext_lazy("What is marked more strictly is not shared by the rule."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=4_000, widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("Such as the agreement that it rests on. Whoever approves it reads it."),
    )  # fmt: skip


def shown(actor: Actor) -> dict[str, Any]:
    """What the partners' page says of rules."""
    return {
        "rules": [(row, sharing.shareable(row.sort).parts) for row in Rule.objects.order_by("since")],
        "groups": Group.objects.order_by("name"),
        "sorts": [one for one in sharing.sorts() if sharing.shareable(one).by_rule],
        "may_share": may_begin(actor, "federation.share"),
    }


@page("federation.share", "federation/rule_new.html", methods=("GET", "POST"))
def new(request: HttpRequest, sort: str) -> Result:
    """Propose a rule."""
    form = RuleForm(sharing.shareable(sort), request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        why, actor = form.cleaned_data["reason"], signed_in(request)
        try:
            ruling.propose(sort, form.audience, form.left_out, why, actor, form.cleaned_data["tlp"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Proposed. It holds once another person approves it."))
            return redirect("federation:partners")
    return {"form": form, "sort": sort}


@page("federation.share", "federation/rule_end.html", methods=("GET", "POST"))
def end(request: HttpRequest, rule: UUID) -> Result:
    """Share by a rule no longer."""
    row = ruling.rule_of(rule)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        ruling.end(rule, form.cleaned_data["reason"], signed_in(request))
        messages.success(request, _("It holds no longer. What was shared stays with those who have it."))
        return redirect("federation:partners")
    return {"form": form, "row": row}
