"""What entries about feeds hold."""

from typing import Any, Literal

import msgspec

from hanse.kernel.clock import Moment

Outcome = Literal["whole", "part", "unchanged", "failed", "cancelled"]
"""How a run can end; ``part`` is one that a cap stopped and that goes on soon."""


class FeedSet(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as it is from now on; fields as of `feed_models.Feed`."""

    name: str
    format: Literal["misp", "stix", "csv", "taxii"]
    url: str
    header: str
    secret: str
    every_s: int
    grade: str
    keep_days: int
    most_bytes: int
    most_items: int
    team: str
    user: str = ""


class FeedPaused(msgspec.Struct, frozen=True):
    """It is fetched by nobody's clock until somebody lets it go on."""


class FeedResumed(msgspec.Struct, frozen=True):
    """It goes on, and what failed before no longer counts."""


class FeedRemoved(msgspec.Struct, frozen=True):
    """It is a feed no longer; what it brought stays."""


class FeedTook(msgspec.Struct, frozen=True):
    """An event of a feed is here in this version, or will not be asked for before it has another.

    Attributes:
        feed: Id of the feed, hexadecimal.
        name: UUID of the event.
        version: Its time of change, as the manifest has it.
    """

    feed: str
    name: str
    version: str


class FeedReached(msgspec.Struct, frozen=True):
    """A TAXII collection is here up to this place; fields as of `feed_models.FeedPlace`."""

    feed: str
    source: str
    after: str
    following: str
    last: str


class FeedRan(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one run; fields as of `feed_models.FeedRun`, and what the next run asks with.

    Attributes:
        etag: The server's mark of what was taken wholly.
        modified: When that was changed, as the server said it.
        content: SHA-256 of it, hexadecimal.
        wait_s: Seconds that the server asked to wait; 0 where it asked for nothing.
    """

    feed: str
    outcome: Outcome
    words: str
    began_us: Moment
    requests: int
    bytes: int
    parts: int
    fresh: int
    newer: int
    known: int
    older: int
    clashes: int
    left_out: int
    wrong_marking: int
    detail: dict[str, Any]
    etag: str = ""
    modified: str = ""
    content: str = ""
    wait_s: int = 0
