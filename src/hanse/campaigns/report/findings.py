"""What a report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hanse.attacks.attack import Attack
from hanse.campaigns.campaign import Campaign
from hanse.kernel.errors import UsageError
from hanse.telemetry.reading import InputReport
from hanse.tracing.trace import Trace

MARKINGS = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
"""Traffic Light Protocol 2.0 (FIRST, August 2022)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that one report says; nothing in it is read from anywhere else but the borders.

    Attributes:
        title: What the report is about, such as the name of an exercise or of a folder.
        subtitle: One more line below it; may be empty.
        attacks: Every attack found.
        traces: What tracing says of them; attacks without one are shown as not traced.
        campaigns: Attacks that belong together, most important first.
        organisation_of: Victim (as in `Attack.victim`) to the organisation behind it.
        sector_of: Victim to its sector, in NIS2 words.
        country_of: Victim to its country, ISO 3166 alpha-2.
        inputs: What was read, and what was wrong with it.
        span_us: First and last moment of the telemetry, microseconds UTC; None where not known.
        data_description: Version, age and attribution of the address data, or why tracing is off.
        parameters: Name and value of each parameter of the run (gap, thresholds, engine, version).
        sensitivity: Gap in seconds to the number of attacks found with it.
        generated_us: When the report was made, microseconds UTC.
        exercise: Whether the telemetry is made up; the page then says so at its head and foot.
        marking: TLP 2.0 label at the head and foot of the page.
        borders: TopoJSON file of the world's countries (world-atlas); None for no map.
    """

    title: str
    generated_us: int
    subtitle: str = ""
    attacks: tuple[Attack, ...] = ()
    traces: tuple[Trace, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    organisation_of: Mapping[str, str] = field(default_factory=dict)
    sector_of: Mapping[str, str] = field(default_factory=dict)
    country_of: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[InputReport, ...] = ()
    span_us: tuple[int, int] | None = None
    data_description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    sensitivity: Mapping[int, int] | None = None
    exercise: bool = False
    marking: str = "TLP:CLEAR"
    borders: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a marking that TLP 2.0 does not know: a mistyped one would protect nothing.

        Raises:
            UsageError: The marking is none of `MARKINGS`.
        """
        if self.marking not in MARKINGS:
            raise UsageError(f"marking '{self.marking}' is not TLP 2.0; use one of {', '.join(MARKINGS)}.")

    def organisation(self, victim: str) -> str:
        """The organisation behind a victim, or the victim itself where the registry names none."""
        return self.organisation_of.get(victim) or victim
