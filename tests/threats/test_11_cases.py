"""Threats 11, 12 and 14 for cases: nothing that is said twice is read, no part is weaker than its case, no export calculates."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from hanse.cases import service, working
from hanse.cases.choosing import case_for, parts_of
from hanse.cases.models import Case, CasePerson
from hanse.cases.selector import read
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp, is_at_least
from hanse.ledger.models import Entry
from hanse.ledger.reading import recorded_of
from hanse.policy.actions import ACTIONS
from tests.cases.made import DAY_US, investigator, opened, said
from tests.conftest import AUTHORITY
from tests.threats.test_14_formulas import PAYLOADS, calculates
from tests.threats.test_14_formulas import opened as cells_of
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]

TWICE = (
    ("/api/cases/{}/people", b'{"category":"witness","category":"suspect","name":"Jaan"}'),
    ("/api/cases/{}/people", b'{"name":"Jaan","n\\u0061me":"Jyri","category":"suspect"}'),
    ("/api/cases/{}/selectors", b'{"value":"a@example.org","value":"b@example.org"}'),
    ("/api/cases/{}/notes", b'{"text":"guilty","text":"innocent"}'),
    ("/api/cases/{}/status", b'{"status":"closed","status":"open","reason":"x"}'),
    (
        "/api/cases",
        b'{"title":"a","title":"b","legal_basis":"x","purpose":"x","review_us":1,"retention_us":2}',
    ),
)


@pytest.mark.parametrize(("path", "body"), TWICE)
def test_what_says_a_thing_twice_is_refused(client_as: Clients, path: str, body: bytes) -> None:
    """A key that stands twice, written as an escape too, is no request: nothing of it is taken."""
    case, kaja = opened(investigator())
    client = client_as(replace(kaja, kind="token", scopes=frozenset(ACTIONS)))
    before = Entry.objects.count()
    answer = client.post(path.format(case), body, content_type="application/json")
    assert answer.status_code == 400
    assert "twice" in answer.json()["detail"].lower() or "duplicate" in answer.json()["detail"].lower()
    assert Entry.objects.count() == before


def test_a_list_whose_columns_stand_twice_is_refused() -> None:
    """Of two columns of one name neither is believed, also where another word for it is used."""
    case, kaja = opened(investigator())
    for head in (b"value,value", b"value,selector", b"kind,type,value", b"Value, VALUE "):
        with pytest.raises(UsageError, match="Two columns"):
            working.add_list(case, head + b"\na@example.org,b@example.org,c\n", kaja)


def test_every_part_is_as_strict_as_its_case_and_stays_so() -> None:
    """Whatever is put into a case carries the case's marking, before and after the case is marked more strictly."""
    own = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED, pap=Pap.RED, handling=frozenset({"H1"}))
    kaja = investigator()
    until = now_us() + 400 * DAY_US
    case = service.open_case(said(), until, kaja, new_team="North", marking=own)
    kaja = replace(kaja, teams=frozenset({_team(case)}))
    _fill(case, kaja)
    _all_as_strict(case, kaja)
    stricter = replace(own, handling=frozenset({"H1", "H2"}))
    service.keep(case, until - DAY_US, now_us() + DAY_US, "Stricter.", kaja, stricter)
    _all_as_strict(case, kaja)
    working.write_note(case, "After.", kaja)
    _all_as_strict(case, kaja)
    for weaker in (own, replace(stricter, tlp=Tlp.AMBER), replace(stricter, pap=Pap.AMBER)):
        with pytest.raises(UsageError, match="weaker"):
            service.keep(case, until, now_us() + DAY_US, "Weaker.", kaja, weaker)


def test_an_exported_list_of_selectors_has_no_formula(client_as: Clients) -> None:
    """Selectors and notes that would calculate come out as texts, for every reader, and come in again as they were."""
    case, kaja = opened(investigator())
    for at, text in enumerate(PAYLOADS):
        working.add_selector(case, read("account", f"{text} {at}"), kaja, note=text)
    working.add_selector(case, read("phone", "+3726123456"), kaja)
    client = client_as(kaja)
    client.get(f"/cases/{case}/selectors/", {"why": "Work"}, follow=True)
    answer = client.get(f"/cases/{case}/selectors/?as=csv")
    text = b"".join(answer).decode()
    assert answer.status_code == 200
    assert [cell for cell in cells_of(text) if calculates(cell)] == []
    assert "'+3726123456" in text
    again, other = opened(investigator(name="Other"), "Another")
    report = working.add_list(again, b"kind,value\nphone,'+3726123456\n", other)
    assert [(one.status, one.written) for one in report.rows] == [("new", "+3726123456")]


def _fill(case: UUID, kaja: Actor) -> None:
    """One of each part."""
    working.add_person(case, working.Told(category="suspect", name="Jaan", born="1970-12-31"), kaja)
    working.add_list(case, b"value\na@example.org\n", kaja)
    working.set_task(case, "Ask", kaja)
    working.write_note(case, "Seen.", kaja)
    assert CasePerson.objects.filter(case=case).exists()


def _all_as_strict(case: UUID, kaja: Actor) -> None:
    """The newest entry of each part is at least as strict as the case."""
    marking = case_for(kaja, "cases.view", case).marking.marking
    parts = parts_of(case)
    assert len(parts) >= 5
    for part in parts:
        entry = Entry.objects.filter(object_id=part).order_by("-version").select_related("body")[0]
        assert is_at_least(recorded_of(entry, entry.body).marking, marking)


def _team(case: UUID) -> str:

    return Case.projected.get(pk=case).team
