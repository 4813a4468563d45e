"""Selectors: what tells a person, an account or a thing from all others, typed and in its one normal form.

Besides the values of intelligence there are two that only cases have: a person with the day of birth, and a company
with its country. A name alone is a name, and says less.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from hanse.intel import csv_list
from hanse.intel.values import Value, ValueProblem, normalise, shown
from hanse.intel.values.phones import phone
from hanse.kernel.countries import NUMERIC
from hanse.kernel.printable import printable

KINDS: Final = {
    "phone": "Telephone",
    "email": "E-mail",
    "address": "IP address",
    "network": "Network",
    "domain": "Domain",
    "url": "URL",
    "iban": "IBAN",
    "card": "Payment card",
    "wallet": "Wallet",
    "account": "Account name",
    "person": "Person, born on",
    "company": "Company, in a country",
    "name": "Name",
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha512": "SHA-512",
    "mac": "Hardware address",
    "asn": "Network operator (AS)",
    "file-name": "File name",
    "user-agent": "User agent",
}
"""The kinds of selectors, and their words on pages."""

_ALIASES: Final = {
    "e-mail": "email", "mail": "email", "tel": "phone", "telephone": "phone", "mobile": "phone", "ip": "address",
    "ipv4": "address", "ipv6": "address", "bank account": "iban", "hostname": "domain", "link": "url",
    "credit card": "card", "payment card": "card", "user": "account", "username": "account", "nickname": "account",
    "bitcoin": "wallet", "btc": "wallet", "firm": "company", "organisation": "company", "sha-1": "sha1",
    "sha-256": "sha256", "sha-512": "sha512", "as": "asn",
}  # fmt: skip
"""Other words for kinds, as lists from elsewhere have them."""

_FIRST_BIRTH: Final = date(1850, 1, 1)


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector.

    Attributes:
        kind: One of `KINDS`.
        text: Its normal form.
        written: As pages show it: as it was written, a card's number masked.
    """

    kind: str
    text: str
    written: str

    @property
    def value(self) -> Value:
        """What it is found by."""
        return Value(self.kind, self.text)


def read(kind: str, text: str, *, born: str = "", country: str = "") -> Selector:
    """A selector in its normal form.

    Args:
        kind: One of `KINDS`, or another word for it; empty to have it told from the text.
        text: As somebody wrote it.
        born: Day of birth of a person, ``1970-12-31``.
        country: Of a company, and of a telephone number without a country code; ISO 3166 alpha-2.

    Raises:
        ValueProblem: It is none; says why.
    """
    kind = kind_of(kind, text, born)
    country = _country(country)
    if born.strip() and kind != "person":
        raise ValueProblem("Only a person has a day of birth. Leave it out, or choose Person.")
    if kind == "person":
        return _person(text, born)
    if kind == "company":
        return _company(text, country)
    if kind == "phone" and country:
        return Selector(kind, phone(normalise("account", text).text, country), _written(text))
    value = normalise(kind, text)
    return Selector(kind, value.text, shown(value) if kind == "card" else _written(text))


def kind_of(kind: str, text: str, born: str = "") -> str:
    """The kind that is meant.

    Raises:
        ValueProblem: There is none of that name, or nothing tells it.
    """
    plain = " ".join(kind.lower().split())
    plain = _ALIASES.get(plain, plain)
    if not plain:
        plain = "person" if born.strip() else csv_list.kind_of(text.strip())
    if plain not in KINDS:
        raise ValueProblem(
            f"There is no kind {kind.strip()[:40] or plain!r}. It is one of {', '.join(KINDS)}."
        )
    return plain


def name_key(name: str) -> str:
    """A name by which a person is found: without case, its white space single.

    Raises:
        ValueProblem: It is empty.
    """
    return normalise("name", name).text


def birth_date(text: str) -> str:
    """A day of birth, ``1970-12-31``.

    Raises:
        ValueProblem: It is no day, in the future, or too long ago.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise ValueProblem(f"{text[:40]!r} is no day. Write it like 1970-12-31.") from None
    if not _FIRST_BIRTH <= day <= datetime.now(UTC).date():
        raise ValueProblem(f"Nobody alive or just dead was born on {day}. Correct it.")
    return day.isoformat()


def country_code(text: str) -> str:
    """A country, in two capital letters.

    Raises:
        ValueProblem: There is none of that code.
    """
    code = text.strip().upper()
    if code not in NUMERIC and code != "XK":
        raise ValueProblem(f"{text[:40]!r} is no country code. Use ISO 3166 alpha-2, such as EE.")
    return code


def _country(text: str) -> str:
    return country_code(text) if text.strip() else ""


def _person(name: str, born: str) -> Selector:
    if not born.strip():
        raise ValueProblem(
            "A person needs the day of birth, for names alone are shared. Give it, or choose Name."
        )
    day, key = birth_date(born), name_key(name)
    return Selector("person", f"{day} {key}", f"{_written(name)}, born {day}")


def _company(name: str, country: str) -> Selector:
    if not country:
        raise ValueProblem("A company needs its country, for names alone are shared. Give it in two letters.")
    return Selector("company", f"{country} {name_key(name)}", f"{_written(name)}, {country}")


def _written(text: str) -> str:
    """As it was written, in one line."""
    return printable(" ".join(text.split()))
