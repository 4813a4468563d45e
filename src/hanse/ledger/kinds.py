"""Kinds of entries: what each one holds and how it becomes rows. The rooms bring them, bootstrap registers them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from hanse.kernel.errors import HanseError
from hanse.ledger.recorded import Recorded

LONGEST = 64
"""Characters of a kind's name that the column takes."""


class KindError(HanseError):
    """A kind is not known to this version of Hanse, is registered twice, or has too long a name."""


def _nothing(_: UUID) -> None:
    """Nothing to forget: the kind has no rows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of entry.

    Attributes:
        name: ``room.participle``, such as ``attacks.found``.
        content: The type of its content.
        project: Writes the rows that follow, from nothing but the entry and the entries before it.
        forget: Removes every row and field derived from an object that is purged.
        sealed: Whether bodies of this kind are always encrypted at rest.
        overseen: Whether bodies of this kind are read by who oversees and by nobody else: what they hold is of all cases
            together, or opens what a partner was sent.
        project_many: Writes the rows of several entries of this kind at once, in their order, as `project` would one
            by one; for kinds that come by the hundred thousand.
        work_out: What the projections of this kind are given instead of a content, worked out of it alone. A draft may
            bring it along where it has been worked out already; a replay works it out anew.
    """

    name: str
    content: type[msgspec.Struct]
    project: Callable[[Recorded, Any], None]
    forget: Callable[[UUID], None] = _nothing
    sealed: bool = False
    overseen: bool = False
    project_many: Callable[[Sequence[tuple[Recorded, Any]]], None] | None = None
    work_out: Callable[[Any], Any] | None = None

    def project_run(self, entries: Sequence[tuple[Recorded, Any]]) -> None:
        """Write the rows of entries that follow each other, each with what `worked_out` gives."""
        if self.project_many is not None:
            self.project_many(entries)
            return
        for recorded, content in entries:
            self.project(recorded, content)

    def worked_out(self, content: Any) -> Any:
        """What the projections of this kind are given for a content: the content itself for most kinds."""
        return content if self.work_out is None else self.work_out(content)

    def read(self, data: bytes | msgspec.Raw) -> msgspec.Struct:
        """Content from its JSON.

        Raises:
            msgspec.ValidationError: It does not have the fields that the kind says.
        """
        return self.reader()(data)

    def reader(self) -> Callable[[bytes | msgspec.Raw], msgspec.Struct]:
        """What `read` does, for who reads many."""
        return _decoder(self.content).decode


@lru_cache(maxsize=1_024)
def meaning(name: str) -> str:
    """What a kind says, in a few words for people: how the description of its content begins; empty where it is not known."""
    kind = known(name)
    described = " ".join((getattr(kind.content, "__doc__", None) or "").split()) if kind else ""
    return re.split(r"[.;](?: |$)", described, maxsplit=1)[0].replace("`", "")


def _decoder(content: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(content)


def project_in_order(entries: Iterable[tuple[Kind, Recorded, Any]]) -> None:
    """Write the rows of entries of any kinds in their order; those of one kind that follow each other at once.

    Args:
        entries: The kind, what is recorded, and what `Kind.worked_out` gives of the content.
    """
    for kind, several in groupby(entries, itemgetter(0)):
        kind.project_run([(recorded, worked_out) for _, recorded, worked_out in several])


_kinds: dict[str, Kind] = {}
_sweeps: list[Callable[[], object]] = []
_emptied: list[Callable[[], object]] = []
_removals: list[Callable[[], object]] = []


def register(kinds: Iterable[Kind]) -> None:
    """Make kinds known to this process; bootstrap calls it once per room.

    Raises:
        KindError: Another kind of that name is registered already, or the name is too long.
    """
    for kind in kinds:
        if len(kind.name) > LONGEST:
            raise KindError(f"The kind {kind.name} has more than {LONGEST} characters. Shorten its name.")
        if _kinds.setdefault(kind.name, kind) is not kind:
            raise KindError(f"Two kinds are called {kind.name}. Rename one.")


def after_purge(sweep: Callable[[], object]) -> None:
    """Have something done at the end of every purge, when all kinds have forgotten the objects.

    It removes rows that several objects share and none needs any more. Like a projection, it must depend on
    nothing but the rows that are there.
    """
    if sweep not in _sweeps:
        _sweeps.append(sweep)


def once_purged(remove: Callable[[], object]) -> None:
    """Have something done once a purge is on disk: files beside the database that nothing on record names any more go.

    A machine may stop before it: whoever asks for it does it from time to time as well.
    """
    if remove not in _removals:
        _removals.append(remove)


def before_rebuild(empty: Callable[[], object]) -> None:
    """Have something done when the tables were emptied for a rebuild: what is no table of Django is emptied so."""
    if empty not in _emptied:
        _emptied.append(empty)


def emptied() -> tuple[Callable[[], object], ...]:
    """What `before_rebuild` was told, in that order."""
    return tuple(_emptied)


def removals() -> tuple[Callable[[], object], ...]:
    """What `once_purged` was told, in that order."""
    return tuple(_removals)


def sweeps() -> tuple[Callable[[], object], ...]:
    """What `after_purge` was told, in that order."""
    return tuple(_sweeps)


def known(name: str) -> Kind | None:
    """The kind, or None for one that only a newer node knows."""
    return _kinds.get(name)


def kind_of(name: str) -> Kind:
    """The kind that an entry of this node is to have.

    Raises:
        KindError: No room has brought it.
    """
    kind = known(name)
    if kind is None:
        raise KindError(f"There is no kind {name!r}; the kinds are {', '.join(sorted(_kinds))}.")
    return kind


def all_kinds() -> tuple[Kind, ...]:
    """All registered kinds, by name."""
    return tuple(_kinds[name] for name in sorted(_kinds))
