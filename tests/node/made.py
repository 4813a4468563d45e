"""Analyses for the tests of the node: made attacks and traces, linked by the real code.

An analysis is a value that nobody changes: each is made once per run, and shared.
"""

from functools import cache

from hanse.attacks.attack import Attack, Detection, Dismissed
from hanse.campaigns.link import find_campaigns
from hanse.ledger.shadow import differences
from hanse.pipeline import Analysis
from hanse.telemetry.reading import InputReport
from hanse.tracing.address_data import AddressData
from hanse.tracing.trace import NetworkShare, Trace
from tests.campaigns.plans import Maker, estonia, estonia_registry

ROOMS = ("telemetry", "constituency", "attacks", "tracing", "campaigns", "policy")


def wrong() -> list[str]:
    """Rows of these rooms that are not what a replay of the ledger says."""
    return [str(one) for one in differences() if one.table.split("_")[0] in ROOMS]


_address_data = cache(AddressData.find)


def trace_of(attack: Attack) -> Trace:
    """A trace that says what the made attack was made to be."""
    if attack.source_class != "direct":
        return Trace(attack.id, attack.source_class, "Its sources are forged.", divergence=0.01)
    return Trace(
        attack.id,
        "direct",
        "Its sources are real.",
        ("They answered.",),
        ("None of them ever answers.",),
        (("US", 0.5), ("BR", 0.25), ("ZZ", 0.25)),
        "apparent sources",
        (NetworkShare(64_500, "Example Network", "US", 12, 0.5),),
    )


def analysis_of(maker: Maker, attacks: list[Attack] | None = None) -> Analysis:
    """What the pipeline would hand on for made attacks, or for some of them."""
    chosen = tuple(sorted(attacks or maker.attacks, key=lambda each: (each.start_us, each.id)))
    dismissed = (Dismissed("195.80.96.1", "udp_flood", 1, 2, "It is a backup."),)
    detection = Detection(chosen, maker.sources(), dismissed)
    traces = tuple(trace_of(attack) for attack in chosen)
    registry = estonia_registry()
    span = (chosen[0].start_us, chosen[-1].end_us)
    campaigns = find_campaigns(chosen, detection.sources, registry, traces=traces, span_us=span)
    inputs = (InputReport("/somewhere/border.pcap", "pcap", 1_000, 5_000),)
    return Analysis(detection, traces, campaigns, inputs, registry, _address_data(), None, 0, span)


@cache
def estonian() -> Analysis:
    """128 attacks on nine Estonian hosts, one campaign."""
    return analysis_of(estonia(7))


@cache
def earliest(number: int) -> Analysis:
    """So many of these attacks, from the first one on."""
    maker = estonia(7)
    return analysis_of(maker, sorted(maker.attacks, key=lambda each: each.start_us)[:number])
