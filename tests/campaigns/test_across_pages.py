"""The pages of campaigns across borders: what is said, by whom, to whom, and what is written down."""

import re
from collections.abc import Callable
from uuid import uuid4

import msgspec
import pytest

from hanse.accounts.models import Consultation
from hanse.attacks import shared
from hanse.campaigns import service
from hanse.campaigns.across_views import ATTACKS_SHOWN, LINKS_SHOWN
from hanse.campaigns.following import Follower
from hanse.campaigns.models import Campaign
from hanse.federation.handlers import own_id
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Tlp
from tests.campaigns.test_crossing import fi, home, joined, mari, pulled, seen_by, shares, told
from tests.campaigns.test_pages import TOO_MUCH, page
from tests.web.acting import ActingClient

__all__ = ["fi", "home", "mari", "seen_by"]

pytestmark = [
    pytest.mark.usefixtures("founded"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("hanse.urls"),
]

Clients = Callable[..., ActingClient]


@pytest.fixture
def known(home, fi, mari, seen_by):
    """What Estonia, Finland and the United Kingdom see together."""
    shares(fi, seen_by["FI"])
    shares(joined("gb-cert", "GB"), seen_by["GB"])
    Follower().settle()
    return service.across(mari)[0]


def test_the_page_says_it_and_who_says_it(known, mari: Actor, client_as: Clients) -> None:
    """Title, verdict, evidence, what would refute it, what stands without each partner, and whose each link is."""
    text = page(client_as(mari), f"/campaigns/across/{known.key}/")
    assert "<h1>Attacks on 3 states, one campaign</h1>" in text
    for line in (known.verdict, *known.evidence, *known.refuted_by):
        assert line.split("'")[0] in text
    for left in known.without:
        assert re.search(rf"<td>{left.name}</td><td>{re.escape(left.stands[0])}\.", text)
    told = [(known.name_of(a), known.name_of(b)) for a, b in (one.contributors for one in known.bonds)]
    assert len(told) > LINKS_SHOWN
    assert _links(text) == told[:LINKS_SHOWN]
    assert _links(page(client_as(mari), f"/campaigns/across/{known.key}/?all=links")) == told
    theirs = [one.object_id for one in known.members[:ATTACKS_SHOWN] if one.contributor != known.own]
    assert theirs
    assert all(f'href="/attacks/partners/{one}/"' in text for one in theirs)
    its = page(client_as(mari), f"/attacks/partners/{theirs[0]}/")
    assert f'href="/campaigns/across/{known.key}/"' in its
    assert "withheld" in text
    assert "coordinated" in text
    assert not TOO_MUCH.search(text)


def _links(text: str) -> list[tuple[str, ...]]:
    """Whose the two ends of each link on a page are."""
    return re.findall(r"<tr><td><strong>([^<]+)</strong>.*?<strong>([^<]+)</strong>", text, re.DOTALL)


def test_what_is_shown_is_what_is_on_record(known, mari: Actor, client_as: Clients) -> None:
    """Who asks for all of the attacks has looked at all of them, and who does not has not."""
    client = client_as(mari)
    seen = []
    for asked in ("", "?all=attacks", "?all=nothing"):
        page(client, f"/campaigns/across/{known.key}/{asked}")
        last = Consultation.objects.order_by("-sequence").first()
        seen.append({one.object_id for one in known.members if one.object_id.hex in last.objects_seen})
    assert len(known.members) > ATTACKS_SHOWN
    assert len(seen[0]) == len(seen[2]) == ATTACKS_SHOWN
    assert len(seen[1]) == len(known.members)


def test_every_attack_of_it_leads_there(known, mari: Actor, client_as: Clients) -> None:
    """The page is found by each of its attacks; by anything else there is none."""
    client = client_as(mari)
    for one in (known.members[0], known.members[-1]):
        assert client.get(f"/campaigns/across/{one.object_id}/").status_code == 200
    for other in (uuid4(), Campaign.projected.first().pk):
        assert client.get(f"/campaigns/across/{other}/").status_code == 404
        assert client.get(f"/api/campaigns/across/{other}").status_code == 404


def test_it_is_on_the_situation_the_list_and_the_own_campaign(known, mari: Actor, client_as: Clients) -> None:
    """Whoever opens the console, the campaigns or the own campaign that is part of it is led there."""
    client = client_as(mari)
    there = f'href="/campaigns/across/{known.key}/"'
    for address in ("/", "/campaigns/across/", f"/campaigns/{known.homes[0]}/"):
        text = page(client, address)
        assert there in text
        assert known.title in text
    assert 'href="/campaigns/across/"' in page(client, "/campaigns/")
    assert client.get("/api/situation").json()["across"] == [str(known.key)]


def test_with_nothing_it_says_what_would_be_there(mari: Actor, client_as: Clients) -> None:
    """The empty list says what would be here and where it comes from; the situation says nothing."""
    client = client_as(mari)
    assert "appear here as one campaign" in page(client, "/campaigns/across/")
    for address in ("/", "/campaigns/"):
        assert "/campaigns/across/" not in page(client, address)
    assert client.get("/api/campaigns/across").json() == []


def test_who_may_not_see_a_partners_attacks_gets_the_page_of_a_node_without_them(
    home, fi, mari, seen_by, actor: Callable[..., Actor], client_as: Clients
) -> None:
    """Every page and answer is the same, byte for byte but for what is random, as before the hidden ones came."""
    shares(fi, seen_by["FI"])
    Follower().settle()
    key = service.across(mari)[0].key
    addresses = [
        "/", "/campaigns/", "/campaigns/across/", f"/campaigns/across/{key}/", f"/api/campaigns/across/{key}",
        "/api/campaigns/across",
    ]  # fmt: skip
    before = [shown(client_as(mari), address) for address in addresses]
    shares(joined("gb-cert", "GB"), seen_by["GB"], tlp=Tlp.RED)
    Follower().settle()
    assert service.across(actor("analyst", "officer"))[0].states == ("EE", "FI", "GB")
    assert [shown(client_as(mari), address) for address in addresses] == before
    hidden = service.across(actor("analyst", "officer"))[0].bonds[-1]
    ends = [one.object_id for one in (hidden.first, hidden.second) if one.contributor == "gb-cert"]
    assert all(client_as(mari).get(f"/campaigns/across/{one}/").status_code == 404 for one in ends)


def shown(client: ActingClient, address: str) -> str:
    """A page without what differs each time."""
    text = page(client, address)
    text = re.sub(
        r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken":\s*"[^"]*"', "", text
    )
    return re.sub(
        r"csrf[^>]*>|<time[^>]*data-clock[^>]*>[^<]*</time>|data-now=\"[^\"]*\"|quiet for [^<;.]*", "", text
    )


def test_looking_is_written_down(known, mari: Actor, client_as: Clients) -> None:
    """Page and program alike: one entry, which names links and partners' attacks."""
    client = client_as(mari)
    for address in (f"/campaigns/across/{known.key}/", f"/api/campaigns/across/{known.key}"):
        before = Consultation.objects.count()
        page(client, address)
        assert Consultation.objects.count() == before + 1
        named = str(Consultation.objects.latest("sequence").objects_seen)
        assert known.bonds[0].object_id.hex in named
        assert all(one.object_id.hex in named for one in known.members[:20])


def test_the_program_is_told_the_same(known, mari: Actor, client_as: Clients) -> None:
    """The answer has verdict, contributions, every attack, and every link with the contributor of each end."""
    said = client_as(mari).get(f"/api/campaigns/across/{known.key}").json()
    assert (said["title"], said["verdict"], said["states"]) == (
        known.title,
        known.verdict,
        list(known.states),
    )
    assert [one["authority"] for one in said["contributions"]] == [
        one.authority for one in known.contributions
    ]
    assert [one["stands"] for one in said["without"]] == [list(one.stands) for one in known.without]
    assert len(said["members"]) == len(known.members)
    assert [(one["id"], one["contributors"]) for one in said["bonds"]] == [
        (str(one.object_id), list(one.contributors)) for one in known.bonds
    ]
    assert all(len(one["tests"]) >= 2 for one in said["bonds"])


def test_a_partners_words_are_text(home, fi, mari: Actor, seen_by, client_as: Clients) -> None:
    """What a partner calls an organisation is shown as it is, and never becomes markup."""
    there = uuid4()
    content = told(fi, seen_by["FI"][0], there)
    content = msgspec.structs.replace(content, organisation='<img src=x onerror="alert(1)">')
    fi.entry(shared.KIND, content, object_id=there)
    pulled(fi)
    Follower().settle()
    text = page(client_as(mari), f"/campaigns/across/{own_id('fi-cert', there)}/")
    assert "<img" not in text
    assert "&lt;img src=x" in text
