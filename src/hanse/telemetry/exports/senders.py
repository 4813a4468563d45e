"""Whose export datagrams are taken: everybody's, or those of some networks alone."""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

import numpy as np
import numpy.typing as npt

from hanse.kernel.addresses import V4_MAPPED
from hanse.kernel.errors import UsageError


class Senders:
    """The networks that exporters are in.

    A sender's address can be forged, but only by who can have such packets reach the collector; and what is not on the
    list is thrown away before it is read, which costs next to nothing.

    Args:
        networks: Addresses or networks in text; none stands for everybody.

    Raises:
        UsageError: One is neither.
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self.networks = tuple(networks)
        told = [_parts(text) for text in self.networks]
        self._parts = np.array(told, np.uint8).reshape(len(told), 2, 16).view(np.uint64)
        """Base and mask of each, as two numbers each: with octets it takes five times as long, of all time with many networks."""

    def among(self, senders: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Which of some senders are taken, shape (n,).

        Args:
            senders: Their addresses, shape (n, 16), IPv4 as ::ffff:a.b.c.d.
        """
        taken = np.full(len(senders), not self.networks)
        first, second = np.ascontiguousarray(senders).view(np.uint64).T.copy()
        for base, mask in self._parts:
            taken |= (first & mask[0] == base[0]) & (second & mask[1] == base[1])
        return taken


EVERYBODY: Final = Senders()
"""Whoever sends is believed."""


def _parts(text: str) -> tuple[list[int], list[int]]:
    """A network's address and mask, 16 octets each."""
    try:
        network = ip_network(text.strip())
    except ValueError:
        raise UsageError(
            f"{text[:80]!a} is no address and no network. Write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32."
        ) from None
    base, mask = network.network_address.packed, network.netmask.packed
    if network.version == 4:
        base, mask = V4_MAPPED + base, bytes([255] * 12) + mask
    return list(base), list(mask)
