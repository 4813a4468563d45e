import gzip
import ipaddress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel.address_columns import pack_all
from hanse.kernel.addresses import pack
from hanse.kernel.errors import UnreadableInputError
from hanse.tracing.ranges import country_code, country_number, empty_table, parse_table, read_bytes


def _table_text(bounds: list[int], top: int, *, numeric: bool) -> tuple[str, list[tuple[int, int, int]]]:
    """Ranges between every second pair of sorted bounds."""
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    ranges = [(low, high, 64496 + index) for index, (low, high) in enumerate(pairs)]
    kind = ipaddress.IPv4Address if top == 2**32 else ipaddress.IPv6Address
    write = str if numeric else lambda number: str(kind(number))
    return "".join(f'{write(low)},{write(high)},{asn},"H, {asn}"\n' for low, high, asn in ranges), ranges


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=40, unique=True), st.booleans(), st.data())
def test_ipv4_lookup_equals_brute_force(bounds: list[int], numeric: bool, data: st.DataObject) -> None:
    """Rule: a lookup gives the number of the one range that holds the address, else 0 (IPv4)."""
    text, ranges = _table_text(sorted(bounds), 2**32, numeric=numeric)
    wanted = data.draw(st.lists(st.integers(0, 2**32 - 1) | st.sampled_from(bounds), min_size=1, max_size=30))
    table = parse_table(text.encode(), "made")
    found = table.lookup(pack_all(str(ipaddress.IPv4Address(number)) for number in wanted))
    assert found.tolist() == [_brute(ranges, number) for number in wanted]


@settings(max_examples=60)
@given(
    st.lists(st.integers(2**33, 2**128 - 1), min_size=2, max_size=40, unique=True), st.booleans(), st.data()
)
def test_ipv6_lookup_equals_brute_force(bounds: list[int], numeric: bool, data: st.DataObject) -> None:
    """Rule: the same for IPv6, zero bytes anywhere in the addresses included."""
    text, ranges = _table_text(sorted(bounds), 2**128, numeric=numeric)
    near = st.sampled_from(bounds).map(lambda number: max(number - 1, 0))
    some = st.integers(0, 2**128 - 1) | st.sampled_from(bounds) | near
    wanted = data.draw(st.lists(some, min_size=1, max_size=30))
    table = parse_table(text.encode(), "made")
    raw = np.frombuffer(b"".join(number.to_bytes(16, "big") for number in wanted), np.uint8)
    assert table.lookup(raw.reshape(-1, 16)).tolist() == [_brute(ranges, number) for number in wanted]


def _brute(ranges: list[tuple[int, int, int]], number: int) -> int:
    return next((asn for low, high, asn in ranges if low <= number <= high), 0)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("1.0.0.0,1.0.0.9,1,A\n1.0.0.5,1.0.0.20,2,B\n", 2, "not after"),
        ("5.0.0.0,5.0.0.9,1,A\n1.0.0.0,1.0.0.9,2,B\n", 2, "not after"),
        ("1.0.0.9,1.0.0.0,1,A\n", 1, "before it starts"),
        ("1.0.0.0,1.0.0.9,1,A\n2.0.0.0,2.0.0.999,2,B\n", 2, "no IPv4 address"),
        ("1.0.0.0,1.0.0.9,1,A\n2.0.0.0,2.0.0.9,x,B\n", 2, "no AS number"),
        ("1.0.0.0,1.0.0.9,0,A\n", 1, "no AS number"),
        ("1.0.0.0,1.0.0.9,AU\n2.0.0.0,2.0.0.9,Aus\n", 2, "no two-letter country code"),
        ("1.0.0.0,1.0.0.9\n", 1, "neither"),
        ("", 1, "neither"),
    ],
)
def test_a_malformed_table_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    """Rule: overlapping, unsorted, reversed or unreadable rows are refused, naming the line."""
    with pytest.raises(UnreadableInputError, match=what) as caught:
        parse_table(text.encode(), "made.csv")
    assert f"line {line}:" in str(caught.value)


def test_rows_of_different_width_are_refused() -> None:
    """Rule: a row with a column too few makes the table unreadable, not shorter."""
    with pytest.raises(UnreadableInputError, match="no such table"):
        parse_table(b"1.0.0.0,1.0.0.9,1,A\n2.0.0.0,2.0.0.9,2\n", "made.csv")


@pytest.mark.parametrize(
    ("text", "address", "asn"),
    [
        ("1.0.0.0,1.0.0.9,1,A\n1.0.0.5,1.0.0.20,2,B\n", "1.0.0.5", 2),
        ("2001::,2001::9,1,A\n2001::5,2001::20,2,B\n", "2001::5", 2),
        ("2001::,2001::9,1,A\n2001::5,2001::20,2,B\n", "2001::4", 1),
    ],
)
def test_overlaps_are_cut_where_that_is_allowed(text: str, address: str, asn: int) -> None:
    """Rule: with leave to cut, the earlier range ends where the next begins, and the cut is counted."""
    table = parse_table(text.encode(), "made.csv", cut_overlaps=True)
    assert table.cut == 1
    assert table.lookup(np.frombuffer(pack(address), np.uint8)[None]).tolist() == [asn]


def test_holders_are_found_by_number() -> None:
    """Rule: the holder of an AS number is the first name that the table gives, quotes and commas kept."""
    text = '1.0.0.0,1.0.0.9,7,"Acme, Ltd."\n2.0.0.0,2.0.0.9,7,Other\n3.0.0.0,3.0.0.9,5,Ærø Net\n'
    holders = parse_table(text.encode(), "made.csv").holders
    assert [holders.name(asn) for asn in (5, 7, 6, 99)] == ["Ærø Net", "Acme, Ltd.", "", ""]


def test_gzip_is_read_as_if_plain(tmp_path: Path) -> None:
    """Rule: compression is recognised by content; a cut-off stream is an error that names the file."""
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(b"1.0.0.0,1.0.0.9,AU\n"))
    assert read_bytes(path) == b"1.0.0.0,1.0.0.9,AU\n"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        read_bytes(path)


def test_country_numbers_are_reversible() -> None:
    """Rule: a country survives the number that tables hold, and 0 is unknown."""
    assert country_code(country_number("EE")) == "EE"
    assert country_code(0) == "ZZ"


def test_an_empty_table_finds_nothing() -> None:
    """Rule: without a table every address is unknown."""
    assert empty_table("asn", 4).lookup(pack_all(["1.1.1.1"])).tolist() == [0]
