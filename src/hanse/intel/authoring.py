"""Use cases of writing: a report, an indicator or a sighting is made, changed and taken back by people of this node.

In numbered steps, for each:

1. what it cites is loaded through policy, as is the thing that is changed;
2. its marking is joined with those of all that it cites, and it belongs to the team that alone may know of them;
3. who writes it must be able to see it afterwards;
4. who changes it says which version they read: what another wrote meanwhile is never overwritten;
5. it is one entry, whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import msgspec

from hanse.accounts.models import Team
from hanse.federation import recalling
from hanse.intel import cited, grading, models, own, telling
from hanse.intel.cited import Thing
from hanse.intel.facts import time_us
from hanse.intel.item import Item
from hanse.intel.own import Cite, Version, Written
from hanse.intel.projecting import reference_id
from hanse.intel.service import item_of, object_of
from hanse.intel.stix_bundle import version_of
from hanse.intel.values.value import MASKED
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.kernel.printable import printable
from hanse.ledger.identity import authority
from hanse.ledger.writing import append, writing
from hanse.policy.asking import RefusedError, require
from hanse.policy.decision import Subject, may

_STEP_US = 1_000
"""The least time between two versions: STIX tells times to the millisecond."""


class EditedError(UsageError):
    """Somebody else changed it meanwhile.

    Attributes:
        status: The HTTP status that says so.
    """

    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What somebody wants to have written.

    Attributes:
        written: Its own words; what it cites and what was sighted are worked out of the ids.
        cites: Ids of attacks, campaigns and items that it rests on.
        of: Id of the item that was sighted; None for all but sightings.
        grade: What is thought of its source, as `hanse.intel.grading` reads it; empty for nothing.
    """

    written: Written
    cites: tuple[UUID, ...] = ()
    of: UUID | None = None
    grade: str = ""


def write(piece: Piece, actor: Actor, *, marking: Marking | None = None, team: str = "") -> UUID:
    """Write a report, an indicator or a sighting.

    Args:
        piece: What is written.
        actor: Who writes it.
        marking: What it carries at least, this authority's own by default; what it cites makes it stricter.
        team: Id of its need-to-know team; empty for none, or for that of what it cites.

    Returns:
        Its id.

    Raises:
        RefusedError: The actor may not, or could not see it themselves.
        UsageError: It is not complete, or cites what the actor may not see.
    """
    require(actor, "intel.write")
    _check(piece, team)
    with writing():
        written, things = _resolved(piece, actor)
        chosen = replace(marking or Marking.own(authority()), originators=frozenset({authority()}))
        whole = strictest([chosen, *(one.marking for one in things)])
        team = cited.team_of(things, team)
        decision = may(actor, "intel.view", Subject("item", whole, team), now_us=now_us())
        if not decision:
            raise RefusedError(decision)
        at = units.iso(now_us())
        version = Version(f"{written.type}--{uuid4()}", telling.creator(), at, at)
        item = _item(written, version, piece.grade, team)
        one = object_of(item)
        append("intel.item", item, actor=actor, object_id=one, marking=whole)
    return one


def change(object_id: UUID, before: str, piece: Piece, actor: Actor) -> None:
    """Write the next version of something that was written here; nothing where it says the same.

    Args:
        object_id: What is changed.
        before: The version that the actor read, as `models.Item.source_version` has it.
        piece: What it says from now on.
        actor: Who changes it.

    Raises:
        NotVisibleError: There is no such thing, or the actor may not change it.
        EditedError: Somebody else changed it meanwhile.
        UsageError: It was not written here, was taken back, or cites what the actor may not see.
    """
    _check(piece, "")
    with writing():
        row, held = _to_change(object_id, before, actor)
        written, things = _resolved(piece, actor)
        if cited.team_of(things, row.team) != row.team:
            raise UsageError(
                "It cites something that only a need-to-know team may know of. Have an officer give it to that team first."
            )
        marking = strictest([row.marking.marking, *(one.marking for one in things)])
        raw = held.raw
        version = Version(raw["id"], raw["created_by_ref"], raw["created"], _later(raw["modified"]))
        item = _item(written, version, piece.grade, held.team)
        same = item.raw | {"modified": raw["modified"]} == raw and item.grade == held.grade
        if not same or marking != row.marking.marking:
            append("intel.item", item, actor=actor, object_id=row.pk, marking=marking)


def take_back(object_id: UUID, before: str, why: str, actor: Actor) -> None:
    """Revoke something that was written here: it stays, struck out, for whoever had it (STIX 2.1, section 3.2).

    Partners that have it get it so.

    Raises:
        NotVisibleError: There is no such thing, or the actor may not change it.
        EditedError: Somebody else changed it meanwhile.
        UsageError: It was not written here, or was taken back already, or no reason is given.
    """
    if not why.strip():
        raise UsageError("Say why it is taken back: whoever relied on it will want to know.")
    with writing():
        row, held = _to_change(object_id, before, actor)
        raw = held.raw | {"revoked": True, "modified": _later(held.raw["modified"])}
        item = msgspec.structs.replace(held, raw=raw, source_version=version_of(raw["modified"]))
        append(
            "intel.item",
            item,
            actor=actor,
            reason=why.strip(),
            object_id=row.pk,
            marking=row.marking.marking,
        )
        recalling.follow_newer(row.pk, why.strip())


def piece_of(row: models.Item) -> Piece:
    """What was written, to be changed; the caller has loaded the row on somebody's behalf.

    Raises:
        UsageError: It was not written here.
    """
    held = item_of(row)
    if held.format != "own":
        raise UsageError(
            "It was not written here, and is kept as it came. Write a report that cites it instead."
        )
    written = own.typed(held.raw)
    return Piece(
        written=written, cites=tuple(UUID(one.object) for one in written.cites), of=None, grade=held.grade
    )


def carried_on(told: Piece, before: Piece) -> Piece:
    """What somebody typed, with what no form shows of a sighting: what it is of, what it rests on, what it is called."""
    if told.written.type != "sighting":
        return told
    written = replace(told.written, of=before.written.of, title=before.written.title)
    return replace(told, written=written, cites=before.cites)


def inputs_of(row: models.Item) -> list[Thing]:
    """What an item that was written here rests on, for the node's own use; nothing for others."""
    if row.format != "own":
        return []
    written = own.typed(item_of(row).raw)
    return cited.on_record(written.cites)


def resting_on(ids: Iterable[str]) -> list[models.Item]:
    """Items written here that cite something, and what cites these in turn; for the node's own use.

    Args:
        ids: What is cited, by STIX id or where it came from.
    """
    found: dict[UUID, models.Item] = {}
    wanted = set(ids)
    while wanted:
        targets = [reference_id(one) for one in wanted]
        citing = models.Reference.objects.filter(target__in=targets, role="cites").values("item")
        rows = models.Item.projected.filter(number__in=citing, format="own").select_related("marking")
        fresh = {row.pk: row for row in rows if row.pk not in found}
        found |= fresh
        wanted = {row.source_id for row in fresh.values()}
    return sorted(found.values(), key=lambda row: row.number)


def citing(cite_id: str, actor: Actor) -> list[models.Item]:
    """Items that cite something and that an actor may see, the newest first."""
    numbers = models.Reference.objects.filter(target=reference_id(cite_id)).values("item")
    seen = models.Item.objects.for_actor(actor, "intel.view").filter(number__in=numbers, format="own")
    return list(seen.select_related("marking").order_by("-number")[:100])


def _check(piece: Piece, team: str) -> None:
    """Refuse what means nothing.

    Raises:
        UsageError: The grade is none, the team is none or closed, or a value belongs into no report.
    """
    if piece.grade:
        grading.read(piece.grade)
    for value in piece.written.values:
        if value.kind in MASKED:
            raise UsageError(
                f"A {value.kind} number is kept in cases alone, where it is masked. Open a case for it."
            )
    if team:
        try:
            there = Team.objects.filter(pk=UUID(team), closed=False).exists()
        except ValueError:
            there = False
        if not there:
            raise UsageError(
                "There is no such team, or it is closed. Choose one of those under People, Teams."
            )


def _resolved(piece: Piece, actor: Actor) -> tuple[Written, list[Thing]]:
    """What is written with its citations, and all that it rests on."""
    wanted = [*piece.cites, *([piece.of] if piece.of else [])]
    things = {UUID(one.cite.object): one for one in cited.cited(wanted, actor)}
    written = _readable(piece.written)
    cites: list[Cite] = [things[one].cite for one in dict.fromkeys(wanted)]
    of = things[piece.of].cite.id if piece.of else written.of
    title = written.title
    if piece.of and not title.strip():
        title = f"Sighting of {things[piece.of].title}"[: own.LONGEST_TITLE]
    return replace(written, cites=tuple(cites), of=of, title=title), list(things.values())


def _readable(written: Written) -> Written:
    """What was typed, with what no reader could see, such as marks that turn writing round, as escapes."""
    return replace(
        written,
        title=printable(" ".join(written.title.split())),
        text=printable(written.text.replace("\r\n", "\n").replace("\r", "\n").strip(), keep="\n\t"),
    )


def _to_change(object_id: UUID, before: str, actor: Actor) -> tuple[models.Item, Item]:
    """What an actor may change, as it is now.

    Raises:
        NotVisibleError: There is no such thing, or the actor may not change it.
        EditedError: It is another version than the actor read.
        UsageError: It was not written here, or was taken back.
    """
    row = models.Item.objects.get_for(actor, "intel.write", object_id)
    if row.format != "own":
        raise UsageError(
            "It was not written here, and is kept as it came. Write a report that cites it instead."
        )
    if row.source_version != before:
        raise EditedError(
            "Somebody else changed it since you opened it. Nothing of yours was written: look at what it says now, and "
            "save again if yours is still right."
        )
    if row.revoked:
        raise UsageError("It was taken back, and stays so. Write a new one.")
    held = item_of(row)
    return row, msgspec.structs.replace(held, team=row.team)


def _item(written: Written, version: Version, grade: str, team: str) -> Item:
    raw = own.made(written, version)
    return Item(
        format="own", type=written.type, source_id=version.id, source_version=version_of(version.modified), raw=raw,
        grade=grade, team=team,
    )  # fmt: skip


def _later(modified: str) -> str:
    """The time of the next version: now, or a millisecond after the last where the clock has not moved."""
    return max(units.iso(now_us()), units.iso((time_us(modified) or 0) + _STEP_US))
