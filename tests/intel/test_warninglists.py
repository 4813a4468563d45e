"""The index of public lists says of a value which lists name it, and nothing of others."""

from pathlib import Path

import pytest

from hanse.intel import warninglists
from hanse.intel.values import Value
from hanse.intel.warninglists import Listed

LISTS = (
    Listed("Resolvers", "cidr", ["8.8.8.8", "1.1.1.0/24", "no address"]),
    Listed("Providers", "hostname", ["google.com"]),
    Listed("Empty files", "string", ["D41D8CD98F00B204E9800998ECF8427E"]),
    Listed("Patterns", "regex", [".*"]),
)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (Value("address", "8.8.8.8"), ("Resolvers",)),
        (Value("address", "1.1.1.9"), ("Resolvers",)),
        (Value("network", "1.1.0.0/16"), ()),
        (Value("address", "8.8.8.9"), ()),
        (Value("domain", "google.com"), ("Providers",)),
        (Value("domain", "www.google.com"), ("Providers",)),
        (Value("domain", "notgoogle.com"), ()),
        (Value("md5", "d41d8cd98f00b204e9800998ecf8427e"), ("Empty files",)),
    ],
)
def test_lists_name_their_values(tmp_path: Path, value: Value, names: tuple[str, ...]) -> None:
    """Addresses are found in networks, hosts below names, everything else as it is; patterns are not asked."""
    warninglists.build(tmp_path, LISTS)
    assert warninglists.naming(value, tmp_path) == names


def test_without_an_index_nothing_is_said(tmp_path: Path) -> None:
    """A page never waits for the index, and an index of another version is made anew."""
    assert warninglists.naming(Value("address", "8.8.8.8"), tmp_path) == ()
    assert not warninglists.is_current(tmp_path)
    warninglists.build(tmp_path, LISTS)
    assert warninglists.is_current(tmp_path)


def test_the_package_has_lists() -> None:
    """What is indexed are the lists of the package as they are shipped."""
    first = next(warninglists.shipped())
    assert first.name
    assert first.list
