"""Every route of the node is guarded: it names its action, or says why it is for everybody."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path, resolve

from hanse.policy.actions import ACTIONS
from tests.shared import ROOT
from tests.web.conftest import client_as  # noqa: F401 - the fixture is used by its name

pytestmark = pytest.mark.django_db

FOREIGN = {
    "allauth": "django-allauth's own pages of signing in: they act on the session alone, and the middleware of "
    "accounts decides who is an actor",
}
"""Packages whose views cannot be marked, and why they need not be."""

REFUSALS = frozenset({302, 401, 403, 405})


@dataclass(frozen=True)
class Route:
    """One view at one address.

    Attributes:
        address: An address that reaches it.
        method: An HTTP method that it takes; empty where all go to the same view.
        view: What is called.
        package: The package whose urls bring it.
    """

    address: str
    method: str
    view: Any
    package: str

    @property
    def foreign(self) -> bool:
        """Whether the route is not of Hanse's own urls."""
        return self.package != "hanse"

    def __str__(self) -> str:
        """Method and address."""
        return f"{self.method} {self.address}".strip()


def example(pattern: str) -> str:
    """An address of a route: each variable part filled with a value of its type."""
    one = str(UUID(int=0))
    values = {"uuid": one, "uuidstr": one, "int": "1", "str": "x", "slug": "x", "path": "x"}
    text = re.sub(r"<(?:(\w+):)?\w+>", lambda found: values[found[1] or "str"], pattern)
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "x", text)
    return "/" + re.sub(r"[\^$]|\\Z", "", text).lstrip("/")


def routes(resolver: URLResolver | None = None, before: str = "", package: str = "hanse") -> Iterator[Route]:
    """All views of the project and the operations of its API."""
    for pattern in (resolver or get_resolver()).url_patterns:
        where = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            module = getattr(pattern.urlconf_module, "__name__", package)
            yield from routes(pattern, where, module.split(".")[0])
        else:
            yield from _views(pattern, example(where), package)


def _views(pattern: URLPattern, address: str, package: str) -> Iterator[Route]:
    operations = getattr(pattern.callback, "operations", None)
    if operations is None:
        yield Route(address, "", pattern.callback, package)
        return
    for operation in operations:
        for method in operation.methods:
            yield Route(address, method, operation.view_func, package)


def holes(found: Iterable[Route]) -> list[str]:
    """The routes that say neither who may nor why everybody may."""
    told = []
    for route in found:
        if route.foreign:
            if route.package not in FOREIGN:
                told.append(f"{route}: of {route.package}, which is not listed")
        elif getattr(route.view, "action", None) is not None:
            if route.view.action not in ACTIONS:
                told.append(f"{route}: the action {route.view.action} is unknown")
        elif len(getattr(route.view, "public", "") or "") < 10:
            told.append(f"{route}: neither @page, @endpoint nor @public")
    return told


def bare(request):
    """A view that nobody guards."""


urlpatterns = [path("bare/", bare), path("nested/", include([path("<uuid:one>/", bare)]))]


def test_every_route_names_its_action_or_its_reason():
    """A view or operation without `.action` and without the reason of `public` is a hole."""
    assert holes(routes()) == []


def test_the_walk_finds_a_hole():
    """A view that nobody guards is found, however deep it lies."""
    found = holes(routes(get_resolver(__name__)))
    assert [one.split(":")[0] for one in found] == ["/bare/", "/nested/00000000-0000-0000-0000-000000000000/"]


def test_the_walk_reaches_pages_and_the_api():
    """The walk would see a hole: it finds pages, operations and public views."""
    found = list(routes())
    assert len([route for route in found if route.method]) > 10
    assert len([route for route in found if hasattr(route.view, "action") and not route.method]) > 10
    assert [route for route in found if getattr(route.view, "public", None)]


def test_the_walk_comes_to_the_view_that_it_means():
    """Each address that is tried leads to its own view: a refusal is the view's, not that of a wrong address."""
    for route in routes():
        reached = resolve(route.address).func
        operations = getattr(reached, "operations", None)
        assert route.view in ([one.view_func for one in operations] if operations else [reached]), route


def test_nobody_and_who_has_no_role_are_refused_everywhere(client_as, actor):  # noqa: F811 - the fixture
    """As nobody, and as a person without any role, every guarded route refuses: no page, no data, no mistake."""
    let_in = []
    for who in (None, actor()):
        client = client_as(who, raise_request_exception=False)
        for route in routes():
            if route.foreign or not hasattr(route.view, "action"):
                continue
            for method in [route.method] if route.method else ["GET", "POST"]:
                answer = client.generic(method, route.address, b"", content_type="application/json")
                if answer.status_code not in REFUSALS:
                    let_in.append(
                        f"{method} {route.address}: {answer.status_code} for {(who and 'no role') or 'nobody'}"
                    )
    assert let_in == []


def test_a_redirect_of_nobody_leads_to_the_login(client_as):  # noqa: F811 - the fixture
    """What nobody is redirected to is the login, never the page behind."""
    client = client_as(None)
    for route in routes():
        if route.foreign or not hasattr(route.view, "action") or route.method:
            continue
        answer = client.get(route.address)
        if answer.status_code == 302:
            assert answer["Location"].startswith("/accounts/login/"), route


def test_a_proxy_lets_through_unread_what_is_read_of_who_is_signed_in_alone():
    """The addresses that the guide has a proxy not wait for are those of uploads, and none of them reads what a stranger sends."""
    guide = (ROOT / "docs/how-to/run-a-node.md").read_text("utf-8")
    (through,) = re.findall(r"location ~ (\^\S+) \{", guide)
    exempt = {
        route.address for route in routes() if not route.foreign and getattr(route.view, "csrf_exempt", False)
    }
    streams = {one for one in exempt if not one.startswith(("/taxii2/", "/league/", "/api/"))}
    streams |= {route.address for route in routes() if route.view.__name__ == "put_inbox"}
    assert {route.address for route in routes() if re.search(through, route.address)} == streams
    assert len(streams) == 5
    read = []

    class Watched:
        """A body that tells when it is read."""

        def read(self, size: int = -1) -> bytes:
            """As much as is asked for."""
            read.append(size)
            return b"0" * max(size, 1)

        readline = read

    for address in sorted(streams):
        for method, kind in (
            ("POST", "multipart/form-data; boundary=x"),
            ("PUT", "application/octet-stream"),
        ):
            body = {"wsgi.input": Watched(), "CONTENT_LENGTH": "50000000", "CONTENT_TYPE": kind}
            answer = Client(enforce_csrf_checks=True).generic(method, address, **body)
            assert answer.status_code in {302, 401, 403, 405}, (address, method, answer.status_code)
    assert read == []
