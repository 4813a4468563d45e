"""Somebody asks what is held on them: it is found, told or withheld by law, and erased so that nothing is left."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.cases import court, evidence, subject, working
from hanse.cases.evidence_models import Evidence
from hanse.cases.models import CasePerson, Selector
from hanse.cases.selector import read
from hanse.cases.subject_finding import Held, asked, held_on
from hanse.cases.subject_models import LAWS, Erasure, SubjectRequest
from hanse.intel import service as intel
from hanse.intel.models import Item
from hanse.intel.values import ValueProblem
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger import tree
from hanse.ledger.bundle import verify_bundle
from hanse.ledger.models import Entry
from hanse.ledger.proof import export as prove
from hanse.ledger.replay import rebuild
from hanse.ledger.verify import verify
from hanse.node import backup
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.settings import Node
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import added, coded, node
from tests.cases.made import investigator, opened
from tests.ledger.made import findings, found
from tests.node.test_backup import members
from tests.shared import ROOT
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as", "node"]

pytestmark = pytest.mark.django_db
on_disk = pytest.mark.django_db(transaction=True)

NAME, BORN, PHONE = "Zebedeus Kuusk-Canary", "1971-02-03", "+372 5300 1234"
LAW = "16-2-8"


def bring(actor: Actor) -> Item:
    """An item of intelligence that names the telephone number."""
    rows = f"value,kind,comment\n{PHONE},phone,Seen in a fraud\n8.8.4.4,address,Somebody else\n"
    intel.bring_in(rows.encode(), "list.csv", actor)
    return next(
        one for one in Item.projected.order_by("number") if "5300" in json.dumps(intel.item_of(one).raw)
    )


@pytest.fixture
def case(node: Node) -> tuple[UUID, Actor]:
    """A case that holds something of every sort on one person, and the investigator who opened it."""
    found()
    case_id, kaja = opened(investigator("analyst"))
    told = working.Told(category="suspect", name=NAME.upper(), born=BORN, note="Lives in Tartu.")
    person = working.add_person(case_id, told, kaja)
    working.add_selector(case_id, read("phone", PHONE), kaja, person=person)
    working.add_person(
        case_id, working.Told(category="witness", name="Somebody Else", born="1980-01-01"), kaja
    )
    working.write_note(case_id, f"Called {NAME} on {PHONE}.", kaja)
    working.write_note(case_id, "Nothing to do with anybody.", kaja)
    working.set_task(case_id, f"Ask {NAME}'s bank", kaja)
    added(case_id, kaja, content=b"phone book", name="book.txt", source=f"From {NAME}")
    added(case_id, kaja, content=b"other", name="other.txt")
    bring(kaja)
    return case_id, kaja


def sorts(held: list[Held]) -> dict[str, list[bool]]:
    """By sort, whether each is sure."""
    told: dict[str, list[bool]] = {}
    for one in held:
        told.setdefault(one.sort, []).append(one.sure)
    return told


def request(actor: Actor, name: str = NAME, born: str = BORN, *texts: str) -> UUID:
    """A request that is on record."""
    wish = subject.Request(
        name=name, born=born, selectors=tuple(("", text) for text in texts), identity="Passport shown.",
        received_us=now_us(),
    )  # fmt: skip
    return subject.take(wish, actor)


def test_everything_that_is_held_is_found_whatever_they_are_asked_for_by(case: tuple[UUID, Actor]) -> None:
    """By name and day of birth, or by a telephone number in another spelling: the same things, and nobody else's."""
    _, kaja = case
    by_name = held_on(asked(f"  {NAME.lower()} ", BORN, [("", PHONE)]), kaja)
    assert sorts(by_name) == {
        "person": [True], "selector": [True, True], "item": [True], "note": [False], "task": [False],
        "evidence": [False],
    }  # fmt: skip
    by_phone = held_on(asked("", "", [("", "+3725300 1234")]), kaja)
    assert {one.object_id for one in by_phone if one.sure} == {one.object_id for one in by_name if one.sure}
    assert not [one for one in by_name if "Somebody Else" in one.what or "other.txt" in one.what]


def test_a_name_alone_is_no_proof(case: tuple[UUID, Actor]) -> None:
    """Another day of birth is another person; a missing one makes it a perhaps."""
    assert "person" not in sorts(held_on(asked(NAME, "1999-09-09", []), case[1]))
    assert sorts(held_on(asked(NAME, "", []), case[1]))["person"] == [False]
    for name, born, selectors in (
        ("", "", []),
        ("", BORN, []),
        (NAME, "3000-01-01", []),
        ("", "", [("iban", "x")]),
    ):
        with pytest.raises(ValueProblem):
            asked(name, born, selectors)


def test_what_was_said_earlier_or_taken_out_is_held_all_the_same(case: tuple[UUID, Actor]) -> None:
    """A person who was renamed, and a note that was taken out: the ledger holds it, and so it is found."""
    case_id, kaja = case
    row = CasePerson.objects.get(name_index=CasePerson.objects.get(category="suspect").name_index)
    working.change_person(
        case_id, row.pk, working.Told(category="suspect", name="New Name", born="1960-01-01"), kaja
    )
    note = working.write_note(case_id, f"{NAME} again", kaja)
    working.remove(case_id, note, "By mistake.", kaja)
    other = working.write_note(case_id, "Says nothing.", kaja)
    working.remove(case_id, other, f"It was about {NAME}.", kaja)
    handed = added(case_id, kaja, content=b"a disk")
    evidence.handle(handed, "returned", NAME, "The court said so.", kaja)
    held = {one.object_id: one for one in held_on(asked(NAME, BORN, []), kaja)}
    assert held[note].sort == "earlier"
    assert {row.pk, other, handed} <= held.keys()


def test_why_a_tie_was_made_is_held_after_it_is_taken_out(case: tuple[UUID, Actor]) -> None:
    """A tie whose reason names them, and that was taken out of the case: the ledger holds the reason."""
    case_id, kaja = case
    link = working.tie(case_id, "item", Item.projected.order_by("number")[1].pk, f"{NAME} used it.", kaja)
    working.remove(case_id, link, "By mistake.", kaja)
    held = {one.object_id: one for one in held_on(asked(NAME, BORN, []), kaja)}
    assert held[link].sort == "earlier"


def test_only_what_the_reader_may_see_is_found(case: tuple[UUID, Actor]) -> None:
    """Another team finds nothing of the case, neither by name nor in the words, and is told no number."""
    other = replace(investigator("officer", name="Other"), roles=frozenset({"officer"}))
    assert {one.sort for one in held_on(asked(NAME, BORN, [("", PHONE)]), other)} == {"item"}
    bare = replace(other, roles=frozenset({"approver"}))
    assert {one.case for one in held_on(asked(NAME, BORN, [("", PHONE)]), bare)} <= {None}


def test_a_request_is_answered_once_with_what_is_true(case: tuple[UUID, Actor]) -> None:
    """Everything that is sure has to be told for "everything"; nothing is no answer where something is held."""
    _, kaja = case
    one = request(kaja, NAME, BORN, PHONE)
    held = held_on(subject.person_of(subject.request_for(kaja, one)), kaja)
    sure = [each.object_id for each in held if each.sure]
    for what, told in (("nothing", []), ("given", sure[1:]), ("open", []), ("else", [])):
        with pytest.raises(UsageError):
            subject.answer(one, what, told, "", "", kaja)
    assert len(subject.answer(one, "given", sure, "", "", kaja)) == len(sure)
    row = SubjectRequest.projected.get()
    assert (row.state, row.answered_by, len(row.told)) == ("given", kaja.name, len(sure))
    assert Entry.objects.filter(kind="accounts.disclosed").count() == 1
    with pytest.raises(subject.AnsweredError):
        subject.answer(one, "given", sure, "", "", kaja)
    assert findings() == []


@pytest.mark.parametrize("what", ["restricted", "refused"])
def test_what_is_withheld_is_withheld_by_law_and_for_reasons(case: tuple[UUID, Actor], what: str) -> None:
    """A legal ground of the directive and the reasons are on record, sealed; without them it is not withheld."""
    _, kaja = case
    one = request(kaja)
    for ground, why in (("", "The case is open."), ("15-1-b", " "), ("because", "The case is open.")):
        with pytest.raises(UsageError, match="legal ground"):
            subject.answer(one, what, [], ground, why, kaja)
    subject.answer(one, what, [], "15-1-b", "The case is open.", kaja)
    row = SubjectRequest.projected.get()
    assert (row.state, row.ground, row.why) == (what, "15-1-b", "The case is open.")
    assert not Entry.objects.filter(kind="accounts.disclosed").exists(), "nothing was told"


def test_what_another_authority_keeps_back_is_not_told(case: tuple[UUID, Actor]) -> None:
    """Evidence under H2 of another authority is shown to who answers, with the reason, and cannot be told."""
    case_id, kaja = case
    kept = added(case_id, kaja, content=b"theirs", name=f"{NAME}.txt", marking=coded("H2"))
    one = request(kaja)
    held = {each.object_id: each for each in held_on(subject.person_of(subject.request_for(kaja, one)), kaja)}
    assert "H2" in held[kept].kept_back
    with pytest.raises(UsageError, match="may not be told"):
        subject.answer(one, "restricted", [kept], "15-1-b", "It is theirs.", kaja)


def test_who_may_not_answer_sees_no_request(case: tuple[UUID, Actor]) -> None:
    """Without the role nobody takes or reads a request."""
    one = request(case[1])
    for roles in ({"analyst"}, {"administrator"}, {"approver"}, {"auditor"}):
        other = replace(case[1], roles=frozenset(roles))
        with pytest.raises(RefusedError):
            request(other)
        with pytest.raises((NotVisibleError, RefusedError)):
            subject.request_for(other, one)


def erased(actor: Actor) -> Erasure:
    """A request, and everything that is held on them erased by two people."""
    one = request(actor, NAME, BORN, PHONE)
    held = held_on(subject.person_of(subject.request_for(actor, one)), actor)
    subject.answer(one, "restricted", [], "15-1-a", f"{NAME} is a suspect.", actor)
    proposal = subject.propose_erasure(
        one, [each.object_id for each in held], LAW, "It may not be held.", actor
    )
    approvals.approve(proposal, replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us()))
    return Erasure.projected.get(request=one)


def _bodies() -> bytes:
    """All bodies of the ledger that are left, opened."""
    from hanse.ledger.reading import opened as opened_body

    rows = Entry.objects.filter(body__isnull=False).select_related("body")
    return b"\n".join(opened_body(row, row.body) for row in rows)


def traces() -> list[str]:
    """In which ways something that is held still names them."""
    text = _bodies().decode().casefold()
    return [
        one
        for one in (NAME.casefold(), "53001234", "zebedeus")
        if one in text.replace(" ", "") or one in text
    ]


@on_disk
def test_two_people_erase_it_and_nothing_is_left(case: tuple[UUID, Actor], node: Node) -> None:
    """Neither in a body, nor in a row, nor in a file of evidence, nor in a new backup; the rest of the case stays."""
    case_id, kaja = case
    tree.integrate()
    backup.back_up(node, node.home / "before.hanse")
    assert traces()
    assert NAME.casefold().encode() in members(node.home / "before.hanse").lower()
    row = erased(kaja)
    assert (row.law, row.objects_erased, row.entries_erased >= row.objects_erased) == (LAW, 7, True)
    assert traces() == []
    assert held_on(asked(NAME, BORN, [("", PHONE)]), kaja) == []
    assert not SubjectRequest.projected.exists()
    assert CasePerson.objects.count() == 1
    assert Selector.objects.count() == 1
    assert [one.name for one in Evidence.projected.all()] == ["other.txt"]
    assert len(evidence.store().names()) == 1
    assert [str(one) for one in evidence.findings()] == []
    tree.integrate()
    assert findings() == []
    rebuild()
    assert findings() == []
    backup.back_up(node, node.home / "after.hanse")
    later = members(node.home / "after.hanse").lower()
    for text in (NAME.lower(), NAME.upper(), "53001234", "5300 1234", "phone book"):
        assert text.lower().encode() not in later, text
    assert court.choose(case_id, kaja).going, "the case goes on without them"


def test_an_erasure_takes_their_earlier_requests_along(case: tuple[UUID, Actor]) -> None:
    """Each holds their name, their telephone and how they proved who they are; somebody of the same name keeps theirs."""
    _, kaja = case
    request(kaja, NAME, BORN)
    request(kaja, "", "", PHONE)
    namesake = request(kaja, NAME, "1999-01-01")
    erased(kaja)
    assert [row.pk for row in SubjectRequest.projected.all()] == [namesake]
    assert findings() == []


@on_disk
def test_the_erasure_is_proven_offline(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """The statement's archive and the purge's own entry are accepted by a real `hanse verify`, and name nobody."""
    row = erased(case[1])
    (tmp_path / "statement.zip").write_bytes(b"".join(subject.statement(row, case[1])))
    found_ = verify_bundle(tmp_path / "statement.zip")
    assert [one.path for one in found_.manifest.members if one.proof] == [
        f"entries/{row.purge:09}.json", f"entries/{row.sequence:09}.json",
    ]  # fmt: skip
    with zipfile.ZipFile(tmp_path / "statement.zip") as archive:
        archive.extractall(tmp_path / "statement")
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert NAME.encode() not in everything
    environment = {"PATH": os.environ["PATH"], "HANSE_HOME": str(tmp_path / "none")}
    command = [
        sys.executable,
        "-m",
        "hanse",
        "verify",
        str(tmp_path / "statement"),
        "--key",
        court.own_fingerprint(),
    ]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    proven = verify(prove(row.purge))
    assert proven.envelope.kind == "ledger.purged"
    assert proven.body.content["law"] == LAWS[LAW]
    assert len(proven.body.content["objects"]) == row.objects_erased + 1, "and the request itself"


def test_one_person_alone_erases_nothing(case: tuple[UUID, Actor]) -> None:
    """It takes a fresh passkey, a law, a choice of what is held on them, the team, and another person."""
    _, kaja = case
    one = request(kaja)
    held = held_on(subject.person_of(subject.request_for(kaja, one)), kaja)
    ids = [each.object_id for each in held]
    stranger = next(row.pk for row in CasePerson.objects.filter(category="witness"))
    for objects, law, error in (([], LAW, UsageError), (ids, " ", UsageError), ([stranger], LAW, UsageError)):
        with pytest.raises(error):
            subject.propose_erasure(one, objects, law, "Because.", kaja)
    with pytest.raises(RefusedError):
        subject.propose_erasure(one, ids, LAW, "Because.", replace(kaja, stepped_up_us=None))
    other = replace(investigator("officer", name="Other"), stepped_up_us=now_us())
    with pytest.raises(UsageError, match="not held on them"):
        subject.propose_erasure(one, ids, LAW, "Because.", other)
    proposal = subject.propose_erasure(one, ids, LAW, "Because.", kaja)
    with pytest.raises(approvals.ProposedAlreadyError, match="proposed something about the same"):
        subject.propose_erasure(one, ids, LAW, "Because.", kaja)
    assert CasePerson.objects.count() == 2
    approvals.reject(proposal, "No.", acting(newcomer("approver", name="Jaan")))
    assert CasePerson.objects.count() == 2
    assert not Erasure.projected.exists()


def test_a_case_that_names_them_in_its_title_stays_and_says_so(case: tuple[UUID, Actor]) -> None:
    """The case itself cannot be erased by this way: it is changed, or purged as a case."""
    case_id, kaja = opened(case[1], f"{NAME} and others")
    held = {one.object_id: one for one in held_on(asked(NAME, BORN, []), kaja)}
    assert held[case_id].stays
    one = request(kaja)
    with pytest.raises(UsageError, match="change it, or purge the case"):
        subject.propose_erasure(one, [case_id], LAW, "Because.", kaja)


def test_the_pages_lead_from_the_request_to_the_statement(
    case: tuple[UUID, Actor], client_as: Callable[..., ActingClient], tmp_path: Path
) -> None:
    """Ask, see what is held, answer, print, propose to erase: each page says what to do next, errors beside the field."""
    _, kaja = case
    client = client_as(kaja)
    wrong = {"name": "", "born": BORN, "identity": "Passport", "received": "2026-05-09"}
    assert b"Give the name too" in client.post("/cases/subjects/ask/", wrong).content
    told = {**wrong, "name": NAME, "selectors": f"{PHONE}\n"}
    where = client.post("/cases/subjects/ask/", told)["Location"]
    text = client.get(f"{where}?why=Request+of+9+May", follow=True).content.decode()
    for said in ("4 things are held on them", NAME.upper(), "Perhaps", "Lives in Tartu"):
        assert said in text, said
    assert b"legal ground" in client.post(where, {"what": "refused"}).content
    one = SubjectRequest.projected.get()
    sure = [str(each.object_id) for each in held_on(subject.person_of(one), kaja) if each.sure]
    assert client.post(where, {"what": "given", "objects": sure}).status_code == 302
    printed = client.get(f"{where}print/")
    assert printed["Content-Disposition"].startswith("attachment")
    assert "Lives in Tartu" in printed.content.decode()
    assert "Code of Criminal Procedure" in printed.content.decode()
    data = json.loads(client.get(f"{where}print/?as=json").content)
    assert {each["id"] for each in data["held"]} == set(sure)
    assert "goes for good" in client.get(f"{where}erase/").content.decode()
    gone = {"objects": sure, "law": LAW, "why": "It may not be held."}
    assert client.post(f"{where}erase/", gone).status_code == 302
    assert len(Proposal.objects.get().subject["objects"]) == 4
    assert "It is proposed to erase" in client.get(where).content.decode()
    assert NAME in client.get("/cases/subjects/").content.decode()


def test_the_api_does_the_same(case: tuple[UUID, Actor], client_as: Callable[..., ActingClient]) -> None:
    """A program takes a request, reads what is held, answers, proposes to erase, and gets the statement."""
    client = client_as(case[1])

    def post(where: str, told: dict[str, object]):
        return client.post(f"/api/cases/{where}", json.dumps(told), content_type="application/json")

    asks = {"name": NAME, "born": BORN, "identity": "Passport", "received_us": now_us()}
    one = post("subjects", asks).json()["id"]
    held = client.get(f"/api/cases/subjects/{one}/held?why=Request").json()
    sure = [each["object_id"] for each in held if each["sure"]]
    assert post(f"subjects/{one}/answer", {"what": "nothing"}).status_code == 400
    assert post(f"subjects/{one}/answer", {"what": "given", "told": sure}).status_code == 204
    assert len(client.get(f"/api/cases/subjects/{one}/answer").json()["held"]) == len(sure)
    assert client.get(f"/api/cases/subjects/{one}").json()["state"] == "given"
    assert [row["id"] for row in client.get("/api/cases/subjects").json()["items"]] == [one]
    made = post(f"subjects/{one}/erase", {"objects": sure, "law": LAW, "why": "It may not be held."})
    assert made.status_code == 201
    approvals.approve(
        UUID(made.json()["proposal"]), replace(acting(newcomer("approver")), stepped_up_us=now_us())
    )
    row = client.get("/api/cases/erasures").json()["items"][0]
    assert row["request"] == one
    answer = client.post(f"/api/cases/erasures/{row['id']}/statement", "{}", content_type="application/json")
    assert b"".join(answer.streaming_content)[:2] == b"PK"
    assert client.get(f"/cases/erasures/{row['id']}/").status_code == 200
