"""Threat 2 for what is brought in: an id that another has used before overwrites nothing of theirs.

There is no partner yet whose key proves an origin, so the two peers here are two that bring files in: another creator
under the same id, and somebody who may not see what is here and uses its id, by chance or on purpose.
"""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.intel import service
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Body, Entry
from hanse.policy import service as policy
from tests.conftest import AUTHORITY
from tests.intel.stix_corpus import bundle, sdo

pytestmark = pytest.mark.django_db(transaction=True)

RED = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
MINE, THEIRS = "identity--mine", "identity--theirs"
_numbers = count(1)

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
MOMENTS = st.integers(0, 9_999).map(lambda second: f"20{second % 90:02}-01-01T00:{second % 60:02}:00.000Z")
COMING = st.lists(st.tuples(NAMES, MOMENTS), min_size=1, max_size=4)


def stix(number: int, name: str, moment: str, creator: str) -> bytes:
    """A file with one object under the id of a number."""
    return bundle({**sdo("tool", number, name=name, created_by_ref=creator), "modified": moment})


def misp(number: int, name: str, moment: str, creator: str) -> bytes:
    """A file with one event under the id of a number."""
    event = {
        "uuid": f"00000000-0000-4000-8000-{number:012}", "info": name, "Orgc": {"name": creator, "uuid": creator},
        "timestamp": moment[2:4] + moment[14:16], "date": "2024-03-01",
    }  # fmt: skip
    return json.dumps({"Event": event}).encode()


def bytes_of(row: Item) -> list[tuple[Any, ...]]:
    """All that the ledger has of an item: signed bytes and bodies."""
    entries = Entry.objects.filter(object_id=row.pk).order_by("sequence")
    bodies = Body.objects.in_bulk(entries.values_list("pk", flat=True))
    return [(bytes(one.payload), bytes(one.signature), bytes(bodies[one.pk].data)) for one in entries]


@pytest.mark.parametrize("file", [stix, misp])
@pytest.mark.parametrize("hidden", [False, True])
def test_the_same_id_leaves_anothers_bytes_as_they_are(
    actor: Callable[..., Actor], file: Callable[..., bytes], hidden: bool
) -> None:
    """Whatever comes under the id of something that another has said, older or newer: theirs stands, byte for byte.

    Where it may be seen, another creator's is told as a clash. Where it may not, whoever brings says so under its
    creator's own name too; it comes to stand beside, and nobody is told that there was something.
    """
    mari, jaan = actor("analyst", teams=("amber",)), actor("analyst")

    @settings(max_examples=15)
    @given(NAMES, MOMENTS, COMING)
    def whatever_comes(name: str, moment: str, coming: list[tuple[str, str]]) -> None:
        number = next(_numbers)
        came = service.bring_in(file(number, name, moment, MINE), "mine.json", mari)
        assert came.fresh == 1
        row = Item.projected.latest("number")
        if hidden:
            policy.mark(row.pk, RED, "amber", mari, "Only those who work on it.")
        before, raw = bytes_of(row), service.item_of(row).raw
        for title, later in coming:
            told = service.bring_in(
                file(number, title, later, MINE if hidden else THEIRS), "theirs.json", jaan
            )
            if not hidden:
                assert (told.fresh, told.newer) == (0, 0)
        row.refresh_from_db()
        assert bytes_of(row) == before
        assert service.item_of(row).raw == raw
        same = Item.projected.filter(source_id=row.source_id)
        assert same.count() == (2 if hidden else 1)

    whatever_comes()
