"""A feed's server on loopback, reached over TLS under a public name, and what it was asked."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hanse.egress.client import Client
from hanse.intel import feed_fetching
from tests.egress.servers import PUBLIC, certificate, http_server, public_rules, reply

HOST = "feed.example"


@dataclass
class FeedServer:
    """What is served, and what was asked.

    Attributes:
        files: Bytes by path, or a function that answers.
        asked: Paths in the order of asking.
        headers: The headers of each question.
        tags: Whether files carry an ETag, and 304 is given.
    """

    files: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tags: bool = True

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Give a file."""
        path = handler.path.partition("?")[0]
        self.asked.append(path)
        self.headers.append(dict(handler.headers))
        found = self.files.get(path)
        if found is None:
            reply(handler, 404)
        elif callable(found):
            found(handler)
        else:
            tag = f'"{sha256(found).hexdigest()[:12]}"'
            if self.tags and handler.headers.get("If-None-Match") == tag:
                reply(handler, 304, ETag=tag)
            else:
                reply(handler, 200, found, **({"ETag": tag} if self.tags else {}))

    def misp(self, *events: dict[str, Any]) -> None:
        """Serve events as a MISP feed."""
        manifest = {one["uuid"]: {"timestamp": one["timestamp"], "info": one["info"]} for one in events}
        self.files["/misp/manifest.json"] = json.dumps(manifest).encode()
        for one in events:
            self.files[f"/misp/{one['uuid']}.json"] = json.dumps({"Event": one}).encode()

    def events_asked(self) -> list[str]:
        """The files asked for that are no manifest."""
        return [path for path in self.asked if not path.endswith("manifest.json")]


def event(number: int, *values: str, timestamp: int = 1_700_000_000, **more: Any) -> dict[str, Any]:
    """A MISP event of addresses."""
    attributes = [
        {"uuid": str(UUID(int=number * 1_000 + at, version=4)), "type": "ip-dst", "category": "Network activity",
         "value": value, "timestamp": str(timestamp)}
        for at, value in enumerate(values, 1)
    ]  # fmt: skip
    return {
        "uuid": str(UUID(int=number, version=4)), "info": f"Event {number}", "date": "2024-01-01",
        "timestamp": str(timestamp), "Attribute": attributes, **more,
    }  # fmt: skip


@contextmanager
def feed_server(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[FeedServer]:
    """Serve, and have the node's feeds find the server under a public address."""
    served = FeedServer()
    shown, trusted = certificate(folder, HOST)
    with http_server(served.answer, shown) as server:
        rules, _, _ = public_rules([PUBLIC], port=server.port, tls=trusted)
        monkeypatch.setattr(feed_fetching, "client", lambda: Client(rules))
        yield served
