"""The countries that a case names: those that its people and selectors say of themselves."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hanse.cases.models import CasePerson, Selector
from hanse.intel.values.phones import country_of

NOWHERE = "ZZ"
"""ISO 3166 user-assigned: what says no country, such as a number for the whole world."""
_IN_FRONT = {"iban", "company"}
"""Kinds whose normal form begins with the country's code: ISO 13616-1 for accounts, our own for companies."""
WORDS = (
    "What people and selectors say of themselves: a nationality, the dialling code of a telephone, the country of an "
    "account or a company; a telephone number that no plan gives out counts for the main country of its dialling code. It "
    "says where a number was given out, and not where anybody is."
)


@dataclass(frozen=True, slots=True)
class Places:
    """How much of a case says which country.

    Attributes:
        values: Countries, ISO 3166-1 alpha-2, with the number of people and selectors; most first.
        nowhere: Numbers that belong to no country.
    """

    values: tuple[tuple[str, int], ...]
    nowhere: int


def named(people: Iterable[CasePerson], selectors: Iterable[Selector]) -> Places:
    """The countries that people and selectors of a case name."""
    found = Counter(str(one.country) for one in people if one.country)
    found.update(code for one in selectors if (code := said(one.kind, str(one.text))))
    nowhere = found.pop(NOWHERE, 0)
    return Places(tuple(sorted(found.items(), key=lambda one: (-one[1], one[0]))), nowhere)


def said(kind: str, text: str) -> str:
    """The country that a selector says, ISO 3166-1 alpha-2; `NOWHERE` for a number of no country, empty where none is meant.

    Args:
        kind: Of the selector.
        text: Its normal form.
    """
    if kind == "phone":
        return country_of(text) or NOWHERE
    return text[:2] if kind in _IN_FRONT else ""
