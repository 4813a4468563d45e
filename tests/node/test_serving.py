"""`hanse node serve` with its real processes: kept, started anew, seen where they fail, and gone with their parent."""

import json
import os
import re
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from hanse.kernel.errors import UsageError
from hanse.node.making import make
from hanse.settings import Node, SettingsError, listen_address, listens_at, metrics_address, web_address
from tests.faults.conftest import address  # noqa: F401 - the fixture is used by its name
from tests.node.living import Living, alive, children, command_of, free_port, living, until

IDLE_MB = 250
"""What a node that does nothing may take, all processes together (proportional set size)."""

SECRET = "a-password-that-nobody-may-read"


@pytest.fixture
def node(tmp_path: Path, address: str):  # noqa: F811 - the fixture
    """A founded node with metrics, not served yet."""
    with living(tmp_path / "home", address, HANSE_METRICS=f"127.0.0.1:{free_port()}") as made:
        yield made


def collector(node: Living, port: int, *, on: bool = True) -> None:
    """Set the collector on loopback."""
    node.do("change", group="collector", value={"on": on, "address": "127.0.0.1", "port": port})


def bound(port: int) -> bool:
    """Whether somebody listens at a UDP port of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def state(node: Living) -> str:
    """How the collector is, by the health page."""
    return str(node.health()[1].get("collector"))


def used_mb(pid: int) -> float:
    """Proportional set size of a process and everything below it, MB."""
    total = 0
    for one in [pid, *children(pid)]:
        words = Path(f"/proc/{one}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", words, re.MULTILINE)[1])
    return total / 1024


def mapped(pid: int, library: str) -> list[str]:
    """Commands of a process and everything below it that have mapped a file of that name into their memory."""
    every = [pid, *children(pid)]
    return [command_of(one) for one in every if library in Path(f"/proc/{one}/maps").read_text()]


def metrics_of(node: Living) -> str:
    """What a monitor reads."""
    with urllib.request.urlopen(f"http://{node.environment['HANSE_METRICS']}/metrics", timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.long
def test_the_collector_follows_its_setting_and_its_failures_are_seen(node: Living) -> None:
    """The collector moves and stops with its setting and comes back when killed, without a restart of the node.

    A port in use is said by health, doctor and metrics until it is free. Nothing outlives a killed parent. Before
    all that, the idle node stays under its memory, and none of its processes has loaded Arrow.
    """
    parent = node.serve()
    idle = used_mb(parent)
    assert idle < IDLE_MB, f"{idle:.0f} MB"
    assert mapped(parent, "libarrow") == []
    assert state(node) == "off"
    assert node.child("collector") is None
    # 1. A port that somebody else has, until it is free.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        collector(node, taken)
        until(lambda: state(node) == "failed")
        assert node.health()[0] == 503
        doctor = node.run("doctor")
        assert doctor.returncode == 1
        assert f"127.0.0.1:{taken}: cannot receive there" in doctor.stdout
        assert not doctor.stderr
        assert 'hanse_collector_state{state="failed"} 1.0' in metrics_of(node)
    until(lambda: state(node) == "running")
    assert bound(taken)
    # 2. Moved to another port.
    port = free_port(socket.SOCK_DGRAM)
    collector(node, port)
    until(lambda: bound(port))
    assert not bound(taken)
    # 3. Killed: another one takes its place.
    killed = until(lambda: node.child("collector"))
    os.kill(killed, signal.SIGKILL)
    until(lambda: node.child("collector") not in (None, killed))
    until(lambda: bound(port) and state(node) == "running")
    # 4. Off, and on again.
    collector(node, port, on=False)
    until(lambda: node.child("collector") is None and state(node) == "off")
    assert not bound(port)
    assert node.health()[0] == 200
    collector(node, port)
    until(lambda: node.child("collector"))
    assert parent == node.process.pid
    # 5. The parent is killed.
    below = children(parent)
    assert len(below) == 3
    assert node.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(map(alive, below)), seconds=20)


@pytest.mark.long
def test_metrics_and_the_log_say_what_happens_and_nothing_secret(node: Living) -> None:
    """Metrics count what is on record and how long routes take; the log is one JSON object a line.

    Neither holds an id or a password that was set. A node that is told to stop has ended its processes before it
    ends.
    """
    node.do("change", group="mail", value={
        "relay": "relay.invalid", "user": "node", "password": SECRET, "sender": "node@ee.example",
        "recipients": ["duty@ee.example"],
    })  # fmt: skip
    node.serve()
    with urllib.request.urlopen(f"{node.url}/accounts/login/", timeout=10) as answer:  # noqa: S310 - our own
        assert answer.status == 200
    told = metrics_of(node)
    entries = len(node.do("kinds"))
    assert re.search(rf"^hanse_ledger_entries_total(\{{\}})? {entries}\.0$", told, re.MULTILINE), told
    assert re.search(r'^hanse_queue_length\{queue="alerts"\} 0\.0$', told, re.MULTILINE)
    assert re.search(r'^hanse_jobs\{state="failed"\} 0\.0$', told, re.MULTILINE)
    assert re.search(r"^hanse_disk_free_bytes \d", told, re.MULTILINE)
    assert re.search(r"^hanse_worker_silent_seconds \d", told, re.MULTILINE)
    assert re.search(
        r'^http_server_request_duration_seconds_count\{.*http_route="health/".*\} [1-9]', told, re.MULTILINE
    )
    assert node.url not in told
    below = children(node.process.pid)
    assert node.stop() == 0
    assert not any(map(alive, below))
    lines = node.log.read_text().splitlines()
    assert lines[0].startswith("The node is at ")
    events = [json.loads(line) for line in lines[1:]]
    assert any("Starting worker" in one["event"] for one in events)
    assert all({"event", "level", "logger", "timestamp"} <= set(one) for one in events)
    assert SECRET not in node.log.read_text()


@pytest.mark.parametrize(
    "text", ["0.0.0.0:9464", "192.0.2.1:9464", "9464", "127.0.0.1", "127.0.0.1:0", "host:1"]
)
def test_metrics_are_published_on_loopback_alone(text: str) -> None:
    """Nobody signs in where metrics are read, so an address that others can reach is refused."""
    with pytest.raises(SettingsError, match="loopback"):
        metrics_address(text)


def test_metrics_take_either_loopback_address() -> None:
    """Both families have one."""
    assert metrics_address("127.0.0.1:9464") == ("127.0.0.1", 9464)
    assert metrics_address("[::1]:9464") == ("::1", 9464)


@pytest.mark.parametrize(
    "text", ["localhost:8007", "8007", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:80000", "127.0.0.1:x", ":8007"]
)
def test_a_node_listens_at_an_address_and_a_port(text: str) -> None:
    """Anything else is refused in words, before anything runs."""
    with pytest.raises(SettingsError, match=r"Write 127\.0\.0\.1:8007"):
        listen_address(text)


def test_a_node_listens_at_addresses_of_both_families() -> None:
    """All addresses of the machine are one of them."""
    assert listen_address("0.0.0.0:8007") == ("0.0.0.0", 8007)  # noqa: S104 - a setting that is read
    assert listen_address("[::1]:8007") == ("::1", 8007)


@pytest.mark.parametrize("url", ["http://hanse.example", "http://127.0.0.1:8007", "https://192.0.2.1"])
def test_no_node_is_made_at_which_nobody_could_sign_in(url: str, tmp_path: Path) -> None:
    """Browsers make passkeys for names alone, and over plain HTTP for localhost alone."""
    with pytest.raises(UsageError, match="passkeys"):
        make(Node(tmp_path, "ee-cert", "CERT", "EE", url=url), "", keep_beside=True)
    assert not any(tmp_path.iterdir())


def test_a_node_on_localhost_listens_at_the_port_of_its_url() -> None:
    """There is no proxy before it; whoever has one gets the port that the how-to names."""
    assert listens_at("http://localhost:8010") == "127.0.0.1:8010"
    assert listens_at("http://ee.localhost:8011") == "127.0.0.1:8011"
    assert listens_at("https://hanse.example") is None


def test_two_nodes_never_share_a_port(node: Living) -> None:
    """The web server would share it with whoever asks to: each of them would get some of the requests."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", node.port))
        other.listen()
        refused = node.run("serve")
    assert refused.returncode == 2
    assert "Address already in use. End what listens there" in refused.stderr
    assert "The node is at" not in refused.stdout


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://hanse.example", "https://hanse.example"),
        (" http://localhost:8007/ ", "http://localhost:8007"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("HTTPS://Hanse.Example", "https://hanse.example"),
    ],
)
def test_an_address_is_kept_as_pages_are_addressed_with_it(typed, kept):
    """What a browser's field adds when it is copied, a space or a slash, leads no link astray."""
    assert web_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "hanse.example", "ftp://hanse.example", "https://", "https://a/b", "https://a?b", "https://u@a", "https://a:x",
     "https://a:99999", "https://a:0", "https://a b", "https://häfen.example"],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_refused(typed):
    """Passkeys, forms and links rest on it: one that is wrong lets nobody in."""
    with pytest.raises(SettingsError, match="is no address that browsers"):
        web_address(typed)
