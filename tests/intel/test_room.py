"""The room of intelligence on a node: what is brought in, seen, shared, undone, taken out and purged."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from django.db import connection

from hanse.intel import correlating, finding, full_text, service
from hanse.intel.models import Batch, Item, Posting, Value
from hanse.intel.reading import facts_of
from hanse.intel.recognise import items
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.erasing import scrub
from hanse.ledger.models import Body
from hanse.ledger.service import purge
from hanse.policy import service as policy
from hanse.policy.asking import RefusedError
from tests.conftest import AUTHORITY
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]


def indicator(number: int, address: str, **more: Any) -> dict[str, Any]:
    """A STIX indicator about an address."""
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z", "name": f"Indicator {number}",
        "pattern": f"[ipv4-addr:value = '{address}']", "pattern_type": "stix", "valid_from": "2024-01-01T00:00:00Z",
        **more,
    }  # fmt: skip


def bundle(*objects: dict[str, Any]) -> bytes:
    """A bundle of objects, as a file."""
    made = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": list(objects)}
    return json.dumps(made).encode()


def shared(row: Item, actor: Actor) -> list[correlating.Correlation]:
    """What an item shares with others, as its page shows it."""
    values = dict.fromkeys(value for value, _ in facts_of(service.item_of(row)).values)
    return correlating.of_item(row, values, actor)


def test_bringing_in_twice_changes_nothing(actor: People) -> None:
    """The second time everything is known, and no entry of an item is written."""
    mari, data = actor("analyst"), bundle(indicator(1, "8.8.4.4"), indicator(2, "8.8.8.8"))
    assert service.bring_in(data, "one.json", mari).fresh == 2
    before = Body.objects.count()
    again = service.bring_in(data, "one.json", mari)
    assert (again.fresh, again.known, Item.projected.count()) == (0, 2, 2)
    assert Body.objects.count() == before + 1  # the account alone
    assert findings() == []


def test_what_came_before_a_file_broke_off_is_here(actor: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next items are got ready while some are written: an error of theirs takes none of these along."""

    def broken(*asked: Any) -> tuple[str, Iterator[Any]]:
        kind, stream = items(*asked)

        def cut() -> Iterator[Any]:
            yield from islice(stream, 5)
            raise UsageError("The rest is missing.")

        return kind, cut()

    monkeypatch.setattr(service, "CHUNK", 2)
    monkeypatch.setattr(service, "items_ahead", broken)
    with pytest.raises(UsageError, match="The rest"):
        service.bring_in(
            bundle(*(indicator(n, f"8.8.8.{n}") for n in range(9))), "one.json", actor("analyst")
        )
    titles = Item.projected.order_by("number").values_list("title", flat=True)
    assert list(titles) == [f"Indicator {n}" for n in range(4)]
    assert findings() == []


def test_a_dry_run_says_what_would_come_and_writes_nothing(actor: People) -> None:
    """New, newer, older, known and clashing items are told apart, and nothing is written."""
    mari = actor("analyst")
    service.bring_in(bundle(*(indicator(n, f"8.8.8.{n}") for n in range(1, 5))), "one.json", mari)
    before = Body.objects.count()
    tried = service.bring_in(
        bundle(
            indicator(1, "8.8.8.1"),
            indicator(2, "8.8.8.99"),
            indicator(3, "8.8.8.3", modified="2025-01-01T00:00:00.000Z"),
            indicator(4, "8.8.8.4", modified="2023-01-01T00:00:00.000Z"),
            indicator(5, "8.8.8.5"),
        ),
        "two.json", mari, dry_run=True,
    )  # fmt: skip
    assert (tried.known, len(tried.clashes), tried.newer, tried.older, tried.fresh) == (1, 1, 1, 1, 1)
    assert Body.objects.count() == before


def test_a_clash_does_not_overwrite(actor: People) -> None:
    """What says something else under the same id and version is told, and what was here stands."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    came = service.bring_in(bundle(indicator(1, "8.8.4.4", name="Mine now")), "two.json", mari)
    assert [one["id"] for one in came.clashes] == ["indicator--00000000-0000-4000-8000-000000000001"]
    assert service.item_of(Item.projected.get()).raw["name"] == "Indicator 1"


def test_what_came_goes_out_equal(actor: People) -> None:
    """STIX objects leave field by field as they came."""
    mari, one = (
        actor("analyst"),
        indicator(1, "8.8.8.8", x_custom={"a": [1, 2.5, None, "é"]}, labels=["b", "a"]),
    )
    service.bring_in(bundle(one), "one.json", mari)
    taken = service.taken_out(list(Item.projected.all()), "test")
    assert taken.document["objects"] == [one]


def test_values_correlate_within_what_the_reader_may_see(actor: People) -> None:
    """Two items that name an address correlate; an item that is not for the reader leaves no trace."""
    mari, red = actor("analyst"), Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    service.bring_in(bundle(indicator(1, "8.8.8.8"), indicator(2, "8.8.8.8")), "one.json", mari)
    service.bring_in(bundle(indicator(3, "8.8.8.8")), "red.json", mari, marking=red)
    row = Item.projected.get(source_id__endswith="1")
    (found,) = shared(row, mari)
    assert [str(one) for one in found.items] == ["Indicator 2"]
    assert (found.count, found.of) == (1, 2)
    assert "3" not in found.words


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "224.0.0.1"])
def test_noise_never_correlates(actor: People, address: str) -> None:
    """Addresses that every network uses have nothing in common."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, address), indicator(2, address)), "one.json", mari)
    assert shared(Item.projected.get(source_id__endswith="1"), mari) == []


def test_a_correlation_can_be_undone_and_restored(actor: People) -> None:
    """It stays visible as undone with its decision, and comes back when that is taken back; a reason is needed."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8"), indicator(2, "8.8.8.8")), "one.json", mari)
    row = Item.projected.get(source_id__endswith="1")
    value = shared(row, mari)[0].id
    with pytest.raises(UsageError):
        service.undo(value, row, " ", mari)
    decision = service.undo(value, row, "A public resolver.", mari)
    assert shared(row, mari)[0].undone == decision
    other = Item.projected.get(source_id__endswith="2")
    assert shared(other, mari)[0].undone is None
    service.restore(decision, mari)
    assert shared(row, mari)[0].undone is None
    assert findings() == []


def test_who_may_not_brings_nothing_in(actor: People) -> None:
    """Without the role nothing is read, written or decided."""
    with pytest.raises(RefusedError):
        service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", actor("administrator"))
    assert not Item.projected.exists()


def test_a_handling_code_keeps_values_out_of_the_tables(actor: People) -> None:
    """Of an item with H2 no title and no value stands in the clear; it is found by its value all the same."""
    mari = actor("analyst")
    marking = Marking(originators=frozenset({AUTHORITY}), handling=frozenset({"H2"}))
    service.bring_in(bundle(indicator(1, "8.8.4.4", name="Canary")), "one.json", mari, marking=marking)
    with connection.cursor() as cursor:
        cursor.execute("SELECT title FROM intel_item")
        assert cursor.fetchall() == [("",)]
    assert Value.objects.get().text is None
    service.bring_in(bundle(indicator(2, "8.8.4.4")), "two.json", mari)
    assert Value.objects.get().text == "8.8.4.4"
    assert [str(one) for one in shared(Item.projected.get(source_id__endswith="2"), mari)[0].items]
    assert findings() == []


def test_a_purge_leaves_nothing_of_an_item(actor: People) -> None:
    """Row, values, postings and words go, and values that another item names stay."""
    mari = actor("analyst")
    service.bring_in(bundle(indicator(1, "8.8.8.8"), indicator(2, "8.8.8.8")), "one.json", mari)
    purge([Item.projected.get(source_id__endswith="1").pk], mari, "It was wrong.", law="")
    assert (Item.projected.count(), Value.objects.count(), Posting.objects.count()) == (1, 1, 1)
    purge([Item.projected.get().pk], mari, "It was wrong too.", law="")
    assert (Item.projected.count(), Value.objects.count(), Posting.objects.count()) == (0, 0, 0)
    assert findings() == []


def test_a_misp_event_comes_and_goes_whole(actor: People) -> None:
    """An event becomes items with their parts, marked as its tags say, and leaves as it came."""
    mari = actor("analyst")
    event = {
        "Event": {
            "uuid": "5f0c0a2e-0000-4000-8000-000000000001", "info": "Phishing wave", "date": "2024-01-01",
            "timestamp": "1704067200", "Tag": [{"name": "tlp:red"}],
            "Attribute": [
                {"uuid": "5f0c0a2e-0000-4000-8000-000000000002", "type": "ip-dst", "value": "8.8.8.8",
                 "timestamp": "1704067200"}
            ],
            "Object": [],
        }
    }  # fmt: skip
    came = service.bring_in(json.dumps(event).encode(), "event.json", mari)
    assert (came.format, came.fresh) == ("misp", 2)
    rows = list(Item.projected.order_by("number"))
    assert {row.marking.marking.tlp for row in rows} == {Tlp.RED}
    assert service.taken_out(rows, "test").document == event


def test_a_newer_version_never_weakens_what_people_decided(actor: People) -> None:
    """An item that was marked anew here keeps its marking and team when a newer version of it comes in."""
    mari, red = actor("analyst", teams=("amber",)), Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    policy.mark(Item.projected.get().pk, red, "amber", mari, "Only those who work on it.")
    service.bring_in(bundle(indicator(1, "8.8.4.4", modified="2025-01-01T00:00:00.000Z")), "two.json", mari)
    row = Item.projected.get()
    assert (row.marking.marking.tlp, row.team, row.source_version[:4]) == (Tlp.RED, "amber", "2025")
    assert findings() == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("8[.]8.8.8", ["Indicator 2", "Indicator 1"]),
        ("8.8.4.0/24", ["Indicator 3"]),
        ("indicator--00000000-0000-4000-8000-000000000003", ["Indicator 3"]),
        ("booters spring", ["Indicator 3"]),
        ("nothing of that sort", []),
    ],
)
def test_the_search_finds_items(actor: People, text: str, names: list[str]) -> None:
    """A value in any spelling, a network around it, an id, and words of what an item says find it; red ones do not."""
    mari, red = actor("analyst"), Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    third = indicator(3, "8.8.4.4", description="Seen with the booters that were hired in spring.")
    service.bring_in(bundle(indicator(1, "8.8.8.8"), indicator(2, "8.8.8.8"), third), "one.json", mari)
    service.bring_in(
        bundle(indicator(4, "8.8.8.8", description="booters of spring")), "red.json", mari, marking=red
    )
    assert [str(row) for row in finding.matching(text, mari)] == names


def test_nobody_learns_by_bringing_in_what_they_may_not_see(actor: People) -> None:
    """An item that is here but not for the bringer changes no count, is not written on, and theirs stands beside it."""
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    inside, outside = actor("analyst", teams=("amber",)), actor("analyst", name="Somebody Else")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", inside)
    hidden = Item.projected.get()
    policy.mark(hidden.pk, red, "amber", inside, "Only those who work on it.")
    newer = indicator(1, "8.8.4.4", modified="2025-01-01T00:00:00.000Z", name="Theirs")
    for same in (indicator(1, "8.8.8.8"), newer):
        assert service.bring_in(bundle(same), "x.json", outside, dry_run=True).fresh == 1
    assert service.bring_in(bundle(newer), "two.json", outside).fresh == 1
    assert service.bring_in(bundle(newer), "two.json", outside).known == 1
    hidden.refresh_from_db()
    assert (hidden.source_version[:4], hidden.marking.marking.tlp) == ("2024", Tlp.RED)
    assert [str(row) for row in Item.objects.for_actor(outside, "intel.view")] == ["Theirs"]
    assert findings() == []


def test_an_account_is_marked_as_what_it_tells(actor: People) -> None:
    """A clash that is TLP:RED makes the account that tells it TLP:RED."""
    mari, red_id = actor("analyst"), "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari)
    came = service.bring_in(bundle(indicator(1, "8.8.4.4", object_marking_refs=[red_id])), "two.json", mari)
    assert len(came.clashes) == 1
    assert Batch.projected.get(pk=came.object_id).marking.marking.tlp == Tlp.RED


def test_the_same_content_marked_more_strictly_is_restricted(actor: People) -> None:
    """What is here already takes the stricter marking of a later import, and never its weaker one."""
    mari, data = actor("analyst", "officer"), bundle(indicator(1, "8.8.8.8"))
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    green = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.GREEN)
    service.bring_in(data, "one.json", mari)
    assert service.bring_in(data, "weak.json", mari, marking=green).known == 1
    assert Item.projected.get().marking.marking.tlp == Tlp.AMBER
    assert service.bring_in(data, "red.json", mari, marking=red).newer == 1
    assert Item.projected.get().marking.marking.tlp == Tlp.RED
    assert service.bring_in(data, "one.json", mari).known == 1
    assert Item.projected.get().marking.marking.tlp == Tlp.RED
    assert findings() == []


def test_tags_that_changed_without_a_time_are_newer(actor: People) -> None:
    """MISP gives no new time to an event that is tagged anew: it is taken, never weaker; any other change is a clash."""
    mari = actor("analyst")
    event = {
        "uuid": "5f0c0a2e-0000-4000-8000-000000000001", "info": "Phishing wave", "date": "2024-01-01",
        "timestamp": "1704067200", "Tag": [{"name": "tlp:amber+strict"}], "Attribute": [],
    }  # fmt: skip

    def came(**more: Any) -> service.Account:
        return service.bring_in(json.dumps({"Event": {**event, **more}}).encode(), "event.json", mari)

    assert came().fresh == 1
    tagged = [{"name": "tlp:green"}, {"name": 'admiralty-scale:source-reliability="b"'}]
    assert came(Tag=tagged).newer == 1
    row = Item.projected.get()
    assert (row.grade, row.marking.marking.tlp) == ("admiralty B6", Tlp.AMBER_STRICT)
    assert (came(Tag=tagged).known, len(came(Tag=tagged, info="Another wave").clashes)) == (1, 1)
    assert findings() == []


def test_an_item_that_is_indexed_again_is_found_by_its_new_words_alone(actor: People) -> None:
    """What the index has of an item is replaced, whether it is the newest or an older one."""
    service.bring_in(bundle(*(indicator(n, f"8.8.8.{n}") for n in range(3))), "one.json", actor("analyst"))
    numbers = list(Item.projected.order_by("number").values_list("number", flat=True))
    holdings = list(Item.projected.values_list("holding", flat=True))
    full_text.add([(number, "Changed", "") for number in numbers[:2]])
    assert full_text.holding("changed", holdings, 9) == [numbers[1], numbers[0]]
    assert full_text.holding("indicator", holdings, 9) == [numbers[2]]


def test_words_of_what_is_purged_are_in_no_part_of_the_index(actor: People) -> None:
    """An index notes that a word is gone beside the word itself; cleaning leaves neither, and finds the rest."""
    mari = actor("analyst")
    told = [
        indicator(1, "8.8.4.4", description="zebedeuscanary"),
        indicator(2, "8.8.8.8", description="other"),
    ]
    service.bring_in(bundle(*told), "two.json", mari)
    purge([Item.projected.order_by("number")[0].pk], mari, "erasure")
    assert scrub()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT block FROM intel_words_data")
            parts = [bytes(block) for (block,) in cursor.fetchall()]
        assert not [part for part in parts if b"zebedeus" in part or b"canary" in part]
    assert finding.matching("other", mari).count() == 1
