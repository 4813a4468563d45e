"""Signed messages: a receiver can check them as documented, and the sender knows whether to retry."""

import hashlib
import hmac
import json
import re

import pytest

from hanse.egress import webhook
from hanse.egress.client import Client
from hanse.egress.errors import PermanentError, TemporaryError
from hanse.egress.rules import Rules
from hanse.kernel.clock import now_us
from tests.egress.servers import PUBLIC, certificate, http_server, public_rules, reply
from tests.shared import ROOT

SECRET = bytes(range(32))


@pytest.fixture
def deliver(tmp_path):
    """Delivers to a TLS server that answers with a function; gives back what the server saw and the answer."""
    shown, trusted = certificate(tmp_path, "hook.example")

    def run(answer, payload, delivery="d-1"):
        with http_server(answer, shown) as server:
            rules, _, _ = public_rules([PUBLIC], port=server.port, tls=trusted)
            got = webhook.post(Client(rules), "https://hook.example/in", payload, SECRET, delivery=delivery)
        return server.seen[0], got

    return run


def documented():
    """The receiver's function from docs/reference/egress.md."""
    text = (ROOT / "docs" / "reference" / "egress.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names = {}
    exec(code, names)  # noqa: S102 - runs the example of our own page
    return names["is_genuine"]


def test_a_receiver_can_check_it_as_documented(deliver):
    """The page's function takes the message; not another body, id, secret, nor one of six minutes ago or ahead."""
    (_, _, headers, body), _ = deliver(reply, {"b": "\u00f5", "a": 1})
    is_genuine, now = documented(), now_us() // 1_000_000
    assert json.loads(body) == {"a": 1, "b": "\u00f5"}
    assert headers["Content-Type"] == "application/json"
    assert is_genuine(headers, body, SECRET, now)
    assert not is_genuine(headers, body + b" ", SECRET, now)
    assert not is_genuine(headers | {"Hanse-Delivery": "d-2"}, body, SECRET, now)
    assert not is_genuine(headers, body, bytes(32), now)
    assert not is_genuine(headers, body, SECRET, now + 360)
    assert not is_genuine(headers, body, SECRET, now - 360)


def test_the_signature_is_plain_hmac():
    """Known by hand: HMAC-SHA-256 over time, id and body with full stops between."""
    expected = hmac.new(SECRET, b"1700000000.d-1.{}", hashlib.sha256).hexdigest()
    assert webhook.signature(SECRET, 1_700_000_000, "d-1", b"{}") == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_not_now_is_temporary(deliver, status):
    """These answers ask for another attempt, after as long as the receiver says, a day at most."""
    for said, wait in (("120", 120), ("999999999", 86_400), ("soon", None)):
        with pytest.raises(TemporaryError) as caught:
            deliver(lambda handler, said=said: reply(handler, status, Retry_After=said), {})
        assert caught.value.retry_after_s == wait


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410, 413, 501])
def test_a_refusal_is_permanent(deliver, status):
    """These answers, redirects among them, stay the same until somebody changes something."""
    with pytest.raises(PermanentError):
        deliver(lambda handler: reply(handler, status, Location="/x"), {})


def test_no_connection_is_temporary_and_a_wrong_set_up_permanent():
    """An unknown name may come back; http, a short secret and a bad id never work."""
    client = Client(Rules(resolve=lambda host, port: []))
    with pytest.raises(TemporaryError):
        webhook.post(client, "https://hook.example/", {}, SECRET, delivery="1")
    for url, secret, delivery in (
        ("http://hook.example/", SECRET, "1"),
        ("https://hook.example/", b"short", "1"),
        ("https://hook.example/", SECRET, "a\nb"),
    ):
        with pytest.raises(PermanentError):
            webhook.post(client, url, {}, secret, delivery=delivery)
