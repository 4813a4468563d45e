"""`hanse collect` as a process: it reports while it runs, keeps flows, and stops in order."""

import contextlib
import json
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pyarrow.parquet as pq
import pytest

from hanse import collecting
from hanse.attacks.live import LiveDetector
from tests.cli.shell import hanse

VICTIM = bytes([195, 80, 105, 107])


def datagram(sequence: int, records: int = 30, now: float | None = None) -> bytes:
    """A NetFlow v5 datagram of ICMP echo requests that end now: 50 packets of 1,028 octets each."""
    now = time.time() if now is None else now
    head = pack(">HHIIIIHH", 5, records, 60_000, int(now), int(now % 1 * 1e9), sequence, 0, 0)
    body = b"".join(
        bytes([82, 0, 0, 1 + (sequence + one) % 200]) + VICTIM + bytes(4)
        + pack(">HHIIII", 3, 7, 50, 51_400, 58_000, 59_000) + pack(">HH", 0, 0x0800)
        + pack(">BBBBHHBBH", 0, 0, 1, 0, 0, 0, 0, 0, 0)
        for one in range(records)
    )  # fmt: skip
    return head + body


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def watched(port: int, *words: str) -> tuple[subprocess.Popen[str], str]:
    """Start a collector, send it a flood until it says its first line, and return both."""
    command = [sys.executable, "-c", "from hanse.cli import main; main()", "collect", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = selectors.DefaultSelector()
    ready.register(process.stdout, selectors.EVENT_READ)
    until, sequence = time.monotonic() + 30, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        while time.monotonic() < until and process.poll() is None:
            if ready.select(0.1):
                return process, process.stdout.readline()
            try:
                out.sendto(datagram(sequence), ("127.0.0.1", port))
                sequence += 30
            except ConnectionRefusedError:
                time.sleep(0.1)
    process.kill()
    raise AssertionError(f"nothing was reported: {process.communicate()}")


@pytest.mark.parametrize(("form", "stop"), [("text", signal.SIGINT), ("json", signal.SIGTERM)])
def test_an_attack_is_reported_while_it_runs(tmp_path: Path, form: str, stop: signal.Signals):
    """The line comes while the collector runs; a signal stops it with 0 and an account; flows are kept."""
    process, line = watched(free_port(), "--format", form, "--out", str(tmp_path / "flows"))
    process.send_signal(stop)
    rest, account = process.communicate(timeout=20)
    assert process.returncode == 0, account
    if form == "json":
        lines = [json.loads(one) for one in (line + rest).splitlines()]
        assert [one["event"] for one in lines] == ["begun", "running"]
        assert lines[0]["attack"]["victim"] == "195.80.105.107"
        assert lines[0]["attack"]["vector"] == "icmp_flood"
    else:
        assert "begun    icmp_flood on 195.80.105.107" in line
    assert "flows/s over" in account
    assert "Traceback" not in account
    files = list((tmp_path / "flows").rglob("*.parquet"))
    assert files
    assert sum(pq.read_metadata(file).num_rows for file in files) % 30 == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "no port"),
        (["127.0.0.1:0", "--quota", "1G"], "--out"),
        (["127.0.0.1:0", "--quota", "lots", "--out", "x"], "no size"),
        (["127.0.0.1:0", "--quota", "nan", "--out", "x"], "no size"),
        (["127.0.0.1:0", "--quota", "-5G", "--out", "x"], "no size"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage_is_refused(words, said):
    """Nothing is received when it was asked for wrongly."""
    result = hanse("collect", *words, *(["--duration", "1"] if words else []))
    assert result.exit_code in {1, 2}
    assert isinstance(result.exception, SystemExit)
    assert said in result.stderr


def test_a_quiet_minute_ends_well(tmp_path):
    """Without datagrams the collector ends after its duration, with nothing on standard output."""
    result = hanse("collect", "127.0.0.1:0", "--duration", "0.2")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 flows in 0 datagrams" in result.stderr


def sent(port: int, seconds: float, made: Callable[[int], bytes] = datagram) -> threading.Thread:
    """Send a flood for some seconds, beside what goes on."""

    def send() -> None:
        end, sequence = time.monotonic() + seconds, 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while time.monotonic() < end:
                with contextlib.suppress(ConnectionRefusedError):
                    out.sendto(made(sequence), ("127.0.0.1", port))
                    sequence += 30
                time.sleep(0.05)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_an_analysis_that_fails_to_the_end_is_an_error_and_loses_no_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is received and stored; what happened, since when and what to do is said, and the exit code is 1."""

    def blind(*_: object) -> None:
        raise OverflowError("a count that nothing holds")

    monkeypatch.setattr(LiveDetector, "feed", blind)
    monkeypatch.setattr(collecting, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(collecting, "TELL_S", 0.5)
    port = free_port()
    monkeypatch.setattr(collecting, "MOST_FAILED", 1)
    flood = sent(port, 9)
    result = hanse("collect", f"127.0.0.1:{port}", "--duration", "8", "--out", str(tmp_path))
    flood.join()
    assert result.exit_code == 1
    assert result.stderr.count("The live analysis fails since") == 2, "when it began and at the end"
    assert "OverflowError: a count that nothing holds" in result.stderr
    stored = sum(pq.read_metadata(file).num_rows for file in tmp_path.rglob("*.parquet"))
    assert stored > 0
    assert f"{stored:,}".replace(",", "\u2009") + " flows in" in result.stderr


def test_a_router_with_a_wrong_clock_is_named_while_it_runs_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who watches the screen need not stop it to learn that the clock of a router is years behind."""
    monkeypatch.setattr(collecting, "TELL_S", 0.5)
    port = free_port()
    old = sent(port, 9, made=lambda sequence: datagram(sequence, now=1_178_700_000.0))
    result = hanse("collect", f"127.0.0.1:{port}", "--duration", "8")
    old.join()
    assert result.exit_code == 0
    assert result.stderr.count("The clock of 127.0.0.1 (NetFlow v5) is") == 2
    assert "set it by NTP" in result.stderr
