"""Marking intelligence anew: one item, a whole import, and what was written here that rests on it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hanse.accounts import approvals
from hanse.accounts import service as people
from hanse.attacks.models import Attack
from hanse.console import marking_imports
from hanse.console.marking import Wish, mark_anew
from hanse.intel import authoring, correlating, finding, service
from hanse.intel.models import Batch, Item, Value
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.replay import rebuild
from hanse.policy.guarded import NotVisibleError
from hanse.policy.service import mark
from hanse.web import jobs
from hanse.web.models import Job
from tests.accounts.people import NODE, acting, newcomer
from tests.conftest import AUTHORITY
from tests.intel.test_own import an_attack, held, report
from tests.intel.test_room import bundle, indicator
from tests.node.made import wrong
from tests.node.test_jobs_wiring import Told
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

OWN = Marking.own(AUTHORITY)
RED = replace(OWN, tlp=Tlp.RED)
GREEN = replace(OWN, tlp=Tlp.GREEN)
SEALED = replace(OWN, handling=frozenset({"H2"}))

People = Callable[..., Actor]


@pytest.fixture
def officer() -> Actor:
    """An officer who has just proved a passkey."""
    return acting(newcomer("officer", name="Olev Officer"))


@pytest.fixture
def approver(actor: People) -> Actor:
    """An approver who has just proved a passkey."""
    return actor("approver", name="Anu Approver", stepped_up_us=now_us())


def same() -> None:
    """The live rows are what the ledger says, also after they were all made again."""
    assert wrong() == []
    rebuild()
    assert wrong() == []


def follow(officer: Actor) -> None:
    """Do the job that marks an import's items."""
    job = Job.objects.get(kind="mark-import")
    marking_imports.follow(job.params, Told(), officer)


def test_an_item_is_marked_anew(actor: People, officer: Actor, approver: Actor) -> None:
    """Stricter is done at once and hides it from who may not see it; weaker takes a second person."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    row = Item.projected.get()
    proposal = mark_anew(row.pk, Wish(GREEN), "Partners asked.", officer)
    assert proposal is not None
    approvals.approve(proposal, approver)
    assert held(row.pk).marking.marking == GREEN
    assert mark_anew(row.pk, Wish(RED), "An informant is named in it.", officer) is None
    with pytest.raises(NotVisibleError):
        correlating.by_id(row.pk, mari)
    same()


def test_a_handling_code_seals_what_was_in_the_clear_and_a_release_opens_it(
    actor: People, officer: Actor, approver: Actor
) -> None:
    """With H2 no title, value or word of an item stands in a table any more; released, it is found by its words again."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.4.4", name="Canary Kx7")), "one.json", mari)
    row = Item.projected.get()
    mark_anew(row.pk, Wish(SEALED), "The provider wants it so.", officer)
    assert (held(row.pk).title, Value.objects.get().text) == ("", None)
    assert not finding.matching("Canary", mari).exists()
    assert [one.pk for one in finding.matching("8.8.4.4", mari)] == [row.pk]
    same()
    proposal = mark_anew(row.pk, Wish(OWN), "The provider allows it.", officer)
    assert proposal is not None
    approvals.approve(proposal, approver)
    assert (held(row.pk).title, Value.objects.get().text) == ("Canary Kx7", "8.8.4.4")
    assert [one.pk for one in finding.matching("Canary", mari)] == [row.pk]
    same()


def test_what_rests_on_a_thing_follows_it(actor: People, officer: Actor) -> None:
    """A report on an attack, and a report on that report, become as strict as the attack."""
    mari = actor("analyst")
    about = an_attack(mari)
    first = authoring.write(replace(report(), cites=(about.pk,)), mari)
    second = authoring.write(replace(report("On it"), cites=(first,)), mari)
    mark_anew(about.pk, Wish(RED), "An informant is named in it.", officer)
    assert held(first).marking.marking == held(second).marking.marking == RED
    assert Attack.projected.get().marking.marking == RED
    same()


def test_a_report_is_never_weaker_than_what_it_rests_on(actor: People, officer: Actor) -> None:
    """Neither one person nor two mark a report less strictly than what it cites."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    one = authoring.write(replace(report(), cites=(Item.projected.get().pk,)), mari)
    with pytest.raises(UsageError, match="as strict as what it rests on"):
        mark_anew(one, Wish(GREEN), "Partners asked.", officer)
    assert held(one).marking.marking == OWN


def test_a_release_holds_only_for_what_was_proposed(actor: People, officer: Actor, approver: Actor) -> None:
    """An item that was marked otherwise in the meantime is not weakened by an old proposal."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    row = Item.projected.get()
    proposal = mark_anew(row.pk, Wish(GREEN), "Partners asked.", officer)
    assert proposal is not None
    mark_anew(row.pk, Wish(RED), "An informant is named in it.", officer)
    with pytest.raises(approvals.ChangedSinceError):
        approvals.approve(proposal, approver)
    assert held(row.pk).marking.marking == RED


def test_a_whole_import_is_marked_anew(actor: People, officer: Actor, approver: Actor) -> None:
    """Items marked as the import take its marking; one that its own tags mark more strictly is never weakened."""
    mari = actor("analyst")
    strict = indicator(
        3, "8.8.8.3", object_marking_refs=["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]
    )
    came = service.bring_in(
        bundle(indicator(1, "8.8.8.1"), indicator(2, "8.8.8.2"), strict), "one.json", mari
    )
    assert came.object_id is not None
    proposal = mark_anew(came.object_id, Wish(GREEN), "The feed is public.", officer)
    assert proposal is not None
    assert {row.marking.marking.tlp for row in Item.projected.all()} == {Tlp.AMBER, Tlp.RED}
    approvals.approve(proposal, approver)
    follow(officer)
    assert [row.marking.marking.tlp for row in Item.projected.order_by("number")] == [
        Tlp.GREEN,
        Tlp.GREEN,
        Tlp.RED,
    ]
    assert Batch.projected.get().marking.marking == GREEN
    before = Item.projected.order_by("number").values_list("marking", flat=True)[::1]
    follow(officer)  # a job that is begun again changes nothing
    assert Item.projected.order_by("number").values_list("marking", flat=True)[::1] == before
    same()


def test_a_change_that_was_taken_back_is_not_begun_again(
    actor: People, officer: Actor, approver: Actor
) -> None:
    """A job that stopped before a release was taken back releases nothing when somebody begins it again."""
    came = service.bring_in(bundle(indicator(1, "8.8.8.1")), "one.json", actor("analyst"))
    proposal = mark_anew(came.object_id, Wish(GREEN), "The feed is public.", officer)
    approvals.approve(proposal, approver)
    stopped = Job.objects.get(kind="mark-import")
    jobs.cancel(stopped)
    mark_anew(came.object_id, Wish(OWN), "It is not.", officer)
    with pytest.raises(UsageError, match="more strictly since"):
        marking_imports.follow(stopped.params, Told(), officer)
    assert Item.projected.get().marking.marking == OWN


def test_who_may_not_mark_neither_stops_nor_begins_it(
    actor: People, officer: Actor, approver: Actor, client_as: Callable[..., ActingClient]
) -> None:
    """Marking an import is done in its starter's name: who cancels other jobs has no hand in it, nor has a cookie alone."""
    came = service.bring_in(bundle(indicator(1, "8.8.8.1")), "one.json", actor("analyst"))
    mark_anew(came.object_id, Wish(RED), "An informant is named in it.", officer)
    job = Job.objects.get(kind="mark-import")
    stale = replace(officer, stepped_up_us=None)
    for who in (actor("analyst"), actor("administrator"), stale):
        client = client_as(who)
        for what in ("cancel", "again"):
            assert client.post(f"/jobs/{job.pk}/{what}/").status_code == 403
            assert client.post(f"/api/jobs/{job.pk}/{what}").status_code == 403
    assert client_as(officer).post(f"/jobs/{job.pk}/cancel/").status_code == 302


def test_the_job_that_marks_an_import_names_it_to_who_may_see_it(actor: People, officer: Actor) -> None:
    """Given to a team meanwhile, an import is named by no job to officers outside of it; its starter knows it."""
    came = service.bring_in(bundle(indicator(1, "8.8.8.1")), "canary.json", actor("analyst"))
    mark_anew(came.object_id, Wish(SEALED), "An informant is named in it.", officer)
    (job,) = Job.objects.filter(kind="mark-import")
    other = acting(newcomer("officer", name="Other Officer"))
    assert jobs.may_see(other, job)
    assert not jobs.may_see(replace(other, stepped_up_us=None), job)
    mark(came.object_id, SEALED, "7" * 32, NODE, "It concerns an operation.")
    assert not jobs.may_see(other, job)
    assert jobs.may_see(officer, job)


def test_an_import_given_a_handling_code_is_sealed_whole(actor: People, officer: Actor) -> None:
    """One person restricts it; each item follows, with what was written here that rests on it."""
    mari = actor("analyst")
    came = service.bring_in(bundle(indicator(1, "8.8.8.1"), indicator(2, "8.8.8.2")), "one.json", mari)
    one = authoring.write(replace(report(), cites=(Item.projected.earliest("number").pk,)), mari)
    assert mark_anew(came.object_id, Wish(SEALED), "The provider wants it so.", officer) is None
    follow(officer)
    assert {row.marking.marking for row in Item.projected.filter(format="stix")} == {SEALED}
    assert not Item.projected.exclude(title="").filter(format="stix").exists()
    assert (held(one).marking.marking, held(one).title) == (SEALED, "")
    same()


def test_a_team_takes_what_rests_on_its_things(actor: People, officer: Actor) -> None:
    """Given to a team, an item takes the reports on it along, and never over a report of another team."""
    mari = actor("analyst", "officer", teams=("amber",), stepped_up_us=now_us())
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    row = Item.projected.get()
    one = authoring.write(replace(report(), cites=(row.pk,)), mari)
    team = people.make_team("Operation Amber", actor("administrator", stepped_up_us=now_us()))
    mark_anew(row.pk, Wish(RED, team.hex), "Only those who work on it.", mari)
    assert (held(one).team, held(one).marking.marking) == (team.hex, RED)
    other = people.make_team("Operation Green", actor("administrator", stepped_up_us=now_us()))
    both = actor("officer", teams=(team.hex, other.hex), stepped_up_us=now_us())
    with pytest.raises(UsageError, match="team"):
        mark_anew(row.pk, Wish(RED, other.hex), "Another team works on it.", both)


def test_the_page_offers_it_and_says_what_follows(
    actor: People, client_as: Callable[..., ActingClient]
) -> None:
    """An officer comes from an item's and an import's page to the form and back."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    client = client_as(actor("officer", stepped_up_us=now_us()))
    row, batch = Item.projected.get(), Batch.projected.get()
    for address, one in ((f"/intelligence/{row.pk}/", row), (f"/intelligence/imports/{batch.pk}/", batch)):
        assert f"/ledger/object/{one.pk}/mark/" in client.get(address).content.decode()
        page = client.get(f"/ledger/object/{one.pk}/mark/").content.decode()
        assert f'href="{address}"' in page
    assert "Its items follow" in page
