"""A case itself: opened for a team, known to nobody else, changed, closed and reopened, kept until a date."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from hanse.accounts.models import Membership, Team
from hanse.cases import service
from hanse.cases.choosing import case_for, visible
from hanse.cases.models import Case, Happening
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.policy.roles import roles
from tests.accounts.people import acting
from tests.cases.made import DAY_US, investigator, opened, said
from tests.conftest import AUTHORITY
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]


def test_a_case_is_opened_for_a_new_team_in_which_its_opener_is_alone() -> None:
    """The team is made with the case, its maker its only member, and the case carries the date and its marking."""
    case, kaja = opened(investigator(), reference="KrK 12-7")
    row = case_for(kaja, "cases.view", case)
    assert (row.title, row.reference, row.status, row.authority) == (
        "Two gangs",
        "KrK 12-7",
        "open",
        AUTHORITY,
    )
    assert row.marking.marking.tlp is Tlp.AMBER_STRICT
    assert row.retention_us is not None
    team = Team.objects.get()
    assert row.team == team.pk.hex
    assert list(Membership.objects.values_list("person", flat=True)) == [UUID(kaja.id)]
    assert findings() == []


def test_only_the_team_knows_that_a_case_exists(actor: People) -> None:
    """Whoever is not in the team, whatever their roles, has no such case; in the team, a role has to allow it."""
    case, kaja = opened(investigator())
    others = [actor(*roles(), name="All roles"), investigator(name="Other")]
    for one in others:
        assert not visible(one).exists()
        with pytest.raises(NotVisibleError):
            case_for(one, "cases.view", case)
    for role in ("analyst", "administrator", "auditor", "approver"):
        assert not visible(replace(kaja, roles=frozenset({role}))).exists()
    assert list(visible(kaja)) == [Case.projected.get()]
    assert visible(replace(kaja, roles=frozenset({"officer"}))).exists()


def test_a_case_always_has_a_team(actor: People) -> None:
    """Without a team, with one that the actor is not in, or with two, nothing is written."""
    one, two = investigator(), investigator(name="Other")
    _, two = opened(two)
    before = Entry.objects.count()
    until = now_us() + 400 * DAY_US
    for chosen in ({}, {"team": Team.objects.get().pk}, {"team": uuid4()}, {"new_team": "  "}):
        with pytest.raises(UsageError):
            service.open_case(said(), until, one, **chosen)
    with pytest.raises(UsageError):
        service.open_case(said(), until, two, team=Team.objects.get().pk, new_team="Another")
    with pytest.raises(RefusedError):
        service.open_case(said(), until, actor("analyst"), new_team="Mine")
    assert Entry.objects.count() == before
    assert service.open_case(said("Second"), until, two, team=Team.objects.get().pk)


@pytest.mark.parametrize("missing", ["title", "legal_basis", "purpose"])
def test_a_case_without_basis_or_purpose_is_refused(missing: str) -> None:
    """Title, legal basis and purpose are needed, and blanks are none."""
    with pytest.raises(UsageError, match=missing.replace("_", " ")):
        service.open_case(said(**{missing: "  "}), now_us() + 400 * DAY_US, investigator(), new_team="Mine")


@pytest.mark.parametrize(("review", "retention"), [(-1, 400), (30, 6), (30, 4_000), (30, 20)])
def test_dates_that_do_not_act_are_refused(review: int, retention: int) -> None:
    """A review in the past or after the purge, and a retention of less than a week or more than ten years."""
    one = said(review_us=now_us() + review * DAY_US)
    with pytest.raises(UsageError):
        service.open_case(one, now_us() + retention * DAY_US, investigator(), new_team="Mine")


def test_a_case_is_changed_closed_and_reopened() -> None:
    """Each is an entry with its reason; a closed case takes nothing in, and saying the same writes nothing."""
    case, kaja = opened(investigator())
    row = case_for(kaja, "cases.view", case)
    service.change(case, said("Three gangs", review_us=row.review_us), kaja, "One more.")
    before = Entry.objects.count()
    service.change(case, said("Three gangs", review_us=row.review_us), kaja)
    assert Entry.objects.count() == before
    service.set_status(case, "closed", "Convicted.", kaja)
    with pytest.raises(service.ClosedError):
        service.change(case, said("Four gangs"), kaja)
    with pytest.raises(UsageError):
        service.set_status(case, "closed", "Again.", kaja)
    with pytest.raises(UsageError):
        service.set_status(case, "open", " ", kaja)
    service.set_status(case, "open", "New facts.", kaja)
    row = case_for(kaja, "cases.view", case)
    assert (row.title, row.status, row.status_why) == ("Three gangs", "open", "New facts.")
    happened = list(Happening.objects.order_by("sequence").values_list("kind", flat=True))
    assert happened == ["cases.opened", "cases.changed", "cases.status_set", "cases.status_set"]
    assert findings() == []


def test_the_date_is_put_off_with_a_fresh_passkey_and_a_reason_only() -> None:
    """Who decides how long a case is kept proves a passkey, says why, and cannot weaken the marking by it."""
    case, kaja = opened(investigator())
    until = now_us() + 900 * DAY_US
    review = now_us() + 100 * DAY_US
    with pytest.raises(RefusedError):
        service.keep(case, until, review, "Trial.", acting(UUID(kaja.id), fresh=False))
    with pytest.raises(UsageError):
        service.keep(case, until, review, "  ", kaja)
    with pytest.raises(UsageError):
        service.keep(case, until, review, "Trial.", kaja, Marking.own(AUTHORITY))
    service.keep(case, until, review, "Trial.", kaja)
    row = case_for(kaja, "cases.view", case)
    assert (row.retention_us, row.review_us) == (until, review)
    assert findings() == []
