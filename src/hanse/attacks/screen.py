"""Which victims, classes and minutes deserve a closer look: two cheap scans that drop nearly everything."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from hanse.attacks import vectors as v
from hanse.engine import Engine

MINUTE_US = 60_000_000

MIXABLE = (v.ICMP, v.SYN, v.ACK, v.RST, v.FIN, v.NULL, v.UDP, v.FRAGMENT, v.GRE, v.ESP, v.OTHER)
"""Classes that a generic flood is made of. Reflections and web sessions have names of their own."""

MIXTURE_MINUTE = 1_000
"""Packets in a minute, acknowledgements aside, from which a mixture is looked at: five seconds at the
threshold of a generic flood."""


def _by_code(code: ir.IntegerValue, values: dict[int, float]) -> ir.NumericValue:
    """A number that depends on the class."""
    grouped: dict[float, list[int]] = {}
    for number, value in values.items():
        grouped.setdefault(value, []).append(number)
    return ibis.cases(*[(code.isin(codes), value) for value, codes in grouped.items()], else_=1e18)


def sums_by_host(traffic: ir.Table) -> ir.Table:
    """Packets of each class that each host received over the whole telemetry: ``dst``, ``code``, ``packets``."""
    return (
        traffic.filter(traffic.code != v.SESSION)
        .group_by("dst", "code")
        .agg(packets=lambda rows: rows.packets.sum().cast("float64"))
    )


def _least() -> dict[int, float]:
    """Packets by class from which a victim may have been attacked at all."""
    least = {code: float(vector.min_packets) for code, vector in v.vectors().items()}
    return {**least, v.OTHER: float(v.vectors()[v.MIXED].min_packets)}


def busy_hosts(sums: ir.Table) -> ir.Table:
    """Hosts that received enough packets of one class over the whole telemetry to be attacked at all.

    No attack is lost here: an attack's packets are part of the sum.

    Returns:
        Column ``victim``, distinct.
    """
    busy = sums.filter(sums.packets >= _by_code(sums.code, _least()))
    return busy.select(victim=busy.dst).distinct()


def hosts_of_busy_networks(engine: Engine, sums: ir.Table, octets: int) -> ir.Table:
    """Hosts of networks in which enough hosts together received enough packets of one class.

    Returns:
        Columns ``dst`` and ``victim`` (the network's leading octets), distinct.
    """
    named = sums.mutate(victim=engine.prefix(sums.dst, octets))
    together = named.group_by("victim", "code").agg(
        packets=lambda rows: rows.packets.sum(), hosts=lambda rows: rows.count()
    )
    busy = together.filter(
        (together.hosts >= v.CARPET_MIN_HOSTS) & (together.packets >= _by_code(together.code, _least()))
    )
    return named.semi_join(busy, ["victim", "code"]).select("dst", "victim").distinct()


def busy_minutes(traffic: ir.Table, victims: ir.Table) -> ir.Table:
    """The minutes in which a victim received as many packets of a class as one second at its threshold.

    A flow counts in the minute of its start; one second over the threshold cannot hide, since its
    packets all lie in flows of some minute with at least that sum, or in long flows that began
    earlier at the same rate.

    Returns:
        Columns ``victim``, ``code``, ``minute`` (minutes since the epoch), ``flows``.
    """
    least = {code: vector.min_pps for code, vector in v.vectors().items()}
    sums = (
        traffic.filter(traffic.code != v.SESSION)
        .semi_join(victims, "victim")
        .mutate(minute=lambda rows: (rows.start_us / MINUTE_US).floor().cast("int64"))
        .group_by("victim", "code", "minute")
        .agg(packets=lambda rows: rows.packets.sum().cast("float64"), flows=lambda rows: rows.count())
    )
    mixable = sums.code.isin(MIXABLE) & (sums.code != v.ACK)
    sums = sums.mutate(
        mixed=mixable.ifelse(sums.packets, 0.0).sum().over(ibis.window(group_by=[sums.victim, sums.minute]))
    )
    alone = sums.packets >= _by_code(sums.code, least)
    in_mixture = sums.code.isin(MIXABLE) & (sums.mixed >= MIXTURE_MINUTE)
    return sums.filter(alone | in_mixture).select("victim", "code", "minute", "flows")


def without_multicast(victims: pa.Table) -> pa.Table:
    """Victims without multicast and limited broadcast addresses (RFC 5771, RFC 4291)."""
    keep = [not _is_multicast(victim) for victim in victims["victim"].to_pylist()]
    return victims.filter(pa.array(keep, pa.bool_()))


def _is_multicast(victim: bytes) -> bool:
    if victim[:12] == bytes(10) + b"\xff\xff":
        return 224 <= victim[12] < 240 or victim[12:16] == b"\xff\xff\xff\xff"
    return victim[:1] == b"\xff"
