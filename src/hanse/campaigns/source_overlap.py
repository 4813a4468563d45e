"""Whether two attacks share more apparent sources than unrelated ones would: by address or /24 only.

Networks (AS) and countries are never compared. Spoofed attacks have no sources to compare. The
population that unrelated attacks draw from is not known; the figures below are set low on purpose, which
raises the overlap expected by chance, so that errors in them cost links and do not make any.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from hanse.attacks.attack import Attack
from hanse.campaigns import chance

DIRECT_POPULATION = 1_000_000
"""Hosts that take part in direct attacks. Single botnets have had 600,000 at once (Mirai; Antonakakis et al.,
USENIX Security 2017); all of them together are more."""

UNDETERMINED_POPULATION = 100_000
"""Where it is open whether sources are real: a tenth, so that reflectors not recognised as such do no harm."""

REFLECTOR_POPULATION = {
    "dns_reflection": 100_000,
    "ssdp_reflection": 100_000,
    "snmp_reflection": 50_000,
    "ntp_reflection": 50_000,
    "tcp_synack_reflection": 500_000,
    "memcached_reflection": 2_000,
}
OTHER_REFLECTOR_POPULATION = 20_000
"""Reflectors of a service that attackers find worth using. Scans of the whole address space find ten times as
many open ones and more (Rossow, NDSS 2014, table 3); attackers prefer those that amplify most, so that the
same reflectors are met again in unrelated attacks."""

HOSTS_PER_NETWORK = 4
"""The population in /24 networks is the one in addresses over this: hosts of one kind lie together."""

LEAST_COMMON = 3
"""Fewer sources in common may be a resolver, a proxy or an exit node that everybody meets."""

PRODUCT_BUDGET = 300_000_000
"""Products that one comparison of all attacks may take; beyond it a uniform sample of addresses is compared."""

Index = npt.NDArray[np.int64]


def population(attack: Attack) -> float:
    """How many hosts attacks of this kind draw from, at least; 0 where there is nothing to compare."""
    if attack.source_class == "spoofed":
        return 0.0
    if attack.source_class == "direct":
        return DIRECT_POPULATION
    if attack.source_class == "reflected" or attack.vector.endswith("_reflection"):
        return REFLECTOR_POPULATION.get(attack.vector, OTHER_REFLECTOR_POPULATION)
    return UNDETERMINED_POPULATION


class Sources:
    """The unspoofed sources of all attacks as sparse matrices.

    Args:
        attacks: The attacks.
        sources: `hanse.attacks.attack.SOURCES` rows; of attacks with many sources a sample that holds the
            same addresses in every attack.
    """

    def __init__(self, attacks: Sequence[Attack], sources: pa.Table) -> None:
        self._population = np.array([population(attack) for attack in attacks], np.float64)
        attack_index, source_index, self._raw = _numbered(attacks, sources, self._population > 0)
        shape = (len(attacks), max(len(self._raw), 1))
        self._held = np.bincount(attack_index, minlength=len(attacks)).astype(np.float64)
        counted = np.array([attack.sources for attack in attacks], np.float64)
        self.counted = np.maximum(counted, self._held)
        self._sampled = np.divide(self._held, self.counted, out=np.ones(len(attacks)), where=self.counted > 0)
        self.thinning = _thinning(source_index)
        kept = source_index % 65_521 < self.thinning * 65_521 if self.thinning < 1 else slice(None)
        self._by_address = _matrix(attack_index[kept], source_index[kept], shape)
        whole = self._sampled[attack_index] >= 1
        networks = _networks(self._raw)
        self._by_network = _matrix(
            attack_index[whole],
            networks[source_index[whole]],
            (len(attacks), int(networks.max(initial=0)) + 1),
        )
        self.networks = np.asarray(self._by_network.sum(axis=1), np.float64).ravel()

    def available(self, rows: Index, cols: Index) -> npt.NDArray[np.bool_]:
        """Where both attacks have sources to compare, shape (rows, cols)."""
        has = (self._population > 0) & (self._held > 0)
        return np.logical_and.outer(has[rows], has[cols])

    def compares_samples(self, first: int, second: int) -> bool:
        """Whether fewer than all sources of two attacks are compared."""
        return bool(min(self._sampled[first], self._sampled[second]) * self.thinning < 1)

    def common(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """Addresses in common in what was compared, shape (rows, cols)."""
        return _product(self._by_address, rows, cols)

    def common_networks(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """/24 (IPv6: /48) networks in common, shape (rows, cols); 0 where one attack is a sample."""
        return _product(self._by_network, rows, cols)

    def log_p(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """Logarithms of p-values of each row attack with each column attack, shape (rows, cols)."""
        people = np.minimum.outer(self._population[rows], self._population[cols])
        people = np.maximum(people, 1.0)
        sizes = np.multiply.outer(self.counted[rows], self.counted[cols])
        # The smallest hashes of both: what both samples would hold is the share of the smaller share.
        share = np.minimum.outer(self._sampled[rows], self._sampled[cols]) * self.thinning
        by_address = _log_p(self.common(rows, cols), sizes * share / people)
        networks = np.multiply.outer(self.networks[rows], self.networks[cols])
        by_network = _log_p(self.common_networks(rows, cols), networks * HOSTS_PER_NETWORK / people)
        # Two looks at the same sources: the better one counts half.
        better = np.minimum(np.minimum(by_address, by_network) + np.log(2.0), 0.0)
        return np.where(self.available(rows, cols), better, 0.0)


def _log_p(common: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    out = np.zeros(common.shape)
    some = np.nonzero(common >= LEAST_COMMON)  # mostly few, and logarithms of all would take the most time
    out[some] = chance.log_overlap(common[some], expected[some])
    return out


def _numbered(
    attacks: Sequence[Attack], sources: pa.Table, wanted: npt.NDArray[np.bool_]
) -> tuple[Index, Index, npt.NDArray[np.uint8]]:
    """Rows of the attacks wanted as (attack number, source number) and the addresses by source number."""
    ids = pa.array([attack.id for attack in attacks], pa.string())
    attack = pc.index_in(sources["attack_id"].combine_chunks(), ids)
    encoded = sources["src"].combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    index = np.asarray(attack.fill_null(-1), np.int64)
    number = np.asarray(encoded.indices, np.int64)
    keep = index >= 0
    keep[keep] = wanted[index[keep]]
    raw = np.frombuffer(b"".join(encoded.dictionary.to_pylist()), np.uint8).reshape(-1, 16)
    high, low = raw.view(">u8").astype(np.uint64).T
    order = np.lexsort((low, high))
    rank = np.empty(len(raw), np.int64)
    rank[order] = np.arange(len(raw))
    # One number for both: numpy sorts numbers many times as fast as pairs of them.
    width = max(len(raw), 1)
    pairs = np.unique(index[keep] * width + rank[number[keep]])
    return pairs // width, pairs % width, raw[order]


def _networks(raw: npt.NDArray[np.uint8]) -> Index:
    """The number of the /24 (IPv6: /48) around each address."""
    if not len(raw):
        return np.empty(0, np.int64)
    around = raw.copy()
    v4 = (raw[:, :10] == 0).all(axis=1) & (raw[:, 10:12] == 0xFF).all(axis=1)
    around[v4, 15:] = 0
    around[~v4, 6:] = 0
    rows = np.ascontiguousarray(around).view(np.dtype((np.void, 16))).ravel()
    return np.unique(rows, return_inverse=True)[1].astype(np.int64)


def _thinning(source_index: Index) -> float:
    """Share of addresses to compare so that the product keeps to its budget."""
    degrees = np.bincount(source_index).astype(np.float64)
    return float(min(1.0, PRODUCT_BUDGET / max(float((degrees**2).sum()), 1.0)))


def _matrix(rows: Index, cols: Index, shape: tuple[int, int]) -> sparse.csr_array:
    matrix = sparse.csr_array((np.ones(len(rows), np.int32), (rows, cols)), shape=shape)
    matrix.data[:] = 1
    return matrix


def _product(matrix: sparse.csr_array, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
    # Turned round, because the transposed side is converted anew each time and rows are the fewer.
    return np.asarray((matrix[cols] @ matrix[rows].T).toarray().T, np.float64)
