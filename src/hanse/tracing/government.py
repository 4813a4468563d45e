"""Networks that a government holds, as somebody claims with a source: named as such, never concluded."""

import csv
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from hanse.kernel.addresses import Network, network_bounds
from hanse.kernel.countries import NAMES
from hanse.kernel.errors import Problem, UnreadableInputError
from hanse.tracing.ranges import Addresses

COLUMNS = ("network", "body", "country", "claim")


@dataclass(frozen=True, slots=True)
class GovernmentNetwork:
    """One claim: a network is registered to a government body.

    Attributes:
        network: The prefix; None where the claim is about a whole AS.
        asn: The AS number; 0 where the claim is about a prefix.
        body: Name of the body.
        country: ISO 3166 alpha-2 code of its country.
        claim: Where that is said: an address or a text.
    """

    network: Network | None
    asn: int
    body: str
    country: str
    claim: str

    @property
    def name(self) -> str:
        """The prefix, or ``AS`` and the number."""
        return str(self.network) if self.network is not None else f"AS{self.asn}"


@dataclass(frozen=True, slots=True)
class GovernmentNetworks:
    """All claims of one file."""

    claims: tuple[GovernmentNetwork, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "GovernmentNetworks":
        """Read a CSV with the header ``network,body,country,claim``; `network` is a prefix or AS1234.

        Raises:
            UnreadableInputError: The file is not such a table, with the line that shows it.
        """
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableInputError(Problem(str(path), f"cannot be read ({error}).")) from error
        reader = csv.DictReader(text.splitlines())
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            _refuse(path, 1, f"has not the columns {', '.join(COLUMNS)}.")
        return cls(tuple(_claim(row, path, reader.line_num) for row in reader))

    def match(self, addresses: Addresses, asns: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        """The claim about each address, shape (n,): its index in `claims`, -1 for none.

        A prefix goes before an AS, and a longer prefix before a shorter one.
        """
        found = np.full(len(addresses), -1, np.int64)
        keys = np.ascontiguousarray(addresses).view("S16").ravel()
        order = sorted(range(len(self.claims)), key=lambda index: _length(self.claims[index]))
        for index in order:
            claim = self.claims[index]
            if claim.network is None:
                found[asns == claim.asn] = index
            else:
                low, high = network_bounds(claim.network)
                found[(keys >= np.bytes_(low)) & (keys <= np.bytes_(high))] = index
        return found


def _length(claim: GovernmentNetwork) -> int:
    """Order of precedence: AS numbers first (overruled by all that follow), then ever longer prefixes."""
    return -1 if claim.network is None else claim.network.prefixlen


def _claim(row: dict[str, str], path: Path, line: int) -> GovernmentNetwork:
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not values["body"] or not values["claim"]:
        _refuse(path, line, "needs the body's name and where the claim is made.")
    if values["country"] not in NAMES:
        _refuse(path, line, f"{values['country']!r} is no ISO 3166 country code.")
    network, asn = _network(values["network"], path, line)
    return GovernmentNetwork(network, asn, values["body"], values["country"], values["claim"])


def _network(text: str, path: Path, line: int) -> tuple[Network | None, int]:
    number = text.upper().removeprefix("AS")
    if number != text.upper() and number.isdecimal() and 0 < int(number) < 0xFFFFFFFF:
        return None, int(number)
    try:
        return ipaddress.ip_network(text), 0
    except ValueError:
        _refuse(path, line, f"{text!r} is neither a prefix (198.51.100.0/24) nor an AS number (AS64496).")


def _refuse(path: Path, line: int, what: str) -> NoReturn:
    raise UnreadableInputError(Problem(str(path), what, field=f"line {line}"))
