"""Threat 16: correlation reveals what the reader may not see. Two readers, same page: no count, hint or timing."""

import re
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from hanse.attacks import service as attacks
from hanse.attacks.models import Attack, Run
from hanse.campaigns.models import Campaign
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.pipeline import Analysis
from hanse.recording import record
from tests.campaigns.plans import estonia
from tests.node.made import analysis_of
from tests.web.acting import ActingClient

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

TEAM = "operation-amber"
RED = replace(Marking.own("ee-cert"), tlp=Tlp.RED)

PAGES = (
    "/",
    "/attacks/",
    "/attacks/?sort=-peak",
    "/attacks/?as=csv",
    "/campaigns/",
    "/search/?q=Police",
    "/search/?q=195.80.0.0/16",
    "/api/attacks?limit=500",
    "/api/attacks/timeline",
    "/api/attacks/runs",
    "/api/campaigns",
    "/api/tracing/countries",
    "/api/situation",
    "/api/search?q=Police",
)
"""Every page and answer that lists, counts or adds up attacks and campaigns."""


def some() -> Analysis:
    """Twenty of the Estonian attacks, in one campaign or more."""
    return analysis_of(maker := estonia(7), sorted(maker.attacks, key=lambda each: each.start_us)[:20])


def part_of(told: Analysis, first: int, last: int) -> Analysis:
    """Some attacks of an analysis, with no campaign."""
    chosen = told.attacks[first:last]
    detection = replace(told.detection, attacks=chosen)
    return replace(told, detection=detection, traces=told.traces[first:last], campaigns=())


def text_of(response: HttpResponse) -> str:
    """What a reader got, without what differs between any two requests: the clock and the form's token."""
    whole = b"".join(response) if response.streaming else response.content
    text = re.sub(r'csrfmiddlewaretoken" value="\w+|X-CSRFToken": "\w+', "", whole.decode())
    text = re.sub(r'<time class="clock".*?</time>|"now_us": ?\d+', "", text)
    return f"{response.status_code} {text}"


def asked(client: ActingClient, page: str) -> tuple[str, int]:
    """What a reader gets for a page, and how many queries it takes."""
    with CaptureQueriesContext(connection) as queries:
        text = text_of(client.get(page))
    return text, len(queries)


def hide(row: Attack) -> None:
    """Give an attack to a need-to-know team, as nothing of its marking tells."""
    Attack.projected.filter(pk=row.pk).update(team=TEAM)


@pytest.fixture
def campaign(actor: People) -> Campaign:
    """The largest campaign on record, one of whose attacks belongs to a team."""
    record(some(), actor("analyst"))
    row = Campaign.projected.order_by("-named").first()
    hide(Attack.projected.filter(campaign=row.pk).order_by("start_us").first())
    return row


def test_pages_are_the_same_as_without_what_is_hidden(actor: People, client_as: Clients) -> None:
    """To a reader who may not see some attacks, every page is letter for letter as if they were not there."""
    chief, reader = actor("analyst", "officer"), client_as(actor("analyst"))
    told = some()
    record(part_of(told, 0, 12), chief)
    before = {page: text_of(reader.get(page)) for page in PAGES}
    record(part_of(told, 12, 20), chief, RED)
    assert Attack.projected.count() == 20
    for page in PAGES:
        assert text_of(reader.get(page)) == before[page], page
    assert text_of(client_as(chief).get("/api/attacks/timeline")) != before["/api/attacks/timeline"]


def test_what_is_hidden_takes_no_query(actor: People, client_as: Clients) -> None:
    """However many attacks are hidden, a page asks the database the same number of questions."""
    chief, reader = actor("analyst", "officer"), client_as(actor("analyst"))
    told = some()
    record(part_of(told, 0, 6), chief)
    record(part_of(told, 6, 7), chief, RED)
    for page in PAGES:
        reader.get(page)
    few = {page: asked(reader, page)[1] for page in PAGES}
    record(part_of(told, 7, 20), chief, RED)
    assert {page: asked(reader, page)[1] for page in PAGES} == few


@pytest.mark.parametrize("rest", ["", "flows/", "export/", "decide/?what=note"])
def test_a_hidden_attack_is_as_none(actor: People, client_as: Clients, rest: str) -> None:
    """The page of a hidden attack differs in nothing from that of an attack that there never was."""
    record(part_of(some(), 0, 3), actor("analyst", "officer"), RED)
    reader = client_as(actor("analyst"))
    hidden, none = Attack.projected.first().pk, uuid4()
    reader.get(f"/attacks/{none}/{rest}")
    told = asked(reader, f"/attacks/{hidden}/{rest}")
    assert told == asked(reader, f"/attacks/{none}/{rest}")
    assert told[0].startswith("404 ")


@pytest.mark.parametrize("rest", ["", "links/", "victims/", "sources/", "export/", "export/?as=html"])
def test_a_campaign_with_a_hidden_attack_is_as_none(
    campaign: Campaign, actor: People, client_as: Clients, rest: str
) -> None:
    """A verdict counts all attacks of its campaign, so it is for those who may see all of them."""
    reader, none = client_as(actor("analyst")), uuid4()
    reader.get(f"/campaigns/{none}/{rest}")
    told = asked(reader, f"/campaigns/{campaign.pk}/{rest}")
    assert told == asked(reader, f"/campaigns/{none}/{rest}")
    assert told[0].startswith("404 ")
    member = client_as(actor("analyst", teams=(TEAM,)))
    assert (
        member.get(f"/campaigns/{campaign.pk}/{rest}", {"why": "It is my case."}, follow=True).status_code
        == 200
    )


def test_such_a_campaign_is_named_nowhere(campaign: Campaign, actor: People, client_as: Clients) -> None:
    """Neither lists nor counts, searches, filters nor the pages of its other attacks tell that it exists."""
    reader = client_as(actor("analyst"))
    seen = Attack.projected.filter(campaign=campaign.pk, team="").order_by("start_us").first()
    pages = [
        *PAGES,
        f"/attacks/{seen.pk}/",
        f"/attacks/{seen.pk}/export/",
        f"/api/attacks/{seen.pk}",
        f"/search/?q={campaign.name}",
    ]
    for page in pages:
        text = text_of(reader.get(page))
        assert str(campaign.pk) not in text, page
        assert campaign.verdict not in text, page
    others = Campaign.projected.count() - 1
    assert reader.get("/api/situation").json()["campaign_count"] == others
    assert len(reader.get("/api/campaigns").json()["items"]) == others


def test_no_filter_tells_which_attacks_belong_together(
    campaign: Campaign, actor: People, client_as: Clients
) -> None:
    """Asking for the attacks of a hidden campaign gives what asking for those of none gives: nothing."""
    reader, none = client_as(actor("analyst")), uuid4()
    member = client_as(actor("analyst", teams=(TEAM,)))
    for page in (
        "/api/attacks?campaign={}",
        "/api/attacks/timeline?campaign={}",
        "/api/tracing/countries?campaign={}",
    ):
        told = text_of(reader.get(page.format(campaign.pk)))
        assert told == text_of(reader.get(page.format(none)))
        assert told != text_of(member.get(page.format(campaign.pk)))
    shown = text_of(reader.get(f"/attacks/?campaign={campaign.pk}"))
    assert shown == text_of(reader.get(f"/attacks/?campaign={none}")).replace(str(none), str(campaign.pk))


def test_an_attack_names_no_hidden_one(actor: People, client_as: Clients) -> None:
    """Other attacks on the same victim are named only to who may see them, on pages, in answers and in files."""
    told = some()
    named = replace(told.attacks[0], linked=(told.attacks[1].id, told.attacks[2].id))
    whole = replace(told, detection=replace(told.detection, attacks=(named, *told.attacks[1:])))
    record(whole, actor("analyst"))
    hide(Attack.projected.get(name=told.attacks[1].id))
    reader = client_as(actor("analyst"))
    one = attacks.object_of(named.id)
    for page in (f"/attacks/{one}/", f"/attacks/{one}/export/", f"/api/attacks/{one}"):
        text = text_of(reader.get(page))
        assert told.attacks[1].id not in text
        assert str(attacks.object_of(told.attacks[1].id)) not in text
    assert told.attacks[2].id in text_of(reader.get(f"/api/attacks/{one}"))


def test_a_decision_names_no_hidden_attack(actor: People, client_as: Clients) -> None:
    """A merge with attacks that the reader may not see names and counts none of them."""
    mari = actor("analyst")
    record(some(), mari)
    row = next(
        one
        for one in Attack.projected.order_by("start_us")
        if Attack.projected.filter(victim=one.victim, vector=one.vector).count() > 1
    )
    first, second = Attack.projected.filter(victim=row.victim, vector=row.vector).order_by("start_us")[:2]
    attacks.merge([first.pk, second.pk], "One wave.", mari)
    hide(first)
    reader = client_as(actor("analyst"))
    for page in (f"/attacks/{second.pk}/", f"/api/attacks/{second.pk}/decisions"):
        text = text_of(reader.get(page))
        assert "One wave." in text
        assert str(first.pk) not in text
        assert "One of 2" not in text


def test_an_analysis_counts_what_the_reader_sees(actor: People, client_as: Clients) -> None:
    """How many attacks an analysis found is said of those that the reader may see."""
    record(part_of(some(), 0, 5), actor("analyst"))
    for row in Attack.projected.order_by("start_us")[:2]:
        hide(row)
    reader, run = client_as(actor("analyst")), Run.projected.get()
    assert "3 attacks found" in text_of(reader.get(f"/attacks/?run={run.pk}"))
    assert reader.get("/api/attacks/runs").json()["items"][0]["attacks"] == 3
