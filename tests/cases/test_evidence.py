"""Evidence of a case: stored and on record or neither, its custody in the ledger, and gone when it is purged."""

from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest

from hanse.accounts import approvals, rules
from hanse.cases import evidence, service
from hanse.cases.choosing import case_for
from hanse.cases.evidence_models import Custody, Evidence
from hanse.cases.evidence_store import EvidenceError
from hanse.cases.finding import matching
from hanse.cases.models import Case
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.retention import purge_due
from hanse.ledger.service import purge
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.settings import Node
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import CANARY, added, brought, coded, node
from tests.cases.made import DAY_US, investigator, opened
from tests.ledger.made import findings, found

__all__ = ["node"]

pytestmark = pytest.mark.django_db
on_disk = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case(node: Node) -> tuple[UUID, Actor]:
    """A case, and the investigator who opened it."""
    found()
    return opened(investigator())


def sound() -> bool:
    """Rows, ledger and files are all as they should be."""
    assert findings() == []
    assert [str(one) for one in evidence.findings()] == []
    return True


def test_a_file_comes_into_a_case_and_is_opened(case: tuple[UUID, Actor]) -> None:
    """It has the next number, its hash, its case's marking; each opening is a link of its chain, before a byte is given."""
    case_id, kaja = case
    one = added(case_id, kaja)
    added(case_id, kaja, b"second", name="two.bin")
    row, other = evidence.of_case(case_for(kaja, "cases.view", case_id), kaja)
    assert (row.exhibit, other.exhibit, row.name, row.size) == (1, 2, "disk.img", len(CANARY))
    assert row.marking.marking == Case.projected.get().marking.marking
    _, pieces = evidence.take_out(one, "To look for wallets.", "", kaja)
    assert [link.what for link in evidence.chain(row)] == ["received", "viewed"]
    assert b"".join(pieces) == CANARY.encode()
    evidence.take_out(one, "Expert opinion.", "Forensic institute", kaja)
    last = evidence.chain(row)[-1]
    assert (last.what, last.whom, last.why, last.actor_name) == (
        "exported", "Forensic institute", "Expert opinion.", kaja.name,
    )  # fmt: skip
    assert sound()


def test_the_chain_follows_the_original(case: tuple[UUID, Actor]) -> None:
    """The original is moved, then returned; after that it goes nowhere any more, and every step says where and why."""
    case_id, kaja = case
    one = added(case_id, kaja, place="Locker 3")
    evidence.handle(one, "moved", "Vault", "Space.", kaja)
    assert Evidence.projected.get().place == "Vault"
    evidence.handle(one, "returned", "Its owner", "The court said so.", kaja)
    assert Evidence.projected.get().state == "returned"
    for what, whom, why in (("moved", "Vault", "x"), ("returned", "him", "x")):
        with pytest.raises(UsageError, match="already"):
            evidence.handle(one, what, whom, why, kaja)
    assert sound()


@pytest.mark.parametrize(
    ("what", "whom", "why"), [("moved", "", "x"), ("returned", "him", " "), ("destroyed", "x", "x")]
)
def test_a_step_says_where_and_why(case: tuple[UUID, Actor], what: str, whom: str, why: str) -> None:
    """Without a place or a reason nothing is written, and nobody destroys by saying so."""
    one = added(*case)
    before = Entry.objects.count()
    with pytest.raises(UsageError):
        evidence.handle(one, what, whom, why, case[1])
    assert Entry.objects.count() == before


@pytest.mark.parametrize("missing", ["description", "source", "why"])
def test_what_a_court_will_ask_has_to_be_said(case: tuple[UUID, Actor], missing: str) -> None:
    """What it is, from where and why are needed; without them nothing is stored."""
    told = {} if missing == "why" else {missing: "  "}
    with pytest.raises(UsageError, match="a court will ask"):
        evidence.add(case[0], brought(**told), " " if missing == "why" else "Order 7.", case[1])
    assert not evidence.store().names()
    with pytest.raises(UsageError, match="future"):
        added(*case, received_us=now_us() + 3 * DAY_US)


@on_disk
def test_the_same_file_comes_once_into_a_case_and_lies_once_on_the_node(case: tuple[UUID, Actor]) -> None:
    """A case has a file once; another case has its own piece of evidence, and both share what lies on the disk."""
    case_id, kaja = case
    one = added(case_id, kaja)
    with pytest.raises(UsageError, match="as E1"):
        added(case_id, kaja)
    second, kaja = opened(kaja, "Another case")
    added(second, kaja)
    assert len(evidence.store().names()) == 1
    purge([one], kaja, "Erased.")
    assert len(evidence.store().names()) == 1, "the other case still has it"
    assert sound()
    purge([Evidence.projected.get().pk], kaja, "Erased.")
    assert not evidence.store().names()
    assert sound()


def test_nobody_outside_of_the_team_has_it(case: tuple[UUID, Actor]) -> None:
    """Whoever does not see the case has no such evidence, whatever they want to do with it."""
    one = added(*case)
    other = replace(investigator("officer", name="Other"), stepped_up_us=now_us())
    for act in (
        lambda: evidence.evidence_for(other, "cases.view", one),
        lambda: evidence.take_out(one, "x", "", other),
        lambda: evidence.take_out(one, "x", "somebody", other),
        lambda: evidence.handle(one, "moved", "x", "x", other),
        lambda: evidence.propose_destruction(one, "x", other),
        lambda: added(case[0], other),
    ):
        with pytest.raises(NotVisibleError):
            act()
    assert [link.what for link in Custody.objects.all()] == ["received"]


def test_a_closed_case_takes_no_evidence(case: tuple[UUID, Actor]) -> None:
    """Once the case is closed nothing comes in, and nothing is left on the disk."""
    service.set_status(case[0], "closed", "Done.", case[1])
    with pytest.raises(service.ClosedError):
        added(*case)
    assert not evidence.store().names()


@pytest.mark.parametrize("code", ["H2", "H3"])
def test_what_another_authority_keeps_here_is_not_handed_out(case: tuple[UUID, Actor], code: str) -> None:
    """Evidence under H2 or H3 of another authority can be looked at, and is not handed to anybody."""
    one = added(*case, marking=coded(code))
    evidence.take_out(one, "To look.", "", case[1])
    with pytest.raises(RefusedError, match=code):
        evidence.take_out(one, "Expert opinion.", "Institute", case[1])
    assert [link.what for link in Custody.objects.order_by("sequence")] == ["received", "viewed"]


def test_its_marking_is_never_weaker_than_its_cases_nor_than_its_own(case: tuple[UUID, Actor]) -> None:
    """A weak marking at its arrival becomes the case's; a stricter one stays when the case is marked anew."""
    case_id, kaja = case
    weak = replace(coded("H1"), tlp=Tlp.CLEAR, pap=Pap.CLEAR)
    one = added(case_id, kaja, marking=weak)
    got = Evidence.objects.get_for(kaja, "cases.view", one).marking.marking
    assert (got.tlp, got.handling, got.retention_us) == (
        Tlp.AMBER_STRICT, frozenset({"H1"}), Case.projected.get().retention_us,
    )  # fmt: skip
    later = now_us() + 500 * DAY_US
    kaja = replace(acting(UUID(kaja.id)), stepped_up_us=now_us())
    service.keep(case_id, later, later - DAY_US, "The trial goes on.", kaja)
    after = Evidence.objects.get_for(kaja, "cases.view", one).marking.marking
    assert (after.handling, after.originators, after.retention_us) == (got.handling, got.originators, later)
    assert sound()


def test_no_date_destroys_a_file_before_its_case(case: tuple[UUID, Actor]) -> None:
    """A file that is brought with a date of its own, which is past, stays: to destroy it takes two people."""
    case_id, kaja = case
    gone = replace(Marking.own("ee-cert"), tlp=Tlp.RED, retention_us=now_us() - 1)
    one = added(case_id, kaja, marking=gone)
    assert purge_due() == 0
    row = Evidence.projected.select_related("marking").get(pk=one)
    assert row.marking.marking.tlp is Tlp.RED
    assert row.marking.marking.retention_us == Case.projected.get(pk=case_id).retention_us


@on_disk
def test_two_people_destroy_a_file_and_its_custody_stays(case: tuple[UUID, Actor]) -> None:
    """One proposes with a fresh passkey, another approves: the file goes, what it was and who did it stays."""
    case_id, kaja = case
    one = added(case_id, kaja)
    with pytest.raises(RefusedError):
        evidence.propose_destruction(one, "No longer needed.", replace(kaja, stepped_up_us=None))
    fresh = replace(kaja, stepped_up_us=now_us())
    proposal = evidence.propose_destruction(one, "No longer needed.", fresh)
    with pytest.raises(approvals.ProposedAlreadyError, match="proposed something about the same"):
        evidence.propose_destruction(one, "No longer needed.", fresh)
    with pytest.raises(rules.RefusedError, match="other than the one who began it"):
        approvals.approve(proposal, replace(fresh, roles=frozenset({"investigator", "approver"})))
    assert len(evidence.store().names()) == 1
    approvals.approve(proposal, replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us()))
    assert not evidence.store().names()
    row = Evidence.projected.get()
    assert (row.state, row.name) == ("destroyed", "disk.img")
    assert [link.what for link in evidence.chain(row)] == ["received", "destroyed"]
    with pytest.raises(UsageError, match="nothing left to open"):
        evidence.take_out(one, "To look.", "", kaja)
    assert sound()
    rebuild()
    assert sound()
    added(case_id, kaja)
    assert [row.exhibit for row in Evidence.projected.order_by("exhibit")] == [1, 2]


@on_disk
def test_no_number_comes_again_once_it_was_given(case: tuple[UUID, Actor]) -> None:
    """Also not that of a file which was erased with all that the ledger said of it: E1 means one thing in every court."""
    case_id, kaja = case
    purge([added(case_id, kaja)], kaja, "A request for erasure.", law="")
    assert not Evidence.projected.exists()
    added(case_id, kaja)
    assert Evidence.projected.get().exhibit == 2
    assert sound()
    rebuild()
    assert sound()


@on_disk
def test_a_case_takes_its_evidence_along_when_it_purges_itself(
    case: tuple[UUID, Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the retention date nothing of it is left: no row, no custody, no file."""
    added(*case)
    from hanse.ledger import retention

    later = now_us() + 401 * DAY_US
    monkeypatch.setattr(retention, "now_us", lambda: later)
    assert purge_due() >= 2
    assert not Evidence.projected.exists()
    assert not Custody.objects.exists()
    assert not evidence.store().names()
    assert sound()


def test_fsck_finds_damaged_missing_and_strange_files(case: tuple[UUID, Actor]) -> None:
    """A byte altered, a file removed, and one that no evidence names, each in words."""
    added(*case)
    files = evidence.store()
    path = files.path_of(files.names()[0])
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "was altered in its chunk 0" in str(next(evidence.findings()))
    with pytest.raises(EvidenceError, match="altered"):
        list(evidence.take_out(Evidence.projected.get().pk, "To look.", "", case[1])[1])
    path.unlink()
    assert "No such file" in str(next(evidence.findings()))
    path.write_bytes(data)
    strange = brought(b"strange")
    files.take(strange.draft, strange.sha256)
    assert "no piece of evidence names it" in str(next(evidence.findings()))
    assert evidence.sweep() == 1
    assert sound()


def test_whoever_takes_a_row_out_of_the_database_destroys_no_file(case: tuple[UUID, Actor]) -> None:
    """The sweep asks the ledger: a row that somebody deleted is made again, and its file is there."""
    added(*case)
    Evidence.projected.all().delete()
    assert evidence.sweep() == 0
    rebuild()
    assert sound()
    assert Evidence.projected.count() == 1


def test_a_case_is_found_by_the_hash_of_its_evidence(case: tuple[UUID, Actor]) -> None:
    """Whoever has a file and may see the case finds it by SHA-256, in either case of letters; nobody else does."""
    added(*case)
    digest = sha256(CANARY.encode()).hexdigest()
    for text in (digest, f" {digest.upper()} "):
        assert [row.pk for row in matching(text, case[1])] == [case[0]]
    assert not matching(sha256(b"other").hexdigest(), case[1])
    assert not matching(digest, investigator(name="Other"))


def test_what_is_said_of_a_file_hides_nothing(case: tuple[UUID, Actor]) -> None:
    """Writing that turns round, and signs that are not seen, are kept as escapes: in names as in reasons."""
    turned = "invoice\u202egpj.exe"
    one = evidence.add(case[0], brought(name=turned, source=turned), turned, case[1])
    row = Evidence.projected.get(pk=one)
    for text in (row.name, row.source, evidence.chain(row)[0].why):
        assert "\u202e" not in text
        assert "gpj.exe" in text
