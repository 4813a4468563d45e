"""Between a proposal and its approval things change: policy is asked again whether the proposer may do it with them."""

from dataclasses import replace
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.accounts import service as accounts
from hanse.accounts.rules import RefusedError
from hanse.cases import evidence, subject, working
from hanse.cases.evidence_models import Evidence
from hanse.cases.models import Case, CasePerson
from hanse.cases.subject_finding import held_on
from hanse.console import marking, purging
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Tlp
from hanse.ledger.models import Entry
from hanse.settings import Node
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import added, node
from tests.cases.made import investigator, opened
from tests.ledger.made import findings, found

__all__ = ["node"]

pytestmark = pytest.mark.django_db

NAME, BORN = "Zebedeus Kuusk-Canary", "1971-02-03"


@pytest.fixture
def case(node: Node) -> tuple[UUID, Actor]:
    """A case, and the investigator who opened it, an officer too, with a passkey proved just now."""
    found()
    case_id, kaja = opened(investigator("officer"))
    return case_id, replace(kaja, stepped_up_us=now_us())


@pytest.fixture
def approver() -> Actor:
    """The second person."""
    return replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us())


def leaves(case_id: UUID, kaja: Actor) -> None:
    """The proposer is no more in the team of the case; the roles stay."""
    boss = replace(acting(newcomer("administrator", name="Berta")), stepped_up_us=now_us())
    team = UUID(Case.projected.get(pk=case_id).team)
    accounts.remove_from_team(team, UUID(kaja.id), "She was moved to another case.", boss)


def refused(proposal: UUID, approver: Actor) -> None:
    """It is not approved, and nothing of it is done."""
    before = Entry.objects.count()
    with pytest.raises(RefusedError, match="Kaja Kask, who proposed it, may not do it any more"):
        approvals.approve(proposal, approver)
    assert Entry.objects.count() == before
    approvals.reject(proposal, "She is not in the team.", approver)
    assert findings() == []


def erasure(case_id: UUID, kaja: Actor) -> UUID:
    """What is held on somebody in the case is proposed to be erased."""
    working.add_person(case_id, working.Told(category="suspect", name=NAME, born=BORN), kaja)
    request = subject.Request(
        name=NAME, born=BORN, selectors=(), identity="Passport shown.", received_us=now_us()
    )
    one = subject.take(request, kaja)
    held = held_on(subject.person_of(subject.request_for(kaja, one)), kaja)
    return subject.propose_erasure(one, [each.object_id for each in held], "16-2-8", "It may not be.", kaja)


def test_an_erasure_is_not_carried_out_for_who_may_not_erase_it_any_more(case, approver) -> None:
    """Who left the team of a case has nothing of it erased."""
    case_id, kaja = case
    proposal = erasure(case_id, kaja)
    leaves(case_id, kaja)
    refused(proposal, approver)
    assert CasePerson.objects.count() == 1


def test_an_erasure_is_carried_out_where_nothing_changed(case, approver) -> None:
    """Else nobody would be erased."""
    approvals.approve(erasure(*case), approver)
    assert not CasePerson.objects.exists()


def test_a_file_is_not_destroyed_for_who_may_not_destroy_it_any_more(case, approver) -> None:
    """The file of evidence stays where it is."""
    case_id, kaja = case
    proposal = evidence.propose_destruction(added(case_id, kaja), "No longer needed.", kaja)
    leaves(case_id, kaja)
    refused(proposal, approver)
    assert Evidence.projected.get().state == "held"


def test_a_case_is_not_purged_for_who_may_not_purge_it_any_more(case, approver) -> None:
    """It stays with all of its parts."""
    case_id, kaja = case
    proposal = purging.propose_purge(case_id, "It is over.", kaja)
    leaves(case_id, kaja)
    refused(proposal, approver)
    assert Case.projected.exists()


def test_a_case_is_not_marked_weaker_for_who_may_not_mark_it_any_more(case, approver) -> None:
    """No more people come to know it."""
    case_id, kaja = case
    before = Case.projected.get(pk=case_id).marking.marking
    wish = marking.Wish(replace(before, tlp=Tlp.GREEN), Case.projected.get(pk=case_id).team)
    proposal = marking.mark_anew(case_id, wish, "The court published it.", kaja)
    assert proposal is not None
    leaves(case_id, kaja)
    refused(proposal, approver)
    assert Case.projected.get(pk=case_id).marking.marking == before


def test_a_proposal_that_nobody_can_approve_gives_way(case, approver) -> None:
    """Else who may do it would have to have it refused first, or wait a week."""
    case_id, kaja = case
    purging.propose_purge(case_id, "It is over.", kaja)
    leaves(case_id, kaja)
    team = UUID(Case.projected.get(pk=case_id).team)
    other = replace(investigator("officer", name="Olev Ots", teams=(team,)), stepped_up_us=now_us())
    approvals.approve(purging.propose_purge(case_id, "It is over.", other), approver)
    assert not Case.projected.exists()
