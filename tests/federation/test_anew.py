"""A partner that was expelled and becomes one anew: its ledger may be another one, and nothing is done twice."""

import secrets
from uuid import UUID

import pytest

from hanse.accounts import approvals
from hanse.attacks.models import Attack
from hanse.federation import exchange, invitation, partnering, recalling, sharing, wire, witnesses
from hanse.federation.contents import Recall, WitnessAsked
from hanse.federation.invitation import Invitation
from hanse.federation.keeping import GiveBack, GivenBack
from hanse.federation.models import Contradiction, Link, Partner, Received, Standing, Witness
from hanse.federation.partners import own_key
from hanse.federation.sharing import Audience, Sharing
from hanse.federation.stream import Page, Pull, StreamError
from hanse.federation.witnessing import Cosigned
from hanse.kernel import envelope
from hanse.kernel.keys import SigningKey
from hanse.ledger import keyring, tree
from hanse.ledger import service as ledger
from hanse.ledger.check import check
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import node
from tests.federation.peer import NODE, Peer
from tests.federation.things import held, then
from tests.node.made import earliest

__all__ = ["node"]

pytestmark = pytest.mark.usefixtures("founded", "unstretched")


@pytest.fixture
def peer() -> Peer:
    """A partner; nothing is held of it."""
    held.clear()
    then.clear()
    one = Peer()
    one.joins()
    return one


def _row() -> Partner:
    return Partner.objects.get(pk="fi-cert")


def _pull(peer: Peer) -> None:
    exchange.pull_all(_row(), peer)  # type: ignore[arg-type]


def _anew(peer: Peer) -> None:
    """Two people expel it; two people make it a partner anew, by its invitation."""
    officer, second = acting(newcomer("officer")), acting(newcomer("officer", "approver"))
    approvals.approve(
        partnering.propose_standing("fi-cert", "expelled", "It contradicts itself.", officer), second
    )
    assert _row().state == Standing.EXPELLED
    seal = peer.openings[peer.seal].public.raw.hex()
    file = Invitation(
        authority="fi-cert", country="FI", endpoint="https://fi-cert.example/league/", name="FI-CERT", seal=seal,
        tier="member", verify=peer.signing.public.raw.hex(),
    )  # fmt: skip
    proposal = partnering.propose(
        invitation.write(file, peer.signing), "", "It was put back; we spoke.", officer
    )
    approvals.approve(proposal, second)
    peer.speaks = peer.signing
    peer.back, peer.chain = [], bytes(32)


def _attack() -> UUID:
    record(earliest(12), NODE)
    return Attack.projected.order_by("start_us")[0].pk


def _rows() -> list[tuple[int | None, str, str]]:
    return list(Received.objects.order_by("number").values_list("place", "kind", "state"))


def test_the_same_ledger_is_read_again_and_nothing_is_done_twice(peer) -> None:
    """Entries that came before get their places again; what they said is not projected, answered or refused anew."""
    recalled = envelope.reread(peer.entry().payload).object
    peer.entry(recalling.RECALLED, Recall(recalled, "It was wrong."))
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    before, answers = _rows(), Entry.objects.filter(kind="federation.recall_answered").count()
    assert (answers, len(held), len(then)) == (1, 1, 2)
    _anew(peer)
    assert [place for place, _, _ in _rows()] == [None] * 3
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    assert _rows() == [*before, (3, "things.made", "applied")]
    assert Entry.objects.filter(kind="federation.recall_answered").count() == answers
    assert (len(held), len(then)) == (2, 3), "only what is new is taken"
    assert Link.objects.get(pk="fi-cert").proven == 4
    rebuild()
    assert _rows() == [*before, (3, "things.made", "applied")]
    assert list(check()) == []


def test_another_ledger_is_no_contradiction(peer) -> None:
    """A partner that was put back and wrote on from an older state contradicts itself until it is made one anew."""
    for _ in range(3):
        peer.entry()
    peer.checkpoint()
    _pull(peer)
    peer.items, peer.places, peer.tree = peer.items[:1], [], [secrets.token_bytes(32) for _ in range(20)]
    peer.entry()
    peer.entry()
    peer.checkpoint()
    with pytest.raises(StreamError):
        _pull(peer)
    told = Contradiction.objects.count()
    _anew(peer)
    _pull(peer)
    assert Contradiction.objects.count() == told
    places = {place for place, _, _ in _rows()}
    assert places == {None, 0, 1, 2}, "two that its ledger has no longer stay here"
    assert len(held) == 5
    assert Link.objects.get(pk="fi-cert").proven == 3
    rebuild()
    assert list(check()) == []


def test_a_new_key_of_a_partner_made_anew_is_not_taken_back_by_its_old_entries(peer) -> None:
    """Its stream still brings the keys that it had before; what is believed is the key that two people compared."""
    peer.rotates()
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    peer.signing = SigningKey(secrets.token_bytes(32))
    _anew(peer)
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    assert _rows()[-1] == (2, "things.made", "applied")
    assert Link.objects.get(pk="fi-cert").proven == 3


def test_what_this_node_says_is_signed_by_the_key_that_it_told_last(peer, node) -> None:
    """Changes of keys that the invitation already knew of do not bring older keys back while they are read again."""
    for _ in range(2):
        ledger.rotate(node.home, "for tests", NODE)
    _anew(peer)
    newest = keyring.current().signing.id
    assert _row().told == newest
    assert [own_key(_row(), has).id for has in range(4)] == [newest] * 4
    ledger.rotate(node.home, "for tests", NODE)
    assert own_key(_row(), 2).id == newest
    assert own_key(_row(), 3).id == keyring.current().signing.id


def test_what_it_was_sent_is_read_from_the_first_and_witnesses_ask_anew(peer) -> None:
    """Its own place begins anew too; consent to witness was given for another ledger."""
    officer = acting(newcomer("officer", "analyst"))
    to = Audience(authorities=frozenset({"fi-cert"}))
    sharing.share(Sharing("attack", _attack(), to), officer, "They are next.")
    tree.integrate()
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True))
    _pull(peer)
    witnesses.answer("fi-cert", officer, consents=True)
    peer.checkpoint()
    assert peer.asks("witness", peer.offers(0), Cosigned).size == len(peer.tree)
    had = peer.pulls()
    _anew(peer)
    assert not Witness.objects.exists()
    assert "does not witness" in peer.asks("witness", peer.offers(0), Cosigned).words
    assert peer.pulls()[: len(had)] == had
    peer.tree, peer.places = [secrets.token_bytes(32)], []
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True))
    peer.checkpoint()
    _pull(peer)
    witnesses.answer("fi-cert", officer, consents=True)
    assert peer.asks("witness", peer.offers(0), Cosigned).size == len(peer.tree), "another ledger is followed"


def test_what_came_before_is_given_back_whole(peer) -> None:
    """Where the partner loses its database once more, entries under their new places are found by their hashes."""
    for _ in range(2):
        peer.entry()
    _pull(peer)
    _anew(peer)
    peer.items.reverse()
    peer.entry()
    _pull(peer)
    told = peer.asks("give-back", GiveBack(0), GivenBack)
    assert [one.payload for one in told.entries] == [one.payload for one in peer.items]


def test_a_message_of_before_is_not_heard_again(peer) -> None:
    """The numbers of messages go on: who recorded one cannot play it back to the partner made anew."""
    recorded = peer.message("pull", Pull(0, bytes(32), 0, 0))
    assert peer.reads(wire.answer(recorded), Page).total >= 0
    _anew(peer)
    assert "heard before" in peer.reads(wire.answer(recorded), Page).words
