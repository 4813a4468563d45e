"""A case, a person or a selector that was altered in the database is named where it stands; the others are shown."""

import pytest

from hanse.cases import working
from hanse.cases.models import Case, CasePerson, Selector
from hanse.cases.selector import read
from hanse.ledger.fields import sealed
from tests.accounts.people import acting, newcomer
from tests.cases.made import opened

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def seen(client_as):
    """Somebody's two cases, the first of them altered in its title, with a selector and an altered one of an altered person."""
    kaja = acting(newcomer("investigator"))
    first, kaja = opened(kaja, "The first gang")
    second, kaja = opened(kaja, "The second gang")
    person = working.add_person(second, working.Told(category="suspect", name="Jaan"), kaja)
    good = working.add_selector(second, read("email", "boss@example.org"), kaja)
    bad = working.add_selector(second, read("email", "other@example.org"), kaja, person=person)
    Case.projected.filter(pk=first).update(**sealed(Case, second, title="Another"))
    CasePerson.objects.filter(pk=person).update(**sealed(CasePerson, second, name="Mart"))
    Selector.objects.filter(pk=bad).update(**sealed(Selector, good, written="x@example.org"))
    working.add_selector(first, read("email", "boss@example.org"), kaja)
    client = client_as(kaja)
    client.get("/cases/", {"why": "Case work"}, follow=True)
    return client, first, second, bad


def test_lists_show_the_others(seen):
    """The list of cases, that of selectors, and both by the API: each names what does not open and tells the rest."""
    client, first, second, bad = seen
    shown = client.get("/cases/").content.decode()
    assert "The second gang" in shown
    assert f"cases_case, row {first.hex}, title" in shown
    shown = client.get(f"/cases/{second}/selectors/")
    assert shown.status_code == 200
    assert "boss@example.org" in shown.content.decode()
    assert f"cases_selector, row {bad.hex}, written" in shown.content.decode()
    told = client.get("/api/cases").json()
    assert [one["title"] for one in told["items"]] == ["The second gang"]
    assert f"cases_case, row {first.hex}" in told["altered"][0]


def test_the_search_shows_the_others(seen):
    """Of two cases with one selector, that which was altered is named, and the other called as it is."""
    client, first, _, _ = seen
    answer = client.get("/search/", {"q": "boss@example.org"})
    assert answer.status_code == 200
    assert f"cases_case, row {first.hex}, title" in answer.content.decode()
    assert "The second gang" in answer.content.decode()
