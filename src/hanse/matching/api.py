"""The API of matching."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import looked_at
from hanse.cases.choosing import case_for
from hanse.cases.joint import Opening
from hanse.matching import (
    agreeing,
    contacting,
    hits,
    reopening,
    reopening_days,
    running,
    showing,
    standing_on,
    who_else,
    withholding,
)
from hanse.matching.models import Run
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["matching"])


class OfferOut(Schema):
    """What one side offers after a hit."""

    name: str
    telephone: str
    case_class: str
    age: str
    stage: str
    agrees: bool
    declined: bool


class MatchOut(Schema):
    """That a partner has the same selector, or a person like one."""

    id: UUID
    partner: str
    way: str = Field(description="`sets`, `who-else` or `standing`.")
    kind: str
    keys: int = Field(
        description="Zero for the same selector; for a lead, how many keys of the name both have, of a person with the birth, of a company with the country."
    )
    case: UUID = Field(description="Own case.")
    selector: UUID = Field(description="Own selector.")
    found_us: int
    own: OfferOut | None
    other: OfferOut | None
    opener: str = Field(
        description="Which of the two authorities opens the joint case once both want it: whose id sorts first."
    )
    joint: UUID | None = Field(description="The joint case that both agreed on.")
    second: UUID | None = Field(
        description="Another one that was opened for the same hit, by a node that did not know who opens it."
    )


class ComparisonOut(Schema):
    """A comparison of whole sets."""

    id: UUID = Field(alias="object_id")
    partner: str
    ours: bool = Field(description="Whether this authority asked for it.")
    state: str
    why: str
    hits: int | None = Field(
        description="Selectors that both have; only for who oversees, as it is of all teams' cases."
    )
    blanket: bool
    transcript: str = Field(description="SHA-256 of what both sent, as this side has it.")
    other_transcript: str = Field(description="As the other side has it.")
    begun_us: int
    ended_us: int | None


class AgreementOut(Schema):
    """What is offered to a partner."""

    partner: str
    kinds: list[str]
    categories: list[str]
    legal_basis: str
    case_class: str
    per_day: int
    sources: bool = Field(description="Whether it may be counted how many sources of attacks both have.")
    until_us: int
    used: int = Field(description="Selectors that the partner had compared in the last 24 hours.")
    counted: int = Field(description="How many times it had common sources counted in these hours.")
    countable: int = Field(description="How many times it may.")


class AgreementIn(In):
    """What is to be offered to a partner; another person approves it."""

    partner: str = Field(max_length=128)
    kinds: list[str] = Field(min_length=1, max_length=40)
    categories: list[str] = Field(
        list(agreeing.USUAL),
        min_length=1,
        max_length=10,
        description="Of people; no victims or witnesses unless named.",
    )
    legal_basis: str = Field(min_length=1, max_length=2_000)
    case_class: str = Field(min_length=1, max_length=2_000)
    per_day: int = Field(10_000, ge=1, le=agreeing.MOST_PER_DAY)
    sources: bool = Field(
        False,
        description="Whether it may be counted how many sources of attacks both have; neither that keeps to the protocol learns which.",
    )
    until_us: Moment
    why: str = Field(min_length=1, max_length=4_000)


class MatchingWhyIn(In):
    """Why."""

    why: str = Field(min_length=1, max_length=4_000)


class MatchingAskIn(MatchingWhyIn):
    """With whom to compare, and why."""

    partner: str = Field(max_length=128)


class KeepOutIn(MatchingWhyIn):
    """What of a case is not compared, or who answers for it alone."""

    selector: UUID | None = Field(None, description="Of the case; nothing for all of them.")
    officer: UUID | None = Field(None, description="Of the case's team; nothing for not comparing it at all.")
    lifted: bool = Field(False, description="Whether it is compared like others again.")


class JointOpeningIn(In):
    """The joint case that opens where both sides want one and this authority is the `opener`."""

    title: str = Field(min_length=1, max_length=300)
    purpose: str = Field(min_length=1, max_length=10_000)
    legal_basis: str = Field(min_length=1, max_length=10_000)
    retention_us: Moment


class OfferIn(In):
    """What to offer after a hit."""

    name: str = Field("", max_length=200)
    telephone: str = Field("", max_length=200)
    case_class: str = Field("", max_length=200)
    age: str = Field("", max_length=200)
    stage: str = Field("", max_length=200)
    agrees: bool = False
    declined: bool = False
    opening: JointOpeningIn | None = None


class QuestionIn(MatchingWhyIn):
    """Which selectors of a case partners are asked about, and whom."""

    selectors: list[UUID] = Field(min_length=1, max_length=100)
    partners: list[str] = Field(min_length=1, max_length=200)


class ReplyOut(Schema):
    """How a question stands with one partner."""

    partner: str
    state: str = Field(description="`waiting`, `found`, `nothing`, `refused`, `failed` or `unanswered`.")
    why: str
    hits: int
    told_us: int | None


class QuestionOut(Schema):
    """A question to partners, and what came of it."""

    id: UUID
    asked_us: int
    actor_name: str
    why: str
    selectors: list[UUID]
    replies: list[ReplyOut]


class StandingOut(Schema):
    """How standing matching with a partner stands."""

    partner: str
    on: bool
    own: bool = Field(description="Whether this side wants it.")
    other: bool = Field(description="Whether the partner does.")
    waiting: int | None = Field(
        description="New selectors that wait for their turn; only for who oversees, as it is of all teams' cases."
    )


class StandingIn(MatchingWhyIn):
    """Whether new selectors are to be matched as they come."""

    on: bool


class StandingDayOut(Schema):
    """A day of standing matching that is over."""

    partner: str
    day: str = Field(description="Such as `2026-11-26`, UTC.")
    sent: int = Field(description="Turns of this side that the partner answered.")
    answered: int = Field(description="Turns of the partner that this side answered.")
    head: str = Field(description="Hash of all that this side sent and was answered, as this side has it.")
    answered_head: str = Field(description="The same of what the partner sent.")
    differs: bool = Field(description="Whether the partner says that something else passed.")
    again: bool = Field(description="Whether it can be done again: for thirty days.")
    reopened_us: int | None = Field(description="When it was done again last.")
    found: list[str] | None = Field(
        description="What was not as it should have been, nothing for an honest day; only for who oversees, and once it was done again."
    )


class StandingDayJob(Schema):
    """That a day is being done again."""

    job: UUID
    url: str


class AskingOut(Schema):
    """That a partner asked who else has something, which is all that can be known of it, or for common sources to be counted."""

    partner: str
    at_us: int
    sources: bool = Field(description="Whether it wanted common sources of attacks counted.")
    refused: str = Field(
        description="Why it got no answer; one that goes on is here once an hour for each reason."
    )


class MatchingMade(Schema):
    """What was put on record."""

    id: UUID


@router.get("/hits", response=list[MatchOut], operation_id="matching_hits")
@endpoint("matching.view")
def list_hits(request: HttpRequest) -> Any:
    """The hits of the actor's cases, the last first, at most 500."""
    found = showing.hits_of(signed_in(request))
    looked_at(request, hits.VIEW, {one.case.pk: one.case for one in found}.values())
    return [_hit(one) for one in found]


@router.get("/hits/{uuid:hit_id}", response=MatchOut, operation_id="matching_hit")
@endpoint("matching.view")
def get_hit(request: HttpRequest, hit_id: UUID) -> Any:
    """One hit."""
    return _one(request, hit_id)


@router.post("/hits/{uuid:hit_id}", response=MatchOut, operation_id="matching_offer")
@endpoint("matching.contact")
def offer(request: HttpRequest, hit_id: UUID, told: OfferIn) -> Any:
    """Offer a name, a hint or a joint case after a hit, or decline."""
    values = told.dict(exclude={"opening"})
    opening = None
    if told.opening is not None:
        opening = Opening(**told.opening.dict(), members=frozenset())
    contacting.offer(hit_id, contacting.Told(**values, opening=opening), signed_in(request))
    return _one(request, hit_id)


@router.get("/runs", response=Page[ComparisonOut], operation_id="matching_runs")
@endpoint("matching.oversee")
def list_runs(request: HttpRequest, paging: Query[Paging]) -> Any:
    """Comparisons of whole sets, the last first."""
    told = paged(Run.objects.all(), Order("begun_us", descending=True), paging)
    if not showing.oversees(signed_in(request)):
        for row in told["items"]:
            row.hits = None
    return told


@router.post("/runs", response={201: MatchingMade}, operation_id="matching_ask")
@endpoint("matching.run")
def ask(request: HttpRequest, told: MatchingAskIn) -> Any:
    """Have all that is agreed compared with a partner."""
    return Status(201, {"id": running.ask(told.partner, signed_in(request), told.why)})


@router.post("/runs/{uuid:run}/stop", response={204: None}, operation_id="matching_stop")
@endpoint("matching.run")
def stop(request: HttpRequest, run: UUID, told: MatchingWhyIn) -> Any:
    """End a comparison before it finishes."""
    running.stop(run, signed_in(request), told.why)
    return Status(204, None)


@router.post("/runs/{uuid:run}/reopen", response=list[str], operation_id="matching_reopen")
@endpoint("matching.reopen", in_parts=True)
def reopen(request: HttpRequest, run: UUID, told: MatchingWhyIn) -> Any:
    """Do a comparison again; what was not as it should have been, nothing for an honest one."""
    # A list: two sentences in a tuple would be taken for a status and what is answered.
    found = reopening.reopen(run, signed_in(request), told.why)
    return list(found)


@router.get("/agreements", response=list[AgreementOut], operation_id="matching_agreements")
@endpoint("matching.oversee")
def list_agreements(request: HttpRequest) -> Any:
    """What is agreed with each partner."""
    names = ("partner", "kinds", "categories", "legal_basis", "case_class", "per_day", "sources", "until_us")
    return [
        {**{name: getattr(one.agreement, name) for name in names}, "used": one.used, "counted": one.counted,
         "countable": one.countable}
        for one in showing.agreements(signed_in(request))
    ]  # fmt: skip


@router.post("/agreements", response={202: MatchingMade}, operation_id="matching_agree")
@endpoint("matching.agree")
def agree(request: HttpRequest, told: AgreementIn) -> Any:
    """Propose what is compared with a partner; another person approves it."""
    terms = agreeing.Terms(**told.dict(exclude={"why"}))
    return Status(202, {"id": agreeing.propose(terms, told.why, signed_in(request))})


@router.post("/agreements/{str:partner}/end", response={204: None}, operation_id="matching_end")
@endpoint("matching.agree")
def end(request: HttpRequest, partner: str, told: MatchingWhyIn) -> Any:
    """Offer nothing to a partner any more."""
    agreeing.end(partner, told.why, signed_in(request))
    return Status(204, None)


@router.post("/cases/{uuid:case_id}/keep-out", response={204: None}, operation_id="matching_keep_out")
@endpoint("matching.keep_out")
def keep_out(request: HttpRequest, case_id: UUID, told: KeepOutIn) -> Any:
    """Say that a case, or a selector of it, is not compared, is answered for by one officer, or is compared again."""
    actor = signed_in(request)
    if told.lifted:
        withholding.let_in(case_id, told.selector, told.why, actor)
    else:
        withholding.keep_out(case_id, told.selector, told.officer, told.why, actor)
    return Status(204, None)


@router.get("/cases/{uuid:case_id}/questions", response=list[QuestionOut], operation_id="matching_questions")
@endpoint("matching.view")
def list_questions(request: HttpRequest, case_id: UUID) -> Any:
    """What partners were asked about a case, and what came of it, the last first."""
    actor = signed_in(request)
    case = case_for(actor, hits.VIEW, case_id)
    looked_at(request, hits.VIEW, [case])
    return [_question(one) for one in showing.questions_of(case, actor)]


@router.post(
    "/cases/{uuid:case_id}/questions", response={201: MatchingMade}, operation_id="matching_ask_who_else"
)
@endpoint("matching.run")
def ask_who_else(request: HttpRequest, case_id: UUID, told: QuestionIn) -> Any:
    """Ask partners whether they have selectors of a case; none learns which, how many, or whether it has one."""
    made = who_else.ask(case_id, told.selectors, told.partners, told.why, signed_in(request))
    return Status(201, {"id": made})


@router.get("/standing", response=list[StandingOut], operation_id="matching_standing")
@endpoint("matching.oversee")
def list_standing(request: HttpRequest) -> Any:
    """With whom new selectors are matched as they come."""
    whole = showing.oversees(signed_in(request))
    return [
        {
            "partner": one.partner, "on": one.on, "own": bool(one.own and one.own.on),
            "other": bool(one.other and one.other.on),
            "waiting": (one.turns.waiting if one.turns else 0) if whole else None,
        }
        for one in showing.standing().values()
    ]  # fmt: skip


@router.post("/standing/{str:partner}", response={204: None}, operation_id="matching_standing_set")
@endpoint("matching.agree")
def set_standing(request: HttpRequest, partner: str, told: StandingIn) -> Any:
    """Turn standing matching with a partner on or off."""
    turn = standing_on.turn_on if told.on else standing_on.turn_off
    turn(partner, told.why, signed_in(request))
    return Status(204, None)


@router.get("/standing-days", response=list[StandingDayOut], operation_id="matching_standing_days")
@endpoint("matching.oversee")
def list_standing_days(request: HttpRequest) -> Any:
    """The days of standing matching that are over, the last first, at most 500."""
    return [
        {
            "partner": one.day.partner, "day": one.day.epoch, "sent": one.sent, "answered": one.answered,
            "head": one.day.own["head"], "answered_head": one.day.other["head"], "differs": one.differs,
            "again": one.again, "reopened_us": one.day.reopened_us, "found": one.found,
        }
        for one in showing.days(signed_in(request), 500)
    ]  # fmt: skip


@router.post(
    "/standing-days/{str:partner}/{str:day}/reopen",
    response={202: StandingDayJob},
    operation_id="matching_reopen_day",
)
@endpoint("matching.reopen")
def reopen_day(request: HttpRequest, partner: str, day: str, told: MatchingWhyIn) -> Any:
    """Have a day of standing matching done again, as a job; what was not as it should have been stands with the day then."""
    job = reopening_days.begin(partner, day, signed_in(request), told.why)
    return Status(202, {"job": job.pk, "url": f"/jobs/{job.pk}/"})


@router.get("/askings", response=list[AskingOut], operation_id="matching_askings")
@endpoint("matching.oversee")
def list_askings(request: HttpRequest) -> Any:
    """That partners asked, when, and which were refused and why; the last first, at most 500."""
    return showing.askings(signed_in(request), 500)


def _question(one: showing.QuestionShown) -> dict[str, Any]:
    row = one.question
    return {
        "id": row.pk, "asked_us": row.asked_us, "actor_name": row.actor_name, "why": row.why,
        "selectors": row.selectors, "replies": [reply for _, reply in one.replies],
    }  # fmt: skip


def _one(request: HttpRequest, hit_id: UUID) -> dict[str, Any]:
    actor = signed_in(request)
    hits.hit_for(actor, hit_id)
    [one] = showing.hits_of(actor, only=hit_id)
    looked_at(request, hits.VIEW, [one.case])
    return _hit(one)


def _hit(one: showing.HitShown) -> dict[str, Any]:
    names = ("partner", "way", "kind", "keys", "case", "selector", "found_us")
    told = {name: getattr(one.hit, name) for name in names}
    stands = one.stands
    return {
        "id": one.hit.pk, **told,
        **{name: getattr(stands, name) for name in ("own", "other", "opener", "joint", "second")},
    }  # fmt: skip
