"""What an attack is: one victim, one vector, one interval; and what a detection hands on."""

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hanse.kernel import units

if TYPE_CHECKING:
    import pyarrow as pa

Sketch: TypeAlias = bytes
"""A serialised sketch of sources, as `sketch.sketch_of` makes it."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One victim, one vector, one interval.

    Attributes:
        id: Stable name: the same telemetry and victim give the same id on every run. On record, an attack keeps the name
            that it was first found under (`identity`).
        victim: Address, or prefix for an attack on a whole network, in text.
        vector: What kind of traffic, in the terms of docs/reference/vectors.
        start_us: First second over the threshold, microseconds UTC.
        end_us: End of the last second over the threshold, microseconds UTC.
        peak_bps: Highest rate over one second, bit/s.
        peak_pps: Highest rate over one second, packets/s.
        packets: Estimated packets (sampling applied).
        bytes: Estimated IP octets.
        flows: Flow records behind it.
        sources: Distinct apparent source addresses.
        networks: Distinct source /24 (IPv4) or /48 (IPv6) networks.
        top_networks: The networks with most packets and their share of all packets.
        dst_ports: Destination ports with most packets and their share; empty without ports.
        src_ports: Source ports with most packets and their share; empty without ports.
        packet_sizes: Modes of bytes per packet and their share of packets.
        tcp_flags: Most frequent flag combination of the flows, 0 where not TCP.
        icmp_type: Most frequent ICMP type of the flows, -1 where not ICMP.
        answered_share: Share of sources with which the victim exchanged traffic in both directions
            (for TCP: a completed handshake), 0 to 1; None where the return way was not seen at all.
        requested_share: Share of the sources to which the victim had itself sent traffic before
            they sent theirs, 0 to 1; asked for reflections alone, and None for every other vector
            and where the return way was not seen at all.
        threshold: Which threshold fired, in words with numbers.
        confidence: ``high``, ``medium`` or ``low``.
        reasons: Why that confidence: one short sentence each.
        refuted_by: What would show it to be no attack: one short sentence each.
        linked: Ids of other attacks on the same victim at the same time (multi-vector).
        source_class: ``direct``, ``reflected``, ``spoofed`` or ``undetermined``; set by tracing.
        source_sketch: A theta sketch of all source addresses (`sketch`); empty where nothing made one.
    """

    id: str
    victim: str
    vector: str
    start_us: int
    end_us: int
    peak_bps: float
    peak_pps: float
    packets: int
    bytes: int
    flows: int
    sources: int
    networks: int = 0
    top_networks: tuple[tuple[str, float], ...] = ()
    dst_ports: tuple[tuple[int, float], ...] = ()
    src_ports: tuple[tuple[int, float], ...] = ()
    packet_sizes: tuple[tuple[int, float], ...] = ()
    tcp_flags: int = 0
    icmp_type: int = -1
    answered_share: float | None = None
    requested_share: float | None = None
    threshold: str = ""
    confidence: str = "medium"
    reasons: tuple[str, ...] = ()
    refuted_by: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    source_class: str = "undetermined"
    source_sketch: Sketch = b""

    @property
    def duration_s(self) -> float:
        """Length of the interval, s."""
        return (self.end_us - self.start_us) / 1e6

    @property
    def mean_bps(self) -> float:
        """Mean rate over the interval, or over one second where it is shorter (as the peak is), bit/s."""
        return self.bytes * 8 / max(self.duration_s, 1.0)

    @property
    def mean_pps(self) -> float:
        """Mean rate over the interval, or over one second where it is shorter, packets/s."""
        return self.packets / max(self.duration_s, 1.0)

    def as_json(self) -> dict[str, Any]:
        """The attack as documented in docs/reference/json."""
        return {
            "id": self.id,
            "victim": self.victim,
            "vector": self.vector,
            "start": units.iso(self.start_us),
            "end": units.iso(self.end_us),
            "duration_s": round(self.duration_s, 3),
            "peak_bps": round(self.peak_bps),
            "mean_bps": round(self.mean_bps),
            "peak_pps": round(self.peak_pps, 1),
            "mean_pps": round(self.mean_pps, 1),
            "packets": self.packets,
            "bytes": self.bytes,
            "flows": self.flows,
            "sources": self.sources,
            "source_class": self.source_class,
            "linked": list(self.linked),
            "evidence": {
                "threshold": self.threshold,
                "confidence": self.confidence,
                "reasons": list(self.reasons),
                "refuted_by": list(self.refuted_by),
                "source_networks": self.networks,
                "source_sketch": base64.b64encode(self.source_sketch).decode(),
                "top_networks": [
                    {"network": name, "share": round(share, 4)} for name, share in self.top_networks
                ],
                "dst_ports": [{"port": port, "share": round(share, 4)} for port, share in self.dst_ports],
                "src_ports": [{"port": port, "share": round(share, 4)} for port, share in self.src_ports],
                "packet_sizes": [
                    {"bytes": size, "share": round(share, 4)} for size, share in self.packet_sizes
                ],
                "tcp_flags": self.tcp_flags,
                "icmp_type": self.icmp_type if self.icmp_type >= 0 else None,
                "answered_share": self.answered_share,
                "requested_share": self.requested_share,
            },
        }


def attack_name(victim: str, vector: str, start_us: int, number: int = 1) -> str:
    """A name that the same victim, vector and first second always give; another one for each further number."""
    text = f"{victim}|{vector}|{start_us // 1_000_000}" + (f"|{number}" if number > 1 else "")
    return "A-" + hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Dismissed:
    """Traffic over a threshold that is no attack, and why.

    Attributes:
        victim: Address or prefix in text.
        vector: The vector it looked like.
        start_us: First second over the threshold, microseconds UTC.
        end_us: End of the last, microseconds UTC.
        reason: Why it is none, in one sentence.
    """

    victim: str
    vector: str
    start_us: int
    end_us: int
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The dismissal as documented in docs/reference/json."""
        return {
            "victim": self.victim,
            "vector": self.vector,
            "start": units.iso(self.start_us),
            "end": units.iso(self.end_us),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Detection:
    """All that the detector found.

    Attributes:
        attacks: In order of start.
        sources: `sources.SOURCES` rows behind them.
        dismissed: What looked like an attack and is none.
    """

    attacks: tuple[Attack, ...]
    sources: "pa.Table"
    dismissed: tuple[Dismissed, ...] = ()
