"""What is going on, in one sentence and four figures, from what the actor may see."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Min, Q

from hanse.attacks.models import STANDING, Attack
from hanse.attacks.models import State as AttackState
from hanse.campaigns import service as campaigns
from hanse.campaigns.across import Across
from hanse.campaigns.models import Campaign
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, strictest
from hanse.policy.models import StoredMarking
from hanse.telemetry.models import Partition

if TYPE_CHECKING:
    from django.db.models import QuerySet

LONG_US = 30 * 86_400_000_000
"""Beyond thirty days, how long ago says less than the date."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The situation page's answer.

    Attributes:
        sentence: The one sentence.
        now: Whether something runs.
        running: Running attacks, at most `SHOWN`, the strongest first.
        running_count: How many run.
        attacks: How many attacks stand.
        victims: How many victims they have.
        campaigns: The campaigns with most attacks.
        campaign_count: How many campaigns stand.
        across: The campaigns across borders, those on most states first.
        watched: What is being watched, in a sentence.
        marking: As strict as the strictest of what the page, its timeline and its map show; None without anything.
    """

    sentence: str
    now: bool
    running: list[Attack]
    running_count: int
    attacks: int
    victims: int
    campaigns: list[Campaign]
    campaign_count: int
    across: list[Across]
    watched: str
    marking: Marking | None


SHOWN = 20


def situation(actor: Actor, now_us: int) -> Situation:
    """What the actor may see of what is going on."""
    standing = Attack.objects.for_actor(actor, "attacks.view").filter(state__in=STANDING)
    running = standing.filter(state=AttackState.RUNNING)
    facts = _facts(standing)
    biggest, across = campaigns.biggest(actor, 5), campaigns.across(actor)
    campaign_count = campaigns.standing(actor).count()
    return Situation(
        sentence=_sentence(biggest, campaign_count, facts, now_us),
        now=bool(facts["running"]),
        running=list(running.order_by("-peak_bps")[:SHOWN]),
        running_count=facts["running"],
        attacks=facts["attacks"],
        victims=facts["victims"],
        campaigns=biggest,
        campaign_count=campaign_count,
        across=across,
        watched=_watched(actor),
        marking=_marking(standing, biggest, across),
    )


def _facts(standing: "QuerySet[Attack]") -> dict[str, Any]:
    """What is counted over all attacks that stand."""
    return standing.aggregate(
        attacks=Count("pk"),
        running=Count("pk", filter=Q(state=AttackState.RUNNING)),
        victims=Count("victim", distinct=True),
        last=Max("end_us"),
    )


def _marking(standing: "QuerySet[Attack]", biggest: list[Campaign], across: list[Across]) -> Marking | None:
    """The strictest marking in use; each distinct one is read once."""
    used = StoredMarking.objects.filter(pk__in=standing.order_by().values("marking").distinct())
    markings = [*(one.marking for one in used), *(row.marking.marking for row in biggest)]
    markings += [one.marking for one in across]
    return strictest(markings) if markings else None


def _sentence(biggest: list[Campaign], campaign_count: int, facts: dict[str, Any], now_us: int) -> str:
    """The sentence in large type: the largest campaign, how many others there are, and what all attacks do now."""
    attacks, running, last_us = facts["attacks"], facts["running"], facts["last"]
    if last_us is None:
        return "No attack is known to this node."
    going = (
        f"{units.count(running)} {'attack runs' if running == 1 else 'attacks run'} now"
        if running
        else _quiet(last_us, now_us)
    )
    if biggest:
        others = campaign_count - 1
        more = (
            f" (and {units.count(others)} other {'campaign' if others == 1 else 'campaigns'})"
            if others
            else ""
        )
        return f"{biggest[0].verdict.rstrip('.')}{more}; {going}."
    return f"{units.count(attacks)} separate {'attack' if attacks == 1 else 'attacks'}, no campaign; {going}."


def _quiet(last_us: int, now_us: int) -> str:
    """Since when nothing runs."""
    if now_us - last_us > LONG_US:
        return f"the last of all attacks ended {units.minute(last_us)}"
    return f"quiet for {units.duration((now_us - last_us) / 1e6)}"


def _watched(actor: Actor) -> str:
    """What is being watched."""
    rows = Partition.objects.for_actor(actor, "telemetry.view")
    span = rows.aggregate(first=Min("start_us"), last=Max("end_us"))
    if span["first"] is None:
        return "No telemetry yet."
    return f"Flows from {units.minute(span['first'])} to {units.minute(span['last'])} are held."
