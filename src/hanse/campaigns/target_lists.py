"""Whether the victims of two attacks come from one list of targets.

One victim in common is no evidence: hosts that are attacked often are attacked by many. A list is. Two kinds
are looked for in the telemetry itself:

* *waves*: attacks that start within `WAVE_S` of each other on at least three victims. When an attack of
  one wave is compared with one of another, the question is whether their companions hit the same victims
  again; the two victims themselves are left out.
* *the victims of a campaign* that other tests have already established: whether an attack that stands apart
  is on one of them, out of all hosts that could have been its victim.
"""

import ipaddress
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hanse.attacks.attack import Attack
from hanse.campaigns import chance
from hanse.constituency import Registry

WAVE_S = 60.0
"""Starts within a minute of the last one are one wave: commands reach the members of a botnet by polling,
often once a minute, so that one order shows as starts over tens of seconds."""

LEAST_VICTIMS = 3
"""Fewer victims are no list."""

LIST_FLOOR = 0.01
"""Being on a list never counts for less: how much more often than others some hosts are attacked is not
known, and a host that everybody attacks is soon on every list."""

OCCUPIED = 0.05
"""Share of the addresses of a registered network that count as possible victims. About a sixth of the routed
IPv4 space answers probes (Heidemann et al., IMC 2008, and later censuses); a third of that is assumed here."""

WIDEST_NETWORK = 65_536
"""No network counts for more addresses than this."""

Index = npt.NDArray[np.int64]


def possible_victims(attacks: Sequence[Attack], registry: Registry | None, hosts: int = 0) -> float:
    """How many hosts could have been victims.

    Args:
        attacks: Their victims are counted at least.
        registry: Without a count, `OCCUPIED` of its addresses.
        hosts: Hosts of the constituency seen in the telemetry; 0 where not counted.
    """
    seen = len({attack.victim for attack in attacks})
    if hosts:
        return float(max(seen, hosts))
    known = 0.0
    for target in registry or ():
        network = ipaddress.ip_network(target.prefix)
        known += max(1.0, min(network.num_addresses, WIDEST_NETWORK) * OCCUPIED)
    return max(float(seen), known)


class Waves:
    """The waves among the attacks and how likely their victim sets repeat by chance.

    Args:
        start_s: Start of each attack, s.
        victim: Number of each attack's victim.
        victims: How many hosts could have been victims.
        span_s: Length of the telemetry, s.
    """

    def __init__(
        self, start_s: npt.NDArray[np.float64], victim: Index, victims: float, span_s: float
    ) -> None:
        order = np.argsort(start_s, kind="stable")
        ordered = start_s[order]
        chain = np.concatenate(([0], np.cumsum(np.diff(ordered) > WAVE_S)))
        hit = np.zeros((int(chain[-1]) + 1, int(victim.max()) + 1), np.bool_)
        hit[chain, victim[order]] = True
        large = hit.sum(axis=1) >= LEAST_VICTIMS
        number = np.where(large, np.cumsum(large) - 1, -1)
        self.of = np.empty(len(start_s), np.int64)
        self.of[order] = number[chain]
        hit = hit[large]
        self.sizes = hit.sum(axis=1).astype(np.float64)
        self._common = hit.astype(np.float32) @ hit.astype(np.float32).T
        self._has = hit[:, victim]
        self._victim = victim
        self._victims = victims
        covered = sum(float(np.ptp(ordered[chain == each])) + 2 * WAVE_S for each in np.flatnonzero(large))
        self._log_inside = np.log(min(max(covered / max(span_s, 1.0), 1e-9), 1.0))

    def comparable(self, rows: Index, cols: Index) -> npt.NDArray[np.bool_]:
        """Where both attacks belong to waves, and not to the same."""
        one, other = self.of[rows][:, None], self.of[cols][None, :]
        return np.asarray((one >= 0) & (other >= 0) & (one != other), np.bool_)

    def repeated(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """Victims that the companions of both attacks have in common, the two victims left out."""
        if not len(self.sizes):
            return np.zeros((len(rows), len(cols)))
        one, other = self.of[rows], self.of[cols]
        first, second = self._victim[rows], self._victim[cols]
        common = self._common[np.ix_(one, other)]
        common -= self._has[np.ix_(other, rows)].T
        common -= self._has[np.ix_(one, cols)]
        common += first[:, None] == second[None, :]
        return np.asarray(np.maximum(common, 0.0), np.float64)

    def log_p(self, rows: Index, cols: Index) -> npt.NDArray[np.float64]:
        """Logarithms of p-values of each row attack with each column attack, shape (rows, cols).

        Never below the chance that an attack which belongs to no wave starts inside one.
        """
        if not len(self.sizes):
            return np.zeros((len(rows), len(cols)))
        sizes = np.multiply.outer(self.sizes[self.of[rows]] - 1, self.sizes[self.of[cols]] - 1)
        bound = chance.log_overlap(self.repeated(rows, cols), sizes / self._victims)
        return np.where(self.comparable(rows, cols), np.maximum(bound, self._log_inside), 0.0)


def log_on_list(listed: int, victims: float) -> float:
    """Logarithm of the chance that an unrelated attack's victim is on a list; 0 where it is no list.

    Args:
        listed: Distinct victims on the list.
        victims: How many hosts could have been victims.
    """
    if listed < LEAST_VICTIMS:
        return 0.0
    return float(np.log(min(max(listed / victims, LIST_FLOOR), 1.0)))
