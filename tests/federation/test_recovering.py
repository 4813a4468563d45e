"""A node that was put back to a backup: what partners kept comes back, in its place and proven, before it goes on."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes
from typing import Any

import msgspec
import pytest

from hanse.attacks.models import Attack
from hanse.egress.client import Response
from hanse.federation import exchange, recalling, recovery, sharing, witnesses, witnessing
from hanse.federation.contents import WitnessAnswered, WitnessAsked
from hanse.federation.keeping import Back, GiveBack, GivenBack, Kept, Recover
from hanse.federation.models import Given, Link, Partner, Recalling, Witnessed
from hanse.federation.partners import answer_key
from hanse.federation.sharing import Audience, Sharing
from hanse.federation.stream import Page, Pull
from hanse.federation.witnessing import Cosigned, Offer, Regain
from hanse.kernel import notes, sealing
from hanse.kernel.errors import UsageError
from hanse.ledger import keyring, recovering, tree, witnessed
from hanse.ledger import service as ledger
from hanse.ledger.check import check
from hanse.ledger.models import Body, CarriedMarking, Checkpoint, Entry, Head, Lost, NodeKey, Tile
from hanse.ledger.recovering import RecoveryError
from hanse.ledger.replay import projections, rebuild
from hanse.ledger.service import purge
from hanse.ledger.witness import Record
from hanse.ledger.witnessed import standing
from hanse.node import backup
from hanse.node.opening import RECOVERING, may_serve
from hanse.recording import record
from hanse.settings import Node
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import node
from tests.federation.peer import NODE, Peer
from tests.node.made import earliest

__all__ = ["node"]

pytestmark = pytest.mark.usefixtures("founded", "unstretched")


@pytest.fixture
def peer() -> Peer:
    """A partner that witnesses this ledger."""
    one = Peer()
    one.joins()
    witnesses.name(one.authority, _officer())
    one.entry(witnesses.ANSWERED, WitnessAnswered(consents=True))
    exchange.pull_all(Partner.objects.get(pk="fi-cert"), one)  # type: ignore[arg-type]
    return one


def _officer():
    return acting(newcomer("officer", "analyst"))


def _row() -> Partner:
    return Partner.objects.get(pk="fi-cert")


def _attacks() -> list[Attack]:
    if not Attack.projected.exists():
        record(earliest(12), NODE)
    return list(Attack.projected.order_by("start_us")[:4])


def _share(attack: Attack) -> None:
    to = Audience(authorities=frozenset({"fi-cert"}))
    sharing.share(Sharing("attack", attack.pk, to), _officer(), "They are next.")


def _seen(peer: Peer) -> None:
    """A checkpoint, seen by the witness, which has also pulled."""
    tree.integrate()
    for _ in range(2):  # after a restore the first only says where the witness is
        exchange.offer(_row(), peer)  # type: ignore[arg-type]
    peer.pulls()


def _saved(peer: Peer, node: Node) -> tuple[Attack, Attack]:
    """Two attacks, of which the first is shared and seen, and then the node is saved as ``one.hanse``."""
    one, two, *_ = _attacks()
    _share(one)
    _seen(peer)
    backup.back_up(node, node.home / "one.hanse")
    return one, two


def _put_back(path: Path) -> None:
    """Empty the database, the lines to partners with it, and restore."""
    for model in (*reversed(projections()), Body, Entry, CarriedMarking, Checkpoint, Tile, Head, Lost, Link):
        model._base_manager.all().delete()
    backup.restore(path)


def _recover(peer: Peer) -> recovering.Recovered:
    told: list[str] = []
    return recovery.Recovery(peer, told.append).attempt()  # type: ignore[arg-type]


def test_what_others_rest_on_comes_back(peer, node) -> None:
    """Shared, recalled, purged and marked since the backup: all of it is so again, and the rest of the lost time is hashes."""
    one, two, three, four = _attacks()
    _share(one)
    _seen(peer)
    backup.back_up(node, node.home / "one.hanse")
    _share(two)
    recalling.recall(one.pk, _officer(), "It was wrong.")
    purge([three.pk], NODE, "Its time is over.")
    _seen(peer)
    _share(four)
    peer.pulls()
    had = list(Given.objects.order_by("number").values("thing", "recipient", "version", "recalled_us"))
    recalls = list(Recalling.objects.values("shared", "recipient", "reason"))
    size, written = tree.latest().size, Head.objects.get().next_sequence
    _put_back(node.home / "one.hanse")
    assert Attack.projected.filter(pk=three.pk).exists(), "the backup holds it"
    found = _recover(peer)
    assert (found.checkpoints, tree.latest().size) == (1, size)
    assert Head.objects.get().next_sequence <= written
    assert not Attack.projected.filter(pk=three.pk).exists()
    given = list(Given.objects.order_by("number").values("thing", "recipient", "version", "recalled_us"))
    assert given[:2] == had[:2], "what was shared before the last checkpoint"
    assert len(given) == 3, "what the partner has, though the entry that said so is lost"
    assert Given.objects.get(thing=four.pk).withheld == sorted(sharing.shareable("attack").parts)
    assert list(Recalling.objects.values("shared", "recipient", "reason")) == recalls
    assert Entry.objects.filter(recipient="fi-cert").count() == len(peer.back)
    assert found.hashes == Lost.objects.count() > 0
    assert list(check()) == []
    rebuild()
    assert list(check()) == []


def test_the_ledger_goes_on_where_it_was(peer, node) -> None:
    """The witness cosigns what comes next, the partner takes it in its place, and a second backup restores all of it."""
    _, two = _saved(peer, node)
    _share(two)
    _seen(peer)
    _put_back(node.home / "one.hanse")
    _recover(peer)
    _share(two)
    before = len(peer.back)
    _seen(peer)
    assert len(peer.back) == before + 1
    assert peer.followed.size == tree.latest().size
    assert list(check()) == []
    backup.back_up(node, node.home / "two.hanse")
    _put_back(node.home / "two.hanse")
    assert list(check()) == []
    assert Lost.objects.exists()


def test_a_witness_that_saw_all_says_so_at_once(peer, node) -> None:
    """After a restore nothing new need happen for the newest checkpoint to be witnessed: who has it signs it again."""
    _, two = _saved(peer, node)
    _share(two)
    _seen(peer)
    _put_back(node.home / "one.hanse")
    _recover(peer)
    assert not standing(tree.latest()).witnessed
    exchange.offer(_row(), peer)  # type: ignore[arg-type]
    assert standing(tree.latest()).witnessed
    assert list(check()) == []


def test_a_witness_that_was_put_back_has_all_again_before_it_serves(peer, node) -> None:
    """What it remembers of a partner's ledger is in no backup, and the partner rests on it: it is given again."""
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True))
    exchange.pull_all(_row(), peer)  # type: ignore[arg-type]
    witnesses.answer(peer.authority, _officer(), consents=True)
    for count in (1, 1, 4, 2, 9):
        for _ in range(count):
            peer.entry()
        peer.checkpoint()
        peer.asks("witness", peer.offers(), Cosigned)
    kept = peer.asks("recover", Recover(0), Kept)
    assert len(kept.records) == 5
    _saved(peer, node)
    _put_back(node.home / "one.hanse")
    Witnessed.objects.all().delete()
    _recover(peer)
    assert peer.asks("recover", Recover(0), Kept).records == kept.records
    peer.entry()
    peer.checkpoint()
    assert peer.asks("witness", peer.offers(), Cosigned).size == len(peer.tree), "and it goes on from there"


def test_what_is_given_to_a_witness_again_is_proven(peer, node, monkeypatch) -> None:
    """Leaves that are not those of the signed tree are not remembered, and the node recovers all the same."""
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True))
    exchange.pull_all(_row(), peer)  # type: ignore[arg-type]
    witnesses.answer(peer.authority, _officer(), consents=True)
    peer.checkpoint()
    _saved(peer, node)
    honest = peer.regained

    def lying(wanted: Regain) -> Offer:
        [record] = honest(wanted).records
        return Offer(wanted.size, (Record(record.note, bytes(len(record.leaves)), record.sealed),))

    monkeypatch.setattr(peer, "regained", lying)
    _put_back(node.home / "one.hanse")
    _recover(peer)
    assert witnessing.reached(peer.authority) == 0
    assert peer.asks("witness", peer.offers(0), Cosigned).size == len(peer.tree), "the truth is taken later"


def test_a_copy_that_no_book_names_is_recalled_all_the_same(peer, node) -> None:
    """What was shared since the last checkpoint is in no witness's keeping: the partner's copy says that it has it."""
    one, two = _saved(peer, node)
    _share(two)
    _share(one)
    recalling.recall(one.pk, _officer(), "It was wrong.")
    peer.pulls()
    _put_back(node.home / "one.hanse")
    _recover(peer)
    assert recalling.recall(two.pk, _officer(), "It was wrong.") == 1
    with pytest.raises(UsageError, match="nothing to recall"):
        recalling.recall(one.pk, _officer(), "It was wrong.")
    assert list(check()) == []


def test_what_was_lost_before_a_partner_had_it_keeps_its_place(peer, node) -> None:
    """A witness had seen that there was an entry, and the partner had not fetched it: its hash is given, and what follows."""
    one, two = _saved(peer, node)
    _share(two)
    tree.integrate()
    for _ in range(2):
        exchange.offer(_row(), peer)  # type: ignore[arg-type]
    had = len(peer.back)
    _put_back(node.home / "one.hanse")
    _recover(peer)
    assert Lost.objects.filter(recipient="fi-cert").count() == 1
    _share(one)
    _seen(peer)
    lost, anew = peer.back[had:]
    assert (lost.leaf, lost.payload, bool(anew.payload)) == (
        bytes(Lost.objects.get(recipient="fi-cert").hashed), b"", True,
    )  # fmt: skip
    [tally] = [one for one in tree.tallies_of(tree.latest()) if one.recipient == "fi-cert"]
    assert (tally.count, tally.chain) == (len(peer.back), peer.chain.hex())


def test_it_does_not_go_on_from_less_than_a_partner_has_verified(peer, node) -> None:
    """Whatever it signed next would contradict that; who has verified more is named."""
    _share(_attacks()[0])
    _seen(peer)
    backup.back_up(node, node.home / "one.hanse")
    peer.verified = tree.latest().size + 16
    _put_back(node.home / "one.hanse")
    with pytest.raises(RecoveryError, match="FI-CERT has verified"):
        _recover(peer)


def test_partners_are_shown_what_a_witness_has_as_well(peer) -> None:
    """A checkpoint that no witness has seen could not be gone on from after a restore: nobody rests on it yet."""
    _share(_attacks()[0])
    tree.integrate()
    assert not peer.asks("pull", Pull(0, bytes(32), 0, 0), Page).checkpoint
    exchange.offer(_row(), peer)  # type: ignore[arg-type]
    assert peer.asks("pull", Pull(0, bytes(32), 0, 0), Page).checkpoint


def test_a_key_that_no_entry_names_is_not_gone_on_with(peer, node) -> None:
    """Keys changed since the backup, and nobody kept the entry that says so: said before the node serves, not at each answer."""
    _share(_attacks()[0])
    _seen(peer)
    backup.back_up(node, node.home / "one.hanse")
    ledger.rotate(node.home, "for tests", NODE)
    peer.pulls()
    _put_back(node.home / "one.hanse")
    with pytest.raises(RecoveryError, match="The keys were changed after the backup"):
        _recover(peer)


def test_what_a_partner_purged_comes_back_as_its_hash(peer, node) -> None:
    """A partner that has no more than the hash gives that; the place is kept, so that nothing can be put into it."""
    _, two = _saved(peer, node)
    _share(two)
    _share(two)
    peer.pulls()
    peer.back[-2:] = [type(back)(back.leaf) for back in peer.back[-2:]]
    _put_back(node.home / "one.hanse")
    found = _recover(peer)
    assert found.hashes == 2
    _share(two)
    _seen(peer)
    assert list(check()) == []
    assert peer.followed.size == tree.latest().size
    page = peer.back[-1]
    assert page.payload, "the entry after the lost ones"


@pytest.mark.parametrize("lie", ["stranger", "place", "body", "checkpoint", "mixed", "far"])
def test_a_partner_that_gives_back_something_else_is_not_believed(peer, node, lie) -> None:
    """What this node did not sign, or signed for another place, changes nothing; the node does not serve."""
    _, two = _saved(peer, node)
    _share(two)
    _share(two)
    _seen(peer)
    _put_back(node.home / "one.hanse")
    last = peer.back[-1]
    if lie == "stranger":
        item = peer.made()
        peer.back[-1] = type(last)(last.leaf, item.payload, item.signature, item.salt, item.body)
    elif lie == "place":
        peer.back[-1] = peer.back[-2]
    elif lie == "body":
        peer.back[-1] = type(last)(last.leaf, last.payload, last.signature, last.salt, last.body + b" ")
    elif lie == "checkpoint":
        record_ = peer.records[-1]
        peer.records[-1] = type(record_)(record_.note, bytes(len(record_.leaves)), record_.sealed)
    else:
        # Sealed by this node for another tree of the same size, as where a database was put back by hand once.
        record_ = peer.records[-1]
        size = notes.parse_checkpoint(notes.parse(record_.note)[0]).size
        told = witnessed.carried(record_, size)
        (kept_,) = [one for one in peer.records[:-1] if one.sealed][-1:]
        strange = witnessed.carried(kept_, notes.parse_checkpoint(notes.parse(kept_.note)[0]).size)
        whole = next(one.kept for one in strange.placed if one.kept is not None)
        places = [
            msgspec.structs.replace(one, kept=whole)
            if lie == "mixed"
            else msgspec.structs.replace(one, position=-1)
            for one in told.placed
        ]
        mixed = msgspec.structs.replace(told, placed=tuple(places))
        sealed = sealing.seal_for_recovery(
            keyring.current(), witnessed._bound(size), msgspec.msgpack.encode(mixed)
        )
        peer.records[-1] = type(record_)(record_.note, record_.leaves, sealed)
    with pytest.raises(RecoveryError, match=r"does not join|fi-cert"):
        _recover(peer)


def test_what_was_lost_stays_in_its_place_when_it_is_lost_again(peer, node) -> None:
    """Hashes that got their leaves since are in what witnesses are given, or no older backup could be gone on from."""
    _, two = _saved(peer, node)
    _share(two)
    peer.pulls()
    peer.back[-1] = Back(peer.back[-1].leaf)
    _put_back(node.home / "one.hanse")
    _recover(peer)
    _share(two)
    _seen(peer)
    had = Head.objects.get()
    _put_back(node.home / "one.hanse")
    _recover(peer)
    assert Head.objects.get() == had
    assert list(check()) == []


class _Several:
    """A client that reaches several partners."""

    def __init__(self, *peers: Peer) -> None:
        self._peers = {peer.authority: peer for peer in peers}

    def post(self, url: str, **of: Any) -> Response:
        """Their answer."""
        return self._peers[url.removeprefix("https://").partition(".")[0]].post(url, **of)


def _invents(peer: Peer, monkeypatch: pytest.MonkeyPatch, leaf: Callable[[], bytes]) -> None:
    """Give back, behind what it has, as much as it is asked for, without end."""
    honest = peer.gives_back

    def told(wanted: GiveBack) -> GivenBack:
        assert wanted.first < 1_000, "it never ends"
        made = tuple(Back(leaf()) for _ in range(50)) if wanted.first >= len(peer.back) else ()
        return GivenBack((*honest(wanted).entries, *made), 10**6)

    monkeypatch.setattr(peer, "gives_back", told)


@pytest.mark.parametrize("what", ["random", "one", "long"])
def test_hashes_that_nothing_proves_are_bounded(peer, node, monkeypatch, what) -> None:
    """Whoever makes up entries without end is named, and gone on without; the others are asked, and what they have counts."""
    other = Peer("lv-cert", "LV")
    other.joins()
    attack, two = _saved(peer, node)
    to = Audience(authorities=frozenset({"fi-cert", "lv-cert"}))
    sharing.share(Sharing("attack", two.pk, to), _officer(), "They are next.")
    _seen(peer)
    sharing.share(Sharing("attack", attack.pk, to), _officer(), "They are next.")
    peer.pulls()
    other.pulls()
    _put_back(node.home / "one.hanse")
    leaf = {"random": lambda: token_bytes(32), "one": lambda: b"1" * 32, "long": lambda: bytes(10**5)}[what]
    _invents(peer, monkeypatch, leaf)
    other.entry()
    told: list[str] = []
    found = recovery.Recovery(_Several(peer, other), told.append).attempt()  # type: ignore[arg-type]
    assert any(one.startswith("fi-cert gave back") and "expelled" in one for one in told)
    assert "LV-CERT: 1 entries that it has sent since the backup are here." in told
    assert Entry.objects.filter(recipient="lv-cert").count() == len(other.back)
    assert Entry.objects.filter(recipient="fi-cert").count() == len(peer.back)
    assert Lost.objects.filter(recipient="fi-cert", position=None).count() <= recovering.UNPROVEN
    assert found.hashes == Lost.objects.count()
    assert list(check()) == []


def test_a_hash_of_what_a_checkpoint_covers_counts_for_nothing(peer, node, monkeypatch) -> None:
    """A partner may have purged any number of these: their places are known already, and nothing is added for them."""
    monkeypatch.setattr(recovering, "UNPROVEN", 0)
    _, two = _saved(peer, node)
    for _ in range(3):
        _share(two)
    _seen(peer)
    had = Head.objects.get().next_sequence
    peer.back[-3:] = [Back(one.leaf) for one in peer.back[-3:]]
    _put_back(node.home / "one.hanse")
    _recover(peer)
    assert Lost.objects.filter(recipient="fi-cert").count() == 3
    assert Head.objects.get().next_sequence == had


@pytest.mark.parametrize("column", ["position", "recipient", "hashed", "sequence"])
def test_an_altered_hash_of_what_was_lost_is_found(peer, node, column) -> None:
    """The rows of lost entries are in no replay; the tree, the chain and the tallies find each change."""
    _, two = _saved(peer, node)
    record_more(two)
    _seen(peer)
    _put_back(node.home / "one.hanse")
    _recover(peer)
    row = Lost.objects.order_by("sequence").first()
    assert row is not None
    changed = {"position": row.position + 1, "recipient": "lv-cert", "hashed": bytes(32), "sequence": 10**6}
    Lost.objects.filter(pk=row.pk).update(**{column: changed[column]})
    assert list(check())


def record_more(attack: Attack) -> None:
    """An entry that nobody keeps."""
    from hanse.attacks import service

    service.note(attack.pk, "Seen by hand.", _officer())


def test_a_restored_node_does_not_serve_before_it_has_asked(tmp_path) -> None:
    """The file that says so stands in the way of every process that would serve."""
    may_serve(tmp_path)
    (tmp_path / RECOVERING).touch()
    with pytest.raises(UsageError, match="hanse node recover"):
        may_serve(tmp_path)


def test_an_answer_is_signed_by_a_key_that_the_asker_still_knows(peer, node) -> None:
    """Who was put back has forgotten newer keys that it had heard of; which it knows is what it seals its question to."""
    old = keyring.current()
    ledger.rotate(node.home, "for tests", NODE)
    _seen(peer)
    link = Link.objects.get(pk=peer.authority)
    Link.objects.filter(pk=peer.authority).update(has=max(link.has, 99))
    partner = _row()
    newest = keyring.current()
    sealed = [answer_key(partner, 99, one.opening.public.id).id for one in (old, newest)]
    assert sealed == [old.signing.id, newest.signing.id]
    assert answer_key(partner, 99, "of nobody").id == newest.signing.id
    assert answer_key(partner, 0, newest.opening.public.id).id == old.signing.id
    NodeKey.objects.filter(pk=old.signing.id).update(revoked_us=1)
    assert answer_key(partner, 99, old.opening.public.id).id == newest.signing.id
