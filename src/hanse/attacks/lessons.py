"""What analysts teach: false positives, merged and split attacks, kept in a file and used from then on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hanse.attacks import vectors as v
from hanse.kernel.errors import UsageError

if TYPE_CHECKING:
    from hanse.attacks.intervals import Gaps
    from hanse.attacks.thresholds import Cell

HEADROOM = 1.25
"""Traffic that was called harmless may grow by a quarter before it is reported again."""

Kind = Literal["false-positive", "merge", "split"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One decision of an analyst.

    Attributes:
        kind: What was decided.
        victim: Address or network in text.
        vector: Name of the vector.
        attacks: Ids of the attacks that it was decided on.
        value: What follows: packets/s up to which traffic is harmless (false-positive), quiet time in
            s to bridge (merge), or the second since the epoch to cut at (split).
        reason: The analyst's words.
        decided: When, ISO 8601 UTC.
    """

    kind: Kind
    victim: str
    vector: str
    attacks: tuple[str, ...]
    value: float
    reason: str
    decided: str

    @property
    def cells(self) -> "tuple[Cell, ...]":
        """The victim with each class of the vector."""
        from hanse.attacks.judge import victim_key  # noqa: PLC0415 - loads Ibis: an idle node does without

        victim = victim_key(self.victim)
        return tuple((victim, code) for code, vector in v.vectors().items() if vector.name == self.vector)


def load(path: Path) -> tuple[Lesson, ...]:
    """The lessons in a file, none if it does not exist.

    Raises:
        UsageError: The file is no list of lessons.
    """
    if not path.exists():
        return ()
    try:
        rows = json.loads(path.read_text("utf-8"))["lessons"]
        return tuple(Lesson(**{**row, "attacks": tuple(row["attacks"])}) for row in rows)
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path}: not a file of lessons ({error}). Move it away to start anew.") from error


def save(lessons: Sequence[Lesson], path: Path) -> None:
    """Write lessons; the file is either the old or the new one, never half of it."""
    text = json.dumps({"lessons": [asdict(lesson) for lesson in lessons]}, indent=1)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", "utf-8")
    part.replace(path)


def raised(lessons: Sequence[Lesson]) -> "dict[Cell, float]":
    """By victim and class, packets/s under which traffic was called harmless."""
    found: dict[Cell, float] = {}
    for lesson in lessons:
        for cell in lesson.cells if lesson.kind == "false-positive" else ():
            found[cell] = max(found.get(cell, 0.0), lesson.value)
    return found


def gaps(lessons: Sequence[Lesson], default_s: int) -> "Gaps":
    """The quiet that ends an attack, with what merges and splits taught."""
    from hanse.attacks.intervals import Gaps  # noqa: PLC0415 - loads Ibis: an idle node does without

    longer: dict[Cell, int] = {}
    cuts: dict[Cell, list[int]] = {}
    for lesson in lessons:
        for cell in lesson.cells:
            if lesson.kind == "merge":
                longer[cell] = max(longer.get(cell, 0), int(lesson.value))
            elif lesson.kind == "split":
                cuts.setdefault(cell, []).append(int(lesson.value))
    return Gaps(default_s, longer, cuts)


def false_positive(attack: dict[str, Any], reason: str, decided: str) -> Lesson:
    """The lesson that an attack (as JSON) was none."""
    value = attack["peak_pps"] * HEADROOM
    return Lesson(
        "false-positive", attack["victim"], attack["vector"], (attack["id"],), value, reason, decided
    )


def merge(first: dict[str, Any], second: dict[str, Any], quiet_s: float, reason: str, decided: str) -> Lesson:
    """The lesson that two attacks (as JSON) are one.

    Raises:
        UsageError: They differ in victim or vector.
    """
    if (first["victim"], first["vector"]) != (second["victim"], second["vector"]):
        raise UsageError("Only attacks on one victim by one vector can be merged: an attack has one of each.")
    ids = (first["id"], second["id"])
    return Lesson("merge", first["victim"], first["vector"], ids, quiet_s + 1, reason, decided)


def split(attack: dict[str, Any], second: int, reason: str, decided: str) -> Lesson:
    """The lesson that an attack (as JSON) is two, the second from a given second (since the epoch) on."""
    return Lesson("split", attack["victim"], attack["vector"], (attack["id"],), second, reason, decided)
