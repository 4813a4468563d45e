"""What analysts teach: false positives, merged and split attacks, kept in a file and used from then on."""

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hanse.attacks import vectors as v
from hanse.kernel import strict_json, units
from hanse.kernel.errors import UsageError

if TYPE_CHECKING:
    from hanse.attacks.intervals import Gaps
    from hanse.attacks.thresholds import Cell

HEADROOM = 1.25
"""Traffic that was called harmless may grow by a quarter before it is reported again."""

MOST_QUIET_S = 86_400
"""The longest quiet that a merge bridges, s. Bridged for ever, every later attack on the victim by the vector would go on
what was found long ago, and be announced to nobody."""

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


class _File(msgspec.Struct):
    """What a file of lessons holds."""

    lessons: tuple[Lesson, ...]


def load(path: Path) -> tuple[Lesson, ...]:
    """The lessons in a file, none if it does not exist.

    Raises:
        UsageError: The file is no list of lessons.
    """
    if not path.exists():
        return ()
    try:
        found: _File = strict_json.decode(path.read_bytes(), _File)
        for lesson in found.lessons:
            _check(lesson)
    except (OSError, strict_json.StrictJsonError, UsageError) as error:
        raise UsageError(f"{path}: not a file of lessons ({error}). Move it away to start anew.") from error
    return found.lessons


def save(lessons: Sequence[Lesson], path: Path) -> None:
    """Write lessons; the file is either the old or the new one, never half of it."""
    text = json.dumps({"lessons": [asdict(lesson) for lesson in lessons]}, indent=1)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", "utf-8")
    part.replace(path)


def change(path: Path, how: Callable[[tuple[Lesson, ...]], Sequence[Lesson]]) -> tuple[Lesson, ...]:
    """Read, change and write a file of lessons; of several who do so at once, each comes after the other.

    Args:
        path: The file; it need not exist.
        how: What there is to be instead of what there is.

    Returns:
        What there is now.

    Raises:
        UsageError: The file is no list of lessons, or what is to be written is none.
    """
    with _alone(path):
        lessons = tuple(how(load(path)))
        for lesson in lessons:
            _check(lesson)
        save(lessons, path)
    return lessons


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep out everybody else who changes files of lessons in the same folder."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _check(lesson: Lesson) -> None:
    """Refuse a lesson that the detector could not follow.

    Raises:
        UsageError: Its victim is no address or network, or its value no number of that kind.
    """
    from hanse.attacks.judge import victim_key  # noqa: PLC0415 - loads Ibis: an idle node does without

    try:
        victim_key(lesson.victim)
    except ValueError as error:
        raise UsageError(f"the victim of a lesson is no address or network: {error}") from error
    if not (math.isfinite(lesson.value) and lesson.value >= 0):
        raise UsageError(f"the value of a lesson on {lesson.victim} is {lesson.value}, not a number from 0")


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
                longer[cell] = max(longer.get(cell, 0), int(min(lesson.value, MOST_QUIET_S)))
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
        UsageError: They differ in victim or vector, or lie further apart than `MOST_QUIET_S`.
    """
    if (first["victim"], first["vector"]) != (second["victim"], second["vector"]):
        raise UsageError("Only attacks on one victim by one vector can be merged: an attack has one of each.")
    if quiet_s > MOST_QUIET_S:
        raise UsageError(
            f"There are {units.duration(quiet_s)} between these attacks, and at most {units.duration(MOST_QUIET_S)} are "
            "bridged: merged, they would hide each later attack in between. What belongs together over days is a campaign."
        )
    ids = (first["id"], second["id"])
    return Lesson("merge", first["victim"], first["vector"], ids, quiet_s + 1, reason, decided)


def split(attack: dict[str, Any], second: int, reason: str, decided: str) -> Lesson:
    """The lesson that an attack (as JSON) is two, the second from a given second (since the epoch) on."""
    return Lesson("split", attack["victim"], attack["vector"], (attack["id"],), second, reason, decided)
