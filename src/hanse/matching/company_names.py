"""Companies whose names are not spelled alike: keys of name and country that two spellings of one company share.

What kind of company it is ("OÜ", "Limited Liability Company") is written in many ways and left out, as is its place in
the name. What stays is compared in three ways: its letters, also with any one of them left out, so that a slip of the
hand leaves one key in common; its words in any order; and how they sound. As of persons, a key in common is a lead and
no finding (`bench/matching_names.py` says how often it is wrong), and without its country a name has no keys.
"""

import re
from collections.abc import Iterator
from typing import Final

from anyascii import anyascii

from hanse.intel.values import Value
from hanse.matching.names import sound

KIND: Final = "company-key"
"""Kind of the values that are compared. Not one of selectors: nobody enters them, and no page shows them."""
SHORTEST: Final = 5
"""Letters that a name has at least for one of them to be left out, and for its sound: "Elo" and "Eli" would be one."""
SLIPS: Final = 40
"""At how many places, from the beginning on, a letter may be wrong: each is a key."""

FORMS: Final = frozenset(
    [
        "ab",
        "ad",
        "ag",
        "ao",
        "aps",
        "as",
        "asa",
        "bhd",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "cos",
        "cv",
        "dd",
        "doo",
        "dou",
        "eood",
        "fie",
        "gk",
        "gmbh",
        "inc",
        "incorporated",
        "jsc",
        "kft",
        "kg",
        "kgaa",
        "kk",
        "ks",
        "lda",
        "limited",
        "llc",
        "llp",
        "lp",
        "ltd",
        "ltda",
        "mb",
        "mbh",
        "mtu",
        "na",
        "nv",
        "nyrt",
        "oao",
        "od",
        "ohg",
        "ojsc",
        "ood",
        "ooo",
        "ou",
        "oy",
        "oyj",
        "pao",
        "pjsc",
        "plc",
        "pt",
        "pte",
        "pty",
        "rt",
        "sa",
        "sab",
        "sarl",
        "sas",
        "sca",
        "sdn",
        "se",
        "sia",
        "sl",
        "slu",
        "snc",
        "spa",
        "spk",
        "spol",
        "srl",
        "sro",
        "tbk",
        "too",
        "tov",
        "tu",
        "uab",
        "ug",
        "vof",
        "vos",
        "zao",
        "zrt",
        "aktiengesellschaft",
        "aktsiaselts",
        "osauhing",
        "cjsc",
        "and",
        "et",
        "of",
        "the",
        "und",
        "y",
    ]
)
"""Words that say what kind of company it is, as they are written in Europe and beyond, and small words."""
FORM_PHRASES: Final = (
    "public joint stock company", "open joint stock company", "closed joint stock company", "joint stock company",
    "limited liability partnership", "limited liability company", "public limited company", "private limited company",
    "obshchestvo s ogranichennoy otvetstvennostyu", "gesellschaft mit beschrankter haftung", "societe anonyme",
    "sp z oo", "anonim sirketi", "limited sirketi", "kabushiki kaisha",
)  # fmt: skip
"""The same in several words, the longer ones first."""

_INITIALS: Final = re.compile(r"(?<=\b[a-z])[./](?=[a-z]\b)")
_WORDS: Final = re.compile("[a-z0-9]+")


def keys_of(company: Value) -> frozenset[Value]:
    """The keys of a selector of the kind company.

    Raises:
        ValueError: It is of another kind.
    """
    if company.kind != "company":
        raise ValueError(f"Only companies with their country have keys, not {company.kind!r}.")
    country, _, name = company.text.partition(" ")
    return frozenset(Value(KIND, text) for text in _keys(country, words(name)))


def words(name: str) -> list[str]:
    """The words of a name that tell it apart, in letters from a to z and digits; all of them where none does."""
    told = anyascii(name).lower().replace("'", "").replace("&", " and ")
    found = _WORDS.findall(_INITIALS.sub("", told))
    text = f" {' '.join(found)} "
    for phrase in FORM_PHRASES:
        text = text.replace(f" {phrase} ", " ")
    return [word for word in text.split() if word not in FORMS] or found


def _keys(country: str, told: list[str]) -> Iterator[str]:
    """The keys, each with what it is made of, so that no two sorts of keys meet."""
    letters = "".join(told)
    if not letters:
        return
    yield f"letters/{country}/{letters}"
    if len(letters) >= SHORTEST:
        for at in range(min(len(letters), SLIPS)):
            yield f"letters/{country}/{letters[:at]}{letters[at + 1 :]}"
    yield f"words/{country}/{'-'.join(sorted(set(told)))}"
    if len(letters) < SHORTEST:
        return
    sounds = {sound(word) if word.isalpha() else word for word in told}
    yield f"sounds/{country}/{'-'.join(sorted(sounds))}"
