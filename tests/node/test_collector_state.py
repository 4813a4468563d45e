"""A node's collector says how it is: over real sockets, as the settings page, the API and doctor read it."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest
from django.conf import settings

from hanse.attacks.detect import Options
from hanse.attacks.live import LiveDetector
from hanse.collecting import Watch, run
from hanse.console import processes
from hanse.console.service import Collector, change
from hanse.kernel.actors import system
from hanse.node import collecting, doctor
from hanse.telemetry.collect import Collector as Live
from tests.cli.test_collect import free_port

pytestmark = pytest.mark.django_db(transaction=True)

NODE = system("collector", "ee-cert", "EE")
LOST_ITS_BATTERY_S = 1_178_700_000
"""2007-05-09, as a router says it whose clock has stopped for lack of a battery."""


def export(export_s: int, sequence: int) -> bytes:
    """A NetFlow v5 datagram of thirty flows that ended a second before."""
    head = pack(">HHIIIIHH", 5, 30, 60_000, export_s, 0, sequence, 0, 0)
    addresses = bytes([82, 0, 0, 1, 195, 80, 105, 107, 0, 0, 0, 0])
    counts = pack(">HHIIII", 3, 7, 5, 500, 58_000, 59_000)
    return head + (addresses + counts + pack(">HHBBBBHHBBH", 53, 53, 0, 0, 17, 0, 0, 0, 0, 0, 0)) * 30


def collected(folder: Path, wanted: Callable[[processes.CollectorState], bool]) -> processes.CollectorState:
    """What a node's collector says of itself once that is wanted, while a router with a stopped clock sends to it."""
    home, port = settings.HANSE_NODE.home, free_port()
    change(Collector(on=True, address="127.0.0.1", port=port), NODE)
    processes.collector_is(home, processes.CollectorState(state="off"))
    companion = collecting.Companion(home, f"127.0.0.1:{port}", folder, NODE)
    met: list[Live] = []

    def meet(collector: Live, watch: Watch) -> None:
        met.append(collector)
        companion.meet(collector, watch)

    def send() -> None:
        sequence, end = 0, time.monotonic() + 60
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while time.monotonic() < end and not wanted(processes.collector_state(home)):
                try:
                    out.sendto(export(LOST_ITS_BATTERY_S + sequence // 600, sequence), ("127.0.0.1", port))
                    sequence += 30
                except ConnectionRefusedError:
                    pass
                time.sleep(0.05)
        met[0]._stopping.set()

    router = threading.Thread(target=send)
    router.start()
    try:
        run([f"127.0.0.1:{port}"], Options(), _Silent(), folder, None, "collector", None, meet)
    finally:
        router.join()
        companion.leave()
    return processes.collector_state(home)


class _Silent:
    """Nobody is told anything."""

    def begun(self, _: object) -> None:
        """An attack began."""

    def ended(self, _: object, *, running: bool = False) -> None:
        """An attack ended."""


def test_a_router_with_a_stopped_clock_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Its clock stands in the state, doctor is not content, and a collector that stops does not say that it starts."""
    told = collected(tmp_path, lambda state: any(one.dated for one in state.exporters))
    assert told.state == "running"
    (router,) = told.exporters
    assert (router.address, router.protocol, router.share) == ("127.0.0.1", "NetFlow v5", 1.0)
    assert router.clock.endswith("years behind")
    assert router.dated == router.flows > 0
    state, words = doctor._exporters(settings.HANSE_NODE)
    assert state == "ill"
    assert "set it by NTP" in words


def test_a_disk_that_was_full_for_a_while_does_not_silence_the_collector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """How it is cannot be written down for some seconds, and is again after them: else it would stand as failed for ever."""
    said, write = [0], processes.collector_is

    def full(home: Path, state: processes.CollectorState) -> None:
        said[0] += state.state != "off"
        if state.state != "off" and said[0] < 3:
            raise OSError(28, "No space left on device")
        write(home, state)

    monkeypatch.setattr(processes, "collector_is", full)
    monkeypatch.setattr(collecting, "SAY_S", 0.2)
    assert collected(tmp_path, lambda state: state.state == "running").state == "running"
    assert "it could not be said how the collector is" in caplog.text


@pytest.fixture
def blinded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysis of live flows fails, and is tried often."""

    def blind(*_: object) -> None:
        raise OverflowError("a count that nothing holds")

    monkeypatch.setattr(LiveDetector, "feed", blind)
    monkeypatch.setattr("hanse.collecting.LOOK_EVERY_S", 0.1)


@pytest.mark.usefixtures("blinded")
def test_a_collector_whose_analysis_fails_goes_on_and_says_so(tmp_path: Path) -> None:
    """Flows go on being received; the state is another than running, with the failure in words, and doctor repeats it."""
    told = collected(tmp_path, lambda state: state.state == "blind")
    assert told.state == "blind"
    assert told.flows > 0
    assert "OverflowError" in told.words
    assert doctor._collector(settings.HANSE_NODE) == ("ill", told.words)
