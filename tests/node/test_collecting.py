"""A node that watches live: real processes, real export datagrams, a real relay and a real receiver, all on loopback."""

import email
import email.policy
import hmac
import json
import socket
import time
from pathlib import Path

import pytest

from tests.egress.servers import certificate, http_server, reply
from tests.egress.test_smtp import relay
from tests.faults.conftest import address  # noqa: F401 - the fixture is used by its name
from tests.node.flood import VICTIM, flooding
from tests.node.living import free_port, living, until

ALERT_S = 15.0
"""An alert is out so soon after the flood began, on a machine that does nothing else."""

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.long
def test_an_attack_is_on_record_and_alerted_while_it_runs(tmp_path: Path, address: str) -> None:  # noqa: F811
    """A flood is an entry, a running attack and an alert by mail and webhook.

    Its flows can be looked at while it runs; relay and receiver are reached because two people allowed their
    addresses; when the collector is turned off nothing stands as running.
    """
    _flooded(tmp_path, address)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(3))
def test_the_alert_is_out_within_fifteen_seconds(tmp_path: Path, address: str, number: int) -> None:  # noqa: F811
    """From the first datagram of the flood to the mail and the webhook; alone on the machine, three times."""
    took = _flooded(tmp_path, address)
    print(f"alert {number + 1}: {took:.1f} s after the flood began")
    assert took < ALERT_S


def _flooded(tmp_path: Path, address: str) -> float:  # noqa: F811
    """Flood a node's victim and check all that follows; seconds from the first datagram to both alerts."""
    # 1. A receiver with a certificate that the node trusts, a relay, and a node that knows both.
    tls, _ = certificate(tmp_path, "localhost")
    home, port = tmp_path / "home", free_port(socket.SOCK_DGRAM)
    trust = {"SSL_CERT_FILE": str(tmp_path / "localhost.pem")}
    with (
        relay() as post,
        http_server(reply, tls) as receiver,
        living(home, address, **trust) as node,
    ):
        node.do("change", group="mail", value={
            "relay": "127.0.0.1", "port": post.port, "security": "none", "sender": "node@ee.example",
            "recipients": ["duty@ee.example"],
        })  # fmt: skip
        node.do("change", group="webhook", value={
            "url": f"https://localhost:{receiver.port}/hooks/a-key-in-the-path", "secret": KEY,
        })  # fmt: skip
        node.do("allow", host="127.0.0.1", port=post.port, address="127.0.0.1")
        for address_of in ("127.0.0.1", "::1"):
            node.do("allow", host="localhost", port=receiver.port, address=address_of)
        node.do("change", group="collector", value={"on": True, "address": "127.0.0.1", "port": port})
        node.serve()
        until(lambda: node.health()[1].get("collector") == "running")
        # 2. The flood, and the alerts while it runs.
        with flooding(port) as began:
            until(lambda: post.mails and receiver.seen, every=0.05)
            took = time.time() - began
            (attack,) = node.do("attacks")
            assert attack["victim"] == VICTIM
            assert attack["vector"] == "icmp_flood"
            assert attack["state"] == "running"
            assert "attacks.started" in node.do("kinds")
            until(lambda: [one for one in node.do("partitions") if one["source"] == "collector"])
        # 3. What the alerts say.
        mail = email.message_from_bytes(post.mails[0], policy=email.policy.default)
        assert mail["To"] == "duty@ee.example"
        assert f"icmp flood on {VICTIM} began" in mail["Subject"]
        assert f"{node.url}/attacks/" in mail.get_content()
        method, path, headers, body = receiver.seen[0]
        assert (method, path) == ("POST", "/hooks/a-key-in-the-path")
        told = json.loads(body)
        assert (told["event"], told["attack"]["victim"]) == ("began", VICTIM)
        at, _, given = headers["Hanse-Signature"].partition(",v1=")
        signed = f"{at.removeprefix('t=')}.{headers['Hanse-Delivery']}.".encode() + body
        assert hmac.compare_digest(given, hmac.new(KEY.encode(), signed, "sha256").hexdigest())
        alerts = until(lambda: (found := node.do("alerts")) and len(found) == 2 and found)
        assert sorted((one["channel"], one["delivered"]) for one in alerts) == [
            ("mail", True),
            ("webhook", True),
        ]
        assert {one["to"] for one in alerts} == {"duty@ee.example", f"https://localhost:{receiver.port}"}
        # 4. Off: nothing is watched, so nothing runs.
        off = {"on": False, "address": "127.0.0.1", "port": port}
        node.do("change", group="collector", value=off)
        until(lambda: node.child("collector") is None)
        until(lambda: [one["state"] for one in node.do("attacks")] == ["over"])
        # 5. On again while it goes on: the same attack runs, which nobody is told anew.
        node.do("change", group="collector", value={**off, "on": True})
        with flooding(port):
            until(lambda: [one["state"] for one in node.do("attacks")] == ["running"])
        assert len(node.do("alerts")) == 2
        assert node.do("attacks")[0]["victim"] == VICTIM
        return took
