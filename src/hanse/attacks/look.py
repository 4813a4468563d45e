"""One look over the telemetry under one scope: from flows to suspects with their facts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hanse.attacks import evidence, screen, series
from hanse.attacks import vectors as v
from hanse.attacks.evidence import Suspect
from hanse.attacks.intervals import Gaps, Interval
from hanse.attacks.judge import Facts
from hanse.attacks.thresholds import Origin, Thresholds
from hanse.attacks.traffic import (
    HOSTS,
    V4_NETWORKS,
    Scope,
    classified,
    conversation_keys,
    conversations,
    first_address,
    sent_by,
    wanted_key,
)
from hanse.engine import Engine
from hanse.kernel import addresses
from hanse.telemetry.schema import ADDRESS

KEEP_ROWS = 12_000_000
"""Flows of a close look up to which they are kept for the queries that follow, about 120 bytes each: half of
the engine's memory at the default limit. Beyond, they are read and joined anew for each query."""

Step = Callable[[str], None]


@dataclass(frozen=True)
class Look:
    """The close look under one scope.

    Attributes:
        scope: Hosts or networks.
        traffic: All that the victims received, `traffic.classified`.
        outbound: Flows among which are all that the victims sent.
        flows: `series.close_look`: flows of busy minutes outside the victims' conversations.
        spoke: The victims' conversations.
        seen: Victims of which the telemetry shows something that they sent.
        cells: Number of each victim and class.
        series: Rate of each cell.
        exporters: How many exporters the flows come from.
    """

    scope: Scope
    traffic: ir.Table
    outbound: ir.Table
    flows: ir.Table
    spoke: ir.Table
    seen: frozenset[bytes]
    cells: dict[tuple[bytes, int], int]
    series: dict[int, series.Series]
    exporters: int = 1


@dataclass(frozen=True)
class Telemetry:
    """Flows and what every look starts from.

    Attributes:
        flows: `traffic.coded`, kept where they are few enough.
        minutes: `screen.sums_by_minute`, computed once.
        sums: `screen.sums_by_host`, computed once.
        exporters: How many exporters the flows come from.
    """

    flows: ir.Table
    minutes: ir.Table
    sums: ir.Table
    exporters: int = 1


def look_at_hosts(engine: Engine, seen: Telemetry, step: Step) -> Look | None:
    """The close look at single hosts; None when none is busy enough."""
    busy = screen.without_multicast(engine.arrow(screen.busy_hosts(seen.sums)))
    minutes = _busy_minutes(engine, seen.minutes, busy, HOSTS)
    return look(engine, seen, HOSTS, minutes, minutes["victim"].unique(), step)


def look_at_networks(
    engine: Engine, seen: Telemetry, scope: Scope, hit: frozenset[bytes], step: Step
) -> Look | None:
    """The close look at networks, hosts that were attacked themselves left out; None when none is busy enough."""
    table = engine.table(pa.table({"dst": pa.array(sorted(hit), ADDRESS)}), "hanse_hit")
    v4 = engine.is_v4(seen.sums.dst)
    family = seen.sums.filter(v4 if scope == V4_NETWORKS else ~v4)
    hosts = engine.arrow(screen.hosts_of_busy_networks(engine, family.anti_join(table, "dst"), scope.octets))
    if hosts.num_rows == 0:
        return None
    busy = screen.without_multicast(hosts.group_by(["victim", "code"]).aggregate([]))
    name = f"hanse_members_s{scope.octets}"
    members = engine.table(hosts.group_by("dst").aggregate([]), name)
    minutes = _busy_minutes(engine, seen.minutes.semi_join(members, "dst"), busy, scope)
    # No flow of a network without a busy minute is read any more.
    hosts = hosts.filter(pc.is_in(hosts["victim"], minutes["victim"].unique()))
    return look(engine, seen, scope, minutes, hosts["dst"].unique(), step)


def _busy_minutes(engine: Engine, sums: ir.Table, busy: pa.Table, scope: Scope) -> pa.Table:
    """`screen.busy_minutes` of the busy victims and classes under a scope."""
    pairs = engine.table(busy, f"hanse_busy_s{scope.octets}")
    named = sums.mutate(victim=scope.of(engine, sums.dst))
    return engine.arrow(screen.busy_minutes(engine, named, pairs, factor=scope.factor))


def look(
    engine: Engine, seen: Telemetry, scope: Scope, minutes: pa.Table, hosts: pa.Array, step: Step
) -> Look | None:
    """Sum up by cell and second what the busy victims received; None when nothing is over a threshold.

    Args:
        engine: Where the queries run.
        seen: The telemetry.
        scope: Hosts or networks.
        minutes: `screen.busy_minutes`.
        hosts: The victims, or their hosts where they are networks.
        step: Told what is being done.
    """
    if minutes.num_rows == 0:
        return None
    name = f"s{scope.octets}"
    members = engine.table(pa.table({"dst": hosts}), f"hanse_members_{name}")
    outbound = seen.flows.semi_join(members.select(src=members.dst), "src")
    traffic = classified(engine, seen.flows.semi_join(members, "dst"), scope=scope)
    cells, numbered = _numbered(minutes, scope)
    rows = int(minutes["flows"].to_numpy().sum())
    minutes_of = engine.table(numbered, f"hanse_minutes_{name}")
    minutes_of = minutes_of.select(_minute_key=series.minute_key(engine, minutes_of), slot=minutes_of.slot)
    victims = engine.table(pa.table({"victim": minutes["victim"].unique()}), f"hanse_victims_{name}")
    step("reading the victims' own traffic")
    # Of hosts, victims and members are the same.
    own = seen.flows if scope is HOSTS else outbound
    talks = engine.keep(conversations(engine, own, victims, scope), f"hanse_talks_{name}")
    answering = [
        scope.key(victim) for victim in engine.arrow(talks.select("victim").distinct())["victim"].to_pylist()
    ]
    spoke = talks.filter(talks.spoke == 1)
    asked = _asked(minutes)
    keys = None
    if answering and asked.num_rows:
        asked_of = engine.table(asked, f"hanse_asked_{name}")
        keys = engine.keep(conversation_keys(engine, talks, asked_of), f"hanse_keys_{name}")
    step("reading busy minutes")
    close = series.close_look(engine, traffic, minutes_of, keys, hosts=scope is HOSTS)
    if rows <= KEEP_ROWS:
        close = engine.keep(close, f"hanse_close_{name}")
    step("measuring rates by the second")
    rates = series.series_by_cell(engine.arrow(series.spans(series.unpacked(close))))
    return Look(scope, traffic, outbound, close, spoke, frozenset(answering), cells, rates, seen.exporters)


def _asked(minutes: pa.Table) -> pa.Table:
    """For `conversation_keys`: victims and the kinds of keys that their busy classes look up."""
    pairs = minutes.group_by(["victim", "code"]).aggregate([])
    wanted = pa.array([wanted_key(code) for code in pairs["code"].to_pylist()], pa.int64())
    kinds = pairs.append_column("wanted", wanted).filter(pc.is_valid(wanted))
    return kinds.group_by(["victim", "wanted"]).aggregate([])


def _numbered(minutes: pa.Table, scope: Scope) -> tuple[dict[tuple[bytes, int], int], pa.Table]:
    """Cells numbered, and the minutes with their slot (`series.slot_of`).

    ICMP that answers and ICMP that does not are one cell: both are an ICMP flood.
    """
    victims = minutes["victim"].combine_chunks().dictionary_encode()
    names = [scope.key(victim) for victim in victims.dictionary.to_pylist()]
    code = minutes["code"].to_numpy().astype(np.int64)
    code = np.where(code == v.ICMP_ANSWER, v.ICMP, code)
    pair = victims.indices.to_numpy(zero_copy_only=False).astype(np.int64) * 1_000 + code
    distinct, cell = np.unique(pair, return_inverse=True)
    cells = {
        (names[value // 1_000], int(value % 1_000)): number for number, value in enumerate(distinct.tolist())
    }
    slot = series.slot_of(cell.astype(np.int64), minutes["minute"].to_numpy())
    return cells, minutes.append_column("slot", pa.array(slot))


def suspects(seen: Look, thresholds: Thresholds, gaps: Gaps) -> list[Suspect]:
    """All intervals over a threshold, single classes and mixtures, in a fixed order."""
    found: list[tuple[bytes, int, tuple[int, ...], Interval]] = []
    by_victim: dict[bytes, list[int]] = {}
    for (victim, code), cell in sorted(seen.cells.items()):
        by_victim.setdefault(victim, []).append(code)
        rate = seen.series.get(cell)
        if rate is None or code == v.OTHER:
            continue
        limit = thresholds.limit(victim, code, rate.second)
        found += [(victim, code, (cell,), interval) for interval in gaps.intervals(victim, code, rate, limit)]
    for victim, codes in sorted(by_victim.items()):
        parts = [seen.cells[victim, code] for code in codes if code in screen.MIXABLE]
        parts = [cell for cell in parts if cell in seen.series]
        found += [
            (victim, v.MIXED, tuple(parts), interval)
            for interval in mixtures(seen, victim, parts, thresholds, gaps)
        ]
    return [Suspect(number, *rest) for number, rest in enumerate(found)]


def mixtures(
    seen: Look, victim: bytes, parts: Sequence[int], thresholds: Thresholds, gaps: Gaps
) -> list[Interval]:
    """Intervals in which several classes together are over the threshold and none has a majority."""
    if len(parts) < 2:
        return []
    rate, largest = series.total([seen.series[cell] for cell in parts])
    limit = thresholds.limit(victim, v.MIXED, rate.second)
    return gaps.intervals(victim, v.MIXED, rate, limit, largest < v.MIXTURE_MAJORITY)


def facts(
    engine: Engine, seen: Look, found: Sequence[Suspect], thresholds: Thresholds
) -> tuple[dict[int, Facts], ir.Table]:
    """The facts of each suspect, and its sources (`evidence.by_source`)."""
    name = f"s{seen.scope.octets}"
    spans = engine.table(evidence.slices(found, seen.series), f"hanse_spans_{name}")
    flows = evidence.evidence_flows(seen.flows, spans)
    sources = engine.keep(evidence.by_source(flows), f"hanse_sources_{name}")
    networks = engine.keep(evidence.by_network(engine, sources), f"hanse_nets_{name}")
    rows = {row["suspect"]: row for row in engine.arrow(evidence.totals(sources, networks)).to_pylist()}
    packets = {number: row["packets"] for number, row in rows.items()}
    extra = _tops(engine, flows, networks, packets, seen.scope.octets)
    counts = _counts(engine, seen, [s for s in found if s.number in rows], flows, sources, rows)
    by_number = {suspect.number: suspect for suspect in found}
    return {
        number: Facts(
            **{key: value for key, value in row.items() if key != "suspect"},
            sees_return=by_number[number].victim in seen.seen,
            exporters=seen.exporters,
            origin=_origin(thresholds, by_number[number]),
            **extra.get(number, {}),
            **counts.get(number, {}),
        )
        for number, row in rows.items()
    }, sources


def _origin(thresholds: Thresholds, suspect: Suspect) -> Origin:
    """Where the threshold comes from that a suspect is over."""
    return thresholds.origin(suspect.victim, suspect.code, suspect.interval.threshold)


_FLAGS_FACTOR = 256
"""Flags and ICMP type in one number, so that one query counts both."""


def _tops(
    engine: Engine, flows: ir.Table, networks: ir.Table, packets: dict[int, int], octets: int
) -> dict[int, dict[str, Any]]:
    """Top values of each suspect, by the field of `Facts`."""
    combined = engine.keep(evidence.by_fields(flows), f"hanse_kinds_s{octets}")
    with_ports = combined.filter(combined.protocol.isin((6, 17)))
    queries = {
        "dst_ports": evidence.top_values(with_ports, with_ports.dst_port),
        "src_ports": evidence.top_values(with_ports, with_ports.src_port),
        "sizes": evidence.top_values(combined, combined.size),
        "kinds": evidence.top_values(combined, combined.tcp_flags * _FLAGS_FACTOR + combined.icmp_type),
        "top_networks": evidence.most_of(networks.select("suspect", "packets", value=networks.net)),
    }
    found: dict[int, dict[str, Any]] = {number: {} for number in packets}
    for name, query in queries.items():
        for number, values in evidence.shares(engine.arrow(query), packets).items():
            found[number][name] = values
    for top in found.values():
        kinds = top.pop("kinds", ())
        top["flags"] = tuple((number // _FLAGS_FACTOR, share) for number, share in kinds)
        top["icmp_types"] = tuple((number % _FLAGS_FACTOR, share) for number, share in kinds)
        top["top_networks"] = tuple(
            (addresses.prefix_of(net), share) for net, share in top.get("top_networks", ())
        )
    return found


def _counts(
    engine: Engine,
    seen: Look,
    found: Sequence[Suspect],
    flows: ir.Table,
    sources: ir.Table,
    rows: Mapping[int, Mapping[str, Any]],
) -> dict[int, dict[str, Any]]:
    """Counts that only some suspects need: answered sources, scan targets, hosts of networks, heavy clients."""
    name = f"s{seen.scope.octets}"
    counts: dict[int, dict[str, Any]] = {suspect.number: {} for suspect in found}
    victims = pa.table(
        {
            "suspect": pa.array([suspect.number for suspect in found], pa.int64()),
            "victim": pa.array([first_address(suspect.victim) for suspect in found], ADDRESS),
            "minutes": pa.array(
                [max((s.interval.end - s.interval.first) // 60, 1) for s in found], pa.int64()
            ),
            "code": pa.array([suspect.code for suspect in found], pa.int64()),
        }
    )
    facts_of = engine.table(victims, f"hanse_suspects_{name}")

    def merge(query: ir.Table, names: dict[str, str]) -> None:
        for row in engine.arrow(query).to_pylist():
            counts[row["suspect"]].update({field: row[column] for column, field in names.items()})

    merge(
        evidence.answered(sources, facts_of.select("suspect", "victim"), seen.spoke), {"answered": "answered"}
    )
    few = [
        suspect
        for suspect in found
        if v.vectors()[suspect.code].scannable and rows[suspect.number]["sources"] < v.SCAN_MAX_SOURCES
    ]
    if few:
        spans = engine.table(evidence.slices(few, seen.series), f"hanse_few_{name}")
        tried = evidence.probed_targets(evidence.evidence_flows(seen.flows, spans))
        merge(tried, {"tried": "tried", "ports": "ports", "hosts": "hosts"})
    if seen.scope is not HOSTS:
        hosts = evidence.by_host(flows).group_by("suspect").agg(hosts=lambda rows: rows.count())
        merge(hosts, {"hosts": "hosts"})
    sampled = [s for s in found if rows[s.number]["observed"] < rows[s.number]["packets"]]
    for number, two in _both_ways(engine, seen, sampled).items() if sampled else ():
        counts[number].update(two)
    if any(suspect.code == v.WEB for suspect in found):
        web = facts_of.filter(facts_of.code == v.WEB).select("suspect", "minutes")
        merge(evidence.heavy_clients(sources, web), {"clients": "heavy_clients", "share": "heavy_share"})
    return counts


def _both_ways(engine: Engine, seen: Look, sampled: Sequence[Suspect]) -> dict[int, dict[str, int]]:
    """What victims in sampled telemetry sent and received besides, by suspect (`Facts.sent`, `Facts.received`)."""
    spans = engine.table(evidence.spans(sampled), f"hanse_sampled_s{seen.scope.octets}")
    sent = sent_by(engine, seen.outbound, seen.scope)
    queries = {
        "sent": evidence.within(sent, spans),
        "received": evidence.within(seen.traffic.filter(seen.traffic.code != v.SYN), spans),
    }
    found: dict[int, dict[str, int]] = {suspect.number: {} for suspect in sampled}
    for name, query in queries.items():
        for row in engine.arrow(query).to_pylist():
            found[row["suspect"]][name] = row["packets"]
    return found
