"""Another authority that counts common sources: as a node does, or it cheats as it is told to."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hanse.kernel.clock import now_us
from hanse.matching import common_sources, psi
from hanse.matching.common_sources import PROTOCOL, Sample
from hanse.matching.counting import CLOSE, OPEN, Close, Closed, Open, Opened
from hanse.matching.epochs import month
from hanse.matching.hello import speaks
from hanse.matching.secret import RunSecret
from tests.matching.asker import Asker


@dataclass
class Counter(Asker):
    """A partner that counts.

    Attributes:
        sample: Its sources.
        opens_: Changes its first answer before it is sent.
        closes_: Changes its second.
        common: How many sources it found both to have; None before it knows.
        tokens: Its tokens of the other's points.
        asked_for: The questions that it was asked.
    """

    sample: Sample = field(default_factory=lambda: Sample((), 1.0))
    opens_: Any = lambda told: told
    closes_: Any = lambda told: told
    common: int | None = None
    tokens: bytes = b""
    asked_for: list[Open] = field(default_factory=list)

    def answered(self, what: str, text: bytes) -> Any:
        """Answer as a node does."""
        if what == OPEN:
            put = msgspec.msgpack.decode(text, type=Open)
            self.asked_for.append(put)
            return self.opens_(self._opened(put))
        if what == CLOSE:
            told = msgspec.msgpack.decode(text, type=Close)
            self.common = psi.overlap(self.tokens, told.tokens)
            return self.closes_(Closed(self.tokens))
        return super().answered(what, text)

    def _opened(self, put: Open) -> Opened:
        secret = RunSecret.fresh()
        said, points = self.sample.said(secret), self.sample.points(secret, put.epoch)
        self.tokens = common_sources.tokens_of(put.points, secret)
        named = common_sources.session(
            put.question, put.attack, put.epoch, {self.here: put.said, self.authority: said}
        )
        return Opened(said, points, psi.digest(self.tokens, self.authority, named))

    # It asks.

    def wants(self, attack: str, own: str = "", **more: Any) -> Any:
        """Ask this node to count with an attack that it gave; what it was answered."""
        self.mine = RunSecret.fresh()
        self.question = more.pop("question", secrets.token_hex(16))
        epoch = month(now_us())
        said, points = self.sample.said(self.mine), self.sample.points(self.mine, epoch)
        self.put = Open(self.question, attack, own, epoch, speaks(PROTOCOL, epoch), said, points)
        self.put = msgspec.structs.replace(self.put, **more)
        self.told = self.asks(OPEN, self.put, Opened)
        return self.told

    def goes_on(self, tokens: bytes | None = None) -> Any:
        """Send its tokens; what it was answered. What it learns is in `common`."""
        sent = common_sources.tokens_of(self.told.points, self.mine) if tokens is None else tokens
        answer = self.asks(CLOSE, Close(self.question, sent), Closed)
        if isinstance(answer, Closed) and answer.tokens:
            sides = {self.here: self.told.said, self.authority: self.put.said}
            named = common_sources.session(self.question, self.put.attack, self.put.epoch, sides)
            psi.check_tokens(answer.tokens, self.put.said.size, self.told.digest, self.here, named)
            self.common = psi.overlap(answer.tokens, sent)
        return answer
