"""The constituency registry."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.constituency import SECTORS, Coverage, Registry, RegistryError, Target
from hanse.kernel.addresses import pack

HEADER = "prefix,organisation,sector,country,site\n"


def load(tmp_path: Path, text: str) -> Registry:
    """The registry that a file of this text gives."""
    path = tmp_path / "registry.csv"
    path.write_text(text, encoding="utf-8")
    return Registry.load(path)


def network(number: int, bits: int, version: int) -> str:
    """A network in text; too long a prefix is cut for IPv4."""
    if version == 4:
        return str(ipaddress.ip_network((number % 2**32, min(bits, 32)), strict=False))
    return str(ipaddress.ip_network((number.to_bytes(16), bits), strict=False))


prefixes = st.builds(
    network,
    # Few leading bits vary, so that prefixes do lie inside each other.
    st.integers(0, 7).map(lambda high: high << 125 | high << 28),
    st.integers(0, 40),
    st.sampled_from([4, 6]),
)


@given(
    st.lists(prefixes, max_size=20),
    st.lists(st.integers(0, 2**32 - 1).map(lambda n: str(ipaddress.IPv4Address(n))), max_size=10),
    st.lists(st.integers(0, 2**128 - 1).map(lambda n: str(ipaddress.IPv6Address(n))), max_size=10),
)
def test_lookup_gives_the_longest_prefix(texts: list[str], fours: list[str], sixes: list[str]) -> None:
    """For IPv4 and IPv6, lookup gives what trying every entry gives; families never mix."""
    registry = Registry(Target(text, text, "energy", "EE") for text in texts)
    networks = [ipaddress.ip_network(text) for text in texts]
    for text in fours + sixes:
        address = ipaddress.ip_address(text)
        lengths = [each.prefixlen for each in networks if each.version == address.version and address in each]
        found = registry.lookup(text)
        assert found == registry.lookup(pack(text))
        if not lengths:
            assert found is None
        else:
            assert found is not None
            assert ipaddress.ip_network(found.prefix).prefixlen == max(lengths)


def test_lookup_of_a_network_needs_an_entry_around_all_of_it() -> None:
    """A victim that is a prefix belongs to the entry that holds the whole of it."""
    registry = Registry(
        [Target("198.18.4.0/22", "A", "energy", "EE"), Target("198.18.5.9/32", "B", "food", "EE")]
    )
    assert getattr(registry.lookup("198.18.5.0/24"), "organisation", "") == "A"
    assert registry.lookup("198.18.0.0/16") is None
    assert getattr(registry.lookup("198.18.5.9"), "organisation", "") == "B"


def test_a_wrong_address_is_refused() -> None:
    """Lookup never guesses at something that is no address."""
    registry = Registry()
    for wrong in (b"123", "not an address"):
        with pytest.raises(ValueError, match="address"):
            registry.lookup(wrong)


def test_errors_name_line_and_column_and_all_mistakes(tmp_path: Path) -> None:
    """Every mistake is listed at once, with its line, its column and what would be right."""
    text = HEADER + "10.0.0.1/24,A,energy,EE,\n10.0.0.2,,mining,Estonia,\n10.0.0.3,C,energy,EE,\n"
    with pytest.raises(RegistryError) as caught:
        load(tmp_path, text)
    words = str(caught.value)
    assert "line 2, column prefix" in words
    assert "10.0.0.0/24" in words
    assert "line 3, column organisation" in words
    assert "line 3, column country" in words
    assert "line 3, column sector: 'mining'" in words
    assert all(sector in words for sector in SECTORS)
    assert len(caught.value.problems) == 4


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """A file without a needed column says which, and how the first line must look."""
    with pytest.raises(RegistryError, match=r"lacks the columns organisation, country\."):
        load(tmp_path, "prefix,sector,site\n10.0.0.1,energy,\n")


def test_unreadable_files_are_explained(tmp_path: Path) -> None:
    """An absent file and one in another encoding give an error with the path, not a traceback."""
    with pytest.raises(RegistryError, match=r"absent\.csv: cannot be read"):
        Registry.load(tmp_path / "absent.csv")
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"10.0.0.1,P\xf5llu,food,EE,\n")
    with pytest.raises(RegistryError, match="UTF-8"):
        Registry.load(tmp_path / "latin.csv")


def test_the_same_prefix_twice_is_one_entry_unless_the_words_differ(tmp_path: Path) -> None:
    """Repeated lines do no harm; contradictions are an error that names both lines."""
    same = HEADER + "10.0.0.1,A,energy,EE,a.ee\n10.0.0.1/32,A,Energy ,ee,a.ee\n"
    assert len(load(tmp_path, same)) == 1
    with pytest.raises(RegistryError, match=r"line 3, column prefix: 10\.0\.0\.1/32 is on line 2"):
        load(tmp_path, HEADER + "10.0.0.1,A,energy,EE,\n10.0.0.1,B,energy,EE,\n")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """A written registry gives the same entries, organisations and counts."""
    targets = [
        Target("2001:db8::/32", "Water, Ltd", "drinking water", "LV", "water.example"),
        Target("198.18.0.7/32", "Bank", "banking", "EE"),
        Target("198.18.0.8/32", "Bank", "banking", "EE"),
    ]
    path = tmp_path / "out.csv"
    Registry(targets).write(path)
    registry = Registry.load(path)
    assert set(registry) == set(targets)
    assert registry.organisations() == ("Bank", "Water, Ltd")
    assert registry.covers("ee") == Coverage(targets=2, organisations=1, sectors=1)
    assert registry.countries() == (("EE", 2), ("LV", 1))


def test_ipv4_written_as_ipv6_is_the_same_network(tmp_path: Path) -> None:
    """A file that says of a network by its other name whose it is hides nobody: it says two things of one network."""
    bank = "192.0.2.0/24,Bank,banking,EE,\n"
    with pytest.raises(RegistryError, match=r"line 2 already"):
        load(tmp_path, HEADER + bank + "::ffff:192.0.2.0/120,Nobody,energy,EE,\n")
    (target,) = load(tmp_path, HEADER + "::ffff:192.0.2.7,Bank,banking,EE,\n")
    assert target.prefix == "192.0.2.7/32"


@pytest.mark.parametrize(
    "prefix", ["0.0.0.0/0", "128.0.0.0/1", "::/0", "2000::/3", "::ffff:0.0.0.0/96", "10.0.0.0/7"]
)
def test_no_entry_is_wider_than_what_anybody_runs(tmp_path: Path, prefix: str) -> None:
    """Under all of the Internet every victim would belong to one organisation, and every campaign be against it."""
    with pytest.raises(RegistryError, match="wider than a /"):
        load(tmp_path, f"{HEADER}{prefix},Everybody,energy,EE,\n")
    assert len(load(tmp_path, f"{HEADER}25.0.0.0/8,A,energy,EE,\n2600::/12,B,energy,EE,\n")) == 2
