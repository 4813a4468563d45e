import json
from datetime import date
from pathlib import Path

import pytest

from hanse.kernel.address_columns import pack_all
from hanse.tracing import data_files
from hanse.tracing.address_data import AddressData
from hanse.tracing.data_files import find_tables, version_date
from hanse.tracing.ranges import country_code
from tests.tracing import made


def test_lookup_of_both_families_at_once(tmp_path: Path) -> None:
    """Rule: one call answers IPv4 and IPv6 addresses in their order; unknown ones are 0 and ZZ."""
    data = made.data(tmp_path)
    found = data.lookup(pack_all(["5.1.2.3", "2001:db8::7", "8.8.8.8", "1.0.0.0"]))
    assert found.asn.tolist() == [64497, 64499, 0, 64496]
    assert [country_code(int(number)) for number in found.country] == ["SE", "NO", "ZZ", "AU"]
    assert [data.holder(asn) for asn in (64496, 64499, 1)] == ["Example, Inc.", "Sixth Networks", ""]


def test_version_date_and_age_are_stated(tmp_path: Path) -> None:
    """Rule: every report can print version, day, age in days and the attributions the licences ask for."""
    packages = made.packages(tmp_path)
    data = AddressData.find(packages, cache=tmp_path / "cache", today=date(2026, 11, 24))
    text = "\n".join(data.description.lines())
    assert data.description.age_days == 160
    assert "2.3.2026061719, of 2026-06-17, 160 days old" in text
    assert "DB-IP" in text
    assert "CC BY 4.0" in text
    assert "not where a machine or a person is" in text
    assert json.loads(json.dumps(data.description.as_json()))["tables"][0]["ranges"] == 3


def test_absence_is_said(tmp_path: Path) -> None:
    """Rule: without data nothing fails: every lookup is empty and the description says why."""
    data = AddressData.find(tmp_path, cache=tmp_path / "cache")
    assert not data.description.available
    assert data.lookup(pack_all(["5.1.2.3"])).asn.tolist() == [0]
    assert "off" in data.description.lines()[0]
    assert "hanse data update" in data.description.lines()[0]


def test_a_damaged_table_turns_tracing_off_and_says_so(tmp_path: Path) -> None:
    """Rule: a damaged package is never half used."""
    packages = made.packages(tmp_path)
    (packages / "@ip-location-db/asn/asn-ipv4.csv").write_text("nonsense\n")
    data = AddressData.find(packages, cache=tmp_path / "cache")
    assert not data.description.available
    assert "asn-ipv4.csv" in data.description.reason


def test_a_table_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    """Rule: a file named as one table but holding another is an error, not a wrong answer."""
    packages = made.packages(tmp_path)
    (packages / "@ip-location-db/asn/asn-ipv4.csv").write_text(made.COUNTRY_V4)
    data = AddressData.find(packages, cache=tmp_path / "cache")
    assert "not of asn-ipv4" in data.description.reason


def test_missing_tables_are_named(tmp_path: Path) -> None:
    """Rule: with some tables only, the others are named as missing and find nothing."""
    packages = made.packages(tmp_path)
    (packages / "@ip-location-db/asn-country/asn-country-ipv6.csv").unlink()
    data = AddressData.find(packages, cache=tmp_path / "cache")
    assert "No table for country-ipv6." in data.description.lines()
    assert data.lookup(pack_all(["2001:db8::1"])).country.tolist() == [0]


def test_the_cache_is_by_content_and_never_trusted(tmp_path: Path) -> None:
    """Rule: changed content is never answered from the cache, and a damaged cache file is made again."""
    packages = made.packages(tmp_path)
    cache = tmp_path / "cache"
    AddressData.find(packages, cache=cache)
    for path in cache.iterdir():
        path.write_bytes(b"PK damaged")
    assert AddressData.find(packages, cache=cache).lookup(pack_all(["5.1.2.3"])).asn.tolist() == [64497]
    (packages / "@ip-location-db/asn/asn-ipv4.csv").write_text("5.0.0.0,5.0.255.255,1,New\n")
    data = AddressData.find(packages, cache=cache)
    assert data.lookup(pack_all(["5.0.2.3", "5.1.2.3"])).asn.tolist() == [1, 0]
    assert AddressData.find(packages, cache=cache).holder(1) == "New"


def test_an_unwritable_cache_is_no_error(tmp_path: Path) -> None:
    """Rule: where the cache cannot be written, tables are parsed each time."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    data = AddressData.find(made.packages(tmp_path), cache=blocked / "cache")
    assert data.lookup(pack_all(["5.1.2.3"])).asn.tolist() == [64497]


def test_the_packages_are_found_beside_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: node_modules in the current folder goes before others; the user's own data before all."""
    made.packages(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = find_tables(store=tmp_path / "store")
    assert found["asn-ipv4"].path == tmp_path / "node_modules/@ip-location-db/asn/asn-ipv4.csv"


@pytest.mark.parametrize(
    ("version", "day"),
    [
        ("2.3.2026061719", date(2026, 6, 17)),
        ("2.3.20260617", date(2026, 6, 17)),
        ("2.0.2", None),
        ("2.3.2026139999", None),
    ],
)
def test_the_day_is_read_from_the_version(version: str, day: date | None) -> None:
    """Rule: only a version that ends in a day gives one."""
    assert version_date(version) == day


def test_attribution_of_unknown_data_says_so() -> None:
    """Rule: data without a stated licence is printed as such."""
    assert "licence not stated" in data_files.attribution("mine.csv")


def test_pinned_packages_load_where_installed(tmp_path: Path) -> None:
    """Rule: the packages that `make setup` pins are read whole, with their one known overlap cut."""
    folder = Path(__file__).resolve().parents[2] / "node_modules"
    if not (folder / "@ip-location-db").is_dir():
        pytest.skip("address data packages not installed (make setup installs them)")
    data = AddressData.find(folder, cache=tmp_path)
    assert data.description.ranges == (411961, 103197, 141822, 68368)
    assert data.description.cut == 1
    found = data.lookup(pack_all(["8.8.8.8", "2001:4860:4860::8888", "10.0.0.1"]))
    assert found.asn.tolist() == [15169, 15169, 0]
    assert data.holder(15169) == "Google LLC"
