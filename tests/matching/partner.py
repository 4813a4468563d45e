"""Another authority that compares: it commits, sends points and tokens as a node does, or cheats as it is told to."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec

from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel.values import Value
from hanse.kernel import strict_json
from hanse.kernel.clock import now_us
from hanse.matching import clock, commitment, comparing, parts, psi
from hanse.matching.commitment import Commitment
from hanse.matching.contents import Proposed, RunEnded
from hanse.matching.epochs import month
from hanse.matching.group import chunks_of
from hanse.matching.hello import hello
from hanse.matching.running import PROTOCOL
from hanse.matching.secret import RunSecret
from tests.federation.peer import Peer
from tests.federation.test_serving import Reader


@dataclass
class Comparer(Peer):
    """A partner that compares.

    Attributes:
        has: Its selectors.
        cases: Open cases that it says to have.
        kinds: That it offers.
        says: Changes its commitment before it is sent.
        holds: Names of pieces that it does not give.
        gives: Changes a piece before it is given: name and bytes.
        given: Pieces that it was asked for, in order.
        learnt: Which of its selectors this node has too; None before the end.
    """

    has: tuple[Value, ...] = ()
    cases: int = 10
    kinds: tuple[str, ...] = ("email", "phone", "person", "person-key", "iban")
    says: Any = lambda said: said
    holds: set[str] = field(default_factory=set)
    gives: Any = lambda _name, data: data
    given: list[str] = field(default_factory=list)
    learnt: list[Value] | None = None
    run: UUID = field(default_factory=uuid4)
    normaliser: str = ""

    def opens(self) -> UUID:
        """Open a run; its id."""
        self.run = uuid4()
        self.entry("matching.run_proposed", self._proposes(), object_id=self.run)
        return self.run

    def takes_part(self) -> None:
        """Answer the run that this node opened last."""
        head, told = self.addressed("matching.run_proposed", Proposed)[-1]
        self.run = UUID(head)
        self.heard(told)
        self.entry("matching.run_proposed", self._proposes(answers=self.run.hex))

    def _proposes(self, answers: str = "") -> Proposed:
        self.secret = RunSecret.fresh()
        self.values = psi.prepare(self.has)
        epoch = self.other.epoch if hasattr(self, "other") else month(now_us())
        spoken = hello(PROTOCOL, epoch, self.kinds)
        if self.normaliser:
            spoken = msgspec.structs.replace(spoken, normaliser=self.normaliser)
        self.epoch = spoken.epoch
        self.own = self.says(
            Commitment(
                authority=self.authority, session=self.run.hex, protocol=PROTOCOL, epoch=spoken.epoch,
                kinds=spoken.kinds, size=len(self.values), root=commitment.root(self.values, self.secret),
                legal_basis="Police Act 2002", case_class="Fraud", normaliser=spoken.normaliser,
            )
        )  # fmt: skip
        points = b"".join(psi.points_of(self.values, PROTOCOL, spoken.epoch))
        self.points = b"".join(psi.masked(points, self.secret))
        return Proposed(
            hello=strict_json.canonical(spoken).decode(), commitment=self.own.encoded().decode(), cases=self.cases,
            answers=answers,
        )  # fmt: skip

    def heard(self, told: Proposed) -> None:
        """Take this node's commitment in."""
        self.other = commitment.read(told.commitment.encode())

    def addressed(self, kind: str, of: type[Any]) -> list[tuple[str, Any]]:
        """What this node addressed to it of a kind and did not purge: the object, and what is said."""
        found = Reader(self).pull(names=False).arrivals
        return [
            (one.head.object, msgspec.json.decode(one.written.content, type=of))
            for one in found
            if one.head.kind == kind and one.written is not None
        ]

    def goes_on(self) -> None:
        """Fetch what it can of this node, and work with it."""
        self.session = commitment.session_hash(self.own, self.other)
        if not hasattr(self, "theirs"):
            points = self._fetched("points", self.other.size * 32)
            if points is None:
                return
            self.theirs = points
            self.tokens = b"".join(psi.doubled(chunks_of(points), self.other.size, self.secret))
            self.digest = psi.digest(self.tokens, self.authority, self.session)
        if not hasattr(self, "their_digest"):
            digest = self._fetched("digest", 32)
            if digest is None:
                return
            self.their_digest = digest
        tokens = self._fetched("tokens", len(self.values) * psi.TOKEN)
        if tokens is not None:
            tokens = psi.check_tokens(tokens, len(self.values), self.their_digest, self.here, self.session)
            self.returned = tokens
            self.learnt = list(psi.hits(self.values, self.secret, tokens, self.tokens))

    def _fetched(self, name: str, size: int) -> bytes | None:
        found = b""
        for place in range(parts.needed(size)):
            wanted = comparing.Wanted(self.run.hex, name, place)
            got = self.asks(comparing.PART, wanted, comparing.Piece)
            if not isinstance(got, comparing.Piece) or got.data is None:
                return None
            found += got.data
        return found

    def answered(self, what: str, text: bytes) -> Any:
        """Give a piece, as far as it has it."""
        if what != comparing.PART:
            return super().answered(what, text)
        wanted = msgspec.msgpack.decode(text, type=comparing.Wanted)
        self.given.append(f"{wanted.name} {wanted.place}")
        has = {"points": getattr(self, "points", None), "digest": getattr(self, "digest", None)}
        if hasattr(self, "their_digest"):
            has["tokens"] = self.tokens
        data = None if wanted.name in self.holds else has.get(wanted.name)
        if data is None:
            return comparing.Piece()
        size = parts.PART_BYTES
        return comparing.Piece(self.gives(wanted.name, data[wanted.place * size : (wanted.place + 1) * size]))

    def ended(self) -> list[RunEnded]:
        """What this node said of how runs ended."""
        return [told for _, told in self.addressed("matching.run_ended", RunEnded)]

    def transcript(self) -> str:
        """Of the run, as it has it."""
        told = {
            (self.here, "points"): self.theirs, (self.here, "digest"): self.their_digest,
            (self.here, "tokens"): self.returned, (self.authority, "points"): self.points,
            (self.authority, "digest"): self.digest, (self.authority, "tokens"): self.tokens,
        }  # fmt: skip
        return commitment.transcript_hash(
            self.session, {name: sha256(data).digest() for name, data in told.items()}
        ).hex()


def turn(peer: Comparer) -> None:
    """Take in what a partner sent, and take the runs with it as far as they go."""
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    clock.turn(peer.authority, peer)  # type: ignore[arg-type]
