"""Which victims, classes and minutes deserve a closer look: one cheap scan that drops nearly everything."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from hanse.attacks import vectors as v
from hanse.engine import Engine, remembered

MINUTE_US = 60_000_000

MIXABLE = (
    v.ICMP,
    v.ICMP_ANSWER,
    v.SYN,
    v.ACK,
    v.RST,
    v.FIN,
    v.NULL,
    v.UDP,
    v.FRAGMENT,
    v.GRE,
    v.ESP,
    v.OTHER,
)
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


EXPLAINED = 1.5
"""Answers per packet sent, by host and hour, up to which ICMP answers are taken as asked for. An echo
reply answers one request; the margin covers records that begin in the hour before."""


def sums_by_minute(engine: Engine, traffic: ir.Table) -> ir.Table:
    """Packets of each class that each host received in each minute: all that screening needs of the flows.

    A flow counts in the minute of its start. Sessions are left out: no attack is made of them.

    Returns:
        Columns ``dst``, ``code``, ``start_us`` (of the minute, microseconds UTC), ``packets``, ``flows``.
    """
    return engine.keep(_by_minute(traffic), "hanse_sums_by_minute")


@remembered
def _by_minute(traffic: ir.Table) -> ir.Table:
    """`sums_by_minute`, to be computed."""
    traffic = traffic.filter(traffic.code != v.SESSION)
    minute = (traffic.start_us / MINUTE_US).floor().cast("int64")
    # Two keys are grouped faster than three.
    sums = (
        traffic.select(dst=traffic.dst, slot=minute * _CODES + traffic.code, packets=traffic.packets)
        .group_by("dst", "slot")
        .agg(packets=lambda rows: rows.packets.cast("float64").sum(), flows=lambda rows: rows.count())
    )
    begin = (sums.slot / _CODES).floor().cast("int64")
    return sums.select(
        dst=sums.dst,
        code=(sums.slot - begin * _CODES).cast("int32"),
        start_us=begin * MINUTE_US,
        packets=sums.packets,
        flows=sums.flows,
    )


_CODES = 1_000
"""More than the number of the highest class."""


def sums_by_host(engine: Engine, flows: ir.Table, traffic: ir.Table) -> ir.Table:
    """Packets of each class that each host received: ``dst``, ``code``, ``packets``, over the whole telemetry.

    ICMP answers count only in hours in which a host received more of them than it sent packets at all:
    a flooding host that gets its echoes back is no victim.

    Args:
        engine: Where the query runs.
        flows: In the flow schema.
        traffic: `traffic.classified`, or `sums_by_minute` of it.
    """
    return _unexplained(engine, flows, engine.keep(_by_hour(traffic), "hanse_sums_by_hour"))


@remembered
def _by_hour(traffic: ir.Table) -> ir.Table:
    """Packets of each class that each host received, ICMP answers by the hour: ``dst``, ``code``, ``hour``, ``packets``."""
    hour = (traffic.start_us / 3_600_000_000).floor().cast("int64")
    answers = traffic.code == v.ICMP_ANSWER
    return (
        traffic.filter(traffic.code != v.SESSION)
        .select(dst=traffic.dst, code=traffic.code, packets=traffic.packets, hour=answers.ifelse(hour, 0))
        .group_by("dst", "code", "hour")
        .agg(packets=lambda rows: rows.packets.cast("float64").sum())
    )


@remembered
def _unexplained(engine: Engine, flows: ir.Table, rows: ir.Table) -> ir.Table:
    """`sums_by_host` from `_by_hour`."""
    answered = rows.filter((rows.code == v.ICMP_ANSWER) & (rows.packets >= v.vectors()[v.ICMP].min_packets))
    own = flows.semi_join(answered.select(src=answered.dst).distinct(), "src")
    sent = (
        own.select(
            dst=own.src,
            hour=(engine.micros(own.start) / 3_600_000_000).floor().cast("int64"),
            sent=own.packets * own.sampling,
        )
        .group_by("dst", "hour")
        .agg(sent=lambda rows: rows.sent.sum().cast("float64"))
    )
    unexplained = answered.left_join(sent, ["dst", "hour"])
    unexplained = unexplained.filter(unexplained.packets > EXPLAINED * unexplained.sent.fill_null(0.0))
    rest = rows.filter(rows.code != v.ICMP_ANSWER).select("dst", "code", "packets")
    left = unexplained.group_by("dst", "code").agg(packets=lambda rows: rows.packets.sum())
    return rest.union(left.select("dst", "code", "packets"))


def _least() -> dict[int, float]:
    """Packets by class from which a victim may have been attacked at all."""
    least = {code: float(vector.min_packets) for code, vector in v.vectors().items()}
    return {**least, v.ICMP_ANSWER: least[v.ICMP]}


@remembered
def busy_hosts(sums: ir.Table) -> ir.Table:
    """Hosts and classes of which enough packets came over the whole telemetry for an attack.

    No attack is lost here: an attack's packets are part of the sum. All classes of a mixture count
    together where a second class adds something to the first.

    Returns:
        Columns ``victim``, ``code``, distinct.
    """
    together = ibis.window(group_by=sums.dst)
    mixable = sums.code.isin(MIXABLE)
    part = mixable.ifelse(sums.packets, 0.0)
    sums = sums.mutate(_mixed=part.sum().over(together), _largest=part.max().over(together))
    return sums.filter(_is_busy(sums)).select(victim="dst", code="code")


def _is_busy(sums: ir.Table) -> ir.BooleanValue:
    """Whether a class alone, or in a mixture with others, has enough packets (columns _mixed, _largest)."""
    whole = float(v.vectors()[v.MIXED].min_packets)
    others = sums._mixed - sums._largest  # noqa: SLF001 - columns, not private members
    mixed = sums.code.isin(MIXABLE) & (others >= (1 - v.MIXTURE_MAJORITY) * whole)
    return (sums.packets >= _by_code(sums.code, _least())) | mixed


@remembered
def hosts_of_busy_networks(engine: Engine, sums: ir.Table, octets: int) -> ir.Table:
    """Hosts of networks in which enough hosts together received enough packets of one class.

    Returns:
        Columns ``dst``, ``victim`` (the network's first address) and ``code``, distinct.
    """
    named = sums.mutate(victim=engine.network(sums.dst, octets))
    together = named.group_by("victim", "code").agg(
        packets=lambda rows: rows.packets.sum(), hosts=lambda rows: rows.count()
    )
    busy = together.filter(
        (together.hosts >= v.CARPET_MIN_HOSTS)
        & (together.packets >= _by_code(together.code, _least()) * v.CARPET_FACTOR)
    )
    return named.semi_join(busy, ["victim", "code"]).select("dst", "victim", "code")


def busy_minutes(engine: Engine, traffic: ir.Table, pairs: ir.Table, *, factor: float) -> ir.Table:
    """The minutes in which a victim received enough packets of a class to be looked at by the second.

    See `vectors.minute_packets` for what that may cut off.

    Args:
        engine: Where the query runs.
        traffic: `traffic.classified`, or `sums_by_minute` with a column ``victim``.
        pairs: Columns ``victim``, ``code``.
        factor: How many times a host's threshold a victim is held to.

    Returns:
        Columns ``victim``, ``code``, ``minute`` (minutes since the epoch), ``flows``.
    """
    sums = engine.keep(_of_pairs(engine, traffic, pairs), "hanse_candidate_minutes")
    return _over(sums, factor)


@remembered
def _of_pairs(engine: Engine, traffic: ir.Table, pairs: ir.Table) -> ir.Table:
    """Packets and flows of some victims and classes by the minute."""
    keys = pairs.select(_pair=engine.hashed_with(pairs.victim, pairs.code))
    return (
        traffic.mutate(_pair=engine.hashed_with(traffic.victim, traffic.code))
        .semi_join(keys, "_pair")
        .mutate(minute=lambda rows: (rows.start_us / MINUTE_US).floor().cast("int64"))
        .group_by("victim", "code", "minute")
        .agg(
            packets=lambda rows: rows.packets.cast("float64").sum(),
            flows=lambda rows: rows.flows.sum().cast("int64"),
        )
    )


@remembered
def _over(sums: ir.Table, factor: float) -> ir.Table:
    """The minutes of `_of_pairs` with enough packets, alone or in a mixture."""
    least = {code: v.minute_packets(vector) * factor for code, vector in v.vectors().items()}
    least[v.ICMP_ANSWER] = least[v.ICMP]
    mixable = sums.filter(sums.code.isin(MIXABLE))
    mixed = mixable.filter(mixable.code != v.ACK).group_by("victim", "minute")
    mixed = mixed.agg(mixed=lambda rows: rows.packets.sum()).filter(
        lambda rows: rows.mixed >= MIXTURE_MINUTE * factor
    )
    alone = sums.filter(sums.packets >= _by_code(sums.code, least))
    both = alone.union(mixable.semi_join(mixed, ["victim", "minute"]))
    return both.select("victim", "code", "minute", "flows").distinct()


def without_multicast(victims: pa.Table) -> pa.Table:
    """Victims without multicast and limited broadcast addresses (RFC 5771, RFC 4291)."""
    keep = [not _is_multicast(victim) for victim in victims["victim"].to_pylist()]
    return victims.filter(pa.array(keep, pa.bool_()))


def _is_multicast(victim: bytes) -> bool:
    if victim[:12] == bytes(10) + b"\xff\xff":
        return 224 <= victim[12] < 240 or victim[12:16] == b"\xff\xff\xff\xff"
    return victim[:1] == b"\xff"
