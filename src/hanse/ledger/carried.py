"""Which markings entries carry: each text once, under the sequence of the first entry that carries it.

A list of a million entries is judged by these few texts, not by its entries.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from django.db import connections

from hanse.kernel.strict_json import canonical
from hanse.ledger import plain
from hanse.ledger.models import CarriedMarking
from hanse.ledger.routing import database

_AT_ONCE = 5_000
"""Texts asked for in one query; SQLite takes 32,766 parameters."""


def text_of(marking: dict[str, Any]) -> str:
    """A marking as the envelope has it, as text: equal texts are equal markings."""
    return canonical(marking).decode()


def digest_of(text: str) -> str:
    """By which a text is found: SHA-256, hexadecimal."""
    return sha256(text.encode()).hexdigest()


def number(firsts: dict[str, int]) -> dict[str, int]:
    """The number of each text, while the head row is locked; new texts are stored.

    Args:
        firsts: Each text, and the sequence of the first new entry that carries it: its number if it is new.
    """
    digests = {digest_of(text): text for text in firsts}
    numbers = {digests[digest]: known for digest, known in _known(list(digests))}
    new = [
        CarriedMarking(number=firsts[text], digest=digest, text=text)
        for digest, text in digests.items()
        if text not in numbers
    ]
    if new:
        CarriedMarking.objects.bulk_create(new)
    return numbers | {row.text: row.number for row in new}


def renumber(firsts: dict[str, int]) -> None:
    """Store anew which markings there are: each text, and the sequence of the first entry that carries it."""
    CarriedMarking.objects.all().delete()
    number(firsts)


def _known(digests: list[str]) -> Iterable[tuple[str, int]]:
    """The digests that are stored, with their numbers; in plain SQL, for every append waits for it."""
    for at in range(0, len(digests), _AT_ONCE):
        some = digests[at : at + _AT_ONCE]
        marks = ", ".join(["%s"] * len(some))
        yield from plain.told(
            connections[database()],
            f"SELECT digest, number FROM ledger_carriedmarking WHERE digest IN ({marks})",  # noqa: S608 - marks alone
            some,
        )
