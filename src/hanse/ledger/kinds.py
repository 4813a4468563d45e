"""Kinds of entries: what each one holds and how it becomes rows. The rooms bring them, bootstrap registers them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from hanse.kernel.errors import HanseError
from hanse.ledger.recorded import Recorded


class KindError(HanseError):
    """A kind is not known to this version of Hanse, or is registered twice."""


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
    """

    name: str
    content: type[msgspec.Struct]
    project: Callable[[Recorded, Any], None]
    forget: Callable[[UUID], None] = _nothing
    sealed: bool = False


_kinds: dict[str, Kind] = {}


def register(kinds: Iterable[Kind]) -> None:
    """Make kinds known to this process; bootstrap calls it once per room.

    Raises:
        KindError: Another kind of that name is registered already.
    """
    for kind in kinds:
        if _kinds.setdefault(kind.name, kind) is not kind:
            raise KindError(f"Two kinds are called {kind.name}. Rename one.")


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
