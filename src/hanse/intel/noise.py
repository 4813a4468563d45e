"""Values that many things share by nature: they never correlate, whoever names them.

Two reports that both name 127.0.0.1, the hash of the empty file or the port 80 have nothing in common by that.
"""

import ipaddress
from typing import Final

from hanse.intel.values import Value
from hanse.intel.values.digests import EMPTY

SHORTEST: Final = 4
"""Signs of a text that tells things apart: shorter ones are ports, counts, versions and yes or no."""

_NEVER: Final = frozenset({"asn"})
"""Kinds that name a whole operator: millions of machines of one network have nothing in common."""

_WORDS: Final = frozenset({
    "admin", "administrator", "anonymous", "default", "guest", "malware", "n/a", "none", "null", "root", "system", "test",
    "tool", "true", "false", "unknown", "user",
})  # fmt: skip


def reason(value: Value) -> str:
    """Why a value never correlates, in words; empty for one that does."""
    if value.kind in _NEVER:
        return "It names a whole network operator."
    if value.text in EMPTY:
        return "It is the hash of the empty file."
    if value.kind in {"address", "network"}:
        return _of_addresses(value.text)
    if value.text.casefold() in _WORDS:
        return "It is a word that says nothing of whom it names."
    if len(value.text) < SHORTEST or (value.text.isdigit() and len(value.text) < 7):
        return "It is too short to tell things apart."
    return ""


def _of_addresses(text: str) -> str:
    network = ipaddress.ip_network(text, strict=False)
    if not network.is_global or network.is_multicast:
        return "It is a private, reserved or special address, which many networks use."
    widest = 16 if network.version == 4 else 32
    return "It is a network of many operators." if network.prefixlen < widest else ""
