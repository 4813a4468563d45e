"""The API of partners: who they are, how the exchange stands, and what people decide about them."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts import approvals
from hanse.federation import anew, groups, partnering, releases, ruling, showing, witnesses
from hanse.federation.models import Group, Partner, Release, Rule
from hanse.federation.partners import partner_of
from hanse.federation.sharing import Audience
from hanse.federation.table import partners
from hanse.kernel.markings import Tlp
from hanse.web.api import In, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["federation"])

Why = Field(min_length=1, max_length=4_000, description="Why, for whoever comes after.")
Address = Field("", max_length=64, description="A non-public address at which it is reached; empty for none.")


class PartnerOut(Schema):
    """A partner and how the exchange with it stands."""

    authority: str
    name: str
    country: str = Field(description="ISO 3166 alpha-2; empty for an organisation of several states.")
    tier: str
    state: str
    endpoint: str
    address: str
    since_us: int
    received: int = Field(description="Entries of it that are here.")
    waiting: int = Field(description="Entries of it that are not here yet.")
    unproven: int = Field(description="Entries of it not proven to be in its ledger yet.")
    refused: int
    contradictions: int
    has: int = Field(description="Entries of this node that it has, by its signed receipt.")
    answered_us: int | None = Field(description="When it last answered as it should; null for never.")
    failing_us: int | None = Field(description="Since when it does not; null while it does.")
    error: str


class PartnerKeyOut(Schema):
    """A public key of a partner."""

    id: str = Field(alias="key")
    verify: str
    seal: str
    revoked_us: int | None


class RefusedOut(Schema):
    """An entry of a partner that was refused."""

    place: int
    kind: str
    why: str
    time_us: int


class ContradictionOut(Schema):
    """That a partner contradicts what it signed before."""

    words: str
    before: str
    now: str
    found_by: str
    time_us: int


class PartnerWhole(PartnerOut):
    """A partner with its keys, and what was wrong."""

    keys: list[PartnerKeyOut]
    last_refused: list[RefusedOut]
    last_contradictions: list[ContradictionOut]

    @staticmethod
    def resolve_keys(row: Partner) -> Any:
        """Its keys."""
        return showing.keys_of(row)

    @staticmethod
    def resolve_last_refused(row: Partner) -> Any:
        """What was refused last."""
        return showing.refused_of(row)

    @staticmethod
    def resolve_last_contradictions(row: Partner) -> Any:
        """Where it contradicts itself."""
        return showing.contradictions_of(row)


class InvitedIn(In):
    """An authority's invitation."""

    invitation: str = Field(max_length=10_000, description="The file as text.")
    address: str = Address
    why: str = Why


class StandIn(In):
    """How a partner is to stand."""

    state: Literal["active", "expelled"]
    why: str = Why


class SuspendIn(In):
    """Why a partner is suspended."""

    why: str = Why


class MoveIn(In):
    """Where a partner is reached."""

    endpoint: str = Field(min_length=1, max_length=500)
    address: str = Address
    why: str = Why


class PartnerProposed(Schema):
    """What another person decides on."""

    proposal: UUID
    fingerprint: str = Field("", description="What both compare by telephone; empty where nobody has to.")


@router.get("/partners", response=Page[PartnerOut], operation_id="partners_list")
@endpoint("federation.view")
def list_partners(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """The partners, by id."""
    return paged(partners(), Order("authority"), paging)


@router.get("/partners/{authority}", response=PartnerWhole, operation_id="partners_get")
@endpoint("federation.view")
def get_partner(request: HttpRequest, authority: str) -> Any:  # noqa: ARG001 - Ninja gives it
    """One partner."""
    return partners().filter(pk=authority).first() or partner_of(authority)


@router.get("/invitation", response=dict[str, Any], operation_id="partners_invitation")
@endpoint("federation.view")
def invitation(request: HttpRequest) -> Any:
    """This node's invitation, to be given to another authority as it is."""
    return msgspec.json.decode(partnering.invite(signed_in(request)))


@router.post("/partners", response={201: PartnerProposed}, operation_id="partners_add")
@endpoint("federation.partner")
def add(request: HttpRequest, told: InvitedIn) -> Any:
    """Propose to become partners with who is in an invitation."""
    proposal = partnering.propose(told.invitation.encode(), told.address, told.why, signed_in(request))
    print_ = approvals.pending(proposal).subject["fingerprint"]
    return Status(201, {"proposal": proposal, "fingerprint": print_})


@router.post("/partners/{authority}/suspend", response={204: None}, operation_id="partners_suspend")
@endpoint("federation.partner")
def suspend(request: HttpRequest, authority: str, told: SuspendIn) -> Any:
    """Exchange nothing with a partner from now on."""
    partnering.suspend(authority, told.why, signed_in(request))
    return Status(204, None)


@router.post("/partners/{authority}/standing", response={201: PartnerProposed}, operation_id="partners_stand")
@endpoint("federation.partner")
def stand(request: HttpRequest, authority: str, told: StandIn) -> Any:
    """Propose to take a partner in again, or to expel it."""
    proposal = partnering.propose_standing(authority, told.state, told.why, signed_in(request))
    return Status(201, {"proposal": proposal})


@router.post("/partners/{authority}/move", response={201: PartnerProposed}, operation_id="partners_move")
@endpoint("federation.partner")
def move(request: HttpRequest, authority: str, told: MoveIn) -> Any:
    """Propose another address for a partner."""
    proposal = partnering.propose_move(authority, told.endpoint, told.address, told.why, signed_in(request))
    return Status(201, {"proposal": proposal})


class GiveAnewIn(In):
    """Why things are given anew."""

    why: str = Why


class GivenAnew(Schema):
    """What was given anew."""

    given: int
    kept_back: int = Field(description="What may not be given any more: it stays refused.")


class RefusedThere(Schema):
    """A thing that a partner refused, since its key was in force no more."""

    thing: UUID
    sort: str
    given_us: int
    refused: str = Field(description="Why, as the partner says.")


@router.get(
    "/partners/{authority}/refused-there", response=list[RefusedThere], operation_id="partners_refused_there"
)
@endpoint("federation.view")
def list_refused_there(request: HttpRequest, authority: str) -> Any:  # noqa: ARG001 - Ninja gives it
    """What a partner was given and refused, as it was signed with a key of this node that is in force no more."""
    return anew.refused_by(partner_of(authority).authority)


@router.post("/partners/{authority}/give-anew", response=GivenAnew, operation_id="partners_give_anew")
@endpoint("federation.share", in_parts=True)
def give_anew(request: HttpRequest, authority: str, told: GiveAnewIn) -> Any:
    """Give a partner all of these anew, signed with the key in force."""
    given, kept = anew.give_anew(partner_of(authority), signed_in(request), told.why)
    return {"given": given, "kept_back": kept}


class WitnessAskIn(In):
    """Whether a partner is asked to witness this ledger."""

    asked: bool


class WitnessAnswerIn(In):
    """Whether this authority consents to witness a partner's ledger."""

    consents: bool


class WitnessingOut(Schema):
    """How a partner and this authority witness each other's ledger."""

    named: bool = Field(description="Whether this authority asks it.")
    consents: bool = Field(description="Whether it consented.")
    asks: bool = Field(description="Whether it asks this authority.")
    agreed: bool = Field(description="Whether this authority consented.")
    seen: dict[str, int] = Field(description="Who saw its newest checkpoint, and when, s UTC.")
    checked: int = Field(description="Leaves of its ledger that this node has followed.")
    cosigned: int = Field(description="Leaves of this ledger that it has seen.")
    error: str


@router.get("/partners/{authority}/witness", response=WitnessingOut, operation_id="partners_witness_get")
@endpoint("federation.view")
def get_witnessing(request: HttpRequest, authority: str) -> Any:  # noqa: ARG001 - Ninja gives it
    """How a partner and this authority witness each other's ledger."""
    told = showing.witnessing_with(partner_of(authority))
    row = told.row
    return {
        "named": row.named, "consents": row.consents, "asks": row.asks, "agreed": row.agreed, "seen": told.seen,
        "checked": told.checked, "cosigned": told.cosigned, "error": told.error,
    }  # fmt: skip


@router.post("/partners/{authority}/witness", response={204: None}, operation_id="partners_witness_ask")
@endpoint("federation.partner")
def ask_witness(request: HttpRequest, authority: str, told: WitnessAskIn) -> Any:
    """Ask a partner to witness this ledger, or ask it no longer."""
    witnesses.name(authority, signed_in(request), asked=told.asked)
    return Status(204, None)


@router.post(
    "/partners/{authority}/witness/answer", response={204: None}, operation_id="partners_witness_answer"
)
@endpoint("federation.partner")
def answer_witness(request: HttpRequest, authority: str, told: WitnessAnswerIn) -> Any:
    """Consent to witness a partner's ledger, or consent no longer."""
    witnesses.answer(authority, signed_in(request), consents=told.consents)
    return Status(204, None)


class ReleaseOut(Schema):
    """A request to pass something on."""

    object_id: UUID
    partner: str = Field(description="Who asks; the originator, where this authority asks.")
    incoming: bool = Field(description="Whether the partner asks this authority.")
    thing: UUID
    to: str
    to_name: str
    purpose: str
    state: str = Field(description="`open`, `granted` or `refused`.")
    reason: str
    asked_us: int
    decided_us: int | None


class DecideIn(In):
    """Why a request is granted or refused; the partner reads it."""

    why: str = Why


@router.get("/releases", response=Page[ReleaseOut], operation_id="releases_list")
@endpoint("federation.view")
def list_releases(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """Requests to pass something on, those of partners and this authority's own, the last first."""
    return paged(Release.objects.all(), Order("asked_us", descending=True), paging)


@router.post(
    "/releases/{uuid:request_id}/grant", response={201: PartnerProposed}, operation_id="releases_grant"
)
@endpoint("federation.share")
def grant_release(request: HttpRequest, request_id: UUID, told: DecideIn) -> Any:
    """Propose to grant a partner's request; another person releases it."""
    return Status(201, {"proposal": releases.propose(request_id, told.why, signed_in(request))})


@router.post("/releases/{uuid:request_id}/refuse", response={204: None}, operation_id="releases_refuse")
@endpoint("federation.share")
def refuse_release(request: HttpRequest, request_id: UUID, told: DecideIn) -> Any:
    """Refuse a partner's request."""
    releases.refuse(request_id, told.why, signed_in(request))
    return Status(204, None)


class RuleIn(In):
    """What is shared by itself, with whom, and without what."""

    sort: str = Field(max_length=32)
    authorities: list[str] = Field(default_factory=list, max_length=1_000)
    tiers: list[str] = Field(default_factory=list, max_length=10)
    states: list[str] = Field(default_factory=list, max_length=300)
    groups: list[str] = Field(default_factory=list, max_length=100, description="Ids of groups.")
    withheld: list[str] = Field(default_factory=list, max_length=50)
    tlp: Tlp | None = Field(None, description="The strictest level that is shared so; null for any.")
    why: str = Why


class RuleEndIn(In):
    """Why a rule ends."""

    why: str = Why


class RuleOut(Schema):
    """A rule by which things are shared by themselves."""

    object_id: UUID
    sort: str
    audience: dict[str, list[str]]
    withheld: list[str]
    tlp: str = Field(description="The strictest level of TLP that is shared so; empty for any.")


@router.get("/rules", response=Page[RuleOut], operation_id="rules_list")
@endpoint("federation.view")
def list_rules(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """The rules that hold."""
    return paged(Rule.objects.all(), Order("since"), paging)


@router.post("/rules", response={201: PartnerProposed}, operation_id="rules_propose")
@endpoint("federation.share")
def propose_rule(request: HttpRequest, told: RuleIn) -> Any:
    """Propose that things of a sort are shared by themselves from now on."""
    parts = (told.authorities, told.tiers, told.states, told.groups)
    audience = Audience(*map(frozenset, parts))
    proposal = ruling.propose(
        told.sort, audience, frozenset(told.withheld), told.why, signed_in(request), told.tlp or ""
    )
    return Status(201, {"proposal": proposal})


@router.post("/rules/{uuid:rule}/end", response={204: None}, operation_id="rules_end")
@endpoint("federation.share")
def end_rule(request: HttpRequest, rule: UUID, told: RuleEndIn) -> Any:
    """Share by a rule no longer."""
    ruling.end(rule, told.why, signed_in(request))
    return Status(204, None)


class PartnerGroupIn(In):
    """A group of partners to share with."""

    name: str = Field(min_length=1, max_length=groups.NAME_LIMIT)
    members: list[str] = Field(min_length=1, max_length=1_000, description="Ids of partners.")
    why: str = Why


class MembersIn(In):
    """Who is in a group from now on."""

    members: list[str] = Field(min_length=1, max_length=1_000, description="Ids of partners.")
    why: str = Why


class PartnerGroupOut(Schema):
    """A group of partners to share with."""

    object_id: UUID
    name: str
    members: list[str]


class PartnerGroupMade(Schema):
    """The group that was made."""

    object_id: UUID


class PartnerGroupChanged(Schema):
    """What came of it: done, or waiting for a second person."""

    done: bool
    proposal: UUID | None


@router.get("/groups", response=Page[PartnerGroupOut], operation_id="groups_list")
@endpoint("federation.view")
def list_groups(request: HttpRequest, paging: Query[Paging]) -> Any:  # noqa: ARG001 - Ninja gives it
    """The groups of partners, by name."""
    return paged(Group.objects.all(), Order("name"), paging)


@router.post("/groups", response={201: PartnerGroupMade}, operation_id="groups_make")
@endpoint("federation.share")
def make_group(request: HttpRequest, told: PartnerGroupIn) -> Any:
    """Make a group; nothing is shared by that."""
    return Status(201, {"object_id": groups.make(told.name, told.members, told.why, signed_in(request))})


@router.post("/groups/{uuid:group}", response=PartnerGroupChanged, operation_id="groups_change")
@endpoint("federation.share")
def change_group(request: HttpRequest, group: UUID, told: MembersIn) -> Any:
    """Say who is in a group; where somebody comes in, another person approves it."""
    proposal = groups.change(group, told.members, told.why, signed_in(request))
    return {"done": proposal is None, "proposal": proposal}


@router.post("/groups/{uuid:group}/dissolve", response={204: None}, operation_id="groups_dissolve")
@endpoint("federation.share")
def dissolve_group(request: HttpRequest, group: UUID, told: RuleEndIn) -> Any:
    """Have a group no longer; what was shared stays with those who have it."""
    groups.dissolve(group, told.why, signed_in(request))
    return Status(204, None)
