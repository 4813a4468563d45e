"""What the detector found held against the truth of an exercise."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hanse.attacks.attack import Attack

LEAST_OVERLAP = 0.9


def load_truth(folder: Path) -> dict[str, Any]:
    """The truth that an exercise left beside its flows."""
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text("utf-8"))
    return truth


def micros(text: str) -> int:
    """Microseconds UTC of an ISO 8601 time."""
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def overlap(found: Attack, true: Mapping[str, Any]) -> float:
    """Intersection over union of two intervals."""
    low, high = micros(true["start"]), micros(true["end"])
    both = max(min(found.end_us, high) - max(found.start_us, low), 0)
    return both / (max(found.end_us, high) - min(found.start_us, low))


def matched(
    found: Iterable[Attack], truth: Mapping[str, Any]
) -> tuple[dict[str, Attack], list[str], list[Attack]]:
    """True attacks with what was found of them, the missed ones' ids, and what was found beside them."""
    left = list(found)
    pairs: dict[str, Attack] = {}
    missed = []
    for true in truth["attacks"]:
        same = [a for a in left if (a.victim, a.vector) == (true["victim"], true["vector"])]
        best = max(same, key=lambda attack: overlap(attack, true), default=None)
        if best is None or overlap(best, true) < LEAST_OVERLAP:
            missed.append(true["id"])
        else:
            pairs[true["id"]] = best
            left.remove(best)
    return pairs, missed, left


def tables(rows: Iterable[Attack], facts: Mapping[str, Any]) -> dict[str, Counter[Any]]:
    """The published tables of Estonia 2007, counted over attacks."""
    attacks = list(rows)
    return {
        "vector": Counter(a.vector for a in attacks),
        "destination": Counter(a.victim for a in attacks),
        "date": Counter(_date(a) for a in attacks),
        "duration": Counter(_bin(a.duration_s, facts["by_duration"], "from_s", "to_s") for a in attacks),
        "peak": Counter(_bin(a.peak_bps / 1e6, facts["by_peak_mbps"], "from", "to") for a in attacks),
    }


def _date(attack: Attack) -> str:
    return attack.as_json()["start"][:10]


def _bin(
    value: float, bins: Iterable[Mapping[str, Any]], low: str, high: str
) -> tuple[float, float | None] | None:
    """The published bin of a value; None between bins (9 to 10 h is in none)."""
    for row in bins:
        if row[low] <= value and (row[high] is None or value < row[high]):
            return row[low], row[high]
    return None
