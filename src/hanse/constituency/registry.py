"""The constituency registry: which organisation, sector and country an address belongs to.

A registry is a CSV file (UTF-8, first line the column names) with the columns ``prefix`` (a host or a
network in CIDR form, IPv4 or IPv6), ``organisation``, ``sector`` (see `sectors.SECTORS`), ``country``
(ISO 3166 alpha-2) and ``site`` (may be empty), and if need be ``contact``. Further columns are ignored.

Networks may lie inside each other: the longest prefix answers. The same prefix twice with the same
words is one entry; with different words it is an error, since the file then says two things.
"""

import csv
import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hanse.constituency.sectors import SECTORS
from hanse.kernel import addresses
from hanse.kernel.errors import HanseError, Problem
from hanse.kernel.printable import printable

NAMED = ("prefix", "organisation", "sector", "country", "site")
"""Columns that a file has to name."""

COLUMNS = (*NAMED, "contact")
"""All columns; a file that names no contacts has none."""

_V4_SPACE_BITS = 96
_V4_SPACE = 0xFFFF
"""Leading bits that all IPv4-mapped addresses share (RFC 4291, section 2.5.5.2). An IPv6 network that is
wider than this space does not hold IPv4 addresses."""

SHORTEST = {4: 8, 6: 12}
"""The shortest prefix of an entry, by version: what IANA gives to a registry (RFC 7020) is more than anybody runs.
Under 0.0.0.0/0 every victim would be the constituency's, and any attacks in the world be on one organisation."""


class RegistryError(HanseError):
    """A registry cannot be used; says every mistake with its line and column.

    Attributes:
        problems: The mistakes, in order of line.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Target:
    """One entry: a host or network and whose it is.

    Attributes:
        prefix: Network in CIDR form; a host is a /32 or /128.
        organisation: Who runs it.
        sector: One of `sectors.SECTORS`.
        country: ISO 3166 alpha-2 code.
        site: What runs there, such as a domain name; may be empty.
        contact: Whom to call or write to when it is hit; may be empty.
    """

    prefix: str
    organisation: str
    sector: str
    country: str
    site: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a country a registry knows: entries, organisations, sectors."""

    targets: int
    organisations: int
    sectors: int


class Registry:
    """Entries, found by address.

    Args:
        targets: Entries with well-formed prefixes; of two with one prefix the later one counts.
    """

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        self._by_length: dict[int, dict[int, Target]] = {}
        for target in targets:
            key, bits = _key(target.prefix)
            self._by_length.setdefault(bits, {})[key] = target
        self._lengths = sorted(self._by_length, reverse=True)

    @classmethod
    def load(cls, path: Path) -> "Registry":
        """Read a registry file.

        Raises:
            RegistryError: The file cannot be read, or an entry is wrong; names line and column.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return cls(_read(str(path), file))
        except OSError as error:
            what = f"cannot be read: {error.strerror or error}."
            raise RegistryError([Problem(str(path), what, do="Give a CSV file.")]) from error
        except UnicodeDecodeError as error:
            what = "is not UTF-8 text."
            raise RegistryError([Problem(str(path), what, error.start, do="Save it as UTF-8.")]) from error
        except csv.Error as error:
            raise RegistryError([Problem(str(path), f"is no CSV: {error}.", do="Check it.")]) from error

    def __len__(self) -> int:
        """Number of entries."""
        return sum(len(found) for found in self._by_length.values())

    def __iter__(self) -> Iterator[Target]:
        """Entries, most specific first."""
        for bits in self._lengths:
            yield from self._by_length[bits].values()

    def lookup(self, address: bytes | str) -> Target | None:
        """The most specific entry that holds an address.

        Args:
            address: 16 bytes (IPv4 as ::ffff:a.b.c.d), an address in text, or a network in CIDR form,
                for which the entry must hold all of it.

        Raises:
            ValueError: It is no address.
        """
        if isinstance(address, bytes):
            if len(address) != 16:
                raise ValueError(f"an address has 16 bytes, not {len(address)}")
            key, bits = int.from_bytes(address), 128
        else:
            key, bits = _key(address)
        shortest = _V4_SPACE_BITS if key >> 32 == _V4_SPACE else 0
        for length in self._lengths:
            if shortest <= length <= bits:
                found = self._by_length[length].get(key >> (128 - length) << (128 - length))
                if found is not None:
                    return found
        return None

    def organisations(self) -> tuple[str, ...]:
        """Names of all organisations, in alphabetical order."""
        return tuple(sorted({target.organisation for target in self}))

    def countries(self) -> tuple[tuple[str, int], ...]:
        """Countries with their number of entries, most first."""
        return tuple(Counter(target.country for target in self).most_common())

    def covers(self, country: str) -> Coverage:
        """How much of a country (ISO alpha-2) is known."""
        inside = [target for target in self if target.country == country.upper()]
        return Coverage(
            len(inside), len({each.organisation for each in inside}), len({each.sector for each in inside})
        )

    def write(self, path: Path) -> None:
        """Write the entries as a registry file, in order of address."""
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(COLUMNS)
            for target in sorted(self, key=lambda each: _key(each.prefix)):
                rows.writerow([getattr(target, column) for column in COLUMNS])


def _key(prefix: str) -> tuple[int, int]:
    """A prefix as a number (128 bits, host bits 0) and its length in the 128-bit space."""
    network = ipaddress.ip_network(prefix)
    first, _ = addresses.network_bounds(network)
    return int.from_bytes(first), network.prefixlen + (_V4_SPACE_BITS if network.version == 4 else 0)


def _read(path: str, lines: Iterable[str]) -> Iterator[Target]:
    """The entries of a file; raises after the last line if any was wrong."""
    rows = csv.DictReader(lines, restkey="")
    missing = [name for name in NAMED if name not in {_clean(each) for each in rows.fieldnames or ()}]
    if missing:
        what = f"line 1 lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}."
        do = f"Its first line must name the columns {','.join(NAMED)}, with commas between."
        raise RegistryError([Problem(path, what, do=do)])
    rows.fieldnames = [_clean(each) for each in rows.fieldnames or ()]
    problems: list[Problem] = []
    seen: dict[str, tuple[int, Target]] = {}
    for row in rows:
        found = _target(path, rows.line_num, row)
        if isinstance(found, Target):
            clash = _clash(path, rows.line_num, found, seen)
            found = [clash] if clash else found
        if isinstance(found, Target):
            yield found
        else:
            problems += found
    if problems:
        raise RegistryError(problems)


def _clean(name: str) -> str:
    return name.strip().lower()


def _target(path: str, line: int, row: Mapping[str, str | None]) -> Target | list[Problem]:
    """One line as an entry, or what is wrong with it."""
    # Names stand in sentences on pages: marks of writing direction would turn the rest of the sentence round.
    values = {name: printable((row.get(name) or "").strip()) for name in COLUMNS}
    values["sector"] = " ".join(values["sector"].lower().split())
    values["country"] = values["country"].upper()
    wrong: list[Problem] = []

    def note(column: str, what: str, do: str) -> None:
        wrong.append(Problem(path, what, field=f"line {line}, column {column}", do=do))

    try:
        network = addresses.network(values["prefix"])
        values["prefix"] = str(network)
        if network.prefixlen < SHORTEST[network.version]:
            note("prefix", too_wide(network), "Write the networks that it runs.")
    except ValueError:
        note("prefix", f"{values['prefix']!r} is no address or network.", _prefix_advice(values["prefix"]))
    if not values["organisation"]:
        note("organisation", "is empty.", "Name who runs it.")
    if values["sector"] not in SECTORS:
        words = ", ".join(SECTORS)
        note("sector", f"{values['sector']!r} is no NIS2 sector.", f"Use one of: {words}.")
    if not (len(values["country"]) == 2 and values["country"].isascii() and values["country"].isalpha()):
        note("country", f"{values['country']!r} is no country code.", "Use ISO 3166 alpha-2, such as EE.")
    return wrong or Target(**values)


def too_wide(network: addresses.Network) -> str:
    """What is wrong with a network that is shorter than `SHORTEST`."""
    return f"{network} is wider than a /{SHORTEST[network.version]}: more than any one organisation runs."


def _prefix_advice(text: str) -> str:
    """What the writer of a wrong prefix may have meant."""
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "Write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."
    return f"The network around it is {meant}; write that, or the host alone."


def _clash(path: str, line: int, target: Target, seen: dict[str, tuple[int, Target]]) -> Problem | None:
    """A problem if an earlier line says something else of the same prefix."""
    first, other = seen.setdefault(target.prefix, (line, target))
    if other == target:
        return None
    what = f"{target.prefix} is on line {first} already, with other words."
    return Problem(path, what, field=f"line {line}, column prefix", do="Keep one of the two.")
