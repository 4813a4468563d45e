"""From flows to attacks: one victim, one vector, one interval."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from hanse.attacks import screen, traffic
from hanse.attacks import vectors as v
from hanse.attacks.attack import Attack, Detection, Dismissed
from hanse.attacks.evidence import Suspect
from hanse.attacks.intervals import Gaps
from hanse.attacks.judge import judge
from hanse.attacks.look import KEEP_ROWS, Look, Telemetry, facts, look_at_hosts, look_at_networks, suspects
from hanse.attacks.silenced import silenced
from hanse.attacks.sketch import sketch_of
from hanse.attacks.sources import SOURCE_LIMIT, SOURCES
from hanse.attacks.thresholds import Thresholds
from hanse.engine import Engine
from hanse.kernel import addresses
from hanse.telemetry.schema import ADDRESS

SENSITIVITY_GAPS = (60, 300, 600, 3_600)


@dataclass(frozen=True)
class Options:
    """What may be chosen.

    Attributes:
        gaps: Quiet time that ends an attack.
        thresholds: Fixed, or with what was learnt.
        networks: Whether to look for carpet bombing too.
    """

    gaps: Gaps = field(default_factory=lambda: Gaps(v.JOIN_GAP_S))
    thresholds: Thresholds = field(default_factory=Thresholds)
    networks: bool = True


def detect(
    engine: Engine,
    paths: Sequence[str],
    options: Options | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> Detection:
    """Find all attacks in flow Parquet.

    Args:
        engine: Where the queries run.
        paths: Parquet files or folders in the flow schema.
        options: Gap and thresholds; the defaults are the documented definition.
        step: Told what is being done, for progress.

    Returns:
        Attacks in order of start, their sources, and what was dismissed and why.
    """
    return detect_in(engine, engine.read(paths), options, step)


def detect_in(
    engine: Engine,
    flows: ir.Table,
    options: Options | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> Detection:
    """Find all attacks in a flow table of the engine (see `detect`)."""
    options = options or Options()
    with engine.scratch():
        seen = _prepared(engine, flows, step)
        close = look_at_hosts(engine, seen, step)
        step("weighing the evidence")
        found = _judged(engine, close, options)
        if options.networks:
            found = _with_networks(engine, seen, options, found, step)
    attacks = tuple(sorted(_linked(found.attacks), key=lambda attack: (attack.start_us, attack.id)))
    return Detection(attacks, found.sources, found.dismissed)


def sensitivity(engine: Engine, paths: Sequence[str], options: Options | None = None) -> dict[int, int]:
    """How many attacks there would be under other gaps, by gap in s."""
    options = options or Options()
    with engine.scratch():
        close = look_at_hosts(engine, _prepared(engine, engine.read(paths)), lambda _: None)
        by_gap = {
            gap: replace(options, gaps=replace(options.gaps, default_s=gap)) for gap in SENSITIVITY_GAPS
        }
        return {gap: len(_judged(engine, close, chosen).attacks) for gap, chosen in by_gap.items()}


def span_of(engine: Engine, paths: Sequence[str]) -> tuple[int, int] | None:
    """First start and last end of all flows, microseconds UTC; None without flows."""
    flows = engine.read(paths)
    row = engine.arrow(flows.agg(low=engine.micros(flows.start.min()), high=engine.micros(flows.end.max())))
    low, high = row["low"][0].as_py(), row["high"][0].as_py()
    return None if low is None else (low, high)


def _prepared(engine: Engine, flows: ir.Table, step: Callable[[str], None] = lambda _: None) -> Telemetry:
    """Flows with outer GRE packets where there are any, whether TCP flags are reported, and sums by host."""
    asked = {
        "flags": flows.tcp_flags.max(),
        "tunnel": flows.tunnel.max(),
        "exporters": flows.exporter.nunique(),
        "rows": flows.count(),
    }
    most = engine.arrow(flows.agg(**asked)).to_pylist()[0]
    flows = traffic.sound(flows)
    flows = traffic.with_tunnels(flows) if most["tunnel"] else flows
    flows = traffic.coded(flows, flags_known=bool(most["flags"]))
    if most["rows"] <= KEEP_ROWS:
        step("reading all flows")
        flows = traffic.kept(engine, flows, "hanse_coded")
    step("looking for busy victims")
    minutes = screen.sums_by_minute(engine, traffic.classified(engine, flows))
    sums = engine.keep(screen.sums_by_host(engine, flows, minutes), "hanse_sums")
    return Telemetry(flows, minutes, sums, max(most["exporters"], 1))


def _judged(engine: Engine, seen: Look | None, options: Options) -> Detection:
    """Judge all suspects of a look, and settle between those that explain the same traffic."""
    found = suspects(seen, options.thresholds, options.gaps) if seen else []
    unseen = silenced(seen, options.thresholds, options.gaps) if seen else ()
    if seen is None or not found:
        return Detection((), SOURCES.empty_table(), unseen)
    known, sources = facts(engine, seen, found, options.thresholds)
    attacks: dict[int, Attack] = {}
    dismissed: list[Dismissed] = [*unseen]
    for suspect in found:
        if suspect.number not in known:
            continue
        verdict = judge(suspect, known[suspect.number])
        if isinstance(verdict, Attack):
            attacks[suspect.number] = verdict
        elif suspect.code != v.MIXED:
            dismissed.append(verdict)
    kept = settle({suspect.number: suspect for suspect in found}, attacks)
    crowds = _crowds(engine, sources, kept)
    rows = _sources(engine, sources, kept, crowds)
    return Detection(_sketched(kept, rows, crowds), rows, tuple(dismissed))


def settle(found: dict[int, Suspect], attacks: dict[int, Attack]) -> dict[int, Attack]:
    """Leave out attacks that another one on the same victim explains.

    A mixture inside a longer single-vector attack stands beside it.
    """
    by_victim: dict[str, list[int]] = {}
    for number, attack in attacks.items():
        by_victim.setdefault(attack.victim, []).append(number)
    kept = dict(attacks)
    for number, attack in attacks.items():
        for other in by_victim[attack.victim]:
            explained = other != number and _explains((found[other], attacks[other]), (found[number], attack))
            if explained and _overlap(attack, attacks[other]) >= 0.5 * attack.duration_s:
                kept.pop(number, None)
                if found[number].code == v.FRAGMENT and other in kept and found[other].code >= v.REFLECTION:
                    kept[other] = _with_fragments(kept[other], attack)
                break
    return kept


def _with_fragments(reflection: Attack, fragments: Attack) -> Attack:
    """A reflection with the volume of its answers' fragments."""
    return replace(
        reflection,
        end_us=max(reflection.end_us, fragments.end_us),
        peak_bps=reflection.peak_bps + fragments.peak_bps,
        peak_pps=reflection.peak_pps + fragments.peak_pps,
        packets=reflection.packets + fragments.packets,
        bytes=reflection.bytes + fragments.bytes,
        flows=reflection.flows + fragments.flows,
    )


def _explains(rival: tuple[Suspect, Attack], attack: tuple[Suspect, Attack]) -> bool:
    """Whether one attack's traffic is only a part of another's on the same victim.

    A mixture explains the single classes that it is made of; a reflection the fragments of its answers;
    a UDP flood or mixture from random ports the few packets that happen to come from a service's port.
    """
    flood, part = rival[0].code, attack[0].code
    component = flood == v.MIXED and part != v.MIXED and attack[0].cells[0] in rival[0].cells
    by_chance = (
        part >= v.REFLECTION
        and flood in {v.MIXED, v.UDP}
        and attack[1].packets < v.CHANCE_PORT_SHARE * rival[1].packets
    )
    return component or by_chance or (part == v.FRAGMENT and flood >= v.REFLECTION)


def _overlap(first: Attack, second: Attack) -> float:
    """Time that two attacks share, s."""
    return max(min(first.end_us, second.end_us) - max(first.start_us, second.start_us), 0) / 1e6


@dataclass(frozen=True, slots=True)
class _Crowd:
    """The sources of an attack with more than `SOURCE_LIMIT` of them.

    Attributes:
        bound: The largest hash of an address that is in the sample of sources.
        sketch: `sketch_of` all of them.
    """

    bound: np.int64 | np.uint64
    sketch: bytes


def _crowds(engine: Engine, sources: ir.Table, attacks: dict[int, Attack]) -> dict[int, _Crowd]:
    """The crowds among attacks, by suspect: one at a time, as all of their sources may not fit into memory.

    To rank the sources inside the engine takes several times as long as to find the bound of the sample here.
    """
    found = {}
    for number, attack in attacks.items():
        if attack.sources > SOURCE_LIMIT:
            chosen = engine.table(pa.table({"suspect": pa.array([number], pa.int64())}), "hanse_crowd")
            mine = sources.semi_join(chosen, "suspect")
            rows = engine.arrow(mine.select("src", rank=engine.hashed(mine.src)))
            ranks = np.partition(rows["rank"].to_numpy(), SOURCE_LIMIT - 1)
            found[number] = _Crowd(ranks[SOURCE_LIMIT - 1], sketch_of(rows["src"].cast(ADDRESS)))
    return found


def _sources(
    engine: Engine, sources: ir.Table, attacks: dict[int, Attack], crowds: dict[int, _Crowd]
) -> pa.Table:
    """The `SOURCES` rows of the attacks."""
    if not attacks:
        return SOURCES.empty_table()
    ids = sorted({attack.id for attack in attacks.values()})
    places = {name: place for place, name in enumerate(ids)}
    names = pa.table(
        {
            "suspect": pa.array(list(attacks), pa.int64()),
            "place": pa.array([places[attack.id] for attack in attacks.values()], pa.int64()),
            "bound": _bounds(list(attacks), crowds),
        }
    )
    wanted = sources.inner_join(engine.table(names, "hanse_attacks"), "suspect")
    if crowds:
        wanted = wanted.filter(wanted.bound.isnull() | (engine.hashed(wanted.src) <= wanted.bound))
    rows = engine.arrow(wanted.select("place", "src", "flows", "packets", "bytes", "tcp_flags", "ttl"))
    rows = rows.set_column(1, "src", rows["src"].cast(ADDRESS))
    rows = rows.take(_by_place_and_source(rows))
    ttl = pa.compute.if_else(pa.compute.equal(rows["ttl"], 256), 0, rows["ttl"])
    columns = {name: rows[name] for name in ("src", "flows", "packets", "bytes", "tcp_flags")}
    attack_id = pa.array(ids, pa.string()).take(rows["place"].combine_chunks())
    return pa.table({"attack_id": attack_id, **columns, "ttl": ttl}).select(SOURCES.names).cast(SOURCES)


def _by_place_and_source(rows: pa.Table) -> pa.Array:
    """The order of rows by ``place``, then address: numpy sorts numbers many times as fast as Arrow octets."""
    place = rows["place"].to_numpy().astype(np.uint64)
    joined = rows["src"].combine_chunks()
    words = np.frombuffer(joined.buffers()[1], ">u8").reshape(-1, 2)[
        joined.offset : joined.offset + len(joined)
    ]
    high, low = (words[:, half].astype(np.uint64) for half in (0, 1))
    if len(low) and (high == high[0]).all() and (low >> np.uint64(32) == low[0] >> np.uint64(32)).all():
        # All of them IPv4: the order of one number, of which the address is the lower half.
        return pa.array(np.argsort((place << np.uint64(32)) | (low & np.uint64(0xFFFFFFFF))))
    return pa.array(np.lexsort((low, high, place)))


def _bounds(suspects: Sequence[int], crowds: dict[int, _Crowd]) -> pa.Array:
    """The bound of each suspect's sample, null where all of its sources are kept."""
    if not crowds:
        return pa.nulls(len(suspects), pa.int64())
    bounds = pa.array(np.array([crowd.bound for crowd in crowds.values()]))
    places = {number: place for place, number in enumerate(crowds)}
    return bounds.take(pa.array([places.get(number) for number in suspects], pa.int64()))


def _sketched(attacks: dict[int, Attack], rows: pa.Table, crowds: dict[int, _Crowd]) -> tuple[Attack, ...]:
    """The attacks, each with the sketch of all its sources; `rows` are their `SOURCES`, by attack."""
    runs = pa.compute.run_end_encode(rows["attack_id"].combine_chunks())
    bounds = [0, *runs.run_ends.to_pylist()]
    places = dict(zip(runs.values.to_pylist(), pairwise(bounds), strict=True))
    done = []
    for number, attack in attacks.items():
        low, high = places.get(attack.id, (0, 0))
        crowd = crowds.get(number)
        sketch = crowd.sketch if crowd else sketch_of(rows["src"].slice(low, high - low))
        done.append(replace(attack, source_sketch=sketch))
    return tuple(done)


def _with_networks(
    engine: Engine, seen: Telemetry, options: Options, hosts: Detection, step: Callable[[str], None]
) -> Detection:
    """Add attacks on whole networks, in which no single host is over its threshold."""
    hit = frozenset(addresses.pack(attack.victim) for attack in hosts.attacks)
    attacks, sources, dismissed = list(hosts.attacks), [hosts.sources], list(hosts.dismissed)
    for scope in (traffic.V4_NETWORKS, traffic.V6_NETWORKS):
        step("looking for attacks on whole networks")
        found = _judged(engine, look_at_networks(engine, seen, scope, hit, lambda _: None), options)
        attacks += found.attacks
        sources.append(found.sources)
        dismissed += found.dismissed
    return Detection(tuple(attacks), pa.concat_tables(sources), tuple(dismissed))


def _linked(attacks: Sequence[Attack]) -> list[Attack]:
    """Attacks that know of the others on the same victim at the same time."""
    by_victim: dict[str, list[Attack]] = {}
    for attack in attacks:
        by_victim.setdefault(attack.victim, []).append(attack)
    linked = []
    for attack in attacks:
        others = [
            other.id
            for other in by_victim[attack.victim]
            if other.id != attack.id and other.vector != attack.vector and _overlap(attack, other) > 0
        ]
        linked.append(replace(attack, linked=tuple(sorted(others))) if others else attack)
    return linked


def covers(attack: Attack, address: str) -> bool:
    """Whether an address is the victim of an attack, or lies in its network."""
    return ipaddress.ip_address(address) in ipaddress.ip_network(attack.victim)
