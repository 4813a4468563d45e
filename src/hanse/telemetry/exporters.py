"""What a live collector heard of each exporter, and what is to be done about it, in words."""

from collections.abc import Iterable, Sequence

import msgspec

from hanse.kernel import units

MOST = 50
"""Exporters that are told of, those that sent most lately first: whose address is not checked can be anybody's."""
RIGHT_S = 60.0
"""A clock that differs by less is taken for right, seconds (`exports.receipt.CLOCK_US`)."""
YEAR_S = 365.25 * 86_400


class ExporterState(msgspec.Struct, frozen=True, kw_only=True):
    """One exporter's one domain, as it was heard of since the collector started.

    Attributes:
        address: Of the sender; for sFlow of the agent that the datagram names.
        protocol: Such as ``NetFlow v9``.
        domain: NetFlow v5's engine, v9's source id, IPFIX's observation domain, sFlow's sub-agent.
        datagrams: Datagrams heard.
        flows: Flows in them.
        share: Part of all flows of the last five to ten minutes, 0 to 1.
        skew_s: By how much its clock is ahead of this machine's, seconds (median of its latest datagrams); negative where it
            is behind, None where it tells no time.
        dated: Flows that were dated by their receipt, since their own times could not be right.
        changes: How often a template came to mean something else.
        flaps: Whether one does so again and again.
    """

    address: str
    protocol: str
    domain: int
    datagrams: int = 0
    flows: int = 0
    share: float = 0.0
    skew_s: float | None = None
    dated: int = 0
    changes: int = 0
    flaps: bool = False

    @property
    def wrong_clock(self) -> bool:
        """Whether its clock is wrong, or this machine's is."""
        return self.skew_s is not None and abs(self.skew_s) > RIGHT_S

    @property
    def clock(self) -> str:
        """Its clock in words, such as ``2 h behind``; empty where it tells no time."""
        if self.skew_s is None:
            return ""
        return clock_words(self.skew_s) if self.wrong_clock else "right"

    @property
    def name(self) -> str:
        """Its address and, where it has one, its domain."""
        return f"{self.address} ({self.protocol}{f', domain {self.domain}' if self.domain else ''})"


def own_clock_is_suspect(told: Sequence[ExporterState]) -> bool:
    """Whether all clocks differ alike from this machine's: then it is this machine's that is wrong."""
    skews = [one.skew_s for one in told if one.skew_s is not None]
    apart = len({one.address for one in told if one.skew_s is not None}) > 1
    return apart and min(map(abs, skews)) > RIGHT_S and max(skews) - min(skews) < RIGHT_S


def findings(told: Sequence[ExporterState]) -> dict[str, str]:
    """What is wrong with exporters and what to do, a sentence or two each, under a name that stays while it lasts."""
    if own_clock_is_suspect(told):
        alike = next(one.clock for one in told if one.skew_s is not None)
        words = f"All exporters' clocks are {alike}, so it is this machine's that is wrong: set it by NTP."
        return {"own clock": f"{words} Until then flows are dated by it."}
    found = {
        f"clock {one.name}": (
            f"The clock of {one.name} is {one.clock}: set it by NTP. Until then its flows are dated by their receipt."
        )
        for one in told
        if one.wrong_clock
    }
    found |= {
        f"records {one.name}": (
            f"{units.count(one.dated)} flows of {one.name} were dated by their receipt, as their own times cannot be right."
        )
        for one in told
        if one.dated and not one.wrong_clock
    }
    return found | {
        f"templates {one.name}": (
            f"The templates of {one.name} change again and again: two devices share that address and domain, or somebody "
            "sends in its name. Give each device a domain of its own, and have the border drop packets that claim to "
            "come from inside. Until then flows of it may be misread."
        )
        for one in told
        if one.flaps
    }


def advice(told: Sequence[ExporterState]) -> list[str]:
    """What is wrong with exporters and what to do; nothing where all is well."""
    return list(findings(told).values())


def dated(clocks: Iterable[tuple[str, int]]) -> list[str]:
    """Whose flows are dated by receipt, a sentence each.

    Args:
        clocks: Exporters, and how many seconds their clocks were ahead, as of the files that hold their flows.
    """
    worst: dict[str, int] = {}
    for exporter, ahead_s in clocks:
        worst[exporter] = max(worst.get(exporter, 0), ahead_s, key=abs)
    return [
        f"Flows of the exporter {exporter} are dated by their receipt: its clock was {clock_words(ahead_s)}."
        for exporter, ahead_s in sorted(worst.items())
    ]


def clock_words(ahead_s: float) -> str:
    """A clock that is some seconds ahead (negative: behind), such as ``2 h behind``."""
    return f"{_long(abs(ahead_s))} {'ahead' if ahead_s > 0 else 'behind'}"


def _long(seconds: float) -> str:
    """A time that may be years."""
    years = round(seconds / YEAR_S, 1)
    return f"{years:g} years" if years >= 2 else units.duration(seconds)
