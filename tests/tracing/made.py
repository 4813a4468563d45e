"""Addresses, tables and attacks that the tests of tracing make themselves."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.attacks.attack import Attack
from hanse.attacks.sources import SOURCES
from hanse.kernel.address_columns import v4_column
from hanse.tracing.address_data import AddressData
from hanse.tracing.address_space import Space
from hanse.tracing.observe import SourceRows

ASN_V4 = """1.0.0.0,1.0.0.255,64496,"Example, Inc."
5.0.0.0,5.255.255.255,64497,Second Networks
91.0.0.0,91.127.255.255,64498,Ministry Cables
"""
COUNTRY_V4 = "1.0.0.0,1.0.0.255,AU\n5.0.0.0,5.255.255.255,SE\n91.0.0.0,91.255.255.255,EE\n"
ASN_V6 = "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,64499,Sixth Networks\n"
COUNTRY_V6 = "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,NO\n"


def packages(folder: Path, version: str = "2.3.2026061719") -> Path:
    """A ``node_modules`` with two small address data packages."""
    tables = {"asn": (ASN_V4, ASN_V6), "asn-country": (COUNTRY_V4, COUNTRY_V6)}
    for name, (v4, v6) in tables.items():
        place = folder / "node_modules" / "@ip-location-db" / name
        place.mkdir(parents=True)
        (place / f"{name}-ipv4.csv").write_text(v4)
        (place / f"{name}-ipv6.csv").write_text(v6)
        (place / "package.json").write_text(f'{{"name": "@ip-location-db/{name}", "version": "{version}"}}')
    return folder / "node_modules"


def data(folder: Path) -> AddressData:
    """The address data of `packages`."""
    return AddressData.find(packages(folder), cache=folder / "cache")


def attack(**changes: object) -> Attack:
    """A UDP flood without any particulars."""
    values: dict[str, object] = {
        "id": "a1",
        "victim": "192.0.2.1",
        "vector": "udp_flood",
        "start_us": 0,
        "end_us": 1_000_000,
        "peak_bps": 1.0,
        "peak_pps": 1.0,
        "packets": 1,
        "bytes": 1,
        "flows": 1,
        "sources": 1,
    }
    return Attack(**{**values, **changes})  # type: ignore[arg-type]  # a test's shorthand


def draw(space: Space, number: int, rng: np.random.Generator) -> npt.NDArray[np.uint32]:
    """IPv4 addresses drawn evenly from a space."""
    at = rng.random(number) * space.size
    index = np.searchsorted(space.before, at, "right") - 1
    return (space.starts[index] + (at - space.before[index]).astype(np.uint64)).astype(np.uint32)


def botnet(number: int, rng: np.random.Generator, networks: int = 300) -> npt.NDArray[np.uint32]:
    """Addresses of machines in a few hundred /16 networks between 11.0.0.0 and 99.255.255.255."""
    nets = rng.integers(11 << 8, 100 << 8, networks).astype(np.uint32)
    return (rng.choice(nets, number) << 16) | rng.integers(0, 65536, number).astype(np.uint32)


def rows(
    numbers: npt.NDArray[np.uint32],
    packets: npt.NDArray[np.int64] | int = 1,
    ttl: npt.NDArray[np.uint8] | int = 0,
) -> SourceRows:
    """Source rows of IPv4 addresses, one flow each."""
    count = len(numbers)
    return SourceRows(
        v4_column(numbers),
        np.ones(count, np.int64),
        np.broadcast_to(np.asarray(packets, np.int64), count),
        np.broadcast_to(np.asarray(ttl, np.uint8), count),
    )


def several(number: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Packets of sources that send some six each."""
    return 1 + rng.poisson(5, number)


def sources_table(own: Iterable[tuple[str, SourceRows]]) -> pa.Table:
    """The `SOURCES` table of several attacks."""
    batches = []
    for name, some in own:
        count = len(some.addresses)
        columns = [
            pa.array([name] * count, pa.string()),
            pa.array([address.tobytes() for address in some.addresses], pa.binary(16)),
            pa.array(some.flows, pa.int64()),
            pa.array(some.packets, pa.int64()),
            pa.array(some.packets * 60, pa.int64()),
            pa.array([0] * count, pa.uint8()),
            pa.array(some.ttl, pa.uint8()),
        ]
        batches.append(pa.table(columns, schema=SOURCES))
    return pa.concat_tables(batches) if batches else SOURCES.empty_table()
