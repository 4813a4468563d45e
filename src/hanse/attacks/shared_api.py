"""The API of sharing attacks: a dry run, sharing, who has one, recalling it, and what partners shared."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.attacks.models import Attack, PartnerAttack
from hanse.federation import acting, opening, recalling, releases, sharing, sharing_api
from hanse.federation.sharing_api import (
    ActedIn,
    AskReleaseIn,
    AudienceIn,
    HolderOut,
    PartnerGets,
    PassOnIn,
    RecalledOut,
    RecallIn,
    ReleaseAskedOut,
    ShareIn,
    asked,
    gets,
)
from hanse.federation.showing import holders
from hanse.web.api import Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["federation"])


class PartnersAttackOut(Schema):
    """An attack that a partner shared, as it says it."""

    id: UUID
    partner: str
    vector: str
    victim: str = Field(description="Empty where the partner withheld it.")
    victim_mark: str = Field(description="The same for one victim of that partner; empty where it is told.")
    organisation: str
    sector: str
    country: str
    start_us: int
    end_us: int
    peak_bps: float
    peak_pps: float
    sources: int
    source_class: str
    state: str
    received_us: int

    @staticmethod
    def resolve_id(row: PartnerAttack) -> UUID:
        """The object's id."""
        return row.object_id


@router.get("/partners", response=Page[PartnersAttackOut], operation_id="attacks_of_partners")
@endpoint("attacks.view")
def of_partners(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The attacks that partners shared, the latest first."""
    rows = PartnerAttack.objects.for_actor(signed_in(request), "attacks.view").select_related("marking")
    told = paged(rows, Order("start_us", descending=True), paging)
    looked_at(request, "attacks.view", told["items"])
    return told


@router.get("/partners/{uuid:received_id}", response=PartnersAttackOut, operation_id="attacks_of_partner")
@endpoint("attacks.view")
def of_partner(request: HttpRequest, received_id: UUID) -> Any:
    """One attack as a partner says it; its originator learns once that it was opened."""
    row = PartnerAttack.objects.get_for(signed_in(request), "attacks.view", received_id)
    looked_at(request, "attacks.view", [row])
    opening.opened(row.pk)
    return row


@router.post("/partners/{uuid:received_id}/pass-on", response=PartnerGets, operation_id="attacks_pass_on")
@endpoint("federation.share")
def pass_on(request: HttpRequest, received_id: UUID, told: PassOnIn) -> Any:
    """Pass a partner's attack on, whole, as its marking or a release of its originator lets; what it got, or why not."""
    return sharing_api.passed_on("partner-attack", received_id, told, signed_in(request))


@router.post(
    "/partners/{uuid:received_id}/ask-release",
    response={201: ReleaseAskedOut},
    operation_id="attacks_ask_release",
)
@endpoint("federation.share")
def ask_release(request: HttpRequest, received_id: UUID, told: AskReleaseIn) -> Any:
    """Ask the originator of a partner's attack whether another partner may have it."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", received_id)
    return Status(201, {"request": releases.ask(row.pk, told.authority, told.purpose, actor)})


@router.post("/partners/{uuid:received_id}/acted", response={204: None}, operation_id="attacks_acted")
@endpoint("federation.share")
def acted(request: HttpRequest, received_id: UUID, told: ActedIn) -> Any:
    """Tell the partner that shared an attack what this authority did."""
    actor = signed_in(request)
    row = PartnerAttack.objects.get_for(actor, "attacks.view", received_id)
    acting.acted(row.pk, told.what, told.text, actor)
    return Status(204, None)


@router.post("/{uuid:attack_id}/share/try", response=list[PartnerGets], operation_id="attacks_share_try")
@endpoint("federation.view")
def share_try(request: HttpRequest, attack_id: UUID, told: AudienceIn) -> Any:
    """Exactly what each partner would get; nothing leaves."""
    actor = signed_in(request)
    looked_at(request, "attacks.view", [Attack.objects.get_for(actor, "attacks.view", attack_id)])
    return [gets(one) for one in sharing.preview(asked("attack", attack_id, told), actor)]


@router.post("/{uuid:attack_id}/share", response=list[PartnerGets], operation_id="attacks_share")
@endpoint("federation.share")
def share(request: HttpRequest, attack_id: UUID, told: ShareIn) -> Any:
    """Give an attack to every partner of the audience that may have it; what each got, or why not."""
    shown = sharing.share(asked("attack", attack_id, told), signed_in(request), told.reason)
    return [gets(one) for one in shown]


@router.get("/{uuid:attack_id}/holders", response=list[HolderOut], operation_id="attacks_holders")
@endpoint("federation.view")
def who_has_it(request: HttpRequest, attack_id: UUID) -> Any:
    """Which partners have an attack or had it, and what became of recalls."""
    row = Attack.objects.get_for(signed_in(request), "attacks.view", attack_id)
    return holders(row.pk)


@router.post("/{uuid:attack_id}/recall", response={201: RecalledOut}, operation_id="attacks_recall")
@endpoint("federation.share")
def recall(request: HttpRequest, attack_id: UUID, told: RecallIn) -> Any:
    """Tell partners to purge an attack that they were given."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.view", attack_id)
    return Status(201, {"told": recalling.recall(row.pk, actor, told.reason, told.authorities)})
