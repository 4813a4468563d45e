"""Nothing of a partner's entry counts that its signature does not bind: no body without its salt, no impossible envelope."""

from typing import Any

import msgspec
import pytest

from hanse.federation import exchange, originals
from hanse.federation.contents import Card, Carried, Forwarded, Refusals
from hanse.federation.models import Partner, PassedOn, Received
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US
from hanse.kernel.markings import Marking
from hanse.ledger.check import check
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from hanse.ledger.replay import rebuild
from tests.federation import things
from tests.federation.peer import Peer

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture(autouse=True)
def _nothing_held():
    things.held.clear()
    things.then.clear()


def _pull(peer: Peer) -> list[tuple[str, str]]:
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    return list(Received.objects.order_by("place").values_list("state", "why"))


def test_a_body_without_its_salt_is_not_what_the_entry_commits_to(peer):
    """Left out, the salt would keep the commitment from being checked, and the body would be read all the same."""
    item = peer.entry(content=things.Made("signed"))
    peer.items[-1] = msgspec.structs.replace(item, salt=None, body=item.body.replace(b"signed", b"forged"))
    peer.entry(content=things.Made("after"))
    [(state, why), (after, _)] = _pull(peer)
    assert (state, after) == ("refused", "applied")
    assert "without its salt" in why
    assert [name for name, _ in things.held.values()] == ["after"]


def test_a_salt_without_its_body_is_refused(peer):
    """Both are purged together: one that is left tells nothing, and is kept by nobody."""
    item = peer.entry()
    peer.items[-1] = msgspec.structs.replace(item, body=None)
    [(state, _)] = _pull(peer)
    assert state == "refused"


def test_a_third_party_is_not_forged_in_a_body_that_nothing_binds(peer):
    """What is passed on is proven when it is checked: a body that is not checked passes nothing on."""
    victim = Peer("se-cert", "SE")
    victim.joins()
    thing = victim.made("things.made", things.Made("never said"), recipient=peer.authority)
    forged = Forwarded(
        originator=Card(authority="se-cert", name="SE", country="SE", tier="member", verify="00" * 32),
        original=Carried(thing.payload, bytes(64), thing.salt, thing.body),
    )
    item = peer.entry(originals.FORWARDED, forged)
    peer.items[-1] = msgspec.structs.replace(item, salt=None)
    [(state, _)] = _pull(peer)
    assert (state, PassedOn.objects.count(), things.held) == ("refused", 0, {})


@pytest.mark.parametrize(
    "head",
    [
        {"time": FIRST_MOMENT_US - 1},
        {"time": LAST_MOMENT_US + 1},
        {"time": 10**40},
        {"version": 0},
        {"version": 10**40},
        {"object": "x" * 100_000},
        {"object": "{00000000-0000-0000-0000-000000000001}"},
        {"kind": "k" * 100_000},
        {"kind": ""},
    ],
    ids=lambda head: "".join(f"{name} {str(value)[:20]}" for name, value in head.items()),
)
def test_an_envelope_that_cannot_be_meant_is_refused_and_told_in_few_words(peer, head: dict[str, Any]):
    """What is told of it is of its kind's form: it is read in every rebuild, here and at the partner."""
    peer.entry(**head)
    peer.entry(content=things.Made("after"))
    assert [state for state, _ in _pull(peer)] == ["refused", "applied"]
    rebuild()
    assert [str(one) for one in check()] == []
    for entry in Entry.objects.filter(kind="federation.refused"):
        told = content_of(entry, Body.objects.get(pk=entry.sequence), kind_of("federation.refused"))
        assert isinstance(told, Refusals)
        assert len(msgspec.json.encode(told)) < 1_500


def test_a_marking_is_no_longer_than_can_be_shown(peer):
    """A megabyte of handling text would be stored once, and then read by every page that shows the thing."""
    long = Marking(
        originators=frozenset({"fi-cert"}),
        handling=frozenset({"H3"}),
        handling_text=frozenset({"x" * 1_100_000}),
    )
    peer.entry(marking=long)
    peer.entry(content=things.Made("after"))
    [(state, why), (after, _)] = _pull(peer)
    assert (state, after) == ("refused", "applied")
    assert "envelope has" in why
