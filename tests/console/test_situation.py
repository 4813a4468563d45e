"""The situation page and the search field: the answer first, and everything findable that may be seen."""

import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from hanse.attacks import service as attacks
from hanse.attacks.models import STANDING, Attack
from hanse.campaigns.models import Campaign
from hanse.console import processes
from hanse.console.search import find
from hanse.console.service import Collector, change
from hanse.console.situation import situation
from hanse.constituency import service as constituency
from hanse.kernel import units
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.recording import record
from hanse.web.templatetags.hanse import unbroken
from tests.accounts.people import newcomer
from tests.campaigns.plans import estonia_registry
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

DAY_US = 86_400_000_000
VICTIM = "195.80.105.107"


@pytest.fixture
def mari(actor: People) -> Actor:
    """An analyst with forty attacks and the constituency on record."""
    who = actor("analyst")
    record(earliest(40), who)
    constituency.load(estonia_registry(), who, "ee.csv")
    return who


@pytest.fixture
def client(mari: Actor, client_as: Clients) -> ActingClient:
    """Her browser."""
    return client_as(mari)


def urls(text: str, who: Actor) -> list[str]:
    """Addresses of all hits."""
    return [hit.url for group in find(text, who) for hit in group.hits]


def test_a_collector_that_watches_nothing_is_said_where_attacks_would_show(
    client: ActingClient, node_home: Path
) -> None:
    """No running attack means nothing while nobody looks: the analyst, who sees no settings, has to know."""
    told = {"failed": "the collector does not run", "blind": "their analysis fails"}
    change(Collector(on=True), system("tests", "ee-cert", "EE"))
    for state, words in told.items():
        processes.collector_is(node_home, processes.CollectorState(state=state))
        assert words in client.get("/").content.decode()
    for state in ("starting", "running", "off"):
        processes.collector_is(node_home, processes.CollectorState(state=state))
        assert "Nobody watches" not in client.get("/").content.decode()


def test_nothing_is_said_of_nothing(actor: People, client_as: Clients) -> None:
    """An empty node says so, what it watches, and offers the ways to get something."""
    text = client_as(actor("analyst")).get("/").content.decode()
    assert "No attack is known to this node." in text
    assert "No telemetry yet." in text
    assert 'href="/start/"' in text


def test_the_sentence_is_the_largest_campaign(mari: Actor, client: ActingClient) -> None:
    """With a campaign, its verdict is the sentence, and since when it is quiet; the figures count what stands."""
    found = situation(mari, now_us())
    largest = Campaign.projected.order_by("-named").first()
    last = Attack.projected.order_by("-end_us").first()
    assert found.sentence.startswith(largest.verdict)
    assert f"; the last of all attacks ended {units.minute(last.end_us)}." in found.sentence
    assert found.attacks == Attack.projected.filter(state__in=STANDING).count() == 40
    assert found.victims == Attack.projected.values("victim").distinct().count()
    assert unbroken(found.sentence) in client.get("/").content.decode()


def test_other_campaigns_are_counted_beside_the_largest(mari: Actor) -> None:
    """Where more campaigns stand than the one whose verdict is the sentence, it says how many."""
    assert "other campaign" not in situation(mari, now_us()).sentence
    row = Campaign.projected.order_by("-named").first()
    verdict = row.verdict
    row.pk, row.named, row.verdict, row.name = uuid4(), row.named - 1, "Another one", "C-other"
    row.save(force_insert=True)
    assert f"{verdict} (and 1 other campaign); the last of all attacks" in situation(mari, now_us()).sentence


def test_quiet_and_running(mari: Actor, client: ActingClient) -> None:
    """Lately ended, it says for how long it is quiet; while one runs, the page says so at once and lists it."""
    last = Attack.projected.order_by("-end_us").first()
    assert "quiet for 2 d" in situation(mari, last.end_us + 2 * DAY_US).sentence
    attacks.begun(attacks.attack_in(last), None, system("collector", mari.authority, mari.country))
    found = situation(mari, now_us())
    assert (found.running_count, found.now) == (1, True)
    assert found.sentence.endswith("1 attack runs now.")
    text = client.get("/").content.decode()
    assert 'class="verdict now"' in text
    assert f"/attacks/{last.pk}/" in text


def test_the_answer_is_kept_up_to_date_with_the_bar(mari: Actor, client: ActingClient) -> None:
    """What the page says does not contradict the bar above it: htmx asks for it alone, and gets it when it changed."""
    asks = {"HX-Request": "true", "HX-Target": "now"}
    quiet = client.get("/", headers=asks)
    assert "<h1" not in quiet.content.decode()
    assert client.get("/", headers=asks | {"If-None-Match": quiet["ETag"]}).status_code == 204
    last = Attack.projected.order_by("-end_us").first()
    attacks.begun(attacks.attack_in(last), None, system("collector", mari.authority, mari.country))
    text = client.get("/", headers=asks | {"If-None-Match": quiet["ETag"]}).content.decode()
    assert "1 attack runs now." in text
    assert 'id="running" hx-swap-oob="true"' in text
    assert "hx-swap-oob" not in client.get("/").content.decode()


def test_what_people_called_none_does_not_count(mari: Actor) -> None:
    """A false positive is in no figure of the page."""
    before = situation(mari, now_us()).attacks
    attacks.mark_false_positive(Attack.projected.first().pk, "A backup.", mari)
    assert situation(mari, now_us()).attacks == before - 1


@pytest.mark.parametrize("text", [VICTIM, "195.80.96.0/20", "195.80.", "Police", "police board"])
def test_victims_are_found(mari: Actor, text: str) -> None:
    """An address, a network around it, the beginning of an address and a name find the victim's attacks."""
    found = urls(text, mari)
    newest = Attack.projected.filter(victim=VICTIM).order_by("-start_us", "object_id").first()
    assert f"/attacks/{newest.pk}/" in found
    assert any(url.startswith("/constituency/") for url in found)


def test_an_address_in_an_attacked_network_is_found(mari: Actor) -> None:
    """An attack on a network is found by each address inside, and not by one outside."""
    row = Attack.projected.filter(victim=VICTIM).first()
    Attack.projected.filter(pk=row.pk).update(victim="203.0.112.0/22", victim_sort=f"{0:020x}ffffcb007000")
    assert f"/attacks/{row.pk}/" in urls("203.0.113.9", mari)
    assert f"/attacks/{row.pk}/" not in urls("203.0.116.1", mari)


def test_one_hit_is_gone_to_at_once(mari: Actor, client: ActingClient) -> None:
    """What means exactly one thing leads to its page: an attack's or a campaign's id, an entry's number."""
    attack, campaign = Attack.projected.first(), Campaign.projected.first()
    for text, url in (
        (attack.name, f"/attacks/{attack.pk}/"),
        (campaign.name, f"/campaigns/{campaign.pk}/"),
        ("3", "/ledger/3/"),
    ):
        response = client.get("/search/", {"q": text})
        assert (response.status_code, response.headers.get("Location")) == (302, url)


def test_several_hits_are_listed(client: ActingClient) -> None:
    """Several hits stand on the page by room, under their marking; where there are more, it leads to the list."""
    text = client.get("/search/?q=Police").content.decode()
    assert text.count("TLP:AMBER PAP:AMBER") == 2
    assert "Attacks</h2>" in text
    assert "Constituency</h2>" in text


def test_nothing_found_says_what_can_be(client: ActingClient) -> None:
    """Without a hit the page says what the field takes; an empty field does the same."""
    for address in ("/search/?q=nowhere", "/search/", "/search/?q=%00", "/search/?q=" + "9" * 400):
        response = client.get(address)
        assert response.status_code == 200
        assert "The search field takes an address" in response.content.decode()


def test_people_are_found_by_name_and_role(mari: Actor, actor: People) -> None:
    """Who may see people finds them by name and by role; an analyst, who may not, finds none."""
    person = newcomer("officer", name="Tiina Tamm")
    who = actor("administrator")
    assert urls("tiina", who) == [f"/people/{person}/"]
    assert f"/people/{person}/" in urls("officer", who)
    assert not [url for url in urls("tiina", mari) if url.startswith("/people/")]


def test_searching_is_within_the_view_of_the_reader(mari: Actor, actor: People) -> None:
    """An administrator, who sees no content, finds no attack and no campaign."""
    assert urls("Police", mari)
    assert urls("Police", actor("administrator")) == []


def test_searching_is_quick(mari: Actor) -> None:
    """A search takes less than 200 ms of this machine's time."""
    find("Police", mari)
    taken = []
    for text in ("Police", VICTIM, "195.80.0.0/16", "campaign", "7"):
        began = time.process_time()
        find(text, mari)
        taken.append(time.process_time() - began)
    assert max(taken) < 0.2
