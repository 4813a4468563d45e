"""What a partner asks, sends or says costs this node no more than it is worth, and ends when the exchange ends."""

from typing import Any

import pytest

from hanse.federation import (
    exchange,
    keeping,
    partnering,
    quota,
    receiving,
    recovery,
    wire,
    witnesses,
    witnessing,
)
from hanse.federation.contents import WitnessAnswered, WitnessAsked
from hanse.federation.keeping import GiveBack, GivenBack
from hanse.federation.models import Link, Partner, Received, Witnessed
from hanse.federation.stream import Pull, StreamError
from hanse.federation.witnessing import Cosigned, Offer, PutBackError, Regain
from hanse.kernel import notes
from hanse.ledger import keyring, tree
from hanse.ledger.witness import WitnessError
from tests.accounts.people import acting, newcomer
from tests.federation.peer import Peer

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def officer() -> Any:
    """Who decides about partners."""
    return acting(newcomer("officer", name="Mari"))


def _pull(peer: Peer) -> int:
    return exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]


def test_giving_back_reads_nothing_that_others_sent(peer, monkeypatch):
    """Two entries of one partner, months apart: what all others sent meanwhile is not read for it."""
    other = Peer("se-cert", "SE")
    other.joins()
    peer.entry()
    _pull(peer)
    for _ in range(20):
        other.entry()
    _pull(other)
    peer.entry()
    _pull(peer)
    read: list[int] = []
    written = keeping.written
    monkeypatch.setattr(keeping, "written", lambda entry, body: read.append(1) or written(entry, body))
    told = peer.asks("give-back", GiveBack(0), GivenBack)
    assert [one.payload for one in told.entries] == [one.payload for one in peer.items]
    assert len(read) == 2


def test_nothing_more_is_taken_of_who_is_suspended_meanwhile(peer, officer):
    """A backlog takes hours, and one that grows has no end: suspending holds from the next page on."""
    for _ in range(2_100):
        peer.entry()

    partner = Partner.objects.get(pk=peer.authority)

    def suspends(_: receiving.Result) -> None:
        partnering.suspend(peer.authority, "It floods us.", officer)

    with pytest.raises(StreamError, match="no active partner any more"):
        exchange.pull_all(partner, peer, suspends)  # type: ignore[arg-type]
    assert Received.objects.count() == receiving.reached(peer.authority).first == 1_000


def _witnessed(peer: Peer, officer: Any) -> Partner:
    """The partner witnesses this ledger and has seen a checkpoint of it."""
    witnesses.name(peer.authority, officer)
    peer.entry(witnesses.ANSWERED, WitnessAnswered(consents=True))
    _pull(peer)
    tree.integrate()
    partner = Partner.objects.get(pk=peer.authority)
    assert exchange.offer(partner, peer)  # type: ignore[arg-type]
    return partner


@pytest.mark.parametrize("answer", [
    Cosigned(2**40), Cosigned(2**40, last="x"), Cosigned(16, against="x"), Cosigned(2**64 - 1),
])  # fmt: skip
def test_a_witness_that_shows_nothing_stops_no_node(peer, officer, answer):
    """That a database was put back has people stop the node: a witness has to show what the node signed of the other one."""
    partner = _witnessed(peer, officer)
    offer = witnessing.Offer(0, ())
    with pytest.raises(WitnessError, match="shows no checkpoint"):
        witnessing.take_cosigned(partner, [], offer, answer)


def test_a_witness_that_shows_what_is_here_stops_no_node(peer, officer):
    """A checkpoint that this ledger has contradicts nothing of it."""
    partner = _witnessed(peer, officer)
    mine = peer.followed
    with pytest.raises(WitnessError, match="shows no checkpoint"):
        witnessing.take_cosigned(partner, [], witnessing.Offer(0, ()), Cosigned(mine.size, against=mine.note))


def test_a_witness_that_shows_another_history_is_believed(peer, officer):
    """What this node signed and does not have was signed before its database was put back."""
    partner = _witnessed(peer, officer)
    head = notes.Checkpoint("hanse/ee-cert", 2**20, bytes(32), ())
    note = notes.sign(head.text(), "hanse/ee-cert", keyring.current().signing)
    with pytest.raises(PutBackError):
        witnessing.take_cosigned(partner, [], witnessing.Offer(0, ()), Cosigned(2**20, last=note))
    assert Link.objects.get().cosigned < 2**20


def test_a_ledger_that_is_witnessed_fills_no_disk(peer, officer, monkeypatch):
    """What a witness keeps for a partner counts for what is taken of it in a day; the rest is refused, and waits there."""
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True))
    _pull(peer)
    witnesses.answer(peer.authority, officer, consents=True)
    peer.checkpoint()
    before = Link.objects.get().day_bytes
    assert peer.asks("witness", peer.offers(), Cosigned).size == len(peer.tree)
    assert Link.objects.get().day_bytes > before + 32 * len(peer.tree)
    monkeypatch.setattr(quota, "_GB", 10)
    peer.checkpoint()
    assert "what is taken of one partner in a day" in peer.asks("witness", peer.offers(), Cosigned).words
    assert Witnessed.objects.count() == 1


def test_ever_new_checkpoints_keep_no_node_from_serving(peer, officer, monkeypatch):
    """While a node recovers, its partner may sign another checkpoint for each question: what is left comes later."""
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True))
    _pull(peer)
    witnesses.answer(peer.authority, officer, consents=True)
    monkeypatch.setattr(recovery, "_MOST_REGAINED", 5)
    regained = peer.regained

    def signs(wanted: Regain) -> Offer:
        peer.checkpoint()
        return regained(wanted)

    monkeypatch.setattr(peer, "regained", signs)
    recovery._witness_again(Partner.objects.get(), peer, lambda _: None)  # type: ignore[arg-type]
    assert peer.asked.count("regain") == 5
    assert Witnessed.objects.count() == 5


@pytest.mark.parametrize("wanted", [Pull(0, bytes(32), -1, 0), Pull(0, bytes(32), 0, -1)])
def test_nobody_has_fewer_entries_than_none(peer, wanted):
    """It is refused in words, before any list is counted from its end."""
    assert "fewer entries" in peer.asks("pull", wanted, wire.Refusal).words


def test_a_partner_that_heard_numbers_beyond_all_clocks_is_not_believed(peer, monkeypatch):
    """The next number would be none that a database keeps, for ever: what it says of that is not taken up."""
    said = Link.objects.get_or_create(pk=peer.authority)[0].said
    monkeypatch.setattr(exchange, "_once", lambda *_: wire.Refusal("No.", 2**64 - 1))
    with pytest.raises(exchange.LinkError, match="refuses: No"):
        exchange.ask(Partner.objects.get(), "hint", wire.Noted(), wire.Noted, peer)  # type: ignore[arg-type]
    assert Link.objects.get().said == said
