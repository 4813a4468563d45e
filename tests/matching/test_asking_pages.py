"""The pages of asking who else and of standing matching, and what the API says of the same."""

from uuid import UUID

import pytest

from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.matching.models import Hit
from hanse.matching.standing_contents import StandingSet
from hanse.matching.standing_models import StandingSide
from hanse.matching.tag_models import Question
from tests.cases.made import opened
from tests.matching.asker import Asker
from tests.matching.cast import BOSS, agree, has
from tests.matching.partner import turn
from tests.matching.test_pages import text_of
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]


@pytest.fixture
def gb(officer, approver):
    """A partner that has published what it has."""
    made = Asker("gb-ncas", "GB", "associated")
    made.joins()
    agree(officer, approver)
    has(made, ("email", BOSS))
    made.publishes()
    return made


def test_partners_are_asked_from_the_case_and_their_answers_stand_there(client_as, case, gb):
    """What can be asked is ticked; what came of it stands beside the selectors, and the hit with it."""
    made, kaja = case
    client = client_as(kaja)
    client.get(f"/cases/{made}/", {"why": "Case work"}, follow=True)
    assert "Who else?" in text_of(client.get(f"/cases/{made}/"))
    form = client.get(f"/matches/cases/{made}/ask/").content.decode()
    assert BOSS in form
    assert form.count("checked") == 4, "three selectors and one partner"
    assert "Say why" not in form
    email = form.split(f" E-mail: {BOSS}")[0].rsplit('value="', 1)[1].split('"')[0]
    client.post(
        f"/matches/cases/{made}/ask/",
        {"selectors": [email], "partners": ["gb-ncas"], "reason": "Case 12/2026."},
    )
    assert "GB-NCAS: Has not answered yet" in text_of(client.get(f"/cases/{made}/"))
    turn(gb)
    page = text_of(client.get(f"/cases/{made}/"))
    assert "asked who else has 1 of its selectors" in page
    assert "GB-NCAS: Has the same (1)" in page
    assert Hit.objects.get().way == "who-else"


def test_a_case_that_no_agreement_touches_says_so(client_as, kaja, officer, approver):
    """Instead of an empty form."""
    made, kaja = opened(kaja)
    client = client_as(kaja)
    client.get(f"/cases/{made}/", {"why": "Case work"}, follow=True)
    assert "No agreement with a partner offers" in text_of(client.get(f"/matches/cases/{made}/ask/"))


def _wants(gb: Asker, version: int, *, on: bool) -> None:
    """The partner says that it wants standing matching, or not any more."""
    gb.entry(
        "matching.standing_set", StandingSet(partner="ee-cert", on=on), object_id=UUID(int=9), version=version
    )
    exchange.pull_all(Partner.objects.get(pk="gb-ncas"), gb)


def test_standing_matching_is_turned_on_and_off_on_its_page(client_as, officer, gb):
    """It waits for the partner, is on once both want it, and off when one does not."""
    client = client_as(officer)
    client.get("/matches/", {"why": "Case work"}, follow=True)
    client.post("/matches/standing/gb-ncas/on/", {"reason": "As agreed."})
    assert "waits for the partner" in text_of(client.get("/matches/"))
    _wants(gb, 1, on=True)
    page = client.get("/matches/").content.decode()
    assert "/matches/standing/gb-ncas/off/" in page
    assert "waits for the partner" not in page
    _wants(gb, 2, on=False)
    page = client.get("/matches/").content.decode()
    assert "the partner turned it off on <time" in page
    assert "waits for the partner" not in page
    _wants(gb, 3, on=True)
    client.post("/matches/standing/gb-ncas/off/", {"reason": "Not any more."})
    page = text_of(client.get("/matches/"))
    assert "(Not any more.) , and the partner still wants it" in page.replace("  ", " ")
    assert not StandingSide.objects.get(theirs=False).on
    assert client.get("/matches/standing/gb-ncas/sideways/").status_code == 404


def test_the_api_asks_and_says_the_same(client_as, case, gb, officer):
    """What a page does, a program can; that a partner asked is told with its time alone."""
    made, kaja = case
    client = client_as(kaja)
    post = {"content_type": "application/json", "headers": {"X-Reason": "Case work"}}
    selectors = [
        one["id"] for one in client.get(f"/api/cases/{made}/selectors?why=Case+work").json()["items"]
    ]
    told = {"selectors": selectors, "partners": ["gb-ncas"], "why": "Case 12/2026."}
    assert client.post(f"/api/matching/cases/{made}/questions", told, **post).status_code == 201
    turn(gb)
    [question] = client.get(f"/api/matching/cases/{made}/questions?why=Case+work").json()
    assert (question["id"], len(question["selectors"])) == (str(Question.objects.get().pk), 3)
    assert [(one["partner"], one["state"], one["hits"]) for one in question["replies"]] == [
        ("gb-ncas", "found", 1)
    ]
    [stands] = client.get("/api/matching/standing").json()
    assert (stands["partner"], stands["on"], stands["own"]) == ("gb-ncas", False, False)
    answer = client_as(officer).post(
        "/api/matching/standing/gb-ncas", {"on": True, "why": "As agreed."}, **post
    )
    assert answer.status_code == 204
    assert client.get("/api/matching/standing").json()[0]["own"]
    assert client.get("/api/matching/askings").json() == []
