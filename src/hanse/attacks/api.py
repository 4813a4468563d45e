"""The API of attacks: lists, one attack with its flows and rates, and decisions."""

from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from hanse.accounts.looking import FILE, looked_at, looked_at_again, looked_at_by_program
from hanse.attacks import service, stix_export
from hanse.attacks.choosing import choose
from hanse.attacks.models import STANDING, Attack, Run
from hanse.attacks.timeline import timeline
from hanse.attacks.within import known_campaigns, masked, masked_decisions, masked_runs
from hanse.intel import stix_bundle
from hanse.kernel.clock import now_us
from hanse.web.api import In, Moment, Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.page import signed_in

router = Router(tags=["attacks"])

DRAWN = 2_000
"""Attacks that a timeline draws: beyond, bars lie on bars. The largest are kept."""

Reason = Field(min_length=1, max_length=4_000, description="Why, for whoever comes after.")
Sort = Literal[
    "start", "-start", "peak_bps", "-peak_bps", "packets", "-packets", "sources", "-sources", "victim"
]
_FIELDS = {"start": "start_us", "victim": "victim_sort"}


class AttacksWanted(Schema):
    """Which attacks."""

    since_us: Moment | None = Field(None, description="Not over before, microseconds UTC.")
    until_us: Moment | None = Field(None, description="Not begun after, microseconds UTC.")
    victim: str | None = Field(None, max_length=64, description="An address, or a network that holds it.")
    vector: str | None = Field(None, max_length=64)
    state: Literal["running", "over", "false-positive", "merged", "split", "standing"] | None = None
    organisation: str | None = Field(None, max_length=500)
    sector: str | None = Field(None, max_length=64)
    country: str | None = Field(None, max_length=2, description="Of the victim, ISO alpha-2.")
    campaign: UUID | None = None
    run: UUID | None = Field(None, description="The analysis that found it.")
    peak_bps: float | None = Field(None, ge=0, description="At least so much, bit/s.")


class AttackOut(Schema):
    """One attack of a list."""

    id: UUID
    name: str
    victim: str
    vector: str
    start_us: int
    end_us: int
    peak_bps: float
    peak_pps: float
    packets: int
    bytes: int
    sources: int
    source_class: str
    confidence: str
    organisation: str
    sector: str
    country: str
    site: str
    campaign: UUID | None
    state: str
    running: bool
    entry: int = Field(description="Sequence of the entry that last said what was found.")

    @staticmethod
    def resolve_id(row: Attack) -> UUID:
        """The object's id."""
        return row.object_id

    @staticmethod
    def resolve_entry(row: Attack) -> int:
        """The entry."""
        return row.sequence


class AttackWhole(AttackOut):
    """One attack with its evidence and marking."""

    marking: dict[str, Any]
    part_of: UUID | None = Field(description="The attack that it was found to be part of since it was told.")
    detail: dict[str, Any] = Field(description="As `hanse attacks --format json` says it.")

    @staticmethod
    def resolve_marking(row: Attack) -> dict[str, Any]:
        """The marking."""
        return row.marking.marking.as_json()

    @staticmethod
    def resolve_detail(row: Attack) -> dict[str, Any]:
        """The attack whole."""
        return service.attack_in(row).as_json()


class DecisionOut(Schema):
    """A decision on an attack."""

    decision: UUID
    what: str
    reason: str
    into: UUID | None
    actor_name: str
    time_us: int
    withdrawn: bool

    @staticmethod
    def resolve_withdrawn(row: Any) -> bool:
        """Whether it holds no longer."""
        return row.withdrawn_by is not None


class AlertOut(Schema):
    """An alert about an attack."""

    channel: str
    to: str
    delivered: bool
    words: str
    time_us: int


class RunOut(Schema):
    """An analysis."""

    id: UUID
    time_us: int
    actor_name: str
    start_us: int | None
    end_us: int | None
    attacks: int
    detail: dict[str, Any]

    @staticmethod
    def resolve_id(row: Run) -> UUID:
        """The object's id."""
        return row.object_id


class Named(Schema):
    """A row or kind of a timeline."""

    id: str
    label: str


class Drawn(Schema):
    """An attack on a timeline."""

    id: str
    row: str
    vector: str
    start_us: int
    end_us: int | None
    title: str
    text: str
    url: str
    false_positive: bool


class TimelineOut(Schema):
    """Attacks in time by organisation."""

    now_us: int
    rows: list[Named]
    vectors: list[Named]
    attacks: list[Drawn]


class Series(Schema):
    """One curve."""

    name: str
    unit: str
    values: list[float | None]


class Span(Schema):
    """A stretch of time with its label."""

    from_us: int
    to_us: int
    label: str


class RatesOut(Schema):
    """Rates over time."""

    start_us: int
    step_us: int
    series: list[Series]
    span: Span


class Some(Schema):
    """How many."""

    limit: int = Field(100, ge=1, le=10_000)


class ReasonIn(In):
    """Why."""

    reason: str = Reason


class SplitIn(ReasonIn):
    """Where to cut, and why."""

    at_us: Moment


class MergeIn(ReasonIn):
    """What to merge, and why."""

    attacks: list[UUID] = Field(min_length=2, max_length=100)


class NoteIn(In):
    """A note."""

    text: str = Reason


class DecisionMade(Schema):
    """The decision that was made."""

    decision: UUID


def chosen(request: HttpRequest, wanted: AttacksWanted) -> QuerySet[Attack]:
    """The attacks that somebody may see and wants.

    Raises:
        UsageError: The victim is no address or network.
    """
    told = wanted.dict(exclude_none=True)
    rows = Attack.objects.for_actor(signed_in(request), "attacks.view").select_related("marking")
    if wanted.campaign and not known_campaigns(signed_in(request), [wanted.campaign]):
        return rows.none()
    return choose(rows, **told)


@router.get("", response=Page[AttackOut], operation_id="attacks_list")
@endpoint("attacks.view")
def list_attacks(
    request: HttpRequest, wanted: Query[AttacksWanted], paging: Query[Paging], sort: Sort = "-start"
) -> Any:
    """The attacks, filtered and in order."""
    field = sort.removeprefix("-")
    order = Order(_FIELDS.get(field, field), descending=sort.startswith("-"))
    told = paged(chosen(request, wanted), order, paging)
    looked_at(request, "attacks.view", told["items"])
    return {**told, "items": masked(told["items"], signed_in(request))}


@router.get("/timeline", response=TimelineOut, operation_id="attacks_timeline")
@endpoint("attacks.view")
def get_timeline(request: HttpRequest, wanted: Query[AttacksWanted]) -> Any:
    """The attacks in time by organisation; false positives too unless a state is asked for."""
    rows = chosen(request, wanted)
    if wanted.state is None:
        rows = rows.filter(state__in=(*STANDING, "false-positive"))
    drawn = rows.order_by("-peak_bps", "-object_id")[:DRAWN]
    # The page of the situation asks for all of them. What is narrowed is a search, whoever asks.
    look = looked_at_again if wanted.dict(exclude_none=True) else looked_at_by_program
    look(request, "attacks.view", drawn)
    return timeline(drawn, now_us())


@router.get("/runs", response=Page[RunOut], operation_id="attacks_runs")
@endpoint("attacks.view")
def list_runs(request: HttpRequest, paging: Query[Paging]) -> Any:
    """The analyses, latest first."""
    rows = Run.objects.for_actor(signed_in(request), "attacks.view")
    told = paged(rows.select_related("marking"), Order("time_us", descending=True), paging)
    looked_at(request, "attacks.view", told["items"])
    return {**told, "items": masked_runs(told["items"], signed_in(request))}


@router.post("/merge", response={201: DecisionMade}, operation_id="attacks_merge")
@endpoint("attacks.decide")
def merge(request: HttpRequest, told: MergeIn) -> Any:
    """Decide that attacks on one victim by one vector are one."""
    return _made(service.merge(told.attacks, told.reason, signed_in(request)))


@router.post("/decisions/{uuid:decision_id}/withdraw", response={204: None}, operation_id="attacks_withdraw")
@endpoint("attacks.decide")
def withdraw(request: HttpRequest, decision_id: UUID, told: ReasonIn) -> Any:
    """Take a decision back."""
    service.withdraw(decision_id, told.reason, signed_in(request))
    return Status(204, None)


@router.get("/{uuid:attack_id}/stix", operation_id="attacks_stix", summary="One attack as STIX")
@endpoint("attacks.export")
def get_stix(request: HttpRequest, attack_id: UUID) -> HttpResponse:
    """One attack as a STIX 2.1 bundle, with its trace where the caller may see it."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.export", attack_id)
    looked_at(request, "attacks.export", [row], recipient=FILE)
    return JsonResponse(stix_bundle.written(stix_export.objects_of(row, actor), f"attack {row.pk}"))


@router.get("/{uuid:attack_id}", response=AttackWhole, operation_id="attacks_get")
@endpoint("attacks.view")
def get_attack(request: HttpRequest, attack_id: UUID) -> Any:
    """One attack whole."""
    actor = signed_in(request)
    row = Attack.objects.get_for(actor, "attacks.view", attack_id)
    looked_at(request, "attacks.view", [row])
    return masked([row], actor)[0]


@router.get("/{uuid:attack_id}/rates", response=RatesOut, operation_id="attacks_rates")
@endpoint("attacks.view")
def get_rates(request: HttpRequest, attack_id: UUID) -> Any:
    """Packets/s and bit/s over the time of an attack, from its flows."""
    row = Attack.objects.get_for(signed_in(request), "attacks.view", attack_id)
    looked_at_again(request, "attacks.view", [row])
    found = service.rates_of(attack_id, signed_in(request))
    return {
        "start_us": found.start_us,
        "step_us": found.step_us,
        "series": [
            {"name": "Packets", "unit": "packets/s", "values": found.pps},
            {"name": "Bits", "unit": "bit/s", "values": found.bps},
        ],
        "span": {"from_us": row.start_us, "to_us": row.end_us, "label": "attack"},
    }


@router.get("/{uuid:attack_id}/flows", response=list[dict[str, Any]], operation_id="attacks_flows")
@endpoint("telemetry.view")
def get_flows(request: HttpRequest, attack_id: UUID, some: Query[Some]) -> Any:
    """The first flows behind an attack: the flow schema, addresses and times as text."""
    from hanse.telemetry.listing import in_text  # noqa: PLC0415 - Arrow is loaded when flows are first read

    actor = signed_in(request)
    looked_at(request, "telemetry.view", [Attack.objects.get_for(actor, "attacks.view", attack_id)])
    table = service.flows_behind(attack_id, actor, some.limit)
    return [row for batch in table.to_batches() for row in in_text(batch).to_pylist()]


@router.get("/{uuid:attack_id}/decisions", response=list[DecisionOut], operation_id="attacks_decisions")
@endpoint("attacks.view")
def get_decisions(request: HttpRequest, attack_id: UUID) -> Any:
    """What was decided on an attack."""
    actor = signed_in(request)
    looked_at(request, "attacks.view", [Attack.objects.get_for(actor, "attacks.view", attack_id)])
    return masked_decisions(service.decisions_on(attack_id, actor), actor)


@router.get("/{uuid:attack_id}/alerts", response=list[AlertOut], operation_id="attacks_alerts")
@endpoint("attacks.view")
def get_alerts(request: HttpRequest, attack_id: UUID) -> Any:
    """Alerts that went out about an attack."""
    actor = signed_in(request)
    looked_at(request, "attacks.view", [Attack.objects.get_for(actor, "attacks.view", attack_id)])
    return service.alerts_on(attack_id, actor)


@router.post(
    "/{uuid:attack_id}/false-positive", response={201: DecisionMade}, operation_id="attacks_false_positive"
)
@endpoint("attacks.decide")
def false_positive(request: HttpRequest, attack_id: UUID, told: ReasonIn) -> Any:
    """Decide that it is no attack."""
    return _made(service.mark_false_positive(attack_id, told.reason, signed_in(request)))


@router.post("/{uuid:attack_id}/split", response={201: DecisionMade}, operation_id="attacks_split")
@endpoint("attacks.decide")
def split(request: HttpRequest, attack_id: UUID, told: SplitIn) -> Any:
    """Decide that it is two attacks."""
    return _made(service.split(attack_id, told.at_us, told.reason, signed_in(request)))


@router.post("/{uuid:attack_id}/notes", response={201: DecisionMade}, operation_id="attacks_note")
@endpoint("attacks.decide")
def note(request: HttpRequest, attack_id: UUID, told: NoteIn) -> Any:
    """Write a note on it."""
    return _made(service.note(attack_id, told.text, signed_in(request)))


def _made(decision: UUID) -> Any:
    return Status(201, {"decision": decision})
