"""The watch over a collector's flows lives through a look that fails, and says what it did not see."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pytest

from hanse import collecting
from hanse.attacks.attack import Attack
from hanse.attacks.detect import Options
from hanse.attacks.live import LiveDetector
from hanse.collecting import MOST_FAILED, Watch
from hanse.engine import open_engine
from hanse.kernel.addresses import pack
from hanse.telemetry.store import FlowStore
from tests.attacks import build


@dataclass
class Heard:
    """Keeps what is said; some of it fails first."""

    failing: int = 0
    words: list[str] = field(default_factory=list)

    def begun(self, attack: Attack) -> None:
        """An attack began."""
        self._say(f"begun {attack.vector}")

    def ended(self, attack: Attack, *, running: bool = False) -> None:
        """An attack ended."""
        self._say(f"{'running' if running else 'ended'} {attack.vector}")

    def _say(self, words: str) -> None:
        if self.failing:
            self.failing -= 1
            raise RuntimeError("the database is busy")
        self.words.append(words)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, 20 s at most."""
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(collecting, "LOOK_EVERY_S", 0.1)


def flood(at_s: int) -> list:
    """Batches of a flood."""
    return build.icmp_flood(at_s, 10).to_batches()


def test_a_look_that_fails_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows on which the detector stumbles cost the look over them: they are counted, and what follows is seen."""
    feed, poison = LiveDetector.feed, [True]

    def stumbling(self: LiveDetector, batch):
        if poison:
            poison.pop()
            raise OverflowError("a count that nothing holds")
        return feed(self, batch)

    monkeypatch.setattr(LiveDetector, "feed", stumbling)
    heard = Heard()
    watch = Watch(Options(), heard, None)
    watch.start()
    spoilt = flood(5)
    for batch in spoilt:
        watch.take(batch)
    until(lambda: watch.unseen > 0)
    assert watch.unseen == sum(batch.num_rows for batch in spoilt)
    for batch in flood(30):
        watch.take(batch)
    until(lambda: bool(heard.words))
    watch.stop()
    watch.check()
    assert heard.words == ["begun icmp_flood", "running icmp_flood"]


def test_a_beginning_that_could_not_be_said_is_said_later() -> None:
    """A database that is busy for a moment makes no attack run unannounced."""
    heard = Heard(failing=1)
    watch = Watch(Options(), heard, None)
    watch.start()
    for batch in flood(5):
        watch.take(batch)
    until(lambda: watch.unseen > 0)
    for batch in flood(15):
        watch.take(batch)
    until(lambda: bool(heard.words))
    watch.stop()
    assert heard.words == ["begun icmp_flood", "running icmp_flood"]


def test_a_crowd_of_attacks_is_said_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """One forged record is an attack: so many begin after one look, the largest first; the others later, if they go on."""
    monkeypatch.setattr(collecting, "MOST_BEGUN", 2)
    heard = Heard()
    watch = Watch(Options(), heard, None)

    def floods(at_s: int) -> list:
        made = [build.icmp_flood(at_s, 10, 300 + 100 * one, f"195.80.105.{one}") for one in range(5)]
        return pa.concat_tables(made).combine_chunks().to_batches()

    with open_engine(memory="1GB") as engine:
        live = LiveDetector(engine, Options())
        watch._look_at(live, floods(5))
        assert heard.words == ["begun icmp_flood"] * 2
        assert {victim for victim, _ in live.running} == {"195.80.105.4", "195.80.105.3"}
        assert watch.unsaid == 3
        watch._look_at(live, floods(20))
        watch._look_at(live, floods(35))
    assert len(live.running) == 5
    assert watch.unsaid == 3 + 1


def test_attacks_that_begin_write_flows_no_oftener_than_files_are_put_on_record(tmp_path: Path) -> None:
    """Each time makes a file and an entry of each hour: forged attacks, one after the other, make no thousands of them."""
    watch = Watch(Options(), Heard(), FlowStore(tmp_path), flush_s=300)
    for number in range(20):
        watch._flush_now = True
        for batch in flood(5 + number):
            watch.take(batch)
    assert len(FlowStore(tmp_path).files()) == 0
    watch._flushed -= collecting.FLUSH_LEAST_S
    for batch in flood(30):
        watch.take(batch)
    assert len(FlowStore(tmp_path).files()) == 1


def blinded(watch: Watch) -> None:
    """Have the looks of a watch fail until it says so."""
    for number in range(MOST_FAILED):
        assert watch.blind is None
        seen = watch.unseen
        for batch in flood(number * 20):
            watch.take(batch)
        until(lambda seen=seen: watch.unseen > seen)
    until(lambda: watch.blind is not None)


def test_flows_that_spoil_every_look_end_no_collecting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can craft them could else stop the record of what follows: flows are stored, and it is said that nothing is watched.

    Once looks succeed again, what runs then is reported.
    """
    feed, poison = LiveDetector.feed, [True]

    def blind(self: LiveDetector, batch: pa.Table):
        if poison:
            raise OverflowError("a count that nothing holds")
        return feed(self, batch)

    monkeypatch.setattr(LiveDetector, "feed", blind)
    heard, store = Heard(), FlowStore(tmp_path)
    watch = Watch(Options(), heard, store)
    watch.start()
    blinded(watch)
    assert watch.blind is not None
    assert "OverflowError: a count that nothing holds" in watch.blind.words
    assert "stored" in watch.blind.words
    watch.check()
    poison.clear()
    for batch in flood(200):
        watch.take(batch)
    until(lambda: bool(heard.words))
    until(lambda: watch.blind is None)
    watch.stop()
    watch.check()
    store.close()
    assert heard.words == ["begun icmp_flood", "running icmp_flood"]
    assert store.rows == (MOST_FAILED + 1) * sum(batch.num_rows for batch in flood(0))


def test_an_engine_that_cannot_be_opened_ends_no_collecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory or no disk for a moment is no reason to stop receiving; it is tried again every few seconds."""
    opened, broken = collecting.open_engine, [True]

    def opening(**words: str):
        if broken:
            raise OSError("no space left on device")
        return opened(**words)

    monkeypatch.setattr(collecting, "open_engine", opening)
    heard = Heard()
    watch = Watch(Options(), heard, None)
    watch.start()
    blinded(watch)
    broken.clear()
    for batch in flood(200):
        watch.take(batch)
    until(lambda: bool(heard.words))
    watch.stop()
    assert heard.words == ["begun icmp_flood", "running icmp_flood"]


@pytest.mark.parametrize("victim", ["195.80.105.107", "195.80.105.0/24"])
def test_what_is_dated_by_receipt_says_so_in_its_evidence(victim: str) -> None:
    """An attack seen by an exporter whose clock is wrong names it; one that it did not see does not."""
    watch = Watch(Options(), Heard(), None)
    watch.clocks = lambda: {pack("192.0.2.1"): -7_200.0}

    def flows(exporter: str) -> pa.Table:
        made = build.icmp_flood(5, 10, victim="195.80.105.107")
        place = made.schema.get_field_index("exporter")
        return made.set_column(
            place, made.schema.field(place), pa.array([pack(exporter)] * len(made), pa.binary(16))
        )

    with open_engine(memory="1GB") as engine:
        live = LiveDetector(engine, Options(), note=watch._dated)
        (attack,) = live.feed(flows("192.0.2.1"))
        words = "Dated by receipt: the clock of the exporter 192.0.2.1 was 2 h behind."
        assert attack.reasons[-1] == words
        live.feed(flows("192.0.2.1"))
        assert [one.reasons.count(words) for one in live.running.values()] == [1]
        (attack,) = LiveDetector(engine, Options(), note=watch._dated).feed(flows("192.0.2.2"))
        assert words not in attack.reasons
        assert watch._dated(flows("192.0.2.1"), replace(attack, victim=victim)) == {"192.0.2.1": words}
        assert watch._dated(flows("192.0.2.1"), replace(attack, victim="195.80.104.0/24")) == {}
