"""Answering partners that ask who else: a hundred points in, a hundred points and one proof out, whatever was asked.

That a partner asked, and when, is on record; what it asked, nobody here can know. A question that comes twice is
answered twice and counts once.
"""

from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

import msgspec

from hanse.federation.wire import Asked
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import one_line
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import append, writing
from hanse.matching import tag_keys, tags
from hanse.matching.agreeing import NoAgreementError, agreement_with
from hanse.matching.epochs import months
from hanse.matching.group import POINT, ProtocolError, check_points
from hanse.matching.models import Agreement
from hanse.matching.offering import matcher
from hanse.matching.quota import DAY_US
from hanse.matching.tag_contents import Questioned
from hanse.matching.tag_models import Asking
from hanse.matching.tags import ASKED
from hanse.matching.voprf import PROOF, KeyPair

QUESTIONED: Final = "matching.questioned"
WHO_ELSE: Final = "who-else"
ANSWER: Final = "who-else-answer"
REFUSED_AGAIN_US: Final = 3_600_000_000
"""A partner that goes on asking what is refused is on record once an hour for each reason."""

_NOTHING_AGREED: Final = "Nothing is agreed to be compared."
_NO_KEY: Final = "The question is of no month that can be asked for now. Ask anew."
_SPENT: Final = "The questions that are agreed for a day were asked. Ask again tomorrow."
_NO_QUESTION: Final = "It is no question of a hundred points."


class Put(msgspec.Struct, frozen=True, array_like=True):
    """A question.

    Attributes:
        question: What the asker calls it, 32 hexadecimal digits that say nothing.
        epoch: The month.
        points: A hundred.
    """

    question: str
    epoch: str
    points: bytes


class Evaluated(msgspec.Struct, frozen=True, array_like=True):
    """The answer.

    Attributes:
        evaluated: A hundred points.
        proof: That they were made with the key of the month.
        refused: Why there are none, in words; empty where there are.
    """

    evaluated: bytes = bytes(ASKED * POINT)
    proof: bytes = bytes(PROOF)
    refused: str = ""


def per_day(agreement: Agreement) -> int:
    """Questions that a partner may put in a day: as many as make up the selectors of a kind that it may have compared."""
    return agreement.per_day // ASKED


def put_in_a_day(partner: str) -> int:
    """Questions of a partner that were answered in the last 24 hours."""
    since = now_us() - DAY_US
    return Asking.objects.filter(partner=partner, about="", refused="", at_us__gt=since).count()


def answer(asked: Asked) -> Evaluated:
    """What a partner that asks is answered.

    Raises:
        UsageError: It gives its question no name, or calls two questions the same.
    """
    put = msgspec.msgpack.decode(asked.body, type=Put)
    partner = asked.partner.authority
    if not is_name(put.question):
        raise UsageError("A question is named by 32 hexadecimal digits.")
    digest = sha256(put.epoch.encode() + b"\0" + put.points).hexdigest()
    with writing():
        before = Asking.objects.filter(partner=partner, about="", question=put.question, refused="").first()
        if before is not None and before.digest != digest:
            raise UsageError("Another question was put under this name.")
        key, refused = _judged(partner, put, counted=before is not None)
        if refused or key is None:
            refuse(partner, put.question, put.epoch, digest, refused)
            return Evaluated(refused=refused)
        if before is None:
            answered(partner, put.question, put.epoch, digest)
    return Evaluated(*tags.answer(key, put.points))


def _judged(partner: str, put: Put, *, counted: bool) -> tuple[KeyPair | None, str]:
    """The key for a question, or why it gets no answer."""
    try:
        agreement = agreement_with(partner)
    except NoAgreementError:
        return None, _NOTHING_AGREED
    key = tag_keys.key_of(partner, put.epoch) if put.epoch in months(now_us()) else None
    if key is None:
        return None, _NO_KEY
    if not counted and put_in_a_day(partner) >= per_day(agreement):
        return None, _SPENT
    try:
        check_points(put.points, "The question", number=ASKED)
    except ProtocolError:
        return None, _NO_QUESTION
    return key, ""


def refuse(partner: str, question: str, epoch: str, digest: str, why: str, about: str = "") -> None:
    """Have a refusal on record, but not each of a thousand; arguments as of `Questioned`."""
    since = now_us() - REFUSED_AGAIN_US
    before = Asking.objects.filter(partner=partner, about=about, refused=why, at_us__gt=since)
    if not before.exists():
        _record(partner, question, epoch, digest, why, about)


def answered(partner: str, question: str, epoch: str, digest: str, about: str = "") -> None:
    """Have it on record that a partner asked and was answered; arguments as of `Questioned`."""
    _record(partner, question, epoch, digest, about=about)


def _record(partner: str, question: str, epoch: str, digest: str, refused: str = "", about: str = "") -> None:
    content = Questioned(
        partner=partner, question=question, epoch=one_line(epoch, 8), digest=digest, refused=refused, about=about, at_us=now_us()
    )  # fmt: skip
    append(QUESTIONED, content, actor=matcher(), object_id=uuid4())


def is_name(text: str) -> bool:
    """Whether a text is one of the names that nodes give questions and masks."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")


def _project(recorded: Recorded, content: Questioned) -> None:
    Asking.objects.create(
        object_id=recorded.object_id, partner=content.partner, question=content.question, epoch=content.epoch,
        digest=content.digest, refused=content.refused, about=content.about, at_us=content.at_us, sequence=recorded.sequence,
    )  # fmt: skip


def _forget(object_id: UUID) -> None:
    drop(Asking.objects, object_id)


KINDS = (Kind(QUESTIONED, Questioned, _project, _forget),)
