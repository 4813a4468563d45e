"""Attacks in a stream of flows, seconds after they cross a threshold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from hanse.attacks import screen
from hanse.attacks.attack import Attack
from hanse.attacks.detect import Options, detect_in
from hanse.attacks.evidence import MOST_SUMMED
from hanse.attacks.traffic import HOSTS, V4_NETWORKS, V6_NETWORKS, Scope, classified, sound
from hanse.engine import Engine
from hanse.kernel import clock
from hanse.kernel.addresses import pack
from hanse.telemetry.schema import flows_by_exporter

Running = dict[tuple[str, str], Attack]

LONGEST_US = 86_400_000_000
"""A flow of the live stream counts from a day before its end at the earliest, with all its packets. Routers cut flows after
an hour at the most; one that says it began in 2007 must not have an attack of today stand as one of nineteen years."""


@dataclass
class LiveDetector:
    """Watches batches of flows, some seconds each, and keeps the running attacks.

    A cheap screen (one grouping of the batch) tells whether anything is over a threshold. Only then
    the whole definition is applied to the batch, conversations, scans and sources included, so that
    an alarm means what an attack means.

    Attributes:
        engine: A started engine of its own.
        options: Gap and thresholds.
        running: Attacks that have not been quiet for the gap yet, by victim and vector.
        latest_us: End of the latest flow seen, microseconds UTC: the time of the stream.
        heard_us: When each running attack was last heard of, by this machine's clock, microseconds UTC. An attack that
            exporters date ahead is quiet from then on: it would run for ever, and every later one on its victim with it,
            unannounced.
        note: What else is to be said of an attack that a batch shows, by what it is said of: it joins the attack's reasons.
    """

    engine: Engine
    options: Options = field(default_factory=Options)
    running: Running = field(default_factory=dict)
    latest_us: int = 0
    heard_us: dict[tuple[str, str], int] = field(default_factory=dict)
    note: Callable[[pa.Table, Attack], dict[str, str]] = lambda *_: {}
    _notes: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _resumed: set[tuple[str, str]] = field(default_factory=set)

    def resume(self, attacks: Iterable[Attack]) -> None:
        """Take up attacks that ran until lately, before this detector watched: what goes on of them is no other attack."""
        for attack in attacks:
            key = (attack.victim, attack.vector)
            self.running[key] = attack
            self.heard_us[key] = clock.now_us()
            self._resumed.add(key)

    def feed(self, batch: pa.Table) -> list[Attack]:
        """Look at the next flows.

        Args:
            batch: Rows in the flow schema.

        Returns:
            Attacks that were not running before, or that this detector only took up and that do go on.
        """
        if batch.num_rows == 0:
            return []
        self.latest_us = max(self.latest_us, pc.max(batch["end"].cast(pa.int64())).as_py())
        flows = sound(self.engine.table(of_today(batch), "hanse_live"))
        if not self._crosses(flows):
            return []
        begun = []
        for attack in detect_in(self.engine, flows, self.options).attacks:
            key = (attack.victim, attack.vector)
            known = self.running.get(key)
            notes = self._notes.setdefault(key, {})
            notes |= {about: words for about, words in self.note(batch, attack).items() if about not in notes}
            whole = attack if known is None else joined(known, attack)
            self.running[key] = replace(
                whole, reasons=tuple(dict.fromkeys((*whole.reasons, *notes.values())))
            )
            self.heard_us[key] = clock.now_us()
            if known is None or key in self._resumed:
                begun.append(self.running[key])
                self._resumed.discard(key)
        return begun

    def _crosses(self, flows: ir.Table) -> bool:
        """Whether any host, or any network of them together, received enough of a class within a minute."""
        traffic = classified(self.engine, flows)
        sums = self.engine.keep(screen.sums_by_host(self.engine, flows, traffic), "hanse_live_sums")
        if self._is_busy(traffic, screen.busy_hosts(sums), HOSTS):
            return True
        v4 = self.engine.is_v4(sums.dst)
        for scope, own in ((V4_NETWORKS, v4), (V6_NETWORKS, ~v4)):
            family = sums.filter(own)
            hosts = screen.hosts_of_busy_networks(self.engine, family, scope.octets)
            if self._is_busy(traffic, hosts.select("victim", "code").distinct(), scope):
                return True
        return False

    def _is_busy(self, traffic: ir.Table, pairs: ir.Table, scope: Scope) -> bool:
        """Whether one of some victims and classes has a minute to be looked at."""
        busy = screen.without_multicast(self.engine.arrow(pairs))
        if busy.num_rows == 0:
            return False
        of = self.engine.table(busy, "hanse_live_victims")
        named = traffic.mutate(victim=scope.of(self.engine, traffic.dst))
        minutes = screen.busy_minutes(self.engine, named, of, factor=scope.factor)
        return bool(self.engine.arrow(minutes.limit(1)).num_rows)

    def ended(self, now_us: int) -> list[Attack]:
        """Attacks that have been quiet for the gap by now (microseconds UTC); they stop running."""
        quiet_us = self.options.gaps.default_s * 1_000_000
        over = [
            key
            for key, attack in self.running.items()
            if now_us - min(attack.end_us, self.heard_us[key]) > quiet_us
        ]
        for key in over:
            del self.heard_us[key]
            self._notes.pop(key, None)
            self._resumed.discard(key)
        return [self.running.pop(key) for key in over]

    def forget(self, attack: Attack) -> None:
        """Have an attack not run any more: with the next flows that show it, it begins."""
        self.running.pop((attack.victim, attack.vector), None)
        self.heard_us.pop((attack.victim, attack.vector), None)
        self._notes.pop((attack.victim, attack.vector), None)

    def take_back(self, attack: Attack) -> None:
        """Have an attack that has ended end once more."""
        self.running[attack.victim, attack.vector] = attack
        self.heard_us[attack.victim, attack.vector] = 0


def joined(known: Attack, more: Attack) -> Attack:
    """A running attack with what the next batch adds; sources are counted in the larger batch only."""
    largest = max(known, more, key=lambda attack: attack.sources)
    return replace(
        largest,
        id=known.id,
        start_us=min(known.start_us, more.start_us),
        end_us=max(known.end_us, more.end_us),
        peak_bps=max(known.peak_bps, more.peak_bps),
        peak_pps=max(known.peak_pps, more.peak_pps),
        packets=min(known.packets + more.packets, 2 * MOST_SUMMED),
        bytes=min(known.bytes + more.bytes, 2 * MOST_SUMMED),
        flows=known.flows + more.flows,
    )


def of_today(batch: pa.Table) -> pa.Table:
    """Flows of the live stream, none of them longer than `LONGEST_US`."""
    start, end = (batch[name].cast(pa.int64()) for name in ("start", "end"))
    least = pc.subtract(end, LONGEST_US)
    if not pc.any(pc.less(start, least)).as_py():
        return batch
    place = batch.schema.get_field_index("start")
    clipped = pc.max_element_wise(start, least).cast(batch.schema.field(place).type)
    return batch.set_column(place, batch.schema.field(place), clipped)


def exporters_of(batch: pa.Table, victim: str) -> list[bytes]:
    """Who exported the flows of a batch that went to a victim, 16 bytes each; who exported most first."""
    network = ip_network(victim)
    octets = (network.prefixlen + (96 if network.version == 4 else 0)) // 8
    first = pack(str(network.network_address))[:octets]
    to_it = pc.equal(
        pc.binary_slice(batch["dst"].cast(pa.binary()), 0, octets), pa.scalar(first, pa.binary())
    )
    return [one for one, _ in flows_by_exporter(batch["exporter"].filter(to_it)).most_common()]
