"""`hanse collect`: live flow exports stored, and attacks reported while they run."""

import contextlib
import json
import logging
import math
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import click
import pyarrow as pa
from rich.console import Console

from hanse.attacks.attack import Attack
from hanse.attacks.detect import Options
from hanse.attacks.live import LiveDetector, exporters_of
from hanse.constituency.registry import Registry, RegistryError
from hanse.engine import Engine, open_engine
from hanse.kernel import units
from hanse.kernel.addresses import unpack
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.printable import printable
from hanse.pipeline import LESSONS_FILE, Choices, options_from
from hanse.telemetry.collect import Collector, CollectorStatistics
from hanse.telemetry.exporters import MOST, ExporterState, advice, clock_words, findings
from hanse.telemetry.exports.senders import EVERYBODY, Senders
from hanse.telemetry.store import FlowStore

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 4.0
"""How often the flows since the last look are searched. With the second that a batch takes to arrive and
the look itself, an attack is reported well within 15 s of the export that shows it."""

MOST_WAITING = 6_000_000
"""Flows that may wait to be looked at (about 700 MB). Beyond that they are stored but not looked at, and
counted: memory stays bounded, and nobody is told that all was watched."""

MOST_BEGUN = 64
"""Attacks whose beginning is said after one look, those of the most packets first. Each becomes an entry that stays for ever,
and one forged record is an attack: thousands of them would fill the disk, and nothing else would be looked at meanwhile. Of
what is left out it is said how much it was; what goes on begins with the next looks."""

FLUSH_LEAST_S = 15.0
"""Least seconds between two times that flows are written because an attack begins: as often as files are put on record.
Each time makes a file, and an entry, of each hour that flows are dated in."""

SIZES = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

MOST_FAILED = 5
"""Looks that fail one after the other until it is said that nothing is watched, 20 s. One that crafted flows or a busy
database spoil costs the seconds that it was over. Collecting never ends for it: what is stored can be analysed later, and
whoever can craft such flows could else stop the record of what they do. Each later look is tried like the first."""

LOG_EVERY = 15
"""Of more looks that fail one after the other the log says every so many, one a minute."""

MOST_WORDS = 300
"""Characters that are told of why looks fail."""

TELL_S = 5.0
"""How often `hanse collect` looks for something to say of exporters and of itself."""

LARGEST = 10.0**18
"""A quota in bytes that no disk reaches; it keeps infinity out."""


class Says(Protocol):
    """Whoever is told what begins and ends."""

    def begun(self, attack: Attack) -> None:
        """An attack began."""

    def ended(self, attack: Attack, *, running: bool = False) -> None:
        """An attack ended, or was still running when the collector stopped."""


@dataclass(frozen=True, slots=True)
class Blind:
    """The analysis fails look after look, while flows are stored.

    Attributes:
        since_s: Since when that is known, seconds UTC.
        why: The last failure in words.
    """

    since_s: float
    why: str

    @property
    def words(self) -> str:
        """What it means and what to do."""
        return (
            f"The live analysis fails since {units.second(round(self.since_s * 1e6))}: {self.why}. No attack is reported until "
            "it succeeds again; it is tried every few seconds. What comes is received and stored as ever: analyse the "
            "stored flows, and report this failure."
        )


@dataclass
class Watch:
    """Takes batches from the collector, stores them, and looks at them every few seconds.

    Attributes:
        options: Gap and thresholds; others put here hold from the next look on.
        say: Told what begins and ends.
        store: Where flows are kept; None to keep none.
        flush_s: The longest that flows are only in memory while more come; files are larger the longer it is.
        unseen: Flows that came faster than they could be looked at, or whose look failed; stored all the same.
        unsaid: Times that an attack began and that was left for a later look, there being too many.
        blind: Why the analysis fails, look after look; None while it succeeds.
        exporters: Who exports, with their clocks.
        clocks: Whose clock is wrong (16 bytes), and how many seconds it is ahead.
        resumed: Attacks that ran until lately, when another collector watched.
        failure: What ended the looking thread, if anything did: that the end of attacks could not be said.
    """

    options: Options
    say: Says
    store: FlowStore | None
    flush_s: float = math.inf
    _batches: "queue.SimpleQueue[pa.RecordBatch | None]" = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None
    _waiting: int = 0
    _flushed: float = field(default_factory=time.monotonic)
    _flush_now: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    unseen: int = 0
    unsaid: int = 0
    blind: Blind | None = None
    exporters: Callable[[], Sequence[ExporterState]] = tuple
    clocks: Callable[[], Mapping[bytes, float]] = dict
    resumed: Sequence[Attack] = ()
    _failed: int = 0
    failure: BaseException | None = None

    def start(self) -> None:
        """Start the looking thread."""
        self._thread = threading.Thread(target=self._guarded, name="hanse-look", daemon=True)
        self._thread.start()

    def take(self, batch: pa.RecordBatch) -> None:
        """Keep a batch and hand it on to be looked at.

        Raises:
            HanseError: The looking thread has failed.
        """
        self.check()
        if self.store is not None:
            self._store(self.store, batch)
        with self._lock:
            late = self._waiting >= MOST_WAITING
            if late:
                self.unseen += batch.num_rows
            else:
                self._waiting += batch.num_rows
        if not late:
            self._batches.put(batch)

    def _store(self, store: FlowStore, batch: pa.RecordBatch) -> None:
        """Keep a batch; what lies in memory becomes files when it is old, or when an attack has begun in it."""
        store.write(batch)
        wait_s = min(self.flush_s, FLUSH_LEAST_S) if self._flush_now else self.flush_s
        if self.flush_s < math.inf and time.monotonic() - self._flushed > wait_s:
            self._flush_now = False
            store.close()
            self._flushed = time.monotonic()

    def stop(self) -> None:
        """Look at what is left, and end."""
        self._batches.put(None)
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise what ended the looking thread, if anything did.

        Raises:
            HanseError: The looking thread has failed.
        """
        if self.failure is not None:
            raise HanseError(f"The live detector failed: {self.failure}") from self.failure

    def _guarded(self) -> None:
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the collector has to learn of it
            self.failure = error

    def _look(self) -> None:
        live: LiveDetector | None = None
        more = True
        with contextlib.ExitStack() as opened:
            engine: Engine | None = None
            while more:
                waiting, more = self._gather()
                try:
                    engine = engine or opened.enter_context(open_engine(memory="2GB"))
                    live = live or self._detector(engine)
                    live.engine = engine
                    self._look_at(live, waiting)
                except Exception as error:  # noqa: BLE001 - whatever flows do to it, the next ones are looked at
                    self._missed(waiting, error)
                    engine = None  # a new one for the next look: this one may be broken
                    with contextlib.suppress(Exception):
                        opened.close()
                else:
                    if waiting:
                        self._failed, self.blind = 0, None
        for attack in live.running.values() if live else ():
            self.say.ended(attack, running=True)

    def _detector(self, engine: Engine) -> LiveDetector:
        live = LiveDetector(engine, self.options, note=self._dated)
        live.resume(self.resumed)
        return live

    def _look_at(self, live: LiveDetector, waiting: list[pa.RecordBatch]) -> None:
        """One look; what could not be said of an attack is said at a later one."""
        live.options = self.options
        begun = live.feed(pa.Table.from_batches(waiting)) if waiting else []
        begun.sort(key=lambda attack: -attack.peak_pps)
        self.unsaid += len(begun[MOST_BEGUN:])
        for attack in begun[MOST_BEGUN:]:
            live.forget(attack)
        del begun[MOST_BEGUN:]
        try:
            while begun:
                self.say.begun(begun[0])
                del begun[0]
                self._flush_now = True
        finally:
            for attack in begun:  # they are found anew
                live.forget(attack)
        over = live.ended(min(time.time_ns() // 1_000, live.latest_us))
        try:
            while over:
                self.say.ended(over[0])
                del over[0]
        finally:
            for attack in over:
                live.take_back(attack)

    def _missed(self, waiting: list[pa.RecordBatch], error: Exception) -> None:
        """A look failed: what it was over counts as not looked at; after some in a row nobody is told that all is watched."""
        self._failed += 1
        if self._failed <= MOST_FAILED or self._failed % LOG_EVERY == 0:
            _log.error("a look of the live analysis failed; it goes on with the next flows", exc_info=error)
        with self._lock:
            self.unseen += sum(batch.num_rows for batch in waiting)
        if self._failed >= MOST_FAILED:
            since_s = self.blind.since_s if self.blind else time.time()
            self.blind = Blind(since_s, f"{type(error).__name__}: {printable(str(error))[:MOST_WORDS]}")

    def _dated(self, batch: pa.Table, attack: Attack) -> dict[str, str]:
        """By exporter, that its flows of an attack are dated by their receipt; of more than `MOST`, those of most flows."""
        wrong = self.clocks()
        if not wrong:
            return {}
        some = [one for one in exporters_of(batch, attack.victim) if one in wrong][:MOST]
        return {
            unpack(
                one
            ): f"Dated by receipt: the clock of the exporter {unpack(one)} was {clock_words(wrong[one])}."
            for one in some
        }

    def _gather(self) -> tuple[list[pa.RecordBatch], bool]:
        """The batches of the next few seconds, and whether more may come."""
        until = time.monotonic() + LOOK_EVERY_S
        waiting: list[pa.RecordBatch] = []
        while (left := until - time.monotonic()) > 0:
            try:
                batch = self._batches.get(timeout=left)
            except queue.Empty:
                break
            if batch is None:
                return waiting, False
            waiting.append(batch)
            with self._lock:
                self._waiting -= batch.num_rows
        return waiting, True


@dataclass(frozen=True)
class Announcer:
    """Says what begins and ends: lines for people, JSON lines for programs."""

    as_json: bool
    registry: Registry | None

    def begun(self, attack: Attack) -> None:
        """An attack began."""
        self._say("begun", attack, f"{attack.threshold}")

    def ended(self, attack: Attack, *, running: bool = False) -> None:
        """An attack ended, or was still running when the collector stopped."""
        self._say(
            "running" if running else "ended",
            attack,
            f"{units.duration(attack.duration_s)}, peak {units.bit_rate(attack.peak_bps)}",
        )

    def _say(self, what: str, attack: Attack, more: str) -> None:
        if self.as_json:
            line = json.dumps(
                {"event": what, "at": units.iso(time.time_ns() // 1_000), "attack": attack.as_json()}
            )
        else:
            target = self.registry.lookup(attack.victim.split("/")[0]) if self.registry else None
            name = f" ({target.organisation})" if target else ""
            line = (
                f"{units.second(attack.start_us)}  {what:8} {attack.vector} on {attack.victim}{name}: {more}"
            )
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _quota(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """A size such as ``500G`` in bytes."""
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in SIZES else (text, "")
    try:
        size = float(number) * SIZES.get(unit, 1)
    except ValueError:
        size = 0.0
    if not 1 <= size < LARGEST:
        raise click.BadParameter(f"{text!r} is no size. Write it like 500G or 2T.")
    return int(size)


@click.command()
@click.argument("listen", nargs=-1, required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to keep the flows in.")
@click.option(
    "--quota", callback=_quota, help="Most that the folder may hold, like 500G; the oldest hours go first."
)
@click.option(
    "--duration", type=click.FloatRange(min=0), help="Stop after so many seconds; by default on Ctrl-C."
)
@click.option(
    "--registry",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of whom you protect.",
)
@click.option(
    "--baseline", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Learnt thresholds."
)
@click.option(
    "--lessons", type=click.Path(dir_okay=False, path_type=Path), default=LESSONS_FILE, show_default=True
)
@click.option(
    "--vantage", default="collector", show_default=True, help="Name of this vantage point in the flows."
)
@click.option(
    "--exporter",
    "exporters",
    multiple=True,
    help="Address or network that exports are taken from; several may be given. By default everybody's are.",
)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def collect(
    listen: tuple[str, ...],
    out: Path | None,
    quota: int | None,
    duration: float | None,
    registry: Path | None,
    baseline: Path | None,
    lessons: Path,
    vantage: str,
    exporters: tuple[str, ...],
    form: str,
) -> None:
    """Receive NetFlow, IPFIX and sFlow live, keep the flows, and report attacks as they begin and end.

    LISTEN is a port, ADDRESS:PORT or [IPV6]:PORT; several may be given. The protocol is told by content.
    """
    if quota is not None and out is None:
        raise click.UsageError("--quota limits the folder of --out, which is missing.")
    talk = Console(stderr=True)
    try:
        options, _ = options_from(Choices(baseline=baseline, lessons=lessons))
        known = Registry.load(registry) if registry else None
        statistics, watch = run(
            listen,
            options,
            Announcer(form == "json", known),
            out,
            quota,
            vantage,
            duration,
            lambda collector, watch: _tell(collector, watch, talk),
            senders=Senders(exporters),
        )
    except (UsageError, RegistryError) as error:
        raise click.UsageError(str(error)) from error
    except HanseError as error:
        raise click.ClickException(str(error)) from error
    _account(statistics, watch, talk)
    if watch.blind is not None:
        raise click.ClickException(watch.blind.words)


def run(
    listen: Sequence[str],
    options: Options,
    say: Says,
    out: Path | None,
    quota: int | None,
    vantage: str,
    duration: float | None,
    meet: Callable[[Collector, Watch], None] | None = None,
    *,
    senders: Senders = EVERYBODY,
) -> tuple[CollectorStatistics, Watch]:
    """Collect until a signal or for a duration (s), everything stopped in order at the end.

    Args:
        listen: ``port``, ``address:port`` or ``[IPv6 address]:port``, one or more.
        options: Gap and thresholds.
        say: Told what begins and ends.
        out: Folder for the flows; None to keep none.
        quota: Most bytes that the folder may hold; None for any.
        vantage: Name of the vantage point in the flows.
        duration: Seconds to run for; None until a signal.
        senders: Whose datagrams are taken.
        meet: Given collector and watch before they start, so that a thread of the caller's can look at them.

    Returns:
        What was received, and the watch over it, which says what was not looked at.
    """
    store = FlowStore(out, quota, now_us) if out else None
    watch = Watch(options, say, store)
    collector = Collector(list(listen), watch.take, vantage, senders=senders)
    watch.exporters = lambda: collector.exporters
    watch.clocks = lambda: collector.clocks
    if store is not None:
        store.clocks = lambda: collector.clocks
    if meet is not None:
        meet(collector, watch)
    watch.start()
    try:
        statistics = collector.run(duration)
    finally:
        watch.stop()
        if store is not None:
            store.close()
    watch.check()
    return statistics, watch


def _tell(collector: Collector, watch: Watch, talk: Console) -> None:
    """Have a thread say what becomes wrong while it runs, once each time: a collector may run for months."""

    def tell() -> None:
        said: set[str] = set()
        while True:
            time.sleep(TELL_S)
            wrong = findings(collector.exporters)
            if watch.blind is not None:
                wrong["blind"] = watch.blind.words
            for name in wrong.keys() - said:
                talk.print(
                    f"{units.second(time.time_ns() // 1_000)}  {wrong[name]}",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
            said = set(wrong)

    threading.Thread(target=tell, name="hanse-tell", daemon=True).start()


def _account(statistics: CollectorStatistics, watch: Watch, talk: Console) -> None:
    """What was received, what was lost, and what was not looked at."""
    rate = statistics.flows / max(statistics.seconds, 1e-9)
    talk.print(
        f"{units.count(statistics.flows)} flows in {units.count(statistics.datagrams)} datagrams, "
        f"{units.count(rate)} flows/s over {units.duration(statistics.seconds)}.",
        highlight=False,
    )
    talk.print(
        f"Lost: {units.count(statistics.kernel_dropped)} datagrams dropped by the kernel, "
        f"{statistics.truncated} truncated, {units.count(statistics.refused)} not from an exporter, "
        f"{units.count(statistics.skipped)} records skipped; "
        f"by sequence numbers: {_gaps(statistics)}.",
        highlight=False,
    )
    told = watch.exporters()
    if len(told) > 1:
        shares = ", ".join(f"{one.name} {units.count(one.flows)}" for one in told)
        talk.print(f"Flows by exporter: {shares}.", highlight=False)
    for words in advice(told):
        talk.print(words, highlight=False, soft_wrap=True)
    if watch.unsaid:
        talk.print(
            f"Not said at once: {units.count(watch.unsaid)} beginnings of attacks, there being too many.",
            highlight=False,
        )
    if watch.unseen:
        talk.print(
            f"Not looked at: {units.count(watch.unseen)} flows came faster than they could be searched, or their search failed; "
            "they are stored where --out was given, and `hanse attacks` finds what is in them.",
            highlight=False,
        )


def _gaps(statistics: CollectorStatistics) -> str:
    """Sequence gaps by what is counted, in words."""
    gaps = {name.replace("_", " "): number for name, number in asdict(statistics.losses).items() if number}
    return ", ".join(f"{units.count(number)} {name}" for name, number in gaps.items()) or "none"
