"""A run of a feed that is a collection on a TAXII 2.1 server: page after page, from the place where the last run stopped.

What a page holds is written before the place behind it, and what is here already costs nothing: whatever breaks, nothing
is missing and nothing is there twice. A page is read as every bundle is, so that one bad object is told and left out.

A page may refer to marking definitions that stood on an earlier one, perhaps in another run. They are asked for by their
ids: an object whose marking is not known would be marked less strictly than its originator wanted.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from hanse.accounts import reaching
from hanse.egress import destination
from hanse.egress.errors import EgressError
from hanse.intel import service, taxii_answers
from hanse.intel.feed_contents import FeedReached, Outcome
from hanse.intel.feed_fetching import Asking, DeniedError, GoneError, LargeError, NotNowError, SpentError
from hanse.intel.feed_models import Feed, FeedPlace
from hanse.intel.feed_taking import Run, Told, adapted, check_unchanged, take_what_can
from hanse.intel.feeds import Said, check_same_server, check_user, opened, proof
from hanse.intel.reading_ahead import items_ahead
from hanse.intel.recognise import Marked
from hanse.intel.taxii_answers import Envelope, Offered
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.objects import named
from hanse.ledger.writing import append
from hanse.policy.asking import require

PAGE: Final = 1_000
"""Objects of one page that are asked for; a server may send fewer or more."""
TRIED_PAGE: Final = 100
"""Where a collection is only tried out."""
MOST_PAGES: Final = 2_000
"""Of one run."""
MOST_EMPTY: Final = 20
"""Pages without an object or with those of an earlier page, one after the other, behind which there is said to be more."""
MOST_ASKED: Final = 200
"""Marking definitions of one run that are asked for by id."""
LARGEST_DEFINITION_BYTES: Final = 1_000_000
FOUND_S: Final = 20.0
"""Seconds that asking a server for its collections takes at most, while a person waits."""
FOUND_BYTES: Final = 10_000_000
_AHEAD_US: Final = 86_400_000_000
"""How far ahead of this node's clock a server's time of adding may be, until it is not gone by."""


class Place(NamedTuple):
    """Where a collection goes on; fields as of `feed_models.FeedPlace`."""

    after: str = ""
    following: str = ""
    last: str = ""


class Found(NamedTuple):
    """What a server says that it has.

    Attributes:
        collections: Its collections.
        told: What could not be asked, in words.
    """

    collections: list[Offered]
    told: list[str]


@dataclass(slots=True)
class _Walk:
    """One run through a collection.

    Attributes:
        one: The run.
        place: Where it is.
        limit: Objects of a page that are asked for.
        told: What was said of the server already, each once.
        nexts: Where pages began, as the server said.
        digests: Of the pages until now.
        empty: Pages that told nothing else than earlier ones, one after the other.
        defined: Marking definitions by id, as they came; empty bytes for what the server does not give.
        asked: Definitions that were asked for by id.
        came: Objects until now.
    """

    one: Run
    place: Place
    limit: int = PAGE
    told: set[str] = field(default_factory=set)
    nexts: set[str] = field(default_factory=set)
    digests: set[bytes] = field(default_factory=set)
    empty: int = 0
    defined: dict[str, bytes] = field(default_factory=dict)
    asked: int = 0
    came: int = 0

    def say(self, words: str) -> None:
        """Tell something of the server, once."""
        if words not in self.told:
            self.told.add(words)
            self.one.account.left_out.append(words)


def accepting(kind: str) -> dict[str, str]:
    """The header that says which answers are understood, for feeds that need one."""
    return {"Accept": taxii_answers.ACCEPT} if kind == "taxii" else {}


def pages(one: Run, progress: Told) -> Outcome:
    """A run of a collection: every page from the place on record to the last one; how it ended.

    Raises:
        SpentError: What a run may take is used up, or the server wants to be asked later, and some pages came.
        HanseError: It failed; says why.
    """
    walk = _Walk(one, Place() if one.dry else _place(one.feed), TRIED_PAGE if one.dry else PAGE)
    for _ in range(1 if one.dry else MOST_PAGES):
        progress(walk.came, 0)
        check_unchanged(one)
        if one.written >= one.feed.most_items:
            raise SpentError(f"{one.written:,} items were written, which is the most of one run.")
        try:
            found, last = _asked(walk)
            _take(walk, found, progress)
        except NotNowError as error:
            if one.parts:
                raise SpentError(str(error), error.wait_s) from error
            raise
        one.parts += 1
        if not _went_on(walk, found, last):
            return "whole" if walk.came else "unchanged"
    if one.dry:
        return "part"
    raise SpentError(f"{one.parts:,} pages were taken, which is the most of one run.")


def collections(told: Said, actor: Actor, *, feed: Feed | None = None) -> Found:
    """The collections that a server has, at the address of one of them, of an API root or of its discovery.

    Args:
        told: Address, and what proves who asks.
        actor: Who asks.
        feed: The feed that is to be changed, which lends its secret; None for a new one.

    Raises:
        RefusedError: The actor may not.
        HanseError: The server cannot be asked, or is none; says why.
    """
    require(actor, "intel.subscribe")
    url = told.url.strip()
    check_user(told)
    secret = told.secret or ""
    try:
        here = destination.read(url)
        if feed is not None and told.secret is None:
            check_same_server(told, feed)
            secret = opened(feed)
        headers = proof(told.header, told.user.strip(), secret) | accepting("taxii")
        asking = Asking(headers, FOUND_BYTES, time.monotonic() + FOUND_S, reaching.allowed())
        said = _resource(asking, url)
    except EgressError as error:
        raise UsageError(str(error)) from None
    roots, words = taxii_answers.roots(said, url), []
    if not roots:
        return Found(_of_root(asking, said, url), [])
    found: list[Offered] = []
    for root in roots:
        try:
            if not here.same_origin(destination.read(root)):
                words.append(
                    f"{root[:200]} is another server, which is not asked with this secret. Enter it yourself."
                )
            else:
                found += _of_root(asking, {}, root)
        except (EgressError, GoneError, DeniedError, UsageError) as error:
            words.append(f"{root[:200]}: {error}")
    return Found(found, words)


def _of_root(asking: Asking, said: dict[str, object], url: str) -> list[Offered]:
    """The collections of an API root, given its resource, that of its collections, or that of one of them."""
    folder = url if url.endswith("/") else f"{url}/"
    root = folder.partition("/collections/")[0].rstrip("/") + "/"
    if "collections" not in said:
        said = _resource(asking, f"{root}collections/")
    return taxii_answers.offered(said, root)


def _resource(asking: Asking, url: str) -> dict[str, object]:
    got = asking.get(url, taxii_answers.LARGEST_RESOURCE_BYTES)
    return taxii_answers.resource(got.body or b"")


def _asked(walk: _Walk) -> tuple[Envelope, str]:
    """The page at the place, and the last time of adding that the server told with it."""
    one = walk.one
    while True:
        where = taxii_answers.objects_url(one.feed.url, walk.limit, walk.place.after, walk.place.following)
        try:
            got = one.asking.get(where, one.asking.most_bytes)
        except LargeError:
            if walk.limit == 1:
                raise
            walk.limit = max(walk.limit // 10, 1)
            continue
        except GoneError as error:
            if not walk.place.following:
                raise
            # What `next` says may hold for a while only (section 3.5); what came since counts as known.
            walk.say(f"{error} It was asked anew without what it said of where it goes on.")
            walk.place = Place(walk.place.after, last=walk.place.last)
            walk.nexts.clear()
            walk.digests.clear()
            continue
        kind = got.said.get("content-type", "")
        if not taxii_answers.is_expected(kind):
            walk.say(f"The server says of its answer that it is {kind[:100] or 'nothing'!r}, not TAXII 2.1.")
        try:
            return taxii_answers.envelope(got.body or b""), _last(walk, got.said)
        except UsageError as error:
            raise UsageError(
                f"{error} The server said that it is {kind[:100]!r}. Check the address with its operator."
            ) from None


def _last(walk: _Walk, said: Mapping[str, str]) -> str:
    """The last time of adding that an answer tells; empty where it tells none that can be gone by."""
    stamp = said.get("x-taxii-date-added-last", "").strip()[:64]
    us = taxii_answers.added_us(stamp)
    if us is None:
        return ""
    if us > now_us() + _AHEAD_US:
        walk.say(
            f"The server's clock is ahead: it added something on {stamp}. What is new is found by reading all anew."
        )
        return ""
    return stamp


def _take(walk: _Walk, found: Envelope, progress: Told) -> None:
    """Write what a page brings."""
    one = walk.one
    if not found.objects:
        return
    defined, missing = taxii_answers.markings(found.objects)
    walk.defined |= defined
    before = [data for name in sorted(missing) if (data := _definition(walk, name))]
    _, stream = items_ahead(found.bundle(before), one.feed.name, one.chosen, one.id.hex)
    for chunk in service.chunked(_without(adapted(stream, one), missing), one.account):
        check_unchanged(one)
        some: Sequence[Marked] = chunk
        while some:
            room = one.feed.most_items - one.written
            if room <= 0:
                raise SpentError(f"{one.written:,} items were written, which is the most of one run.")
            take_what_can(one, some[:room])
            some = some[room:]
        walk.came += len(chunk)
        progress(walk.came, 0)


def _without(stream: Iterator[Marked | str], names: set[str]) -> Iterator[Marked | str]:
    """Without the definitions that were put before a page only so that it is understood."""
    return (one for one in stream if isinstance(one, str) or one.item.source_id not in names)


def _definition(walk: _Walk, name: str) -> bytes:
    """A marking definition by its id; empty where the server does not give it.

    Raises:
        NotNowError: It is not given now: the page is taken another time.
    """
    if name not in walk.defined and walk.asked < MOST_ASKED:
        walk.asked += 1
        walk.defined[name] = b""
        try:
            got = walk.one.asking.get(
                taxii_answers.object_url(walk.one.feed.url, name), LARGEST_DEFINITION_BYTES
            )
            walk.defined |= taxii_answers.markings(taxii_answers.envelope(got.body or b"").objects)[0]
        except (NotNowError, SpentError):
            del walk.defined[name]
            raise
        except (GoneError, DeniedError, UsageError) as error:
            walk.say(f"{name}: {error}")
    return walk.defined.get(name, b"")


def _went_on(walk: _Walk, found: Envelope, last: str) -> bool:
    """Put on record where the collection goes on; whether there is more.

    Raises:
        UsageError: The server leads round in a circle.
    """
    place, known = walk.place, taxii_answers.later(walk.place.last, last)
    if not found.more:
        return _reached(walk, Place(taxii_answers.later(place.after, known)), more=False)
    walk.empty = 0 if found.objects and found.digest not in walk.digests else walk.empty + 1
    following, after = found.following, place.after
    if not following:  # a server without `next` is asked on from the last time of adding
        after = taxii_answers.later(place.after, known)
    onward = Place(after, following, known)
    stays = (onward.after, onward.following) == (place.after, place.following)
    if not found.objects and stays:
        walk.say("The server says that there is more, and gives nothing.")
        return _reached(walk, Place(taxii_answers.later(place.after, known)), more=False)
    if stays or following in walk.nexts or walk.empty > MOST_EMPTY:
        _reached(walk, Place(place.after), more=False)
        raise UsageError(
            "The server leads round in a circle: it says that there is more, and tells the same again or nothing. What it "
            "told is here. Tell its operator."
        )
    if following:
        walk.nexts.add(following)
    if found.digest:
        walk.digests.add(found.digest)
    return _reached(walk, onward, more=True)


def _reached(walk: _Walk, place: Place, *, more: bool) -> bool:
    """Put on record up to where the collection is here, where that is another place than before; returns `more`."""
    one = walk.one
    if not one.dry and place != walk.place:
        content = FeedReached(one.feed.pk.hex, _source(one.feed), *place)
        append(
            "intel.feed_reached", content, actor=one.actor, object_id=named("feed place", one.feed.pk.hex),
            marking=one.feed.marking.marking,
        )  # fmt: skip
    walk.place = place
    return more


def _place(feed: Feed) -> Place:
    """Where the last run stopped; the beginning of a collection that has another address since."""
    row = FeedPlace.objects.filter(feed=feed.pk, source=_source(feed)).first()
    return Place() if row is None else Place(row.after, row.following, row.last)


def _source(feed: Feed) -> str:
    return sha256(feed.url.encode()).hexdigest()
