"""Pages about people, for those who may see or change who may do what."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from hanse.accounts import approvals, issuers, links, passkeys, rules, service, tokens
from hanse.accounts.models import Consultation, Person, Proposal, Session, Team
from hanse.accounts.pages import own, refusals, uuid_in
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.actions import ACTIONS
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.policy.roles import grant, roles
from hanse.web.page import page, signed_in

SHOWN = 200
"""Rows of a log on one page; the rest is in the ledger."""


@page("accounts.view", "accounts/people.html")
def people(request: HttpRequest) -> dict[str, Any]:
    """Everybody, with roles and teams."""
    rows = Person.objects.prefetch_related("grants", "memberships__team", "passkeys").order_by("name")
    return {
        "rows": rows,
        "may_invite": may_begin(signed_in(request), "accounts.invite"),
        "alone": rules.founding(),
    }


@page("accounts.view", "accounts/person.html")
def person(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    """One person: roles, teams, ways in, tokens, and what can be done about them."""
    row = rules.person_of(pk)
    held = {one.role for one in row.grants.all()}
    return {
        "person": row,
        "grants": [
            (one, roles()[one.role].title) for one in row.grants.order_by("role") if one.role in roles()
        ],
        "grantable": [role for name, role in roles().items() if name not in held],
        "memberships": row.memberships.select_related("team").order_by("team__name"),
        "teams": Team.objects.filter(closed=False).exclude(memberships__person=row).order_by("name"),
        "passkeys": row.passkeys.order_by("added_us"),
        "issuers": row.issuers.order_by("issuer"),
        "tokens": row.tokens.order_by("made_us"),
        "link": links.open_for(pk) if row.joined_us is None else None,
        "sessions": Session.objects.filter(person_id=pk).count(),
        "proposals": Proposal.objects.filter(state="open", expires_us__gt=now_us(), subject__person=pk.hex),
        "may_grant": bool(grant(signed_in(request).roles, "accounts.grant").role),
        "alone": rules.founding(),
        "themselves": signed_in(request).id == pk.hex,
    }


@page("accounts.invite", "accounts/invite.html", methods=("GET", "POST"))
@refusals
def invite(request: HttpRequest) -> dict[str, Any] | HttpResponse:
    """Invite somebody: their one-time link is shown once."""
    context: dict[str, Any] = {"roles": roles().values(), "alone": rules.founding(), "wrong": ""}
    if request.method == "POST":
        typed = request.POST
        try:
            pk, link = service.invite(
                typed.get("name", ""), typed.get("email", ""), typed.getlist("roles"), typed.get("why", ""),
                signed_in(request),
            )  # fmt: skip
        except UsageError as error:
            return context | {"wrong": str(error), "typed": typed, "ticked": typed.getlist("roles")}
        return _link(request, pk, link)
    return context


@page("accounts.invite", "", methods=("POST",))
@refusals
def invite_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new one-time link for somebody who has not joined."""
    return _link(request, pk, service.invite_again(pk, signed_in(request)))


@page("accounts.grant", "", methods=("POST",), step_up=True)
@refusals
def change(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """One change to a person; what it is stands in the address."""
    actor, typed = signed_in(request), request.POST
    why = typed.get("why", "")
    match what:
        case "grant":
            service.grant_role(pk, typed.get("role", ""), why, actor)
        case "revoke":
            service.revoke_role(pk, typed.get("role", ""), why, actor)
        case "deactivate":
            service.deactivate(pk, why, actor)
        case "reactivate":
            service.propose_reactivation(pk, why, actor)
        case "end-sessions":
            service.end_sessions(pk, actor)
        case "join-team":
            service.add_to_team(uuid_in(typed.get("team", "")), pk, why, actor)
        case "leave-team":
            service.remove_from_team(uuid_in(typed.get("team", "")), pk, why, actor)
        case "remove-passkey":
            passkeys.remove(uuid_in(typed.get("passkey", "")), actor)
        case "unbind":
            issuers.unbind(uuid_in(typed.get("issuer", "")), actor)
        case "revoke-token":
            tokens.revoke(uuid_in(typed.get("token", "")), actor)
        case "recover":
            _proposal, code = service.propose_recovery(pk, why, actor)
            words = _("Give this code to the person yourself. Who approves gets the link; they need both.")
            return render(request, "accounts/once.html", {"secret": code, "words": words, "person": pk})
        case _:
            raise UsageError("There is no such change.")
    return redirect("accounts:person", pk)


@page("accounts.view", "accounts/teams.html")
def teams(request: HttpRequest) -> dict[str, Any]:
    """Need-to-know teams and who is in them."""
    rows = Team.objects.prefetch_related("memberships__person").order_by("closed", "name")
    return {"teams": rows, "may_grant": bool(grant(signed_in(request).roles, "accounts.grant").role)}


@page("accounts.grant", "", methods=("POST",), step_up=True)
@refusals
def team_change(request: HttpRequest, what: str) -> HttpResponse:
    """Make or close a team."""
    if what == "make":
        service.make_team(request.POST.get("name", ""), signed_in(request))
    elif what == "close":
        service.close_team(uuid_in(request.POST.get("team", "")), signed_in(request))
    else:
        raise UsageError("There is no such change.")
    return redirect("accounts:teams")


@own("accounts/approvals.html")
def waiting(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """What waits for me, what I proposed, and what was decided lately, or by nobody in time.

    The proposal of somebody else that was in the way of mine stands above, where I was sent to it.
    """
    rows = Proposal.objects.order_by("-proposed_us")
    decided = rows.exclude(state="open", expires_us__gt=now_us())
    if not may(actor, "accounts.view", now_us=now_us()):
        decided = decided.filter(decided_by=actor.id) | decided.filter(proposed_by=actor.id)
    return {
        "in_the_way": _in_the_way(request, actor),
        "to_decide": _said(approvals.waiting_for(actor)),
        "mine": _said(rows.filter(state="open", proposed_by=actor.id, expires_us__gt=now_us())),
        "decided": _ended(list(decided[:SHOWN])),
    }


def _in_the_way(request: HttpRequest, actor: Actor) -> list[dict[str, Any]]:
    """The proposal that the address names, where the actor may know of it."""
    wanted = request.GET.get("proposal", "")
    found = approvals.shown(uuid_in(wanted), actor) if wanted else None
    return [] if found is None else _ended([found])


def _ended(rows: list[Proposal]) -> list[dict[str, Any]]:
    """Proposals with what they are in words, how each stands, and why it was refused."""
    why_not = approvals.why_not(rows)
    return [
        {"one": row, "words": words, "state": approvals.state_of(row), "why_not": why_not.get(row.pk, "")}
        for row, words, _where in _said(rows)
    ]


@page("accounts.approve", "", methods=("POST",), step_up=True)
@refusals
def decide(request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
    """Approve or refuse what somebody else proposed."""
    if what == "refuse":
        approvals.reject(pk, request.POST.get("words", ""), signed_in(request))
        return redirect("accounts:approvals")
    found = approvals.approve(pk, signed_in(request))
    proposal = Proposal.objects.get(pk=pk)
    if not found:
        return redirect(approvals.address_of(proposal) or "accounts:approvals")
    if once := approvals.once_of(proposal):
        return render(request, "accounts/once.html", {"secret": found, "words": once})
    words = _("Give this one-time link to the person. They also need the code that the proposer has.")
    context = {"secret": request.build_absolute_uri(found), "words": words}
    return render(request, "accounts/once.html", context)


@own(methods=("POST",))
def withdraw(_request: HttpRequest, actor: Actor, pk: UUID) -> HttpResponse:
    """Take back what I proposed."""
    approvals.withdraw(pk, actor)
    return redirect("accounts:approvals")


@own("accounts/log.html")
def log(_request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """Consultations and disclosures: one's own, or everybody's for who oversees."""
    rows = Consultation.objects.order_by("-sequence")
    oversees = grant(actor.roles, "ledger.view").oversight
    shown = (rows if oversees else rows.filter(actor_id=actor.id))[:SHOWN]
    entries = bool(may(actor, "ledger.view", now_us=now_us()))
    return {"rows": [(row, _done(row.action)) for row in shown], "oversees": oversees, "may_entries": entries}


def _done(action: str) -> str:
    """An action in words; that of a room which this version does not know, by its name."""
    known = ACTIONS.get(action)
    return known.words if known else action


def _said(rows: Any) -> list[tuple[Proposal, str, str]]:
    """Proposals with what will happen, in words, and where to look at it; one of a newer version has neither."""
    said = []
    for row in rows:
        try:
            said.append((row, approvals.words_of(row), approvals.address_of(row)))
        except UsageError as error:
            said.append((row, str(error), ""))
    return said


def _link(request: HttpRequest, pk: UUID, link: str) -> HttpResponse:
    """The page that shows a one-time link once."""
    words = _("Give this one-time link to the person. It works once, for a day, and is shown only here.")
    context = {"secret": request.build_absolute_uri(link), "words": words, "person": pk}
    return render(request, "accounts/once.html", context)
