"""The pages of cases as people use them: forms that keep what was typed, say what is wrong, and do what they say."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.attacks.models import Attack
from hanse.cases import service, waiting, working
from hanse.cases.models import Case, CasePerson, Link, Note, Selector, Task
from hanse.cases.selector import read
from hanse.console import purging
from hanse.console.case_ties import of_attack
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.models import Entry
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, investigator, opened
from tests.cases.test_selector_list import LIST
from tests.ledger.made import findings
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]


def day(days: int) -> str:
    """The day in so many days, as a form sends it."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


DETAILS = {
    "title": "Two gangs", "reference": "KrK 12-7", "authority": "", "legal_basis": "CCP, section 193",
    "purpose": "Fraud", "review": day(90), "retention": day(365), "team": "", "new_team": "North",
    "marking_tlp": "AMBER+STRICT", "marking_pap": "AMBER",
}  # fmt: skip


@pytest.fixture
def desk(client_as: Clients) -> tuple[ActingClient, UUID, Actor]:
    """A member of the team of a case, who has said why; and the case."""
    case, kaja = opened(investigator())
    client = client_as(kaja)
    client.get(f"/cases/{case}/", {"why": "Case work"}, follow=True)
    return client, case, kaja


def page(client: ActingClient, case: UUID) -> str:
    """The case's page."""
    answer = client.get(f"/cases/{case}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_case_is_opened_on_a_page(client_as: Clients) -> None:
    """The form opens a case of a new team; what is missing is said beside its field and what was typed stays."""
    kaja = investigator()
    client = client_as(kaja)
    wrong = client.post("/cases/open/", {**DETAILS, "legal_basis": "", "new_team": ""})
    text = wrong.content.decode()
    assert wrong.status_code == 200
    assert "Two gangs" in text
    assert text.count('class="field bad"') == 2
    assert not Case.projected.exists()
    came = client.post("/cases/open/", DETAILS)
    row = Case.projected.get()
    assert came["Location"] == f"/cases/{row.pk}/"
    assert row.review_us % 1_000_000 == 0
    client.who = acting(UUID(kaja.id))
    asked = client.get(f"/cases/{row.pk}/").content.decode()
    for said in ("The case is open.", "One question first", "You are asked once", "it belongs to a team"):
        assert said in asked
    assert "CCP, section 193" not in asked
    shown = client.get(f"/cases/{row.pk}/", {"why": "Case work"}, follow=True).content.decode()
    assert "CCP, section 193" in shown
    assert "TLP:AMBER+STRICT" in shown


def test_parts_are_put_into_a_case_on_its_pages(desk: tuple[ActingClient, UUID, Actor]) -> None:
    """Each form does what it says and goes back to the case, which shows it."""
    client, case, kaja = desk
    person = {
        "category": "suspect",
        "name": "Jaan Tamm",
        "born": "1970-12-31",
        "country": "ee",
        "note": "Runs it.",
    }
    forms = {
        "people/add/": person,
        "selectors/add/": {"kind": "", "value": "boss@example.org", "note": "His."},
        "tasks/add/": {"title": "Ask the bank", "owner": str(UUID(kaja.id)), "due": day(-2)},
        "notes/add/": {"text": "He was seen."},
    }
    for where, told in forms.items():
        assert client.get(f"/cases/{case}/{where}").status_code == 200
        assert client.post(f"/cases/{case}/{where}", told)["Location"] == f"/cases/{case}/"
    text = page(client, case)
    for said in (
        "Jaan Tamm, born 1970-12-31",
        "boss@example.org",
        "Ask the bank",
        "He was seen.",
        "1 task is overdue",
    ):
        assert said in text
    one = CasePerson.objects.get()
    client.post(f"/cases/{case}/people/{one.pk}/", {**person, "category": "witness"})
    assert CasePerson.objects.get().category == "witness"
    client.post(f"/cases/{case}/tasks/{Task.objects.get().pk}/tick/")
    assert Task.objects.get().done_us is not None
    note = Note.objects.get().pk
    assert "He was seen." in client.get(f"/cases/{case}/parts/{note}/remove/").content.decode()
    client.post(f"/cases/{case}/parts/{note}/remove/", {"reason": "By mistake."})
    assert not Note.objects.exists()
    assert "By mistake." in page(client, case)
    assert findings() == []


@pytest.mark.parametrize(
    ("where", "told", "why"),
    [
        ("people/add/", {"category": "suspect", "name": "Jaan", "born": "31.12.1970"}, "1970-12-31"),
        ("selectors/add/", {"kind": "iban", "value": "EE382200221020145686"}, "checksum"),
        ("selectors/add/", {"kind": "person", "value": "Jaan Tamm"}, "day of birth"),
        (
            "selectors/add/",
            {"kind": "", "value": "5550123"},
            "Choose its kind; a telephone needs its country.",
        ),
        (
            "links/add/",
            {"target": "/attacks/00000000-0000-0000-0000-000000000000/", "why": "x"},
            "no such thing",
        ),
        ("links/add/", {"target": "the big one", "why": "x"}, "no such thing"),
        ("state/", {"status": "open", "reason": "x"}, "open already"),
        ("change/", {**DETAILS, "owner": "nobody"}, "valid choice"),
    ],
)
def test_what_cannot_be_done_is_said_in_the_form(
    desk: tuple[ActingClient, UUID, Actor], where: str, told: dict[str, str], why: str
) -> None:
    """The reason stands in the form, nothing is written, and what was typed is still there."""
    client, case, _ = desk
    client.get(f"/cases/{case}/{where}")
    before = Entry.objects.exclude(kind__startswith="accounts.").count()
    answer = client.post(f"/cases/{case}/{where}", told)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert why in text
    typed = next(
        (one for one in (told.get("name"), told.get("value"), told.get("target"), told.get("title")) if one),
        "x",
    )
    assert typed in text
    assert Entry.objects.exclude(kind__startswith="accounts.").count() == before


def test_a_list_is_tried_and_then_taken(desk: tuple[ActingClient, UUID, Actor], node_home) -> None:
    """The page says row by row what would come of it; only then it is taken; no file of it lies on the node."""
    client, case, _ = desk
    before = {one for one in node_home.rglob("*") if one.is_file()}
    tried = client.post(f"/cases/{case}/selectors/list/", {"text": LIST.decode()}).content.decode()
    assert not Selector.objects.exists()
    assert "checksum is wrong" in tried
    assert "4 selectors would be added" in re.sub(r"\s+", " ", tried)
    client.post(f"/cases/{case}/selectors/list/take/", {"text": LIST.decode()})
    assert Selector.objects.count() == 4
    assert "Selectors added: 4. Known already: 1. Rows left out: 7." in page(client, case)
    assert {one for one in node_home.rglob("*") if one.is_file()} == before
    wrong = client.post(f"/cases/{case}/selectors/list/", {"text": "what\nis this"}).content.decode()
    assert "Nobody knows the column" in wrong


def test_a_case_is_closed_kept_and_reopened_on_its_pages(desk: tuple[ActingClient, UUID, Actor]) -> None:
    """A closed case offers nothing to put in; how long it is kept takes a passkey."""
    client, case, kaja = desk
    client.post(f"/cases/{case}/state/", {"status": "closed", "reason": "Convicted."})
    text = page(client, case)
    assert "Closed: Convicted" in text
    assert f"/cases/{case}/people/add/" not in text
    assert "The case is closed" in client.post(f"/cases/{case}/notes/add/", {"text": "x"}).content.decode()
    assert not Note.objects.exists()
    told = {"review": day(30), "retention": day(100), "reason": "The file goes to the archive."}
    stale = client.who
    client.who = replace(kaja, stepped_up_us=None)
    assert client.post(f"/cases/{case}/keep/", told).status_code == 401
    client.who = stale
    assert client.post(f"/cases/{case}/keep/", told).status_code == 302
    assert Case.projected.get().retention_us // DAY_US == (now_us() + 100 * DAY_US) // DAY_US


def test_what_is_due_waits_for_the_team_alone(monkeypatch) -> None:
    """Reviews that are due and one's own overdue tasks are counted where somebody may see them, and lead to a list."""
    case, kaja = opened(investigator())
    working.set_task(case, "Ask the bank", kaja, owner=UUID(kaja.id), due_us=now_us() - 1)
    working.set_task(case, "Somebody's", kaja, due_us=now_us() - 1)
    assert (waiting.reviews(kaja).count, waiting.tasks(kaja).count) == (0, 1)
    for module in (service, waiting):
        monkeypatch.setattr(module, "now_us", lambda: now_us() + 31 * DAY_US)
    assert waiting.reviews(kaja).count == 1
    other = acting(newcomer("investigator"))
    assert waiting.reviews(other) is None
    assert waiting.tasks(replace(other, id=kaja.id, teams=frozenset({"another"}))).count == 0
    service.set_status(case, "closed", "Over.", kaja)
    assert (waiting.reviews(kaja).count, waiting.tasks(kaja).count) == (0, 0)


def test_lists_narrow_to_what_is_due(desk: tuple[ActingClient, UUID, Actor]) -> None:
    """What waits leads to a list of it; a filter that means nothing says so."""
    client, case, kaja = desk
    assert str(case) not in client.get("/cases/?review=due").content.decode()
    assert str(case) not in client.get("/cases/?task=overdue").content.decode()
    working.set_task(case, "Ask the bank", kaja, due_us=now_us() - 1)
    Case.projected.update(review_us=now_us() - 1)
    assert str(case) in client.get("/cases/?review=due").content.decode()
    assert str(case) in client.get("/cases/?task=overdue").content.decode()
    assert client.get("/cases/?review=perhaps").status_code == 400


def test_a_case_and_an_attack_name_each_other(client_as: Clients) -> None:
    """Tied by the address of its page, the attack stands in the case, and the case on the attack's page, for the team."""
    record(earliest(12), acting(newcomer("analyst")))
    case, kaja = opened(investigator())
    attack = Attack.projected.first()
    client = client_as(kaja)
    client.get(f"/cases/{case}/", {"why": "Case work"}, follow=True)
    told = {"target": f"https://node.example/attacks/{attack.pk}/", "why": "The same server."}
    assert client.post(f"/cases/{case}/links/add/", told).status_code == 302
    assert Link.objects.get().target == attack.pk.hex
    assert f"/attacks/{attack.pk}/" in page(client, case)
    assert "Two gangs" in of_attack(attack.pk, kaja)
    assert of_attack(attack.pk, acting(newcomer("investigator"))) == ""
    assert of_attack(attack.pk, acting(newcomer("analyst"))) == ""


def test_purging_a_case_by_hand_takes_all_of_it() -> None:
    """What would go is the case and every part of it, and nothing of it is left afterwards."""
    case, kaja = opened(investigator("officer"))
    working.add_selector(case, read("email", "boss@example.org"), kaja)
    officer = replace(kaja, roles=frozenset({"officer"}))
    going = purging.would_go(case, officer)
    assert {kind for one in going for kind in one.kinds} == {"cases.opened", "cases.selector_added"}
    proposal = purging.propose_purge(case, "It was opened by mistake.", officer)
    approvals.approve(proposal, acting(newcomer("approver")))
    assert not Case.projected.exists()
    assert not Selector.objects.exists()
    assert findings() == []


def test_nothing_is_purged_that_was_added_after_it_was_proposed() -> None:
    """Two people saw an empty case; what was put into it since does not go without anybody having agreed to that."""
    case, kaja = opened(investigator("officer"))
    officer = replace(kaja, roles=frozenset({"officer"}))
    proposal = purging.propose_purge(case, "It was opened by mistake.", officer)
    working.add_selector(case, read("email", "boss@example.org"), kaja)
    with pytest.raises(approvals.ChangedSinceError, match="propose it anew"):
        approvals.approve(proposal, acting(newcomer("approver")))
    assert Selector.objects.count() == 1


@pytest.mark.parametrize(("model", "column"), [(Case, "purpose"), (Note, "text")])
def test_what_another_case_says_is_read_in_no_page_of_ones_own(
    desk: tuple[ActingClient, UUID, Actor], model: type[Case | Note], column: str
) -> None:
    """Whoever puts it there in the database is told which row it is and what to do, and so is who runs fsck."""
    client, case, kaja = desk
    other, olev = opened(investigator(name="Olev"), "Theirs", purpose="the canary")
    working.write_note(other, "the canary", olev)
    working.write_note(case, "mine", kaja)
    rows = model._base_manager
    mine = rows.get(pk=case) if model is Case else rows.get(case=case)
    theirs = rows.exclude(pk=mine.pk).values(column)[:1]
    rows.filter(pk=mine.pk).update(**{column: theirs.get()[column]})
    answer = client.get(f"/cases/{case}/")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "canary" not in text
    assert f"{model._meta.db_table}, row {mine.pk.hex}, {column}:" in text
    assert "hanse node fsck" in text
    assert any(model._meta.db_table in one and column in one for one in findings())


@pytest.mark.parametrize(
    ("roles", "said", "link"),
    [
        (("analyst",), "An administrator can give it: ask one of your authority.", ""),
        (("approver",), "An administrator can give it", "See who is an administrator"),
        (("analyst", "administrator"), "You can give roles.", "Give yourself or a colleague that role"),
    ],
)
def test_whoever_may_see_no_cases_reads_which_role_it_takes_and_who_gives_it(
    actor: Callable[..., Actor], client_as: Clients, roles: tuple[str, ...], said: str, link: str
) -> None:
    """The first user has no role for cases: the page names the roles, and leads who may give them to where they are given."""
    answer = client_as(actor(*roles)).get("/cases/")
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "None of your roles may see cases. It takes the role of Investigator or Officer." in text
    assert said in text
    assert ('href="/people/">' + link in text) if link else 'href="/people/"' not in text
