"""Witnesses: what they cosign, what they refuse, how two of them find out, and what this ledger does with its own."""

from base64 import b64decode

import pytest

from hanse.federation import exchange, witnesses
from hanse.federation.contents import RecallAnswered, WitnessAnswered, WitnessAsked
from hanse.federation.models import Contradiction, Link, Partner, Witness, Witnessed
from hanse.federation.stream import StreamError
from hanse.federation.witnessing import Compared, Cosigned, Offer, PutBackError, Shown
from hanse.kernel import merkle, notes
from hanse.kernel.errors import UsageError
from hanse.ledger import keyring, tree, witnessed
from hanse.ledger.check import check
from hanse.ledger.models import Checkpoint
from hanse.ledger.replay import rebuild
from hanse.ledger.witness import Followed, Record, WitnessError, log_of, parted
from hanse.ledger.writing import append
from tests.accounts.people import acting, newcomer
from tests.federation.peer import NODE, Peer

pytestmark = pytest.mark.usefixtures("founded")


def _officer():
    return acting(newcomer("officer"))


def _row(peer: Peer) -> Partner:
    return Partner.objects.get(pk=peer.authority)


def _pull(peer: Peer) -> None:
    exchange.pull_all(_row(peer), peer)  # type: ignore[arg-type]


def _watches(peer: Peer, *fellows: str) -> None:
    """The peer asks this node to witness its ledger, and a person here consents."""
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True, fellows=fellows))
    _pull(peer)
    if not Witness.objects.get(pk=peer.authority).agreed:
        witnesses.answer(peer.authority, _officer(), consents=True)


def _is_watched_by(peer: Peer) -> None:
    """This node asks the peer, and it consents."""
    witnesses.name(peer.authority, _officer())
    peer.entry(witnesses.ANSWERED, WitnessAnswered(consents=True))
    _pull(peer)


def _grow(*numbers: int) -> None:
    for number in numbers:
        for _ in range(number):
            append("federation.recall_answered", RecallAnswered("00", "purged"), actor=NODE)
        tree.integrate()


def test_nobody_is_a_witness_who_did_not_consent(peer):
    """A partner that only asks has nothing cosigned, and whoever withdraws has nothing more."""
    peer.checkpoint()
    refused = peer.asks("witness", peer.offers(0), Cosigned)
    assert "does not witness" in refused.words
    with pytest.raises(UsageError, match="has not asked"):
        witnesses.answer(peer.authority, _officer(), consents=True)
    _watches(peer)
    assert peer.asks("witness", peer.offers(0), Cosigned).size == len(peer.tree)
    witnesses.answer(peer.authority, _officer(), consents=False)
    assert "does not witness" in peer.asks("witness", peer.offers(), Cosigned).words


def test_a_witness_cosigns_what_continues(peer):
    """Each checkpoint gets a signature that holds; it is on disk before it is answered; another beginning is told where to begin."""
    _watches(peer)
    peer.checkpoint()
    told = peer.asks("witness", peer.offers(), Cosigned)
    own = keyring.current().signing.public
    assert notes.verify_cosignature(peer.note + told.lines[0], log_of("ee-cert"), own) > 1_700_000_000
    assert Witnessed.objects.get().note == (told_note := peer.note)
    peer.entry()
    peer.checkpoint()
    anew = peer.asks("witness", peer.offers(0), Cosigned)
    assert (anew.size, anew.last) == (told.size, told_note)
    assert notes.verify_cosignature(told_note + anew.lines[0], log_of("ee-cert"), own) > 1_700_000_000
    assert peer.asks("witness", peer.offers(told.size), Cosigned).size == len(peer.tree)
    assert not Contradiction.objects.exists()


def test_a_witness_that_follows_anew_signs_nothing_twice(peer):
    """A witness that lost its database sees all again: its first signature on each checkpoint stays, and the node is sound."""
    _is_watched_by(peer)
    _grow(1, 2)
    assert exchange.offer(_row(peer), peer)
    before = [one.note for one in Checkpoint.objects.order_by("size")]
    peer.followed = Followed()
    peer.cosigned_s += 1
    append("federation.recall_answered", RecallAnswered("00", "purged"), actor=NODE)
    tree.integrate()
    for _ in range(2):  # the first only says where the witness is
        exchange.offer(_row(peer), peer)
    assert [one.note for one in Checkpoint.objects.order_by("size")][: len(before)] == before
    assert tree.latest() is not None
    assert [str(one) for one in check()] == []


@pytest.mark.parametrize("what", ["leaf", "rewritten", "short", "unsigned"])
def test_a_witness_refuses_what_does_not_continue(peer, what):
    """An altered leaf or a rewritten history is a contradiction with both notes; nonsense is refused; neither is remembered."""
    _watches(peer)
    peer.checkpoint()
    first = peer.asks("witness", peer.offers(), Cosigned)
    before = peer.note
    if what == "rewritten":
        peer.tree[2] = bytes(32)
    peer.entry()
    peer.checkpoint()
    offer = peer.offers()
    record = offer.records[0]
    if what == "leaf":
        record = Record(record.note, bytes(32) + record.leaves[32:], b"")
    elif what == "short":
        record = Record(record.note, record.leaves[32:], b"")
    elif what == "unsigned":
        record = Record(record.note.replace("hanse/fi-cert\n", "hanse/se-cert\n", 1), record.leaves, b"")
    told = peer.asks("witness", Offer(offer.size, (record,)), Cosigned)
    assert Witnessed.objects.count() == 1
    if what in {"leaf", "rewritten"}:
        assert (told.size, told.lines, told.against) == (first.size, (), before)
        assert (Contradiction.objects.get().before, Contradiction.objects.get().now) == (before, peer.note)
    else:
        assert "gave" in told.words or "cannot be believed" in told.words
        assert not Contradiction.objects.exists()
    assert list(check()) == []


def _split(peer: Peer) -> str:
    """Another checkpoint of the peer over as many leaves, as it shows it to somebody else."""
    kept = list(peer.tree), peer.note, peer.tally
    peer.tree = [bytes([at]) * 32 for at in range(len(peer.tree))]
    peer.sign()
    other = peer.note
    peer.tree, peer.note, peer.tally = kept
    return other


def test_a_checkpoint_that_came_with_entries_is_held_against_what_was_witnessed(peer):
    """Whoever shows a witness another tree than its readers is found out by the same node, whichever came first."""
    _watches(peer)
    peer.checkpoint()
    peer.asks("witness", peer.offers(), Cosigned)
    honest = peer.note
    peer.note = _split(peer)
    other = peer.note
    peer.lie = lambda page: type(page)(page.first, page.items, page.total, other, (), None)
    with pytest.raises(StreamError, match="two histories"):
        _pull(peer)
    assert (Contradiction.objects.get().before, Contradiction.objects.get().now) == (honest, other)


def test_fellow_witnesses_compare_and_find_a_split_view(peer):
    """Two witnesses that were shown two trees of one size have both notes on record; a stranger is told nothing."""
    latvia = Peer("lv-cert", "LV")
    latvia.joins()
    _watches(peer, "ee-cert", "lv-cert")
    peer.checkpoint()
    peer.asks("witness", peer.offers(), Cosigned)
    other = _split(peer)
    assert latvia.asks("show", Shown("fi-cert", peer.note), Compared) == Compared()
    assert latvia.asks("show", Shown("fi-cert", other), Compared) == Compared(peer.note)
    found = Contradiction.objects.get()
    assert (found.partner, found.before, found.now) == ("fi-cert", peer.note, other)
    sweden = Peer("se-cert", "SE")
    sweden.joins()
    assert sweden.asks("show", Shown("fi-cert", other), Compared) == Compared()
    forged = notes.sign(notes.parse(other)[0], "hanse/fi-cert", latvia.signing)
    assert "cannot be believed" in latvia.asks("show", Shown("fi-cert", forged), Compared).words


def test_what_a_fellow_says_is_believed_only_if_it_shows_it(peer):
    """This node shows each checkpoint once; a note that contradicts it goes on record, an empty claim does not."""
    latvia = Peer("lv-cert", "LV")
    latvia.joins()
    _watches(peer, "ee-cert", "lv-cert")
    peer.checkpoint()
    peer.asks("witness", peer.offers(), Cosigned)
    told: dict[str, int] = {}
    latvia.against = peer.note
    with pytest.raises(WitnessError, match="shows nothing that does"):
        exchange.show(_row(latvia), told, latvia)  # type: ignore[arg-type]
    exchange.show(_row(latvia), told, latvia)  # type: ignore[arg-type]
    assert [one.note for one in latvia.shown] == [peer.note], "a checkpoint is shown twice"
    latvia.against = _split(peer)
    exchange.show(_row(latvia), {}, latvia)  # type: ignore[arg-type]
    assert Contradiction.objects.get().found_by == "lv-cert"


def test_this_ledger_is_witnessed(peer):
    """Named, consented: every checkpoint is seen in order and cosigned; without a majority it is unwitnessed; fsck holds."""
    latvia = Peer("lv-cert", "LV")
    latvia.joins()
    _grow(1, 40)
    assert not witnessed.standing(tree.latest()).witnessed
    _is_watched_by(peer)
    _is_watched_by(latvia)
    assert exchange.offer(_row(peer), peer)  # type: ignore[arg-type]
    stands = witnessed.standing(tree.latest())
    assert (stands.named, list(stands.seen), stands.witnessed) == (("fi-cert", "lv-cert"), ["fi-cert"], False)
    assert exchange.offer(_row(latvia), latvia)  # type: ignore[arg-type]
    assert not exchange.offer(_row(latvia), latvia)  # type: ignore[arg-type]
    assert witnessed.standing(tree.latest()).witnessed
    _grow(300)
    assert not witnessed.standing(tree.latest()).witnessed
    for one in (peer, latvia):
        exchange.offer(_row(one), one)  # type: ignore[arg-type]
    assert all(witnessed.standing(row).witnessed for row in Checkpoint.objects.all())
    fellows = [one.body for one in peer.items]
    assert fellows
    assert list(check()) == []
    Checkpoint.objects.filter(pk=tree.latest().size).update(
        note=tree.latest().note.replace(tree.latest().note.splitlines()[-1][-9:], "AAAAAAAA=")
    )
    assert [found.place for found in check()] == [f"checkpoint {tree.latest().size}"]


def test_fellows_learn_of_each_other(peer):
    """Each consent, and each that ends, is told to all witnesses; naming anew asks anew."""
    latvia = Peer("lv-cert", "LV")
    latvia.joins()
    _is_watched_by(peer)
    _is_watched_by(latvia)
    assert _last_to("fi-cert") == WitnessAsked(asked=True, fellows=("fi-cert", "lv-cert"))
    witnesses.name("lv-cert", _officer(), asked=False)
    assert _last_to("fi-cert").fellows == ("fi-cert",)
    assert _last_to("lv-cert") == WitnessAsked(asked=False)
    with pytest.raises(UsageError, match="not asked"):
        witnesses.name("lv-cert", _officer(), asked=False)
    witnesses.name("lv-cert", _officer())
    assert witnesses.named() == ["fi-cert"], "who was asked again has to consent again"
    rows = list(Witness.objects.order_by("partner").values())
    rebuild()
    assert list(Witness.objects.order_by("partner").values()) == rows


def _last_to(authority: str) -> WitnessAsked:
    from hanse.ledger.kinds import kind_of
    from hanse.ledger.models import Body, Entry
    from hanse.ledger.reading import content_of

    entry = Entry.objects.filter(recipient=authority, kind=witnesses.ASKED).order_by("-sequence")[0]
    return content_of(entry, Body.objects.get(pk=entry.sequence), kind_of(witnesses.ASKED))


def test_a_ledger_that_was_put_back_is_told_by_its_witness(peer):
    """A witness that has seen more than is here, or another history, says so; nothing is cosigned."""
    _grow(1, 1)
    _is_watched_by(peer)
    exchange.offer(_row(peer), peer)  # type: ignore[arg-type]
    seen = peer.followed
    Link.objects.filter(pk="fi-cert").update(cosigned=0)
    later = notes.Checkpoint("hanse/ee-cert", seen.size + 7, bytes(32), ())
    note = notes.sign(later.text(), "hanse/ee-cert", keyring.current().signing)
    peer.followed = type(seen)(seen.size + 7, seen.peaks, note)
    with pytest.raises(PutBackError, match="put back to an older state"):
        exchange.offer(_row(peer), peer)  # type: ignore[arg-type]
    peer.followed = seen
    Checkpoint.objects.all().delete()
    from hanse.ledger.models import Entry, Tile

    Entry.objects.update(position=None)
    Tile.objects.all().delete()
    _grow(1, 1, 1)
    with pytest.raises(PutBackError):
        exchange.offer(_row(peer), peer)  # type: ignore[arg-type]


def test_a_witness_that_signs_wrongly_is_not_believed(peer):
    """A cosignature that does not hold is stored nowhere: it would look as if the ledger had been altered."""
    _is_watched_by(peer)
    _grow(1)
    peer.speaks, real = Peer("xx").signing, peer.speaks
    cosigns = peer.cosigns

    def wrongly(offer):
        peer.speaks = Peer("xx").signing
        told = cosigns(offer)
        peer.speaks = real
        return told

    peer.speaks = real
    peer.cosigns = wrongly  # type: ignore[method-assign]
    with pytest.raises(WitnessError, match="does not hold"):
        exchange.offer(_row(peer), peer)  # type: ignore[arg-type]
    assert list(check()) == []


def test_what_a_witness_keeps_tells_it_nothing(peer):
    """A record is the note, the leaf hashes, and bytes that only this node opens."""
    _is_watched_by(peer)
    _grow(3)
    exchange.offer(_row(peer), peer)  # type: ignore[arg-type]
    last, row = peer.records[-1], tree.latest()
    told = witnessed.carried(last, row.size)
    assert (told.entries, told.tallies) == (row.entries, row.tallies)
    assert row.tallies.encode() not in last.sealed
    assert merkle.root(leaf for one in peer.records for leaf in parted(one.leaves)) == b64decode(
        row.note.splitlines()[2]
    )
