"""Selectors: each kind in its one normal form, or the reason why it is none."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.cases.selector import KINDS, name_key, read
from hanse.intel.values import ValueProblem


@pytest.mark.parametrize(
    ("kind", "text", "more", "normal"),
    [
        ("phone", "+372 612 3456", {}, "+3726123456"),
        ("phone", "612 3456", {"country": "ee"}, "+3726123456"),
        ("e-mail", "  Boss@Example.ORG ", {}, "boss@example.org"),
        ("ip", "2001:DB8:0::1", {}, "2001:db8::1"),
        ("domain", "Bücher.example", {}, "xn--bcher-kva.example"),
        ("iban", "EE38 2200 2210 2014 5685", {}, "EE382200221020145685"),
        ("url", "HTTP://Example.org:80/a/../b", {}, "http://example.org/b"),
        ("wallet", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", {}, "btc:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        ("sha256", "E3" * 32, {}, "e3" * 32),
        ("person", " Jaan   TAMM ", {"born": "1970-12-31"}, "1970-12-31 jaan tamm"),
        ("company", "Tamm OÜ", {"country": "ee"}, "EE tamm oü"),
        ("name", "Jaan Tamm", {}, "jaan tamm"),
    ],
)
def test_a_selector_has_one_normal_form(kind, text, more, normal):
    """Whatever the spelling, the same thing has the same form."""
    found = read(kind, text, **more)
    assert found.kind in KINDS
    if kind == "wallet":
        assert found.text.endswith("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2")
    else:
        assert found.text == normal


@pytest.mark.parametrize(
    ("kind", "text", "more", "why"),
    [
        ("phone", "612 3456", {}, "country"),
        ("iban", "EE38 2200 2210 2014 5686", {}, "checksum"),
        ("email", "boss at example", {}, "mail address"),
        ("address", "300.1.1.1", {}, "IP address"),
        ("card", "4111 1111 1111 1112", {}, "checksum"),
        ("person", "Jaan Tamm", {}, "day of birth"),
        ("person", "Jaan Tamm", {"born": "31.12.1970"}, "1970-12-31"),
        ("person", "Jaan Tamm", {"born": "1849-01-01"}, "born"),
        ("person", " ", {"born": "1970-12-31"}, "empty"),
        ("company", "Tamm OÜ", {}, "country"),
        ("company", "Tamm OÜ", {"country": "ZZ"}, "country code"),
        ("email", "a@example.org", {"born": "1970-12-31"}, "person"),
        ("telepathy", "x", {}, "no kind"),
        ("", "what is this?", {}, "kind"),
        ("account", "a\0b", {}, "NUL"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(kind, text, more, why):
    """Nothing that does not parse becomes a selector, and the words say why."""
    with pytest.raises(ValueProblem, match=why):
        read(kind, text, **more)


def test_nobody_is_born_tomorrow():
    """A day of birth is not in the future."""
    with pytest.raises(ValueProblem):
        read("person", "Jaan", born=(datetime.now(UTC) + timedelta(days=2)).date().isoformat())


def test_a_card_is_shown_masked():
    """Neither what is shown nor what an error says holds the number of a card."""
    found = read("card", "4111 1111 1111 1111")
    assert found.written == "411111******1111"
    with pytest.raises(ValueProblem) as refused:
        read("card", "4111 1111 1111 1112")
    assert "4111" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("boss@example.org", "email"), ("203.0.113.7", "address"), ("EE382200221020145685", "iban"),
     ("https://example.org/x", "url"), ("a" * 64, "sha256")],
)  # fmt: skip
def test_the_kind_is_told_from_the_value(text, kind):
    """Where nobody says what it is, its form does."""
    assert read("", text).kind == kind


@given(st.text(st.characters(categories=("L", "Zs")), min_size=1, max_size=40))
def test_a_name_is_found_in_any_case(name):
    """Capitals and spaces make no other name, and a key is its own key."""
    try:
        key = name_key(name)
    except ValueProblem:
        return
    assert name_key(f"  {name.upper()} ") == name_key(name.upper())
    assert name_key(key) == key


def test_writing_direction_cannot_disguise_what_is_shown():
    """Marks that turn writing round are shown as escapes."""
    assert "\u202e" not in read("account", "abc\u202egnp.exe").written
