"""The pages of partners: who they are, how the exchange with each stands, and what people decide about them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.accounts import approvals
from hanse.accounts.looking import asks_why
from hanse.accounts.models import Proposal
from hanse.egress.errors import RefusedError
from hanse.federation import (
    anew,
    invitation,
    partnering,
    release_views,
    releases,
    rule_views,
    ruling,
    showing,
    witnesses,
)
from hanse.federation.forms import AddForm, ConfirmForm, MoveForm
from hanse.federation.invitation import InvitationError
from hanse.federation.models import Group, Partner, Standing
from hanse.federation.partners import own_invitation, partner_of
from hanse.federation.table import CLASSES, LIST, partners
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.asking import may_begin
from hanse.web import lists
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in

_ACTIONS = (partnering.ADD, partnering.STAND, partnering.MOVE, ruling.RULE, releases.RELEASE)


@page("federation.view", "federation/partners.html")
def partners_page(request: HttpRequest) -> Result:
    """All partners, and what waits for a second person."""
    told = lists.answer(request, LIST, lambda _action: partners(), "federation.view")
    if not isinstance(told, dict):
        return told
    return (
        told
        | rule_views.shown(signed_in(request))
        | {"proposals": waiting(), "may_partner": may_begin(signed_in(request), "federation.partner")}
    )


def waiting() -> list[Proposal]:
    """What is proposed about partners and waits for a second person, newest first."""
    found = Proposal.objects.filter(action__in=_ACTIONS, state="open", expires_us__gt=now_us())
    return list(found.order_by("-proposed_us"))


@page("federation.view", "federation/invitation.html")
def invitation_page(request: HttpRequest) -> Result:
    """What this node hands to others, to be read before it is sent."""
    picture = mark_safe(invitation.picture(partnering.invite(signed_in(request))))  # noqa: S308 - a picture made here
    return {
        "invited": own_invitation(),
        "picture": picture,
        "may_partner": may_begin(signed_in(request), "federation.partner"),
    }


@page("federation.view", "")
def invitation_file(request: HttpRequest) -> Result:
    """This node's invitation, to be given to another authority."""
    own = partnering.invite(signed_in(request))
    response = HttpResponse(own, content_type="application/json")
    name = own_invitation().authority
    response["Content-Disposition"] = f'attachment; filename="hanse-invitation-{name}.json"'
    return response


@page("federation.partner", "federation/add.html", methods=("GET", "POST"))
def add(request: HttpRequest) -> Result:
    """Propose to become partners with who is in an invitation."""
    posted = request.method == "POST"
    form = AddForm(request.POST if posted else None, request.FILES if posted else None)
    if posted and form.is_valid():
        told = form.cleaned_data
        try:
            proposal = partnering.propose(told["file"], told["address"], told["reason"], signed_in(request))
        except InvitationError as error:
            form.add_error("file", str(error))
        except RefusedError as error:
            form.add_error("address", str(error))
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            return redirect("federation:proposed", proposal)
    return {"form": form}


@page("federation.view", "federation/proposed.html")
def proposed(request: HttpRequest, proposal: UUID) -> Result:  # noqa: ARG001 - a page gets its request
    """What two people compare by telephone before one of them approves."""
    found = approvals.pending(proposal)
    if found.action != partnering.ADD:
        raise Http404
    return {"pending": found, "told": found.subject}


@page("federation.view", "federation/partner.html")
@asks_why
def partner(request: HttpRequest, authority: str) -> Result:
    """One partner: what is known of it, how the exchange stands, and what it was given."""
    actor = signed_in(request)
    row = partners().filter(pk=authority).first() or partner_of(authority)
    given, marking = showing.given_to(request, row)
    return {
        "row": row,
        "state_class": CLASSES[Standing(row.state)],
        "marking": marking,
        "keys": showing.keys_of(row),
        "refused": showing.refused_of(row),
        "contradictions": showing.contradictions_of(row),
        "given": given,
        "recalls": showing.recalls_of(row, given),
        "rules": showing.rules_for(row),
        "groups": list(Group.objects.all()),
        "asked": release_views.asked_of(row.authority) if may_begin(actor, "federation.share") else [],
        "releases": release_views.open_of(row.authority) if may_begin(actor, "federation.share") else [],
        "witnessing": showing.witnessing_with(row),
        "shown": showing.SHOWN,
        "proposals": [
            one
            for one in waiting()
            if row.authority in {one.subject.get("authority"), one.subject.get("partner")}
        ],
        "may_partner": may_begin(actor, "federation.partner"),
        "anew": len(anew.refused_by(row.authority)) if row.state == Standing.ACTIVE else 0,
        "may_share": may_begin(actor, "federation.share"),
    }


@page("federation.share", "federation/anew.html", methods=("GET", "POST"))
@asks_why
def give_anew(request: HttpRequest, authority: str) -> Result:
    """Give a partner anew what it refused for a key that is in force no more: which things, the form, and doing it."""
    row, actor = partner_of(authority), signed_in(request)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            given, kept = anew.give_anew(row, actor, form.cleaned_data["reason"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            words = _("Given anew: %(given)d things.") % {"given": given}
            if kept:
                words += " " + _("%(kept)d may not be given any more, and stay refused.") % {"kept": kept}
            messages.success(request, words)
            return redirect("federation:partner", authority)
    rows = anew.refused_by(authority)
    shown, marking = showing.given_rows(request, rows[: showing.SHOWN])
    return {"row": row, "form": form, "given": shown, "number": len(rows), "marking": marking}


class _Change:
    """One thing that people decide about a partner.

    Attributes:
        title: What the page is called; has the partner's name in it.
        words: What follows from it.
        button: What is pressed.
        done: What is said afterwards.
        states: How a partner has to stand, for it to be offered.
        form: What is asked.
        do: Does it, with what the form says.
        dangerous: Whether the button stands out.
    """

    def __init__(
        self, title: Any, words: Any, button: Any, done: Any, states: tuple[Standing, ...],
        do: Callable[[Partner, dict[str, Any], Actor], Any], *, form: type[forms.Form] = WhyForm, dangerous: bool = False,
    ) -> None:  # fmt: skip
        self.title, self.words, self.button, self.done = title, words, button, done
        self.states, self.do, self.form, self.dangerous = states, do, form, dangerous


_PROPOSED = gettext_lazy("Proposed. It happens once another person approves it.")

CHANGES = {
    "suspend": _Change(
        gettext_lazy("Suspend %s"),
        gettext_lazy("Nothing is exchanged from now on. One person is enough; taking it in again takes two."),
        gettext_lazy("Suspend"),
        gettext_lazy("Suspended. Nothing is exchanged from now on."),
        (Standing.ACTIVE,),
        lambda row, told, actor: partnering.suspend(row.authority, told["reason"], actor),
        dangerous=True,
    ),
    "take-in": _Change(
        gettext_lazy("Take %s in again"),
        gettext_lazy("The exchange goes on where it stopped, once another person approves it."),
        gettext_lazy("Propose to take it in"),
        _PROPOSED,
        (Standing.SUSPENDED,),
        lambda row, told, actor: partnering.propose_standing(row.authority, "active", told["reason"], actor),
    ),
    "expel": _Change(
        gettext_lazy("Expel %s"),
        gettext_lazy(
            "Once another person approves it, nothing is exchanged any more; to come back it needs an invitation anew."
        ),
        gettext_lazy("Propose to expel it"),
        _PROPOSED,
        (Standing.ACTIVE, Standing.SUSPENDED),
        lambda row, told, actor: partnering.propose_standing(
            row.authority, "expelled", told["reason"], actor
        ),
        dangerous=True,
    ),
    "move": _Change(
        gettext_lazy("Reach %s elsewhere"),
        gettext_lazy(
            "Its keys stay what they are: whoever answers there has to hold them. Another person approves it."
        ),
        gettext_lazy("Propose the address"),
        _PROPOSED,
        (Standing.ACTIVE, Standing.SUSPENDED),
        lambda row, told, actor: partnering.propose_move(
            row.authority, told["endpoint"], told["address"], told["reason"], actor
        ),
        form=MoveForm,
    ),
    "ask-witness": _Change(
        gettext_lazy("Ask %s to witness this ledger"),
        gettext_lazy(
            "A person there has to consent. It then sees every checkpoint: how large the ledger is, padded, and hashes, "
            "but no entry. It and the other witnesses are named to each other, and to all partners in the checkpoints."
        ),
        gettext_lazy("Ask it"),
        gettext_lazy("Asked. It is a witness once a person there consents."),
        (Standing.ACTIVE,),
        lambda row, _told, actor: witnesses.name(row.authority, actor),
        form=ConfirmForm,
    ),
    "end-witness": _Change(
        gettext_lazy("Ask %s to witness no longer"),
        gettext_lazy(
            "What it has seen it keeps. Later checkpoints are witnessed by the others, if there are any."
        ),
        gettext_lazy("Ask it no longer"),
        gettext_lazy("It is no witness of this ledger any more."),
        (Standing.ACTIVE,),
        lambda row, _told, actor: witnesses.name(row.authority, actor, asked=False),
        form=ConfirmForm,
    ),
    "consent-witness": _Change(
        gettext_lazy("Witness the ledger of %s"),
        gettext_lazy(
            "This node then follows every checkpoint of that ledger, signs that it saw it, and refuses one that does not "
            "continue those before. It keeps hashes and a sealed copy with which the partner finds its way after a loss. "
            "This authority is named as a witness to that partner's partners."
        ),
        gettext_lazy("Consent"),
        gettext_lazy("Consented. The first checkpoints come within a minute."),
        (Standing.ACTIVE,),
        lambda row, _told, actor: witnesses.answer(row.authority, actor, consents=True),
        form=ConfirmForm,
    ),
    "withdraw-witness": _Change(
        gettext_lazy("Witness the ledger of %s no longer"),
        gettext_lazy("What was seen is kept, so that what it signed before still counts against it."),
        gettext_lazy("Withdraw the consent"),
        gettext_lazy("Withdrawn. Nothing more of it is signed here."),
        (Standing.ACTIVE,),
        lambda row, _told, actor: witnesses.answer(row.authority, actor, consents=False),
        form=ConfirmForm,
    ),
}
"""By the word in the address."""


@page("federation.partner", "federation/change.html", methods=("GET", "POST"))
def change(request: HttpRequest, authority: str, what: str) -> Result:
    """Suspend, take in again, expel or move a partner: the form, and doing or proposing it."""
    if what not in CHANGES:
        raise Http404
    one, row = CHANGES[what], partner_of(authority)
    form = one.form(
        request.POST if request.method == "POST" else None,
        initial={"endpoint": row.endpoint, "address": row.address} if one.form is MoveForm else None,
    )
    if form.is_bound and form.is_valid():
        try:
            one.do(row, form.cleaned_data, signed_in(request))
        except (RefusedError, UsageError) as error:
            form.add_error("address" if isinstance(error, RefusedError) else None, str(error))
        else:
            messages.success(request, str(one.done))
            return redirect("federation:partner", authority)
    return {"row": row, "form": form, "change": one, "title": str(one.title) % row.name, "what": what}
