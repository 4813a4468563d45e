"""Use cases of saved searches: saving, changing, looking at what is new, deleting. Each is one person's alone.

What is new is worked out when a page asks, among the items that came since the person last looked and that they may
see: nothing is noted while items come in, so that a million of them cost nothing for searches that nobody looks at,
and a count can never tell of an item that its reader may not see.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

import msgspec
from django.core.cache import cache
from django.db.models import Max, QuerySet

from hanse.intel import twins
from hanse.intel.item_filters import narrowed
from hanse.intel.models import Item, SavedSearch
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.kernel.printable import printable
from hanse.ledger.fields import NOT_OPENING, altered
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.plain import number
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError

MOST: Final = 20
"""Searches of one person: all that notify are asked for the count that every page shows."""
MOST_NEW: Final = 100
"""New hits that are counted; beyond, the count says ``100+``."""
WINDOW: Final = 50_000
"""Of what came since somebody last looked, the newest so many entries are looked at: a month away costs as much as a day."""
LONGEST_NAME: Final = 200
LONGEST_QUERY: Final = 4_000
KEPT_S: Final = 60
"""Seconds for which that count is kept while nothing comes in."""
RESTS_US: Final = 15_000_000
"""Microseconds for which it is kept while things come in without end, such as from a feed."""


class SearchSaved(msgspec.Struct, frozen=True):
    """A search as it is from now on; fields as of `search_models.SavedSearch`."""

    owner: str
    name: str
    query: dict[str, list[str]]
    notify: bool


class SearchLookedAt(msgspec.Struct, frozen=True):
    """Its owner has seen the hits up to a number.

    Attributes:
        upto: Number of an item.
    """

    upto: int


class SearchDeleted(msgspec.Struct, frozen=True):
    """Its owner wants it no longer."""


def save(name: str, query: Mapping[str, Sequence[str]], actor: Actor, *, notify: bool = True) -> UUID:
    """Save a search.

    Args:
        name: What it is called.
        query: Filters by key, each with its values; see `item_filters`.
        actor: Whose it is.
        notify: Whether new hits are counted in the console.

    Raises:
        RefusedError: The actor may see no intelligence.
        UsageError: It has no name, looks for nothing, or there are too many.
    """
    require(actor, "intel.view")
    if SavedSearch.objects.filter(owner=actor.id).count() >= MOST:
        raise UsageError(f"You have {MOST} saved searches. Delete one that you need no longer.")
    told = {key: list(values) for key, values in query.items() if values}
    if not told:
        raise UsageError("Search or filter first: a saved search of everything would say nothing.")
    if sum(len(text) for values in told.values() for text in values) > LONGEST_QUERY:
        raise UsageError(f"The search has more than {LONGEST_QUERY:,} characters. Look for less at once.")
    narrowed(Item.objects.for_actor(actor, "intel.view"), told, actor)
    content = SearchSaved(actor.id, _name(name), told, notify)
    return append("intel.search_saved", content, actor=actor, object_id=uuid4(), marking=_marking()).object_id


def change(search: UUID, actor: Actor, *, name: str | None = None, notify: bool | None = None) -> None:
    """Call a search otherwise, or have it notify or not.

    Raises:
        NotVisibleError: The actor has no such search.
        UsageError: It has no name.
    """
    row = of(actor, search)
    content = SearchSaved(
        row.owner,
        row.name if name is None else _name(name),
        row.query,
        row.notify if notify is None else notify,
    )
    if (content.name, content.notify) != (row.name, row.notify):
        append("intel.search_saved", content, actor=actor, object_id=search, marking=_marking())


def looked_at(search: UUID, upto: int, actor: Actor) -> None:
    """Count hits as seen up to a number that the actor was shown.

    Raises:
        NotVisibleError: The actor has no such search.
        UsageError: No item that the actor may see has such a number yet: that another has it is not told.
    """
    row = of(actor, search)
    seen = Item.objects.for_actor(actor, "intel.view").order_by("-number")
    newest = seen.values_list("number", flat=True).first()
    if newest is None or not 0 <= upto <= newest:
        raise UsageError("No item has that number. Load the page again.")
    if upto > row.seen:
        append(
            "intel.search_looked_at", SearchLookedAt(upto), actor=actor, object_id=search, marking=_marking()
        )


def delete(search: UUID, actor: Actor) -> None:
    """Delete a search.

    Raises:
        NotVisibleError: The actor has no such search.
    """
    of(actor, search)
    append("intel.search_deleted", SearchDeleted(), actor=actor, object_id=search, marking=_marking())


def of(actor: Actor, search: UUID) -> SavedSearch:
    """One search of the actor.

    Raises:
        NotVisibleError: The actor has no such search; that another has it is not told.
    """
    require(actor, "intel.view")
    row = SavedSearch.objects.filter(pk=search, owner=actor.id).first()
    if row is None:
        raise NotVisibleError("You have no such search.")
    return row


def all_of(actor: Actor) -> list[SavedSearch]:
    """The searches of the actor, by name; not those that were altered in the database, see `altered_of`."""
    rows = [row for row in SavedSearch.objects.filter(owner=actor.id) if not altered(row)]
    return sorted(rows, key=lambda row: (row.name.casefold(), row.pk))


def altered_of(actor: Actor) -> list[str]:
    """Why those of the actor's searches do not open that were altered in the database, in words that name each."""
    return [why for row in SavedSearch.objects.filter(owner=actor.id).order_by("pk") if (why := altered(row))]


def new_hits(row: SavedSearch, actor: Actor) -> "QuerySet[Item]":
    """The items that a search finds, that came since its owner last looked, and that the actor may see.

    Raises:
        UsageError: A filter of it means nothing any more.
    """
    since = max(row.seen, latest() - WINDOW)
    rows = twins.once(actor).filter(number__gt=since)
    return narrowed(rows, row.query, actor)


def count_new(row: SavedSearch, actor: Actor) -> int:
    """How many items are new to a search, at most `MOST_NEW` + 1; none where it cannot be looked for, or was altered."""
    try:
        return len(new_hits(row, actor).order_by().values_list("pk", flat=True)[: MOST_NEW + 1])
    except (UsageError, *NOT_OPENING):
        return 0


def count_all_new(actor: Actor) -> int:
    """How many new hits the searches that notify the actor have together, at most `RESTS_US` ago."""
    if not number(_NOTIFY, [actor.id]):
        return 0
    rows = list(SavedSearch.objects.filter(owner=actor.id, notify=True).order_by("pk"))
    told = [actor.id, sorted(actor.roles), sorted(actor.teams), *((row.pk.hex, row.sequence) for row in rows)]
    key = f"intel.searches.{sha256(msgspec.json.encode(told)).hexdigest()}"
    newest, now = latest(), now_us()
    kept: tuple[int, int, int] | None = cache.get(key)
    if kept is not None and (kept[0] == newest or now - kept[1] < RESTS_US):
        return kept[2]
    count = sum(min(count_new(row, actor), MOST_NEW) for row in rows)
    cache.set(key, (newest, now, count), KEPT_S)
    return count


_NOTIFY: Final = "SELECT count(*) FROM intel_savedsearch WHERE owner = %s AND notify"


def latest() -> int:
    """The number of the newest item; -1 where there is none."""
    found = Item.projected.aggregate(last=Max("number"))["last"]
    return -1 if found is None else int(found)


def _name(name: str) -> str:
    """A name as it is kept.

    Raises:
        UsageError: It is none.
    """
    plain = printable(" ".join(name.split()))
    if not plain or len(name) > LONGEST_NAME:
        raise UsageError(f"Give the search a name of up to {LONGEST_NAME} characters.")
    return plain


def _marking() -> Marking:
    """What somebody looks for may name a suspect: in the ledger, it is for the persons named alone."""
    return Marking(originators=frozenset({authority()}), tlp=Tlp.RED)


def _project_saved(recorded: Recorded, content: SearchSaved) -> None:
    values = {"owner": content.owner, "name": content.name, "query": content.query, "notify": content.notify,
              "sequence": recorded.sequence}  # fmt: skip
    begun = {**values, "seen": recorded.sequence}
    SavedSearch.objects.update_or_create(pk=recorded.object_id, defaults=values, create_defaults=begun)


def _project_looked_at(recorded: Recorded, content: SearchLookedAt) -> None:
    rows = SavedSearch.objects.filter(pk=recorded.object_id)
    rows.update(seen=content.upto, sequence=recorded.sequence)


def _project_deleted(recorded: Recorded, _: SearchDeleted) -> None:
    _forget(recorded.object_id)


def _forget(search: UUID) -> None:
    SavedSearch.objects.filter(pk=search).delete()


KINDS: Final = (
    Kind("intel.search_saved", SearchSaved, _project_saved, _forget, sealed=True),
    Kind("intel.search_looked_at", SearchLookedAt, _project_looked_at),
    Kind("intel.search_deleted", SearchDeleted, _project_deleted),
)
