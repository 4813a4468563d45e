"""Threat 3: replay. A message is for one audience, for ten minutes, and has a number that is heard once."""

import pytest

from hanse.federation import wire
from hanse.federation.models import Link
from hanse.federation.stream import Page, Pull
from hanse.kernel import message
from hanse.kernel.clock import now_us
from tests.federation.conftest import founded  # noqa: F401 - the fixture is used by its name
from tests.federation.peer import Peer

NOTHING = Pull(0, bytes(32), 0, 0)


@pytest.mark.usefixtures("founded")
def test_a_message_heard_once_is_refused_from_then_on():
    """What was heard is on disk before anything is done; `tests/federation/test_two_nodes` kills a real node between."""
    peer = Peer()
    peer.joins()
    data = peer.message("pull", NOTHING)
    assert wire.answer(data).status == 200
    assert Link.objects.get().heard == message.parse(data)[0].number
    answer = wire.answer(data)
    assert (answer.status, isinstance(peer.reads(answer, Page), wire.Refusal)) == (409, True)


@pytest.mark.usefixtures("founded")
def test_a_message_for_another_node_is_refused():
    """Whoever gets a partner's message cannot pass it on: it names its audience, under the signature."""
    peer = Peer()
    peer.joins()
    answer = wire.answer(peer.message("pull", NOTHING, audience="lv-cert"))
    assert (answer.status, b"is for lv-cert" in answer.data) == (400, True)


@pytest.mark.usefixtures("founded")
def test_an_old_message_and_one_of_an_earlier_number_are_refused():
    """A message that was held back is refused when a later one was heard, or when its time is over."""
    peer = Peer()
    peer.joins()
    held_back = peer.message("pull", NOTHING)
    peer.asks("pull", NOTHING, Page)
    assert wire.answer(held_back).status == 409
    late = peer.message("pull", NOTHING, time_us=now_us() - 601_000_000)
    assert wire.answer(late).status == 403
