"""Which attack on record an attack found is: one victim, one vector, at times that overlap.

The detector names an attack after its first second. More telemetry, or a decision of people, moves that second and
not the attack: it keeps the name under which it is on record, with its decisions, its campaign and whom it was shared
with. Where one attack found covers several on record, the others have become parts of it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from hanse.attacks.attack import Attack, attack_name
from hanse.attacks.models import STANDING, State
from hanse.attacks.models import Attack as AttackRow
from hanse.ledger import objects
from hanse.ledger.among import among

_Cell: TypeAlias = tuple[str, str]
"""Victim and vector."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of an attack; fields as of `models.Attack`.

    Attributes:
        of_purged: Whether it is part of an attack that was purged, itself or what it is part of.
    """

    name: str
    victim: str
    vector: str
    start_us: int
    end_us: int
    state: str
    team: str
    of_purged: bool = False

    @property
    def stands(self) -> bool:
        """Whether it is over, and counts as an attack of its own. One that the live detector still watches may yet grow."""
        return self.state in STANDING and self.state != State.RUNNING


def known_beside(found: Sequence[Attack]) -> tuple[Known, ...]:
    """The attacks on record that any of some attacks could be."""
    if not found:
        return ()
    since, until = min(one.start_us for one in found), max(one.end_us for one in found)
    cells = {(one.victim, one.vector) for one in found}
    rows = AttackRow.projected.filter(start_us__lt=until, end_us__gt=since).order_by("start_us", "name")
    columns = ("part_of", "name", "victim", "vector", "start_us", "end_us", "state", "team")
    some = [row for row in rows.values_list(*columns) if (row[2], row[3]) in cells]
    gone = _purged_wholes({whole for whole, *_ in some if whole is not None})
    return tuple(replace(Known(*row), of_purged=whole in gone) for whole, *row in some)


def _purged_wholes(wholes: set[UUID]) -> set[UUID]:
    """Those of some attacks that are on record no more, or are part of such: what was found goes only when it is purged."""
    part_of: dict[UUID, UUID | None] = {}
    asked = wholes
    while asked:
        rows = dict(AttackRow.projected.filter(pk__in=among(asked)).values_list("pk", "part_of"))
        part_of |= rows
        asked = {one for one in rows.values() if one is not None} - part_of.keys()
    gone = {one for one in (*wholes, *part_of.values()) if one is not None and one not in part_of}
    while more := {one for one, whole in part_of.items() if whole in gone} - gone:
        gone |= more
    return gone


def in_use(names: Collection[str]) -> set[str]:
    """Those of some names under which an attack is on record, of whatever time."""
    rows = AttackRow.projected.filter(pk__in=among({objects.named("attack", name) for name in names}))
    return set(rows.values_list("name", flat=True))


def parts_of_purged(
    found: Sequence[Attack],
    known: Sequence[Known],
    used: Callable[[Collection[str]], set[str]] = in_use,
) -> set[str]:
    """Names, as found, of attacks that are none on record and overlap with a part of one that was purged.

    Their traffic is that one's. Arguments as of `kept_names`.
    """
    gone = _by_cell(one for one in known if one.of_purged)
    if not gone:
        return set()
    others = {one.name: one for one in known if not one.of_purged}
    kept = kept_names(found, others.values(), used)
    return {
        attack.id
        for attack in found
        if kept[attack.id] not in others
        and any(_shared_us(attack, one) > 0 for one in gone.get((attack.victim, attack.vector), ()))
    }


def kept_names(
    found: Sequence[Attack],
    known: Iterable[Known],
    used: Callable[[Collection[str]], set[str]] = in_use,
) -> dict[str, str]:
    """By the name as found, the name on record.

    Of attacks that overlap, those of one name are the same, then those that share most time, each once; one that is
    part of another goes last. An attack that is new, while its name is in use by one whose bounds have moved, gets
    another.

    Args:
        found: The attacks of an analysis.
        known: What is on record beside them, `known_beside`.
        used: Tells which names are on record.
    """
    beside = _by_cell(known)
    pairs = sorted(
        (
            attack.id != one.name,
            one.state == State.MERGED,
            -shared,
            attack.start_us,
            one.start_us,
            attack.id,
            one.name,
        )
        for attack in found
        for one in beside.get((attack.victim, attack.vector), ())
        if (shared := _shared_us(attack, one)) > 0
    )
    kept: dict[str, str] = {}
    taken: set[str] = set()
    for *_, attack_id, name in pairs:
        if attack_id not in kept and name not in taken:
            kept[attack_id] = name
            taken.add(name)
    return kept | _new_names([attack for attack in found if attack.id not in kept], taken, used)


def _new_names(
    found: Sequence[Attack], taken: set[str], used: Callable[[Collection[str]], set[str]]
) -> dict[str, str]:
    """Names of new attacks: their own, or one that follows from it."""
    names: dict[str, str] = {}
    wanted, number = {attack.id: attack.id for attack in found}, 1
    while wanted:
        there = taken | used(wanted.values())
        names |= {attack_id: name for attack_id, name in wanted.items() if name not in there}
        number += 1
        wanted = {
            one.id: attack_name(one.victim, one.vector, one.start_us, number)
            for one in found
            if one.id not in names
        }
    return names


def parts(found: Sequence[Attack], known: Iterable[Known]) -> dict[str, str]:
    """By name, what has become part of an attack found: its name.

    Args:
        found: The attacks of an analysis under the names on record.
        known: What is on record beside them, `known_beside`.
    """
    beside, own = _by_cell(known), {attack.id for attack in found}
    teams = {one.name: one.team for those in beside.values() for one in those}
    most: dict[str, tuple[int, str]] = {}
    for attack in found:
        for one in beside.get((attack.victim, attack.vector), ()):
            us = _shared_us(attack, one)
            alike = teams.get(attack.id, "") == one.team  # the whole may be for others to see than its part
            if us > 0 and one.stands and alike and one.name not in own:
                most[one.name] = max(most.get(one.name, (0, "")), (us, attack.id))
    return {name: whole for name, (_, whole) in most.items()}


def renamed(attack: Attack, kept: Mapping[str, str]) -> Attack:
    """The attack under the name on record, and those beside it under theirs."""
    linked = tuple(kept.get(name, name) for name in attack.linked)
    return replace(attack, id=kept.get(attack.id, attack.id), linked=linked)


def _by_cell(known: Iterable[Known]) -> dict[_Cell, list[Known]]:
    found: dict[_Cell, list[Known]] = defaultdict(list)
    for one in known:
        found[one.victim, one.vector].append(one)
    return found


def _shared_us(attack: Attack, known: Known) -> int:
    """Time in both, microseconds; 0 or less where they do not overlap."""
    return min(attack.end_us, known.end_us) - max(attack.start_us, known.start_us)
