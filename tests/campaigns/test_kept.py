"""The view of campaigns across borders that a process keeps: made anew after what its reader can see, and nothing else."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.attacks import service as attacks
from hanse.campaigns import across_rows, service
from hanse.campaigns.following import Follower
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Tlp
from tests.campaigns.test_crossing import fi, home, joined, mari, seen_by, shares

__all__ = ["fi", "home", "mari", "seen_by"]

pytestmark = [pytest.mark.usefixtures("founded"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Actor]:
    """For whom a view was made, in order."""
    told: list[Actor] = []
    compose = across_rows.across

    def noted(actor: Actor, standing: object) -> object:
        told.append(actor)
        return compose(actor, standing)

    monkeypatch.setattr(across_rows, "across", noted)
    return told


def test_what_is_hidden_makes_no_view_anew(
    home, fi, mari, seen_by, made, actor: Callable[..., Actor]
) -> None:
    """Hidden attacks, links and campaigns that come leave the view of who may not see them, whose page takes no longer."""
    chief = actor("analyst", "officer")
    gb = joined("gb-cert", "GB")
    shares(fi, seen_by["FI"])
    Follower().settle()
    before = service.across(mari)
    service.across(chief)
    assert made == [mari, chief]
    made.clear()
    shares(gb, seen_by["GB"], tlp=Tlp.RED)
    Follower().settle()
    assert service.across(chief)[0].states == ("EE", "FI", "GB")
    assert service.across(mari) == before
    assert made == [chief]


def test_what_is_shown_makes_it_anew(home, fi, mari, seen_by, made) -> None:
    """An attack that comes, one that is dismissed, and the dismissal that is withdrawn are each seen at once."""
    shares(fi, seen_by["FI"])
    Follower().settle()
    (whole,) = service.across(mari)
    made.clear()
    assert service.across(mari) == [whole]
    assert made == []
    own = next(one for one in whole.members if one.contributor == "ee-cert")
    decision = attacks.mark_false_positive(own.object_id, "A load test.", mari)
    assert own not in service.across(mari)[0].members
    attacks.withdraw(decision, "It was none.", mari)
    assert own in service.across(mari)[0].members
    assert len(made) == 2


def test_who_sees_no_link_is_told_of_none_by_two_questions(
    home, fi, mari, seen_by, made, actor: Callable[..., Actor]
) -> None:
    """However many links there are that a reader may not see: no view is made or looked after for him."""
    chief = actor("analyst", "officer")
    shares(fi, seen_by["FI"], tlp=Tlp.RED)
    Follower().settle()
    assert service.across(chief)
    made.clear()
    with CaptureQueriesContext(connection) as asked:
        assert service.across(mari) == []
    assert len(asked) <= 2
    assert made == []
