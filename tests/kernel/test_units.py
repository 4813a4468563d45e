"""Figures in words."""

import pytest

from hanse.kernel import units


@pytest.mark.parametrize(
    ("gib", "words"),
    [
        (50, "50 GiB"),
        (0.5, "0.5 GiB"),
        (100, "100 GiB"),
        (10_240, "10 240 GiB"),
        (1_000_000, "1 000 000 GiB"),
    ],
)
def test_a_quota_reads_as_it_was_set(gib: float, words: str) -> None:
    """Up to the largest that the settings take, which is no power of ten to anybody."""
    assert units.quota(gib * 2**30).replace(units.THIN_SPACE, " ") == words
