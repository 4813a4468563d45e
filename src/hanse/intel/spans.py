"""Which addresses a value covers, so that networks find addresses and addresses networks."""

import ipaddress

from hanse.intel.values import Value
from hanse.kernel import addresses


def bounds(value: Value) -> tuple[str, str] | None:
    """First and last address of a value, 32 hexadecimal digits each; None for what is no address or network."""
    if value.kind not in {"address", "network"}:
        return None
    return network_bounds(value.text)


def network_bounds(text: str) -> tuple[str, str]:
    """First and last address of a network or an address.

    Raises:
        ValueError: It is neither.
    """
    first, last = addresses.network_bounds(ipaddress.ip_network(text, strict=False))
    return first.hex(), last.hex()
