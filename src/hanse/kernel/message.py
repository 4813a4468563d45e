"""Messages between nodes: signed over who sends what to whom and when, so that none can be repeated elsewhere or later.

A message is a head, an Ed25519 signature over the head's exact bytes (DSSE pre-authentication encoding), and a body
to whose hash the head commits. The number of a message is greater than that of every earlier one from its sender to
its audience: who keeps the last one refuses a repetition. An answer has no number of its own but names the one that
it answers. Bodies travel sealed to the audience (`sealing`), bound to sender, audience and what the message is.
"""

from hashlib import sha256
from typing import Final

import msgspec

from hanse.kernel import sealing
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import OpenKey, SealKey, SigningKey, VerifyKey
from hanse.kernel.strict_json import canonical

TYPE: Final = b"application/vnd.hanse.message+json"
MOST: Final = 2**62
"""Numbers are below it, so that there is always a greater one: they follow the clock in microseconds."""
TOLERANCE_US: Final = 600_000_000
"""How far two clocks may be apart, and how long a message can travel, in microseconds: ten minutes."""


class MessageError(HanseError):
    """The bytes are no message for this node, or its signature does not hold."""


class ClockError(MessageError):
    """The sender's clock and the own one are further apart than ten minutes."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed.

    Attributes:
        answers: The number of the message that this one answers; 0 for one that asks.
        audience: Id of the authority that it is for.
        digest: SHA-256 of the body, hexadecimal.
        key: Id of the signing key.
        number: Greater than that of every message before it from this sender to this audience.
        seal: Id of the key that the body is sealed to; empty for a body that travels open.
        sender: Id of the authority that it is from.
        time: When it was written, microseconds UTC.
        what: What it is, such as ``pull``.
    """

    answers: int
    audience: str
    digest: str
    key: str
    number: int
    seal: str
    sender: str
    time: int
    v: int = 1
    what: str


class Message(msgspec.Struct, frozen=True, array_like=True):
    """A message as it travels: the head's bytes, their signature, the body."""

    head: bytes
    signature: bytes
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)
_heads = msgspec.json.Decoder(Head)


def write(
    *,
    sender: str,
    audience: str,
    what: str,
    number: int,
    time_us: int,
    body: bytes,
    key: SigningKey,
    seal: SealKey | None = None,
    answers: int = 0,
) -> bytes:
    """A message in bytes; with `seal`, its body can be read by the audience alone."""
    if seal is not None:
        body = sealing.hpke_seal(seal, _info(sender, audience, what), body)
    head = Head(
        answers=answers, audience=audience, digest=sha256(body).hexdigest(), key=key.id, number=number,
        seal=seal.id if seal else "", sender=sender, time=time_us, what=what,
    )  # fmt: skip
    payload = canonical(head)
    return _encoder.encode(Message(payload, key.sign(_pae(payload)), body))


def parse(data: bytes) -> tuple[Head, Message]:
    """Head and message, of which nothing has been proven yet.

    Raises:
        MessageError: The bytes are no message.
    """
    try:
        message = _decoder.decode(data)
        head = _heads.decode(message.head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"This is no message between nodes: {error}.") from None
    if not (0 <= head.number < MOST and 0 <= head.answers < MOST):
        raise MessageError("The number of the message is none that any clock gives.")
    if head.v != 1 or canonical(head) != message.head:
        raise MessageError("The head of the message is not in its one form, or of a newer version.")
    return head, message


def check(head: Head, message: Message, key: VerifyKey, *, audience: str, at_us: int) -> None:
    """Refuse a message that is not for this node, too old, or not signed by the key that it names.

    Raises:
        MessageError: It is so; `ClockError` where it is only the time.
        KeysError: The signature does not hold.
    """
    if head.key != key.id:
        raise MessageError(f"The message names key {head.key}; {key.id} was expected.")
    key.verify(message.signature, _pae(message.head))
    if head.audience != audience:
        raise MessageError(f"The message is for {head.audience}, not for {audience}.")
    if sha256(message.body).hexdigest() != head.digest:
        raise MessageError("The body of the message is not the one that its head names.")
    if abs(head.time - at_us) > TOLERANCE_US:
        minutes = round((head.time - at_us) / 60_000_000)
        raise ClockError(
            f"The clocks of {head.sender} and {audience} are {minutes:+,} minutes apart; ten are allowed. Set them right."
        )


def opened(head: Head, message: Message, key: OpenKey) -> bytes:
    """The body, unsealed.

    Raises:
        MessageError: It travelled open.
        SealingError: It was sealed to another key, or altered.
    """
    if not head.seal:
        raise MessageError("The body of the message is not sealed. Nothing in the open is believed.")
    return sealing.hpke_open(key, _info(head.sender, head.audience, head.what), message.body)


def _pae(payload: bytes) -> bytes:
    return b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE, len(payload), payload)


def _info(sender: str, audience: str, what: str) -> bytes:
    return f"hanse/message/1\n{sender}\n{audience}\n{what}".encode()
