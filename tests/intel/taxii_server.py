"""A TAXII 2.1 server in memory, whose habits a test chooses, and the node's own as a feed sees it."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from hanse.egress.client import Response
from hanse.egress.errors import TooLargeError

HOST = "https://taxii.example"
COLLECTION = f"{HOST}/riga/collections/one/"
TAXII = "application/taxii+json;version=2.1"
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class MemoryServer:
    """A server that pages as the standard has it; a test replaces what it wants to be odd.

    Attributes:
        objects: What there is, each with when it was added.
        odd: By how many pages of objects were asked for before, a function that answers instead.
        others: Answers by path.
        asked: The query of each question for objects, with the headers.
        limit: Whether ``limit`` is heeded; objects of a page at most.
        takes: Whether an answer may be larger than the asker takes.
    """

    objects: list[tuple[str, Any]] = field(default_factory=list)
    odd: dict[int, Callable[[], Answer]] = field(default_factory=dict)
    others: dict[str, Answer] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    heeds_limit: bool = True

    def get(self, url: str, *, headers: Mapping[str, str], limit_bytes: int, **_: Any) -> Response:
        """What the egress client would bring."""
        self.headers.append(headers)
        self.urls.append(url)
        parts = urlsplit(url)
        if parts.path in self.others:
            status, said, body = self.others[parts.path]
        elif parts.path != "/riga/collections/one/objects/":
            status, said, body = 404, {}, b""
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.asked.append(query)
            status, said, body = self.odd.get(len(self.asked) - 1, lambda: self.page(query))()
        if len(body) > limit_bytes:
            raise TooLargeError("taxii.example: the answer is too large.")
        return Response(status, {"content-type": TAXII, **said}, body, url, "8.0.0.8")

    def page(self, query: dict[str, str]) -> Answer:
        """A page as the standard has it."""
        new = [one for one in self.objects if one[0] > query.get("added_after", "")]
        start = int(query.get("next", "0"))
        end = start + int(query["limit"]) if self.heeds_limit else len(new)
        some = new[start:end]
        following = {"more": True, "next": str(end)} if end < len(new) else {}
        return told([one for _, one in some], some[-1][0] if some else "", **following)


def told(objects: Iterable[Any], last: str = "", **more: Any) -> Answer:
    """An envelope."""
    found = list(objects)
    body = {**more, **({"objects": found} if found else {})}
    return 200, {"x-taxii-date-added-last": last} if last else {}, json.dumps(body).encode()


@dataclass
class OwnServer:
    """The node's own TAXII server, asked as if over the net; addresses that it names are its own."""

    client: Client = field(default_factory=lambda: Client(HTTP_HOST="localhost"))
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, *, headers: Mapping[str, str], **_: Any) -> Response:
        """The node's answer."""
        parts = urlsplit(url)
        self.asked.append(parts.path)
        sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        answer = self.client.get(parts.path + (f"?{parts.query}" if parts.query else ""), **sent)
        said = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status_code, said, answer.content, url, "8.0.0.8")
