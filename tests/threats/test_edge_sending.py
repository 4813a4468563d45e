"""Threats 2, 10, 11, 12 and 16 at the open edge: what a partner sends changes nothing of others', and breaks nothing."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hanse.intel import service as intel
from hanse.intel.models import Item
from hanse.kernel.markings import Tlp
from hanse.taxii import kept, receiving
from hanse.taxii.models import Receipt
from tests.taxii.edge import Edge, brought, indicator, named
from tests.taxii.working import done

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = "collections/inbox/objects/"


@pytest.fixture
def edge() -> Edge:
    """A partner, for whom nothing is kept."""
    kept.clear()
    for left in receiving.inbox_folder().glob("taxii-*"):
        left.unlink()
    return Edge()


def sent(edge: Edge, *objects: Any) -> dict[str, Any]:
    """The status of what a partner sent, once it is taken in."""
    answer = edge.ask(INBOX, "POST", json.dumps({"objects": objects}))
    assert answer.status_code == 202, answer.content
    assert answer.json()["status"] == "pending"
    done()
    return edge.ask(f"status/{answer.json()['id']}/").json()


@pytest.mark.parametrize("hidden", [True, False])
def test_2_nothing_of_others_is_overwritten(edge, actor, hidden):
    """An object with the id of one that is here changes nothing of it, whether the sender may see that one or not."""
    mari = actor("analyst")
    brought(mari, indicator(1, name="Ours"), **({"tlp": Tlp.AMBER} if hidden else {}))
    before = Item.projected.get(source_id=named(1))
    told = sent(edge, indicator(1, name="Theirs"))
    assert told["success_count"] == (1 if hidden else 0)
    after = Item.projected.get(pk=before.pk)
    assert (after.digest, after.version, after.marking_id) == (
        before.digest,
        before.version,
        before.marking_id,
    )
    assert intel.item_of(after).raw["name"] == "Ours"


@pytest.mark.parametrize(
    "creator", [{}, {"created_by_ref": f"identity--{'0' * 8}-0000-4000-8000-{'0' * 12}"}]
)
def test_2_nor_by_a_newer_version_or_by_the_same_again(edge, actor, creator):
    """Whoever it names as its creator: what this authority brought in is neither revoked, nor marked, nor co-originated."""
    brought(actor("analyst"), indicator(1, **creator))
    before = Item.projected.get(source_id=named(1))
    assert edge.ids() == [named(1)]
    assert sent(edge, indicator(1, **creator))["success_count"] == 1
    told = sent(edge, indicator(1, "2025-01-01T00:00:00.000Z", revoked=True, **creator))
    assert told["success_count"] == 0
    after = Item.projected.get()
    assert (after.version, after.marking_id, after.revoked) == (before.version, before.marking_id, False)
    assert edge.ids() == [named(1)]
    assert sent(edge, indicator(2))["success_count"] == 1
    assert sent(edge, indicator(2, "2025-01-01T00:00:00.000Z", revoked=True))["success_count"] == 1
    assert Item.projected.get(source_id=named(2)).revoked is True


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ('{"objects": ' + "[" * 5_000 + "]" * 5_000 + "}", 400),
        ('{"objects": [' + "0," * 600_000 + "0]}", 400),
        ('{"objects": [{"a": ' + "9" * 400 + "}]}", 400),
        ('{"objects": [{"a": 1e999}]}', 400),
        ('{"objects": ["' + "x" * receiving.MOST_BYTES + '"]}', 413),
        ("{", 400),
        ("[]", 422),
        ('{"objects": {}}', 422),
        ('{"objects": []}', 422),
        ('{"objects": [], "spec": 1}', 422),
    ],
    ids=[
        "deep",
        "many",
        "long number",
        "infinite",
        "large",
        "broken",
        "a list",
        "no list",
        "empty",
        "unknown member",
    ],
)
def test_10_bombs_are_refused(edge, what, status):
    """Depth, many values, huge numbers and sizes end in an error message; nothing is stored and no job is made."""
    answer = edge.ask(INBOX, "POST", what)
    assert (answer.status_code, answer.json()["http_status"]) == (status, str(status))
    assert not list(receiving.inbox_folder().glob("taxii-*"))
    assert not Item.projected.exists()


@pytest.mark.parametrize(
    "what",
    [
        '{"objects": [], "objects": [{"type": "indicator", "id": "x"}]}',
        '{"objects": [{"type": "indicator", "type": "report", "id": "x"}]}',
        '{"objects": [{"type": "x", "id": "x", "m": {"tlp": "RED", "tlp": "CLEAR"}}]}',
    ],
)
def test_11_a_key_that_comes_twice_is_refused(edge, what):
    """JSON with two meanings is refused as a whole."""
    answer = edge.ask(INBOX, "POST", what)
    assert answer.status_code == 400
    assert "comes twice" in answer.json()["description"]


def test_12_a_partner_weakens_no_marking(edge, actor):
    """What comes in is the sender's and at least TLP:AMBER, whatever it says of itself and however often it comes."""
    clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
    red = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
    sent(edge, indicator(1, object_marking_refs=[red]), indicator(2, object_marking_refs=[clear]))
    sent(edge, indicator(1, "2025-01-01T00:00:00.000Z", object_marking_refs=[clear]))
    for number, level in ((1, Tlp.RED), (2, Tlp.AMBER)):
        rows = Item.projected.select_related("marking").filter(source_id=named(number))
        assert level in {row.marking.marking.tlp for row in rows}
        assert all(row.marking.marking.tlp >= Tlp.AMBER for row in rows)
        assert {one for row in rows for one in row.marking.marking.originators} == {"fi-cert"}
    assert edge.ids() == []


def test_16_sending_tells_nothing_of_what_is_hidden(edge, actor):
    """The status of an object is the same, whether something hidden has its id or nothing has."""
    brought(actor("analyst"), indicator(1), tlp=Tlp.RED)
    told = [sent(edge, indicator(at)) for at in (1, 2)]
    for one in told:
        assert one.pop("id")
        assert one.pop("request_timestamp")
    assert told[0] == told[1] == {
        "status": "complete", "total_count": 1, "success_count": 1, "failure_count": 0, "pending_count": 0,
    }  # fmt: skip


def test_what_is_large_but_allowed_is_taken_in(edge):
    """Up to what the API root says, a request is taken in; `max_content_length` is the same number as the refusal's."""
    assert sent(edge, indicator(1, description="x" * 3_000_000))["success_count"] == 1
    assert edge.ask("").json()["max_content_length"] == receiving.MOST_BYTES


def test_what_is_sent_again_is_known(edge):
    """A partner who sends the same again makes nothing twice."""
    for _ in range(3):
        assert sent(edge, indicator(1))["success_count"] == 1
    assert Item.projected.count() == 1
    assert Receipt.objects.count() == 3


def test_what_a_revoked_partner_sent_is_not_taken_in(edge):
    """Work that waited while the partner was revoked is not done."""
    from hanse.taxii import partners

    answer = edge.ask(INBOX, "POST", json.dumps({"objects": [indicator(1)]}))
    partners.revoke(edge.row.pk, "It was stolen.", edge.people[0])
    done()
    assert answer.status_code == 202
    assert not Item.projected.exists()


def test_10_a_flood_waits_at_the_sender(edge, monkeypatch):
    """No partner fills the disk with what nobody has read in yet, and none is in another's way."""
    monkeypatch.setattr(receiving, "MOST_WAITING", 3)
    data = json.dumps({"objects": [indicator(1)]})
    assert [edge.ask(INBOX, "POST", data).status_code for _ in range(5)] == [202] * 3 + [429] * 2
    assert len(list(receiving.inbox_folder().glob("taxii-*"))) == 3
    assert Edge("lv-cert", "LV").ask(INBOX, "POST", data).status_code == 202
    done()
    assert edge.ask(INBOX, "POST", data).status_code == 202
    monkeypatch.setattr(receiving, "KEEP_FREE_BYTES", 2**80)
    assert edge.ask(INBOX, "POST", data).status_code == 507
    done()
    assert not list(receiving.inbox_folder().glob("taxii-*"))


def test_what_is_accepted_is_on_disk(edge, monkeypatch):
    """Before a partner is told that something was accepted, its file and the folder's entry for it are flushed."""
    flushed, fsync = [], os.fsync

    def noted(number):
        flushed.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        fsync(number)

    monkeypatch.setattr(os, "fsync", noted)
    assert edge.ask(INBOX, "POST", json.dumps({"objects": [indicator(1)]})).status_code == 202
    (file,) = receiving.inbox_folder().glob("taxii-*")
    assert {str(file), str(file.parent)} <= set(flushed)
    done()
