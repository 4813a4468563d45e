"""Threat 9: an address from outside makes the node ask inside. Only checked addresses are ever connected to."""

import ast
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.egress import smtp, webhook
from hanse.egress.addresses import why_not_public
from hanse.egress.client import Client
from hanse.egress.destination import read
from hanse.egress.errors import PermanentError, RefusedError
from hanse.egress.rules import AllowedEndpoint
from tests.egress.servers import PUBLIC, certificate, http_server, local, local_rules, public_rules, reply
from tests.shared import ROOT

INSIDE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.31.255.255",  # noqa: S104 - checked, never bound to
    "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.9", "203.0.113.5",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_with_an_address_inside_is_refused(address):
    """No name leads to a range that is not the public Internet, and nothing is dialled."""
    rules, asked, dialled = public_rules([PUBLIC, address])
    with pytest.raises(RefusedError, match="not public"):
        Client(rules).get("https://feed.example/")
    assert (asked, dialled) == (["feed.example"], [])


@given(st.ip_addresses())
def test_the_standard_library_finds_no_more(address):
    """What Python's own tables call not global, or multicast, is refused."""
    assert why_not_public(address) or (address.is_global and not address.is_multicast)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_every_wrapping(address):
    """NAT64 of an IPv4 address is as public as the address; mapped, compatible, 6to4 and Teredo never are."""
    number = int(address)
    assert bool(why_not_public(IPv6Address((0x64FF9B << 96) | number))) == bool(why_not_public(address))
    for wrapped in (
        (0xFFFF << 32) | number,
        number,
        (0x2002 << 112) | (number << 80),
        (0x20010000 << 96) | number,
    ):
        assert why_not_public(IPv6Address(wrapped))


HOSTS = [
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::1]", "127.0.0.1.", "169.254.169.254", "[fd00:ec2::254]",
    "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "0x7F.1", "127.0.0.08",
    "[::1%25lo]", "[::1", "example..com", "-.example", "a_b.example", "exa%6dple.com", "%31%32%37.0.0.1",
    "user@example.com", "user:word@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1\\@example.com",
    "example.com:0", "example.com:65536", "example.com:80:80", "example.com:", "", "exam\tple.com", "example.com\r\nX: y",
    "\uff11\uff12\uff17.0.0.1", "127\u30020.0.1", "\u0430pple.example", "g\u00f6v.example", "\u2460.example",
]  # fmt: skip
"""Hosts that lead inside, that two readers read differently, or that look like others."""


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_with_two_meanings_is_refused(host):
    """Each trick with a host is refused before any name is looked up, over http as over https."""
    rules, asked, dialled = public_rules(["127.0.0.1"])
    for scheme in ("http", "https"):
        with pytest.raises(RefusedError):
            Client(rules).get(f"{scheme}://{host}/", http=True)
    assert (asked, dialled) == ([], [])


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://feed.example/", "ftp://feed.example/", "dict://feed.example:11211/",
     "data:,x", "//feed.example/", "feed.example", "unix:///run/x.sock", "HTTPS:feed.example", "javascript:1",
     "http://feed.example/"],
)  # fmt: skip
def test_only_https_unless_the_caller_allows_http(url):
    """No other scheme is ever used; http only when it is asked for."""
    rules, asked, _ = public_rules([PUBLIC])
    with pytest.raises(RefusedError):
        Client(rules).get(url)
    assert asked == []


def test_a_name_is_one_name():
    """Case and a trailing dot make no other host, and the port stays with it."""
    assert read("https://FEED.Example.:8443/a?b#c").url == "https://feed.example:8443/a?b"


def test_rebinding_finds_the_connection_pinned():
    """One look-up per request: a resolver that turns to the inside afterwards is not asked, the canary not touched."""
    with http_server(lambda handler: reply(handler, body=b"feed")) as server:
        rules, asked, dialled = public_rules([PUBLIC], ["127.0.0.1"], port=server.port)
        got = Client(rules).get("http://feed.example/", http=True)
    assert (got.body, got.peer) == (b"feed", PUBLIC)
    assert (asked, dialled) == (["feed.example"], [PUBLIC])


def test_rebinding_between_redirects_is_refused():
    """The second request of a redirect is checked like the first: public, then inside, ends with the error."""
    with http_server(lambda handler: reply(handler, 302, Location="/next")) as server:
        rules, asked, dialled = public_rules([PUBLIC], ["127.0.0.1"], port=server.port)
        with pytest.raises(RefusedError, match="loopback"):
            Client(rules).get("http://feed.example/", http=True)
    assert (len(server.seen), len(asked), dialled) == (1, 2, [PUBLIC])


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://127.0.0.1:{canary}/",
     "http://2130706433:{canary}/", "//localhost:{canary}/", "file:///etc/passwd", "http://a@127.0.0.1:{canary}/"],
)  # fmt: skip
def test_a_redirect_inside_leaves_the_canary_untouched(location):
    """A public server cannot send the node to metadata, loopback, or another scheme."""
    with (
        http_server(reply) as canary,
        http_server(lambda h: reply(h, 302, Location=location.format(canary=canary.port))) as server,
    ):
        rules, _, dialled = public_rules([PUBLIC], ["127.0.0.1"], port=server.port)
        with pytest.raises(RefusedError):
            Client(rules).get("http://feed.example/", http=True)
        assert (len(server.seen), canary.seen, dialled) == (1, [], [PUBLIC])


def test_a_redirect_never_leaves_tls(tmp_path):
    """From https a redirect to http is refused even where http is allowed."""
    shown, trusted = certificate(tmp_path, "feed.example")
    with http_server(lambda h: reply(h, 301, Location="http://feed.example/"), shown) as server:
        rules, _, dialled = public_rules([PUBLIC], port=server.port, tls=trusted)
        with pytest.raises(RefusedError, match="from https to http"):
            Client(rules).get("https://feed.example/", http=True)
    assert dialled == [PUBLIC]


def test_a_proxy_from_the_environment_is_not_used(monkeypatch):
    """No variable of the environment sends requests elsewhere."""
    with http_server(reply) as proxy, http_server(reply) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        Client(local_rules()).get(f"http://localhost:{server.port}/", http=True, allow=local(server.port))
    assert (len(server.seen), proxy.seen) == (1, [])


def test_an_allowed_endpoint_opens_one_port_of_one_address_under_one_name():
    """Approval of a private endpoint holds for this name with this address and port, and for nothing else there.

    Who may set a feed's or a webhook's address would else have the node talk to every service of an allowed machine.
    """
    with http_server(reply) as server:
        client = Client(local_rules())
        assert (
            client.get(f"http://LOCALHOST.:{server.port}/", http=True, allow=local(server.port)).status == 200
        )
        for host, allow in (
            ("other.example", local(server.port)),
            ("localhost", [AllowedEndpoint("localhost", "127.0.0.2", server.port)]),
            ("localhost", local(server.port - 1)),
            ("localhost", [AllowedEndpoint("localhost", "127.0.0.1")]),
        ):
            with pytest.raises(RefusedError, match="two people"):
                client.get(f"http://{host}:{server.port}/", http=True, allow=allow)
    assert len(server.seen) == 1


def test_the_port_of_an_url_without_one_is_that_of_its_scheme():
    """What is allowed by an URL is the port that the client would connect to; nobody has to know 443 by heart."""
    for url, port in (
        ("https://relay.example/a", 443),
        ("http://relay.example", 80),
        ("https://Relay.example.:8443/", 8443),
    ):
        assert AllowedEndpoint.of(url, "10.0.0.5") == AllowedEndpoint("relay.example", "10.0.0.5", port)
    for port in (0, 65_536, -1):
        with pytest.raises(RefusedError, match="no port"):
            AllowedEndpoint("relay.example", "10.0.0.5", port)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "224.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::ffff:10.0.0.1", "64:ff9b::a00:1",  # noqa: S104 - refused, never bound to
     "2002:a00:1::", "fe80::1", "ff02::1", "relay.example", "10.0.0.0/8"],
)  # fmt: skip
def test_nobody_can_allow_metadata(address):
    """No approval opens link-local, multicast, disguised IPv4, a name or a range."""
    with pytest.raises(RefusedError):
        AllowedEndpoint("relay.example", address)


def test_mail_and_webhooks_have_the_same_rules():
    """A relay or a receiver inside is refused like a feed: the canary is not touched."""
    rules, _, dialled = public_rules(["10.0.0.1"])
    with pytest.raises(RefusedError, match="private"):
        smtp.send(
            smtp.Message("a@b.example", "c@d.example", "s", "t"), smtp.Relay("relay.example", 25), rules
        )
    with pytest.raises(PermanentError, match="private"):
        webhook.post(Client(rules), "https://hook.example/", {}, bytes(32), delivery="1")
    assert dialled == []


def test_a_number_reaches_no_resolver():
    """An address in the URL is checked as it stands."""
    rules, asked, dialled = public_rules([PUBLIC])
    with pytest.raises(RefusedError):
        Client(rules).get("https://10.0.0.1/")
    assert (asked, dialled) == ([], [])


def test_nothing_else_opens_outgoing_connections():
    """No other room imports a client library for HTTP, mail or FTP; the names of its errors open nothing."""
    clients = {
        "httpx",
        "httpcore",
        "smtplib",
        "http.client",
        "urllib.request",
        "ftplib",
        "requests",
        "aiohttp",
    }
    found = set()
    for path in (ROOT / "src" / "hanse").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = {one.name for one in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom) and not all(one.name.endswith("Error") for one in node.names):
                module = node.module or ""
                names = {module, *(f"{module}.{one.name}" for one in node.names)}
            if clients & names and path.parent.name != "egress":
                found.add(path.relative_to(ROOT).as_posix())
    assert found == set()
