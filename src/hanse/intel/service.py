"""Use cases of intelligence: bringing it in, taking it out, correlations undone."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from operator import length_hint
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
from django.db import connections

from hanse.federation import originals
from hanse.intel import csv_export, feeds, grades, misp_event, models, own_bundle, searches, stix_bundle
from hanse.intel.as_shared import item_in
from hanse.intel.coming_again import adds_nothing, is_others, joined, of_other_feeds
from hanse.intel.item import Heading, Item
from hanse.intel.projecting import forget, project, project_many
from hanse.intel.reading import Known, facts_of, known
from hanse.intel.reading_ahead import items_ahead
from hanse.intel.recognise import Marked, WrongMarking
from hanse.kernel.actors import Actor
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking, join
from hanse.ledger import objects
from hanse.ledger.among import among
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from hanse.ledger.recorded import Recorded
from hanse.ledger.routing import database
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import require
from hanse.policy.models import StoredMarking, stored

CHUNK = 2_500
"""Items of one transaction: memory stays flat, and other writers wait for half a second at most."""

_STIX = "application/stix+json;version=2.1"

MOST_PARTS = 5_000
"""Parts of one item that are shown or exported with it."""

TOLD = 1_000
"""Clashes and things left out that an account names; it counts all of them."""


class Imported(msgspec.Struct, frozen=True):
    """The account of an import; fields as of `models.Batch`."""

    name: str
    format: str
    fresh: int
    newer: int
    known: int
    older: int
    clashes: int
    left_out: int
    wrong_marking: int
    detail: dict[str, Any]


class CorrelationUndone(msgspec.Struct, frozen=True):
    """A value is no correlation.

    Attributes:
        value: Id of the value.
        item: Number of the item in which it is none; None for everywhere.
        why: The reason.
    """

    value: int
    item: int | None
    why: str


class CorrelationRestored(msgspec.Struct, frozen=True):
    """It is one after all; fields as of `CorrelationUndone`."""

    value: int
    item: int | None


@dataclass(slots=True)
class Account:
    """What an import does, or would do.

    Attributes:
        name: What is brought.
        marking: As strict as the strictest thing that the account tells.
        format: What it turned out to be.
        fresh: Items that are new.
        newer: Items that are newer than what is here.
        known: Items that are here already.
        older: Items that are older than what is here.
        clashes: Ids of items that say something else under the same id and version; they are not taken.
        left_out: What is no item, and why.
        wrong_marking: How many things were left out because their marking is none, parts among them.
        object_id: The account in the ledger; None for a dry run.
        replaces: Whether a thing that has no versions, such as a row of a feed's list, is newer where it says something
            else; the ids of such things must be the bringer's own.
        feed: The feed that brings it; None for a person or a partner.
    """

    name: str
    marking: Marking
    format: str = ""
    fresh: int = 0
    newer: int = 0
    known: int = 0
    older: int = 0
    clashes: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    wrong_marking: int = 0
    object_id: UUID | None = None
    replaces: bool = False
    feed: UUID | None = None

    def clash(self, item: Item, marking: Marking) -> None:
        """Count an item that is not taken, and tell it as strictly marked as it is."""
        self.marking = join(self.marking, marking)
        self.clashes.append({"id": item.source_id, "version": item.source_version, "raw": item.raw})

    def leave_out(self, words: str) -> None:
        """Tell what is not taken, or not understood, and why."""
        self.left_out.append(str(words))
        if isinstance(words, WrongMarking):
            self.wrong_marking += words.items

    @property
    def items(self) -> int:
        """How many items there are in it."""
        return self.fresh + self.newer + self.known + self.older + len(self.clashes)


def bring_in(
    data: bytes, name: str, actor: Actor, *, marking: Marking | None = None, dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Account:  # fmt: skip
    """Read a file of intelligence in; bringing it again changes nothing.

    Args:
        data: The file: a STIX 2.1 bundle, MISP events, a CSV list or a DDoSDB fingerprint.
        name: What it is called.
        actor: Who brings it.
        marking: What each item carries at least; the authority's own by default.
        dry_run: Say what would come of it, and write nothing.
        progress: Told how many items are done, and of about how many; 0 where that is not known.

    Raises:
        RefusedError: The actor may not.
        UsageError: It is no format known here.
        HanseError: What `progress` raises to stop it. What came until then stays, and has an account.
    """
    require(actor, "intel.import")
    chosen, batch = marking or Marking.own(authority()), uuid4()
    account = Account(name, chosen)
    account.format, stream = items_ahead(data, name, chosen, batch.hex)
    total, done = length_hint(stream), 0

    def taken(some: list[Marked]) -> None:
        nonlocal done
        take(some, account, actor, actor, dry_run=dry_run)
        done += len(some)

    try:
        for _ in _one_ahead(chunked(stream, account), taken, dry_run=dry_run):
            progress(done, total)
    except HanseError as error:
        if done and not dry_run:
            why = f"{error} What came until then is here, and the rest is not: bring it in again for that."
            account.left_out.insert(0, why)
            _on_account(account, batch, actor)
        raise
    if not dry_run:
        _on_account(account, batch, actor)
    return account


def _on_account(account: Account, batch: UUID, actor: Actor) -> None:
    """Put the account of an import on record."""
    content = _imported(account)
    append("intel.imported", content, actor=actor, object_id=batch, marking=account.marking)
    account.object_id = batch


def take(
    some: Sequence[Marked], account: Account, actor: Actor, reader: Actor, *, dry_run: bool = False
) -> int:
    """Write what of some items is new or newer, in one transaction; all of them are counted. How many were written.

    Args:
        some: The items.
        account: Where they are counted.
        actor: Who writes them.
        reader: Who is told what comes of it: what this one may not see is not there, for counting and for writing.
        dry_run: Count alone.
    """
    if dry_run:
        return len(_sorted_out(some, account, reader))
    with writing():
        drafts = [_draft(one) for one in _sorted_out(some, account, reader)]
        append_many(drafts, actor)
    return len(drafts)


def item_of(row: models.Item) -> Item:
    """An item whole, out of its entry; the caller has loaded the row on somebody's behalf."""
    if row.format == "partner":
        return item_in(originals.said_at(row.sequence))
    entry = Entry.objects.get(pk=row.sequence)
    content = content_of(entry, Body.objects.get(entry=entry), kind_of("intel.item"))
    assert isinstance(content, Item)  # noqa: S101 - the kind says so
    return content


def title_of(row: models.Item) -> str:
    """What an item is called, for somebody on whose behalf it was loaded; a sealed one says so in its entry alone."""
    return (facts_of(item_of(row)).title if row.sealed else "") or str(row)


def parts_of(row: models.Item, actor: Actor, action: str = "intel.view") -> list[models.Item]:
    """The items that are parts of one, and their parts, that an actor may do an action with, in order."""
    found: list[models.Item] = []
    wanted = [row.source_id]
    while wanted and len(found) < MOST_PARTS:
        seen = models.Item.objects.for_actor(actor, action).filter(parent__in=wanted, format=row.format)
        some = list(seen.select_related("marking").order_by("place", "number")[: MOST_PARTS - len(found)])
        found += some
        wanted = [one.source_id for one in some]
    return found


class Taken(NamedTuple):
    """What is taken out, as a file.

    Attributes:
        ending: Of its name.
        content_type: What it is.
        document: JSON for it, or the text of a list.
    """

    ending: str
    content_type: str
    document: Any


def taken_out(rows: Sequence[models.Item], name: str, actor: Actor | None = None) -> Taken:
    """Items in the format that they came in; what was written here as STIX.

    Args:
        rows: Items of one format that may leave.
        name: What is exported, in words.
        actor: Who takes them out; what they cite goes along as far as this actor may take that out.
    """
    held = [(item_of(row), row.marking.marking) for row in rows]
    kind = rows[0].format if rows else "stix"
    if kind == "csv":
        return Taken("csv", "text/csv; charset=utf-8", "".join(csv_export.written(held)))
    if kind == "misp":
        made: Any = misp_event.together(item for item, _ in held)
    elif kind == "ddosdb":
        made = [item.raw for item, _ in held]
    elif kind == "own":
        return Taken("json", _STIX, stix_bundle.written(own_bundle.objects(held, actor), name))
    else:
        return Taken("json", _STIX, stix_bundle.written([item.raw for item, _ in held], name))
    return Taken("json", "application/json", made[0] if len(made) == 1 else made)


def undo(value: int, item: models.Item | None, why: str, actor: Actor) -> UUID:
    """Say that a value is no correlation: in one item, or anywhere.

    Raises:
        RefusedError: The actor may not.
        UsageError: No reason is given.
    """
    require(actor, "intel.edit")
    if not why.strip():
        raise UsageError("Say why it is no correlation: others will want to know.")
    number = None if item is None else item.number
    marking = None if item is None else item.marking.marking
    content = CorrelationUndone(value, number, why.strip())
    one = objects.named("no correlation", f"{value} {number}")
    append(
        "intel.correlation_undone", content, actor=actor, reason=why.strip(), object_id=one, marking=marking
    )
    return one


def restore(decision: UUID, actor: Actor) -> None:
    """Take back that a value is no correlation.

    Raises:
        RefusedError: The actor may not.
        UsageError: There is no such decision.
    """
    require(actor, "intel.edit")
    row = models.Undone.objects.filter(pk=decision).first()
    seen = models.Item.objects.for_actor(actor, "intel.edit")
    if row is None or (row.item is not None and not seen.filter(number=row.item).exists()):
        raise UsageError("That is no decision that stands. Load the page again.")
    append(
        "intel.correlation_restored",
        CorrelationRestored(row.value, row.item),
        actor=actor,
        object_id=decision,
    )


def with_decisions(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """What is purged with items: the decisions that a value is no correlation of one of them, which say why.

    That a value is none anywhere stays on record, also while nothing names it.
    """
    numbers = models.Item.projected.filter(pk__in=among(purged)).values_list("number", flat=True)
    return set(models.Undone.objects.filter(item__in=numbers).values_list("pk", flat=True))


def seal_as_marked(object_id: UUID, actor: Actor, why: str) -> None:
    """Write an item again, as it is, where its new marking has it sealed in the tables and it is not, or the other way round.

    Args:
        object_id: The item, which has just been marked anew.
        actor: Who marked it.
        why: The reason.
    """
    row = models.Item.projected.select_related("marking").get(pk=object_id)
    marking = row.marking.marking
    if row.sealed != bool(marking.handling):
        item = msgspec.structs.replace(item_of(row), team=row.team)
        append("intel.item", item, actor=actor, reason=why, object_id=object_id, marking=marking)


def object_of(item: Heading, copy: int = 0) -> UUID:
    """The id under which an item is on record here; a copy is one beside an item that its bringer may not see."""
    beside = f" beside {copy}" if copy else ""
    return objects.named("intel", f"{item.format}:{item.source_id}{beside}")


def chunked(stream: Iterator[Marked | str], account: Account) -> Iterator[list[Marked]]:
    """Items some at a time; what is none goes into the account."""

    def taken() -> Iterator[Marked]:
        for one in stream:
            if isinstance(one, str):
                account.leave_out(one)
            else:
                yield one

    told = taken()
    while some := list(islice(told, CHUNK)):
        yield some


def _one_ahead(
    chunks: Iterator[list[Marked]], work: Callable[[list[Marked]], None], *, dry_run: bool
) -> Iterator[None]:
    """Work at one chunk after the other, each in one transaction; yields after each.

    The next one is got ready in a thread beside while the database is at work: a server at any time, SQLite, which works
    in this process, as long as it flushes. At any other time the two threads would but wait for each other.
    """
    server = connections[database()].vendor != "sqlite"

    def following(done: list[Marked]) -> list[Marked] | None:
        done.clear()  # to let go of all of it takes a twentieth of the time; here nobody waits for that
        return next(chunks, None)

    with ThreadPoolExecutor(1) as beside:
        before: list[Marked] = []
        coming = beside.submit(following, before)
        while some := coming.result():
            with nullcontext() if dry_run else writing():
                if server:
                    coming = beside.submit(following, before)
                work(some)
                if not server:
                    coming = beside.submit(following, some)
            before = some
            yield


class _Wanted(NamedTuple):
    """An item that is to be written, and under which id."""

    object_id: UUID
    known: Known
    marking: Marking
    encoded: bytes | None


class _Held(NamedTuple):
    """What is on record of an item, or about to be: then it is at hand itself.

    Attributes:
        sealed: The item, where it is a sealed one: who made it stands in no table, and is read from its entry.
        batch: What brought it: id of an import or of a feed's run, hexadecimal; may be empty.
    """

    digest: str
    version: str
    parent: str
    creator: str
    marking: Marking
    team: str = ""
    coming: Marked | None = None
    sealed: UUID | None = None
    batch: str = ""

    def says_as_much(self, one: Known) -> bool:
        """Whether a newer item is a version of this one: no part of something else, and not said by somebody else."""
        creator = self.creator
        if self.sealed is not None:
            creator = facts_of(item_of(models.Item.projected.get(pk=self.sealed))).creator
        return one.item.parent == self.parent and one.facts.creator == creator


def _sorted_out(some: Sequence[Marked], account: Account, actor: Actor) -> list[_Wanted]:
    """What of a chunk is to be written, in order; all of it is counted, by what the actor may see alone."""
    ids, held = _on_record([one.item for one in some], actor)
    anothers = of_other_feeds({one.batch for one in held.values()}, account.feed)
    wanted = []
    for coming in some:
        item, marking, encoded = coming.item, coming.marking, coming.encoded
        told = coming.known or known(coming.whole)
        one, version, digest = ids[item.format, item.source_id], item.source_version, told.digest
        before = held.get(one)
        kept = before is not None and (is_others(before.marking, actor) or before.batch in anothers)
        if before is None:
            account.fresh += 1
        elif before.digest == digest and (kept or adds_nothing(marking, before.marking)):
            account.known += 1
            continue
        elif not kept and (
            before.digest == digest
            or (
                before.says_as_much(told)
                and (_is_newer(version, before.version, account) or _tagged_anew(one, coming, before))
            )
        ):
            account.newer += 1
            marking = joined(marking, before.marking)
            if before.team and not told.item.team:  # nor does it open what one team alone may know
                item, encoded = msgspec.structs.replace(coming.whole, team=before.team), None
                told = Known(item, *told[1:])
        elif version < before.version:
            account.older += 1
            continue
        else:
            account.clash(coming.whole, marking)
            continue
        held[one] = _Held(digest, version, item.parent, told.facts.creator, marking, told.item.team, coming)
        wanted.append(_Wanted(one, told, marking, encoded))
    return wanted


def _is_newer(version: str, before: str, account: Account) -> bool:
    """Whether what says something else is newer than what is here."""
    return version > before or (account.replaces and version == before == "")


def _tagged_anew(object_id: UUID, coming: Marked, before: _Held) -> bool:
    """Whether a part of a MISP event differs from what is here in its tags alone: MISP changes no time for these."""
    if coming.item.format != "misp" or coming.item.source_version != before.version:
        return False
    if before.coming is not None:
        held = before.coming.whole
    else:
        held = item_of(models.Item.projected.only("sequence").get(pk=object_id))
    return misp_event.untagged(held.raw) == misp_event.untagged(coming.whole.raw)


def _on_record(
    some: Sequence[Heading], actor: Actor
) -> tuple[dict[tuple[str, str], UUID], dict[UUID, _Held]]:
    """Under which id each item is to be, by format and source's id; and what is on record under these ids.

    What the actor may not see is not there for them: they are told nothing of it and write no version of it. Their
    item comes to stand beside it.
    """
    ids: dict[tuple[str, str], UUID] = {}
    held: dict[UUID, _Held] = {}
    left = {(item.format, item.source_id): item for item in some}
    looking = _Looking(actor)
    copy = 0
    while left:
        tried = {object_of(item, copy): key for key, item in left.items()}
        there, seen = looking.up(tried)
        held |= seen
        for object_id, key in tried.items():
            if object_id not in there or object_id in held:
                ids[key] = object_id
                del left[key]
        copy += 1
    return ids, held


class _Looking:
    """Looks up what is on record, and what of it an actor may see.

    Rows are read narrow, and `may` is asked once for each marking and team, of which there are few: a feed brings the
    same again every hour.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._judged: dict[tuple[str, str], bool] = {}
        self._markings: dict[str, Marking] = {}

    def up(self, ids: Collection[UUID]) -> tuple[set[UUID], dict[UUID, _Held]]:
        """Which of some ids are taken, and what those that the actor may see hold."""
        rows = models.Item.projected.filter(pk__in=among(ids)).values_list(
            "pk", "marking_id", "team", "digest", "source_version", "parent", "creator", "sealed", "batch"
        )
        there: set[UUID] = set()
        seen: dict[UUID, _Held] = {}
        for one, marking, team, digest, version, parent, creator, sealed, batch in rows:
            there.add(one)
            if self._sees(marking, team):
                is_one = one if sealed else None
                seen[one] = _Held(
                    digest,
                    version,
                    parent,
                    creator,
                    self._markings[marking],
                    team,
                    sealed=is_one,
                    batch=batch,
                )
        return there, seen

    def _sees(self, marking: str, team: str) -> bool:
        key = (marking, team)
        if key not in self._judged:
            row = models.Item(marking=StoredMarking.objects.get(pk=marking), team=team)
            self._markings[marking] = row.marking.marking
            self._judged[key] = bool(models.Item.objects.judge(self._actor, "intel.view", row))
        return self._judged[key]


def _draft(one: _Wanted) -> Draft:
    content = one.known.item
    return Draft(
        "intel.item", content if isinstance(content, Item) else None, one.object_id, one.marking,
        worked_out=one.known, encoded=one.encoded,
    )  # fmt: skip


def _imported(account: Account) -> Imported:
    detail = {"clashes": account.clashes[:TOLD], "left_out": account.left_out[:TOLD]}
    return Imported(
        account.name, account.format, account.fresh, account.newer, account.known, account.older,
        len(account.clashes), len(account.left_out), account.wrong_marking, detail,
    )  # fmt: skip


def _project_batch(recorded: Recorded, content: Imported) -> None:
    values = msgspec.structs.asdict(content)
    values |= {
        "marking": stored(recorded.marking),
        "time_us": recorded.time_us,
        "actor_name": recorded.actor_name,
        "sequence": recorded.sequence,
    }
    set_row(models.Batch.projected, recorded.object_id, values)


def _forget_batch(object_id: UUID) -> None:
    drop(models.Batch.projected, object_id)


def _project_undone(recorded: Recorded, content: CorrelationUndone) -> None:
    values = {"value": content.value, "item": content.item, "why": content.why, "actor_name": recorded.actor_name,
              "time_us": recorded.time_us, "sequence": recorded.sequence}  # fmt: skip
    set_row(models.Undone.objects, recorded.object_id, values)


def _project_restored(recorded: Recorded, _: CorrelationRestored) -> None:
    _forget_undone(recorded.object_id)


def _forget_undone(object_id: UUID) -> None:
    drop(models.Undone.objects, object_id)


KINDS: Iterable[Kind] = (
    Kind("intel.item", Item, project, forget, project_many=project_many, work_out=known),
    Kind("intel.imported", Imported, _project_batch, _forget_batch, sealed=True),
    Kind("intel.correlation_undone", CorrelationUndone, _project_undone, _forget_undone),
    Kind("intel.correlation_restored", CorrelationRestored, _project_restored, _forget_undone),
    *grades.KINDS,
    *feeds.KINDS,
    *searches.KINDS,
)
