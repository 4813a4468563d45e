"""What really happens in an exercise: written beside the flows, read by tests and never by a detector."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanse.kernel import units


@dataclass(frozen=True, slots=True)
class TrueAttack:
    """One attack as it was made.

    Attributes:
        id: Its number in the exercise.
        victim: Address in text.
        vector: Vector by its public name.
        start_us: First packet, microseconds UTC.
        end_us: Last packet, microseconds UTC.
        peak_bps: Highest rate over one second, each flow spread evenly over the seconds it touches, bit/s.
        packets: Packets sent to the victim.
        bytes: IP octets sent to the victim.
        flows: Flow records that hold them.
        sources: Distinct source addresses in them.
        source_class: ``direct``, ``spoofed`` or ``reflected``.
        campaign: Id of its campaign; empty for an attack that stands alone.
    """

    id: str
    victim: str
    vector: str
    start_us: int
    end_us: int
    peak_bps: float
    packets: int
    bytes: int
    flows: int
    sources: int
    source_class: str
    campaign: str = ""

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return (self.end_us - self.start_us) / 1e6

    def as_json(self) -> dict[str, Any]:
        """The attack as an object of truth.json."""
        return {
            "id": self.id,
            "victim": self.victim,
            "vector": self.vector,
            "start": units.iso(self.start_us),
            "end": units.iso(self.end_us),
            "duration_s": self.duration_s,
            "peak_bps": round(self.peak_bps),
            "mean_bps": round(self.bytes * 8 / self.duration_s),
            "packets": self.packets,
            "bytes": self.bytes,
            "flows": self.flows,
            "sources": self.sources,
            "source_class": self.source_class,
            "campaign": self.campaign or None,
        }


@dataclass(frozen=True, slots=True)
class Confuser:
    """Traffic that resembles an attack and is none.

    Attributes:
        kind: What it is, such as ``vertical port scan``.
        hosts: The hosts of the constituency that a hasty detector would call victims, in text; a
            network in CIDR form where there are many.
        start_us: First packet, microseconds UTC.
        end_us: Last packet, microseconds UTC.
    """

    kind: str
    hosts: tuple[str, ...]
    start_us: int
    end_us: int

    def as_json(self) -> dict[str, Any]:
        """The confuser as an object of truth.json."""
        return {
            "kind": self.kind,
            "hosts": list(self.hosts),
            "start": units.iso(self.start_us),
            "end": units.iso(self.end_us),
        }


@dataclass(frozen=True, slots=True)
class TrueCampaign:
    """A campaign as it was planned: its attacks, scope and country (empty for several)."""

    id: str
    attacks: tuple[str, ...]
    scope: str
    country: str
    organisations: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The campaign as an object of truth.json."""
        return {
            "id": self.id,
            "attacks": list(self.attacks),
            "scope": self.scope,
            "country": self.country or None,
            "organisations": list(self.organisations),
        }


@dataclass(frozen=True)
class Truth:
    """All that is true of an exercise.

    Attributes:
        scenario: Its name.
        seed: The seed it was made from.
        scale: The scale it was made at.
        flows: Flow records written.
        attacks: In order of start.
        campaigns: The campaigns; an attack may stand alone.
        confusers: What a detector has to leave alone.
        assumptions: What is no published fact, one sentence each.
        facts: What was published, and how sure it is, one sentence each.
    """

    scenario: str
    seed: int
    scale: float
    flows: int
    attacks: tuple[TrueAttack, ...] = ()
    campaigns: tuple[TrueCampaign, ...] = ()
    confusers: tuple[Confuser, ...] = ()
    assumptions: tuple[str, ...] = ()
    facts: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The object that truth.json holds."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "scale": self.scale,
            "flows": self.flows,
            "attacks": [attack.as_json() for attack in self.attacks],
            "campaigns": [campaign.as_json() for campaign in self.campaigns],
            "confusers": [confuser.as_json() for confuser in self.confusers],
            "facts": list(self.facts),
            "assumptions": list(self.assumptions),
        }

    def write(self, path: Path) -> None:
        """Write truth.json."""
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
