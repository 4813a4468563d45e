"""One run of a feed: what is new on its server comes in, a part at a time, and the account says what came of it.

An event of a MISP feed is written in one transaction with the note that it is here, so that a run which is
interrupted goes on with the next event. A bundle or a list is written in chunks; what is here already costs nothing.
"""

import logging
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import DatabaseError

from hanse.accounts import reaching
from hanse.intel import feed_manifest, feed_taxii, service
from hanse.intel.feed_contents import FeedRan, FeedTook, Outcome
from hanse.intel.feed_fetching import Asking, GoneError, NotNowError, SpentError
from hanse.intel.feed_manifest import Listed
from hanse.intel.feed_models import Feed, FeedPart
from hanse.intel.feed_taking import (
    ChangedError,
    Run,
    Told,
    adapted,
    check_unchanged,
    counted_or_not,
    take_what_can,
)
from hanse.intel.feeds import AGAIN_S, Said, check, check_same_server, feed_for, opened, proof
from hanse.intel.reading_ahead import items_ahead
from hanse.intel.recognise import Marked, items
from hanse.intel.service import Account
from hanse.intel.taxii_answers import collection_url
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.markings import Marking, MarkingError, join
from hanse.kernel.printable import printable
from hanse.ledger.identity import authority
from hanse.ledger.objects import named
from hanse.ledger.writing import ContentError, Draft, append, append_many, writing
from hanse.policy.asking import require
from hanse.policy.service import MARKED
from hanse.policy.service import Marked as GivenTo
from hanse.web.jobs import Cancelled

_log = logging.getLogger(__name__)

RUN_S: Final = 600.0
"""Seconds that one run takes at most; it goes on a minute later."""
MOST_EVENTS: Final = 2_000
"""Events that one run takes at most."""
LARGEST_EVENT_BYTES: Final = 32_000_000
SILENT: Final = 5
"""Events without an answer, one after the other, after which the server is taken to be down."""
TRIED_S: Final = 20.0
"""Seconds that trying a feed out takes at most, while a person waits."""
TRIED_BYTES: Final = 30_000_000
TRIED_EVENTS: Final = 3
"""Events of a MISP feed that are looked into where it is only tried out."""
_DAY_US: Final = 86_400_000_000


class FailedError(HanseError):
    """The run failed; its account is on record and says why."""


def run(feed: UUID, actor: Actor, progress: Told = lambda _done, _total: None) -> UUID:
    """Fetch what is new of a feed; the id of the run's account.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such feed for the actor.
        FailedError: It failed; the account says why.
        Cancelled: Somebody asked it to stop; what came until then is here.
    """
    row = feed_for(actor, feed)
    marking = row.marking.marking
    headers = proof(row.header, row.user, opened(row)) | feed_taxii.accepting(row.format)
    asking = Asking(headers, row.most_bytes, time.monotonic() + RUN_S, reaching.allowed())
    account = Account(row.name, marking, format=row.format, replaces=row.format == "csv", feed=row.pk)
    one = Run(row, actor, asking, account, _kept(marking, row.keep_days))
    try:
        _ended(one, _fetched(one, progress), "")
    except SpentError as error:
        _spent(one, error)
    except Cancelled:
        _ended(
            one,
            "cancelled",
            "Somebody cancelled it. What came until then is here; the rest comes with the next run.",
        )
        raise
    except ChangedError as error:
        _ended(one, "cancelled", str(error))
    except HanseError as error:
        _failed(one, str(error), error.wait_s if isinstance(error, NotNowError) else 0)
    except Exception:
        _ended(one, "failed", f"The node made a mistake; its log names the run {one.id}.")
        raise
    return one.id


def tried(
    told: Said, actor: Actor, *, marking: Marking | None = None, team: str = "", feed: Feed | None = None
) -> Run:
    """What the first run of a feed would bring, with nothing written: newest events, or the first page of a collection.

    Args:
        told: The feed.
        actor: Who tries it.
        marking: What each of its items would have at least; the authority's own by default.
        team: Id of its need-to-know team; empty for none.
        feed: The feed that is to be changed so, which lends the value of its header; None for a new one.

    Raises:
        RefusedError: The actor may not.
        HanseError: It cannot be fetched, or is none; says why.
    """
    require(actor, "intel.subscribe")
    chosen = marking or Marking.own(authority())
    check(told, chosen, team, actor)
    row = Feed(
        object_id=uuid4(),
        name=told.name,
        format=told.format,
        url=told.url.strip() if told.format != "taxii" else collection_url(told.url),
        grade=told.grade,
        team=team,
    )
    row.most_items = TRIED_EVENTS * 100_000
    secret = told.secret or ""
    if feed is not None and told.secret is None:
        check_same_server(told, feed)
        secret = opened(feed)
    headers = proof(told.header, told.user.strip(), secret) | feed_taxii.accepting(told.format)
    asking = Asking(headers, TRIED_BYTES, time.monotonic() + TRIED_S, reaching.allowed())
    as_whom = row.pk if feed is None else feed.pk
    account = Account(told.name, chosen, format=told.format, replaces=told.format == "csv", feed=as_whom)
    one = Run(row, actor, asking, account, chosen, dry=True)
    try:
        _fetched(one, lambda _done, _total: None)
    except SpentError as error:
        account.left_out.append(f"{error} The rest was not looked at.")
    return one


def gave_up(feed: UUID, words: str, actor: Actor) -> None:
    """Put on record that a run failed of which nothing else is left, such as one whose worker died.

    Raises:
        NotVisibleError: There is no such feed for the actor.
    """
    row = feed_for(actor, feed)
    account = Account(row.name, row.marking.marking, format=row.format)
    _ended(Run(row, actor, Asking({}, 0, 0.0), account, account.marking), "failed", words)


def _fetched(one: Run, progress: Told) -> Outcome:
    """Do the run; how it ended."""
    if one.feed.format == "taxii":
        return feed_taxii.pages(one, progress)
    return _events(one, progress) if one.feed.format == "misp" else _file(one, progress)


def _events(one: Run, progress: Told) -> Outcome:
    """A run of a MISP feed: the manifest, then each event that is not here in its version, the newest first."""
    url = one.feed.url
    where, _ = feed_manifest.addresses(url)
    got = one.asking.get(where, feed_manifest.LARGEST_BYTES, etag=one.feed.etag, modified=one.feed.modified)
    if got.body is None:
        return "unchanged"
    manifest = feed_manifest.read(got.body)
    one.account.left_out += manifest.told
    here = dict(FeedPart.objects.filter(feed=one.feed.pk).values_list("name", "version"))
    wanted = [event for event in manifest.events if here.get(event.name.lower()) != event.version]
    one.total, most, silent = len(wanted), TRIED_EVENTS if one.dry else MOST_EVENTS, 0
    for number, event in enumerate(wanted[:most]):
        progress(number, min(len(wanted), most))
        check_unchanged(one)
        if one.written >= one.feed.most_items:
            raise SpentError(f"{one.written:,} items were written, which is the most of one run.")
        try:
            body = one.asking.get(feed_manifest.file_of(url, event), LARGEST_EVENT_BYTES).body or b""
        except GoneError as error:
            _left_out(one, event, str(error))
            continue
        except NotNowError as error:
            silent += 1
            one.waiting = True
            one.account.left_out.append(f"{event.name}: {error} It is asked for again.")
            if silent >= SILENT:
                raise
            continue
        silent = 0
        _event(one, event, body)
    one.etag, one.modified = got.etag, got.modified
    if len(wanted) > most and not one.dry:
        raise SpentError(f"{most:,} events were taken, which is the most of one run.")
    return "whole" if wanted else "unchanged"


def _event(one: Run, event: Listed, body: bytes) -> None:
    """Take one event, whole or not at all; what cannot be taken is told, and not asked for until it changes."""
    try:
        with counted_or_not(one):
            kind, stream = items(body, event.name, one.chosen, one.id.hex)
            came = list(adapted(stream, one)) if kind == "misp" else []
            some = [part for part in came if not isinstance(part, str)]
            _check_event(kind, event, some, came)
            with writing():
                one.take(some)
                _took(one, event)
            for part in came:
                if isinstance(part, str):
                    one.account.leave_out(part)
    except (UsageError, ContentError, MarkingError) as error:
        _left_out(one, event, str(error))
    except (HanseError, DatabaseError):
        raise
    except Exception:  # noqa: BLE001 - whatever one event does, the others come in
        _log.exception("event %s of feed %s", event.name, one.feed.pk)
        _left_out(one, event, f"The node made a mistake with it; its log names the event {event.name}.")


def _check_event(kind: str, event: Listed, some: Sequence[Marked], came: Sequence[Marked | str]) -> None:
    """Whether a file is the event that the manifest says.

    Raises:
        UsageError: It is something else.
    """
    if kind != "misp":
        raise UsageError("Its file is no MISP event.")
    tops = [one.item.source_id for one in some if not one.item.parent]
    if tops != [event.name.lower()] and (tops or not came):
        raise UsageError(f"Its file holds {', '.join(tops)[:200] or 'nothing'} instead.")


def _file(one: Run, progress: Told) -> Outcome:
    """A run of a feed that is one file: what of it is new or newer."""
    row = one.feed
    got = one.asking.get(row.url, one.asking.most_bytes, etag=row.etag, modified=row.modified)
    if got.body is None:
        return "unchanged"
    one.content = sha256(got.body).hexdigest()
    if one.content == row.content:
        return "unchanged"
    kind, stream = items_ahead(got.body, row.name, one.chosen, one.id.hex)
    if kind != row.format:
        raise UsageError(
            f"At the address is {kind.upper()}, not {row.format.upper()}. Subscribe to it as what it is."
        )
    done = 0
    for chunk in service.chunked(adapted(stream, one), one.account):
        check_unchanged(one)
        some = chunk
        while some:
            room = row.most_items - one.written
            if room <= 0:
                raise SpentError(f"{one.written:,} items were written, which is the most of one run.")
            take_what_can(one, some[:room])
            some = some[room:]
        done += len(chunk)
        progress(done, 0)
        if time.monotonic() > one.asking.until:
            raise SpentError("The time of one run is over.")
    one.etag, one.modified = got.etag, got.modified
    return "whole"


def _left_out(one: Run, event: Listed, why: str) -> None:
    """Tell that an event is not taken, and ask for it no more until it changes."""
    one.account.left_out.append(f"{event.name}: {why}")
    if not one.dry:
        with writing():
            _took(one, event)


def _took(one: Run, event: Listed) -> None:
    """Note that an event is done with; within the transaction of what it brought."""
    one.parts += 1
    if one.dry:
        return
    name = event.name.lower()
    append(
        "intel.feed_took", FeedTook(one.feed.pk.hex, name, event.version), actor=one.actor,
        object_id=named("feed part", f"{one.feed.pk.hex} {name}"), marking=one.feed.marking.marking,
    )  # fmt: skip


def _kept(marking: Marking, days: int) -> Marking:
    """The marking of items that are kept for so many days, to the end of the last one (UTC); 0 is as the feed's."""
    if not days:
        return marking
    until = (now_us() // _DAY_US + days + 1) * _DAY_US
    return join(
        marking,
        Marking(originators=marking.originators, tlp=marking.tlp, pap=marking.pap, retention_us=until),
    )


def _spent(one: Run, error: SpentError) -> None:
    """End a run that a cap stopped; one that came to nothing has failed, for the next would as well."""
    if one.parts or one.written:
        one.etag = one.modified = one.content = ""
        words = (
            "It goes on in a minute."
            if error.wait_s <= AGAIN_S
            else "It goes on when the server asked to come again."
        )
        _ended(one, "part", f"{error} {words}", error.wait_s)
        return
    _failed(
        one, f"{error} Nothing could be taken within what one run may take. Raise the bytes of one run.", 0
    )


def _failed(one: Run, words: str, wait_s: int) -> None:
    """End a run that failed.

    Raises:
        FailedError: Always.
    """
    _ended(one, "failed", words, wait_s)
    raise FailedError(words)


def _ended(one: Run, outcome: Outcome, words: str, wait_s: int = 0) -> None:
    """Put the run's account on record."""
    account, whole = one.account, outcome == "whole" and not one.waiting
    left_out = [printable(words) for words in account.left_out[: service.TOLD]]
    detail: dict[str, Any] = {"clashes": account.clashes[: service.TOLD], "left_out": left_out}
    content = FeedRan(
        feed=one.feed.pk.hex, outcome=outcome, words=printable(words)[:2_000], began_us=one.began_us,
        requests=one.asking.requests, bytes=one.asking.bytes, parts=one.parts, fresh=account.fresh,
        newer=account.newer, known=account.known, older=account.older, clashes=len(account.clashes),
        left_out=len(account.left_out), wrong_marking=account.wrong_marking, detail=detail, etag=one.etag if whole else "",
        modified=one.modified if whole else "", content=one.content if whole else "", wait_s=wait_s,
    )  # fmt: skip
    drafts = [Draft("intel.feed_ran", content, one.id, account.marking)]
    if one.feed.team:
        drafts.append(Draft(MARKED, GivenTo(one.feed.team), one.id, account.marking))
    append_many(drafts, one.actor)
