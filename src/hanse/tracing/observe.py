"""What the sources of one attack show: the numbers on which the source test decides."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.attacks.attack import Attack
from hanse.kernel import addresses as text_addresses
from hanse.tracing.address_data import AddressData
from hanse.tracing.address_space import (
    Clustering,
    Divergence,
    Space,
    clustering,
    divergence,
    in_private,
    positions,
    reserved,
    routed_space,
    unicast_space,
    whole_space,
)
from hanse.tracing.ranges import Addresses, Family, is_v4


@dataclass(frozen=True, slots=True, eq=False)
class SourceRows:
    """The `SOURCES` rows of one attack as arrays of one length.

    Attributes:
        addresses: Distinct sources, uint8, shape (n, 16).
        flows: Flow records of each.
        packets: Estimated packets of each.
        ttl: Lowest TTL of each, 0 where unknown.
    """

    addresses: Addresses
    flows: npt.NDArray[np.int64]
    packets: npt.NDArray[np.int64]
    ttl: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, table: pa.Table) -> "SourceRows":
        """From rows of the `SOURCES` table."""
        raw = b"".join(table.column("src").to_pylist())
        return cls(
            np.frombuffer(raw, np.uint8).reshape(-1, 16),
            table.column("flows").to_numpy().astype(np.int64),
            table.column("packets").to_numpy().astype(np.int64),
            table.column("ttl").to_numpy().astype(np.uint8),
        )

    def where(self, mask: npt.NDArray[np.bool_]) -> "SourceRows":
        """Only some of the rows."""
        return SourceRows(self.addresses[mask], self.flows[mask], self.packets[mask], self.ttl[mask])


@dataclass(frozen=True, slots=True)
class Observed:
    """The indicators of one attack, over the address family that most of its sources have.

    Attributes:
        family: 4 or 6.
        number: Distinct sources looked at (a uniform sample where the attack has more).
        once: Share of them seen in a single packet.
        reserved: Sources in space from which nothing can come over the Internet.
        unannounced: Share of sources in space that nobody announces; None without address data.
        unannounced_if_random: What random addresses of the unreserved space would show.
        divergences: Divergence from even spread over each reference space, by its name.
        clustering: How clustered they are in /16 (IPv6: /32) networks.
        coarse: How clustered they are in /12 (IPv6: /28) networks.
        networks: Distinct /16 (IPv6: /32) networks.
        densest: The /24 (IPv6: /48) with most sources.
        densest_share: Its share of the sources.
        ttl_known: Share of sources with a known TTL.
        ttl_common: Share of those that have one of the three most frequent TTL values.
    """

    family: Family
    number: int
    once: float
    reserved: int
    unannounced: float | None
    unannounced_if_random: float | None
    divergences: dict[str, Divergence]
    clustering: Clustering
    coarse: Clustering
    networks: int
    densest: str
    densest_share: float
    ttl_known: float
    ttl_common: float

    @property
    def nearest(self) -> tuple[str, Divergence]:
        """The reference space from which the sources differ least beyond its noise."""
        return min(self.divergences.items(), key=lambda item: item[1].value - item[1].expected)

    @property
    def reported(self) -> Divergence:
        """The divergence that a trace states: from the announced space, else from the unreserved."""
        return list(self.divergences.values())[-1]


class References:
    """The reference spaces of each family, made once for one run."""

    def __init__(self, data: AddressData) -> None:
        self._data = data
        self._made: dict[Family, tuple[Space, ...]] = {}

    def spaces(self, family: Family) -> tuple[Space, ...]:
        """Whole, unreserved and (with address data) announced space."""
        if family not in self._made:
            spaces = [whole_space(family), unicast_space(family)]
            table = self._data.table("asn", family)
            if len(table):
                spaces.append(routed_space(table))
            self._made[family] = tuple(spaces)
        return self._made[family]


def observe(attack: Attack, rows: SourceRows, references: References) -> Observed | None:
    """Measure the sources of an attack; None when it has none."""
    if not len(rows.addresses):
        return None
    v4 = is_v4(rows.addresses)
    family: Family = 4 if 2 * int(v4.sum()) >= len(v4) else 6
    rows = rows.where(v4 if family == 4 else ~v4)
    where = positions(rows.addresses, family)
    spaces = references.spaces(family)
    announced = spaces[2] if len(spaces) > 2 else None
    densest, densest_share = _densest(rows.addresses, where, family)
    ttl_known, ttl_common = _ttl(rows.ttl)
    return Observed(
        family=family,
        number=len(where),
        once=_seen_once(rows),
        reserved=int(reserved(rows.addresses, family, private=not _is_private(attack.victim)).sum()),
        unannounced=float(np.isnan(announced.fractions(where)).mean()) if announced else None,
        unannounced_if_random=1 - announced.size / spaces[1].size if announced else None,
        divergences={space.name: divergence(where, space) for space in spaces},
        clustering=clustering(where, family),
        coarse=clustering(where, family, wider=4),
        networks=len(np.unique(where >> np.uint64(16 if family == 4 else 32))),
        densest=densest,
        densest_share=densest_share,
        ttl_known=ttl_known,
        ttl_common=ttl_common,
    )


def _seen_once(rows: SourceRows) -> float:
    """Share of sources of which a single packet was observed.

    Packets are estimates under sampling. All of them are then multiples of the sampling rate, so their
    greatest common divisor bounds it from above and packets / divisor is the least that can have been
    observed; so is the number of flow records.
    """
    divisor = max(math.gcd(*rows.packets.tolist()), 1)
    least = np.maximum(rows.packets // divisor, rows.flows)
    return float((least < 2).mean())


def _densest(addresses: Addresses, where: npt.NDArray[np.uint64], family: Family) -> tuple[str, float]:
    """The /24 or /48 with most sources, and its share of them."""
    _, first, counts = np.unique(
        where >> np.uint64(8 if family == 4 else 16), return_index=True, return_counts=True
    )
    most = int(counts.argmax())
    return text_addresses.prefix_of(addresses[first[most]].tobytes()), float(counts[most] / len(where))


def _ttl(ttl: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Share of sources with a known TTL, and share of the three most frequent values among those."""
    known = ttl[ttl > 0]
    if not len(known):
        return 0.0, 0.0
    counts = np.sort(np.bincount(known))[::-1]
    return len(known) / len(ttl), float(counts[:3].sum() / len(known))


def _is_private(victim: str) -> bool:
    """Whether the victim is itself in a private network, as inside an organisation or when anonymised."""
    try:
        return in_private(text_addresses.pack(victim.partition("/")[0]))
    except ValueError:
        return False
