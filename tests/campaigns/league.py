"""Made attacks seen by several authorities, each of which has a part of the victims."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np

from hanse.attacks.attack import Attack
from hanse.attacks.sketch import sketch_of
from hanse.campaigns.abroad import Abroad, Linked
from hanse.campaigns.compared import Seen, seen
from tests.campaigns.plans import Maker

STATES = ("EE", "FI", "GB")


def sketched(maker: Maker) -> list[Attack]:
    """The attacks of a maker, each with the sketch of its sources."""
    table = maker.sources()
    ends = np.cumsum([0, *(one.sources for one in maker.attacks)]).tolist()
    return [
        replace(one, source_sketch=sketch_of(table["src"].slice(begin, end - begin)))
        for one, (begin, end) in zip(maker.attacks, pairwise(ends), strict=True)
    ]


def by_state(attacks: Sequence[Attack]) -> dict[str, list[Attack]]:
    """The attacks by the state of their victims: every third victim is in each."""
    victims = sorted({one.victim for one in attacks})
    told: dict[str, list[Attack]] = {state: [] for state in STATES}
    for one in attacks:
        told[STATES[victims.index(one.victim) % len(STATES)]].append(one)
    return told


def id_of(name: str) -> UUID:
    """The object of an attack."""
    return uuid5(NAMESPACE_URL, name)


def compared(
    attacks: Sequence[Attack], *, sketches: bool = True, withheld: bool = True, group: str = "amber"
) -> Iterator[Seen]:
    """The attacks as each authority's, the own ones with their victims; partners' without, and with a mark instead."""
    for state, some in by_state(attacks).items():
        for one in some:
            hidden = withheld and state != STATES[0]
            shown = replace(
                one,
                victim="" if hidden else one.victim,
                source_sketch=one.source_sketch if sketches else b"",
            )
            yield seen(
                shown, id_of(one.id), state.lower(), group, state, f"mark of {one.victim}" if hidden else ""
            )


def abroad(attacks: Iterable[Seen]) -> Abroad:
    """All of them at hand, Estonia's own."""
    held = Abroad("ee")
    held.put(attacks)
    return held


def links(held: Abroad) -> set[Linked]:
    """The links of all attacks with all."""
    return {link for one in held.ids() for link in held.judge(one)}


def parts(held: Abroad, found: Iterable[Linked]) -> set[frozenset[UUID]]:
    """What is linked together; attacks alone are left out."""
    above = {one: one for one in held.ids()}

    def top(one: UUID) -> UUID:
        while above[one] != one:
            one = above[one]
        return one

    for link in found:
        above[top(link.first)] = top(link.second)
    told: dict[UUID, set[UUID]] = {}
    for one in above:
        told.setdefault(top(one), set()).add(one)
    return {frozenset(some) for some in told.values() if len(some) > 1}
