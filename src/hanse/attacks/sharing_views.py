"""Pages on which attacks are shared with partners and recalled, and what partners shared with this authority."""

from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hanse.accounts.looking import asks_why, listed, looked_at
from hanse.accounts.marking_form import CopiesForm
from hanse.attacks.forms import WhyForm
from hanse.attacks.models import Attack, PartnerAttack
from hanse.attacks.shared import SHAREABLE, Shared
from hanse.attacks.timeline import vector_words
from hanse.attacks.vectors import vectors
from hanse.federation import recalling, sharing
from hanse.federation.forms import AudienceForm
from hanse.federation.showing import holders
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.web import lists
from hanse.web.page import Result, page, signed_in


def held_html(attack_id: UUID, actor: Actor) -> str:
    """The section of an attack's page that says who has it; empty where nobody has, or the actor may not know."""
    if not may(actor, "federation.view", now_us=now_us()):
        return ""
    found = holders(attack_id)
    if not found:
        return ""
    may_recall = may_begin(actor, "federation.share") and any(one.row.recalled_us is None for one in found)
    url = reverse("attacks:recall", args=[attack_id]) if may_recall else ""
    return render_to_string("federation/holders.html", {"holders": found, "recall_url": url})


@page("federation.share", "attacks/share.html", methods=("GET", "POST"))
@asks_why
def share(request: HttpRequest, attack_id: UUID) -> Result:
    """With whom an attack is shared; a dry run of it; and doing it."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.view", attack_id)
    looked_at(request, "attacks.view", [row])
    told: dict[str, Any] = {"row": row, "marking": row.marking.marking}
    query = request.POST if request.method == "POST" else request.GET
    asked = bool(query)
    form = AudienceForm(SHAREABLE, query if asked else None)
    if not asked or not form.is_valid():
        return {**told, "form": form, "strict": CopiesForm(old=row.marking.marking)}
    strict = CopiesForm(query if "marking_tlp" in query else None, old=row.marking.marking)
    if strict.is_bound and not strict.is_valid():
        return {**told, "form": form, "strict": strict}
    marking = strict.cleaned_data["whole"] if strict.is_bound else None
    wanted = sharing.Sharing("attack", row.pk, form.audience, form.left_out, marking)
    shown = sharing.preview(wanted, actor)
    print_ = _print(shown)
    why = WhyForm(request.POST if request.method == "POST" else None, auto_id="share-%s")
    overtaken = request.method == "POST" and request.POST.get("seen") != print_
    if why.is_bound and not overtaken and why.is_valid():
        to = [
            one for one in sharing.share(wanted, actor, why.cleaned_data["reason"]) if one.content is not None
        ]
        _say(request, len(to))
        return redirect("attacks:detail", attack_id)
    return {
        **told, "form": form, "strict": strict, "why": why, "overtaken": overtaken, "seen": print_, "shown": shown,
        "chosen": [(name, value) for name in query if name not in _OF_SHARING for value in query.getlist(name)],
        "gets": sum(one.content is not None for one in shown), **_content(shown, form.left_out),
    }  # fmt: skip


_OF_SHARING = frozenset({"csrfmiddlewaretoken", "seen", *WhyForm.base_fields})
"""What the second form says itself; all else is what the first one said."""


def _say(request: HttpRequest, number: int) -> None:
    if not number:
        messages.warning(request, _("Nobody may have it, so that nothing was shared."))
        return
    words = ngettext("Shared with %d partner.", "Shared with %d partners.", number)
    messages.success(request, words % number)


def _print(shown: list[sharing.Shown]) -> str:
    """What a person saw of a dry run, as a digest: who gets it, who does not, and under which marking."""
    seen = [(one.partner.authority, one.content is not None, one.marking.as_json()) for one in shown]
    return sha256(msgspec.json.encode(seen, order="deterministic")).hexdigest()


def _content(shown: list[sharing.Shown], left_out: frozenset[str]) -> dict[str, Any]:
    """What every partner that may have it gets: the same for each of them."""
    found = next((one for one in shown if one.content is not None), None)
    if found is None or not isinstance(found.content, Shared):
        return {}
    written = msgspec.json.format(msgspec.json.encode(found.content, order="sorted"), indent=1)
    return {"facts": facts(found.content, left_out), "json": written.decode(), "copies": found.marking}


def facts(content: Shared, left_out: frozenset[str]) -> list[tuple[str, str]]:
    """What partners get, in words; what is unknown here is left out, what is withheld says so."""
    attack = content.attack
    withheld = _("withheld")
    sources = withheld if "sources" in left_out else ""
    whose = withheld if left_out & {"organisation", "victim"} else ""
    networks = ", ".join(str(name) for name, _share in attack.top_networks)
    told = [
        (_("Vector"), vector_words(attack.vector)),
        (_("Victim"), attack.victim or withheld),
        (_("Organisation"), content.organisation or whose),
        (_("Sector"), content.sector),
        (_("Country"), content.country),
        (_("State"), content.state),
        (_("Start"), f"{units.second(attack.start_us)} UTC"),
        (_("Duration"), units.duration((attack.end_us - attack.start_us) / 1_000_000)),
        (_("Peak"), f"{units.bit_rate(attack.peak_bps)}, {units.packet_rate(attack.peak_pps)}"),
        (_("Packets"), units.count(attack.packets)),
        (_("Sources"), units.count(attack.sources)),
        (_("Networks of sources"), networks or sources),
        (_("Sketch of all sources"), _("included") if attack.source_sketch else sources),
        (_("Why it is one"), " ".join(attack.reasons)),
    ]
    return [(name, words) for name, words in told if words]


class RecallForm(WhyForm):
    """From whom an attack is taken back, and why."""

    partners = forms.MultipleChoiceField(label=gettext_lazy("From"), widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=4_000,
        help_text=gettext_lazy("The partners read it. It is kept in the ledger with your name."),
        widget=forms.Textarea({"rows": 3}),
    )
    field_order = ("partners", "reason")


@page("federation.share", "attacks/recall.html", methods=("GET", "POST"))
def recall(request: HttpRequest, attack_id: UUID) -> Result:
    """Take an attack back from partners that have it: the form, and doing it."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.view", attack_id)
    have = [(one.row.recipient, one.name) for one in holders(row.pk) if one.row.recalled_us is None]
    form = RecallForm(
        request.POST if request.method == "POST" else None,
        initial={"partners": [name for name, _name in have]},
    )
    field = form.fields["partners"]
    assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - it is declared above
    field.choices = have
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            recalling.recall(row.pk, actor, told["reason"], told["partners"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Recalled. What each partner answers is shown under Who has it."))
            return redirect("attacks:detail", attack_id)
    return {"row": row, "form": form, "have": have, "marking": row.marking.marking}


def _victim(row: PartnerAttack) -> SafeString:
    if row.victim:
        return format_html("<code>{}</code>", row.victim)
    return format_html('<span class="muted">{}</span>', _("withheld"))


LIST = lists.Listed(
    name="partners-attacks",
    caption="Partners' attacks",
    order="-start",
    columns=(
        lists.Column(key="partner", label="Partner", sort="partner"),
        lists.Column(key="vector", label="Vector", value=lambda row: vector_words(row.vector), sort="vector"),
        lists.Column(key="victim", label="Victim", html=_victim),
        lists.Column(key="mark", label="Victim's mark", value="victim_mark", shown=False),
        lists.Column(key="country", label="Country", sort="country"),
        lists.Column(key="organisation", label="Organisation", sort="organisation"),
        lists.Column(key="sector", label="Sector", shown=False),
        lists.Column(key="start", label="Start", value="start_us", format="when", sort="start_us"),
        lists.Column(key="duration", label="Duration", value=lambda row: row.end_us - row.start_us, format="span_us"),
        lists.Column(key="peak", label="Peak", value="peak_bps", format="bps", sort="peak_bps"),
        lists.Column(key="peak_pps", label="Peak packets", format="pps", sort="peak_pps", shown=False),
        lists.Column(key="sources", label="Sources", format="count", sort="sources"),
        lists.Column(key="source_class", label="Source test", shown=False),
        lists.Column(key="state", label="State"),
        lists.Column(key="received", label="Received", value="received_us", format="when", sort="received_us", shown=False),
    ),
    filters=(
        lists.Filter(key="partner", label="Partner", field="partner"),
        lists.Filter(key="vector", label="Vector", field="vector",
                     choices=lambda: [(one.name, vector_words(one.name)) for one in vectors().values()]),
        lists.Filter(key="victim", label="Victim", field="victim__startswith", help="An address, or how it begins."),
        lists.Filter(key="mark", label="Victim's mark", field="victim_mark"),
        lists.Filter(key="country", label="Country", field="country", read=str.upper, help="Two letters, such as EE."),
    ),
    row_url=lambda row: reverse("attacks:of-partner", args=[row.pk]),
    empty=lists.Empty("Attacks that partners share with this authority appear here.", (("Partners", "/partners/"),)),
    export="attacks.export",
)  # fmt: skip


@page("attacks.view", "attacks/of_partners.html")
@asks_why
def of_partners(request: HttpRequest) -> Result:
    """The attacks that partners shared, as far as the actor may see them."""
    actor = signed_in(request)
    return listed(request, LIST, partial(PartnerAttack.objects.for_actor, actor), "attacks.view")
