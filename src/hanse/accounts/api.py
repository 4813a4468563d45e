"""The API of people: everybody, what can be changed about them, teams, approvals, tokens and consultations."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts import approvals, issuers, openings, passkeys, rules, service, tokens
from hanse.accounts.models import Consultation, Person, Proposal, Team, Token
from hanse.accounts.own_endpoint import own_endpoint
from hanse.kernel.clock import now_us
from hanse.policy.roles import grant, roles
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["people"])

Why = Field("", max_length=500, description="Why; another person reads it where two are needed.")
Name = Field(min_length=1, max_length=200)


class PersonOut(Schema):
    """One person."""

    id: UUID
    name: str
    email: str = Field(description="Where to write to; it identifies nobody.")
    state: Literal["active", "deactivated", "invited"]
    roles: list[str]
    teams: list[UUID]
    invited_us: int
    joined_us: int | None

    @staticmethod
    def resolve_state(row: Person) -> str:
        """Whether they may sign in."""
        return "active" if row.is_active else "deactivated" if row.joined_us is not None else "invited"

    @staticmethod
    def resolve_roles(row: Person) -> list[str]:
        """Names of the roles that they have now."""
        return sorted(one.role for one in row.grants.all())

    @staticmethod
    def resolve_teams(row: Person) -> list[UUID]:
        """Ids of the teams that they are in now."""
        return sorted(one.team_id for one in row.memberships.all())


class WayIn(Schema):
    """A passkey or an identity at an issuer."""

    id: UUID
    kind: Literal["passkey", "issuer"]
    name: str
    since_us: int


class RoleOut(Schema):
    """A role and what it may do."""

    name: str
    title: str
    actions: list[str]
    oversight: bool


class TeamOut(Schema):
    """A need-to-know team."""

    id: UUID
    name: str
    closed: bool
    members: list[UUID]

    @staticmethod
    def resolve_id(row: Team) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_members(row: Team) -> list[UUID]:
        """Ids of the people in it."""
        return sorted(one.person_id for one in row.memberships.all())


class ProposalOut(Schema):
    """What one person proposes and another one decides on."""

    id: UUID
    action: str
    words: str
    why: str
    proposed_by: str
    proposed_name: str
    proposed_us: int
    expires_us: int
    state: Literal["open", "approved", "refused", "withdrawn", "expired"]
    decided_name: str
    decided_us: int | None
    why_not: str = Field(description="Why it was refused or withdrawn; empty where no reason was given.")

    @staticmethod
    def resolve_id(row: Proposal) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_state(row: Proposal) -> str:
        """How it stands now."""
        return approvals.state_of(row)

    @staticmethod
    def resolve_words(row: Proposal) -> str:
        """What happens on approval."""
        return approvals.words_of(row)


class TokenOut(Schema):
    """A token for the API, without its secret."""

    id: UUID
    name: str
    scopes: list[str]
    made_us: int
    expires_us: int

    @staticmethod
    def resolve_id(row: Token) -> UUID:
        """The object's id."""
        return row.object_id


class ConsultationOut(Schema):
    """Who looked at what, when, why, and to whom it went."""

    entry: int
    time_us: int
    actor_name: str
    action: str
    objects: list[str]
    why: str
    recipient: str

    @staticmethod
    def resolve_entry(row: Consultation) -> int:
        """The entry."""
        return row.sequence

    @staticmethod
    def resolve_objects(row: Consultation) -> list[str]:
        """Ids of the objects."""
        names: list[str] = row.objects_seen
        return names


class InviteIn(In):
    """Whom to invite."""

    name: str = Name
    email: str = Field("", max_length=254)
    roles: list[str] = Field([], max_length=20)
    why: str = Why


class RoleIn(In):
    """Which role."""

    role: str = Field(max_length=32)
    why: str = Why


class TeamIn(In):
    """Which team."""

    team: UUID
    why: str = Why


class NamedIn(In):
    """A name."""

    name: str = Name


class RenameIn(In):
    """One's own name."""

    name: str = Name
    email: str = Field("", max_length=254)


class PreferIn(In):
    """How one wants the pages."""

    language: str = Field("", max_length=12)
    theme: Literal["", "light", "dark"] = ""


class WhyIn(In):
    """A reason."""

    why: str = Why


class OpenIn(In):
    """Which embargoed object to open, and why."""

    object: UUID
    why: str = Field(min_length=1, max_length=500)


class TokenIn(In):
    """What a token is for."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[str] = Field(min_length=1, max_length=100)
    days: int = Field(90, ge=1, le=tokens.LONGEST_DAYS)


class LinkMade(Schema):
    """A one-time link; it is told only here."""

    person: UUID
    path: str


class Shown(Schema):
    """What is told only here: a link, a code or a token; empty where there is none."""

    secret: str


class RecoveryProposed(Schema):
    """A proposal, and the code that the person needs beside the approver's link; it is told only here."""

    proposal: UUID
    code: str


class Proposed(Schema):
    """The proposal that another person decides on; null where it is done already."""

    proposal: UUID | None


@router.get("", response=Page[PersonOut], operation_id="people_list")
@endpoint("accounts.view")
def list_people(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - ninja finds it by name
    """Everybody, by name."""
    rows = Person.objects.prefetch_related("grants", "memberships")
    return paged(rows, Order("name"), paging)


@router.post("", response={201: LinkMade}, operation_id="people_invite")
@endpoint("accounts.invite")
def invite(request: HttpRequest, told: InviteIn) -> Any:
    """Invite somebody; with two people here, each role becomes a proposal."""
    person, path = service.invite(told.name, told.email, told.roles, told.why, signed_in(request))
    return Status(201, {"person": person, "path": path})


@router.get("/roles", response=list[RoleOut], operation_id="people_roles")
@endpoint("accounts.view")
def list_roles(request: HttpRequest) -> Any:  # noqa: ARG001 - ninja finds it by name
    """The roles, and what each may do."""
    return [
        {"name": one.name, "title": one.title, "actions": sorted(one.actions), "oversight": one.oversight}
        for one in roles().values()
    ]


@router.get("/teams", response=list[TeamOut], operation_id="people_teams")
@endpoint("accounts.view")
def list_teams(request: HttpRequest) -> Any:  # noqa: ARG001 - ninja finds it by name
    """The need-to-know teams."""
    return Team.objects.prefetch_related("memberships").order_by("name")


@router.post("/teams", response={201: TeamOut}, operation_id="people_team_make")
@endpoint("accounts.grant")
def make_team(request: HttpRequest, told: NamedIn) -> Any:
    """Make a team."""
    return Status(201, Team.objects.get(pk=service.make_team(told.name, signed_in(request))))


@router.post("/teams/{team}/close", response=TeamOut, operation_id="people_team_close")
@endpoint("accounts.grant")
def close_team(request: HttpRequest, team: UUID) -> Any:
    """Take nobody into a team any more."""
    service.close_team(team, signed_in(request))
    return Team.objects.get(pk=team)


@router.get("/approvals", response=Page[ProposalOut], operation_id="people_approvals")
@endpoint("accounts.view")
def list_approvals(
    request: HttpRequest,  # noqa: ARG001 - ninja finds it by name
    paging: Query[Paging],
    state: Literal["open", "decided"] = "open",
) -> Any:
    """Proposals, newest first; among those that are decided stand those that nobody decided on in time."""
    waits = Q(state="open", expires_us__gt=now_us())
    rows = Proposal.objects.filter(waits if state == "open" else ~waits)
    told = paged(rows, Order("proposed_us", descending=True), paging)
    why_not = approvals.why_not(told["items"])
    for row in told["items"]:
        row.why_not = why_not.get(row.pk, "")
    return told


def _ahead(request: HttpRequest, proposal: str) -> AbstractContextManager[None]:
    """What approving takes, held before anything is locked; an address that names no proposal is refused later."""
    try:
        return approvals.ahead_of(UUID(str(proposal)), signed_in(request))
    except ValueError:
        return nullcontext()


@router.post("/approvals/{proposal}/approve", response=Shown, operation_id="people_approve")
@endpoint("accounts.approve", ahead=_ahead)
def approve(request: HttpRequest, proposal: UUID) -> Any:
    """Approve what somebody else proposed; it happens at once."""
    return {"secret": approvals.approve(proposal, signed_in(request))}


@router.post("/approvals/{proposal}/refuse", response={204: None}, operation_id="people_refuse")
@endpoint("accounts.approve")
def refuse(request: HttpRequest, proposal: UUID, told: WhyIn) -> Any:
    """Refuse what somebody else proposed."""
    approvals.reject(proposal, told.why, signed_in(request))
    return Status(204, None)


@router.post("/approvals/{proposal}/withdraw", response={204: None}, operation_id="people_withdraw")
@own_endpoint
def withdraw(request: HttpRequest, proposal: UUID) -> Any:
    """Take back what one proposed oneself."""
    approvals.withdraw(proposal, signed_in(request))
    return Status(204, None)


@router.post("/approvals/open", response={201: Proposed}, operation_id="people_open")
@endpoint("ledger.read_body")
def open_embargoed(request: HttpRequest, told: OpenIn) -> Any:
    """Propose that an embargoed object be opened to oneself for a day."""
    return Status(201, {"proposal": openings.ask_for(told.object, told.why, signed_in(request))})


@router.get("/consultations", response=Page[ConsultationOut], operation_id="people_consultations")
@endpoint("ledger.view")
def list_consultations(request: HttpRequest, paging: Query[Paging], of: UUID | None = None) -> Any:
    """Consultations and disclosures, newest first: one's own, or everybody's for who oversees."""
    actor, rows = signed_in(request), Consultation.objects.all()
    if of is not None:
        rows = rows.filter(objects_seen__names=of)
    if not grant(actor.roles, "ledger.view").oversight:
        rows = rows.filter(actor_id=actor.id)
    return paged(rows, Order("sequence", descending=True), paging)


@router.get("/tokens", response=list[TokenOut], operation_id="people_tokens")
@own_endpoint
def list_tokens(request: HttpRequest) -> Any:
    """One's own tokens."""
    return Token.objects.filter(person=UUID(signed_in(request).id)).order_by("made_us")


@router.post("/tokens", response={201: Shown}, operation_id="people_token_make")
@endpoint("accounts.tokens")
def make_token(request: HttpRequest, told: TokenIn) -> Any:
    """Make a token of one's own."""
    return Status(201, {"secret": tokens.make(told.name, told.scopes, told.days, signed_in(request))})


@router.post("/tokens/{token}/revoke", response={204: None}, operation_id="people_token_revoke")
@own_endpoint
def revoke_token(request: HttpRequest, token: UUID) -> Any:
    """Revoke a token."""
    tokens.revoke(token, signed_in(request))
    return Status(204, None)


@router.post("/me/rename", response=PersonOut, operation_id="people_rename")
@own_endpoint
def rename(request: HttpRequest, told: RenameIn) -> Any:
    """Change one's own name and the address to write to."""
    actor = signed_in(request)
    service.rename(told.name, told.email, actor)
    return rules.person_of(UUID(actor.id))


@router.post("/me/prefer", response={204: None}, operation_id="people_prefer")
@own_endpoint
def prefer(request: HttpRequest, told: PreferIn) -> Any:
    """Say in which language and theme one wants the pages."""
    service.prefer(told.language, told.theme, signed_in(request))
    return Status(204, None)


@router.get("/{person}", response=PersonOut, operation_id="people_get")
@endpoint("accounts.view")
def get_person(request: HttpRequest, person: UUID) -> Any:  # noqa: ARG001 - ninja finds it by name
    """One person."""
    return rules.person_of(person)


@router.get("/{person}/ways-in", response=list[WayIn], operation_id="people_ways_in")
@endpoint("accounts.view")
def ways_in(request: HttpRequest, person: UUID) -> Any:  # noqa: ARG001 - ninja finds it by name
    """A person's passkeys and identities."""
    row = rules.person_of(person)
    keys = [("passkey", one.pk, one.name, one.added_us) for one in row.passkeys.order_by("added_us")]
    names = [("issuer", one.pk, str(one), one.since_us) for one in row.issuers.order_by("since_us")]
    return [{"kind": kind, "id": pk, "name": name, "since_us": at} for kind, pk, name, at in keys + names]


@router.post("/{person}/ways-in/{way}/remove", response={204: None}, operation_id="people_way_in_remove")
@endpoint("accounts.grant")
def remove_way_in(request: HttpRequest, person: UUID, way: UUID) -> Any:
    """Remove a passkey or an identity; the person's sessions end with a passkey."""
    row = rules.person_of(person)
    if row.issuers.filter(pk=way).exists():
        issuers.unbind(way, signed_in(request))
    elif row.passkeys.filter(pk=way).exists():
        passkeys.remove(way, signed_in(request))
    else:
        raise rules.UnknownPersonError("They have no such way in.")
    return Status(204, None)


@router.post("/{person}/invite-again", response={201: LinkMade}, operation_id="people_invite_again")
@endpoint("accounts.invite")
def invite_again(request: HttpRequest, person: UUID) -> Any:
    """A new one-time link for somebody who has not joined."""
    return Status(201, {"person": person, "path": service.invite_again(person, signed_in(request))})


@router.post("/{person}/roles/grant", response=Proposed, operation_id="people_role_grant")
@endpoint("accounts.grant")
def grant_role(request: HttpRequest, person: UUID, told: RoleIn) -> Any:
    """Give a role, or propose it where two people are needed."""
    return {"proposal": service.grant_role(person, told.role, told.why, signed_in(request))}


@router.post("/{person}/roles/revoke", response=PersonOut, operation_id="people_role_revoke")
@endpoint("accounts.grant")
def revoke_role(request: HttpRequest, person: UUID, told: RoleIn) -> Any:
    """Take a role away, at once."""
    service.revoke_role(person, told.role, told.why, signed_in(request))
    return rules.person_of(person)


@router.post("/{person}/teams/join", response=Proposed, operation_id="people_team_join")
@endpoint("accounts.grant")
def join_team(request: HttpRequest, person: UUID, told: TeamIn) -> Any:
    """Take into a team, or propose it where two people are needed."""
    return {"proposal": service.add_to_team(told.team, person, told.why, signed_in(request))}


@router.post("/{person}/teams/leave", response=PersonOut, operation_id="people_team_leave")
@endpoint("accounts.grant")
def leave_team(request: HttpRequest, person: UUID, told: TeamIn) -> Any:
    """Take out of a team, at once."""
    service.remove_from_team(told.team, person, told.why, signed_in(request))
    return rules.person_of(person)


@router.post("/{person}/deactivate", response=PersonOut, operation_id="people_deactivate")
@endpoint("accounts.grant")
def deactivate(request: HttpRequest, person: UUID, told: WhyIn) -> Any:
    """Keep somebody out from now on."""
    service.deactivate(person, told.why, signed_in(request))
    return rules.person_of(person)


@router.post("/{person}/reactivate", response=Proposed, operation_id="people_reactivate")
@endpoint("accounts.grant")
def reactivate(request: HttpRequest, person: UUID, told: WhyIn) -> Any:
    """Propose to let somebody in again."""
    return {"proposal": service.propose_reactivation(person, told.why, signed_in(request))}


@router.post("/{person}/recover", response=RecoveryProposed, operation_id="people_recover")
@endpoint("accounts.grant")
def recover(request: HttpRequest, person: UUID, told: WhyIn) -> Any:
    """Propose to bring back somebody who lost every passkey."""
    proposal, code = service.propose_recovery(person, told.why, signed_in(request))
    return {"proposal": proposal, "code": code}


@router.post("/{person}/end-sessions", response={204: None}, operation_id="people_end_sessions")
@endpoint("accounts.grant")
def end_sessions(request: HttpRequest, person: UUID) -> Any:
    """End every session of a person."""
    service.end_sessions(person, signed_in(request))
    return Status(204, None)
