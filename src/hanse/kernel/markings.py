"""Markings: who may see a thing, what may be done with it, and for how long.

A marking is a point in a join-semilattice. What is derived from several inputs carries their `join`, which is
at least as strict as each of them in every part:

========== ==============================================================================================
part       joined by
========== ==============================================================================================
tlp, pap   the higher level
handling   union of the codes, and of their texts
purposes   intersection (None is any purpose)
releasable both conditions together (None is no condition beyond TLP; nobody, where that takes too many words)
retention  the earlier date (None is no date)
originator union
========== ==============================================================================================

Sources: FIRST, Traffic Light Protocol version 2.0 (2022); the Permissible Actions Protocol as MISP's taxonomy
"PAP" words it; Europol's handling codes H0 to H3.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property, lru_cache, reduce
from itertools import combinations, product
from typing import Any, Final, Self

from hanse.kernel.actors import AUTHORITY_ID, is_authority_id
from hanse.kernel.clock import LAST_MOMENT_US
from hanse.kernel.errors import HanseError
from hanse.kernel.units import minute


class MarkingError(HanseError):
    """A marking that means nothing, or is not written in its one canonical form."""


class _Ranked(StrEnum):
    """Words in the order of strictness: compared by it, never by the alphabet."""

    rank: int

    def __init__(self, _value: str) -> None:
        self.rank = len(type(self).__members__)

    def __lt__(self, other: str) -> bool:
        return self.rank < type(self)(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= type(self)(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > type(self)(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= type(self)(other).rank


class Audience(IntEnum):
    """Who comes to know a thing, each including all before it. The order is TLP's."""

    NAMED = 0
    """Only the persons it was given to."""
    ORGANISATION = 1
    """The authority that holds it."""
    CLIENTS = 2
    """Those whom the authority protects, as far as they need it to protect themselves."""
    COMMUNITY = 3
    """The partners: other authorities."""
    PUBLIC = 4
    """Everybody."""


class Touch(IntEnum):
    """How far an action lets a marked value be noticed. The order is PAP's."""

    NOTHING = 0
    """Nothing leaves the node: looking at it, comparing it with what the node holds."""
    LEAVES = 1
    """The value leaves the node in a file."""
    PASSIVE = 2
    """A third party is asked what it already knows of the value."""
    ACTIVE = 3
    """Somebody outside acts on the value, or its owner can notice: active queries, blocking."""


class Tlp(_Ranked):
    """Traffic Light Protocol 2.0, from the weakest to the strictest."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"

    @property
    def audience(self) -> Audience:
        """The widest audience that the level allows."""
        return _AUDIENCES[self]

    @property
    def colour(self) -> str:
        """Name of the level in style sheets: clear, green, amber, amber-strict or red."""
        return self.value.lower().replace("+", "-")


class Pap(_Ranked):
    """Permissible Actions Protocol, from the weakest to the strictest."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    RED = "RED"

    @property
    def touch(self) -> Touch:
        """The most noticeable action that the level allows."""
        return _TOUCHES[self]

    @property
    def colour(self) -> str:
        """Name of the level in style sheets: clear, green, amber or red."""
        return self.value.lower()


_AUDIENCES: Final = {
    Tlp.CLEAR: Audience.PUBLIC,
    Tlp.GREEN: Audience.COMMUNITY,
    Tlp.AMBER: Audience.CLIENTS,
    Tlp.AMBER_STRICT: Audience.ORGANISATION,
    Tlp.RED: Audience.NAMED,
}
_TOUCHES: Final = {
    Pap.CLEAR: Touch.ACTIVE,
    Pap.GREEN: Touch.ACTIVE,
    Pap.AMBER: Touch.PASSIVE,
    Pap.RED: Touch.NOTHING,
}

HANDLING: Final[Mapping[str, str]] = {
    "H0": "For preventing and combating crime only.",
    "H1": "Not for use as evidence in judicial proceedings without the provider's permission.",
    "H2": "Not to be passed on without the provider's permission.",
    "H3": "Other restrictions, as written.",
}
"""Europol's handling codes and what each asks for."""

PURPOSES: Final[Mapping[str, str]] = {
    "defence": "Defending networks: detecting, warning, blocking, rebuilding.",
    "investigation": "Investigating criminal offences.",
    "prosecution": "Prosecuting them, and proving them in court.",
    "statistics": "Counting, without naming anybody.",
    "training": "Teaching and exercises.",
}
"""The purposes that this version knows; another word in a marking is a purpose that nobody here works for."""

CRIME_PURPOSES: Final = frozenset({"defence", "investigation", "prosecution"})
"""The purposes that prevent or combat crime, to which H0 limits; an attack on a network is one."""

TIERS: Final = ("member", "associated", "organisation", "private")
"""The tiers of partners that `tier:` names."""

TIER_WORDS: Final[Mapping[str, str]] = {
    "member": "member state",
    "associated": "associated state",
    "organisation": "organisation",
    "private": "private body",
}
"""What the tiers are called on pages: that of an authority of a state is the state's."""

MOST_ALTERNATIVES: Final = 300
"""Alternatives of releasability in one marking, more than there are states. Two lists are joined to their product."""

_WORD = re.compile(r"[^\s&,]{1,200}")
_PLACES: Final = ("authority", "tier", "state")
_AND: Final = " & "
_KEYS: Final = (
    "tlp", "pap", "handling", "handling_text", "purposes", "releasable", "retention_us", "embargo_us",
    "embargo_for", "originators",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Marking:
    """How strictly a thing is to be handled.

    Attributes:
        tlp: Who may know it.
        pap: What may be done with it.
        handling: Europol's codes, of H0 to H3.
        handling_text: The texts of H3; there is at least one exactly when H3 is set.
        purposes: What it may be used for, as words such as `defence`; None is any, empty is nothing.
        releasable: Who may have it at all: alternatives, each one condition or several joined by " & ".
            A condition is `authority:ID`, `tier:` one of `TIERS`, or `state:` an ISO 3166 code of two capital
            letters. None leaves it to TLP, empty is nobody but the originator.
        retention_us: Microseconds UTC after which it may no longer be kept; None is no date.
        embargo_us: Microseconds UTC until which nobody but the people it was given to knows of it; None is no embargo.
        embargo_for: Who these people are, in words for whoever gives it to them; only with an embargo.
        originators: Ids of the authorities it comes from, at least one.

    Raises:
        MarkingError: When a part means nothing.
    """

    originators: frozenset[str]
    tlp: Tlp = Tlp.AMBER
    pap: Pap = Pap.AMBER
    handling: frozenset[str] = frozenset()
    handling_text: frozenset[str] = frozenset()
    purposes: frozenset[str] | None = None
    releasable: frozenset[str] | None = None
    retention_us: int | None = None
    embargo_us: int | None = None
    embargo_for: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if not self.originators:
            raise MarkingError("a marking names no originator. Name the authority that it comes from.")
        for word in (*self.originators, *(self.purposes or ())):
            if not _is_word(word):
                raise MarkingError(f"{word!r} in a marking is no id: it is empty, long or holds a space.")
        if unknown := self.handling - HANDLING.keys():
            raise MarkingError(f"unknown handling code {min(unknown)!r}. Known are H0, H1, H2 and H3.")
        if self.releasable is not None:
            if len(self.releasable) > MOST_ALTERNATIVES:
                raise MarkingError(
                    f"releasability in a marking has {len(self.releasable):,} alternatives; {MOST_ALTERNATIVES} are the most. "
                    "Name tiers or states."
                )
            clauses = frozenset(_clause(text) for text in self.releasable)
            if frozenset(map(_written, _fewest(clauses))) != self.releasable:
                raise MarkingError("releasability in a marking is not in its shortest form.")

        self._check_texts()

    def _check_texts(self) -> None:
        """Refuse dates and texts that mean nothing."""
        for text in (*self.handling_text, *self.embargo_for):
            if any("\ud800" <= sign <= "\udfff" for sign in text):
                raise MarkingError("a text of a marking holds half a character. Write it in UTF-8.")
        if ("H3" in self.handling) != bool(self.handling_text) or "" in self.handling_text:
            raise MarkingError("the handling code H3 and its text go together. Give both or none.")
        if self.retention_us is not None and not 0 <= self.retention_us <= LAST_MOMENT_US:
            raise MarkingError("the retention date of a marking is out of range.")
        if self.embargo_us is not None and not 0 <= self.embargo_us <= LAST_MOMENT_US:
            raise MarkingError("the hour of an embargo in a marking is out of range.")
        if (self.embargo_us is None and self.embargo_for) or "" in self.embargo_for:
            raise MarkingError("a marking names the people of an embargo, and no embargo, or nobody.")

    @classmethod
    def own(cls, originator: str) -> Self:
        """What an authority's own things carry unless somebody marks them: TLP:AMBER PAP:AMBER."""
        return cls(originators=frozenset({originator}))

    @cached_property
    def alternatives(self) -> tuple[frozenset[str], ...] | None:
        """The alternatives of `releasable`, each as the set of its conditions."""
        if self.releasable is None:
            return None
        return tuple(_clause(text) for text in sorted(self.releasable))

    def as_json(self) -> dict[str, Any]:
        """The one form in which a marking is signed: parts that restrict nothing are left out, lists sorted."""
        values: dict[str, Any] = {"tlp": self.tlp.value, "pap": self.pap.value}
        for name in ("handling", "handling_text"):
            if texts := getattr(self, name):
                values[name] = sorted(texts)
        for name in ("purposes", "releasable"):
            if (texts := getattr(self, name)) is not None:
                values[name] = sorted(texts)
        if self.retention_us is not None:
            values["retention_us"] = self.retention_us
        if self.embargo_us is not None:
            values["embargo_us"] = self.embargo_us
        if self.embargo_for:
            values["embargo_for"] = sorted(self.embargo_for)
        return values | {"originators": sorted(self.originators)}

    @cached_property
    def text(self) -> str:
        """`as_json` as canonical JSON: sorted keys, no white space. Equal texts are equal markings."""
        return json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The marking of a JSON object.

        Raises:
            MarkingError: When it is none, or holds a key that this version does not know (which could be a
                restriction), or is not in the form that `as_json` writes.
        """
        if not isinstance(values, dict) or not {"tlp", "pap", "originators"} <= values.keys() <= set(_KEYS):
            raise MarkingError(
                "a marking needs tlp, pap and originators, and no key unknown to this version."
            )
        parts: dict[str, Any] = dict(values)
        for name in ("handling", "handling_text", "purposes", "releasable", "embargo_for", "originators"):
            if name in parts:
                parts[name] = _texts(name, parts[name])
        for name in ("retention_us", "embargo_us"):
            if type(parts.get(name, 0)) is not int:
                raise MarkingError(f"{name} in a marking is no integer.")
        try:
            marking = cls(**parts | {"tlp": Tlp(parts["tlp"]), "pap": Pap(parts["pap"])})
        except ValueError as error:
            raise MarkingError(f"a marking has an unknown level: {error}.") from error
        if marking.as_json() != values:
            raise MarkingError("a marking is not in canonical form: lists sorted, nothing empty.")
        return marking

    def banner(self) -> str:
        """The short text on top of a page: `TLP:AMBER PAP:AMBER H1 H2`."""
        parts = [f"TLP:{self.tlp}", f"PAP:{self.pap}", *sorted(self.handling)]
        if self.embargo_us is not None:
            parts.append(f"EMBARGO {minute(self.embargo_us)}")
        return " ".join(parts)

    def is_embargoed(self, now_us: int) -> bool:
        """Whether it is under an embargo at a time, microseconds UTC: from the set hour on it is not."""
        return self.embargo_us is not None and now_us < self.embargo_us


def join(a: Marking, b: Marking) -> Marking:
    """The least strict marking that is at least as strict as both."""
    if a is b:
        return a
    return Marking(
        tlp=max(a.tlp, b.tlp),
        pap=max(a.pap, b.pap),
        handling=a.handling | b.handling,
        handling_text=a.handling_text | b.handling_text,
        purposes=_both(a.purposes, b.purposes),
        releasable=_released(a.releasable, b.releasable),
        retention_us=min((us for us in (a.retention_us, b.retention_us) if us is not None), default=None),
        embargo_us=max((us for us in (a.embargo_us, b.embargo_us) if us is not None), default=None),
        embargo_for=a.embargo_for | b.embargo_for,
        originators=a.originators | b.originators,
    )


def strictest(markings: Iterable[Marking]) -> Marking:
    """The join of all: the marking of what is derived from things so marked.

    Raises:
        MarkingError: When there are none; what is derived from nothing has no marking.
    """
    distinct = list(dict.fromkeys(markings))
    if not distinct:
        raise MarkingError("there is no strictest of no markings. Give the marking of at least one input.")
    return reduce(join, distinct)


def is_at_least(a: Marking, b: Marking) -> bool:
    """Whether `a` is at least as strict as `b` in every part (the order of the lattice)."""
    return join(a, b) == a


def satisfies(marking: Marking, authority: str, tier: str, state: str) -> bool:
    """Whether an authority of a tier and a state (ISO 3166, two letters) is among those it is releasable to."""
    if marking.alternatives is None:
        return True
    has = {f"authority:{authority}", f"tier:{tier}", f"state:{state}"}
    return any(clause <= has for clause in marking.alternatives)


def _is_word(text: str) -> bool:
    """Whether a text can be an id: nothing invisible in it, so that two ids never look alike by such signs."""
    return _WORD.fullmatch(text) is not None and text.isprintable()


def _texts(name: str, value: Any) -> frozenset[str]:
    """A JSON list of different texts as a set."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise MarkingError(f"{name} in a marking is no list of texts.")
    return frozenset(value)


def _both(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    """Intersection, where None is everything."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _clause(text: str) -> frozenset[str]:
    """The conditions of one alternative, checked."""
    conditions = text.split(_AND)
    for condition in conditions:
        place, _, name = condition.partition(":")
        if place not in _PLACES or not _is_word(name):
            raise MarkingError(
                f"{condition!r} is no releasability. Write authority:ID, tier:NAME or state:XX."
            )
        if place == "authority" and not is_authority_id(name):
            raise MarkingError(f"{condition!r} names no authority: an id has {AUTHORITY_ID}.")
        if (place == "tier" and name not in TIERS) or (
            place == "state" and not re.fullmatch("[A-Z]{2}", name)
        ):
            raise MarkingError(
                f"{condition!r} names no tier of {', '.join(TIERS)}, or no state of two letters."
            )
    return frozenset(conditions)


def _written(clause: frozenset[str]) -> str:
    """One alternative as text."""
    return _AND.join(sorted(clause))


def _possible(clause: frozenset[str]) -> bool:
    """Whether one authority can meet all conditions: it has one id, one tier and one state."""
    return len({condition.partition(":")[0] for condition in clause}) == len(clause)


def _fewest(clauses: Iterable[frozenset[str]]) -> set[frozenset[str]]:
    """The alternatives that can be met and are not already covered by a weaker one; this form is unique."""
    possible = {clause for clause in clauses if _possible(clause)}
    return {clause for clause in possible if not any(part in possible for part in _parts(clause))}


def _parts(clause: frozenset[str]) -> Iterator[frozenset[str]]:
    """The weaker alternatives of a possible one: those with some of its conditions, of which it has three at most."""
    return (frozenset(some) for size in range(1, len(clause)) for some in combinations(clause, size))


@lru_cache(maxsize=1_024)
def _released(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    """Who meets both conditions: each alternative of one with each of the other; nobody, where they are too many."""
    if a is None or b is None or a == b:
        return b if a is None else a
    pairs = product(list(map(_clause, a)), list(map(_clause, b)))
    both = _fewest(left | right for left, right in pairs)
    return frozenset() if len(both) > MOST_ALTERNATIVES else frozenset(map(_written, both))
