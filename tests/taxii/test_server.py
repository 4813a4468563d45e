"""The endpoints of TAXII 2.1, asked with the real client and by hand."""

import json

import pytest
from taxii2client.v21 import as_pages

from tests.taxii.edge import TAXII, Edge, brought, indicator, named, things

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def edge() -> Edge:
    """A partner."""
    return Edge()


def test_the_real_client_finds_and_fetches(edge, actor):
    """taxii2-client discovers the root and the collections, and fetches an object with its marking."""
    brought(actor("analyst"), indicator(1))
    server = edge.server()
    assert (server.title, server.default.url) == ("CERT Estonia", "http://localhost:8007/taxii2/root/")
    assert server.default.versions == [TAXII]
    got = edge.collection().get_objects()
    (one,) = things(got["objects"])
    assert one["name"] == "Indicator 1"
    defined = {each["id"] for each in got["objects"] if each["type"] == "marking-definition"}
    assert set(one["object_marking_refs"]) == defined


def test_the_real_client_pages(edge, actor):
    """Pages of any size tell each object once, in one order; `more` is said on all but the last."""
    brought(actor("analyst"), *(indicator(at) for at in range(25)))
    pages = list(as_pages(edge.collection().get_objects, per_request=10))
    told = [one["id"] for page in pages for one in things(page["objects"])]
    assert told == [named(at) for at in range(25)]
    assert [page.get("more", False) for page in pages] == [True] * (len(pages) - 1) + [False]


def test_manifest_and_versions(edge, actor):
    """The manifest names what the objects are; versions are told from the oldest to the newest."""
    mari = actor("analyst")
    brought(mari, indicator(1))
    brought(mari, indicator(1, "2024-02-01T00:00:00.500Z", name="Second"))
    real = edge.collection()
    record = next(one for one in real.get_manifest()["objects"] if one["id"] == named(1))
    assert record["version"] == "2024-02-01T00:00:00.500Z"
    assert record["media_type"] == "application/stix+json;version=2.1"
    told = real.object_versions(named(1))["versions"]
    assert told == ["2024-01-01T00:00:00.000Z", "2024-02-01T00:00:00.500Z"]
    (last,) = real.get_object(named(1))["objects"]
    assert last["name"] == "Second"


def test_what_is_sent_is_taken_in(edge):
    """A POST becomes a job; status tells it pending and then complete; the object is on record as the partner's."""
    from hanse.intel.models import Item
    from tests.taxii.working import done

    sent = edge.collection("inbox").add_objects(
        {"objects": [indicator(7), {"no": "object"}]}, wait_for_completion=False
    )
    assert (sent.status, sent.pending_count) == ("pending", 2)
    done()
    sent.refresh()
    assert (sent.status, sent.success_count, sent.failure_count) == ("complete", 1, 1)
    row = Item.projected.select_related("marking").get(source_id=named(7))
    assert row.marking.marking.originators == {"fi-cert"}
    assert json.dumps(row.marking.marking.as_json()).count("AMBER") == 2
