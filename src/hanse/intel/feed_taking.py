"""One run of a feed, whatever kind it is: what it has until now, and how items are taken on its behalf."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec

from hanse.intel import service
from hanse.intel.feed_fetching import Asking
from hanse.intel.feed_models import Feed
from hanse.intel.feeds import reader
from hanse.intel.reading import Known
from hanse.intel.recognise import Marked
from hanse.intel.service import Account
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking
from hanse.ledger.writing import ContentError
from hanse.policy.decision import Subject, may

Told = Callable[[int, int], None]
"""Told how much is done, of how much (0 where that is unknown); may raise `Cancelled`."""


class ChangedError(HanseError):
    """Somebody changed or removed the feed while it ran."""


@dataclass(slots=True)
class Run:
    """What one run is about, and what it has until now.

    Attributes:
        feed: The feed.
        actor: Who has it run.
        asking: Its questions to the server.
        account: What came of it.
        chosen: Marking that each item has at least.
        dry: Whether nothing is written.
        id: Of the run.
        began_us: When it began, microseconds UTC.
        total: Events that there are to take.
        parts: Events that were done with.
        written: Items that were written.
        waiting: Whether something has to be asked for again, so that the server's mark does not count.
        etag: The server's mark of what came.
        modified: When that was changed.
        content: SHA-256 of it, hexadecimal.
    """

    feed: Feed
    actor: Actor
    asking: Asking
    account: Account
    chosen: Marking
    dry: bool = False
    id: UUID = field(default_factory=uuid4)
    began_us: int = field(default_factory=now_us)
    total: int = 0
    parts: int = 0
    written: int = 0
    waiting: bool = False
    etag: str = ""
    modified: str = ""
    content: str = ""

    def take(self, some: Sequence[Marked]) -> None:
        """Write what of some items is new or newer, and count it."""
        as_whom = reader(self.feed.pk, self.feed.name, self.feed.team)
        self.written += service.take(some, self.account, self.actor, as_whom, dry_run=self.dry)


def take_what_can(one: Run, some: Sequence[Marked]) -> None:
    """Take items at once, or one by one where something about one of them cannot be kept."""
    try:
        with counted_or_not(one):
            one.take(some)
    except ContentError as error:
        if len(some) == 1:
            one.account.left_out.append(f"{some[0].item.source_id}: {error}")
            return
        middle = len(some) // 2
        take_what_can(one, some[:middle])
        take_what_can(one, some[middle:])


def adapted(stream: Iterator[Marked | str], one: Run) -> Iterator[Marked | str]:
    """Items as this feed brings them: graded, of its team, and none that its own readers would not see."""
    row, at = one.feed, now_us()
    as_whom = reader(row.pk, row.name, row.team)
    hidden: set[str] = set()
    seen: dict[Marking, bool] = {}
    for told in stream:
        if isinstance(told, str):
            yield told
            continue
        item, marking, worked_out = told.whole, told.marking, told.known
        if marking not in seen:
            seen[marking] = bool(may(as_whom, "intel.view", Subject("item", marking, row.team), now_us=at))
        if not seen[marking]:
            hidden.add(item.source_id)
            if item.parent not in hidden:
                yield f"{item.source_id}: it is marked {marking.banner()}, which the readers of this feed may not see."
            continue
        if row.format == "csv":
            item = msgspec.structs.replace(item, source_id=_row_id(row.pk, item.source_id))
            worked_out = None  # its digest was of another id
        item = msgspec.structs.replace(item, grade=row.grade, team=row.team)
        yield Marked(item, marking, worked_out and Known(item, *worked_out[1:]))


def _row_id(feed: UUID, source_id: str) -> str:
    """The id of a list's row, so that only this feed's next list replaces it."""
    return str(uuid5(NAMESPACE_URL, f"hanse:feed:{feed.hex}:{source_id}"))


@contextmanager
def counted_or_not(one: Run) -> Iterator[None]:
    """Count what is taken inside only if all of it is taken."""
    account = one.account
    before = (account.fresh, account.newer, account.known, account.older, list(account.clashes), one.written)
    try:
        yield
    except BaseException:
        account.fresh, account.newer, account.known, account.older, account.clashes, one.written = before
        raise


def check_unchanged(one: Run) -> None:
    """Whether the feed is still as the run began with it.

    Raises:
        ChangedError: It is not.
    """
    if (
        not one.dry
        and not Feed.projected.filter(
            pk=one.feed.pk, sequence=one.feed.sequence, paused=one.feed.paused
        ).exists()
    ):
        raise ChangedError(
            "Somebody changed, paused or removed the feed meanwhile. What came until then is here."
        )
