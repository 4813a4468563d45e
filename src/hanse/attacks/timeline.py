"""Attacks in time by organisation, in the shape that the console's timeline draws (`frontend/islands/shapes.ts`)."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hanse.attacks import models
from hanse.kernel import units

KINDS = 8
"""Vectors that have a hue of their own; the rest share one."""

OTHERS = "others"

_SHORT = frozenset(
    [
        "icmp",
        "tcp",
        "udp",
        "syn",
        "ack",
        "rst",
        "fin",
        "dns",
        "ntp",
        "ssdp",
        "http",
        "https",
        "gre",
        "ip",
        "snmp",
        "ldap",
        "cldap",
        "quic",
        "ssh",
        "sip",
    ]
)


def timeline(
    rows: Sequence[models.Attack], now_us: int, url: Callable[[models.Attack], str]
) -> dict[str, Any]:
    """Rows of organisations, most attacked first, kinds by number, and the attacks.

    Args:
        rows: The attacks.
        now_us: The node's time, microseconds UTC.
        url: Address of an attack's page.
    """
    places = Counter(_place(row) for row in rows)
    kinds = [name for name, _ in Counter(row.vector for row in rows).most_common()]
    own = kinds if len(kinds) <= KINDS else kinds[: KINDS - 1]
    vectors = [{"id": name, "label": vector_words(name)} for name in own]
    if len(own) < len(kinds):
        vectors.append({"id": OTHERS, "label": "Others"})
    return {
        "now_us": now_us,
        "rows": [{"id": place, "label": place} for place, _ in places.most_common()],
        "vectors": vectors,
        "attacks": [_drawn(row, own, url) for row in rows],
    }


def vector_words(name: str) -> str:
    """A vector's name as people write it: ``tcp_syn_flood`` is "TCP SYN flood"."""
    words = [word.upper() if word in _SHORT else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _place(row: models.Attack) -> str:
    """The line on which an attack is drawn."""
    return row.organisation or row.victim


def _drawn(row: models.Attack, own: Sequence[str], url: Callable[[models.Attack], str]) -> dict[str, Any]:
    lasts = "still running" if row.running else f"for {units.duration((row.end_us - row.start_us) / 1e6)}"
    return {
        "id": str(row.object_id),
        "row": _place(row),
        "vector": row.vector if row.vector in own else OTHERS,
        "start_us": row.start_us,
        "end_us": None if row.running else row.end_us,
        "title": f"{vector_words(row.vector)} on {_place(row)}",
        "text": f"up to {units.bit_rate(row.peak_bps)}, {lasts}",
        "url": url(row),
        "false_positive": row.state == models.State.FALSE_POSITIVE,
    }
