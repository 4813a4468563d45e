"""Projections of webhooks: who is told where and of what, and what became of each message."""

from django.db import models

from hanse.ledger.fields import SealedTextField


class Hook(models.Model):
    """A webhook. A projection.

    Attributes:
        object_id: Its UUID in the ledger.
        partner: The edge partner that is told.
        url: Where; sealed, for its path may be a key.
        events: What it is told of.
        way: ``ed25519`` or ``hmac``.
        public: The public key as receivers enter it; empty for ``hmac``.
        secret: What messages are signed with, encrypted for this webhook alone.
        why: What for, as the one who proposed it wrote; sealed.
        made_us: When it was made, microseconds UTC.
        paused: Whether somebody paused it.
        removed_us: When it was removed; null while it is one.
        since: The entry that made it: what came before is not told.
        resumed: The entry that last let it go on: failures before it no longer count.
        tested_us: When it was last tested; null for never.
        tested: Whether that test was taken.
        test_words: What came of it; sealed.
        sequence: The entry that last said something of it.
    """

    object_id = models.UUIDField(primary_key=True)
    partner = models.UUIDField(db_index=True)
    url = SealedTextField()
    events = models.JSONField()
    way = models.CharField(max_length=8)
    public = models.CharField(max_length=64, default="")
    secret = models.TextField()
    why = SealedTextField(default="")
    made_us = models.BigIntegerField()
    paused = models.BooleanField(default=False)
    removed_us = models.BigIntegerField(null=True)
    since = models.BigIntegerField()
    resumed = models.BigIntegerField()
    tested_us = models.BigIntegerField(null=True)
    tested = models.BooleanField(default=False)
    test_words = SealedTextField(default="")
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """Its id."""
        return self.object_id.hex


class Outcome(models.TextChoices):
    """What became of a message."""

    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "failed"
    DROPPED = "dropped", "not told"


class Message(models.Model):
    """A message. A projection.

    Attributes:
        object_id: Its UUID, from which the id follows that receivers see.
        hook: The webhook.
        event: What is told.
        thing: Of what: an object of the ledger.
        place: The entry that was the news.
        begun_us: When it was to be told, microseconds UTC.
        tried: Whether it was ever tried, so that the receiver may have it.
        first_us: When it was first tried since the webhook was last let go on; null before.
        ended_us: When it was last tried, or dropped; null before.
        again_us: When it is tried next, at the earliest.
        attempts: How often it was tried since the webhook was last let go on.
        outcome: An `Outcome`; a failed one is tried no more until somebody lets the webhook go on.
        words: What the receiver said last, or why it was not reached; sealed.
        begun: The entry that began it.
        sequence: The entry that last said something of it.
    """

    object_id = models.UUIDField(primary_key=True)
    hook = models.UUIDField()
    event = models.CharField(max_length=64)
    thing = models.UUIDField()
    place = models.BigIntegerField()
    begun_us = models.BigIntegerField()
    tried = models.BooleanField(default=False)
    first_us = models.BigIntegerField(null=True)
    ended_us = models.BigIntegerField(null=True)
    again_us = models.BigIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, default=Outcome.WAITING)
    words = SealedTextField(default="")
    begun = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["hook", "begun"], name="webhooks_in_order"),
            models.Index(fields=["hook", "outcome", "begun"], name="webhooks_waiting"),
            models.Index(fields=["hook", "thing", "begun"], name="webhooks_told"),
        )

    def __str__(self) -> str:
        """The event."""
        return self.event
