"""Threats 7 and 16 for cases: who is not of the team learns nothing, by no address, list, count, search or correlation."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.cases import working
from hanse.cases.models import CasePerson, Link, Note, Selector, Task
from hanse.cases.selector import read
from hanse.console.api import api
from hanse.intel import service as intel
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from hanse.policy.actions import ACTIONS
from hanse.policy.roles import roles
from tests.cases.made import investigator, opened
from tests.conftest import AUTHORITY
from tests.intel.test_room import bundle, indicator
from tests.test_routes import routes
from tests.threats.test_16_correlation import text_of
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]

ZERO = str(UUID(int=0))
SECRET = ("Two gangs", "Jaan Tamm", "boss@example.org", "He was seen", "Ask the bank", "KrK 12-7")


@pytest.fixture
def filled() -> tuple[UUID, Actor]:
    """A case with one of each part."""
    case, kaja = opened(investigator(), reference="KrK 12-7")
    person = working.add_person(
        case, working.Told(category="suspect", name="Jaan Tamm", born="1970-12-31"), kaja
    )
    working.add_selector(case, read("email", "boss@example.org"), kaja, person=person)
    working.set_task(case, "Ask the bank", kaja, due_us=now_us() - 1)
    working.write_note(case, "He was seen.", kaja)
    intel.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", importer())
    working.tie(case, "item", Item.projected.get().pk, "The same.", kaja)
    return case, kaja


def importer() -> Actor:
    """Somebody who brings intelligence in, and is in no team."""
    return investigator("analyst", name="Importer")


def everything(teams: frozenset[str] = frozenset()) -> Actor:
    """Somebody with every role, in other teams or none, who has just proved a passkey."""
    person = investigator(*(one for one in roles() if one != "investigator"), name="Everything")
    return replace(person, teams=teams, stepped_up_us=now_us())


def addresses(case: UUID) -> list[tuple[str, str]]:
    """Every method and address of a case and its parts, pages and API."""
    parts = {
        "person_id": CasePerson.objects.get().pk, "task_id": Task.objects.get().pk, "part_id": Note.objects.get().pk,
    }  # fmt: skip
    found = [("", route.address) for route in routes() if route.address.startswith(f"/cases/{ZERO}/")]
    told = []
    for _, address in found:
        first, *rest = address.removeprefix("/cases/").split("/")
        assert first == ZERO
        part = (
            CasePerson.objects.get().pk
            if "people" in rest
            else Task.objects.get().pk
            if "tasks" in rest
            else parts["part_id"]
        )
        told += [
            (method, f"/cases/{case}/" + "/".join(rest).replace(ZERO, str(part)))
            for method in ("GET", "POST")
        ]
    for path, methods in api.get_openapi_schema()["paths"].items():
        if "{case_id}" in path:
            where = re.sub(
                r"\{(\w+)\}",
                lambda one: str(case if one[1] == "case_id" else parts.get(one[1], uuid4())),
                path,
            )
            told += [
                (method.upper(), where)
                for method in methods
                if method in {"get", "post", "put", "delete", "patch"}
            ]
    return told


BODIES = {
    "people": {"category": "other", "name": "X"}, "selectors": {"value": "x@example.org"}, "list": {"csv": "value\nx"},
    "tasks": {"title": "X"}, "tick": {}, "notes": {"text": "X"}, "remove": {},
    "links": {"sort": "item", "target": ZERO, "why": "X"}, "status": {"status": "closed", "reason": "X"},
    "keep": {"retention_us": 1, "review_us": 1, "reason": "X"},
    "case": {"title": "X", "legal_basis": "X", "purpose": "X", "review_us": 1},
}  # fmt: skip
"""What an operation takes, by the last word of its path; so that nothing is refused before the case is looked for."""


def body_of(path: str) -> dict[str, object]:
    """A body that the operation would take."""
    words = [one for one in path.split("/") if not re.fullmatch(r"[0-9a-f-]{36}", one)]
    return BODIES.get(words[-1], BODIES["case"] if words[-1] == "cases" else {})


def asked(client: ActingClient, method: str, address: str) -> tuple[int, bytes]:
    """Status and content of an answer."""
    if address.startswith("/api/"):
        body = json.dumps(body_of(address))
        answer = client.generic(method, f"{address}?why=Work", body, content_type="application/json")
    elif method == "GET":
        answer = client.get(address, {"why": "Work"}, follow=True)
    else:
        answer = client.post(address)
    return answer.status_code, b"".join(answer) if answer.streaming else answer.content


def test_no_address_of_a_case_is_there_for_who_is_not_in_its_team(
    filled: tuple[UUID, Actor], client_as: Clients
) -> None:
    """Every page and operation of a case answers somebody with every role outside the team as if there were none.

    That is 404, or that the request itself cannot be meant; nothing is written, and nothing of the case is told.
    """
    case, kaja = filled
    outsider, none, told = client_as(everything(frozenset({uuid4().hex}))), str(uuid4()), {}
    before = Entry.objects.count()
    for method, address in addresses(case):
        status, content = asked(outsider, method, address)
        assert not any(one.encode() in content for one in SECRET), address
        assert status == asked(outsider, method, address.replace(str(case), none))[0]
        if status != 405:
            told[method, address] = status
    assert {one for one, status in told.items() if status not in {404, 422}} == set()
    assert sum(status == 404 for status in told.values()) >= 35
    assert Entry.objects.count() == before
    member = client_as(replace(kaja, kind="token", scopes=frozenset(ACTIONS)))
    assert member.get(f"/api/cases/{case}?why=Work").status_code == 200


@pytest.mark.parametrize(
    "page",
    [
        "/cases/", "/cases/?review=due", "/cases/?task=overdue", "/cases/?status=open", "/cases/?sort=review",
        "/search/?q=boss%40example.org", "/search/?q=Jaan+Tamm", "/search/?q=KrK+12-7", "/api/cases?why=Work", "/",
        "/api/search?q=boss%40example.org", "/ledger/", "/api/ledger/entries", "/intelligence/",
    ],
)  # fmt: skip
def test_a_page_is_the_same_as_without_the_case(client_as: Clients, page: str) -> None:
    """To a reader outside the team, every list and search is letter for letter as if the case were not there."""
    reader = client_as(investigator(name="Reader"))
    intel.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", importer())
    reader.get(page)
    before = text_of(reader.get(page))
    case, kaja = opened(investigator(), reference="KrK 12-7")
    working.add_person(case, working.Told(category="suspect", name="Jaan Tamm", born="1970-12-31"), kaja)
    working.add_selector(case, read("email", "boss@example.org"), kaja)
    working.add_selector(case, read("address", "8.8.8.8"), kaja)
    after = text_of(reader.get(page))
    if "ledger" in page or page == "/":
        rows = re.sub(r"<option.*?</option>", "", after)  # the filter names every kind that there can be
        assert not any(one in rows for one in (str(case), "cases."))
    else:
        assert after == before


def test_two_readers_of_one_case_see_what_each_may_see(client_as: Clients) -> None:
    """What is known elsewhere is said of what the reader may see: no count, name, marking or query tells of the rest."""
    case, kaja = opened(investigator())
    working.add_selector(case, read("address", "8.8.8.8"), kaja)
    intel.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", importer())
    reader = client_as(kaja)
    reader.get(f"/cases/{case}/", {"why": "Work"}, follow=True)
    with CaptureQueriesContext(connection) as few:
        before = text_of(reader.get(f"/cases/{case}/"))
    assert "Indicator 1" in before
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    intel.bring_in(
        bundle(*(indicator(n, "8.8.8.8") for n in range(2, 9))), "red.json", importer(), marking=red
    )
    theirs, other = opened(investigator(name="Other"), "Their own")
    working.add_selector(theirs, read("address", "8.8.8.8"), other)
    with CaptureQueriesContext(connection) as more:
        after = text_of(reader.get(f"/cases/{case}/"))
    assert after == before
    assert len(more) == len(few)
    seeing = client_as(replace(kaja, teams=kaja.teams | other.teams))
    told = text_of(seeing.get(f"/cases/{case}/", {"why": "Work"}, follow=True))
    assert "Their own" in told
    assert "1 other case" in told


def test_a_link_to_what_a_reader_may_not_see_names_nothing(
    filled: tuple[UUID, Actor], client_as: Clients
) -> None:
    """A member who may not see what the case is tied to reads that it is tied, and neither its name nor its id."""
    case, kaja = filled
    item = Item.projected.get()
    item.team = "another"
    item.save()
    reader = client_as(kaja)
    page = text_of(reader.get(f"/cases/{case}/", {"why": "Work"}, follow=True))
    assert Link.objects.exists()
    assert "not here, or not for you to see" in page
    answer = text_of(reader.get(f"/api/cases/{case}/links?why=Work"))
    for text in (page, answer):
        assert str(item.pk) not in text
        assert "Indicator 1" not in text


def test_an_envelope_is_all_that_an_auditor_sees(filled: tuple[UUID, Actor], client_as: Clients) -> None:
    """Who oversees sees that there are entries, never their bodies; an administrator sees nothing of them."""
    case, _ = filled
    auditor = client_as(investigator("auditor", name="Auditor"))
    auditor.who = replace(auditor.who, roles=frozenset({"auditor"}))
    entry = Entry.objects.filter(object_id=case).first()
    assert "cases.opened" in text_of(auditor.get("/ledger/"))
    answer = auditor.get(f"/ledger/{entry.sequence}/", {"why": "Audit"}, follow=True)
    assert "Two gangs" not in text_of(answer)
    administrator = client_as(replace(auditor.who, roles=frozenset({"administrator"})))
    assert administrator.get("/cases/").status_code == 403
    assert administrator.get(f"/api/cases/{case}").status_code == 403
    assert Selector.objects.exists()
