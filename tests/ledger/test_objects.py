"""Ids by name."""

from uuid import NAMESPACE_URL, uuid5

import pytest

from hanse.ledger import objects
from hanse.ledger.identity import authority


@pytest.mark.parametrize("name", ["indicator--1", "Müller", "", "a" * 5_000])
def test_an_id_by_name_is_a_uuid5(name: str) -> None:
    """An id is the one that RFC 9562, section 5.5, makes of the authority, the sort of thing and its name."""
    space = uuid5(NAMESPACE_URL, f"hanse:{authority()}")
    assert objects.named("intel", name) == uuid5(space, f"intel:{name}")
