"""A case is marked anew: what only restricts holds at once, a release or another team takes two people, parts follow."""

from dataclasses import replace
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.cases.choosing import case_for, parts_of, visible
from hanse.cases.models import Case, Note
from hanse.console import marking
from hanse.console.marking import Wish
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Pap, Tlp
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import recorded_of
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import NeedToKnow
from tests.accounts.people import acting, newcomer
from tests.cases.made import filled, investigator, opened
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def case() -> tuple[Case, Actor]:
    """A case with parts, and an officer of its team."""
    first, kaja = opened(investigator("officer"))
    one, _ = filled(kaja, UUID(case_for(kaja, "cases.view", first).team))
    return case_for(kaja, "cases.view", one), kaja


def marks_of(one: UUID) -> set[str]:
    """The marking that each object of a case carries now, as its newest entry has it."""
    told = set()
    for part in [one, *parts_of(one)]:
        entry = Entry.objects.filter(object_id=part).order_by("-version").select_related("body")[0]
        told.add(recorded_of(entry, entry.body).marking.text)
    return told


def test_what_restricts_holds_at_once_for_every_part(case: tuple[Case, Actor]) -> None:
    """A stricter marking is an entry of the case and of each part, and its reason is sealed."""
    row, kaja = case
    new = replace(row.marking.marking, tlp=Tlp.RED, pap=Pap.RED)
    assert marking.mark_anew(row.pk, Wish(new, row.team), "The suspect reads our mail.", kaja) is None
    assert marks_of(row.pk) == {new.text}
    assert Case.projected.get(pk=row.pk).marking.marking == new
    entry = Entry.objects.filter(object_id=row.pk).order_by("-version")[0]
    assert Body.objects.get(entry=entry).sealed
    assert findings() == []


def test_a_release_takes_two_people(case: tuple[Case, Actor]) -> None:
    """A weaker marking is proposed; it holds for the case and its parts once another person approves it."""
    row, kaja = case
    old = row.marking.marking
    new = replace(old, tlp=Tlp.AMBER)
    proposal = marking.mark_anew(row.pk, Wish(new, row.team), "The court asks.", kaja)
    assert marks_of(row.pk) == {old.text}
    assert "gangs" not in approvals.words_of(marking.waiting_on(row.pk)[0])
    approvals.approve(proposal, acting(newcomer("approver")))
    assert marks_of(row.pk) == {new.text}
    assert findings() == []


def test_another_team_takes_over_the_case_with_all_of_it(case: tuple[Case, Actor]) -> None:
    """Once two people agreed, the new team sees the case and its parts, and the old one has no such case any more."""
    row, kaja = case
    theirs, other = opened(investigator(name="Other"), "Their own")
    team = Case.projected.get(pk=theirs).team
    proposal = marking.mark_anew(row.pk, Wish(row.marking.marking, team), "It is theirs now.", kaja)
    assert not visible(other).filter(pk=row.pk).exists()
    approvals.approve(proposal, acting(newcomer("approver")))
    assert visible(other).filter(pk=row.pk).exists()
    with pytest.raises(NotVisibleError):
        case_for(kaja, "cases.view", row.pk)
    parts = [row.pk, *parts_of(row.pk)]
    assert set(NeedToKnow.objects.filter(pk__in=parts).values_list("team", flat=True)) == {team}
    assert Note.objects.filter(case=row.pk).exists()
    assert findings() == []


def test_a_case_without_a_team_or_a_date_is_none(case: tuple[Case, Actor]) -> None:
    """Neither can be taken away, by nobody and by no two."""
    row, kaja = case
    mark = row.marking.marking
    for wish in (Wish(mark, ""), Wish(replace(mark, retention_us=None), row.team)):
        with pytest.raises(UsageError, match="always has a team"):
            marking.mark_anew(row.pk, wish, "Why not.", kaja)


def test_who_is_not_in_the_team_marks_nothing(case: tuple[Case, Actor]) -> None:
    """To an officer outside the team there is no such case."""
    row, _ = case
    with pytest.raises(NotVisibleError):
        marking.mark_anew(row.pk, Wish(row.marking.marking, row.team), "Mine.", acting(newcomer("officer")))
