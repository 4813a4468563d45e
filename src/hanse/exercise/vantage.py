"""The league's four vantage points: who looks where, so that nobody alone sees what all see together.

The 128 attacks of Estonia 2007 are dealt out by destination. Estonia keeps the government's site and Parliament's; the
attacks on the other seven destinations are made, at the same times and from the same botnet, on invented hosts: a bank
in Finland, a newspaper in the United Kingdom, and a college of the alliance in Tallinn, which its organisation watches
and not Estonia. That is fiction: in 2007 all 128 were on Estonian sites. Each authority has its own hosts, border
routers and everyday traffic, and no flow of another's.

So Estonia alone sees a campaign against one sector and each of the others one against a single organisation. That it
is against three states shows only where what they share comes together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hanse.constituency import Target
from hanse.exercise.days import DAY_US, day_us
from hanse.exercise.facts import Facts
from hanse.exercise.hosts import Host, estonian_hosts
from hanse.exercise.planning import Planned, plan
from hanse.kernel.markings import TIER_WORDS

Organisation = tuple[str, str, tuple[str, ...]]
"""Name, sector, and the roles of its hosts, the first of which are those attacked."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """An authority of the league, and what it sees.

    Attributes:
        key: Its host name under localhost.
        authority: Its id.
        name: Its name.
        short: What it is called in a line.
        country: ISO 3166 alpha-2; empty for an organisation of several states.
        tier: One of `kernel.markings.TIERS`.
        people: The two that the exercise plays.
        withheld: The parts of an attack that it keeps to itself.
        keeps: Published destinations, attacks on which it sees where they were.
        stands_for: Published destinations, attacks on which are made on hosts of its own, in order.
        network: Third octet of the first network of its invented hosts in 198.18.0.0/16.
        where: Country of its invented hosts.
        organisations: Whose they are; the first one is attacked.
        scope: Against whom its campaign is, as it alone can see it.
    """

    key: str
    authority: str
    name: str
    short: str
    country: str
    tier: str
    people: tuple[str, str]
    withheld: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    stands_for: tuple[str, ...] = ()
    network: int = 0
    where: str = ""
    organisations: tuple[Organisation, ...] = ()
    scope: str = "organisation"

    @property
    def said(self) -> str:
        """What it is called in a sentence."""
        return f"the {self.short}" if self.short.startswith("United") else self.short

    def scenario(self, *, short: bool = False) -> str:
        """The exercise that makes its telemetry: of all days, or of one and the nights around it."""
        return f"league-{self.key}-9-may" if short else f"league-{self.key}"

    @property
    def tier_words(self) -> str:
        """Its tier as people say it."""
        return TIER_WORDS[self.tier]

    def address(self, organisation: int, host: int) -> str:
        """An invented host: which of an organisation's, both from 0."""
        return f"198.18.{self.network + organisation}.{10 + host}"


_ACCESS = ("resolver", "dns", "ntp", "mail", "p2p")
_RESEARCH = ("web", "mail", "ntp", "resolver", "download")

LEAGUE = (
    Vantage(
        "ee", "ee-cert", "CERT Estonia (exercise)", "Estonia", "EE", "member",
        ("Mari Maasikas", "Jaan Tamm"),
        keeps=("195.80.109.158", "195.80.106.72"), scope="sector",
    ),
    Vantage(
        "fi", "fi-cert", "CERT Finland (exercise)", "Finland", "FI", "member",
        ("Aino Virtanen", "Eero Korhonen"),
        stands_for=("195.80.105.107",), network=100, where="FI",
        organisations=(
            ("Helsinki Bank (invented)", "banking", ("web", "web", "mail", "vpn")),
            ("Lake News (invented)", "digital providers", ("web", "web", "mail", "stream")),
            ("Lake Access (invented)", "digital infrastructure", _ACCESS),
            ("Forest University (invented)", "research", _RESEARCH),
            ("Northern Grid (invented)", "energy", ("web", "plc", "vpn")),
            ("Harbour Hosting (invented)", "ict service management", ("web", "backup", "backup")),
        ),
    ),
    Vantage(
        "gb", "gb-cert", "CERT United Kingdom (exercise)", "United Kingdom", "GB", "associated",
        ("Alice Carter", "Tom Fletcher"), withheld=("victim",),
        stands_for=("213.184.50.69",), network=120, where="GB",
        organisations=(
            ("London Courier (invented)", "digital providers", ("web", "web", "mail", "stream")),
            ("Thames Bank (invented)", "banking", ("web", "mail", "vpn")),
            ("Island Access (invented)", "digital infrastructure", _ACCESS),
            ("Moor University (invented)", "research", _RESEARCH),
            ("Western Power (invented)", "energy", ("web", "plc", "vpn")),
            ("Mersey Hosting (invented)", "ict service management", ("web", "backup", "backup")),
        ),
    ),
    Vantage(
        "nato", "nato-cyber", "NATO cyber defence (exercise)", "NATO", "", "organisation",
        ("Ingrid Dahl", "Marco Conti"), withheld=("victim",),
        stands_for=("195.80.124.53", "213.184.49.171", "213.184.49.194", "213.184.50.6", "62.65.192.24"),
        network=140, where="EE",
        organisations=(
            ("Allied Staff College (invented)", "public administration", ("web",) * 5 + ("mail", "vpn", "stream")),
            ("Allied Networks (invented)", "digital infrastructure", _ACCESS),
            ("Allied Research Centre (invented)", "research", _RESEARCH),
            ("Allied Fuel Depot (invented)", "energy", ("web", "plc", "backup")),
        ),
    ),
)  # fmt: skip
"""In the order in which their lines are printed."""


def vantage(key: str) -> Vantage:
    """The vantage point of a host name."""
    return next(one for one in LEAGUE if one.key == key)


def hosts_of(one: Vantage, facts: Facts) -> tuple[Host, ...]:
    """Whom a vantage point watches over."""
    if one.keeps:
        return estonian_hosts(tuple(each for each in facts.by_destination if each.address in one.keeps))
    found = []
    for index, (organisation, sector, roles) in enumerate(one.organisations):
        for number, role in enumerate(roles):
            address = one.address(index, number)
            found.append(Host(address, role, Target(f"{address}/32", organisation, sector, one.where)))
    return tuple(found)


SHORT_DAY: Final = "2007-05-09"
"""The day with most attacks, 58 of the 128; they end before midnight."""
SHORT_DAYS: Final = range(8, 11)
"""The days of May whose everyday traffic a short view has."""


def planned_for(one: Vantage, facts: Facts, seed: int, *, short: bool = False) -> tuple[Planned, ...]:
    """The attacks that a vantage point sees, each with its number among the 128, in order of start.

    Args:
        one: The vantage point.
        facts: What was published.
        seed: Of the plan.
        short: Only those that start on `SHORT_DAY`.
    """
    begin = day_us(SHORT_DAY)
    moved = {each: each for each in one.keeps} | {
        each: one.address(0, number) for number, each in enumerate(one.stands_for)
    }
    return tuple(
        replace(attack, victim=moved[attack.victim], number=number)
        for number, attack in enumerate(plan(facts, seed), 1)
        if attack.victim in moved and (not short or begin <= attack.start_us < begin + DAY_US)
    )


def destinations(members: Sequence[Vantage] = LEAGUE) -> list[str]:
    """The published destinations that vantage points see or stand for; each is somebody's, and only one's."""
    return [each for one in members for each in (*one.keeps, *one.stands_for)]
