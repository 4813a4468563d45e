"""On the pages of attacks: how many sources they have in common with a partner's, and having it counted."""

from typing import TYPE_CHECKING
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import BigIntegerField, Case, F, Func, Value, When
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.attacks.models import STANDING, PartnerAttack
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.vectors import vector_words
from hanse.cases.forms import QuietForm
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.units import duration, minute
from hanse.matching import counting
from hanse.matching.models import Agreement
from hanse.matching.source_contents import STATES
from hanse.policy.asking import may_begin
from hanse.web.page import Result, page, signed_in

if TYPE_CHECKING:
    from hanse.matching.source_models import SourceCount

CHOICES = 50
"""Own attacks that are offered: those of the same vector, and those that start closest to the partner's. The API takes any."""
AT_ONCE = 20
"""Own attacks that can be chosen at once: a tenth of what the partner answers in a day."""
SHOWN = 10


class CountForm(QuietForm):
    """With which own attacks."""

    own = forms.MultipleChoiceField(
        label=gettext_lazy("Own attacks"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Those of the same kind come first, and of these the ones that begin closest to the partner's. Each is a count of its own."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=4_000, widget=forms.Textarea({"rows": 2}),
        help_text=gettext_lazy("It stands in the ledger here; the partner does not read it."),
    )  # fmt: skip

    def __init__(self, data: object = None, *, choices: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["own"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def clean_own(self) -> list[str]:
        """Not more than can be waited for."""
        chosen: list[str] = self.cleaned_data["own"]
        if len(chosen) > AT_ONCE:
            raise forms.ValidationError(
                _("Choose %(most)s at most: the partner answers a number of counts a day."),
                params={"most": AT_ONCE},
            )
        return chosen


def panel(attack_id: UUID, actor: Actor) -> str:
    """The section of an own attack's page; empty where nothing was counted."""
    return _rendered(counting.of_attack(actor, attack_id), actor, own=True)


def panel_of_theirs(attack_id: UUID, actor: Actor) -> str:
    """The section of a partner's attack's page; empty where nothing was counted and nothing can be."""
    row = PartnerAttack.objects.get_for(actor, "attacks.view", attack_id)
    agreed = Agreement.objects.filter(partner=row.partner, sources=True, until_us__gt=now_us()).exists()
    offers = agreed and row.source_class != "spoofed" and may_begin(actor, counting.COUNT)
    return _rendered(
        counting.of_attack(actor, attack_id), actor, own=False, offers=row.pk if offers else None
    )


def _rendered(counts: "list[SourceCount]", actor: Actor, *, own: bool, offers: UUID | None = None) -> str:
    if not counts and offers is None:
        return ""
    shown = counts[:SHOWN]
    ends = {one.theirs if own else one.own for one in shown} - {None}
    titles = _titles(actor, ends, own=own)
    told = [
        {
            "row": one,
            "other": one.theirs if own else one.own,
            "title": titles.get(one.theirs if own else one.own, ""),
            "state": STATES[one.state],
            "common": one.estimate[0],
            "of": one.estimate[1],
            "about": min(one.own_share, one.other_share) < 1,
        }
        for one in shown
    ]
    return render_to_string(
        "matching/sources_panel.html",
        {"counts": told, "own": own, "offers": offers, "more": len(counts) - len(shown)},
    )


def _titles(actor: Actor, ids: "set[UUID | None]", *, own: bool) -> dict[UUID | None, str]:
    """What the other ends of counts are called, as far as the actor may see them."""
    model = PartnerAttack if own else AttackRow
    rows = model.objects.for_actor(actor, "attacks.view").filter(pk__in=[one for one in ids if one])
    return {
        row.pk: ", ".join(filter(None, (vector_words(row.vector), row.victim, minute(row.start_us))))
        for row in rows
    }


@page("matching.count", "matching/count_sources.html", methods=("GET", "POST"))
def count(request: HttpRequest, attack_id: UUID) -> Result:
    """Have it counted how many sources a partner's attack has in common with own ones."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", attack_id)
    choices = _closest(actor, row)
    form = CountForm(request.POST if request.method == "POST" else None, choices=choices)
    if form.is_bound and form.is_valid():
        asked, refused = _ask(form.cleaned_data["own"], row.pk, form.cleaned_data["reason"], actor)
        titles = dict(choices)
        if asked:
            for own, why in refused.items():
                messages.error(request, f"{titles[own]}: {why}")
            messages.success(request, _("Asked. The partner answers within seconds if it is there."))
            return redirect("attacks:of-partner", row.pk)
        for own, why in refused.items():
            form.add_error(None, f"{titles[own]}: {why}")
    return {"form": form, "row": row, "marking": row.marking.marking}


def _ask(chosen: list[str], theirs: UUID, why: str, actor: Actor) -> tuple[int, dict[str, str]]:
    """Have several counted; how many were asked for, and why the others were not."""
    asked, refused = 0, {}
    for own in chosen:
        try:
            counting.ask(UUID(own), theirs, why, actor)
        except UsageError as error:
            refused[own] = str(error)
        else:
            asked += 1
    return asked, refused


def _closest(actor: Actor, row: PartnerAttack) -> list[tuple[str, str]]:
    """Own attacks with sources that are not forged: those of the same vector first, then the closest in time."""
    rows = AttackRow.objects.for_actor(actor, counting.COUNT).filter(state__in=STANDING)
    theirs = Value(row.start_us, BigIntegerField())  # PostgreSQL is told 32 bits otherwise
    apart = Func(F("start_us") - theirs, function="ABS", output_field=BigIntegerField())
    other = Case(When(vector=row.vector, then=Value(0)), default=Value(1))
    sorted_by = rows.exclude(source_class="spoofed").annotate(apart=apart, other=other)
    return [(one.pk.hex, _choice(one, row)) for one in sorted_by.order_by("other", "apart", "pk")[:CHOICES]]


def _choice(own: AttackRow, theirs: PartnerAttack) -> str:
    """What an own attack is called, and how far from the partner's it begins."""
    named = f"{vector_words(own.vector)}, {own.victim}, {minute(own.start_us)}"
    apart = abs(own.start_us - theirs.start_us) / 1e6
    if apart < 1:
        return f"{named} ({_('at the same second')})"
    words = _("%(apart)s before theirs") if own.start_us < theirs.start_us else _("%(apart)s after theirs")
    return f"{named} ({words % {'apart': duration(apart)}})"
