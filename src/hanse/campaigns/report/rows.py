"""The table of attacks: one row each, with the evidence behind it."""

from dataclasses import dataclass

from hanse.attacks.attack import Attack
from hanse.campaigns.report import words
from hanse.campaigns.report.findings import Findings
from hanse.campaigns.report.timeline import hues
from hanse.kernel import units
from hanse.tracing.trace import Trace

TCP_FLAGS = (
    (1, "FIN"),
    (2, "SYN"),
    (4, "RST"),
    (8, "PSH"),
    (16, "ACK"),
    (32, "URG"),
    (64, "ECE"),
    (128, "CWR"),
)
"""RFC 9293, section 3.1."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack: what the table shows, what its details add, and where its linked attacks stand."""

    number: int
    attack: Attack
    trace: Trace | None
    organisation: str
    sector: str
    country: str
    hue: int
    campaign: int
    linked: tuple[tuple[str, int], ...]
    facts: tuple[tuple[str, str], ...]


def build(findings: Findings) -> tuple[Row, ...]:
    """Rows in order of start, numbered from 1; `campaign` is 0 for an attack that belongs to none."""
    ordered = sorted(findings.attacks, key=lambda attack: (attack.start_us, attack.id))
    number_of = {attack.id: number for number, attack in enumerate(ordered, 1)}
    trace_of = {trace.attack_id: trace for trace in findings.traces}
    campaign_of = {name: number for number, c in enumerate(findings.campaigns, 1) for name in c.attacks}
    hue_of = hues(ordered)
    return tuple(
        Row(
            number,
            attack,
            trace_of.get(attack.id),
            findings.organisation_of.get(attack.victim, ""),
            findings.sector_of.get(attack.victim, ""),
            findings.country_of.get(attack.victim, ""),
            hue_of[attack.vector],
            campaign_of.get(attack.id, 0),
            tuple((name, number_of[name]) for name in attack.linked if name in number_of),
            tuple(facts(attack)),
        )
        for number, attack in enumerate(ordered, 1)
    )


def facts(attack: Attack) -> list[tuple[str, str]]:
    """What the telemetry shows of an attack beside the table's columns; what is unknown is left out."""
    pairs = [
        ("Mean", f"{units.bit_rate(attack.mean_bps)}, {units.packet_rate(attack.mean_pps)}"),
        ("Packets", f"{units.count(attack.packets)} in {words.many(attack.flows, 'flow')}"),
        ("Source networks", units.count(attack.networks) + " (/24 or /48)" if attack.networks else ""),
        ("Busiest networks", _shares([(name, share) for name, share in attack.top_networks])),
        ("Destination ports", _shares([(str(port), share) for port, share in attack.dst_ports])),
        ("Source ports", _shares([(str(port), share) for port, share in attack.src_ports])),
        ("Packet sizes", _shares([(f"{size} B", share) for size, share in attack.packet_sizes])),
        ("TCP flags", "+".join(name for bit, name in TCP_FLAGS if attack.tcp_flags & bit)),
        ("ICMP type", str(attack.icmp_type) if attack.icmp_type >= 0 else ""),
        ("Sources that the victim conversed with", _share_or_unseen(attack.answered_share)),
        ("Sources that were asked first", _share_if_asked(attack.requested_share)),
    ]
    return [(name, value) for name, value in pairs if value]


def _shares(pairs: list[tuple[str, float]]) -> str:
    return ", ".join(f"{name} ({words.percent(share)})" for name, share in pairs[:5])


def _share_or_unseen(share: float | None) -> str:
    return words.percent(share) if share is not None else "return way not seen"


def _share_if_asked(share: float | None) -> str:
    """None also says that it is not asked for this vector: nothing is said then."""
    return words.percent(share) if share is not None else ""
