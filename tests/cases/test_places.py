"""The maps of a case: which countries it names, and where the attacks that it is tied to apparently came from."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from hanse.attacks.models import Attack
from hanse.campaigns.models import Campaign
from hanse.cases import places, working
from hanse.cases.selector import read
from hanse.kernel.actors import Actor
from hanse.policy import service as policy
from hanse.recording import record
from hanse.tracing import service as tracing
from tests.accounts.people import acting, newcomer
from tests.cases.made import investigator, opened
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]


@pytest.mark.parametrize(
    ("kind", "text", "country"),
    [
        ("phone", "+37261234567", "EE"),
        ("phone", "+4930123456", "DE"),
        ("phone", "+447700900123", "GB"),  # kept for fiction: of the main country of its code
        ("phone", "+80012345678", places.NOWHERE),  # universal free phone: of no country
        ("iban", "DE89370400440532013000", "DE"),
        ("company", "FI nokia oyj", "FI"),
        ("address", "195.80.105.1", ""),
        ("domain", "example.ee", ""),
        ("person", "1970-12-31 de jong", ""),
    ],
)
def test_a_selector_says_its_country_or_none(kind: str, text: str, country: str) -> None:
    """Only what was given out by a country says one; where an address or a domain is, nothing here says."""
    assert places.said(kind, text) == country


def filled() -> tuple[UUID, Actor]:
    """A case with people and selectors of three countries, and its investigator."""
    case, kaja = opened(investigator())
    for kind, value, country in (
        ("phone", "+372 612 3456", ""), ("iban", "EE382200221020145685", ""), ("company", "Ghost Hosting", "LV"),
        ("phone", "+800 1234 5678", ""), ("address", "8.8.8.8", ""),
    ):  # fmt: skip
        working.add_selector(case, read(kind, value, country=country), kaja)
    working.add_person(
        case,
        working.Told(category="suspect", name="Jan de Jong", born="1970-12-31", country="NL", note=""),
        kaja,
    )
    return case, kaja


def test_the_map_counts_what_people_and_selectors_say(client_as: Clients) -> None:
    """Page and API name each country with how much of the case says it, and what belongs to none; nothing is guessed."""
    case, kaja = filled()
    client = client_as(kaja)
    answer = client.get(f"/api/cases/{case}/places?why=Case%20work").json()
    assert answer["values"] == [
        {"country": "EE", "value": 2}, {"country": "LV", "value": 1}, {"country": "NL", "value": 1},
    ]  # fmt: skip
    assert answer["elsewhere"]["value"] == 1
    page = client.get(f"/cases/{case}/", {"why": "Case work"}, follow=True).content.decode()
    assert f'data-src="/api/cases/{case}/places"' in page
    assert "Netherlands" in page
    stranger = acting(newcomer("Jaan Tamm", "investigator"))
    assert client_as(stranger).get(f"/api/cases/{case}/places").status_code == 404


def test_a_case_without_countries_has_no_map(client_as: Clients) -> None:
    """Where nothing says a country, and no attack is tied, no empty map is shown."""
    case, kaja = opened(investigator())
    page = client_as(kaja).get(f"/cases/{case}/", {"why": "Case work"}, follow=True).content.decode()
    assert "worldmap" not in page


def test_the_sources_of_tied_attacks_are_those_that_the_reader_may_see(client_as: Clients) -> None:
    """An attack and a campaign that the case is tied to are mapped as their own pages map them, within the reader's view."""
    case, kaja = opened(investigator())
    record(earliest(12), replace(kaja, roles=frozenset({"analyst"}), teams=frozenset()))
    client = client_as(kaja)
    where = f"/api/cases/{case}/sources"
    client.get(f"/cases/{case}/", {"why": "Case work"}, follow=True)
    assert client.get(where).json()["attacks"] == 0
    working.tie(case, "attack", Attack.projected.order_by("start_us").first().pk, "It began so.", kaja)
    assert client.get(where).json()["attacks"] == 1
    working.tie(case, "campaign", Campaign.projected.get().pk, "All of it.", kaja)
    whole = tracing.countries(kaja, Attack.projected.values_list("pk", flat=True))
    told = client.get(where).json()
    assert (told["attacks"], told["words"]) == (whole.attacks, whole.words)
    page = client.get(f"/cases/{case}/", {"why": "Case work"}, follow=True).content.decode()
    assert f'data-src="{where}"' in page
    hidden = Attack.projected.order_by("start_us").last()
    policy.mark(hidden.pk, hidden.marking.marking, "another-team", kaja, "Another team's.")
    # A campaign is as strict as its strictest member, so that it is hidden too; the attack tied alone stays.
    assert client.get(where).json()["attacks"] == 1
