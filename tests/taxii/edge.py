"""A partner at the open edge for tests: made as two people make one, and asking with the real client's code."""

import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from django.test import Client
from requests.adapters import BaseAdapter
from taxii2client.v21 import ApiRoot, Collection, Server

from hanse.accounts import approvals
from hanse.intel import service as intel
from hanse.intel.models import Item
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.taxii import partners
from hanse.taxii.models import Partner
from tests.accounts.people import acting, newcomer

AUTHORITY = "ee-cert"
WHY = "The agreement of 3 May on sharing what attacks networks."
HOST = "http://localhost"
TAXII = "application/taxii+json;version=2.1"
ALLOWED = {"tlp": Tlp.GREEN, "pap": Pap.GREEN}


class Edge:
    """One partner with its secret, and an HTTP client that speaks for it."""

    def __init__(self, authority: str = "fi-cert", country: str = "FI", tier: str = "member") -> None:
        mari, jaan = acting(newcomer("administrator")), acting(newcomer("approver", name="Jaan Tamm"))
        proposal = partners.propose_partner(authority, f"CERT {country}", country, tier, WHY, mari)
        self.secret = approvals.approve(proposal, jaan)
        self.authority, self.people = authority, (mari, jaan)
        self.row = Partner.objects.get(authority=authority, revoked_us=None)
        self.http = Client(HTTP_HOST="localhost")

    @property
    def actor(self) -> Any:
        """The partner, as policy sees it."""
        found = partners.who(self.secret)
        assert found is not None
        return found[1]

    @property
    def basic(self) -> str:
        """The header of HTTP's Basic scheme."""
        return "Basic " + b64encode(f"{self.authority}:{self.secret}".encode()).decode()

    def ask(self, path: str, method: str = "GET", data: Any = "", **headers: str) -> Any:
        """The answer to a request below the API root, or at an address from the root of the node."""
        where = path if path.startswith("/") else f"/taxii2/root/{path}"
        told = {"HTTP_AUTHORIZATION": self.basic, "HTTP_ACCEPT": TAXII, "CONTENT_TYPE": TAXII, **headers}
        return self.http.generic(method, where, data, content_type=told.pop("CONTENT_TYPE"), **told)

    def get(self, path: str, **query: str) -> Any:
        """The JSON of a list of a collection, such as ``everything/objects``, below the collections."""
        named = {
            f"match[{name[6:]}]" if name.startswith("match_") else name: value
            for name, value in query.items()
        }
        answer = self.ask(
            "collections/" + path + "/" + ("?" + requests.compat.urlencode(named) if named else "")
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    def ids(self, path: str = "everything/objects", **query: str) -> list[str]:
        """Ids of the things of a list, in order, without definitions."""
        return [one["id"] for one in things(self.get(path, **query).get("objects", []))]

    def server(self) -> Server:
        """The real client's `Server`, whose requests come here."""
        made = Server(f"{HOST}/taxii2/", user=self.authority, password=self.secret)
        made._conn.session.mount("http://", _Here())
        for root in made.api_roots:
            root._conn.session.mount("http://", _Here())
        return made

    def collection(self, alias: str = "everything") -> Collection:
        """The real client's `Collection`."""
        root: ApiRoot = self.server().default
        return next(one for one in root.collections if one.alias == alias)


class _Here(BaseAdapter):
    """Sends what the real client sends to the node of this process."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        """The node's answer."""
        told = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        parts = urlsplit(request.url or "")
        where = parts.path + ("?" + parts.query if parts.query else "")
        body, kind = request.body or b"", told.pop("HTTP_CONTENT_TYPE", "")
        answer = Client().generic(request.method or "GET", where, body, content_type=kind, **told)
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status_code, request.url or "", request
        response.headers.update(answer.headers.items())
        response._content = answer.content
        return response

    def close(self) -> None:
        """Nothing is open."""


def things(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects without the definitions that they refer to."""
    said = {"marking-definition", "extension-definition", "identity"}
    return [one for one in objects if one["type"] not in said]


def indicator(number: int, modified: str = "2024-01-01T00:00:00.000Z", **more: Any) -> dict[str, Any]:
    """A STIX indicator."""
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "created": "2024-01-01T00:00:00.000Z", "modified": modified, "name": f"Indicator {number}",
        "pattern": f"[ipv4-addr:value = '9.9.{number // 250}.{number % 250}']", "pattern_type": "stix",
        "valid_from": "2024-01-01T00:00:00Z", **more,
    }  # fmt: skip


def named(number: int) -> str:
    """The id of `indicator(number)`."""
    return indicator(number)["id"]


def brought(actor: Any, *objects: dict[str, Any], **marking: Any) -> None:
    """Bring objects in, marked so that partners may have them unless a test says otherwise."""
    made = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": list(objects)}
    chosen = Marking(**{"originators": frozenset({AUTHORITY}), **ALLOWED, **marking})
    intel.bring_in(json.dumps(made).encode(), "bundle.json", actor, marking=chosen)


def object_of(number: int) -> UUID:
    """The ledger's id of `indicator(number)`."""
    return Item.projected.get(source_id=named(number)).pk
