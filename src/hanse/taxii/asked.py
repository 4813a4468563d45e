"""What a request asks for: the parameters of TAXII 2.1's filters and pages, read in one meaning (section 3.4 and 3.5)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hanse.kernel.errors import UsageError
from hanse.taxii.media import read_stamp, version_key

MOST: Final = 5_000
"""Objects of one answer. It bounds the entry that says what was disclosed."""
MOST_BYTES: Final = 8_000_000
"""Of objects in one answer: one that reaches it is the last. It bounds the memory of an answer."""
MOST_NAMED: Final = 200
"""Values of one filter."""
KEYWORDS: Final = ("first", "last", "all")
"""Of ``match[version]``."""
SPEC_VERSIONS: Final = ("2.1", "2.0")

_FILTERS: Final = ("id", "type", "version", "spec_version")
_NEXT: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: behind a thing, or behind some of its versions.

    Attributes:
        moved: The ledger's sequence of the thing; -1 is the beginning.
        versions: How many versions of the next thing were told already.
    """

    moved: int = -1
    versions: int = 0

    def __str__(self) -> str:
        """As ``next`` names it."""
        return f"{self.moved}.{self.versions}" if self.versions else str(self.moved)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        limit: How many objects at most, 1 to `MOST`.
        after: Where the page begins, as ``next`` says; None where it is a first page.
        added_after_us: Only what was added after this time, microseconds UTC; None is from the beginning.
        ids: Only objects with one of these ids; None is any.
        types: Only objects of one of these types; None is any.
        versions: Keywords, and version times as `version_key` spells them.
        spec_versions: Versions of STIX; None is the newest that there is of each object.
    """

    limit: int = MOST
    after: Place | None = None
    added_after_us: int | None = None
    ids: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    versions: tuple[str, ...] = ("last",)
    spec_versions: tuple[str, ...] | None = None

    @property
    def last_alone(self) -> bool:
        """Whether each object's last version is all that is wanted."""
        return self.versions == ("last",)


def asked(query: Mapping[str, Sequence[str]], takes: Sequence[str] = _FILTERS) -> Asked:
    """What a query string asks for.

    Args:
        query: Its parameters, each with all its values.
        takes: The filters that the endpoint has.

    Raises:
        UsageError: A parameter is unknown, comes twice, or cannot be meant.
    """
    known = {"limit", "next", "added_after", *(f"match[{name}]" for name in takes)}
    if unknown := sorted(set(query) - known):
        raise UsageError(
            f"There is no parameter {unknown[0][:40]!r} here. Known are {', '.join(sorted(known))}."
        )
    if twice := [name for name, values in query.items() if len(values) > 1]:
        raise UsageError(
            f"The parameter {twice[0]} comes twice. Put its values into one, with commas between."
        )
    told = {name: values[0] for name, values in query.items() if values}
    return Asked(
        limit=_limit(told.get("limit")),
        after=_next(told.get("next")),
        added_after_us=read_stamp(told["added_after"]) if "added_after" in told else None,
        ids=_values(told, "id"),
        types=_values(told, "type"),
        versions=_versions(told),
        spec_versions=_spec_versions(told),
    )


def _limit(text: str | None) -> int:
    if text is None:
        return MOST
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) == 0:
        raise UsageError(f"limit={text[:20]!r} is no number of objects. Write a whole number from 1.")
    return min(int(text), MOST)


def _next(text: str | None) -> Place | None:
    if text is None:
        return None
    found = _NEXT.fullmatch(text)
    if found is None:
        raise UsageError("next is not what an answer here has said. Begin anew without it.")
    return Place(int(found[1]), int(found[2] or 0))


def _values(told: Mapping[str, str], name: str) -> tuple[str, ...] | None:
    text = told.get(f"match[{name}]")
    if text is None:
        return None
    values = tuple(dict.fromkeys(one.strip() for one in text.split(",")))
    if not all(values):
        raise UsageError(
            f"match[{name}] has an empty value. Write values with commas between, or leave it out."
        )
    if len(values) > MOST_NAMED:
        raise UsageError(
            f"match[{name}] has {len(values):,} values; {MOST_NAMED} are the most. Ask in parts."
        )
    return values


def _versions(told: Mapping[str, str]) -> tuple[str, ...]:
    values = _values(told, "version")
    if values is None:
        return ("last",)
    for one in values:
        if one not in KEYWORDS:
            read_stamp(one)
    if "all" in values:
        return ("all",)
    return tuple(one if one in KEYWORDS else version_key(one) for one in values)


def _spec_versions(told: Mapping[str, str]) -> tuple[str, ...] | None:
    values = _values(told, "spec_version")
    for one in values or ():
        if one not in SPEC_VERSIONS:
            raise UsageError(f"There is no STIX {one[:20]!r} here. Known are {' and '.join(SPEC_VERSIONS)}.")
    return values
