"""Use cases of the constituency: whom the authority protects, imported, changed and looked up.

All of it is one object of the ledger with versions, so that purging it leaves no row of any version.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast
from uuid import UUID

import msgspec
from django.db.models import Max, Q, QuerySet

from hanse.constituency import models
from hanse.constituency.registry import SHORTEST, Registry, RegistryError, Target, too_wide
from hanse.constituency.sectors import SECTORS
from hanse.kernel import addresses
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.kernel.printable import printable
from hanse.ledger import objects
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of, recorded_of
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append, writing
from hanse.policy.asking import require
from hanse.policy.decision import Subject, may
from hanse.policy.models import StoredMarking, stored

_COUNTRY = re.compile("[A-Z]{2}")

_AT_ONCE = 500
"""Rows of one statement."""

_V4_BITS = 96
"""Leading bits that IPv4-mapped addresses share (RFC 4291, section 2.5.5.2)."""


class HiddenRowsError(HanseError):
    """Something would touch rows that the actor may not see."""

    status = 403


class Loaded(msgspec.Struct, frozen=True):
    """The whole constituency, in order of prefix, and the name of the file that it came from."""

    targets: tuple[Target, ...]
    source: str


class Changed(msgspec.Struct, frozen=True):
    """One row: what it says now, or None where it is no longer protected."""

    prefix: str
    target: Target | None


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """What an import makes of one row.

    Attributes:
        status: ``new``, ``changed``, ``same``, ``removed`` or ``wrong``.
        prefix: The network; empty where the row is wrong.
        organisation: Whose; empty where the row is wrong.
        words: What is wrong and what to do, or what changed.
    """

    status: Literal["new", "changed", "same", "removed", "wrong"]
    prefix: str
    organisation: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did or would do, row by row.

    Attributes:
        rows: New ones first, then changed, removed, same; or only what is wrong.
        applied: Whether it is on record now.
    """

    rows: tuple[ImportedRow, ...]
    applied: bool

    def count(self, status: str) -> int:
        """Rows of a status."""
        return sum(row.status == status for row in self.rows)

    @property
    def sound(self) -> bool:
        """Whether no row is wrong."""
        return not self.count("wrong")


@dataclass(frozen=True, slots=True)
class Before:
    """The constituency before the last import.

    Attributes:
        sequence: Entry of that import.
        time_us: When it was made, microseconds UTC.
        actor_name: Who made it.
        source: Name of its file.
        targets: The rows that it replaced.
        marking: As strict as the strictest entry that they come from.
    """

    sequence: int
    time_us: int
    actor_name: str
    source: str
    targets: tuple[Target, ...]
    marking: Marking


def import_file(
    path: Path, actor: Actor, *, apply: bool = True, name: str = "", marking: Marking | None = None
) -> ImportReport:
    """Replace the constituency by a registry file, or say row by row what that would do.

    A file with one wrong row changes nothing. A file that says what is on record already makes no entry.

    Args:
        path: The file.
        actor: Who imports.
        apply: Whether to do it, rather than only to say what would be done.
        name: Name of the file for the record; that of `path` by default.
        marking: Of the rows; the authority's own by default.

    Raises:
        RefusedError: The actor may not.
    """
    require(actor, "constituency.edit")
    try:
        registry = Registry.load(path)
    except RegistryError as error:
        told = (replace(problem, path=name or path.name) for problem in error.problems)
        wrong = tuple(ImportedRow("wrong", "", "", str(problem)) for problem in told)
        return ImportReport(wrong, applied=False)
    return load(registry, actor, name or path.name, apply=apply, marking=marking)


def load(
    registry: Registry, actor: Actor, source: str, *, apply: bool = True, marking: Marking | None = None
) -> ImportReport:
    """Replace the constituency; see `import_file`.

    Raises:
        RefusedError: The actor may not.
        HiddenRowsError: There are rows that the actor may not see.
    """
    require(actor, "constituency.edit")
    with writing():
        _require_all_seen(actor)
        rows = _compared(list(registry))
        differs = any(row.status != "same" for row in rows)
        if apply and differs:
            targets = tuple(sorted(registry, key=lambda target: _bounds(target.prefix)))
            content = objects.settled(Loaded(targets, source))
            append("constituency.loaded", content, actor=actor, object_id=_whole(), marking=marking)
    return ImportReport(rows, apply and differs)


def change(target: Target, actor: Actor, reason: str = "") -> None:
    """Protect a host or network, or say something else of it.

    Raises:
        RefusedError: The actor may not.
        HiddenRowsError: The row is there, and not for the actor to see.
        UsageError: The prefix, sector or country is none, the prefix is wider than anybody's, or the organisation has no name.
    """
    require(actor, "constituency.edit")
    if target.sector not in SECTORS:
        raise UsageError(f"{target.sector!r} is no NIS2 sector. Use one of: {', '.join(SECTORS)}.")
    if not _COUNTRY.fullmatch(target.country):
        raise UsageError(f"{target.country!r} is no country code. Use ISO 3166 alpha-2, such as EE.")
    if not target.organisation.strip():
        raise UsageError("The organisation is empty. Name who runs it.")
    network = addresses.network(_canonical(target.prefix))
    if network.prefixlen < SHORTEST[network.version]:
        raise UsageError(f"{too_wide(network)} Write the networks that it runs.")
    target = replace(
        target,
        prefix=str(network),
        organisation=printable(target.organisation),
        site=printable(target.site),
        contact=printable(target.contact),
    )
    with (
        writing()
    ):  # so that nobody marks the row anew between the look at its marking and the entry that keeps it
        if _is_hidden(target.prefix, actor):
            raise HiddenRowsError(
                f"{target.prefix} is marked so that you may not change it. Ask who may see it."
            )
        content = objects.settled(Changed(target.prefix, target))
        marking = _marking_of(target.prefix)
        append(
            "constituency.changed", content, actor=actor, reason=reason, object_id=_whole(), marking=marking
        )


def remove(prefix: str, actor: Actor, reason: str = "") -> None:
    """Protect a host or network no longer.

    Raises:
        RefusedError: The actor may not.
        UsageError: It is not protected.
    """
    require(actor, "constituency.edit")
    with writing():
        prefix = _canonical(prefix)
        if not models.Protected.projected.filter(pk=_row_id(prefix)).exists() or _is_hidden(prefix, actor):
            raise UsageError(f"{prefix} is not in the constituency.")
        content, marking = Changed(prefix, None), _marking_of(prefix)
        append(
            "constituency.changed", content, actor=actor, reason=reason, object_id=_whole(), marking=marking
        )


def targets(actor: Actor, within: str = "") -> "QuerySet[models.Protected]":
    """The rows that an actor may see, in order of address.

    Args:
        actor: Who looks.
        within: An address or network: only rows that hold it or lie in it.

    Raises:
        UsageError: `within` is no network.
    """
    rows = models.Protected.objects.for_actor(actor, "constituency.view").order_by("first", "length")
    return rows.filter(around(within)) if within else rows


def around(network: str) -> Q:
    """The condition of rows that hold an address or network, or lie in it.

    Raises:
        UsageError: It is no network.
    """
    first, last, _ = _bounds(network)
    return Q(first__gte=first, last__lte=last) | Q(first__lte=first, last__gte=last)


def lookup(address: str) -> Target | None:
    """The most specific row that holds all of an address or network, for the node's own use.

    Raises:
        UsageError: It is no address.
    """
    row = most_specific(models.Protected.projected.all(), address)
    return None if row is None else _target(row)


def row_of(address: str, actor: Actor) -> models.Protected | None:
    """Of the rows that an actor may see the one that says most precisely whose an address or network is."""
    if not may(actor, "constituency.view", now_us=now_us()):
        return None
    seen = models.Protected.objects.for_actor(actor, "constituency.view").select_related("marking")
    return most_specific(seen, address)


def most_specific(rows: "QuerySet[models.Protected]", address: str) -> models.Protected | None:
    """The row of some that says most precisely whose an address or network is.

    Args:
        rows: Those that count. For somebody who asks these are the ones that they may see: to answer with nothing because
            a hidden one is more precise would tell that there is one.
        address: An address or network.

    Raises:
        UsageError: It is no address.
    """
    first, last, bits = _bounds(address)
    number = int(first, 16)
    shortest = _V4_BITS if addresses.is_v4(bytes.fromhex(first)) else 0
    starts = {f"{number >> (128 - length) << (128 - length):032x}" for length in range(shortest, bits + 1)}
    holding = rows.filter(first__in=starts, last__gte=last, length__gte=shortest)
    return holding.order_by("-length").first()


def registry() -> Registry:
    """The whole constituency, for the node's own use."""
    return Registry(_target(row) for row in models.Protected.projected.all())


def markings_of(prefixes: Iterable[str]) -> dict[str, Marking]:
    """The markings of the rows with some prefixes, for what is derived of them: it names whose the victim is."""
    ids = [_row_id(prefix) for prefix in set(prefixes)]
    found: dict[str, Marking] = {}
    for at in range(0, len(ids), _AT_ONCE):
        rows = models.Protected.projected.filter(pk__in=ids[at : at + _AT_ONCE]).select_related("marking")
        found |= {row.prefix: row.marking.marking for row in rows}
    return found


def version() -> int:
    """A number that grows with every change, so that a page can tell whether somebody was faster."""
    rows = Entry.objects.filter(object_id=_whole(), recipient="")
    found: int = rows.aggregate(last=Max("version"))["last"] or 0
    return found


def before_last_import(actor: Actor) -> Before | None:
    """What the last import replaced, so that it can be put back; None where none is on record.

    It is put together from the entries before: the import before that one, and the single changes since.

    Raises:
        RefusedError: The actor may not.
    """
    require(actor, "constituency.edit")
    entries = Entry.objects.filter(object_id=_whole(), recipient="")
    last = entries.filter(kind="constituency.loaded").order_by("-sequence").first()
    told = None if last is None else _read(last)
    if last is None or told is None or not isinstance(told[1], Loaded):
        return None
    earlier = (
        entries.filter(kind="constituency.loaded", sequence__lt=last.sequence).order_by("-sequence").first()
    )
    since = earlier.sequence if earlier else -1
    rows: dict[str, Target] = {}
    markings = [told[0].marking]
    for entry in entries.filter(sequence__gte=since, sequence__lt=last.sequence).order_by("sequence"):
        found = _read(entry)
        if found is None:
            return None
        recorded, content = found
        markings.append(recorded.marking)
        if isinstance(content, Loaded):
            rows = {target.prefix: target for target in content.targets}
        elif content.target is None:
            rows.pop(content.prefix, None)
        else:
            rows[content.prefix] = content.target
    marking = strictest(markings)
    if not may(actor, "constituency.edit", Subject("protected", marking), now_us=now_us()):
        return None
    return Before(
        last.sequence, told[0].time_us, told[0].actor_name, told[1].source, tuple(rows.values()), marking
    )


def put_back(actor: Actor, *, apply: bool = True) -> ImportReport:
    """Make the constituency what it was before the last import, or say row by row what that would do.

    Raises:
        RefusedError: The actor may not.
        UsageError: No import is on record that could be undone.
    """
    with writing():
        before = before_last_import(actor)
        if before is None:
            raise UsageError("There is no import that could be undone: none was made, or it was purged.")
        source = f"before entry {before.sequence}"
        return load(Registry(before.targets), actor, source, apply=apply, marking=before.marking)


def _read(entry: Entry) -> tuple[Recorded, Loaded | Changed] | None:
    """One entry of the constituency; None where its body was purged."""
    body = Body.objects.filter(pk=entry.sequence).first()
    if body is None:
        return None
    content = content_of(entry, body, next(kind for kind in KINDS if kind.name == entry.kind))
    return recorded_of(entry, body), cast("Loaded | Changed", content)


def _require_all_seen(actor: Actor) -> None:
    """Refuse to replace rows that the actor may not see: saying which would tell of them.

    Raises:
        HiddenRowsError: There are some.
    """
    seen = models.Protected.objects.for_actor(actor, "constituency.edit").count()
    if seen != models.Protected.projected.count():
        raise HiddenRowsError(
            "The constituency has rows that are not for you to see, and an import would replace them. "
            "Let somebody import who may see all of it, or change single rows."
        )


def _marking_of(prefix: str) -> Marking | None:
    """The marking of a row, which a change of it keeps; None where there is none yet."""
    row = models.Protected.projected.filter(pk=_row_id(prefix)).select_related("marking").first()
    return None if row is None else row.marking.marking


def _is_hidden(prefix: str, actor: Actor) -> bool:
    row = models.Protected.projected.filter(pk=_row_id(prefix)).select_related("marking").first()
    return row is not None and not models.Protected.objects.judge(actor, "constituency.edit", row)


def _compared(new: list[Target]) -> tuple[ImportedRow, ...]:
    """What becomes of each row when the constituency is replaced."""
    known = {row.prefix: _target(row) for row in models.Protected.projected.all()}
    rows = []
    for target in new:
        old = known.pop(target.prefix, None)
        if old is None:
            rows.append(ImportedRow("new", target.prefix, target.organisation))
        elif old != target:
            rows.append(ImportedRow("changed", target.prefix, target.organisation, _difference(old, target)))
        else:
            rows.append(ImportedRow("same", target.prefix, target.organisation))
    rows += [ImportedRow("removed", old.prefix, old.organisation) for old in known.values()]
    order = ("new", "changed", "removed", "same")
    return tuple(sorted(rows, key=lambda row: (order.index(row.status), _bounds(row.prefix))))


def _difference(old: Target, new: Target) -> str:
    """What a row said and what it says now."""
    names = ("organisation", "sector", "country", "site", "contact")
    told = [(name, getattr(old, name), getattr(new, name)) for name in names]
    return "; ".join(
        f"{name}: {before!r} becomes {after!r}" for name, before, after in told if before != after
    )


def _bounds(prefix: str) -> tuple[str, str, int]:
    """First and last address in hexadecimal, and length in the space of 128 bits."""
    try:
        network = ipaddress.ip_network(prefix)
    except ValueError as error:
        raise UsageError(
            f"{prefix!r} is no address or network ({error}). Write it like 192.0.2.0/24."
        ) from None
    first, last = addresses.network_bounds(network)
    return first.hex(), last.hex(), network.prefixlen + (_V4_BITS if network.version == 4 else 0)


def _canonical(prefix: str) -> str:
    """A prefix as the registry writes it."""
    _bounds(prefix)
    return str(addresses.network(prefix))


def _whole() -> UUID:
    """The one object of the constituency."""
    return objects.named("constituency", "all")


def _row_id(prefix: str) -> UUID:
    return objects.named("protected", prefix)


def _target(row: models.Protected) -> Target:
    return Target(row.prefix, row.organisation, row.sector, row.country, row.site, row.contact)


def _row(target: Target, marking: StoredMarking) -> models.Protected:
    first, last, length = _bounds(target.prefix)
    return models.Protected(
        object_id=_row_id(target.prefix), marking=marking, prefix=target.prefix, first=first, last=last,
        length=length, organisation=target.organisation, sector=target.sector, country=target.country,
        site=target.site, contact=target.contact,
    )  # fmt: skip


def _project_loaded(recorded: Recorded, content: Loaded) -> None:
    models.Protected.projected.all().delete()
    marking = stored(recorded.marking)
    models.Protected.projected.bulk_create(
        [_row(target, marking) for target in content.targets], batch_size=500
    )


def _project_changed(recorded: Recorded, content: Changed) -> None:
    models.Protected.projected.filter(pk=_row_id(content.prefix)).delete()
    if content.target is not None:
        _row(content.target, stored(recorded.marking)).save(force_insert=True)


def _forget(object_id: UUID) -> None:
    """Every row comes from the one object."""
    if object_id == _whole():
        models.Protected.projected.all().delete()


KINDS = (
    Kind("constituency.loaded", Loaded, _project_loaded, _forget),
    Kind("constituency.changed", Changed, _project_changed),
)
