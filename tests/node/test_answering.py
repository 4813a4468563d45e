"""A node that recovers answers other nodes where its pages will be, and serves nobody else."""

import contextlib
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from hanse.federation import wire
from hanse.node import answering as room
from hanse.node.answering import AT_ONCE, answering
from tests.node.living import free_port

ONLY = frozenset({"recover"})


@pytest.fixture
def heard(monkeypatch) -> list[tuple[bytes, frozenset[str] | None]]:
    """What it was asked, and what it might be asked."""
    some: list[tuple[bytes, frozenset[str] | None]] = []

    def answer(data: bytes, only: frozenset[str] | None = None) -> wire.Answer:
        some.append((data, only))
        return wire.Answer(200, b"told " + data, signed=True)

    monkeypatch.setattr(wire, "answer", answer)
    return some


def _asked(address: str, path: str, data: bytes | None) -> tuple[int, str, bytes]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", data, timeout=10) as got:
            return got.status, got.headers["Content-Type"], got.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def test_messages_are_answered_and_pages_are_not(heard) -> None:
    """Each message with what may be asked at that moment; everything else hears that the node does not serve yet."""
    address = f"127.0.0.1:{free_port()}"
    now = [ONLY]
    with answering(address, lambda: now[0], pytest.fail):
        assert _asked(address, "/league/", b"this") == (200, wire.CONTENT_TYPE, b"told this")
        now[0] = frozenset()
        _asked(address, "/league/", b"that")
        for path, data in (("/", None), ("/league/", None), ("/accounts/login/", b"x")):
            status, _, words = _asked(address, path, data)
            assert (status, b"does not serve yet" in words) == (503, True)
    assert heard == [(b"this", ONLY), (b"that", frozenset())]
    with pytest.raises(OSError, match="refused"), socket.create_connection(tuple(address.split(":"))):
        pass


def test_what_is_too_long_is_not_read(heard, monkeypatch) -> None:
    """As while it serves."""
    monkeypatch.setattr(wire, "LIMIT_BYTES", 3)
    address = f"127.0.0.1:{free_port()}"
    with answering(address, lambda: ONLY, pytest.fail):
        assert _asked(address, "/league/", b"this")[0] == 413
    assert heard == []


def test_where_the_address_is_taken_it_says_so_and_recovers_all_the_same() -> None:
    """A restore that is tried beside the node that serves."""
    told: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with answering(f"127.0.0.1:{taken.getsockname()[1]}", lambda: ONLY, told.append):
            assert "cannot be answered" in told[0]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _place(address: str) -> tuple[str, int]:
    return "127.0.0.1", int(address.rpartition(":")[2])


def _ended(one: socket.socket) -> bool:
    """Whether the other end has closed it."""
    with contextlib.suppress(ConnectionResetError):
        return one.recv(1) == b""
    return True


SLOWLY = b"POST /league/ HTTP/1.1\r\nContent-Length: 3999999\r\n\r\n"


def test_whoever_holds_connections_and_says_little_keeps_nobody_out(heard) -> None:
    """No more threads than that, and whoever comes takes the place of the one that has been asking for longest."""
    address = f"127.0.0.1:{free_port()}"
    with answering(address, lambda: ONLY, pytest.fail):
        before = threading.active_count()
        held = [socket.create_connection(_place(address), timeout=10) for _ in range(AT_ONCE)]
        for one in held[::2]:
            one.sendall(SLOWLY)
        _until(lambda: threading.active_count() == before + AT_ONCE)
        assert _asked(address, "/league/", b"this")[0] == 200
        assert _ended(held[0])
        more = [socket.create_connection(_place(address), timeout=10) for _ in range(10)]
        assert all(_ended(one) for one in held[1:10])
        assert threading.active_count() <= before + AT_ONCE
        assert _asked(address, "/league/", b"that")[0] == 200
        for one in (*held, *more):
            one.close()
        _until(lambda: threading.active_count() == before)
    assert [data for data, _ in heard] == [b"this", b"that"]


def test_whoever_is_answered_is_not_ended_for_another(monkeypatch) -> None:
    """Who has said all makes no room: the oldest that still asks does."""
    address, goes_on = f"127.0.0.1:{free_port()}", threading.Event()
    heard: list[bytes] = []

    def answer(data: bytes, only: frozenset[str] | None = None) -> wire.Answer:
        heard.append(data)
        goes_on.wait(20)
        return wire.Answer(200, b"told", signed=True)

    monkeypatch.setattr(wire, "answer", answer)
    with answering(address, lambda: ONLY, pytest.fail):
        asked = socket.create_connection(_place(address), timeout=10)
        asked.sendall(b"POST /league/ HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
        _until(lambda: heard == [b"x"])
        before = threading.active_count()
        held = [socket.create_connection(_place(address), timeout=10) for _ in range(AT_ONCE)]
        assert _ended(held[0])
        assert threading.active_count() <= before + AT_ONCE
        goes_on.set()
        assert asked.recv(100).startswith(b"HTTP/1.0 200")
        for one in (asked, *held):
            one.close()


def test_a_message_has_one_time_limit_however_slowly_it_comes(heard, monkeypatch) -> None:
    """A byte now and then does not begin the time anew, in the head or in the body; what came is not taken for all."""
    monkeypatch.setattr(room, "SLOWEST_S", 1)
    address = f"127.0.0.1:{free_port()}"
    with answering(address, lambda: ONLY, pytest.fail):
        head, body = (socket.create_connection(_place(address), timeout=10) for _ in range(2))
        head.sendall(SLOWLY[:10])
        body.sendall(SLOWLY)
        for one in (head, body):
            _until(lambda one=one: not _takes(one))
            one.close()
    assert heard == []


def _takes(one: socket.socket) -> bool:
    """Whether the other end still takes a byte, some time after the one before."""
    time.sleep(0.05)
    try:
        one.sendall(b"x")
    except OSError:
        return False
    return True
