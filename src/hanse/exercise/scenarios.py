"""The exercises: what each is made of, and how it is written."""

from collections.abc import Callable, Iterator
from pathlib import Path

from hanse.constituency import Registry
from hanse.exercise import background, botnets, floods
from hanse.exercise.days import HOURS
from hanse.exercise.facts import estonia_2007
from hanse.exercise.hosts import Host, estonian_hosts
from hanse.exercise.planning import Planned, plan
from hanse.exercise.records import Records
from hanse.exercise.truth import TrueAttack, TrueCampaign, Truth
from hanse.kernel.errors import UsageError
from hanse.telemetry.store import FlowStore

LEAST_SCALE = 0.1
"""Below it, attacks have too few sources and background too few hosts to mean anything."""

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""


def _silent(_done: int, _total: int) -> None:
    """No progress shown."""


def generate(scenario: str, seed: int, scale: float, out: Path, progress: Progress = _silent) -> Truth:
    """Make an exercise: ``out/flows/``, ``out/registry.csv``, ``out/truth.json``.

    Args:
        scenario: One of `SCENARIOS`.
        seed: A whole number from 0; the same seed and scale give the same flows.
        scale: How many sources, clients and hosts: 1 gives about two million flows, 50 a hundred million.
        out: Folder; its ``flows`` must not exist or be empty.
        progress: Told how far it is.

    Raises:
        UsageError: Unknown scenario, a seed or scale out of range, or flows are there already.
        StoreError: The flows cannot be written.
    """
    _check(scenario, seed, scale, out)
    facts = estonia_2007()
    hosts = estonian_hosts(facts.by_destination)
    planned = plan(facts, seed) if scenario == "estonia-2007" else ()
    around = background.surroundings(hosts, seed, scale)
    out.mkdir(parents=True, exist_ok=True)
    total = len(planned) + HOURS
    attacks: list[TrueAttack] = []
    done = 0
    with FlowStore(out / "flows") as store:
        for number, attack in enumerate(planned, 1):
            for records, true in _made(attack, f"E-{number:03d}", seed, scale):
                store.write(records.table())
                attacks += [true] if true else []
            done += 1
            progress(done, total)
        for records in background.background(around):
            store.write(records.table())
            done += 1
            progress(done, total)
        flows = store.rows
    Registry(host.target for host in hosts).write(out / "registry.csv")
    truth = Truth(scenario, seed, scale, flows, tuple(attacks), _campaigns(attacks, hosts))
    truth.write(out / "truth.json")
    return truth


def _made(
    attack: Planned, number: str, seed: int, scale: float
) -> Iterator[tuple[Records, TrueAttack | None]]:
    army = botnets.botnet(seed, "estonia", scale)
    recipe = botnets.recipe(attack, army, number, seed, scale)
    return floods.make(number, attack, recipe, seed, scale)


def _campaigns(attacks: list[TrueAttack], hosts: tuple[Host, ...]) -> tuple[TrueCampaign, ...]:
    if not attacks:
        return ()
    victims = {attack.victim for attack in attacks}
    organisations = tuple(sorted({each.target.organisation for each in hosts if each.address in victims}))
    return (TrueCampaign("estonia", tuple(each.id for each in attacks), "state", "EE", organisations),)


SCENARIOS = ("estonia-2007", "quiet")


def _check(scenario: str, seed: int, scale: float, out: Path) -> None:
    if scenario not in SCENARIOS:
        raise UsageError(f"There is no exercise {scenario!r}; there are {', '.join(SCENARIOS)}.")
    if seed < 0:
        raise UsageError(f"The seed {seed} is below 0; give a whole number from 0.")
    if not LEAST_SCALE <= scale <= 1000:
        raise UsageError(f"The scale {scale} is not between {LEAST_SCALE} and 1000.")
    if any((out / "flows").glob("**/*.parquet")):
        raise UsageError(f"{out / 'flows'} holds flows already; name another folder or remove it.")
