"""The published tables of Estonia 2007, read from estonia_2007.toml."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination and how many attacks it received.

    Attributes:
        address: IPv4 address in text.
        site: Its domain names; empty where none was published.
        organisation: Who ran it.
        attacks: Attacks counted.
    """

    address: str
    site: str
    organisation: str
    attacks: int


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of a published table: low <= value < high (s or Mbit/s), and how many attacks lie in it."""

    low: float
    high: float
    attacks: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The marginal tables.

    Attributes:
        what: What was counted, by whom, published where.
        confidence: How sure the figures are, in sentences.
        country: ISO alpha-2 code of the country attacked.
        total: Attacks in all; every table adds up to it.
        by_vector: Attacks by vector.
        by_date: Attacks by day of their start (ISO date, UTC).
        by_duration: By length, s.
        by_peak: By highest rate over one second, Mbit/s.
        by_destination: By victim.
        longest_s: Length of the longest, s.
    """

    what: str
    confidence: tuple[str, ...]
    country: str
    total: int
    by_vector: dict[str, int]
    by_date: dict[str, int]
    by_duration: tuple[Bin, ...]
    by_peak: tuple[Bin, ...]
    by_destination: tuple[Destination, ...]
    longest_s: int


@cache
def estonia_2007() -> Facts:
    """The published tables of May 2007."""
    raw = tomllib.loads(files("hanse.exercise").joinpath("estonia_2007.toml").read_text("utf-8"))
    durations = raw["by_duration"]
    return Facts(
        what=raw["what"],
        confidence=tuple(raw["confidence"]),
        country=raw["country"],
        total=raw["total"],
        by_vector=raw["by_vector"],
        by_date=raw["by_date"],
        by_duration=tuple(Bin(row["from_s"], row["to_s"], row["attacks"]) for row in durations),
        by_peak=tuple(Bin(row["from_mbps"], row["to_mbps"], row["attacks"]) for row in raw["by_peak"]),
        by_destination=tuple(Destination(**row) for row in raw["by_destination"]),
        longest_s=next(row["longest_s"] for row in durations if "longest_s" in row),
    )
