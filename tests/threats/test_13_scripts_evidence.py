"""Threat 13, in evidence and requests: whatever a file or a person is called, the pages have the same elements."""

from collections.abc import Callable
from html.parser import HTMLParser
from uuid import UUID

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from hanse.cases import court, evidence, subject
from hanse.cases.court_report import Told, page
from hanse.cases.subject_views import answer_of
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.printable import printable
from hanse.settings import Node
from tests.browser.hostile import PAYLOADS
from tests.cases.evidence_made import added, node
from tests.cases.made import investigator, opened
from tests.ledger.made import found
from tests.web.acting import ActingClient

__all__ = ["node"]

pytestmark = pytest.mark.django_db


NAMELESS = frozenset({4})
"""The page of the export for court shows the case's title cut, and no evidence that goes."""


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def kaja(node: Node) -> Actor:
    """An investigator."""
    found()
    return investigator()


def pages(text: str, actor: Actor, client: ActingClient) -> list[Elements]:
    """Every page, and every file that a browser opens, of evidence and of a request in which a text stands everywhere."""
    case, actor = opened(actor, text)
    client.who = actor
    one = added(case, actor, text.encode(), name=printable(text), description=text, source=text, place=text)
    evidence.take_out(one, text, text, actor)
    ask = subject.Request(
        name="", born="", selectors=(("account", text),), identity=text, received_us=now_us()
    )
    asked = subject.take(ask, actor)
    shown = [
        client.get(where).content.decode()
        for where in (
            f"/cases/evidence/{one}/", f"/cases/evidence/{one}/original/", f"/cases/{case}/evidence/", f"/cases/{case}/",
            f"/cases/{case}/court/", f"/cases/subjects/{asked}/",
        )
    ]  # fmt: skip
    subject.answer(asked, "refused", [], "15-1-b", text, actor)
    shown.append(answer_of(subject.request_for(actor, asked), actor, as_json=False).content.decode())
    shown.append(_report(case, text, actor))
    return [Elements(each) for each in shown]


def _report(case: UUID, text: str, actor: Actor) -> str:
    told: Told = court._told(court.choose(case, actor).case, actor)
    return page(told, text, text, "fingerprint").decode()


def test_no_payload_becomes_an_element(kaja: Actor, client_as: Callable[..., ActingClient]) -> None:
    """The elements and attributes of each page are those that it has with a harmless text; the payload is read as text."""
    client = client_as(kaja)
    client.get("/cases/?why=Case+12-7")
    harmless = pages("harmless", kaja, client)
    for some in (PAYLOADS, PAYLOADS[::-1]):
        text = "".join(some)
        for number, (before, after) in enumerate(zip(harmless, pages(text, kaja, client), strict=True)):
            assert set(after.found) <= set(before.found), number
            assert printable(some[0]) in after.text or number in NAMELESS, number
