"""Reading a partner's ledger: in order, once, proven; what is refused is shown and the stream goes on."""

from base64 import b64encode
from dataclasses import replace

import msgspec
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from hanse.federation import contradicting, exchange, quota, receiving, stream
from hanse.federation.handlers import own_id
from hanse.federation.models import Contradiction, Link, Received
from hanse.federation.receiving import reached
from hanse.federation.stream import KEY_REVOKED, KeyRevoked
from hanse.kernel.markings import Marking
from hanse.ledger import keyring
from hanse.ledger import service as ledger
from hanse.ledger.check import check
from hanse.ledger.keyring import LockedError
from hanse.ledger.models import Entry, NodeKey
from hanse.ledger.replay import rebuild
from hanse.ledger.writing import NotWrittenError
from tests.federation import things
from tests.federation.peer import NODE, Peer

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture(autouse=True)
def _nothing_held():
    things.held.clear()
    things.then.clear()


def _pull(peer: Peer) -> int:
    from hanse.federation.models import Partner

    return exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]


def _states() -> list[str]:
    return list(Received.objects.order_by("place").values_list("state", flat=True))


def test_a_question_reads_how_the_exchange_stands_once(peer):
    """Its number is taken from the row that is read under a lock, and nothing reads that row again."""
    from hanse.federation.models import Partner

    partner = Partner.objects.get(pk=peer.authority)
    for _ in range(2):  # the first one makes the row
        with CaptureQueriesContext(connection) as told:
            exchange._asking(partner, "hint", exchange.Noted())
    links = [query["sql"].split()[0] for query in told.captured_queries if "federation_link" in query["sql"]]
    assert links == ["SELECT", "UPDATE"]


def test_entries_come_in_order_and_once(peer):
    """New ones are provisional until a checkpoint covers them; asking again brings nothing twice."""
    peer.entry(content=things.Made("one"))
    peer.entry(content=things.Made("two"))
    assert _pull(peer) == 2
    assert (reached(peer.authority).first, reached(peer.authority).proven) == (2, 0)
    peer.checkpoint()
    peer.entry(content=things.Made("three"))
    assert _pull(peer) == 1
    link = Link.objects.get()
    assert (link.proven, link.total, link.error) == (2, 3, "")
    peer.checkpoint()
    assert (_pull(peer), _pull(peer)) == (0, 0)
    assert Link.objects.get().proven == 3
    assert [name for name, _ in things.held.values()] == ["one", "two", "three"] == things.then
    assert Entry.objects.filter(kind="federation.received").count() == 3


def test_what_its_origin_lost_keeps_its_place(peer):
    """An entry of which the origin has the hash only is gone, and shown so; what follows is taken, and all is proven."""
    peer.entry(content=things.Made("one"))
    peer.entry(content=things.Made("two"))
    peer.entry(content=things.Made("three"))
    peer.checkpoint()
    leaf = peer.items[1].leaf
    peer.items[1] = stream.Item(b"", leaf)
    assert peer.items[1].leaf == leaf
    assert _pull(peer) == 3
    assert _states() == ["applied", "gone", "applied"]
    gone = Received.objects.get(state="gone")
    assert ("lost it with a database" in gone.why, bytes(gone.leaf)) == (True, leaf)
    assert Link.objects.get().proven == 3
    assert things.then == ["one", "three"]
    assert [str(one) for one in check()] == []


def test_a_backlog_of_several_pages_is_taken_and_proven(peer):
    """2,100 entries come in three pages; all are proven when the last is there, and fsck finds nothing."""
    for _ in range(2_100):
        peer.entry()
    peer.checkpoint()
    assert _pull(peer) == 2_100
    assert Link.objects.get().proven == 2_100
    assert peer.asked == ["pull"] * 3
    assert [str(one) for one in check()] == []


def test_a_rebuild_gives_the_same(peer):
    """What partners sent is a projection of the own ledger, like everything else."""
    for name in ("one", "meaningless", "two"):
        peer.entry(content=things.Made(name))
    peer.entry("things.from_tomorrow")
    _pull(peer)
    before, held = list(Received.objects.order_by("place").values()), dict(things.held)
    things.held.clear()
    rebuild()
    assert list(Received.objects.order_by("place").values()) == before
    assert things.held == held
    assert things.then == ["one", "two"], "what was answered is not answered again"


def _other_origin(peer: Peer) -> None:
    peer.entry(origin="se-cert", marking=Marking.own("se-cert"))


def _other_key(peer: Peer) -> None:
    peer.entry(key=Peer().signing)


def _for_another(peer: Peer) -> None:
    peer.entry(recipient="lv-cert")


def _another_place(peer: Peer) -> None:
    peer.entry(seq=17)


def _another_body(peer: Peer) -> None:
    item = peer.entry()
    peer.items[-1] = msgspec.structs.replace(item, body=item.body.replace(b'"x"', b'"y"'))


def _two_readings(peer: Peer) -> None:
    peer.entry()
    from hanse.kernel import envelope

    body = peer.items[-1].body.replace(b'{"name":"x"}', b'{"name":"x","name":"y"}')
    salt = peer.items[-1].salt
    peer.items.pop()
    item = peer.entry(commitment=envelope.commit(salt, body))
    peer.items[-1] = msgspec.structs.replace(item, body=body, salt=salt)


def _other_originator(peer: Peer) -> None:
    peer.entry(marking=Marking.own("ee-cert"))


def _meaningless(peer: Peer) -> None:
    peer.entry(content=things.Made("meaningless"))


def _breaks(peer: Peer) -> None:
    peer.entry(content=things.Made("breaks"))


def _not_its_form(peer: Peer) -> None:
    peer.entry(content={"name": 7})


def _garbage(peer: Peer) -> None:
    peer.items.append(stream.Item(b"\xff\x00garbage", b"\x01" * 64, b"", b""))


BAD = [
    _other_origin, _other_key, _for_another, _another_place, _another_body, _two_readings, _other_originator,
    _meaningless, _breaks, _not_its_form, _garbage,
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_entry_is_refused_and_the_others_are_taken(peer, bad):
    """Whatever one entry is, it keeps its place and its hash, says why it was refused, and stops nothing."""
    peer.entry(content=things.Made("before"))
    bad(peer)
    peer.entry(content=things.Made("after"))
    peer.checkpoint()
    assert _pull(peer) == 3
    assert _states() == ["applied", "refused", "applied"]
    assert Received.objects.get(state="refused").why
    assert [name for name, _ in things.held.values()] == ["before", "after"]
    assert Link.objects.get().proven == 3
    assert [str(one) for one in check()] == []


def test_a_kind_of_tomorrow_is_kept(peer):
    """It is on record as it came, for the version that knows it."""
    peer.entry("things.from_tomorrow", {"what": ["ever"]})
    _pull(peer)
    assert _states() == ["kept"]
    assert Entry.objects.filter(kind="federation.received").count() == 1


def test_a_body_purged_at_its_origin_is_gone_here_and_the_stream_goes_on(peer):
    """The envelope still counts and is proven."""
    item = peer.entry()
    peer.items[-1] = stream.Item(item.payload, item.signature)
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    assert _states() == ["gone", "applied"]


def test_a_new_key_is_believed_from_its_entry_on(peer):
    """It comes under the old one, in the middle of a page; what is said afterwards is sealed to the new one."""
    peer.entry()
    peer.rotates()
    peer.entry()
    peer.rotates()
    peer.checkpoint()
    _pull(peer)
    assert _states() == ["applied"] * 4
    peer.speaks = peer.signing
    peer.entry()
    assert _pull(peer) == 1
    assert peer.sealed_to == peer.seal


def test_a_checkpoint_under_a_key_of_its_own_page_is_believed_with_the_next(peer):
    """Whoever changes keys and signs a checkpoint before the partner has heard of it loses nothing."""
    peer.entry()
    peer.rotates()
    peer.checkpoint()
    _pull(peer)
    assert Link.objects.get().proven == 2


def test_the_same_id_of_two_partners_is_two_things(peer):
    """The object is known by its verified origin and its id there."""
    other = Peer(authority="lv-cert", country="LV")
    other.joins()
    one = peer.entry(content=things.Made("of FI"))
    there = stream.envelope.decode(one.payload).object
    from uuid import UUID

    other.entry(content=things.Made("of LV"), object_id=UUID(there))
    _pull(peer)
    _pull(other)
    assert things.held[own_id("fi-cert", UUID(there))] == ("of FI", 1)
    assert things.held[own_id("lv-cert", UUID(there))] == ("of LV", 1)


def _other_history(peer: Peer) -> None:
    peer.tree[0] = bytes(32)
    peer.tree += [bytes(32)] * 4
    peer.sign()


def _same_size(peer: Peer) -> None:
    peer.tree[0] = bytes(32)
    peer.sign()
    peer.lie = lambda page: replace_page(page, peer)


def replace_page(page, peer):
    """The page with the checkpoint in any case."""
    return msgspec.structs.replace(page, checkpoint=peer.note, opening=peer.tally)


def _shorter(peer: Peer) -> None:
    del peer.items[1:]
    del peer.places[1:]


@pytest.mark.parametrize("contradict", [_other_history, _same_size, _shorter])
def test_a_contradiction_is_on_record_once_and_nothing_is_taken(peer, contradict):
    """Another history, another tree of the same size, fewer entries than before: both notes are kept as the proof."""
    peer.entry()
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    contradict(peer)
    for _ in range(2):
        with pytest.raises(stream.ConflictError):
            _pull(peer)
    assert Contradiction.objects.count() == 1
    assert Link.objects.get().error
    assert len(_states()) == 2


def test_contradictions_without_end_do_not_fill_the_disk(peer, monkeypatch):
    """Each page can contradict anew, and none is counted as taken: of one partner a few a day are on record."""
    monkeypatch.setattr(contradicting, "PER_DAY", 3)
    peer.entry()
    peer.entry()
    peer.checkpoint()
    _pull(peer)
    for _ in range(5):
        _other_history(peer)
        with pytest.raises(stream.ConflictError):
            _pull(peer)
    assert Contradiction.objects.count() == 3


def test_a_note_has_an_end(peer):
    """With signature lines of nobody it could have megabytes, which would be kept as the proof of a contradiction."""
    peer.entry()
    peer.checkpoint()
    peer.note += "".join(f"\u2014 nobody{at} {b64encode(bytes(80)).decode()}\n" for at in range(1_000))
    with pytest.raises(stream.StreamError, match="longer than"):
        _pull(peer)
    assert not Link.objects.get().checkpoint
    assert not Received.objects.exists()


def test_an_entry_withheld_shows(peer):
    """The checkpoint commits to a chain over all entries for this node: one left out, and it does not come out."""
    peer.entry(content=things.Made("one"))
    peer.entry(content=things.Made("two"))
    peer.checkpoint()
    second = peer.items[1]
    peer.items[1] = peer.made(content=things.Made("another"), seq=1)
    with pytest.raises(stream.ConflictError, match="not those that its checkpoint commits to"):
        _pull(peer)
    peer.items[1] = second
    assert _pull(peer) == 2


def test_what_is_not_in_the_tree_shows(peer):
    """A proof that leads to another root is no proof."""
    peer.entry()
    peer.checkpoint()
    peer.lie = lambda page: msgspec.structs.replace(page, leaves=(page.leaves[0] + 1,))
    with pytest.raises(stream.ConflictError, match="not in the tree"):
        _pull(peer)


def test_another_answer_than_to_this_question_is_not_believed(peer):
    """An answer that was recorded cannot be played again."""
    recorded = []

    class Repeats:
        def post(self, url, **more):
            recorded.append(peer.post(url, **more))
            return recorded[0]

    peer.entry()
    from hanse.federation.models import Partner

    partner = Partner.objects.get()
    assert exchange.pull(partner, Repeats()).taken == 1
    with pytest.raises(exchange.LinkError, match="not proven to be its answer"):
        exchange.pull(partner, Repeats())


def test_a_crash_in_the_middle_takes_nothing_twice(peer, monkeypatch):
    """What was not committed is fetched again; what was is not."""
    peer.entry(content=things.Made("one"))
    _pull(peer)
    peer.entry(content=things.Made("two"))
    from hanse.federation import receiving

    real = receiving._remember

    def stops(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(receiving, "_remember", stops)
    with pytest.raises(KeyboardInterrupt):
        _pull(peer)
    assert reached(peer.authority).first == 1
    monkeypatch.setattr(receiving, "_remember", real)
    assert _pull(peer) == 1
    assert Entry.objects.filter(kind="federation.received").count() == 2


@pytest.mark.parametrize(
    "failure", [LockedError("The keys were rotated."), OperationalError("disk I/O error"), MemoryError()]
)
def test_a_failure_of_this_node_refuses_nothing(peer, monkeypatch, failure):
    """What came while the database was away, the keys were locked or memory ran out is asked for again, not refused."""
    peer.entry(content=things.Made("one"))

    def fails(*_):
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(things, "refuse", fails)
        with pytest.raises((LockedError, NotWrittenError, MemoryError)):
            _pull(peer)
    assert _states() == []
    assert _pull(peer) == 1
    assert _states() == ["applied"]


def test_an_answer_of_another_sort_is_not_believed(peer):
    """What says to be something else than what was asked for is not read as if it were that."""
    peer.entry()
    peer.answers = "noted"
    with pytest.raises(exchange.LinkError, match="a 'page' was asked for"):
        _pull(peer)


def test_the_next_page_is_asked_for_while_one_is_written(peer, monkeypatch):
    """What is asked for ahead is no receipt: it says what is on disk; a page that is not written is fetched again, and proven."""
    for at in range(2_300):
        peer.entry(content=things.Made(str(at)))
    peer.checkpoint()
    take, failures = receiving.take, [NotWrittenError("The disk is full.")]

    def full(partner, page):
        if page.first and failures:
            raise failures.pop()
        return take(partner, page)

    monkeypatch.setattr(receiving, "take", full)
    with pytest.raises(NotWrittenError):
        _pull(peer)
    assert [(one.first, one.ahead) for one in peer.wanted] == [(0, 0), (0, 1_000), (1_000, 1_000)]
    assert _pull(peer) == 1_300
    assert [(one.first, one.ahead) for one in peer.wanted[3:]] == [(1_000, 0), (1_000, 1_000)]
    assert (Received.objects.count(), Link.objects.get().proven) == (2_300, 2_300)


def test_a_revoked_key_is_believed_no_more(peer):
    """What is signed with it afterwards is refused, entries and messages alike; the last key stays, or nothing could follow."""
    old = peer.signing
    peer.rotates()
    peer.entry(KEY_REVOKED, KeyRevoked(old.id, 1))
    peer.entry(content=things.Made("forged"), key=old)
    peer.entry(KEY_REVOKED, KeyRevoked(peer.signing.id, 1))
    peer.entry(content=things.Made("after"))
    _pull(peer)
    assert _states() == ["applied", "applied", "refused", "refused", "applied"]
    assert "only key" in Received.objects.get(place=3).why
    peer.speaks = old
    with pytest.raises(exchange.LinkError, match="not proven"):
        _pull(peer)
    peer.speaks = peer.signing
    assert _pull(peer) == 0


def test_partners_are_told_of_a_revoked_key(peer):
    """Whoever revokes a key of this node says it to every active partner in the same transaction."""
    keys = keyring.current()
    NodeKey.objects.create(id="an earlier one", verify="00", seal="00", since_us=1, said_by=-1)
    ledger.revoke("an earlier one", NODE, "It was stolen.", 7)
    entry = Entry.objects.get(kind=KEY_REVOKED)
    assert (entry.recipient, entry.key) == ("fi-cert", keys.signing.id)


def test_what_is_more_than_a_days_quota_waits_at_the_partner(peer, monkeypatch, settings):
    """Nothing of it is lost: it is fetched the next day, and until then the partners' page says why not."""
    peer.lie = lambda page: msgspec.structs.replace(page, items=page.items[:4])
    settings.HANSE_NODE = replace(settings.HANSE_NODE, partner_gigabytes=1)
    monkeypatch.setattr(quota, "_GB", 2_000)
    for number in range(12):
        peer.entry(content=things.Made(str(number)))
    with pytest.raises(exchange.LinkError, match="waits there"):
        _pull(peer)
    taken = Received.objects.count()
    assert 0 < taken < 12
    assert "partner_gigabytes" in Link.objects.get().error
    with pytest.raises(exchange.LinkError):
        _pull(peer)
    assert Received.objects.count() == taken
    monkeypatch.setattr(quota, "_today", lambda: 2)
    monkeypatch.setattr(quota, "_GB", 10**9)
    assert taken + _pull(peer) == 12
    assert Link.objects.get().error == ""
