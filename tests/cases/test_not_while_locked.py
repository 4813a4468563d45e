"""What takes seconds is done before the ledger is locked: nobody on the node writes meanwhile, no collector and no partner."""

from uuid import UUID

import pytest
from django.db import connection

from hanse.cases import selector_list, subject, subject_finding, working
from hanse.cases.models import Selector
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from tests.cases.made import investigator, opened
from tests.ledger.made import found
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = pytest.mark.django_db


def is_locked() -> bool:
    """Whether somebody is in `writing`: each test is in a transaction itself, in which that is another one."""
    return bool(connection.savepoint_ids)


@pytest.fixture
def case() -> tuple[UUID, Actor]:
    """A case, and an investigator who may answer requests too."""
    found()
    made, kaja = opened(investigator("officer"))
    working.write_note(made, "Jaan Tamm was seen.", kaja)
    return made, kaja


@pytest.mark.parametrize("apply", [True, False])
def test_a_list_of_selectors_is_read_before_the_ledger_is_locked(case, monkeypatch, apply):
    """Ten thousand rows take a second to be read, also where somebody only looks what would come of them."""
    made, kaja = case
    locked, read = [], selector_list.rows

    def noted(data):
        for row in read(data):
            locked.append(is_locked())
            yield row

    monkeypatch.setattr(selector_list, "rows", noted)
    report = working.add_list(made, b"value\na@b.example\na@b.example\n", kaja, apply=apply)
    assert (report.count("new"), report.count("known")) == (1, 1)
    assert Selector.objects.filter(case=made).count() == int(apply)
    assert locked == [False, False]


def test_what_is_held_on_somebody_is_looked_for_before_the_ledger_is_locked(case, monkeypatch):
    """All notes of all cases are opened for it."""
    _, kaja = case
    one, locked = asked(kaja), looked_for(monkeypatch)
    subject.answer(one, "nothing", [], "", "", kaja)
    assert locked == [False]


@pytest.mark.urls("hanse.urls")
def test_a_request_with_a_key_locks_nothing_while_it_is_looked_for(case, monkeypatch, client_as):
    """The answer is kept beside it, and given again; neither is anything told twice nor proposed twice."""
    made, kaja = case
    told = working.Told(category="suspect", name="Jaan Tamm", born="1970-12-31")
    person = working.add_person(made, told, kaja)
    one, locked, client = asked(kaja), looked_for(monkeypatch), client_as(kaja)
    wishes = {
        "erase": ({"objects": [str(person)], "law": "16-2-8", "why": "It may not be kept."}, 201),
        "answer": ({"what": "refused", "ground": "15-1-a", "why": "It would warn them."}, 204),
    }
    for what, (wish, status) in wishes.items():
        where = f"/api/cases/subjects/{one}/{what}"
        answers = [
            client.post(where, wish, content_type="application/json", headers={"Idempotency-Key": "a"})
            for _ in range(2)
        ]
        assert [each.status_code for each in answers] == [status, status], answers[0].content
        assert answers[0].content == answers[1].content
    assert locked == [False, False]


def test_what_comes_meanwhile_is_no_less_held(case, monkeypatch):
    """Nobody is told that nothing is held on them where a colleague put it on record a second before."""
    made, kaja = case
    one = asked(kaja)

    def puts_on_record() -> None:
        if not Selector.objects.exists():
            told = working.Told(category="suspect", name="Jaan Tamm", born="1970-12-31")
            working.add_person(made, told, kaja)

    looked_for(monkeypatch, puts_on_record)
    with pytest.raises(UsageError, match="Something is held on them"):
        subject.answer(one, "nothing", [], "", "", kaja)


def test_an_answer_is_given_though_something_is_put_on_record_all_the_time(case, monkeypatch):
    """It is looked for under the lock in the end, rather than never answered."""
    made, kaja = case
    one = asked(kaja)

    def writes() -> None:
        if not is_locked():
            working.write_note(made, "Somebody else was seen.", kaja)

    locked = looked_for(monkeypatch, writes)
    subject.answer(one, "nothing", [], "", "", kaja)
    assert locked[-1] is True
    assert len(locked) < 5
    assert Entry.objects.filter(kind="cases.subject_answered").count() == 1


def asked(actor: Actor) -> UUID:
    """A request of Jaan Tamm's that is on record."""
    wish = subject.Request(
        name="Jaan Tamm", born="1970-12-31", selectors=(), identity="Passport shown.", received_us=now_us()
    )
    return subject.take(wish, actor)


def looked_for(monkeypatch: pytest.MonkeyPatch, after=lambda: None) -> list[bool]:
    """Whether the ledger was locked each time that it was looked for what is held; something is done after each."""
    locked, held_on = [], subject_finding.held_on

    def noted(person, actor):
        locked.append(is_locked())
        held = held_on(person, actor)
        after()
        return held

    monkeypatch.setattr(subject, "held_on", noted)
    return locked
