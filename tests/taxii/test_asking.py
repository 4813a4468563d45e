"""How requests are read: media types, filters, pages and errors, as the standard says."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel.errors import UsageError
from hanse.taxii import guard, kept, media
from hanse.taxii.asked import MOST, Place, asked
from tests.taxii.edge import TAXII, Edge, brought, indicator, named, things

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def edge() -> Edge:
    """A partner, for whom nothing is kept."""
    kept.clear()
    return Edge()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (TAXII, 200), ("application/taxii+json", 200), ("application/taxii+json; version=2.1", 200), ("*/*", 200),
        ("text/html, application/*;q=0.5", 200), ("application/taxii+json;version=2.0", 406), ("text/html", 406),
        ("application/json", 406), ("application/taxii+json;version=2.1;q=0", 406),
        ("application/vnd.oasis.taxii+json;version=2.0", 406),
    ],
)  # fmt: skip
def test_what_is_accepted(edge, header, status):
    """An answer is TAXII 2.1, or 406 says what there is; every answer names its media type."""
    answer = edge.ask("/taxii2/", HTTP_ACCEPT=header)
    assert (answer.status_code, answer["Content-Type"]) == (status, TAXII)


def test_errors_are_error_messages(edge):
    """Whatever goes wrong is an error message resource with its status in it, and 404 tells nothing apart."""
    for path, method, headers, status in (
        ("collections/none/", "GET", {}, 404),
        ("collections/everything/objects/indicator--none/", "GET", {}, 404),
        (f"status/{edge.row.pk}/", "GET", {}, 404),
        ("collections/inbox/objects/", "GET", {}, 403),
        ("collections/inbox/manifest/", "GET", {}, 403),
        ("collections/everything/objects/", "POST", {}, 403),
        ("collections/inbox/objects/", "POST", {"CONTENT_TYPE": "application/json"}, 415),
        (f"collections/everything/objects/{named(1)}/", "DELETE", {}, 403),
        (f"collections/inbox/objects/{named(1)}/", "DELETE", {}, 403),
        ("collections/everything/objects/", "PUT", {}, 405),
        ("collections/everything/objects/?limit=0", "GET", {}, 400),
        ("collections/everything/objects/?limit=ten", "GET", {}, 400),
        ("collections/everything/objects/?next=x", "GET", {}, 400),
        ("collections/everything/objects/?added_after=yesterday", "GET", {}, 400),
        ("collections/everything/objects/?match[colour]=red", "GET", {}, 400),
        ("collections/everything/objects/?match[spec_version]=9", "GET", {}, 400),
        (f"collections/everything/objects/{named(1)}/?match[type]=indicator", "GET", {}, 400),
    ):
        answer = edge.ask(path, method, data="{}" if method == "POST" else "", **headers)
        assert (answer.status_code, answer.json()["http_status"]) == (status, str(status)), (
            path,
            answer.content,
        )
        assert answer.json()["title"]


def test_who_asks_too_often_waits(edge, monkeypatch):
    """Beyond the API's rate a partner is told to wait and how long; another one is not."""
    monkeypatch.setattr(guard, "RATE", "2/m")
    answers = [edge.ask("/taxii2/") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert Edge("lv-cert", "LV").ask("/taxii2/").status_code == 200


def test_filters(edge, actor):
    """match[id], match[type], match[version], match[spec_version] and added_after narrow as the standard says."""
    mari = actor("analyst")
    brought(mari, indicator(1))
    old = {one: value for one, value in indicator(2).items() if one != "spec_version"}
    brought(
        mari,
        old,
        {
            **indicator(3),
            "type": "malware",
            "id": named(3).replace("indicator", "malware"),
            "is_family": True,
        },
    )
    brought(mari, indicator(1, "2024-02-01T00:00:00.000Z", name="Second"))
    brought(mari, indicator(1, "2024-03-01T00:00:00Z", name="Third"))
    third = named(3).replace("indicator", "malware")
    assert edge.ids() == [named(2), third, named(1)]
    assert edge.ids(match_type="malware") == [third]
    assert edge.ids("indicators/objects") == [named(2), named(1)]
    assert edge.ids("indicators/objects", match_type="malware") == []
    assert edge.ids(match_id=f"{named(1)},{third}") == [third, named(1)]
    assert edge.ids(match_spec_version="2.0") == [named(2)]

    def names(version: str) -> list[str]:
        told = edge.get("everything/objects", match_version=version, match_id=named(1))["objects"]
        return [one["name"] for one in things(told)]

    assert names("first") == ["Indicator 1"]
    assert names("last") == ["Third"]
    assert names("first,last") == ["Indicator 1", "Third"]
    assert names("all") == ["Indicator 1", "Second", "Third"]
    assert names("2024-02-01T00:00:00Z") == ["Second"]
    media_types = {one["id"]: one["media_type"] for one in edge.get("everything/manifest")["objects"]}
    assert media_types[named(2)] == "application/stix+json;version=2.0"


def test_pages_with_versions_begin_where_the_last_ended(edge, actor):
    """Pages of one object each tell every version of everything once, in order."""
    mari = actor("analyst")
    for at in (1, 2):
        for month in ("01", "02", "03"):
            brought(mari, indicator(at, f"2024-{month}-01T00:00:00.000Z"))
    told, query = [], {"match_version": "all", "limit": "1"}
    while True:
        page = edge.get("everything/objects", **query)
        told += [(one["id"], one["modified"][5:7]) for one in things(page["objects"])]
        if not page.get("more"):
            break
        query["next"] = page["next"]
    assert told == [(named(at), month) for at in (1, 2) for month in ("01", "02", "03")]


def test_news_by_time_misses_and_doubles_nothing(edge, actor):
    """A client that goes on from X-TAXII-Date-Added-Last, page by page, gets each of many things of one moment once."""
    brought(actor("analyst"), *(indicator(at) for at in range(12)))
    told, query = [], "?limit=1"
    while True:
        answer = edge.ask(f"collections/everything/objects/{query}")
        objects = answer.json().get("objects", [])
        if not objects:
            break
        told += [one["id"] for one in objects]
        assert answer["X-TAXII-Date-Added-First"] <= answer["X-TAXII-Date-Added-Last"]
        query = f"?limit=1&added_after={answer['X-TAXII-Date-Added-Last']}"
    assert told == [named(at) for at in range(12)]


def test_nothing_is_lost_or_doubled_while_things_come(edge, actor):
    """Whatever comes, changes and is hidden between pages: what stays is told once, and a change at the end again."""
    mari, chance = actor("analyst"), Random(7)
    for seed in range(3):
        base = 1000 * (seed + 1)
        brought(mari, *(indicator(base + at) for at in range(9)))
        start = edge.ask("collections/everything/objects/")["X-TAXII-Date-Added-First"]
        told: list[str] = []
        changed: set[str] = set()
        query, fresh = {"limit": "4", "added_after": start}, base + 500
        stays = set(edge.ids(added_after=start))
        while True:
            page = edge.get("everything/objects", **query)
            told += [one["id"] for one in things(page["objects"])]
            if not page.get("more"):
                break
            query["next"] = page["next"]
            if len(changed) < 3:
                at = base + chance.randrange(9)
                brought(mari, indicator(at, f"2025-01-01T00:00:00.{len(changed) + 1:03}Z"), indicator(fresh))
                changed.add(named(at))
                fresh += 1
        new = {named(at) for at in range(base + 500, fresh)}
        assert set(told) == stays | new
        assert all(told.count(one) == 1 for one in (stays | new) - changed)


@settings(max_examples=60)
@given(moved=st.integers(0, 10**17), versions=st.integers(0, 10**8))
def test_a_place_is_read_back_as_it_was_written(moved, versions):
    """`next` names exactly one place."""
    assert asked({"next": [str(Place(moved, versions))]}).after == Place(moved, versions)


@settings(max_examples=60)
@given(us=st.integers(0, 4 * 10**15))
def test_a_time_is_read_back_as_it_was_written(us):
    """Times keep their microseconds, so that none is before or behind itself."""
    assert media.read_stamp(media.stamp(us)) == us


@given(
    query=st.dictionaries(
        st.sampled_from(["limit", "next", "added_after", "match[id]", "match[version]"]),
        st.lists(st.text(max_size=9), min_size=1, max_size=2),
    )
)
@settings(max_examples=100)
def test_no_query_does_more_than_be_refused(query):
    """Any parameters are read or refused in words."""
    words = "."
    try:
        read = asked(query)
    except UsageError as error:
        words = str(error)
    else:
        assert 1 <= read.limit <= MOST
    assert words.endswith(".")


def test_an_answer_is_valid_json_with_the_present_marking(edge, actor):
    """An object that names levels of TLP by itself is told with its present one, its other markings kept."""
    green = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
    clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    other = "marking-definition--00000000-0000-4000-8000-000000000001"
    own = {"extensions": {"x": {"object_marking_refs": [clear]}, "y": '"raw":{},"source_id":"'}}
    brought(
        actor("analyst"), indicator(1, object_marking_refs=[clear, other]), indicator(2, **own), indicator(3)
    )
    for one in things(edge.get("everything/objects")["objects"]):
        refs = one["object_marking_refs"]
        assert green in refs
        assert clear not in refs
        assert (other in refs) == (one["id"] == named(1))
        assert json.dumps(one.get("extensions", own["extensions"])) == json.dumps(own["extensions"])
