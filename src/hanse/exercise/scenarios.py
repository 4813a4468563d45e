"""The exercises: what each is made of, and how it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hanse.constituency import Registry
from hanse.exercise import botnets, floods, two_campaigns
from hanse.exercise.assumptions import assumptions, published
from hanse.exercise.background import background, surroundings
from hanse.exercise.confusers import Event, events, make
from hanse.exercise.days import BEGIN_US, DAYS, HOUR_US
from hanse.exercise.facts import estonia_2007
from hanse.exercise.floods import Recipe
from hanse.exercise.hosts import Host, estonian_hosts, neighbouring_hosts
from hanse.exercise.planning import Planned, plan
from hanse.exercise.truth import Confuser, TrueAttack, TrueCampaign, Truth
from hanse.exercise.vantage import LEAGUE, SHORT_DAYS, Vantage, hosts_of, planned_for
from hanse.kernel.errors import UsageError
from hanse.telemetry.store import FlowStore

LEAST_SCALE = 0.1
"""Below it, attacks have too few sources and background too few clients to mean anything."""

MOST_SCALE = 1000.0

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class _Scenario:
    """What an exercise is made of.

    Attributes:
        hosts: The constituency.
        plan: Its attacks for a seed.
        recipe: How one of them is made, from its number, the seed and the scale.
        campaigns: Id, scope and country of each campaign.
        days: Days of May 2007 whose everyday traffic there is.
    """

    hosts: Callable[[], tuple[Host, ...]]
    plan: Callable[[int], tuple[Planned, ...]]
    recipe: Callable[[Planned, str, int, float], Recipe]
    campaigns: tuple[tuple[str, str, str], ...] = ()
    days: range = range(1, DAYS + 1)

    @property
    def hours(self) -> range:
        """The hours of its days, from the first midnight of all exercises."""
        return range((self.days.start - 1) * 24, (self.days.stop - 1) * 24)

    def has(self, event: Event) -> bool:
        """Whether all of an event is on its days."""
        first, after = (BEGIN_US + hour * HOUR_US for hour in (self.hours.start, self.hours.stop))
        return first <= event.start_us and event.start_us + event.length_us <= after


def _estonia() -> tuple[Host, ...]:
    return estonian_hosts(estonia_2007().by_destination)


def _baltic() -> tuple[Host, ...]:
    return _estonia() + neighbouring_hosts()


def _estonian_recipe(attack: Planned, number: str, seed: int, scale: float) -> Recipe:
    return botnets.recipe(attack, botnets.botnet(seed, "estonia", scale), number, seed, scale)


_SCENARIOS = {
    "estonia-2007": _Scenario(
        _estonia,
        lambda seed: plan(estonia_2007(), seed),
        _estonian_recipe,
        (("E", "state", "EE"),),
    ),
    "quiet": _Scenario(_estonia, lambda _: (), _estonian_recipe),
    "two-campaigns": _Scenario(
        _baltic,
        two_campaigns.plan_two,
        two_campaigns.recipe_of,
        (("A", "state", "EE"), ("B", "several states", "")),
    ),
}
SCENARIOS = tuple(_SCENARIOS)
"""Exercises of one authority."""


def _seen_from(one: Vantage, *, short: bool) -> _Scenario:
    return _Scenario(
        lambda: hosts_of(one, estonia_2007()),
        lambda seed: planned_for(one, estonia_2007(), seed, short=short),
        _estonian_recipe,
        (("E", one.scope, one.country or one.where),),
        SHORT_DAYS if short else range(1, DAYS + 1),
    )


VIEWS = tuple(one.scenario() for one in LEAGUE)
"""What each authority of the league sees of Estonia 2007."""

_SCENARIOS |= {
    one.scenario(short=short): _seen_from(one, short=short) for one in LEAGUE for short in (False, True)
}


def _silent(_done: int, _total: int) -> None:
    """No progress shown."""


def generate(scenario: str, seed: int, scale: float, out: Path, progress: Progress = _silent) -> Truth:
    """Make an exercise: ``out/flows/``, ``out/registry.csv``, ``out/truth.json``.

    Args:
        scenario: One of `SCENARIOS` or `VIEWS`, or a short view.
        seed: A whole number from 0; the same seed and scale give the same flows.
        scale: How many bots, clients and sessions: 1 gives about 2.6 million flows in estonia-2007, 42 about
            a hundred million. Attacks, their times and rates do not depend on it.
        out: Folder; its ``flows`` must hold no flows yet.
        progress: Told how far it is.

    Raises:
        UsageError: Unknown scenario, a seed or scale out of range, or flows are there already.
        StoreError: The flows cannot be written.
    """
    _check(scenario, seed, scale, out)
    parts = _SCENARIOS[scenario]
    hosts = parts.hosts()
    planned = parts.plan(seed)
    around = surroundings(hosts, seed, scale)
    stretches = [event for event in events(around) if parts.has(event)]
    total = len(planned) + len(stretches) + len(parts.hours)
    attacks: list[TrueAttack] = []
    confusers: list[Confuser] = []
    out.mkdir(parents=True, exist_ok=True)
    with FlowStore(out / "flows") as store:
        for index, attack in enumerate(planned):
            number = f"T-{attack.number or index + 1:03d}"
            recipe = parts.recipe(attack, number, seed, scale)
            for records, true in floods.make(number, attack, recipe, seed, scale):
                store.write(records.table())
                attacks += [true] if true else []
            progress(index + 1, total)
        for index, event in enumerate(stretches):
            records, confuser = make(event, seed)
            store.write(records.table())
            confusers.append(confuser)
            progress(len(planned) + index + 1, total)
        for hour, records in enumerate(background(around, parts.hours)):
            store.write(records.table())
            progress(len(planned) + len(stretches) + hour + 1, total)
    Registry(host.target for host in hosts).write(out / "registry.csv")
    truth = Truth(
        scenario,
        seed,
        scale,
        store.rows,
        tuple(attacks),
        tuple(_campaign(each, attacks, hosts) for each in parts.campaigns),
        tuple(confusers),
        assumptions(scenario),
        published(scenario),
    )
    truth.write(out / "truth.json")
    return truth


def _campaign(
    words: tuple[str, str, str], attacks: list[TrueAttack], hosts: tuple[Host, ...]
) -> TrueCampaign:
    name, scope, country = words
    inside = [attack for attack in attacks if attack.campaign == name]
    victims = {attack.victim for attack in inside}
    organisations = tuple(sorted({each.target.organisation for each in hosts if each.address in victims}))
    return TrueCampaign(name, tuple(each.id for each in inside), scope, country, organisations)


def _check(scenario: str, seed: int, scale: float, out: Path) -> None:
    if scenario not in _SCENARIOS:
        raise UsageError(f"There is no exercise {scenario!r}; there are {', '.join((*SCENARIOS, *VIEWS))}.")
    if seed < 0:
        raise UsageError(f"The seed {seed} is below 0; give a whole number from 0.")
    if not LEAST_SCALE <= scale <= MOST_SCALE:
        raise UsageError(f"The scale {scale} is not between {LEAST_SCALE} and {MOST_SCALE}.")
    if any((out / "flows").glob("**/*.parquet")):
        raise UsageError(f"{out / 'flows'} holds flows already; name another folder or remove it.")
