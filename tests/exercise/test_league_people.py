"""The people of a league's node, and what they can be told: by the same ways as everybody, and only in an exercise."""

import io
import json
import time
from dataclasses import replace

import pytest

from hanse.accounts import service
from hanse.accounts.links import digest_of
from hanse.accounts.models import Passkey, Person, Proposal
from hanse.exercise import league_desk
from hanse.exercise.league_desk import Desk
from hanse.exercise.league_people import SECOND_ROLES, VISITOR_ROLES, Cast
from hanse.exercise.vantage import vantage
from hanse.kernel.errors import UsageError
from hanse.ledger.check import check
from hanse.ledger.models import Entry
from hanse.recording import record
from tests.accounts.people import acting, credential, secret_in
from tests.federation.conftest import founded  # noqa: F401 - the fixture is used by its name
from tests.federation.peer import NODE, Peer
from tests.node.made import estonian

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

NAMES = ("Mari Maasikas", "Jaan Tamm")


def test_two_people_are_played_and_made_once():
    """They are said to be played, have roles as people have, and no passkey; asked for again they are the same."""
    first = Cast(NAMES)
    again = Cast(NAMES)
    assert (first.first.id, first.second.id) == (again.first.id, again.second.id)
    assert sorted(Person.objects.values_list("name", flat=True)) == [
        "Jaan Tamm (played)",
        "Mari Maasikas (played)",
    ]
    assert not Passkey.objects.exists()
    assert {"officer", "analyst", "administrator"} <= first.first.roles
    assert "approver" in first.second.roles
    assert [str(one) for one in check()] == []


def test_a_node_that_does_not_rehearse_refuses_to_have_them(settings):
    """No program plays people where people work; nothing is written."""
    settings.HANSE_NODE = replace(settings.HANSE_NODE, exercise=False)
    before = Entry.objects.count()
    with pytest.raises(UsageError, match="does not rehearse"):
        Cast(NAMES)
    assert Entry.objects.count() == before


def test_the_visitor_gets_each_role_by_two_people_and_one_link_at_a_time():
    """Every role is proposed by one and approved by the other; a second link replaces the first; joined, there is none."""
    cast = Cast(NAMES)
    (first, _), (second, approves) = cast.visitor_links(), cast.visitor_links()
    assert first != second
    approved = Proposal.objects.filter(action="accounts.grant_role", state="approved")
    assert {one.subject["role"] for one in approved} == {*VISITOR_ROLES, *SECOND_ROLES}
    assert all((one.proposed_by, one.decided_by) == (cast.first.id, cast.second.id) for one in approved)
    with pytest.raises(UsageError):
        service.join(digest_of(secret_in(first)), "Visitor", "passkey", credential=credential())
    person = service.join(digest_of(secret_in(second)), "Kaja Kask", "passkey", credential=credential())
    assert acting(person.pk).roles == set(VISITOR_ROLES)
    other = service.join(digest_of(secret_in(approves)), "Rein Raud", "passkey", credential=credential("two"))
    assert acting(other.pk).roles == set(SECOND_ROLES)
    assert cast.visitor_links() == ["", ""]


def _rehearsed(*_told):
    record(estonian(), NODE)


def _desk(rehearse=_rehearsed) -> Desk:
    return Desk(vantage("ee"), rehearse)


def test_the_desk_says_how_the_node_stands():
    """Nothing before the exercise; afterwards what was found, and whom it is against."""
    desk = _desk()
    before = desk.state()
    assert (before.own, before.found_us, before.alone, before.given, before.received) == (0, 0, (), {}, {})
    _rehearsed()
    told = desk.state()
    assert told.own == 128
    assert told.found_us == Entry.objects.filter(kind="attacks.found").latest("time_us").time_us
    assert told.scopes == ("state",)
    assert told.across == ()


def test_what_a_partner_has_is_recalled_with_a_reason_and_nothing_else():
    """An attack that no campaign names goes first; without anything given there is nothing to recall."""
    peer = Peer()
    peer.joins()
    desk = _desk()
    with pytest.raises(UsageError, match="nothing to recall"):
        desk.recall("A test.")
    assert "every member state" in desk.rule()
    assert desk.rule() == "", "there is one already"
    _rehearsed()
    from hanse.federation import ruling

    ruling.follow()
    assert desk.state().given[peer.authority].attacks == 128
    desk.recall("A test.")
    told = desk.state()
    assert told.given[peer.authority].attacks == 127
    assert told.taken_back[peer.authority].answer == ""


def test_an_exercise_that_fails_says_why():
    """What goes wrong beside the desk is told when it is asked how far it is."""

    def failing(*_told):
        raise UsageError("There is no room for it.")

    desk = _desk(failing)
    desk.play(1, 0.1, short=True)
    deadline = time.monotonic() + 20
    while not desk.playing().error and time.monotonic() < deadline:
        time.sleep(0.01)
    assert desk.playing().error == "There is no room for it."
    assert not desk.playing().over


def test_a_refusal_is_an_answer_and_the_next_job_is_done():
    """The desk says that it is open, answers each line with a line, and ends with the lines."""
    jobs = [
        {"job": "recall", "reason": "A test."},
        {"job": "fingerprint", "invitation": "{}"},
        {"job": "playing"},
    ]
    answers = io.StringIO()
    league_desk.work(_rehearsed, io.StringIO("".join(json.dumps(one) + "\n" for one in jobs)), answers)
    opened, recalled, compared, playing = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert opened == {"said": "open"}
    assert "nothing to recall" in recalled["error"]
    assert "no invitation" in compared["error"]
    assert playing["said"]["over"] is False


def test_only_a_node_of_the_league_has_a_desk(settings):
    """Which of the four it is follows from its authority; another one is none."""
    assert league_desk.here().key == "ee"
    settings.HANSE_NODE = replace(settings.HANSE_NODE, authority="lv-cert")
    with pytest.raises(UsageError, match="no authority of the league"):
        league_desk.here()
