"""What an attack's packets look like, and how common that look is among attacks in general.

The p-value of two equal fingerprints is the share of unrelated attacks that look so: unrelated pairs that
match with a look of rarity q or less are at most a share q of all pairs. That share must not come from the
attacks at hand: where one campaign makes up most of them its own look would be the common one, and no
link could ever be found. So it comes from the reference below, which is deliberately too high: each
part says how many attacks at most look like this, where nobody has counted them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanse.attacks.attack import Attack
from hanse.campaigns.report.words import vector

FLOOR = 1e-3
"""No reference reaches deeper than one in a thousand: tools come into fashion faster than they are counted."""

VECTOR_SHARE = {
    "tcp_syn_flood": 0.5,
    "udp_flood": 0.3,
    "dns_reflection": 0.3,
    "ntp_reflection": 0.3,
    "ssdp_reflection": 0.2,
    "cldap_reflection": 0.2,
    "chargen_reflection": 0.2,
    "http_request_flood": 0.2,
    "tcp_ack_flood": 0.2,
    "icmp_flood": 0.1,
}
OTHER_VECTOR_SHARE = 0.05
"""Share of attacks by vector, rounded upwards. Moore, Voelker and Savage 2001 (table 4) and Jonker et al.
2017 ("Millions of targets under attack", section 4) find TCP most, UDP about a sixth, ICMP below a tenth of
the floods, and NTP, DNS, CharGEN and SSDP in this order most of the reflections."""

ICMP_TYPE_SHARE = {8: 0.8, 0: 0.3, 3: 0.3}
OTHER_ICMP_TYPE_SHARE = 0.1

SIZE_SHARE = {
    "icmp": {28: 0.1, 60: 0.2, 64: 0.1, 84: 0.3, 92: 0.1, 1028: 0.1, 1500: 0.3},
    "tcp": {40: 0.6, 44: 0.2, 48: 0.2, 52: 0.2, 60: 0.3, 1500: 0.2},
    "udp": {28: 0.1, 29: 0.1, 46: 0.1, 60: 0.1, 540: 0.1, 1052: 0.2, 1428: 0.1, 1500: 0.3},
    "reflection": {468: 0.9, 1500: 0.5},
}
ROUND_SIZE_SHARE = 0.05
ODD_SIZE_SHARE = 0.02
NO_SIZE_SHARE = 0.5
"""IP octets per packet. Common ones: bare headers (IP 20, TCP 20, UDP and ICMP 8 octets), TCP options of the
usual stacks, the default payloads of ping programs (32 and 56 octets), 512 and 1,024 octets, full
Ethernet frames (1,500), NTP monlist answers (468). A payload that is a multiple of 100 or 64 is round: people
choose such; the others are odd. Without a mode every other attack without one matches."""

SIZE_MODE_SHARE = 0.5
MIXED_MODE_SHARE = 0.25
MIXTURE = "generic_traffic_flood"
"""A packet size is a mark of the tool where at least half of the packets have it; of a mixture the leading size is,
from a quarter. What comes second and third in a mixture changes with the length of the attack."""

PORT_SHARE = {80: 0.5, 443: 0.3, 53: 0.3, 22: 0.1, 25: 0.1, 8080: 0.1, 123: 0.1, 0: 0.2}
OTHER_PORT_SHARE = 0.05
FIXED_SOURCE_PORT_SHARE = 0.05
PORT_MODE_SHARE = 0.8
"""Half of the floods on one port go to port 80 and a fifth to 443 (Jonker et al. 2017). A port is a mark where it
has at least 80% of the packets. Reflections come from their service's port and go to a port the sender
chose; sessions of web clients come from changing ports."""


Key = tuple[str, int, tuple[int, ...], int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """A fingerprint.

    Attributes:
        key: Attacks with equal keys look alike.
        share: How many attacks in general look so at most, 0 to 1.
        words: The look in words.
    """

    key: Key
    share: float
    words: str


def look(attack: Attack) -> Look:
    """The fingerprint of one attack: vector, ICMP type, packet size, ports."""
    icmp = attack.icmp_type if attack.vector == "icmp_flood" else -1
    sizes = _sizes(attack)
    to_port = _mode(attack.dst_ports, PORT_MODE_SHARE)
    reflected = attack.vector.endswith("_reflection")
    from_port = -1 if reflected else _mode(attack.src_ports, PORT_MODE_SHARE)
    if attack.vector.startswith("icmp"):
        to_port = from_port = -1
    share = VECTOR_SHARE.get(attack.vector, OTHER_VECTOR_SHARE) * _size_share(attack.vector, sizes)
    words = [vector(attack.vector)]
    if icmp >= 0:
        share *= ICMP_TYPE_SHARE.get(icmp, OTHER_ICMP_TYPE_SHARE)
        words.append(f"ICMP type {icmp}")
    if sizes:
        words.append(f"packets of {' and '.join(map(str, sizes))} bytes")
    if to_port >= 0:
        share *= PORT_SHARE.get(to_port, OTHER_PORT_SHARE)
        words.append(f"to port {to_port}")
    if from_port > 0:
        share *= FIXED_SOURCE_PORT_SHARE
        words.append(f"from port {from_port}")
    return Look((attack.vector, icmp, sizes, to_port, from_port), max(share, FLOOR), ", ".join(words))


def _mode(values: Sequence[tuple[int, float]], least: float) -> int:
    return int(values[0][0]) if values and values[0][1] >= least else -1


def _sizes(attack: Attack) -> tuple[int, ...]:
    """The size that most packets have, or the leading one of a mixture; empty where none stands out."""
    least = MIXED_MODE_SHARE if attack.vector == MIXTURE else SIZE_MODE_SHARE
    size = _mode(attack.packet_sizes, least)
    return (size,) if size >= 0 else ()


def _size_share(vector: str, sizes: tuple[int, ...]) -> float:
    """How many attacks of a vector have these packet sizes at most; 0.5 without a mode."""
    return min((_one_size_share(vector, size) for size in sizes), default=NO_SIZE_SHARE)


def _one_size_share(vector: str, size: int) -> float:
    kind = "reflection" if vector.endswith("_reflection") else vector.split("_", 1)[0]
    known = SIZE_SHARE.get(kind, {}).get(size)
    if known is not None:
        return known
    payload = size - {"tcp": 40}.get(kind, 28)
    return ROUND_SIZE_SHARE if payload % 100 == 0 or payload % 64 == 0 else ODD_SIZE_SHARE


class Fingerprints:
    """The fingerprints of all attacks, comparable by number.

    Attributes:
        looks: One per attack.
        numbers: Equal numbers for equal looks, shape (attacks,).
        log_share: Logarithms of the shares, shape (attacks,).
    """

    def __init__(self, attacks: Sequence[Attack]) -> None:
        self.looks = tuple(look(attack) for attack in attacks)
        known: dict[Key, int] = {}
        self.numbers: npt.NDArray[np.int64] = np.array(
            [known.setdefault(each.key, len(known)) for each in self.looks], np.int64
        )
        self.log_share = np.log(np.array([each.share for each in self.looks], np.float64))

    def log_p(self, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Logarithms of p-values of each row attack with each column attack, shape (rows, cols)."""
        same = self.numbers[rows][:, None] == self.numbers[cols][None, :]
        return np.where(same, self.log_share[rows][:, None], 0.0)
