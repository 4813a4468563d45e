"""Whose exports are taken: who lies in one of the networks, of whatever version and length."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel.addresses import pack
from hanse.telemetry.exports.senders import Senders

ADDRESSES = st.ip_addresses()
NETWORKS = st.tuples(ADDRESSES, st.integers(0, 128))


@given(st.lists(NETWORKS, max_size=4), st.lists(ADDRESSES, max_size=9), st.integers(0, 2**32 - 1))
def test_a_sender_is_taken_as_it_lies_in_a_network(
    told: list[tuple[IPv4Address | IPv6Address, int]], others: list[IPv4Address | IPv6Address], more: int
) -> None:
    """As the standard library says it, with IPv4 as ::ffff:a.b.c.d; senders inside the networks among them."""
    networks = [ip_network(f"{one}/{length % (one.max_prefixlen + 1)}", strict=False) for one, length in told]
    inside = [one[more % one.num_addresses] for one in networks]
    raw = b"".join(pack(str(one)) for one in (*others, *inside))
    senders = np.frombuffer(raw, np.uint8).reshape(-1, 16)
    wide = [
        ip_network(f"::ffff:{one.network_address}/{one.prefixlen + 96}") if one.version == 4 else one
        for one in networks
    ]
    expected = [not networks or any(ip_address(row.tobytes()) in one for one in wide) for row in senders]
    assert Senders(map(str, networks)).among(senders).tolist() == expected
