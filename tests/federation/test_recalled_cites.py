"""What rests on something that its originator recalled says so, to those who might have seen that."""

import json
from uuid import UUID

import pytest

from hanse.federation import recalling
from hanse.federation.contents import Recall
from hanse.federation.models import Partner
from hanse.intel import authoring, service, shared
from hanse.intel.authoring import Piece
from hanse.intel.models import Item
from hanse.intel.own import Written
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.replay import rebuild
from tests.federation.peer import Peer
from tests.federation.test_pages import client, client_as, mari, person, text_of
from tests.federation.test_sharing_intel import ADDRESS, AT, THEIRS, _indicator, _pull
from tests.intel.valid import validated

__all__ = ["client", "client_as", "mari"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

WORDS = "recalled by its originator, "


@pytest.fixture
def report(peer: Peer, mari) -> Item:
    """A report that rests on an indicator of Finland's."""
    peer.entry(shared.KIND, _indicator(), object_id=AT)
    assert _pull(peer) == []
    theirs = Item.projected.get(format="partner")
    told = Written(type="report", title="Booters of spring", text="Rented at night.")
    return Item.projected.get(pk=authoring.write(Piece(written=told, cites=(theirs.pk,)), mari))


def _is_recalled(peer: Peer, at: UUID = AT) -> None:
    peer.entry("federation.recalled", Recall(at.hex, "The secret reason."))
    assert _pull(peer) == []


def _api(client, report: Item) -> dict:
    return client.get(f"/api/intelligence/items/{report.pk}").json()


def test_the_page_the_api_and_the_export_say_so_and_nothing_of_what_it_was(client, mari, peer, report):
    """By whom and when, where the citation stands; after a rebuild the same."""
    name = Partner.objects.get().name
    assert WORDS not in text_of(client, f"/intelligence/{report.pk}/")
    assert _api(client, report)["rests_on"][0]["recalled_us"] is None
    _is_recalled(peer)
    rebuild()
    page = text_of(client, f"/intelligence/{report.pk}/")
    assert f"{WORDS}{name}, " in page
    for hidden in (ADDRESS, "Booter at", "The secret reason."):
        assert hidden not in page
    [told] = _api(client, report)["rests_on"]
    assert (told["id"], told["recalled_by"], told["recalled_us"] > 0) == (THEIRS, peer.authority, True)
    raw = client.get(f"/api/intelligence/items/{report.pk}/raw").json()
    [note] = [one for one in raw["objects"] if one["type"] == "note"]
    assert note["object_refs"] == [service.item_of(report).source_id]
    assert (THEIRS in note["content"], f"originator, {name}, on " in note["content"]) == (True, True)
    assert ADDRESS not in json.dumps(raw)
    found = validated(json.dumps(raw))
    assert found.is_valid, [str(error) for error in found.errors]


def test_what_came_again_is_shown_as_it_is(client, peer, report):
    """Nobody says that something is recalled which is here, and to be seen."""
    _is_recalled(peer)
    peer.entry(shared.KIND, _indicator(), object_id=AT, version=2)
    assert _pull(peer) == []
    page = text_of(client, f"/intelligence/{report.pk}/")
    assert (WORDS in page, "Booter at" in page) == (False, True)
    assert _api(client, report)["rests_on"][0]["recalled_us"] is None
    types = [one["type"] for one in client.get(f"/api/intelligence/items/{report.pk}/raw").json()["objects"]]
    assert ("note" in types, "indicator" in types) == (False, True)


def test_who_might_not_have_seen_it_learns_nothing(client, client_as, peer, report):
    """It came anew for named people alone, and was recalled: others read the same as if it had only been recalled before."""
    red = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.RED)
    reader = client_as(person("Rein", "analyst"))
    address = f"/intelligence/{report.pk}/"
    peer.entry(shared.KIND, _indicator(), object_id=AT, version=2, marking=red)
    assert _pull(peer) == []
    before = _told(reader, address, report)
    assert (WORDS in before[0], before[1][0]["recalled_us"]) == (False, None)
    assert recalling.gone([]) == {}
    _is_recalled(peer)
    assert _told(reader, address, report) == before, "that it was recalled tells that there was something"
    assert WORDS in text_of(client, address), "an officer might have seen it"


def test_the_recall_that_a_reader_knew_stays_the_one_that_is_told(client_as, peer, report):
    """What came and went after it for others alone changes neither the words nor the time."""
    red = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.RED)
    reader = client_as(person("Rein", "analyst"))
    address = f"/intelligence/{report.pk}/"
    _is_recalled(peer)
    before = _told(reader, address, report)
    assert WORDS in before[0]
    peer.entry(shared.KIND, _indicator(), object_id=AT, version=2, marking=red)
    assert _pull(peer) == []
    assert _told(reader, address, report) == before
    _is_recalled(peer)
    assert _told(reader, address, report) == before


def _told(reader, address: str, report: Item) -> tuple[str, list]:
    """What a reader is told of what a report rests on."""
    page = text_of(reader, address)
    start = page.index('id="cites"')
    return page[start : page.index("</section>", start)], _api(reader, report)["rests_on"]
