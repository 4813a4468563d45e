"""What a campaign's links add up to: against whom, with which figures, and what would refute it."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from hanse.attacks.attack import Attack
from hanse.campaigns.campaign import Campaign, Link
from hanse.campaigns.concurrency import Starts
from hanse.campaigns.phrases import many, period
from hanse.campaigns.report.words import p_equals
from hanse.constituency import Registry, Target
from hanse.kernel.countries import country_in_text

DAY_US = 86_400_000_000

KNOWN_SHARE = 0.5
"""With less than half of the attacks on organisations in the registry nothing is said of the scope."""

MAIN_SHARE = 0.9
"""An organisation, sector or country is the target when at least nine attacks in ten are on it."""

PART_SHARE = 0.1
"""A sector or country is part of the target when at least one attack in ten is on it."""

STATE_BODIES = 3
"""Attacks on this many bodies of public administration are on the state and not on one of its offices."""

GOVERNMENT = "public administration"


@dataclass(frozen=True, slots=True)
class Scope:
    """Against whom: the words of `Campaign.scope`, the country where it is one, and why."""

    name: str
    country: str
    why: str


def owners(attacks: Iterable[Attack], registry: Registry | None) -> list[Target | None]:
    """The registry entry of each attack's victim."""
    return [registry.lookup(attack.victim) if registry is not None else None for attack in attacks]


def scope(targets: Sequence[Target | None]) -> Scope:
    """Against whom attacks on these targets are.

    1. *unknown*: less than half of the attacks are on organisations in the registry.
    2. *several states*: no country has nine attacks in ten, and at least two have one in ten each.
    3. *organisation*: one has nine attacks in ten.
    4. *state*: in one country, three or more bodies of public administration have half of the attacks
       or more, or two sectors or more have one attack in ten each and three organisations are hit.
    5. *sector*: otherwise, where one sector has nine attacks in ten; else unknown.
    """
    known = [each for each in targets if each is not None]
    if not known or len(known) < KNOWN_SHARE * len(targets):
        return Scope("unknown", "", f"the registry knows {len(known)} of {len(targets)} attacks' victims")
    countries = Counter(each.country for each in known).most_common()
    country, most = countries[0]
    large = [code for code, number in countries if number >= PART_SHARE * len(known)]
    if most < MAIN_SHARE * len(known):
        if len(large) > 1:
            return Scope("several states", "", f"victims in {', '.join(sorted(large))}")
        return Scope("unknown", "", "victims in many countries, none with most of the attacks")
    return _within([each for each in known if each.country == country], country)


def _within(known: Sequence[Target], country: str) -> Scope:
    """The scope of attacks inside one country."""
    organisations = Counter(each.organisation for each in known).most_common()
    sectors = Counter(each.sector for each in known).most_common()
    if organisations[0][1] >= MAIN_SHARE * len(known):
        return Scope(
            "organisation", country, f"{organisations[0][1]} of {len(known)} are on one organisation"
        )
    bodies = {each.organisation for each in known if each.sector == GOVERNMENT}
    on_bodies = sum(each.sector == GOVERNMENT for each in known)
    if len(bodies) >= STATE_BODIES and 2 * on_bodies >= len(known):
        why = f"{len(bodies)} different bodies of public administration, with {on_bodies} of {len(known)} attacks"
        return Scope("state", country, why)
    large = [name for name, number in sectors if number >= PART_SHARE * len(known)]
    if len(large) > 1 and len(organisations) >= STATE_BODIES:
        why = f"{len(organisations)} organisations of {len(large)} sectors: {', '.join(sorted(large))}"
        return Scope("state", country, why)
    if sectors[0][1] >= MAIN_SHARE * len(known):
        return Scope("sector", country, f"{len(organisations)} organisations of one sector, {sectors[0][0]}")
    return Scope("unknown", country, "too few organisations to tell a sector from a state")


def effective_number(counts: Iterable[int]) -> float:
    """Exponential of Shannon's entropy: how many equally hit victims would be as diverse (Hill 1973, order 1)."""
    values = [each for each in counts if each > 0]
    total = sum(values)
    return math.exp(-sum(each / total * math.log(each / total) for each in values)) if values else 0.0


def figures(attacks: Sequence[Attack], targets: Sequence[Target | None]) -> dict[str, float]:
    """The numbers behind the verdict; days are those of the starts, UTC."""
    victims = Counter(attack.victim for attack in attacks)
    vectors = Counter(attack.vector for attack in attacks)
    days = Counter(attack.start_us // DAY_US for attack in attacks)
    first, last = min(days), max(days)
    total = len(attacks)
    return {
        "attacks": total,
        "victims": len(victims),
        "organisations": len({each.organisation for each in targets if each is not None}),
        "top_victim_share": max(victims.values()) / total,
        "effective_victims": round(effective_number(victims.values()), 2),
        "top_vector_share": max(vectors.values()) / total,
        "top_day_share": max(days.values()) / total,
        "days": last - first + 1,
        "quiet_days": last - first + 1 - len(days),
    }


def concurrent(starts: Starts, members: np.ndarray, within_s: float = 60.0) -> float:
    """Share of members that start within a minute of a member on another victim."""
    near = starts.gaps(members, members) <= within_s
    near &= starts.victim[members][:, None] != starts.victim[members][None, :]
    return float(near.any(axis=1).mean())


def campaign(
    name: str,
    attacks: Sequence[Attack],
    links: tuple[Link, ...],
    registry: Registry | None,
    together: float,
) -> Campaign:
    """The campaign of these attacks, with its verdict.

    Args:
        name: Its id.
        attacks: In order of start, at least one.
        links: The links that hold it together.
        registry: Whom the victims belong to.
        together: `concurrent` of its attacks.
    """
    targets = owners(attacks, registry)
    found = scope(targets)
    numbers = figures(attacks, targets) | {"concurrent_share": round(together, 4)}
    organisations = Counter(each.organisation for each in targets if each is not None)
    sectors = Counter(each.sector for each in targets if each is not None)
    return Campaign(
        id=name,
        attacks=tuple(attack.id for attack in attacks),
        links=links,
        scope=found.name,
        country=found.country,
        organisations=_ranked(organisations),
        sectors=_ranked(sectors),
        start_us=min(attack.start_us for attack in attacks),
        end_us=max(attack.end_us for attack in attacks),
        verdict=sentence(attacks, targets, found),
        figures=numbers,
        evidence=evidence(links, found, numbers),
        refuted_by=(*refuted_by(attacks, links, found), *staged(attacks, targets, found)),
    )


def staged(attacks: Sequence[Attack], targets: Sequence[Target | None], found: Scope) -> tuple[str, ...]:
    """That the scope rests on the weaker attacks, where it does: small floods on many cost next to nothing.

    The scope counts attacks, whatever their size. So anybody who adds a few small ones that look like the others makes
    the attacks on one organisation ones on a state. Half of the attacks, those with most packets, are asked alone.
    """
    least = median(attack.packets for attack in attacks)
    strong = [number for number, attack in enumerate(attacks) if attack.packets >= least]
    alone = scope([targets[number] for number in strong])
    if found.name in {alone.name, "unknown"}:
        return ()
    share = sum(attacks[number].packets for number in strong) / max(sum(each.packets for each in attacks), 1)
    said = "whom it is against is not known" if alone.name == "unknown" else f"the scope is: {alone.name}"
    words = (
        f"The weaker ones of its attacks were staged by others. Of the {len(strong)} with most packets, which have "
        f"{share:.0%} of all packets, {said}."
    )
    return (words,)


def _ranked(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def sentence(attacks: Sequence[Attack], targets: Sequence[Target | None], found: Scope) -> str:
    """The finding: how many attacks, on whom, where, when, and against what."""
    named = {each.organisation for each in targets if each is not None}
    unnamed = {each.victim for each, target in zip(attacks, targets, strict=True) if target is None}
    whom = [many(len(named), "organisation")] if named else []
    if unnamed:
        outside = " outside the registry" if named else ""
        whom.append(many(len(unnamed), "victim") + outside)
    where = f" in {country_in_text(found.country)}" if found.country else ""
    starts = [each.start_us for each in attacks]
    return (
        f"{len(attacks)} separate attacks on {' and '.join(whom)}{where} {period(min(starts), max(starts))} "
        f"are one coordinated campaign{_against(targets, found)}"
    )


def _against(targets: Sequence[Target | None], found: Scope) -> str:
    if found.name == "organisation":
        return f" against {_top(each.organisation for each in targets if each is not None)}"
    if found.name == "sector":
        return f" against the sector {_top(each.sector for each in targets if each is not None)}"
    return {
        "state": " against the state",
        "several states": " against organisations in several states",
    }.get(found.name, "; whom it is against is not known")


def _top(names: Iterable[str]) -> str:
    return Counter(names).most_common(1)[0][0]


def evidence(links: Sequence[Link], found: Scope, numbers: dict[str, float]) -> tuple[str, ...]:
    """What holds it together and what makes the scope: short sentences with numbers."""
    values: dict[str, list[float]] = {}
    for link in links:
        for test in link.tests:
            values.setdefault(test.name, []).append(test.p_value)
    lines = [
        f"{name}: holds in {len(found_p)} of {len(links)} links, median {p_equals(median(found_p))}."
        for name, found_p in sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    lines.append(
        f"{numbers['concurrent_share']:.0%} of its attacks start within 60 s of one on another victim."
    )
    lines.append(f"Scope: {found.why}.")
    lines.append(
        f"The victim hit most has {numbers['top_victim_share']:.0%} of the attacks; they spread as over "
        f"{numbers['effective_victims']:.1f} equal victims (exponential of Shannon's entropy)."
    )
    if numbers["quiet_days"]:
        lines.append(f"It survives {many(int(numbers['quiet_days']), 'day')} without any attack.")
    return tuple(lines)


def refuted_by(attacks: Sequence[Attack], links: Sequence[Link], found: Scope) -> tuple[str, ...]:
    """What would show that it is not one campaign, or not against that scope."""
    names = {test.name for link in links for test in link.tests}
    classes = {attack.source_class for attack in attacks}
    lines = []
    if "sources" in names:
        lines.append(
            "The common sources turn up to the same extent in attacks elsewhere that have nothing to do with these: "
            "then they are hired or shared, and say nothing about who coordinated."
        )
    if "fingerprint" in names:
        lines.append("The fingerprint proves to be the default of a tool that many use at the time.")
    if "concurrency" in names:
        lines.append(
            "A common cause of the starts, such as a scheduled job, a clock or the export of the flows."
        )
    if "targets" in names:
        lines.append("A public list of targets that unrelated attackers picked from.")
    if "reflected" in classes:
        lines.append("A small set of reflectors of that service that every attacker uses.")
    lines += {
        "state": [
            "The same attacks on as many organisations outside this country's public bodies and sectors."
        ],
        "sector": ["The same attacks on organisations of other sectors that are not in the registry."],
        "organisation": ["The same attacks on other organisations that are not in the registry."],
        "several states": [
            "Attacks in one of these states only, once the telemetry of the others is compared."
        ],
    }.get(found.name, ["A registry that names the victims would tell whom it is against."])
    return tuple(lines)
