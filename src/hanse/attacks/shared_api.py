"""The API of sharing attacks: a dry run, sharing, who has one, recalling it, and what partners shared."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.attacks.models import Attack, PartnerAttack
from hanse.federation import acting, onward, opening, recalling, sharing
from hanse.federation.sharing import Audience, Shown
from hanse.federation.showing import Holder, holders
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, MarkingError, Pap, Tlp
from hanse.ledger.identity import authority
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["federation"])

_Names: Any = Field(default_factory=list, max_length=500)


class CopiesIn(In):
    """How copies are to be marked beside the thing's own marking, which holds in any case."""

    tlp: Tlp = Tlp.CLEAR
    pap: Pap = Pap.CLEAR
    handling: list[str] = Field(default_factory=list, max_length=4, description="Of H0, H1, H2, H3.")
    handling_text: list[str] = Field(default_factory=list, max_length=20, description="The texts of H3.")
    purposes: list[str] | None = Field(None, max_length=20, description="Null is any purpose.")
    releasable: list[str] | None = Field(None, max_length=100, description="Null leaves it to TLP.")
    retention_us: Moment | None = Field(None, description="Until when it is kept, microseconds UTC.")
    embargo_us: Moment | None = Field(
        None, description="Until when only those it is given to know of it, µs UTC."
    )
    embargo_for: list[str] = Field(default_factory=list, max_length=20, description="Who they are, in words.")


class AudienceIn(In):
    """With whom, and without what; a partner that any of the lists names is meant."""

    authorities: list[str] = _Names
    tiers: list[str] = _Names
    states: list[str] = Field(default_factory=list, max_length=500, description="ISO 3166 alpha-2 codes.")
    groups: list[str] = Field(default_factory=list, max_length=100, description="Ids of groups.")
    withheld: list[str] = Field(default_factory=list, max_length=20, description="Names of parts.")
    copies: CopiesIn | None = Field(
        None,
        description="How the copies are to be marked; null for what was said of each partner's copy before.",
    )


class ShareIn(AudienceIn):
    """With whom, without what, and why."""

    reason: str = Field(min_length=1, max_length=4_000)


class PartnerGets(Schema):
    """What one partner gets."""

    authority: str
    gets: bool
    rules: list[str] = Field(description="The rules that forbid it; empty where it gets it.")
    words: str = Field(description="Why not, in words.")
    marking: dict[str, Any]
    content: dict[str, Any] | None = Field(description="Exactly what it gets; null where it may not.")


class HolderOut(Schema):
    """A partner that has an attack, or had it."""

    authority: str
    name: str
    given_us: int
    withheld: list[str]
    opened_us: int | None
    acted: str = Field(
        alias="row.acted",
        description="`warned`, `mitigated`, `blocked`, `investigates`, `nothing`; empty for none yet.",
    )
    acted_words: str = Field(alias="row.acted_words")
    acted_us: int | None = Field(alias="row.acted_us")
    refused: str = Field(alias="row.refused", description="Why it refused it; empty where it did not.")
    recalled_us: int | None
    answer: str = Field(description="`purged`, `unknown` where it never came; empty for none yet.")

    @staticmethod
    def resolve_authority(one: Holder) -> str:
        """Its id."""
        return one.row.recipient

    @staticmethod
    def resolve_given_us(one: Holder) -> int:
        """When it got it."""
        return one.row.given_us

    @staticmethod
    def resolve_withheld(one: Holder) -> list[str]:
        """What it did not get."""
        return list(one.row.withheld)

    @staticmethod
    def resolve_opened_us(one: Holder) -> int | None:
        """When somebody there opened it."""
        return one.row.opened_us

    @staticmethod
    def resolve_recalled_us(one: Holder) -> int | None:
        """When it was recalled."""
        return one.row.recalled_us

    @staticmethod
    def resolve_answer(one: Holder) -> str:
        """What came of that."""
        return one.recall.answer if one.recall else ""


class RecallIn(In):
    """From whom an attack is taken back, and why."""

    authorities: list[str] | None = Field(None, max_length=500, description="All that have it by default.")
    reason: str = Field(min_length=1, max_length=4_000, description="The partners read it.")


class RecalledOut(Schema):
    """How many partners were told."""

    told: int


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


class PassOnIn(In):
    """To whom a partner's attack goes, and why."""

    authority: str = Field(min_length=1, max_length=128)
    reason: str = Field(min_length=1, max_length=4_000)


class AskReleaseIn(In):
    """For whom the originator is asked, and what for."""

    authority: str = Field(min_length=1, max_length=128)
    purpose: str = Field(min_length=1, max_length=4_000, description="Two people of the originator read it.")


class ReleaseAskedOut(Schema):
    """The request."""

    request: UUID


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
    whom = Audience(authorities=frozenset({told.authority}))
    [shown] = sharing.share(
        sharing.Sharing("partner-attack", received_id, whom), signed_in(request), told.reason
    )
    return _out(shown)


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
    return Status(201, {"request": onward.ask(row.pk, told.authority, told.purpose, actor)})


class ActedIn(In):
    """What this authority did with a partner's attack."""

    what: str = Field(
        max_length=16, description="`warned`, `mitigated`, `blocked`, `investigates` or `nothing`."
    )
    text: str = Field("", max_length=acting.LONGEST)


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
    return [_out(one) for one in sharing.preview(_sharing(attack_id, told), actor)]


@router.post("/{uuid:attack_id}/share", response=list[PartnerGets], operation_id="attacks_share")
@endpoint("federation.share")
def share(request: HttpRequest, attack_id: UUID, told: ShareIn) -> Any:
    """Give an attack to every partner of the audience that may have it; what each got, or why not."""
    shown = sharing.share(_sharing(attack_id, told), signed_in(request), told.reason)
    return [_out(one) for one in shown]


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


def _sharing(attack_id: UUID, told: AudienceIn) -> sharing.Sharing:
    whom = Audience(*map(frozenset, (told.authorities, told.tiers, told.states, told.groups)))
    return sharing.Sharing("attack", attack_id, whom, frozenset(told.withheld), _copies(told.copies))


def _copies(told: CopiesIn | None) -> Marking | None:
    """The marking that is meant.

    Raises:
        UsageError: It means nothing.
    """
    if told is None:
        return None
    parts: dict[str, Any] = {name: None if value is None else frozenset(value) if isinstance(value, list) else value
             for name, value in told.dict().items()}  # fmt: skip
    try:
        return Marking(originators=frozenset({authority()}), **parts)
    except MarkingError as error:
        raise UsageError(str(error)) from error


def _out(one: Shown) -> dict[str, Any]:
    return {
        "authority": one.partner.authority,
        "gets": one.content is not None,
        "rules": [] if one.content is not None else list(one.decision.rules),
        "words": "" if one.content is not None else one.decision.words,
        "marking": one.marking.as_json(),
        "content": msgspec.to_builtins(one.content) if one.content is not None else None,
    }
