"""A strict checker for JSON: the exact type of every field, none missing."""

import base64
import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from datasketches import compact_theta_sketch

Shape = Any
"""A type, a tuple of shapes (any of them), a list of one shape, a mapping of shapes, or a test of a value."""


def time(value: object) -> bool:
    """ISO 8601 in UTC."""
    return isinstance(value, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value))


def host_or_network(value: object) -> bool:
    """An address or network as people write it, IPv4 dotted and not mapped into IPv6."""
    if not isinstance(value, str) or value.lower().startswith("::ffff:"):
        return False
    return bool(ip_network(value))


def share(value: object) -> bool:
    """A number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def one_of(*values: object) -> Callable[[object], bool]:
    """One of some values."""
    return lambda value: value in values


def theta_sketch(value: object) -> bool:
    """A sketch of sources that Apache DataSketches reads, in base64."""
    return (
        isinstance(value, str) and compact_theta_sketch.deserialize(base64.b64decode(value)).num_retained > 0
    )


NUMBER = (int, float)
EVIDENCE = {
    "threshold": str,
    "confidence": one_of("high", "medium", "low"),
    "reasons": [str],
    "refuted_by": [str],
    "source_networks": int,
    "source_sketch": theta_sketch,
    "top_networks": [{"network": host_or_network, "share": share}],
    "dst_ports": [{"port": int, "share": share}],
    "src_ports": [{"port": int, "share": share}],
    "packet_sizes": [{"bytes": int, "share": share}],
    "tcp_flags": int,
    "icmp_type": (int, None),
    "answered_share": (share, None),
    "requested_share": (share, None),
}
ATTACK = {
    "id": lambda value: bool(re.fullmatch(r"A-[0-9a-f]{12}", value)),
    "victim": host_or_network,
    "vector": lambda value: bool(re.fullmatch(r"[a-z0-9_]+", value)),
    "start": time,
    "end": time,
    "duration_s": NUMBER,
    "peak_bps": int,
    "mean_bps": int,
    "peak_pps": NUMBER,
    "mean_pps": NUMBER,
    "packets": int,
    "bytes": int,
    "flows": int,
    "sources": int,
    "source_class": one_of("direct", "reflected", "spoofed", "undetermined"),
    "linked": [str],
    "evidence": EVIDENCE,
}
INPUT = {
    "path": str,
    "format": str,
    "flows": int,
    "packets": int,
    "lost": int,
    "skipped": int,
    "whole": bool,
    "problem_count": int,
    "problems": [dict],
}
ATTACKS = {"attacks": [ATTACK], "inputs": [INPUT], "data": dict, "traces": [dict], "dismissed": [dict]}
CAMPAIGN = {
    "id": str,
    "attacks": [str],
    "scope": one_of("organisation", "sector", "state", "several states", "unknown"),
    "country": (lambda value: isinstance(value, str) and len(value) == 2, None),
    "organisations": [{"organisation": str, "attacks": int}],
    "sectors": [{"sector": str, "attacks": int}],
    "start": time,
    "end": time,
    "verdict": str,
    "figures": dict,
    "evidence": [str],
    "refuted_by": [str],
    "links": [{"first": str, "second": str, "tests": [{"name": str, "p_value": NUMBER, "words": str}]}],
}
CAMPAIGNS = {**ATTACKS, "campaigns": [CAMPAIGN]}


def faults(value: object, shape: Shape, place: str = "$") -> list[str]:
    """Where a value differs from a shape; empty when it does not."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place}: no object"]
        wrong = [f"{place}: fields {sorted(set(value) ^ set(shape))}"] if set(value) != set(shape) else []
        inner = (faults(value[name], shape[name], f"{place}.{name}") for name in shape if name in value)
        return wrong + [fault for found in inner for fault in found]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place}: no list"]
        return [fault for i, one in enumerate(value) for fault in faults(one, shape[0], f"{place}[{i}]")]
    if isinstance(shape, tuple):
        return [] if any(not faults(value, one) for one in shape) else [f"{place}: {value!r}"]
    fits = (
        value is None if shape is None else type(value) is shape if isinstance(shape, type) else shape(value)
    )
    return [] if fits else [f"{place}: {value!r}"]
