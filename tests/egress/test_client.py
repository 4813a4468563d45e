"""The client's bounds: bytes, time, redirects, headers, TLS, and what it keeps (nothing)."""

import gzip
import os
import socket
import time

import pytest

from hanse.egress.client import Client
from hanse.egress.errors import EgressError, RefusedError, TimedOutError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint, Rules
from hanse.kernel.errors import HanseError
from tests.egress.servers import (
    PUBLIC,
    certificate,
    http_server,
    local,
    local_rules,
    public_rules,
    raw_server,
    reply,
)


def get(port, path="/", rules=None, **more):
    """Fetch from this machine over http."""
    client = Client(rules or local_rules())
    return client.get(f"http://localhost:{port}{path}", http=True, allow=local(port), **more)


def said(words: bytes):
    """A server that hears the request, says these bytes and hangs up."""
    return raw_server(lambda connection: (connection.recv(9_999), connection.sendall(words)))


def test_a_name_under_localhost_is_this_machine_and_is_refused_unless_it_was_approved():
    """Whatever resolver the machine has (RFC 6761); by its name it is reached only where two people said so."""
    with http_server(lambda handler: reply(handler, 200, b"here")) as server:
        there = AllowedEndpoint("ee.localhost", "127.0.0.1", server.port)
        url = f"http://ee.localhost:{server.port}/"
        assert Client(Rules()).get(url, http=True, allow=[there]).body == b"here"
        with pytest.raises(RefusedError, match="not public"):
            Client(Rules()).get(url, http=True, allow=local(server.port))


def test_an_answer_comes_back_whole():
    """Status, headers, body, address and peer are those of the server, also of an error page."""
    with http_server(lambda handler: reply(handler, 404, b"none", X_Note="a")) as server:
        got = get(server.port, "/a?b=c", headers={"Accept": "text/csv"})
    assert (got.status, got.body, got.headers["x-note"]) == (404, b"none", "a")
    assert (got.final_url, got.peer) == (f"http://localhost:{server.port}/a?b=c", "127.0.0.1")
    method, path, headers, _ = server.seen[0]
    assert (method, path, headers["Accept"], headers["Host"]) == (
        "GET",
        "/a?b=c",
        "text/csv",
        f"localhost:{server.port}",
    )


def test_tls_checks_the_name_in_the_address_not_the_number(tmp_path):
    """The pinned connection shows the name to the server and checks its certificate for it."""
    shown, trusted = certificate(tmp_path, "feed.example")
    names = []
    shown.sni_callback = lambda _, name, __: names.append(name)
    with http_server(reply, shown) as server:
        rules, _, dialled = public_rules([PUBLIC], port=server.port, tls=trusted)
        assert Client(rules).get("https://feed.example/").status == 200
        with pytest.raises(
            UnreachableError, match=r"certificate is not good here \(Hostname mismatch.*issuer of your own"
        ):
            Client(rules).get("https://other.example/")
        plain, _, _ = public_rules([PUBLIC], port=server.port)
        with pytest.raises(
            UnreachableError, match=r"certificate is not good here \(self[- ]signed certificate"
        ):
            Client(plain).get("https://feed.example/")
    assert names[:2] == ["feed.example", "other.example"]
    assert server.seen[0][2]["Host"] == "feed.example"
    assert dialled == [PUBLIC, PUBLIC]


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_over_the_cap_is_refused(packed):
    """One byte over the cap is an error; exactly the cap is not. Random bytes pack to no less."""
    body = os.urandom(50_000)
    sent = gzip.compress(body) if packed else body
    with http_server(
        lambda h: reply(h, 200, sent, **({"Content_Encoding": "gzip"} if packed else {}))
    ) as server:
        assert get(server.port, limit_bytes=len(sent)).body == body
        with pytest.raises(TooLargeError):
            get(server.port, limit_bytes=49_999)


def test_a_body_without_length_is_capped():
    """A server that announces no length and never stops is cut at the cap."""

    def talk(connection):
        connection.recv(9_999)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65_536))

    with raw_server(talk) as server, pytest.raises(TooLargeError):
        get(server.port, limit_bytes=1_000_000)


def test_a_gzip_bomb_is_refused():
    """64 MB of zeros in 64 kB end at the ratio although the cap would let them in; at the cap otherwise."""
    bomb = gzip.compress(bytes(64_000_000))
    with http_server(lambda handler: reply(handler, 200, bomb, Content_Encoding="gzip")) as server:
        with pytest.raises(TooLargeError, match="times its size"):
            get(server.port, limit_bytes=100_000_000)
        with pytest.raises(TooLargeError, match="over 100,000 bytes"):
            get(server.port, limit_bytes=100_000)


@pytest.mark.parametrize(
    ("body", "coding"),
    [(gzip.compress(b"abc", mtime=0)[:-4], "gzip"), (gzip.compress(b"abc", mtime=0) + b"x", "gzip"), (b"abc", "gzip"),
     (b"abc", "br"), (gzip.compress(gzip.compress(b"abc", mtime=0), mtime=0), "gzip, gzip")],
)  # fmt: skip
def test_damaged_or_unasked_packing_is_an_error(body, coding):
    """Cut, followed by more, not packed at all, or packed otherwise than asked: never half a body."""
    with (
        http_server(lambda handler: reply(handler, 200, body, Content_Encoding=coding)) as server,
        pytest.raises(UnreachableError),
    ):
        get(server.port)


def slowly(first: bytes):
    """A server that sends something and then a byte each 20 ms."""

    def talk(connection):
        connection.recv(9_999)
        connection.sendall(first)
        while True:
            connection.sendall(b"a")
            time.sleep(0.02)

    return talk


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["header", "body"]
)
def test_a_slow_loris_ends_with_the_total_time(first):
    """However lively the trickle, the call ends when its time is over."""
    with raw_server(slowly(first)) as server:
        begun = time.monotonic()
        with pytest.raises(TimedOutError, match="within"):
            get(server.port, timeout_s=0.3)
    assert time.monotonic() - begun < 1.5


def test_silence_in_tls_and_in_the_resolver_ends_too():
    """A handshake that is never answered and a resolver that hangs end with the total time."""
    begun = time.monotonic()
    with raw_server(lambda connection: time.sleep(3)) as server, pytest.raises(TimedOutError):
        Client(local_rules()).get(
            f"https://localhost:{server.port}/", allow=local(server.port), timeout_s=0.3
        )
    hanging = Rules(resolve=lambda host, port: time.sleep(3) or [])
    with pytest.raises(TimedOutError):
        Client(hanging).get("https://feed.example/", timeout_s=0.3)
    assert time.monotonic() - begun < 2


def test_a_header_over_its_cap_is_refused():
    """Many headers or one endless header are an error and not memory."""
    many = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\n"
    endless = b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000
    for head in (many, endless):
        with said(head) as server, pytest.raises((TooLargeError, UnreachableError)):
            get(server.port)


def test_three_redirects_and_no_more():
    """Three redirects lead to the answer, the fourth is an error."""

    def answer(handler):
        step = int(handler.path[1:])
        reply(handler, 302, Location=f"/{step - 1}") if step else reply(handler, body=b"end")

    with http_server(answer) as server:
        assert get(server.port, "/3").final_url.endswith("/0")
        with pytest.raises(RefusedError, match="more than 3"):
            get(server.port, "/4")


def test_credentials_stay_with_their_host():
    """A redirect to another origin takes along no header that could hold a secret; to the same, all of them."""
    secret = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Api-Key": "k", "Accept": "text/csv"}
    with http_server(reply) as other:
        to = {"/away": f"http://localhost:{other.port}/", "/near": "/end"}

        def answer(handler):
            reply(handler, 307, Location=to[handler.path]) if handler.path in to else reply(handler)

        with http_server(answer) as server:
            get(server.port, "/near", headers=secret)
            both = (*local(server.port), *local(other.port))
            Client(local_rules()).get(
                f"http://localhost:{server.port}/away", http=True, allow=both, headers=secret
            )
    assert secret.items() <= server.seen[1][2].items()
    assert other.seen[0][2].get("Accept") == "text/csv"
    assert not {"Authorization", "Cookie", "X-Api-Key"} & set(other.seen[0][2])


def test_no_cookie_is_kept():
    """What a server sets is not sent back."""
    with http_server(lambda handler: reply(handler, Set_Cookie="id=1")) as server:
        client = Client(local_rules())
        for _ in range(2):
            client.get(f"http://localhost:{server.port}/", http=True, allow=local(server.port))
    assert "Cookie" not in server.seen[1][2]


def test_a_message_is_not_carried_elsewhere():
    """A POST delivers its body once, and a redirect of it is an error."""
    refused = pytest.raises(RefusedError, match="sent elsewhere")
    with http_server(lambda handler: reply(handler, 307, Location="/b")) as server, refused:
        Client(local_rules()).post(
            f"http://localhost:{server.port}/a", body=b"x", http=True, allow=local(server.port)
        )
    assert [(method, path, body) for method, path, _, body in server.seen] == [("POST", "/a", b"x")]


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X\r\nY": "b"}, {"X": "a\n"}, {"X": "\x00"}, {"X": "\u00e9"}, {"Host": "a"},
     {"Content-Length": "0"}, {"transfer-encoding": "chunked"}, {"": "a"}],
)  # fmt: skip
def test_a_header_is_one_line(headers):
    """No header of the caller ends a line, or changes whom the request is to or where it ends."""
    with http_server(reply) as server, pytest.raises(RefusedError):
        get(server.port, headers=headers)
    assert server.seen == []


def test_no_server_and_no_http_are_clear_errors():
    """A closed port, garbage, a cut body and an unknown name say what, where and what to do."""
    with raw_server(lambda connection: None) as server:
        port = server.port
    with pytest.raises(UnreachableError, match=rf"localhost, port {port} at 127.0.0.1: no connection"):
        get(port)
    for talk in (b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"):
        with said(talk) as server, pytest.raises(UnreachableError, match="localhost at"):
            get(server.port)

    def unknown(host, port):
        raise OSError("unknown name")

    with pytest.raises(UnreachableError, match="no address"):
        Client(Rules(resolve=unknown)).get("https://feed.example/")
    assert issubclass(EgressError, HanseError)


def test_the_next_address_is_tried():
    """When the first address of a host does not answer, the second does."""
    with http_server(reply) as server:
        both = [AllowedEndpoint("localhost", address, server.port) for address in ("127.0.0.1", "127.0.0.9")]
        rules = local_rules(resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])
        got = Client(rules).get(f"http://localhost:{server.port}/", http=True, allow=both)
    assert got.peer == "127.0.0.1"


def test_failures_are_told_in_words_without_the_numbers_of_libraries():
    """What nobody can act on, such as an errno or a line of OpenSSL's source, is left out."""
    with (
        raw_server(lambda connection: connection.sendall(b"220 mail\r\n")) as server,
        pytest.raises(UnreachableError, match="this port speaks TLS") as no_tls,
    ):
        Client(local_rules()).get(f"https://localhost:{server.port}/", allow=local(server.port))
    with pytest.raises(UnreachableError, match=r"no connection.*server runs") as closed:
        Client(local_rules()).get(f"https://localhost:{server.port}/", allow=local(server.port))

    def unknown(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(UnreachableError, match=r"has no address \(Name or service not known\)") as nobody:
        Client(Rules(resolve=unknown)).get("https://feed.example/")
    for one in (no_tls, closed, nobody):
        assert not any(sign in str(one.value) for sign in ("Errno", "_ssl.c", "[SSL"))


def test_a_redirect_to_http_is_told_as_a_redirect(tmp_path):
    """Whoever typed an https address is not told to type one."""
    shown, trusted = certificate(tmp_path, "feed.example")

    def answer(handler):
        reply(handler, 302, Location="http://feed.example/" if handler.path == "/" else "file:///etc/passwd")

    with http_server(answer, shown) as server:
        rules, _, _ = public_rules([PUBLIC], port=server.port, tls=trusted)
        with pytest.raises(RefusedError, match="redirect leads from https to http"):
            Client(rules).get("https://feed.example/")
        with pytest.raises(RefusedError, match="redirect leads elsewhere"):
            Client(rules).get("https://feed.example/file")
