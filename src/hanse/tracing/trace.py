"""What tracing says of one attack."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NetworkShare:
    """An autonomous system among the apparent sources.

    Attributes:
        asn: Autonomous system number.
        holder: Who holds it, as the address data has it.
        country: ISO 3166 alpha-2 code of the registration, ``ZZ`` where unknown.
        sources: Distinct apparent sources inside it.
        share: Of all distinct sources, 0 to 1.
        government: Name of the government body that a data file marks as its holder, else empty.
    """

    asn: int
    holder: str
    country: str
    sources: int
    share: float
    government: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where an attack apparently came from, and how far that may be believed.

    Attributes:
        attack_id: The attack.
        source_class: ``direct``, ``reflected``, ``spoofed`` or ``undetermined``.
        verdict: One sentence that claims no more than the class allows.
        reasons: The evidence, one short sentence each, with numbers.
        refuted_by: What would show the class to be wrong.
        countries: ISO alpha-2 code and share of distinct sources; empty where not attributable.
        countries_mean: ``apparent sources``, ``location of reflectors`` or ``not attributable``.
        networks: The autonomous systems with most sources; empty where not attributable.
        divergence: Jensen-Shannon divergence of the sources from the routed address space, bits.
        noise_floor: What uniformly spoofed sources of that number would show, bits (95th percentile).
    """

    attack_id: str
    source_class: str
    verdict: str
    reasons: tuple[str, ...] = ()
    refuted_by: tuple[str, ...] = ()
    countries: tuple[tuple[str, float], ...] = ()
    countries_mean: str = "not attributable"
    networks: tuple[NetworkShare, ...] = ()
    divergence: float | None = None
    noise_floor: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The trace as documented in docs/reference/json."""
        return {
            "attack": self.attack_id,
            "source_class": self.source_class,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "refuted_by": list(self.refuted_by),
            "countries_mean": self.countries_mean,
            "countries": [{"country": code, "share": round(share, 4)} for code, share in self.countries],
            "networks": [
                {
                    "asn": network.asn,
                    "holder": network.holder,
                    "country": network.country,
                    "sources": network.sources,
                    "share": round(network.share, 4),
                    "government": network.government or None,
                }
                for network in self.networks
            ],
            "divergence_bits": self.divergence,
            "noise_floor_bits": self.noise_floor,
        }
