"""Two case files on one invented gang, as two authorities keep them: spelled otherwise, written otherwise, partly shared.

Everybody and everything in them is made up: the telephone numbers are of ranges for fiction or of no subscriber, the
domains are of those kept for examples, the account is the one of the standard's example.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a file.

    Attributes:
        category: As of `hanse.cases.words.CATEGORIES`.
        name: As this authority writes it.
        born: Day of birth.
        selectors: Pairs of kind and text, as this authority writes them.
    """

    category: str
    name: str
    born: str
    selectors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A case file.

    Attributes:
        title: Of the case.
        legal_basis: Of the case.
        compared_under: Legal basis of comparing.
        people: Whom it is about.
        selectors: Of nobody known.
    """

    title: str
    legal_basis: str
    compared_under: str
    people: tuple[Person, ...]
    selectors: tuple[tuple[str, str], ...]


FILES = {
    "ee": File(
        title="Shops that never deliver (exercise)",
        legal_basis="Code of Criminal Procedure, section 193",
        compared_under="Council Framework Decision 2006/960/JHA, article 3",
        people=(
            Person("suspect", "Ivan Petrov", "1981-03-14", (
                ("phone", "+44 7700 900123"), ("email", "Boss@Shop.example"), ("account", "night_owl_81"),
            )),
            Person("suspect", "Katariina Saar", "1990-07-02", (("iban", "EE38 2200 2210 2014 5685"),)),
            Person("victim", "Malle Mets", "1955-11-30", (("email", "malle@home.example"),)),
        ),
        selectors=(("domain", "cheap-phones.example"), ("email", "only-estonia@mail.example")),
    ),
    "gb": File(
        title="Parcel fraud (exercise)",
        legal_basis="Fraud Act 2006, section 2",
        compared_under="Trade and Cooperation Agreement, article 563",
        people=(
            Person("suspect", "PETROFF, Iwan", "1981-03-14", (
                ("phone", "07700 900123"), ("account", "Night_Owl_81"),
            )),
            Person("contact", "Kate Saar", "1990-02-07", (("iban", "EE382200221020145685"),)),
            Person("victim", "Malle Mets", "1955-11-30", (("email", "malle@home.example"),)),
        ),
        selectors=(("domain", "parcels-now.example"), ("email", "only-britain@mail.example")),
    ),
}  # fmt: skip
"""By the key of the vantage point. Both have a telephone and a bank account, written differently; Ivan Petrov is spelled
two ways; account names differ where their letters do; a victim whom both know is compared by neither."""

KINDS = ("phone", "email", "iban", "account", "domain", "person")
"""That both offer."""
