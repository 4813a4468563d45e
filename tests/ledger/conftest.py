"""What several tests of the ledger begin with."""

from collections.abc import Iterator

import pytest

from hanse.ledger import keyring


@pytest.fixture
def same_keys() -> Iterator[None]:
    """Rotations of a test end with it."""
    before = keyring.current()
    yield
    keyring.hold(before)
