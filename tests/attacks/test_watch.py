"""The watch over a collector's flows lives through a look that fails, and says what it did not see."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from hanse import collecting
from hanse.attacks.attack import Attack
from hanse.attacks.detect import Options
from hanse.attacks.live import LiveDetector
from hanse.collecting import MOST_FAILED, Watch
from hanse.engine import open_engine
from hanse.kernel.errors import HanseError
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


def test_a_detector_that_sees_nothing_any_more_ends_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """One failure after the other is no moment's trouble: nobody is to believe that somebody watches."""

    def blind(*_: object) -> None:
        raise OverflowError("always")

    monkeypatch.setattr(LiveDetector, "feed", blind)
    watch = Watch(Options(), Heard(), None)
    watch.start()
    for number in range(MOST_FAILED):
        seen = watch.unseen
        for batch in flood(number * 20):
            watch.take(batch)
        until(lambda seen=seen: watch.unseen > seen or watch.failure is not None)
    until(lambda: watch.failure is not None)
    with pytest.raises(HanseError, match="live detector failed"):
        watch.check()
    watch.stop()
