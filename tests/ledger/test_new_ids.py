"""Ids of new objects: in the order in which they are written, valid, and never the same."""

from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from hanse.ledger import new_ids


@given(st.integers(0, (1 << 48) * 1_000 - 1), st.integers(0, 70))
def test_own_ids_are_of_version_7_and_ascend(time_us: int, count: int) -> None:
    """Each begins with the time in milliseconds and is a UUID as RFC 9562 has it; each is larger than the one before."""
    ids, digits = new_ids.own(time_us, count)
    assert len(set(ids)) == count
    assert ids == sorted(ids)
    assert digits == [one.hex for one in ids]
    for one in ids:
        assert (one.version, one.variant) == (7, RFC_4122)
        assert one.int >> 80 == time_us // 1_000


def test_all_other_bits_are_chance() -> None:
    """Of the 74 bits that are no time, version or variant, each is now 0 and now 1."""
    ids = [one.int for one in new_ids.own(1_700_000_000_000_000, 200)[0]]
    ever = always = ids[0]
    for one in ids:
        ever, always = ever | one, always & one
    free = (1 << 80) - 1 & ~(0xF << 76 | 0b11 << 62)
    assert (ever ^ always) == free
