"""Attacks of several authorities that belong together, put together from what one reader may see.

Two things hold attacks together: links that two independent tests found (`abroad`), and the campaigns at home. A
link counts where its reader may see both of its ends, so that nothing here counts or hints at what is hidden.
Who contributed which end is said of each link, and what would be left without any one partner: a partner that
invents attacks, or copies another's, can add links of its own attacks, and no others.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any
from uuid import UUID

from hanse.campaigns.campaign import LinkTest
from hanse.campaigns.phrases import many, period
from hanse.campaigns.report import words
from hanse.kernel import units
from hanse.kernel.countries import country_name
from hanse.kernel.markings import Marking, strictest


@dataclass(frozen=True, slots=True)
class Member:
    """An attack as a campaign across borders counts it.

    Attributes:
        object_id: The attack, own or a partner's.
        contributor: The authority that saw it: this one, or the partner whose verified key brought it, also where that says
            to pass it on for somebody who has proven nothing here.
        vector: What kind of traffic.
        start_us: First second over the threshold, microseconds UTC.
        end_us: End of the last, microseconds UTC.
        country: The victim's state, ISO 3166 alpha-2, as its authority says; empty where it does not.
        victim: The same for one victim; an address, or the partner's mark of one that it withholds.
        whom: Whose the victim is, or its address; empty where both are withheld.
        peak_bps: Highest rate over one second, bit/s.
        marking: What may be done with it.
        team: Id of its need-to-know team; empty for none.
    """

    object_id: UUID
    contributor: str
    vector: str
    start_us: int
    end_us: int
    country: str
    victim: str
    whom: str
    peak_bps: float
    marking: Marking
    team: str


@dataclass(frozen=True, slots=True)
class Bond:
    """A link across borders: two attacks, and the independent tests (at least two) that both passed.

    Attributes:
        object_id: The link's own object of the ledger.
        first: The earlier attack.
        second: The later one.
        tests: The tests, the strongest first.
        marking: As strict as both attacks.
        team: Id of the team that knows of both; empty for none.
        sequence: The entry that says so.
    """

    object_id: UUID
    first: Member
    second: Member
    tests: tuple[LinkTest, ...]
    marking: Marking
    team: str
    sequence: int

    @property
    def contributors(self) -> tuple[str, str]:
        """Who contributed which end."""
        return self.first.contributor, self.second.contributor

    @property
    def told(self) -> list[dict[str, Any]]:
        """The tests as rows have them: name, p-value and words."""
        return [{"name": one.name, "p_value": one.p_value, "words": one.words} for one in self.tests]

    @property
    def p_value(self) -> float:
        """Of the strongest of its tests."""
        return min((test.p_value for test in self.tests), default=1.0)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one authority contributed.

    Attributes:
        authority: Its id.
        name: Its name.
        own: Whether it is this authority.
        attacks: Attacks that it saw.
        victims: Distinct victims of them.
        states: Their states, ISO 3166 alpha-2, in order.
        start_us: Start of the first, microseconds UTC.
        end_us: End of the last, microseconds UTC.
    """

    authority: str
    name: str
    own: bool
    attacks: int
    victims: int
    states: tuple[str, ...]
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Without:
    """What would be left if nothing that one partner says were believed.

    Attributes:
        authority: The partner's id.
        name: Its name.
        stands: What is still linked, in words; empty for nothing.
        alone: Attacks of others that nothing links any more.
    """

    authority: str
    name: str
    stands: tuple[str, ...]
    alone: int


@dataclass(frozen=True)
class Across:
    """Attacks seen by several authorities that are one campaign, as one reader may know it.

    Attributes:
        members: Its attacks, in order of start.
        bonds: Its links across borders, the weakest first.
        homes: The own campaigns that are part of it.
        names: The names of its contributors by id.
        own: This authority.
        without: For each partner what would be left without its attacks.
    """

    members: tuple[Member, ...]
    bonds: tuple[Bond, ...]
    homes: tuple[UUID, ...]
    names: Mapping[str, str]
    own: str
    without: tuple[Without, ...]

    @property
    def key(self) -> UUID:
        """By what it is found: the object of its first attack. Every other attack of it finds it as well."""
        return self.members[0].object_id

    @cached_property
    def states(self) -> tuple[str, ...]:
        """The states of its victims, ISO 3166 alpha-2, in order; those that were not told are in none."""
        return states_of(self.members)

    @cached_property
    def marking(self) -> Marking:
        """As strict as all that it is made of."""
        return strictest([*(one.marking for one in self.members), *(one.marking for one in self.bonds)])

    @property
    def start_us(self) -> int:
        """Start of its first attack, microseconds UTC."""
        return self.members[0].start_us

    @cached_property
    def end_us(self) -> int:
        """End of its last attack, microseconds UTC."""
        return max(one.end_us for one in self.members)

    @property
    def lasted_us(self) -> int:
        """From its first start to its last end, microseconds."""
        return self.end_us - self.start_us

    @cached_property
    def contributions(self) -> tuple[Contribution, ...]:
        """Who contributed what, this authority first, then who contributed most."""
        of: dict[str, list[Member]] = {}
        for one in self.members:
            of.setdefault(one.contributor, []).append(one)
        told = [self._contribution(authority, some) for authority, some in of.items()]
        return tuple(sorted(told, key=lambda one: (not one.own, -one.attacks, one.authority)))

    def _contribution(self, authority: str, some: Sequence[Member]) -> Contribution:
        return Contribution(
            authority=authority,
            name=self.name_of(authority),
            own=authority == self.own,
            attacks=len(some),
            victims=len({one.victim for one in some}),
            states=states_of(some),
            start_us=min(one.start_us for one in some),
            end_us=max(one.end_us for one in some),
        )

    def name_of(self, authority: str) -> str:
        """The name of a contributor."""
        return self.names.get(authority, authority)

    @cached_property
    def bonds_by(self) -> tuple[tuple[tuple[str, str], int], ...]:
        """How many links are between whom, by the ids of both contributors, most first."""
        counted = Counter(tuple(sorted(one.contributors)) for one in self.bonds)
        return tuple(sorted(((pair[0], pair[1]), number) for pair, number in counted.items()))

    @property
    def title(self) -> str:
        """The finding in a few words: ``Attacks on 3 states, one campaign``."""
        return f"{said(self.members)}, one campaign"

    @cached_property
    def verdict(self) -> str:
        """The finding in one sentence, without a full stop."""
        starts = [one.start_us for one in self.members]
        where = f" ({', '.join(map(country_name, self.states))})" if self.states else ""
        untold = sum(not one.country for one in self.members)
        but = f"; of {many(untold, 'attack')} the state was not told" if untold else ""
        return (
            f"{units.count(len(self.members))} attacks on {_states(self.states)}{where} "
            f"{period(min(starts), max(starts))}, seen by {_authorities(len(self.contributions))}, "
            f"are one coordinated campaign{but}"
        )

    @cached_property
    def evidence(self) -> tuple[str, ...]:
        """What holds it together: short sentences with numbers."""
        values: dict[str, list[float]] = {}
        for bond in self.bonds:
            for test in bond.tests:
                values.setdefault(test.name, []).append(test.p_value)
        ranked = sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))
        return tuple(
            f"{words.plain(name)}: holds in {len(found)} of {many(len(self.bonds), 'link')} across borders, "
            f"median {words.p_equals(median(found))}."
            for name, found in ranked
        )

    @cached_property
    def refuted_by(self) -> tuple[str, ...]:
        """What would show that it is not one campaign, or not on so many states."""
        names = {test.name for bond in self.bonds for test in bond.tests}
        told = []
        if "sources" in names:
            told.append(
                "The common sources turn up to the same extent in attacks elsewhere that have nothing to do with these: "
                "then they are hired or shared, and say nothing about who coordinated."
            )
        if "fingerprint" in names:
            told.append("The fingerprint proves to be the default of a tool that many use at the time.")
        if "concurrency" in names:
            told.append(
                "A common cause of the starts, such as a scheduled job, or a clock that is wrong at one partner."
            )
        told.append(
            "A partner's attacks prove to be invented, or copied from what was shared with it: what is left without "
            "each partner is said above."
        )
        told.append("Two authorities saw the same attack from two places, and count it twice.")
        return tuple(told)


def states_of(members: Iterable[Member]) -> tuple[str, ...]:
    """The states of attacks' victims, in order."""
    return tuple(sorted({one.country for one in members if one.country}))


def said(members: Sequence[Member]) -> str:
    """Against whom, in a few words: ``Attacks on 3 states``, ``Attacks on one state, seen by 2 authorities``."""
    states = states_of(members)
    authorities = {one.contributor for one in members}
    if len(states) > 1 or len(authorities) == 1:
        return f"Attacks on {_states(states)}"
    return f"Attacks on {_states(states)}, seen by {_authorities(len(authorities))}"


def _authorities(number: int) -> str:
    return "one authority" if number == 1 else f"{number} authorities"


def _states(states: Sequence[str]) -> str:
    if not states:
        return "states that were not told"
    return "one state" if len(states) == 1 else f"{len(states)} states"


@dataclass(frozen=True, slots=True)
class Known:
    """All that one reader may know of what could be across borders.

    Attributes:
        members: Attacks by object.
        bonds: Links of which both ends are among them.
        homes: The attacks of each own campaign, all of them among the members.
        names: The names of authorities by id.
        own: This authority.
    """

    members: Mapping[UUID, Member]
    bonds: Sequence[Bond]
    homes: Mapping[UUID, Sequence[UUID]]
    names: Mapping[str, str]
    own: str


def compose(known: Known) -> list[Across]:
    """The campaigns across borders: what is linked together and was seen by several authorities, or is on several states.

    In order of states, attacks and start. Neither order of the links nor of the attacks matters.
    """
    parts = _parts(known, frozenset())
    bonds: dict[UUID, list[Bond]] = {}
    homes: dict[UUID, list[UUID]] = {}
    part_of = {one: ids[0] for ids in parts for one in ids}
    for bond in known.bonds:
        bonds.setdefault(part_of[bond.first.object_id], []).append(bond)
    for home, ids in known.homes.items():
        if ids:
            homes.setdefault(part_of[ids[0]], []).append(home)
    found = []
    for ids in parts:
        members = tuple(known.members[one] for one in ids)
        several = len({one.contributor for one in members}) > 1 or len(states_of(members)) > 1
        if several and (here := bonds.get(ids[0])):
            found.append(_across(known, members, here, homes.get(ids[0], ())))
    return sorted(found, key=lambda one: (-len(one.states), -len(one.members), one.start_us, one.key.hex))


def _across(
    known: Known, members: tuple[Member, ...], bonds: Sequence[Bond], homes: Sequence[UUID]
) -> Across:
    """One of them, with what would be left without each partner."""
    ids = {one.object_id for one in members}
    here = Known(
        {one: known.members[one] for one in ids}, bonds, {one: known.homes[one] for one in homes}, known.names,
        known.own,
    )  # fmt: skip
    partners = sorted({one.contributor for one in members} - {known.own})
    ordered = sorted(
        bonds, key=lambda one: (-one.p_value, one.first.start_us, one.second.start_us, one.object_id.hex)
    )
    return Across(
        members=members,
        bonds=tuple(ordered),
        homes=tuple(sorted(homes)),
        names=known.names,
        own=known.own,
        without=tuple(_without(here, partner) for partner in partners),
    )


def _without(known: Known, partner: str) -> Without:
    """What is still linked when nothing that a partner says is believed."""
    gone = frozenset(one.object_id for one in known.members.values() if one.contributor == partner)
    parts = [[known.members[one] for one in ids] for ids in _parts(known, gone)]
    linked = sorted(
        (some for some in parts if len(some) > 1), key=lambda some: (-len(some), some[0].start_us)
    )
    stands = tuple(f"{said(some)}, one campaign of {many(len(some), 'attack')}" for some in linked)
    return Without(partner, known.names.get(partner, partner), stands, sum(len(some) == 1 for some in parts))


def _parts(known: Known, gone: Collection[UUID]) -> list[list[UUID]]:
    """What is linked together, each in order of start; attacks that are gone link nothing."""
    ids = sorted(
        (one for one in known.members if one not in gone),
        key=lambda one: (known.members[one].start_us, one.int),
    )
    place = {one: at for at, one in enumerate(ids)}
    above = list(range(len(ids)))

    def top(at: int) -> int:
        while above[at] != at:
            above[at] = above[above[at]]
            at = above[at]
        return at

    pairs = [(bond.first.object_id, bond.second.object_id) for bond in known.bonds]
    pairs += [(home[0], one) for home in known.homes.values() for one in home[1:]]
    for first, second in pairs:
        one, other = place.get(first), place.get(second)
        if one is not None and other is not None:
            above[top(other)] = top(one)
    parts: dict[int, list[UUID]] = {}
    for at, object_id in enumerate(ids):
        parts.setdefault(top(at), []).append(object_id)
    return list(parts.values())
