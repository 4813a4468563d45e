"""Persons whose names are not spelled alike: keys of name and birth that two spellings of one person share.

Each key is compared like any other value, exactly and hidden. One key in common is a lead, two are a stronger one;
neither is a finding that two are one person, and both are shown with how often they are wrong
(`bench/matching_names.py`). A name without a birth has no keys: it would match half a town.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Final, NamedTuple

import jellyfish
from anyascii import anyascii

from hanse.cases.selector import birth_date
from hanse.intel.values import Value

KIND: Final = "person-key"
"""Kind of the values that are compared. Not one of selectors: nobody enters them, and no page shows them."""
STRONG: Final = 2
"""Keys in common from which a lead is called a strong one."""
WORDS: Final = 6
"""Words of a name that are looked at, the longest ones: beyond that they are titles."""

_LETTERS: Final = re.compile("[a-z]+")


class Lead(NamedTuple):
    """A person of whom the other side may have something.

    Attributes:
        person: One's own selector, of the kind person.
        keys: How many of its keys the other side has too, be it of one person or of several.
    """

    person: Value
    keys: int

    @property
    def strong(self) -> bool:
        """Whether it is one of the stronger leads."""
        return self.keys >= STRONG


def keys_of(person: Value) -> frozenset[Value]:
    """The keys of a selector of the kind person.

    Raises:
        ValueError: It is of another kind.
        ValueProblem: It does not begin with a day of birth.
    """
    if person.kind != "person":
        raise ValueError(
            f"Only persons with a day of birth have keys, not a selector of the kind {person.kind!r}."
        )
    born, _, name = person.text.partition(" ")
    return frozenset(Value(KIND, text) for text in _keys(birth_date(born), sorted(set(words(name)))))


def words(name: str) -> list[str]:
    """The words of a name in letters from a to z, whatever script it is in; the longest `WORDS` of them."""
    found = [word for word in _LETTERS.findall(anyascii(name).lower().replace("'", "")) if len(word) > 1]
    return sorted(found, key=len, reverse=True)[:WORDS]


def leads(own: Mapping[Value, Iterable[Value]], found: Iterable[Value]) -> list[Lead]:
    """The persons whose keys the other side has too, most keys first.

    Args:
        own: One's persons, and the keys of each.
        found: Keys that both sides have.
    """
    common = set(found)
    counted = Counter({person: len(common.intersection(keys)) for person, keys in own.items()})
    return [Lead(person, keys) for person, keys in counted.most_common() if keys]


def _keys(born: str, names: list[str]) -> Iterator[str]:
    """The keys, each with what it is made of, so that no two sorts of keys meet.

    Of each word with the whole birth: how it begins, how it ends, how it sounds. Of two words as they sound: with the
    year, for a day that is wrong; with day and month in either order; with day and month alone, for a year that is wrong.
    """
    year, month, day = born.split("-")
    for word in names:
        yield f"begins/{born}/{word[:3]}"
        yield f"ends/{born}/{word[-3:]}"
        yield f"sounds/{born}/{sound(word)}"
    for one, other in combinations(sorted(map(sound, names)), 2):
        yield f"year/{year}/{one}/{other}"
        yield f"swapped/{year}-{'-'.join(sorted((month, day)))}/{one}/{other}"
        yield f"day/{month}-{day}/{one}/{other}"


def sound(word: str) -> str:
    """A word without most vowels and what is in its middle (Match Rating Approach; Moore and others, 1977).

    Metaphone, which follows how English is spoken more closely, finds no more pairs of FEBRL4.
    """
    return jellyfish.match_rating_codex(word)
