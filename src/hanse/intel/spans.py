"""Which addresses a value covers, so that networks find addresses and addresses networks."""

import ipaddress

from hanse.intel.values import Value
from hanse.kernel import addresses


def bounds(value: Value) -> tuple[str, str] | None:
    """First and last address of a value, 32 hexadecimal digits each; None for what is no address or network."""
    if (
        value.kind == "address"
    ):  # by itself: most values are, and reading it as a network takes three times as long
        packed = addresses.pack(value.text).hex()
        return packed, packed
    return network_bounds(value.text) if value.kind == "network" else None


def network_bounds(text: str) -> tuple[str, str]:
    """First and last address of a network or an address.

    Raises:
        ValueError: It is neither.
    """
    first, last = addresses.network_bounds(ipaddress.ip_network(text, strict=False))
    return first.hex(), last.hex()
