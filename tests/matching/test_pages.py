"""The pages of matching as people use them, and what the API says of the same."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.cases import working
from hanse.cases.joint_models import JointCase
from hanse.cases.models import Case
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.matching import contacting, hits, psi, running, waiting
from hanse.matching.contents import Contact
from hanse.matching.hits import references_of
from hanse.matching.models import Agreement, Hit, Run, Withheld
from hanse.matching.showing import HitShown
from tests.accounts.people import acting, newcomer
from tests.matching.cast import BOSS, agree, compare, has
from tests.matching.partner import Comparer, turn
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]


def text_of(answer) -> str:
    """What a page says, without its markup."""
    assert answer.status_code == 200, answer.content.decode()[:300]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


@pytest.fixture
def found(officer, approver, case, gb):
    """A hit on Kaja's case; the case, she, and the hit."""
    made, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    compare(gb, kaja)
    return made, kaja, Hit.objects.get()


def test_an_empty_page_says_what_matching_is_and_how_to_begin(client_as, officer):
    """Nobody has to read a manual to find the next step."""
    page = text_of(client_as(officer).get("/matches/"))
    assert "Nothing is compared with anybody" in page
    assert "Agree with a partner" in page


def test_an_agreement_is_proposed_approved_and_ended_on_pages(client_as, officer, approver, gb):
    """What is typed holds once another person approves; what is wrong is said beside the field."""
    client = client_as(officer)
    typed = {
        "partner": "gb-ncas", "kinds": ["email", "iban"], "categories": ["suspect"], "legal_basis": "Treaty",
        "case_class": "Fraud", "per_day": "100", "until": "2031-01-01", "reason": "As agreed.",
    }  # fmt: skip
    assert "next two years" in text_of(client.post("/matches/agree/", typed))
    until = f"{now_us() // 31_556_952_000_000 + 1971}-01-01"
    client.post("/matches/agree/", typed | {"until": until})
    assert "proposed by Olev Ots" in text_of(client.get("/matches/"))
    approvals.approve(Proposal.objects.get(state="open").pk, approver)
    page = text_of(client.get("/matches/"))
    assert "E-mail 0, IBAN 0" in page
    assert "0 of 100" in page
    assert "checked" in client.get("/matches/agree/gb-ncas/").content.decode()
    client.post("/matches/end/gb-ncas/", {"reason": "It ran out."})
    assert not Agreement.objects.exists()


def test_a_comparison_is_asked_for_shown_and_stopped_on_pages(client_as, officer, approver, case, gb):
    """Its state is told in words; who may not run one is offered nothing."""
    _, kaja = case
    agree(officer, approver)
    client = client_as(kaja)
    client.get("/matches/", {"why": "Case work"}, follow=True)
    client.post("/matches/ask/gb-ncas/", {"reason": "Case 12/2026."})
    assert "begins" in text_of(client.get("/matches/"))
    turn(gb)
    page = text_of(client.get("/matches/"))
    assert "waits for the partner" in page
    [run] = Run.objects.all()
    client.post(f"/matches/stop/{run.pk}/", {"reason": "The judge forbade it."})
    assert "It was stopped: The judge forbade it." in text_of(client.get("/matches/"))
    auditor = acting(newcomer("auditor", name="Audrey"))
    page = client_as(auditor).get("/matches/").content.decode()
    assert "The judge forbade it" in page
    assert "/matches/ask/" not in page
    assert BOSS not in page


def test_how_far_a_comparison_is_stands_on_the_page(client_as, officer, approver, case, gb):
    """Pieces that are there of all, while the partner is away."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), holds={"digest", "tokens"})
    running.ask("gb-ncas", kaja, "Case 12/2026 asks for it.")
    turn(gb)
    gb.takes_part()
    turn(gb)
    page = client_as(officer).get("/matches/").content.decode()
    assert '<progress max="4" value="3">' in page


def test_a_hit_is_answered_on_its_page_until_a_joint_case_opens(client_as, found, gb):
    """First a name, then both want a joint case: it opens, and both pages lead to it."""
    _, kaja, hit = found
    assert waiting.unanswered(kaja).count == 1
    client = client_as(kaja)
    client.get(f"/matches/hits/{hit.pk}/", {"why": "Case work"}, follow=True)
    client.post(f"/matches/hits/{hit.pk}/offer/", {"name": "Kaja", "telephone": "+372 612"})
    [(_, told)] = gb.addressed(contacting.CONTACT, Contact)
    assert (told.name, told.telephone, told.agrees, told.references) == (
        "Kaja",
        "+372 612",
        False,
        references_of(hit),
    )
    assert waiting.unanswered(kaja).count == 0
    gb.entry(contacting.CONTACT, Contact(references=references_of(hit), name="John", agrees=True))
    turn(gb)
    page = text_of(client.get(f"/matches/hits/{hit.pk}/"))
    assert "John" in page
    assert "Title of the joint case" in page
    assert "needs it" in text_of(client.post(f"/matches/hits/{hit.pk}/offer/", {"agrees": "on"}))
    opening = {
        "title": "Operation Pair",
        "purpose": "Find them.",
        "legal_basis": "Treaty",
        "retention": _in_a_year(),
    }
    client.post(f"/matches/hits/{hit.pk}/offer/", {"agrees": "on", **opening})
    [joint] = JointCase.projected.all()
    assert [one["authority"] for one in joint.members] == ["ee-cert", "gb-ncas"]
    assert gb.addressed(contacting.CONTACT, Contact)[-1][1].joint == joint.pk.hex
    page = client.get(f"/matches/hits/{hit.pk}/").content.decode()
    assert f"/cases/joint/{joint.pk}/" in page


def _in_a_year() -> str:
    return (datetime.now(UTC) + timedelta(days=365)).date().isoformat()


def test_who_wants_no_contact_says_so_and_nothing_else(client_as, found, gb):
    """The partner is told that, and can be told otherwise later."""
    _, kaja, hit = found
    client = client_as(kaja)
    client.post(f"/matches/hits/{hit.pk}/decline/")
    [(_, told)] = gb.addressed(contacting.CONTACT, Contact)
    assert told == Contact(references=references_of(hit), declined=True)


def test_without_an_agreement_the_page_says_so(client_as, case, gb):
    """Who wants to compare with a partner with whom nothing is agreed reads that, and what comes first."""
    answer = client_as(case[1]).get("/matches/ask/gb-ncas/")
    assert answer.status_code == 409
    assert "<h1>Nothing is agreed with this partner</h1>" in answer.content.decode()
    assert "Agree with a partner" in answer.content.decode()


def test_an_offer_says_something(client_as, found, gb):
    """An empty form is no offer, on the page and in the API; taking back what was said before is."""
    _, kaja, hit = found
    client = client_as(kaja)
    client.get(f"/matches/hits/{hit.pk}/", {"why": "Case work"}, follow=True)
    where = f"/matches/hits/{hit.pk}/offer/"
    assert "Say at least one thing" in text_of(client.post(where, {"name": " "}))
    post = {"content_type": "application/json", "headers": {"X-Reason": "Case work"}}
    assert client.post(f"/api/matching/hits/{hit.pk}", {}, **post).status_code == 400
    assert gb.addressed(contacting.CONTACT, Contact) == []
    client.post(where, {"agrees": "on"})
    client.post(where, {})
    assert [told.agrees for _, told in gb.addressed(contacting.CONTACT, Contact)] == [True, False]


def test_an_offer_that_comes_before_the_hit_is_found_with_it(officer, approver, case, gb):
    """The other side may be quicker: what it said waits for our own end of the run."""
    _, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS), holds={"tokens"})
    run = compare(gb, kaja)
    token = psi.hits(gb.values, gb.secret, gb.returned, gb.tokens)[Value("email", BOSS)]
    name = hits.reference(gb.session, token)
    gb.entry(contacting.CONTACT, Contact(references=(name,), name="John"))
    gb.holds = set()
    turn(gb)
    turn(gb)
    [hit] = Hit.objects.filter(run=run.pk)
    assert contacting.standing([hit])[hit.pk].other.name == "John"


def test_an_offer_for_another_partners_hit_says_nothing(found):
    """What names a hit is known to the two alone, and counts from the two alone."""
    _, _, hit = found
    fi = Comparer("fi-cert", "FI")
    fi.joins()
    fi.entry(contacting.CONTACT, Contact(references=references_of(hit), name="Mallory"))
    turn(fi)
    assert contacting.standing([hit])[hit.pk].other is None


def test_a_case_says_what_was_compared_and_what_is_kept_out(client_as, found):
    """Beside its selectors: with whom, when, how many were in it then, and what is not compared."""
    made, kaja, _hit = found
    client = client_as(kaja)
    client.get(f"/cases/{made}/", {"why": "Case work"}, follow=True)
    late = working.add_selector(made, read("email", "late@example.org"), kaja)
    victim = working.add_person(made, working.Told(category="victim", name="Mari Mets"), kaja)
    working.add_selector(made, read("email", "mari@example.org"), kaja, person=victim)
    client.post(
        f"/matches/cases/{made}/keep-out/", {"selector": late.hex, "officer": "", "reason": "An informant's."}
    )
    page = text_of(client.get(f"/cases/{made}/"))
    assert "GB-NCAS" in page
    assert "3 of the 3 selectors that may be compared now were in the case then" in page
    assert "Not compared: 1 of a person of the category victim, which is not agreed; 1 kept out." in page
    assert "Known elsewhere here 0" in page
    assert "Partners have too 1" in page
    assert "An informant's." in page
    again = f"/matches/cases/{made}/let-in/{late}/"
    assert "Compare it again" in text_of(client.get(again))
    client.post(again, {"reason": "Not one any more."})
    assert "Not one any more." in text_of(client.get(f"/cases/{made}/"))
    assert not Withheld.objects.exists()


def test_the_api_says_the_same_and_lets_the_same_be_done(client_as, found, officer, gb):
    """Hits, runs and agreements; what a page does, a program can."""
    made, kaja, hit = found
    client = client_as(kaja)
    [told] = client.get("/api/matching/hits", {"why": "Case work"}, headers={"X-Reason": "Case work"}).json()
    assert (told["partner"], told["kind"], told["case"], told["own"]) == ("gb-ncas", "email", str(made), None)
    post = {"content_type": "application/json", "headers": {"X-Reason": "Case work"}}
    told = client.post(f"/api/matching/hits/{hit.pk}", {"name": "Kaja"}, **post).json()
    assert told["own"]["name"] == "Kaja"
    [run] = client.get("/api/matching/runs").json()["items"]
    assert (run["state"], run["hits"], run["transcript"]) == ("finished", None, gb.transcript())
    [agreed] = client.get("/api/matching/agreements").json()
    assert (agreed["partner"], agreed["used"]) == ("gb-ncas", 1)
    answer = client.post("/api/matching/runs", {"partner": "gb-ncas", "why": "Again."}, **post)
    assert answer.status_code == 201
    stopped = client.post(f"/api/matching/runs/{answer.json()['id']}/stop", {"why": "No."}, **post)
    assert stopped.status_code == 204
    kept = client.post(f"/api/matching/cases/{made}/keep-out", {"why": "Informant."}, **post)
    assert kept.status_code == 204
    assert Withheld.objects.get().object_id == made


def test_a_stranger_to_the_case_cannot_answer_its_hit(client_as, found):
    """Neither on the page nor by the API: there is no such hit for them."""
    _, _, hit = found
    stranger = replace(acting(newcomer("investigator", name="Stranger")), stepped_up_us=now_us())
    client = client_as(stranger)
    assert client.get(f"/matches/hits/{hit.pk}/").status_code == 404
    assert client.post(f"/matches/hits/{hit.pk}/offer/", {"name": "S"}).status_code == 404
    assert isinstance(hit.pk, UUID)


@pytest.mark.parametrize(
    ("kind", "keys", "words"),
    [
        ("company", 1, "A lead: 1 key of the name and country is the same"),
        ("person", 2, "A strong lead: 2 keys of the name and birth are the same"),
        ("email", 0, "The same selector"),
    ],
)
def test_what_a_lead_rests_on_is_said_of_its_kind(kind, keys, words):
    """A company was not born."""
    assert HitShown(Hit(kind=kind, keys=keys), Case(), None, "gb-ncas", None).words == words
