"""What entries of webhooks hold. Ids are UUIDs in hexadecimal, times microseconds UTC."""

import msgspec

from hanse.kernel.clock import Moment


class HookMade(msgspec.Struct, frozen=True):
    """A partner is told by webhook; the object is the webhook. Two people agreed on it.

    Attributes:
        partner: Id of the edge partner.
        url: Where it is told.
        events: What it is told of.
        way: ``ed25519`` or ``hmac``: how messages are signed.
        public: The public key as receivers enter it; empty for ``hmac``.
        secret: What messages are signed with, encrypted for this webhook alone.
        proposal: What a second person approved.
    """

    partner: str
    url: str
    events: list[str]
    way: str
    public: str
    secret: str
    proposal: str


class HookPaused(msgspec.Struct, frozen=True):
    """Nothing is sent until somebody lets it go on."""


class HookResumed(msgspec.Struct, frozen=True):
    """It goes on where it stopped, and what failed before no longer counts."""


class HookRemoved(msgspec.Struct, frozen=True):
    """It is a webhook no longer."""


class HookTested(msgspec.Struct, frozen=True):
    """A test was sent, which tells nothing; the object is the webhook.

    Attributes:
        delivered: Whether the receiver took it.
        words: What it said, or why it did not.
    """

    delivered: bool
    words: str


class Begun(msgspec.Struct, frozen=True):
    """The partner is to be told; the object is the message, and its id goes along at every attempt.

    Attributes:
        hook: The webhook.
        event: What it is told.
        thing: Of what.
        place: The ledger's entry that was the news: the next message is about a later one.
    """

    hook: str
    event: str
    thing: str
    place: int


class Tried(msgspec.Struct, frozen=True):
    """What came of one attempt; the object is the message.

    Attributes:
        hook: The webhook.
        delivered: Whether the receiver took it.
        words: What it said, or why it did not.
        again_us: When it is tried again; None where it is not.
    """

    hook: str
    delivered: bool
    words: str
    again_us: Moment | None = None


class Dropped(msgspec.Struct, frozen=True):
    """It is not told, for the partner may not know it any more; the object is the message."""

    hook: str
