"""What this node gives a partner that asks: all that is addressed to it, proven; nothing to anybody else."""

import msgspec
import pytest

from hanse.federation import wire
from hanse.federation.models import Link, Partner, Standing
from hanse.federation.partnering import stands
from hanse.federation.sending import send
from hanse.federation.stream import Examined, Known, Page, Pull, examine
from hanse.kernel import message
from hanse.kernel.clock import now_us
from hanse.kernel.keys import VerifyKey
from hanse.kernel.sealing import SealingError
from hanse.ledger import keyring, tree
from hanse.ledger.writing import Draft
from tests.federation.peer import HERE, NODE, Peer
from tests.federation.toys import Toy

pytestmark = pytest.mark.usefixtures("founded")


class Reader:
    """What a partner has of this node's ledger, read as nodes read each other."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.leaves: list[bytes] = []
        self.chains = [bytes(32)]
        self.proven, self.checkpoint, self.size = 0, "", 0
        self.names: list[str] = []

    def raw(self) -> Page:
        """The first page as it came."""
        return self.peer.asks("pull", Pull(0, bytes(32), 0, 0), Page)

    def pull(self, *, names: bool = True) -> Examined:
        """Ask for one page and examine it."""
        has = len(self.leaves)
        page = self.peer.asks("pull", Pull(has, self.chains[-1], self.proven, self.size), Page)
        self.page = page
        key = keyring.current().signing.public
        known = Known(
            HERE, self.peer.authority, has, self.chains[-1], self.proven, self.checkpoint, {key.id: VerifyKey(key.raw)},
            self.chains.__getitem__, lambda place: self.leaves[place:],
        )  # fmt: skip
        found = examine(page, known)
        assert [one.why for one in found.arrivals if one.why] == []
        self.leaves += [one.leaf for one in found.arrivals]
        self.chains += [one.chain for one in found.arrivals]
        if names:
            self.names += [
                msgspec.json.decode(one.written.content)["name"] for one in found.arrivals if one.written
            ]
        self.proven, self.checkpoint = found.proven, found.checkpoint
        from hanse.federation.stream import size_of

        self.size = size_of(self.checkpoint) if self.checkpoint else 0
        return found


def _tell(peer: Peer, *names: str) -> None:
    send([Draft("things.toy", Toy(name), recipient=peer.authority) for name in names])


def test_a_partner_that_asks_from_nowhere_on_is_refused(peer):
    """A place before the first is none; the next page is the first all the same."""
    _tell(peer, "one")
    assert "asks from entry -3" in peer.asks("pull", Pull(-3, bytes(32), 0, 0), Page).words
    assert len(peer.asks("pull", Pull(0, bytes(32), 0, 0), Page).items) == 1


def test_a_partner_reads_all_that_is_addressed_to_it_and_nothing_else(peer):
    """Page after page, provisional at first, proven after the checkpoint; entries of others leave no gap."""
    other = Peer(authority="lv-cert", country="LV")
    other.joins()
    reader = Reader(peer)
    _tell(peer, "one")
    _tell(other, "not yours")
    _tell(peer, "two")
    assert (len(reader.pull().arrivals), reader.proven) == (2, 0)
    tree.integrate()
    _tell(peer, "three")
    reader.pull()
    assert (reader.names, reader.proven) == (["one", "two", "three"], 2)
    tree.integrate()
    reader.pull()
    assert reader.proven == 3
    assert Link.objects.get(pk=peer.authority).has == 3


def test_a_backlog_comes_in_pages_whatever_its_order_of_asking(peer):
    """2,500 entries in three pages, all proven; one who asks from the beginning again gets the same."""
    _tell(peer, *(f"toy {at}" for at in range(2_500)))
    tree.integrate()
    for _ in range(2):
        reader = Reader(peer)
        sizes = [len(reader.pull().arrivals) for _ in range(4)]
        assert sizes == [1_000, 1_000, 500, 0]
        assert reader.proven == 2_500
        assert reader.names == [f"toy {at}" for at in range(2_500)]


def test_nothing_new_is_said_in_few_bytes(peer):
    """Under two kilobytes, a new checkpoint included."""
    _tell(peer, "one")
    tree.integrate()
    reader = Reader(peer)
    reader.pull()
    wanted = Pull(1, reader.chains[-1], reader.proven, reader.size)
    assert len(wire.answer(peer.message("pull", wanted)).data) < 2_000
    _tell(Peer(authority="lv-cert"), *("x" for _ in range(2_000)))
    tree.integrate()
    answer = wire.answer(peer.message("pull", wanted))
    assert peer.reads(answer, Page).checkpoint
    assert len(answer.data) < 2_000, len(answer.data)


def test_what_is_in_an_answer_can_be_read_by_its_audience_alone(peer):
    """The body is sealed to the partner's key; a proxy on the way sees who speaks to whom, and how much."""
    _tell(peer, "a secret name")
    answer = wire.answer(peer.message("pull", Pull(0, bytes(32), 0, 0)))
    head, told = message.parse(answer.data)
    assert b"secret" not in answer.data
    with pytest.raises(SealingError):
        message.opened(head, told, next(iter(Peer().openings.values())))


def test_a_repetition_is_refused_also_after_a_restart(peer):
    """The number of each message is on disk before anything is done; what was heard once is never done again."""
    data = peer.message("pull", Pull(0, bytes(32), 0, 0))
    assert wire.answer(data).status == 200
    answer = wire.answer(data)
    assert answer.status == 409
    refusal = peer.reads(answer, Page)
    assert isinstance(refusal, wire.Refusal)
    assert refusal.heard == Link.objects.get().heard == message.parse(data)[0].number


def _for_another(peer: Peer) -> bytes:
    return peer.message("pull", Pull(0, bytes(32), 0, 0), audience="lv-cert")


def _stranger(_: Peer) -> bytes:
    return Peer(authority="se-cert").message("pull", Pull(0, bytes(32), 0, 0))


def _other_key(peer: Peer) -> bytes:
    return Peer(authority=peer.authority).message("pull", Pull(0, bytes(32), 0, 0))


def _in_the_open(peer: Peer) -> bytes:
    return peer.message("pull", Pull(0, bytes(32), 0, 0), seal=None)


def _yesterday(peer: Peer) -> bytes:
    return peer.message("pull", Pull(0, bytes(32), 0, 0), time_us=now_us() - 86_400_000_000)


def _altered(peer: Peer) -> bytes:
    data = peer.message("pull", Pull(0, bytes(32), 0, 0))
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    "made",
    [
        _for_another,
        _stranger,
        _other_key,
        _in_the_open,
        _yesterday,
        _altered,
        lambda _: b"garbage",
        lambda _: b"",
    ],
)
def test_what_cannot_be_proven_is_refused_and_changes_nothing(peer, made):
    """A message for another node, of a stranger, of another key, old, unsealed or altered: words, and nothing else."""
    _tell(peer, "one")
    answer = wire.answer(made(peer))
    assert answer.status in {400, 403}
    assert not answer.signed
    assert len(answer.data) < 400
    assert b"things" not in answer.data
    assert not Link.objects.filter(heard__gt=0).exists()


def test_a_stranger_learns_not_who_is_a_partner(peer):
    """Somebody who is none, somebody who says to be one, and one who is suspended are answered alike."""
    partner = Partner.objects.get()
    answers = {wire.answer(_stranger(peer)).data, wire.answer(_other_key(peer)).data}
    stands(partner, Standing.SUSPENDED, "for a test", NODE)
    answers.add(wire.answer(peer.message("pull", Pull(0, bytes(32), 0, 0))).data)
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("what", "body"), [("dance", b""), ("pull", b"\xc1"), ("pull", msgspec.msgpack.encode([9, b"", 0, 0]))]
)
def test_a_partner_is_told_what_is_wrong(peer, what, body):
    """A message that is not known, cannot be read or asks for what cannot be is answered with a reason, signed."""
    content = msgspec.Raw(body) if body else wire.Noted()
    answer = wire.answer(peer.message(what, content))
    refusal = peer.reads(answer, Page)
    assert (answer.status, isinstance(refusal, wire.Refusal)) == (422, True)
    assert refusal.words


def test_a_partner_that_asks_without_end_is_told_to_wait(peer, monkeypatch):
    """So many messages a minute are answered and no more; nobody else is kept waiting for it."""
    monkeypatch.setattr(wire, "PER_MINUTE", 3)
    monkeypatch.setattr(wire, "_asked", wire.defaultdict(wire.deque))
    wanted = Pull(0, bytes(32), 0, 0)
    assert [wire.answer(peer.message("pull", wanted)).status for _ in range(5)] == [200, 200, 200, 429, 429]
    other = Peer(authority="lv-cert", country="LV")
    other.joins()
    assert wire.answer(other.message("pull", wanted)).status == 200


def test_a_number_beyond_all_clocks_is_refused(peer):
    """Otherwise no later message could ever be heard."""
    assert wire.answer(peer.message("pull", Pull(0, bytes(32), 0, 0), number=2**62)).status == 400
