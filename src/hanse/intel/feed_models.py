"""Projections of feeds: what is fetched by the clock, what came of each run, and which parts are here already."""

from django.db import models

from hanse.ledger.fields import SealedJSONField, SealedTextField
from hanse.policy.models import MarkedModel

FORMATS = {"misp": "MISP feed", "stix": "STIX 2.1 bundle", "csv": "CSV list", "taxii": "TAXII 2.1 collection"}
"""What a feed can be: by key, the words on pages."""

MOST_FAILURES = 6
"""Runs that fail one after the other until the node stops by itself: with hourly runs a day and a half."""


class Feed(MarkedModel):
    """A feed. A projection; its marking and its team are those that its items get.

    Attributes:
        name: What it is called here.
        format: One of `FORMATS`.
        url: Its address; sealed, for what follows the question mark may be a key.
        header: Name of the header that proves who asks; empty where there is none.
        user: Name of the user, where that is proved by HTTP's Basic scheme; sealed, and empty otherwise.
        secret: Value of that header, or that user's password, encrypted for this feed alone; empty where there is none.
        every_s: Seconds between two runs.
        grade: What its items' source is worth, such as ``admiralty B6``; may be empty.
        keep_days: Days that its items are kept from when they came; 0 leaves it to the marking.
        most_bytes: Bytes that one run fetches at most.
        most_items: Items that one run writes at most.
        paused: Whether somebody paused it.
        failures: Runs that failed one after the other, until now.
        words: What the last run ended with, where that needs words.
        etag: The server's mark of what was taken wholly; empty where it gave none.
        modified: When that was changed, as the server said it; may be empty.
        content: SHA-256 of it, hexadecimal; empty for a MISP feed.
        set_us: When it was last set, microseconds UTC.
        set_by: Who set it.
        ran_us: When the last run ended, microseconds UTC; null where there was none.
        due_us: When the next run is due, microseconds UTC.
        since: The entry that last set it, or let it go on: runs before it no longer count.
        since_us: When that was, microseconds UTC.
        sequence: The entry that last set it.
    """

    name = models.TextField()
    format = models.CharField(max_length=8)
    url = SealedTextField()
    header = models.TextField(default="")
    user = SealedTextField(default="")
    secret = models.TextField(default="")
    every_s = models.PositiveIntegerField()
    grade = models.CharField(max_length=24, default="")
    keep_days = models.PositiveIntegerField(default=0)
    most_bytes = models.BigIntegerField()
    most_items = models.PositiveIntegerField()
    paused = models.BooleanField(default=False)
    failures = models.PositiveIntegerField(default=0)
    words = SealedTextField(default="")
    etag = models.TextField(default="")
    modified = models.TextField(default="")
    content = models.CharField(max_length=64, default="")
    set_us = models.BigIntegerField()
    set_by = models.TextField()
    ran_us = models.BigIntegerField(null=True)
    due_us = models.BigIntegerField(db_index=True)
    since = models.BigIntegerField()
    since_us = models.BigIntegerField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["set_us", "object_id"], name="intel_feed_set"),)

    def __str__(self) -> str:
        """What it is called."""
        return self.name

    @property
    def stopped(self) -> bool:
        """Whether the node fetches it no longer by itself, because it failed too often."""
        return self.failures >= MOST_FAILURES and not self.paused

    @property
    def state(self) -> str:
        """How it stands: ``paused``, ``stopped``, ``failing``, ``new`` or ``running``."""
        if self.paused:
            return "paused"
        if self.stopped:
            return "stopped"
        if self.failures:
            return "failing"
        return "new" if self.ran_us is None else "running"


class FeedPart(models.Model):
    """An event of a MISP feed that is here, or that will not be asked for until it changes. A projection.

    Attributes:
        object_id: Made of the feed and the event's name.
        feed: Id of the feed.
        name: UUID of the event.
        version: Its time of change, as the feed's manifest has it.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    feed = models.UUIDField()
    name = models.CharField(max_length=36)
    version = models.CharField(max_length=32)
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["feed", "name"], name="intel_feedpart_feed"),)


class FeedPlace(models.Model):
    """Up to where a feed's TAXII collection is here. A projection.

    Attributes:
        object_id: Made of the feed.
        feed: Id of the feed.
        source: SHA-256 of the collection's address, hexadecimal: of another one it says nothing.
        after: What is asked for was added after this time, as the server wrote it; empty is from the beginning.
        following: Where its next page begins, as the server said it; empty is at the first one.
        last: The last time of adding that the server told since, as it wrote it; empty where it told none.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    feed = models.UUIDField(db_index=True)
    source = models.CharField(max_length=64)
    after = models.CharField(max_length=64, default="")
    following = models.TextField(default="")
    last = models.CharField(max_length=64, default="")
    sequence = models.BigIntegerField()


class FeedRun(MarkedModel):
    """The account of one run. A projection.

    Attributes:
        feed: Id of the feed.
        outcome: ``whole``, ``part`` (a cap was reached; it goes on), ``unchanged``, ``failed`` or ``cancelled``.
        words: Why it ended so, and what to do.
        began_us: When it began, microseconds UTC.
        ended_us: When it ended, microseconds UTC.
        requests: How often the server was asked.
        bytes: Bytes that came.
        parts: Events of a MISP feed, or pages of a TAXII collection, that were done with.
        fresh: Items that were new.
        newer: Items that were newer than what was here.
        known: Items that were here already.
        older: Items that were older than what was here.
        clashes: Items that say something else under the same id and version; they were not taken.
        left_out: What was no item.
        wrong_marking: Items that were left out because their marking is none, parts among them.
        detail: The clashes and what was left out, with the reason and the text of each.
        etag: The server's mark of what was taken wholly; empty where it gave none.
        modified: When that was changed, as the server said it; may be empty.
        content: SHA-256 of it, hexadecimal; empty for a MISP feed.
        wait_s: Seconds that the server asked to wait; 0 where it asked for nothing.
        actor_name: Who had it run.
        sequence: The entry that says so.
    """

    feed = models.UUIDField()
    outcome = models.CharField(max_length=12)
    words = SealedTextField(default="")
    began_us = models.BigIntegerField()
    ended_us = models.BigIntegerField()
    requests = models.PositiveIntegerField()
    bytes = models.BigIntegerField()
    parts = models.PositiveIntegerField()
    fresh = models.PositiveIntegerField()
    newer = models.PositiveIntegerField()
    known = models.PositiveIntegerField()
    older = models.PositiveIntegerField()
    clashes = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()
    wrong_marking = models.PositiveIntegerField()
    detail = SealedJSONField()
    etag = models.TextField(default="")
    modified = models.TextField(default="")
    content = models.CharField(max_length=64, default="")
    wait_s = models.PositiveIntegerField(default=0)
    actor_name = models.TextField()
    sequence = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["feed", "sequence"], name="intel_feedrun_feed"),)

    @property
    def took_s(self) -> float:
        """How long it took, seconds."""
        return (self.ended_us - self.began_us) / 1_000_000
