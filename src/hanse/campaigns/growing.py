"""A campaign on record and what an analysis of later telemetry adds to it.

An analysis sees only the attacks in the flows that it was given. What it links to an attack of a campaign on
record belongs to that campaign; the links that held it before still hold.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from hanse.attacks.attack import Attack
from hanse.campaigns import verdict
from hanse.campaigns.campaign import Campaign, Link
from hanse.campaigns.concurrency import Starts
from hanse.constituency import Registry


def grown(name: str, attacks: Iterable[Attack], links: Sequence[Link], registry: Registry | None) -> Campaign:
    """The campaign of all these attacks, with its verdict on the whole of them.

    Args:
        name: Its id.
        attacks: Members before and now, in any order, each once; at least one.
        links: Links before and now, the more trusted first; what closes a circle is left out.
        registry: Whom the victims belong to.
    """
    members = sorted(attacks, key=lambda each: (each.start_us, each.id))
    together = verdict.concurrent(Starts(members), np.arange(len(members)))
    place = {attack.id: number for number, attack in enumerate(members)}
    kept = [link for link in forest(links) if link.first in place and link.second in place]
    kept.sort(key=lambda link: max(place[link.first], place[link.second]))
    return verdict.campaign(name, members, tuple(kept), registry, together)


def forest(links: Iterable[Link]) -> list[Link]:
    """The links that hold together what all of them do: one less than attacks in each part."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while name in above:
            name = above[name]
        return name

    kept = []
    for link in links:
        first, second = top(link.first), top(link.second)
        if first != second:
            above[second] = first
            kept.append(link)
    return kept
