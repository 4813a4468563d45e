"""Companies whose names are not spelled alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.matching.alike import KEY_KINDS, keys_of
from hanse.matching.company_names import FORM_PHRASES, KIND, SLIPS, words


def company(name, country="EE"):
    """A selector of a company."""
    return read("company", name, country=country).value


def common(one, other):
    """How many keys two companies share."""
    return len(keys_of(one) & keys_of(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kuldne Sild OÜ", "KULDNE SILD"),
        ("Kuldne Sild OÜ", "Osaühing Kuldne Sild"),
        ("Kuldne Sild OÜ", "Sild Kuldne, OÜ"),
        ("Kuldne Sild Ltd.", "Kuldnesild Limited"),
        ("\u041e\u041e\u041e \u0420\u043e\u043c\u0430\u0448\u043a\u0430", "Romashka, O.O.O."),
        ("Open Joint Stock Company Tuleviku Gaas", "OAO Tuleviku Gaas"),
        ("Baltic Freight S.A.R.L.", "Baltic Freight SARL"),
        ("Mets & Pojad AS", "Mets and Pojad"),
    ],
)
def test_two_ways_to_write_one_company_share_two_keys(one, other):
    """Its form, where that stands, script, spaces, the order of words: a strong lead."""
    assert common(company(one), company(other)) >= 2


@pytest.mark.parametrize(
    "other", ["Kuldne Slid OÜ", "Kuldn Sild", "Kulldne Sild OÜ", "Kuldne Sold AS", "Culdne Sild"]
)
def test_a_slip_of_the_hand_leaves_a_lead(other):
    """One letter missing, too many, wrong, or two exchanged."""
    assert common(company("Kuldne Sild OÜ"), company(other)) >= 1


@pytest.mark.parametrize(
    ("other", "country"),
    [
        ("Kuldne Sild OÜ", "LV"),
        ("Kuldne Haug OÜ", "EE"),
        ("Kuldne OÜ", "EE"),
        ("Kuldne Sild Invest OÜ", "EE"),
        ("Osaühing", "EE"),
    ],
)
def test_others_share_nothing(other, country):
    """Another country, another word, a word more or less: nothing in common."""
    assert common(company("Kuldne Sild OÜ"), company(other, country)) == 0


def test_short_names_are_compared_as_they_are():
    """Of three letters, leaving one out would make one company of half the register."""
    assert common(company("Elo OÜ"), company("Eli OÜ")) == 0
    assert common(company("BD plc", "GB"), company("BP plc", "GB")) == 0


def test_a_name_of_forms_alone_keeps_them():
    """Something is left to be compared, and it is not what every company has."""
    assert words("The Company Limited") == ["the", "company", "limited"]
    assert common(company("The Company Ltd"), company("Kuldne Sild Ltd")) == 0


@given(st.text(max_size=80))
def test_any_name_has_few_keys_and_the_same_again(name):
    """Whatever is entered: never an error, each key bound to the country, and no more than are said."""
    keys = keys_of(Value("company", f"EE {name}"))
    assert len(keys) <= SLIPS + 3
    assert keys == keys_of(Value("company", f"EE {name}"))
    assert all(key.kind == KIND and key.text.split("/")[1] == "EE" for key in keys)
    assert not keys & keys_of(Value("company", f"LV {name}"))


def test_longer_phrases_go_first():
    """Else "public joint stock company" would leave "public" behind."""
    for at, phrase in enumerate(FORM_PHRASES):
        assert not any(earlier in phrase for earlier in FORM_PHRASES[:at])


def test_what_is_spelled_in_one_way_has_no_keys():
    """Accounts and addresses are compared as they are; each kind that has keys has its own kind of them."""
    assert keys_of(read("email", "a@b.example").value) == frozenset()
    assert len(set(KEY_KINDS.values())) == len(KEY_KINDS)
