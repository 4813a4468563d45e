"""Another authority that asks who else, is asked, and matches standing: as a node does, or it cheats as it is told to."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from hanse.egress.client import Response
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel.values import Value
from hanse.kernel import message
from hanse.kernel.clock import now_us
from hanse.matching import answering, asking, clock, publishing, standing, tags, voprf
from hanse.matching.contents import Contact
from hanse.matching.epochs import day, month
from hanse.matching.hello import speaks
from hanse.matching.publishing import column
from hanse.matching.secret import RunSecret
from hanse.matching.standing import Turn
from hanse.matching.standing_contents import StandingSet
from hanse.matching.standing_models import OwnTurns, TheirTurns
from hanse.matching.standing_wire import TURN, Answered, TurnSent
from hanse.matching.tag_contents import TagKeyTold
from hanse.matching.tags import PROOF, TAG, Published, Question, TagSet
from tests.federation.peer import Peer
from tests.matching.cast import agree
from tests.matching.partner import Comparer


@dataclass
class Asker(Comparer):
    """A partner that speaks all ways of matching.

    Attributes:
        away: Messages that it does not answer, such as a node that is down.
        after: Messages that it takes in, and whose answer is lost on the way.
        heard_: Messages that it was asked, by what they are, with what they say.
        serial: Names its published set.
        evaluates: Changes its answer to a question before it is sent.
        turns: Changes its answer to a turn before it is sent.
        waits_us: How long after the last turn its next one comes, microseconds.
    """

    away: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)
    heard_: list[tuple[str, Any]] = field(default_factory=list)
    serial: str = field(default_factory=lambda: secrets.token_hex(16))
    evaluates: Any = lambda told: told
    turns: Any = lambda told: told
    waits_us: int = 30_000_000

    # Who else?: it is asked.

    def publishes(self, **more: Any) -> None:
        """Tell its key, and publish what it has."""
        self.epoch_ = month(now_us())
        self.key = voprf.derive_key_pair(secrets.token_bytes(32), b"tests")
        told = {
            "epoch": self.epoch_,
            "public": self.key.public.hex(),
            "speaks": speaks("who-else", self.epoch_),
        }
        self.entry("matching.tag_key_told", TagKeyTold(**{**told, **more}))
        self.makes_set()

    def makes_set(self) -> None:
        """A set of all that it has, at version 0."""
        real = tags.packed([tags.tag_of(self.key, self.epoch_, one) for one in self.has])
        self.published: Published = tags.publish(self.epoch_, real)
        self.base, self.deltas = self.published.current, []
        self.serial = secrets.token_hex(16)

    def goes_to_next_version(self, *new: Value) -> None:
        """Another version, with something new in it."""
        made = tags.packed([tags.tag_of(self.key, self.epoch_, one) for one in new])
        self.published, delta, *_ = tags.changed(self.published, made, column(b""))
        self.deltas.append((delta.added.tobytes(), delta.taken.tobytes()))

    def gives_set(self, wanted: publishing.Wanted) -> publishing.Given:
        """A piece, or what changed."""
        if wanted.serial == self.serial:
            return publishing.Given(
                self.serial, len(self.deltas), deltas=tuple(self.deltas[wanted.version :])
            )
        data = self.base.tags.tobytes()
        size = publishing.PIECE_BYTES
        return publishing.Given(
            self.serial, 0, len(data), data[wanted.place * size : (wanted.place + 1) * size]
        )

    # Who else?: it asks.

    def fetches(self) -> TagSet:
        """This node's set for it."""
        self.epoch_ = month(now_us())
        given = self.asks(publishing.SET, publishing.Wanted(self.epoch_), publishing.Given)
        assert len(given.data) == given.size, given
        return tags.read(self.epoch_, given.version, given.data)

    def public(self) -> bytes:
        """This node's key for it, as it was told."""
        return bytes.fromhex(self.addressed("matching.tag_key_told", TagKeyTold)[-1][1].public)

    def puts(self, *values: Value, name: str = "", again: Question | None = None) -> Any:
        """Ask this node who else; what it was answered. What it learns is in `learnt` and `proofs`."""
        self.question = again or tags.ask(values, month(now_us()))
        put = answering.Put(name or secrets.token_hex(16), month(now_us()), self.question.blinded.points)
        self.learnt, self.proofs = [], {}
        told = self.asks(answering.WHO_ELSE, put, answering.Evaluated)
        if isinstance(told, answering.Evaluated) and not told.refused:
            found = tags.found_with(self.question, told.evaluated, told.proof, self.public(), self.fetches())
            self.learnt, self.proofs = [value for value, _ in found], dict(found)
        return told

    def contacts(self, proof: bytes, **more: Any) -> None:
        """Make contact by what it found, or says to have found."""
        assert len(proof) in {TAG, PROOF}
        named = asking.reference(self.here, self.authority, month(now_us()), proof)
        told = {
            "references": (named,),
            "name": "Ann Other",
            "telephone": "+44 20 7946 0018",
            "tag": proof.hex(),
        }
        self.entry("matching.contact", Contact(**{**told, **more}))

    # Standing.

    def wants_standing(self, *, on: bool = True) -> None:
        """Say so."""
        self.wish = getattr(self, "wish", uuid4())
        self.wishes = getattr(self, "wishes", 0) + 1
        content = StandingSet(partner=self.here, on=on)
        self.entry("matching.standing_set", content, object_id=self.wish, version=self.wishes)
        if not hasattr(self, "mask"):
            self.lost()

    def lost(self) -> None:
        """Begin standing matching as if nothing had been exchanged."""
        self.mask, self.secret_, self.count, self.yours = uuid4().hex, RunSecret.fresh(), 0, ""
        self.own: dict[bytes, Value] = {}
        self.decoys: tuple[bytes, ...] = ()
        self.theirs_: set[bytes] = set()
        self.seen: list[Value] = []
        self.their_number, self.last = -1, b""

    def takes_turn(self, *values: Value, gone: tuple[bytes, ...] = (), **more: Any) -> Any:
        """A turn of its own with some values; the first opens with all it has. What it was answered."""
        epoch = day(now_us())
        if self.count:
            taken = (*gone, *self.decoys[: standing.TAKEN - len(gone)])
            self.sent = standing.sent(Turn(values, taken, self.count), self.secret_, epoch)
        else:
            taken = ()
            self.sent = standing.opening(values or self.has, self.secret_, epoch)
        self.turn = TurnSent(
            epoch, self.mask, self.yours, self.count, self.sent.points, b"".join(taken), speaks("standing", epoch)
        )  # fmt: skip
        self.turn = msgspec.structs.replace(self.turn, **more)
        told = self.repeats_turn()
        if isinstance(told, Answered) and told.tokens:
            own, decoys = standing.told(self.sent, told.tokens)
            self.own = {one: value for one, value in self.own.items() if one not in gone} | own
            self.decoys = (*(one for one in self.decoys if one not in taken), *decoys)
            self.yours, self.count = told.mask, self.count + 1
            self.looks()
        return told

    def repeats_turn(self) -> Any:
        """Put its last turn, as it is."""
        TheirTurns.objects.filter(partner=self.authority).update(taken_us=now_us() - self.waits_us)
        return self.asks(TURN, self.turn, Answered)

    def answers_turn(self, sent: TurnSent) -> Answered:
        """Answer a turn of this node."""
        if sent.number == self.their_number:
            return self.answered_
        if sent.number not in {0, self.their_number + 1}:
            return Answered(anew=True)
        tokens = standing.answered(sent.points, len(sent.points) // 32, self.secret_)
        taken = set(standing.split(sent.taken))
        assert taken <= self.theirs_
        self.theirs_ = (self.theirs_ - taken if sent.number else set()) | set(standing.split(tokens))
        self.their_number = sent.number
        self.answered_ = Answered(self.mask, tokens)
        self.looks()
        return self.answered_

    def looks(self) -> None:
        """See what both have now."""
        self.seen = standing.hits(self.own, self.theirs_)

    def answered(self, what: str, text: bytes) -> Any:
        """Answer as a node does, unless it is away."""
        kinds: dict[str, Any] = {
            publishing.SET: (publishing.Wanted, self.gives_set),
            answering.WHO_ELSE: (answering.Put, self.evaluated),
            TURN: (TurnSent, lambda sent: self.turns(self.answers_turn(sent))),
        }
        if what not in kinds:
            return super().answered(what, text)
        of, give = kinds[what]
        said = msgspec.msgpack.decode(text, type=of)
        self.heard_.append((what, said))
        return give(said)

    def evaluated(self, put: answering.Put) -> answering.Evaluated:
        """Its answer to a question."""
        return self.evaluates(answering.Evaluated(*tags.answer(self.key, put.points)))

    def post(self, url: str, *, body: bytes, **more: Any) -> Response:
        """Answer as a node would; one that is away, or whose answer is lost, gives none."""
        what = message.parse(body)[0].what
        if what in self.away:
            return NOTHING
        given = super().post(url, body=body, **more)
        return NOTHING if what in self.after else given


NOTHING = Response(503, {"content-type": "text/plain"}, b"away", "", "")


def turn(peer: Peer) -> None:
    """Take in what a partner sent, and take all that goes on with it as far as it goes, be it away or not."""
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    try:
        clock.turn(peer.authority, peer)  # type: ignore[arg-type]
    except exchange.LinkError:
        return


class Slots:
    """A schedule whose slots come when a test says so.

    Attributes:
        at: The slot that it is.
    """

    at: int = 7

    def turn(self, _now: int) -> int:
        """The slot that it is."""
        return self.at


def next_slot(slots: Slots | None = None) -> None:
    """Let the next turn of standing matching be due."""
    if slots is not None:
        slots.at += 1
    OwnTurns.objects.update(**({"again_us": 0} if slots else {"slot": 0}))


@pytest.fixture
def gb(officer, approver):
    """A partner with whom something is agreed."""
    made = Asker("gb-ncas", "GB", "associated")
    made.joins()
    agree(officer, approver)
    return made
