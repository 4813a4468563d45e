"""Threat 16, webhooks: what is told, what is not, and when, says nothing of what the receiver may not see."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from hanse.attacks import service as attacks
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.service import purge
from hanse.policy.service import mark
from hanse.webhooks import clock, notices
from hanse.webhooks.models import Message
from hanse.webhooks.notices import sources
from hanse.webhooks.upcoming import Upcoming
from tests.accounts.people import NODE
from tests.campaigns.plans import estonia
from tests.taxii.edge import Edge
from tests.webhooks.receiving import SILENT, Told, shown

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

OWN = frozenset({"ee-cert"})
GREEN = Marking(originators=OWN, tlp=Tlp.GREEN, pap=Pap.GREEN)
PLAN = estonia(7).attacks
HIDDEN = {
    "own, AMBER": Marking.own("ee-cert"),
    "TLP:RED": replace(GREEN, tlp=Tlp.RED),
    "PAP:RED": replace(GREEN, pap=Pap.RED),
    "H1": replace(GREEN, handling=frozenset({"H1"})),
    "H2": replace(GREEN, handling=frozenset({"H2"})),
    "releasable to others": replace(GREEN, releasable=frozenset({"authority:lv-cert"})),
    "for another purpose": replace(GREEN, purposes=frozenset({"prosecution"})),
}


def begun(at: int, marking: Marking = GREEN) -> UUID:
    """An attack that runs."""
    return attacks.begun(PLAN[at], None, NODE, marking).object_id


@pytest.mark.parametrize("why", HIDDEN)
def test_what_is_hidden_is_never_told(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Not when it begins, not when it ends, and not when it goes: there is no message, sent or waiting."""
    told = Told(monkeypatch)
    attack = begun(0, HIDDEN[why])
    told.turn()
    attacks.ended(PLAN[0], None, NODE)
    told.turn()
    purge([attack], NODE, "Its time is over.")
    told.turn(3)
    assert (told.receiver.seen, Message.objects.count()) == ([], 0)


def test_no_gap_and_no_number_says_that_something_was_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without hidden attacks in between, the same bodies come but for ids and times; ids follow no counter."""

    def told_of(*hidden: int) -> list[dict[str, Any]]:
        told = Told(monkeypatch, edge=Edge(f"x{len(hidden)}-cert"))
        for at in range(6):
            begun(at + 10 * len(hidden), GREEN if at not in hidden else HIDDEN["own, AMBER"])
            told.turn(1)
        told.turn(2)
        assert all(name.startswith("msg_") and len(name) == 36 for name, _ in told.receiver.taken)
        return [
            {
                key: sorted(value) if key == "data" else value
                for key, value in body.items()
                if key != "timestamp"
            }
            for _, body in told.receiver.taken
        ]

    without, with_hidden = told_of(), told_of(0, 2, 5)
    assert (len(without), len(with_hidden)) == (6, 3)
    assert without[:3] == with_hidden


def test_sending_waits_for_the_next_slot_whatever_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot sends first what an earlier one found, and looks at what is new afterwards: the look delays no sending."""
    told, order = Told(monkeypatch), []
    for source in sources():
        seen = source.tell
        object.__setattr__(source, "tell", lambda *given, seen=seen: (order.append("look"), seen(*given))[1])
    sent = told.receiver.post
    monkeypatch.setattr(
        told.receiver, "post", lambda *given, **more: (order.append("send"), sent(*given, **more))[1]
    )
    begun(0)
    told.turn(1)
    assert "send" not in order
    order.clear()
    for at in range(1, 6):
        begun(at, HIDDEN["own, AMBER"])
    told.turn(1)
    # The one look before it is at the message itself: is it still released?
    assert order.index("send") <= 1
    assert "look" in order[order.index("send") :]


def test_what_is_hidden_later_is_recalled_where_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marked more strictly or purged, a thing that was told is taken back by its id alone; nothing else of it is said."""
    told = Told(monkeypatch)
    first, second = begun(0), begun(1)
    told.turn()
    mark(first, HIDDEN["TLP:RED"], "", NODE, "It concerns a source.")
    told.turn()
    purge([second], NODE, "Its time is over.")
    told.turn()
    assert told.receiver.events == ["attack.began", "attack.began", "attack.recalled", "attack.recalled"]
    assert [body["data"] for _, body in told.receiver.taken[2:]] == [
        {"id": shown(one), "authority": "ee-cert"} for one in (first, second)
    ]
    told.restart()
    told.turn(3)
    assert len(told.receiver.seen) == 4


def test_what_is_hidden_before_it_was_sent_is_not_told_and_not_recalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Policy is asked at each attempt; a recall of what nobody was told would tell that there was something."""
    told = Told(monkeypatch)
    attack = begun(0)
    told.turn(1)
    mark(attack, HIDDEN["TLP:RED"], "", NODE, "It concerns a source.")
    told.turn(4)
    assert told.receiver.seen == []
    assert told.messages() == [("attack.began", "dropped")]


def test_what_may_have_come_through_is_recalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that was not answered may have reached the receiver all the same: it is taken back."""
    told = Told(monkeypatch)
    told.receiver.answers = [SILENT]
    attack = begun(0)
    told.turn(2)
    mark(attack, HIDDEN["TLP:RED"], "", NODE, "It concerns a source.")
    Message.objects.update(again_us=0)
    told.turn(3)
    assert told.receiver.events == ["attack.recalled"]


def test_what_is_released_later_is_told_then(
    monkeypatch: pytest.MonkeyPatch, actor: Callable[..., Actor]
) -> None:
    """A thing that is marked for partners afterwards is told as if it were new."""
    told = Told(monkeypatch)
    attack = begun(0, HIDDEN["own, AMBER"])
    told.turn(3)
    mark(attack, GREEN, "", NODE, "It may be known.")
    told.turn(2)
    assert told.receiver.events == ["attack.began"]


def test_two_partners_are_told_each_what_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is releasable to one is told to that one; neither learns what the other was told, nor that there is another."""
    first, second = Told(monkeypatch), Told(monkeypatch, edge=Edge("lv-cert", "LV"))
    begun(0, replace(GREEN, releasable=frozenset({"authority:lv-cert"})))
    begun(1, replace(GREEN, releasable=frozenset({"authority:fi-cert"})))
    for one in (first, second):
        monkeypatch.setattr("hanse.webhooks.delivering.client", lambda one=one: one.receiver)
        for _ in range(2):
            clock.turn(one.hook, one.upcoming)
    told = [[body["data"]["id"] for _, body in one.receiver.taken] for one in (first, second)]
    assert told == [[shown(attacks.object_of(PLAN[1].id))], [shown(attacks.object_of(PLAN[0].id))]]


def test_hidden_entries_by_the_thousand_are_passed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked at is not looked at in every slot again: many hidden things make no slot longer for good."""
    told = Told(monkeypatch)
    for at in range(5):
        begun(at, HIDDEN["own, AMBER"])
    told.turn(1)
    asked: list[int] = []
    for source in sources():
        counting = replace(source, tell=lambda _actor, things: asked.append(len(things)) or [])
        monkeypatch.setitem(notices._sources, source.sort, counting)
    told.turn(3)
    assert asked == []
    assert isinstance(told.upcoming, Upcoming)
