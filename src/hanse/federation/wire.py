"""What other nodes ask of this one: one address, signed messages, signed answers.

Who is asking is who signed, whatever the connection says. A message that cannot be proven is answered in the open,
with a reason that tells a stranger nothing of who is a partner.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from django.db import transaction

from hanse.federation import keeping, serving, witnessing
from hanse.federation.models import Link, Partner, Standing
from hanse.federation.partners import answer_key, link_of, locked_link, seal_key, verify_keys
from hanse.federation.stream import MOST, Page, Pull, StreamError
from hanse.federation.witnessing import Compared, Cosigned, Offer, Regain, Shown
from hanse.kernel import message
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import KeysError
from hanse.kernel.message import ClockError, Head, Message, MessageError
from hanse.kernel.sealing import SealingError
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.routing import database

_log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/vnd.hanse.message"
LIMIT_BYTES: Final = 4_000_000
"""A message that asks has a few hundred bytes; the largest checkpoint to witness has three million."""
PER_MINUTE: Final = 1_200
"""Messages of one partner in a minute: far above what catching up and hints need."""
STRANGER: Final = (
    "This node exchanges nothing with the sender of this message. Become partners, or ask its people."
)
RECOVERS: Final = (
    "This node was put back to a backup and recovers. Until it has its own ledger again it gives back what it kept of "
    "others', and nothing else. Ask again in a minute."
)


ANSWERS: Final[dict[str, str]] = {
    "pull": "page",
    "hint": "noted",
    "witness": "cosigned",
    "show": "compared",
    "regain": "regained",
    "recover": "kept",
    "give-back": "given-back",
}
"""What each message that asks is answered with, where it is not refused."""


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why a partner's message was refused.

    Attributes:
        words: For people.
        heard: Number of the last message that was heard from the partner: the next has to be greater.
        recovers: Whether it is refused only because this node was put back to a backup, and recovers.
    """

    words: str
    heard: int
    recovers: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back.

    Attributes:
        status: HTTP status.
        data: The message, or words in the open.
        signed: Whether it is a message.
    """

    status: int
    data: bytes
    signed: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A partner's message that was proven, unsealed and heard for the first time."""

    partner: Partner
    link: Link
    head: Head
    body: bytes
    recovers: bool = False


def answer(data: bytes, only: frozenset[str] | None = None) -> Answer:
    """Prove a message and do what it asks.

    Args:
        data: The message.
        only: What may be asked of this node while it recovers (`recovery.Recovery.answers`); None once it serves.
    """
    try:
        head, told = message.parse(data)
        partner, body = _proven(head, told)
    except ClockError as error:
        return Answer(403, str(error).encode(), signed=False)
    except (MessageError, KeysError, SealingError) as error:
        _log.warning("a message between nodes is refused: %s", error)
        return Answer(403 if isinstance(error, _StrangerError) else 400, str(error).encode(), signed=False)
    return _answered(partner, head, told, body, only)


class _StrangerError(MessageError):
    """The sender is no partner, or not with a key that is believed; the two are not told apart."""


def _proven(head: Head, told: Message) -> tuple[Partner, bytes]:
    """The partner who surely wrote it, and its body.

    Raises:
        MessageError: It cannot be proven to come from a partner, or not to this node, or not now.
        KeysError: As above.
        SealingError: It was sealed to another.
    """
    partner = Partner.objects.filter(pk=head.sender, state=Standing.ACTIVE).first()
    key = verify_keys(head.sender).get(head.key) if partner else None
    if partner is None or key is None:
        raise _StrangerError(STRANGER)
    try:
        message.check(head, told, key, audience=authority(), at_us=now_us())
    except KeysError:
        raise _StrangerError(STRANGER) from None
    return partner, message.opened(head, told, keyring.current().open_key(head.seal))


_asked: defaultdict[str, deque[float]] = defaultdict(deque)


def _asks_too_often(partner: str) -> bool:
    """Whether a partner has asked more than `PER_MINUTE` times in the last minute; this process's own memory."""
    times, now = _asked[partner], time.monotonic()
    while times and now - times[0] > 60:
        times.popleft()
    times.append(now)
    if len(times) <= PER_MINUTE:
        return False
    times.pop()
    return True


def _answered(
    partner: Partner, head: Head, told: Message, body: bytes, only: frozenset[str] | None
) -> Answer:
    """The signed answer to a partner's message."""
    if _asks_too_often(partner.authority):
        words = f"More than {PER_MINUTE:,} messages within a minute. Wait one."
        return _signed(partner, head, 429, "refusal", Refusal(words, 0))
    link = _heard(partner, head, told)
    if link is None:
        heard = link_of(partner.authority).heard
        words = f"Message {head.number} was heard before, or later ones were. It is not done again."
        return _signed(partner, head, 409, "refusal", Refusal(words, heard))
    asked = Asked(partner, link, head, body, recovers=only is not None)
    if only is not None and head.what not in only:
        return _signed(partner, head, 503, "refusal", Refusal(RECOVERS, head.number, recovers=True))
    handle = _HANDLED.get(head.what)
    if handle is None:
        return _refused(asked, f"This node knows no message {head.what[:40]!r}.")
    try:
        content = handle(asked)
    except (HanseError, msgspec.DecodeError) as error:
        return _refused(asked, str(error))
    return _signed(partner, head, 200, ANSWERS[head.what], content)


def _refused(asked: Asked, words: str) -> Answer:
    _log.warning("a message of %s is refused: %s", asked.partner.authority, words)
    return _signed(asked.partner, asked.head, 422, "refusal", Refusal(words, asked.head.number))


def _heard(partner: Partner, head: Head, told: Message) -> Link | None:
    """Remember on disk that a message was heard, before anything is done; None where it was before."""
    with transaction.atomic(using=database()):
        link = locked_link(partner.authority)
        if head.number <= link.heard:
            return None
        link.heard = head.number
        if head.what == "pull":
            link.receipt = msgspec.msgpack.encode(told)
        link.save(update_fields=["heard", "receipt"])
    return link


def _signed(partner: Partner, head: Head, status: int, what: str, content: msgspec.Struct) -> Answer:
    data = message.write(
        sender=authority(),
        audience=partner.authority,
        what=what,
        number=0,
        answers=head.number,
        time_us=now_us(),
        body=msgspec.msgpack.encode(content),
        key=answer_key(partner, link_of(partner.authority).has, head.seal),
        seal=seal_key(partner.authority),
    )
    return Answer(status, data, signed=True)


def _pull(asked: Asked) -> Page:
    """The next page; what the partner says to have is its receipt."""
    wanted = msgspec.msgpack.decode(asked.body, type=Pull)
    link = asked.link
    before = link.at_place, link.has
    if not 0 <= wanted.ahead <= MOST:
        raise StreamError(
            f"{asked.partner.authority} asks {wanted.ahead:,} entries ahead; {MOST:,} are a page."
        )
    if min(wanted.proven, wanted.size) < 0:
        raise StreamError(f"{asked.partner.authority} says to have fewer entries of this ledger than none.")
    begins = msgspec.structs.replace(wanted, first=wanted.first + wanted.ahead)
    page = serving.page_for(asked.partner.authority, begins, link)
    link.has = wanted.first
    if (link.at_place, link.has) != before:
        link.save(update_fields=["at_place", "at_sequence", "has"])
    return page


class Noted(msgspec.Struct, frozen=True, array_like=True):
    """A hint was heard."""


def _hint(asked: Asked) -> Noted:
    """The partner has something new; the worker looks for such marks."""
    Link.objects.filter(pk=asked.partner.authority).update(hinted_us=now_us())
    return Noted()


def _witness(asked: Asked) -> Cosigned:
    """The partner has its ledger witnessed."""
    return witnessing.witness(asked.partner, msgspec.msgpack.decode(asked.body, type=Offer))


def _show(asked: Asked) -> Compared:
    """The partner was shown this, as a witness of another ledger."""
    return witnessing.compared(asked.partner, msgspec.msgpack.decode(asked.body, type=Shown))


def _regain(asked: Asked) -> Offer:
    """The partner witnesses this ledger, and was put back to a backup."""
    return witnessing.given_again(asked.partner, msgspec.msgpack.decode(asked.body, type=Regain))


def _recover(asked: Asked) -> msgspec.Struct:
    """The partner was put back to a backup, and asks for its checkpoints."""
    told = keeping.kept(asked.partner, msgspec.msgpack.decode(asked.body, type=keeping.Recover))
    return msgspec.structs.replace(told, recovers=asked.recovers)


def _give_back(asked: Asked) -> msgspec.Struct:
    """The partner was put back to a backup, and asks for what it sent."""
    return keeping.given_back(asked.partner, msgspec.msgpack.decode(asked.body, type=keeping.GiveBack))


Handle = Callable[[Asked], msgspec.Struct]
"""Does what a partner's message asks, and gives the answer; a `HanseError` refuses it, in words for the partner."""


def register(what: str, answered_with: str, handle: Handle) -> None:
    """Have a room answer a message of its own; it does so when Django starts.

    Args:
        what: What the message is.
        answered_with: What its answer is.
        handle: Gives the answer.

    Raises:
        HanseError: Another one of that name is registered already.
    """
    if _HANDLED.setdefault(what, handle) is not handle:
        raise HanseError(f"Two rooms answer the message {what!r}. Rename one.")
    ANSWERS[what] = answered_with


_HANDLED: Final[dict[str, Handle]] = {
    "pull": _pull,
    "hint": _hint,
    "witness": _witness,
    "show": _show,
    "regain": _regain,
    "recover": _recover,
    "give-back": _give_back,
}
