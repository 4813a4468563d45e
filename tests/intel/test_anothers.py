"""A newer version under another's id is a clash: nobody takes over what somebody else has said."""

import dataclasses
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from hanse.intel import recognise, service
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking
from hanse.ledger.retention import purge_due
from tests.intel.stix_corpus import bundle, sdo
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_newer_version_by_another_creator_is_a_clash(actor: Callable[..., Actor]) -> None:
    """The creator's own newer version comes in; under another creator's name it is told, and what was here stands."""
    mari = actor("analyst")
    mine = sdo("tool", 1, name="mine", created_by_ref="identity--a")
    service.bring_in(bundle(mine), "one.json", mari)
    newer = {**mine, "modified": "2025-01-01T00:00:00Z"}
    came = service.bring_in(
        bundle({**newer, "created_by_ref": "identity--b", "name": "theirs"}), "two.json", mari
    )
    assert (came.newer, len(came.clashes)) == (0, 1)
    assert service.item_of(Item.projected.get()).raw["name"] == "mine"
    assert service.bring_in(bundle({**newer, "name": "mine too"}), "three.json", mari).newer == 1
    assert service.item_of(Item.projected.get()).raw["name"] == "mine too"


def test_nor_of_what_a_handling_code_seals(actor: Callable[..., Actor]) -> None:
    """Who made a sealed item stands in no table, and all the same nobody else's version takes its place."""
    mari = actor("analyst")
    marking = Marking(originators=frozenset({"ee-cert"}), handling=frozenset({"H1"}))
    mine = sdo("tool", 1, name="mine", created_by_ref="identity--a")
    service.bring_in(bundle(mine), "one.json", mari, marking=marking)
    newer = {**mine, "modified": "2025-01-01T00:00:00Z", "name": "theirs", "revoked": True}
    came = service.bring_in(bundle({**newer, "created_by_ref": "identity--b"}), "two.json", mari)
    assert (came.newer, len(came.clashes)) == (0, 1)
    assert service.bring_in(bundle({**newer, "name": "mine too"}), "three.json", mari).newer == 1
    assert service.item_of(Item.projected.get()).raw["name"] == "mine too"


def test_who_brings_the_same_again_purges_nothing(actor: Callable[..., Actor]) -> None:
    """A date that is past, or near, brings the end of what is here forward to a week at most, and once: others notice."""
    mari, own = actor("analyst"), Marking.own("ee-cert")
    mine = sdo("tool", 1, name="mine", created_by_ref="identity--a")
    service.bring_in(bundle(mine), "one.json", mari)
    past = dataclasses.replace(own, retention_us=now_us() - 1)
    assert service.bring_in(bundle(mine), "two.json", mari, marking=past).newer == 1
    purge_due()
    until = Item.projected.get().marking.marking.retention_us
    assert until is not None
    assert until > now_us() + 6 * 86_400_000_000
    newer = {**mine, "modified": "2025-01-01T00:00:00Z", "name": "newer"}
    assert service.bring_in(bundle(newer), "three.json", mari, marking=past).newer == 1
    assert Item.projected.get().marking.marking.retention_us == until
    assert service.bring_in(bundle(newer), "four.json", mari, marking=past).known == 1
    purge_due()
    assert Item.projected.count() == 1
    sooner = dataclasses.replace(own, retention_us=now_us() + 1_000_000_000)
    fresh = sdo("tool", 2, name="fresh")
    assert service.bring_in(bundle(fresh), "five.json", mari, marking=sooner).fresh == 1
    assert Item.projected.get(source_id=fresh["id"]).marking.marking == sooner


def test_a_newer_version_opens_nothing_of_a_team(actor: Callable[..., Actor]) -> None:
    """What a team's feed brought stays that team's when one of them brings in a newer version by hand."""
    team = "7" * 32
    mari, other = actor("analyst", teams=(team,)), actor("analyst", name="Kati")
    mine = sdo("tool", 1, name="mine", created_by_ref="identity--a")
    account = service.Account("feed", Marking.own("ee-cert"))
    _, stream = recognise.items(bundle(mine), "one.json", Marking.own("ee-cert"), "")
    came = [one for one in stream if not isinstance(one, str)]
    service.take(
        [one._replace(item=replace(one.whole, team=team), known=None) for one in came], account, mari, mari
    )
    assert Item.projected.get().team == team
    newer = {**mine, "modified": "2025-01-01T00:00:00Z", "name": "newer"}
    assert service.bring_in(bundle(newer), "two.json", mari).newer == 1
    assert Item.projected.get().team == team
    assert not Item.objects.for_actor(other, "intel.view").exists()
    assert findings() == []


def test_no_event_takes_another_events_attribute(actor: Callable[..., Actor]) -> None:
    """An attribute's UUID in an event of somebody else moves nothing: the event that had it keeps it."""
    mari = actor("analyst")
    attribute = {
        "uuid": "00000000-0000-4000-8000-000000000001",
        "type": "domain",
        "value": "a.example.org",
        "timestamp": "1",
    }
    for name, stamp in (("first", "1"), ("second", "2")):
        event = {"uuid": name, "info": name, "Attribute": [{**attribute, "timestamp": stamp}]}
        came = service.bring_in(json.dumps({"Event": event}).encode(), f"{name}.json", mari)
    assert (came.fresh, came.newer, len(came.clashes)) == (1, 0, 1)
    assert Item.projected.get(type="attribute").parent == "first"
