"""The flows behind suspected intervals, summed by source, port and packet size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hanse.attacks import vectors as v
from hanse.attacks.intervals import Interval
from hanse.attacks.packed import fields_of
from hanse.attacks.screen import MINUTE_US
from hanse.attacks.series import SECOND_US, Series, slot_of, unpacked
from hanse.attacks.traffic import first_address
from hanse.engine import Engine, any_bits, remembered
from hanse.telemetry.schema import ADDRESS

TOP = 5
LEAST_SHARE = 0.001
"""Share of a suspect's packets under which a port, size or network is no top value."""


MOST_SUMMED = 2**60
"""The most that sums say: a few ten thousand records with the most that each can have (`traffic.sound`) would end the
query by overflowing an integer, and with it the collector that made it. Two such sums together still fit."""


def summed(column: ir.NumericColumn) -> ir.IntegerValue:
    """The sum of counters, at most `MOST_SUMMED`; exact up to 2^53, as doubles are."""
    return ibis.least(column.cast("float64").sum(), float(MOST_SUMMED)).cast("int64")


@dataclass(frozen=True, slots=True)
class Suspect:
    """An interval that may be an attack.

    Attributes:
        number: Its number in this run.
        victim: Address, or leading octets of it for a network.
        code: Class, or `vectors.MIXED`.
        cells: The cells (victim and class) whose flows are its evidence.
        interval: When.
    """

    number: int
    victim: bytes
    code: int
    cells: tuple[int, ...]
    interval: Interval


def slices(suspects: Sequence[Suspect], rates: Mapping[int, Series]) -> pa.Table:
    """The suspects by slot (cell and minute), so that flows find theirs by an equality join.

    Only minutes in which the rate changes: no flow begins in any other, and an interval that forged flows, each a week
    long, stretch over the whole calendar has more minutes than there is memory.
    """
    slots, numbers, firsts, ends = [], [], [], []
    for suspect in suspects:
        low = suspect.interval.first * SECOND_US
        high = suspect.interval.end * SECOND_US
        for cell in suspect.cells:
            second = rates[cell].second
            begin, beyond = np.searchsorted(second, (suspect.interval.first, suspect.interval.end))
            minute = second[begin:beyond] // (MINUTE_US // SECOND_US)
            # In order already: each minute once is where it differs from the one before.
            span = minute[np.flatnonzero(np.diff(minute, prepend=-1))]
            slots.append(slot_of(np.full(len(span), cell), span))
            numbers.append(np.full(len(span), suspect.number))
            firsts.append(np.full(len(span), low))
            ends.append(np.full(len(span), high))
    joined = [np.concatenate(part) if part else np.empty(0) for part in (slots, numbers, firsts, ends)]
    names = ("slot", "suspect", "low_us", "high_us")
    return pa.table({name: pa.array(part.astype(np.int64)) for name, part in zip(names, joined, strict=True)})


def spans(suspects: Sequence[Suspect]) -> pa.Table:
    """The suspects as ``suspect``, ``victim``, ``wanted`` (IP protocol, 0 for any), ``low_us``, ``high_us``."""
    rows = [
        (
            s.number,
            first_address(s.victim),
            v.protocol_of(s.code),
            s.interval.first * SECOND_US,
            s.interval.end * SECOND_US,
        )
        for s in suspects
    ]
    kinds = {
        "suspect": pa.int64(),
        "victim": ADDRESS,
        "wanted": pa.int64(),
        "low_us": pa.int64(),
        "high_us": pa.int64(),
    }
    return pa.table(
        {name: pa.array([row[i] for row in rows], kind) for i, (name, kind) in enumerate(kinds.items())}
    )


@remembered
def within(flows: ir.Table, of: ir.Table) -> ir.Table:
    """Packets by suspect of the flows of its victim and protocol that began in its interval."""
    joined = flows.inner_join(of, "victim")
    wanted = (joined.wanted == 0) | (joined.wanted == joined.protocol.cast("int64"))
    inside = joined.filter(wanted & (joined.start_us >= joined.low_us) & (joined.start_us < joined.high_us))
    return inside.group_by("suspect").agg(packets=lambda rows: summed(rows.packets))


@remembered
def evidence_flows(flows: ir.Table, of: ir.Table) -> ir.Table:
    """Flows of the close look that began inside a suspect's interval, with its number."""
    joined = flows.inner_join(of, "slot")
    return unpacked(joined.filter((joined.start_us >= joined.low_us) & (joined.start_us < joined.high_us)))


@remembered
def by_source(evidence: ir.Table) -> ir.Table:
    """Sums by suspect and source address; ``classes`` has a bit for each class that the source sent."""
    ttl = (evidence.ttl > 0).ifelse(evidence.ttl.cast("int32"), 256)
    return (
        evidence.mutate(
            _ttl=ttl,
            _class=(ibis.literal(1, "int64") << (evidence.code % 31).cast("int64")),
            _flags=evidence.tcp_flags.cast("int64"),
        )
        .group_by("suspect", "src")
        .agg(
            flows=lambda rows: rows.count(),
            packets=lambda rows: summed(rows.packets),
            bytes=lambda rows: summed(rows.octets),
            observed=lambda rows: summed(rows.observed),
            tcp_flags=lambda rows: any_bits(rows._flags),  # noqa: SLF001 - a column, not a private member
            classes=lambda rows: any_bits(rows._class),  # noqa: SLF001 - a column, not a private member
            ttl=lambda rows: rows._ttl.min(),  # noqa: SLF001 - a column, not a private member
            first_us=lambda rows: rows.start_us.min(),
            last_us=lambda rows: rows.end_us.max(),
        )
    )


@remembered
def by_network(engine: Engine, sources: ir.Table) -> ir.Table:
    """Packets of `by_source` by suspect and source network (column ``net``, its first address)."""
    # Nothing but packets: a forged flood has nearly as many networks as sources, and each sum costs.
    named = sources.select("suspect", "packets", net=engine.network(sources.src, v.PREFIX_OCTETS))
    return named.group_by("suspect", "net").agg(packets=lambda rows: summed(rows.packets))


@remembered
def totals(sources: ir.Table, networks: ir.Table) -> ir.Table:
    """One row per suspect: sums, distinct sources and networks, first and last microsecond.

    Args:
        sources: `by_source`.
        networks: `by_network` of them.
    """
    rows = sources.mutate(mixed_sources=_several(sources.classes))
    names = ("flows", "packets", "bytes", "observed", "mixed_sources")
    sums = rows.group_by("suspect").agg(
        sources=rows.count(),
        first_us=rows.first_us.min(),
        last_us=rows.last_us.max(),
        **{name: summed(rows[name]) for name in names},
    )
    return sums.inner_join(networks.group_by("suspect").agg(networks=networks.count()), "suspect")


@remembered
def by_fields(evidence: ir.Table) -> ir.Table:
    """Packets by suspect, the columns of `packed.fields_of` and bytes per packet: all that top values are taken from."""
    rows = evidence.select(
        "suspect",
        # Three keys are grouped faster than seven.
        "fields",
        "packets",
        size=(evidence.octets / evidence.packets).round().cast("int64"),
    )
    sums = rows.group_by("suspect", "fields", "size").agg(packets=lambda some: summed(some.packets))
    return sums.select("suspect", "size", "packets", **fields_of(sums.fields))


def _several(classes: ir.IntegerValue) -> ir.IntegerValue:
    """1 where more than one bit is set: taking away the lowest leaves something."""
    return ((classes & (classes - 1)) != 0).ifelse(1, 0)


@remembered
def top_values(evidence: ir.Table, value: ir.Value) -> ir.Table:
    """The values with most packets per suspect, at most `TOP` each, those under `LEAST_SHARE` left out.

    Returns:
        Columns ``suspect``, ``value``, ``packets``; in order of suspect, then packets downwards.
    """
    return most_of(
        evidence.select(suspect=evidence.suspect, value=value, packets=evidence.packets)
        .group_by("suspect", "value")
        .agg(packets=lambda rows: summed(rows.packets))
    )


@remembered
def most_of(sums: ir.Table) -> ir.Table:
    """`top_values` from ``suspect``, ``value`` and ``packets``, each value of a suspect once."""
    # Ranking millions of sources of a spoofed flood would tell nothing and cost more than counting them.
    whole = sums.group_by("suspect").agg(_whole=lambda rows: rows.packets.cast("float64").sum())
    sums = sums.inner_join(whole, "suspect").filter(lambda rows: rows.packets >= rows._whole * LEAST_SHARE)  # noqa: SLF001 - a column
    sums = sums.drop("_whole")
    ranked = sums.mutate(
        _rank=ibis.row_number().over(
            ibis.window(group_by=sums.suspect, order_by=[sums.packets.desc(), sums.value])
        )
    )
    return ranked.filter(ranked._rank < TOP).drop("_rank")  # noqa: SLF001 - a column, not a private member


def shares(rows: pa.Table, packets: dict[int, int]) -> dict[int, tuple[tuple[int, float], ...]]:
    """The result of `top_values` as (value, share of all packets) by suspect, largest first."""
    rows = rows.take(
        pc.sort_indices(rows, [("suspect", "ascending"), ("packets", "descending"), ("value", "ascending")])
    )
    found: dict[int, list[tuple[int, float]]] = {}
    for row in rows.to_pylist():
        share = row["packets"] / max(packets.get(row["suspect"], 0), 1)
        found.setdefault(row["suspect"], []).append((row["value"], share))
    return {suspect: tuple(values) for suspect, values in found.items()}


@remembered
def probed_targets(evidence: ir.Table) -> ir.Table:
    """Distinct (source, host, port) combinations and distinct (host, port) by suspect: what a scan would try."""
    if "dst" not in evidence.columns:
        evidence = evidence.mutate(dst=ibis.literal(0))
    tried = evidence.group_by("suspect", "src", "dst", "dst_port").agg(flows=lambda rows: rows.count())
    return tried.group_by("suspect").agg(
        tried=lambda rows: rows.count(),
        ports=lambda rows: rows.dst_port.nunique(),
        hosts=lambda rows: rows.dst.nunique(),
    )


@remembered
def by_host(evidence: ir.Table) -> ir.Table:
    """Packets by suspect and host, for attacks on networks."""
    return evidence.group_by("suspect", "dst").agg(packets=lambda rows: summed(rows.packets))


@remembered
def heavy_clients(sources: ir.Table, minutes: ir.Table) -> ir.Table:
    """By suspect: clients that open a connection a second or more, and their share of all connections.

    Args:
        sources: `by_source`.
        minutes: Columns ``suspect`` and ``minutes``, the length of each interval, at least 1.
    """
    joined = sources.inner_join(minutes, "suspect")
    heavy = joined.flows >= joined.minutes * v.HEAVY_CLIENT_FLOWS_PER_MINUTE
    return (
        joined.mutate(_heavy=heavy.ifelse(1, 0), _flows=heavy.ifelse(joined.flows, 0))
        .group_by("suspect")
        .agg(
            clients=lambda rows: rows._heavy.sum(),  # noqa: SLF001 - a column, not a private member
            share=lambda rows: rows._flows.sum().cast("float64") / rows.flows.sum(),  # noqa: SLF001 - a column
        )
    )


@remembered
def answered(sources: ir.Table, victims: ir.Table, spoke: ir.Table) -> ir.Table:
    """By suspect, how many of its sources the victim conversed with; its ICMP errors are no conversation.

    Args:
        sources: `by_source`.
        victims: Columns ``suspect``, ``victim``.
        spoke: `traffic.conversations` with ``spoke`` = 1.
    """
    pairs = spoke.filter(~spoke.protocol.isin((1, 58))).select("victim", "remote")
    joined = sources.inner_join(victims, "suspect")
    both = joined.semi_join(pairs, [("victim", "victim"), ("src", "remote")])
    return both.group_by("suspect").agg(answered=lambda rows: rows.count())
