"""What a campaign is: attacks linked by independent tests, and what the links add up to."""

from dataclasses import dataclass, field
from typing import Any

from hanse.kernel import units


@dataclass(frozen=True, slots=True)
class LinkTest:
    """One test that two attacks passed.

    Attributes:
        name: ``fingerprint``, ``concurrency``, ``sources`` or ``targets``.
        p_value: Probability of so strong a result by chance, before correction.
        words: The result in one short sentence with numbers.
    """

    name: str
    p_value: float
    words: str


@dataclass(frozen=True, slots=True)
class Link:
    """Two attacks and the independent tests (at least two) that hold them together."""

    first: str
    second: str
    tests: tuple[LinkTest, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """Attacks that belong together.

    Attributes:
        id: Stable name, from the ids of its attacks.
        attacks: Ids in order of start.
        links: The strongest links that hold all members together (a spanning tree: one less than members).
        scope: ``organisation``, ``sector``, ``state``, ``several states`` or ``unknown``.
        country: ISO alpha-2 code where the scope is within one country, else empty.
        organisations: Names with their number of attacks, most first.
        sectors: Names with their number of attacks, most first.
        start_us: Start of its first attack, microseconds UTC.
        end_us: End of its last attack, microseconds UTC.
        verdict: The finding in one sentence.
        figures: The numbers behind the verdict, by name.
        evidence: Short sentences with numbers.
        refuted_by: What would show that it is not one campaign, or not against that scope.
    """

    id: str
    attacks: tuple[str, ...]
    links: tuple[Link, ...]
    scope: str
    country: str
    organisations: tuple[tuple[str, int], ...]
    sectors: tuple[tuple[str, int], ...]
    start_us: int
    end_us: int
    verdict: str
    figures: dict[str, float] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    refuted_by: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The campaign as documented in docs/reference/json."""
        return {
            "id": self.id,
            "attacks": list(self.attacks),
            "scope": self.scope,
            "country": self.country or None,
            "organisations": [
                {"organisation": name, "attacks": number} for name, number in self.organisations
            ],
            "sectors": [{"sector": name, "attacks": number} for name, number in self.sectors],
            "start": units.iso(self.start_us),
            "end": units.iso(self.end_us),
            "verdict": self.verdict,
            "figures": self.figures,
            "evidence": list(self.evidence),
            "refuted_by": list(self.refuted_by),
            "links": [
                {
                    "first": link.first,
                    "second": link.second,
                    "tests": [
                        {"name": test.name, "p_value": test.p_value, "words": test.words}
                        for test in link.tests
                    ],
                }
                for link in self.links
            ],
        }
