"""Use cases of feeds: subscribing, changing, pausing, letting go on, removing. What a run does is in `feed_running`."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Max

from hanse.accounts.models import Team
from hanse.egress import destination
from hanse.egress.client import checked_headers
from hanse.egress.errors import EgressError
from hanse.intel import grading, taxii_answers
from hanse.intel.feed_contents import (
    FeedPaused,
    FeedRan,
    FeedReached,
    FeedRemoved,
    FeedResumed,
    FeedSet,
    FeedTook,
)
from hanse.intel.feed_models import FORMATS, Feed, FeedPart, FeedPlace, FeedRun
from hanse.intel.source_marking import check_originator
from hanse.kernel import sealing
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp, is_at_least
from hanse.kernel.printable import printable
from hanse.ledger import keyring
from hanse.ledger.fields import NOT_OPENING
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import Draft, append, append_many, writing
from hanse.policy.asking import RefusedError, require
from hanse.policy.decision import Subject, may
from hanse.policy.models import stored, team_of
from hanse.policy.service import MARKED, Marked

SOONEST_S: Final = 900
LATEST_S: Final = 30 * 86_400
MOST_BYTES: Final = 200_000_000
MOST_ITEMS: Final = 1_000_000
LONGEST_KEPT_DAYS: Final = 3_650
AGAIN_S: Final = 60
"""Seconds until a run that a cap stopped goes on."""
LONGEST_WAIT_S: Final = 86_400
"""After failures a feed waits twice as long each time, up to so many seconds, or its own time where that is longer."""
_LINE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A feed as somebody sets it.

    Attributes:
        name: What it is called here.
        format: One of `FORMATS`.
        url: Its address, https; of a MISP feed the folder that holds ``manifest.json``, or that file.
        header: Name of the header that proves who asks; empty for none.
        user: Name of a user who proves it with a password (HTTP's Basic scheme, RFC 7617); empty for another way.
        secret: Value of that header, or the user's password; None leaves the one that is there.
        every_s: Seconds between two runs.
        grade: What its items' source is worth, such as ``admiralty B6``; empty leaves it to what each item says.
        keep_days: Days that its items are kept; 0 leaves it to the marking.
        most_bytes: Bytes that one run fetches at most.
        most_items: Items that one run writes at most.
    """

    name: str
    format: Literal["misp", "stix", "csv", "taxii"]
    url: str
    header: str = "Authorization"
    user: str = ""
    secret: str | None = None
    every_s: int = 3_600
    grade: str = ""
    keep_days: int = 0
    most_bytes: int = 100_000_000
    most_items: int = 100_000


def subscribe(told: Said, actor: Actor, *, marking: Marking | None = None, team: str = "") -> UUID:
    """Have a feed fetched from now on.

    Args:
        told: The feed.
        actor: Who subscribes.
        marking: What each of its items has at least; the authority's own by default.
        team: Id of the need-to-know team that it and its items belong to; empty for none.

    Raises:
        RefusedError: The actor may not, or would not see it.
        UsageError: Something of it cannot be meant, or the same is fetched already; says what.
    """
    require(actor, "intel.subscribe")
    chosen, feed = marking or Marking.own(authority()), uuid4()
    check(told, chosen, team, actor)
    content = _content(told, "" if told.secret is None else sealed(feed, told.secret), team)
    drafts = [Draft("intel.feed_set", content, feed, chosen)]
    if team:
        drafts.append(Draft(MARKED, Marked(team), feed, chosen))
    with writing():
        _check_new(told, team, actor)
        append_many(drafts, actor)
    return feed


def _check_new(told: Said, team: str, actor: Actor) -> None:
    """Whether nothing that the actor sees brings the same to the same people: a form sent twice is one feed.

    Another user or another value of the header may be shown other things at one address.

    Raises:
        UsageError: A feed does.
    """
    asked = (told.url.strip(), told.user.strip(), told.secret or "")
    for row in Feed.objects.for_actor(actor, "intel.subscribe").filter(team=team):
        try:
            same = (row.url, row.user, opened(row)) == asked
        except (*NOT_OPENING, ValueError):
            continue  # altered in the database: it cannot be compared, and stops nothing but itself
        if same:
            raise UsageError(
                f"The feed {row.name} fetches this address already. Change that one, or remove it first."
            )


def change(
    feed: UUID, told: Said, actor: Actor, *, marking: Marking | None = None, team: str | None = None
) -> None:
    """Set a feed anew. The header's value is kept only while it goes to the same server.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such feed for the actor.
        UsageError: Something of it cannot be meant; says what.
    """
    with writing():
        row = feed_for(actor, feed)
        before = row.marking.marking
        chosen, its_team = marking or before, row.team if team is None else team
        check(told, chosen, its_team, actor)
        if not is_at_least(chosen, before):
            raise UsageError(
                "That marks the feed less strictly than it is. To do so, remove it and subscribe to it anew."
            )
        if row.team and its_team != row.team:
            raise UsageError("A feed stays with its team. Remove it and subscribe to it anew for another.")
        if told.format != row.format:
            raise UsageError("A feed keeps its format. Remove it and subscribe to the other one.")
        drafts = [Draft("intel.feed_set", _content(told, _secret(told, row), its_team), feed, chosen)]
        if its_team != row.team:
            drafts.append(Draft(MARKED, Marked(its_team), feed, chosen))
        append_many(drafts, actor)


def pause(feed: UUID, actor: Actor) -> None:
    """Fetch a feed by the clock no longer, until somebody lets it go on.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such feed for the actor.
    """
    row = feed_for(actor, feed)
    if not row.paused:
        append("intel.feed_paused", FeedPaused(), actor=actor, object_id=feed, marking=row.marking.marking)


def resume(feed: UUID, actor: Actor) -> None:
    """Let a feed go on that was paused or that stopped by itself.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such feed for the actor.
    """
    row = feed_for(actor, feed)
    if row.paused or row.failures:
        append("intel.feed_resumed", FeedResumed(), actor=actor, object_id=feed, marking=row.marking.marking)


def remove(feed: UUID, actor: Actor, why: str) -> None:
    """Fetch a feed no longer and forget its address and its secret in the tables; what it brought stays.

    Raises:
        RefusedError: The actor may not.
        NotVisibleError: There is no such feed for the actor.
        UsageError: No reason is given.
    """
    row = feed_for(actor, feed)
    if not why.strip():
        raise UsageError("Say why it is removed: others will look for it.")
    append(
        "intel.feed_removed", FeedRemoved(), actor=actor, reason=why.strip(), object_id=feed,
        marking=row.marking.marking,
    )  # fmt: skip


def feed_for(actor: Actor, feed: UUID) -> Feed:
    """A feed on which the actor may act.

    Raises:
        RefusedError: The actor may not act on feeds.
        NotVisibleError: There is no such feed for the actor.
    """
    require(actor, "intel.subscribe")
    return Feed.objects.get_for(actor, "intel.subscribe", feed)


def reader(feed: UUID, name: str, team: str) -> Actor:
    """As whom a feed is read: who is in no team, or in the feed's own alone.

    So its accounts count and tell nothing, and its items overwrite nothing, that another reader of the feed may not
    see.
    """
    node = settings.HANSE_NODE
    return Actor(
        "token", f"feed:{feed.hex}", name, node.authority, node.country, node.tier, roles=frozenset({"analyst"}),
        teams=frozenset({team} if team else ()), scopes=frozenset({"intel.view", "intel.import"}),
    )  # fmt: skip


def shown_url(url: str) -> str:
    """An address as pages show it: what follows the question mark may be a key."""
    head, mark, _ = url.partition("?")
    return f"{head}?..." if mark else head


def sealed(feed: UUID, secret: str) -> str:
    """A header's value as entries and tables hold it: also who reads a body by right does not read it."""
    return (
        b64encode(sealing.seal_rest(keyring.current(), _bound(feed), secret.encode())).decode()
        if secret
        else ""
    )


def proof(header: str, user: str, secret: str) -> dict[str, str]:
    """The header that proves to a feed's server who asks, to be sent and never shown; none where there is no secret."""
    if not header or not secret:
        return {}
    return {header: f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}" if user else secret}


def opened(row: Feed) -> str:
    """The value of a feed's header or its password, to be sent and never shown; empty where there is none."""
    if not row.secret:
        return ""
    return sealing.open_rest(keyring.current(), _bound(row.pk), b64decode(row.secret)).decode()


def _bound(feed: UUID) -> bytes:
    return f"intel.feed.secret:{feed.hex}".encode()


def check_same_server(told: Said, row: Feed) -> None:
    """Whether the value of a feed's header may go on to where the feed is to lead.

    Raises:
        UsageError: It would go to another server.
    """
    if row.secret and not destination.read(told.url.strip()).same_origin(destination.read(row.url)):
        raise UsageError(
            "The address leads to another server: the header's value is not sent there. Type it again, or empty "
            "the header's name."
        )


def _secret(told: Said, row: Feed) -> str:
    """The value that a changed feed has.

    Raises:
        UsageError: The old one would go to another server.
    """
    if not told.header:
        return ""
    if told.secret is not None:
        return sealed(row.pk, told.secret)
    check_same_server(told, row)
    return row.secret


def _content(told: Said, secret: str, team: str) -> FeedSet:
    url = taxii_answers.collection_url(told.url) if told.format == "taxii" else told.url.strip()
    return FeedSet(
        name=printable(" ".join(told.name.split())), format=told.format, url=url, header=told.header if secret else "",
        secret=secret, every_s=told.every_s, grade=told.grade, keep_days=told.keep_days, most_bytes=told.most_bytes,
        most_items=told.most_items, team=team, user=told.user.strip() if secret else "",
    )  # fmt: skip


def check(told: Said, marking: Marking, team: str, actor: Actor) -> None:
    """Whether a feed can be meant.

    Raises:
        RefusedError: Its items would not be for the actor to see.
        UsageError: Something of it cannot be meant; says what.
    """
    if not told.name.strip() or len(told.name) > _LINE:
        raise UsageError(f"Give the feed a name of up to {_LINE} characters.")
    if told.format not in FORMATS:
        raise UsageError(f"There is no format {told.format[:40]!r}. It is one of {', '.join(FORMATS)}.")
    check_originator(marking, authority())
    try:
        destination.read(told.url.strip())
        checked_headers(proof(told.header, told.user, told.secret or "-"))
    except EgressError as error:
        raise UsageError(str(error)) from None
    check_user(told)
    if told.format == "taxii":
        taxii_answers.collection_url(told.url)
    for words, value, least, most in (
        ("The time between two runs", told.every_s, SOONEST_S, LATEST_S),
        ("The days that items are kept", told.keep_days, 0, LONGEST_KEPT_DAYS),
        ("The bytes of one run", told.most_bytes, 10_000, MOST_BYTES),
        ("The items of one run", told.most_items, 1, MOST_ITEMS),
    ):
        if not least <= value <= most:
            raise UsageError(f"{words}: {value:,}. Choose from {least:,} to {most:,}.")
    if told.grade:
        grading.read(told.grade)
    _check_seen(marking, team, actor)


def check_user(told: Said) -> None:
    """Whether a user can be proved by a password as it was said.

    Raises:
        UsageError: So it cannot.
    """
    user = told.user.strip()
    if user and (":" in user or not user.isprintable() or len(user) > _LINE):
        raise UsageError(f"The user's name is one line of up to {_LINE} characters, without a colon.")
    if user and told.header.lower() != "authorization":
        raise UsageError(
            "A user's name and password go into the header Authorization. Write that as the header."
        )


def _check_seen(marking: Marking, team: str, actor: Actor) -> None:
    """Whether a feed so marked works for anybody.

    Raises:
        RefusedError: The actor would not see it.
        UsageError: Nobody would, or there is no such team.
    """
    if team and not Team.objects.filter(pk=_id(team), closed=False).exists():
        raise UsageError("There is no such team, or it is closed. Choose one of those under People, Teams.")
    if marking.tlp is Tlp.RED and not team:
        raise UsageError("TLP:RED is for the persons named: choose the team that they are.")
    subject = Subject("feed", marking, team)
    for who in (reader(UUID(int=0), "", team), actor):
        decision = may(who, "intel.view", subject, now_us=now_us())
        if not decision:
            raise RefusedError(decision)


def _id(team: str) -> UUID:
    try:
        return UUID(team)
    except ValueError:
        return UUID(int=0)


def _wait_s(row: Feed, last: FeedRun) -> int:
    """Seconds from the end of a run to the next one; `row` has counted it."""
    if last.outcome == "part":
        return max(AGAIN_S, last.wait_s)
    if last.outcome != "failed":
        return row.every_s
    longest = max(LONGEST_WAIT_S, row.every_s)
    return int(min(longest, max(last.wait_s, row.every_s * 2 ** min(row.failures - 1, 20))))


def _settle(feed: UUID) -> None:
    """Work out how a feed stands from its runs that are on record, so that it is the same after a purge as in a replay."""
    row = Feed.projected.filter(pk=feed).first()
    if row is None:
        return
    runs = FeedRun.projected.filter(feed=feed, sequence__gt=row.since).order_by("-sequence")
    last = runs.first()
    good = runs.exclude(outcome__in=("failed", "cancelled")).first()
    failed = runs.filter(outcome="failed", sequence__gt=-1 if good is None else good.sequence)
    all_since = FeedRun.projected.filter(feed=feed, sequence__gt=row.sequence)
    taken = all_since.filter(outcome__in=("whole", "part")).order_by("-sequence").first()
    row.failures = failed.count()
    row.words = last.words if last else ""
    row.ran_us = FeedRun.projected.filter(feed=feed).aggregate(last=Max("ended_us"))["last"]
    row.due_us = row.since_us if last is None else last.ended_us + _wait_s(row, last) * 1_000_000
    row.etag, row.modified, row.content = (
        (taken.etag, taken.modified, taken.content) if taken else ("", "", "")
    )
    row.save(update_fields=["failures", "words", "ran_us", "due_us", "etag", "modified", "content"])


def _project_set(recorded: Recorded, content: FeedSet) -> None:
    values = {
        "name": content.name, "format": content.format, "url": content.url, "header": content.header,
        "secret": content.secret, "every_s": content.every_s, "grade": content.grade, "keep_days": content.keep_days,
        "most_bytes": content.most_bytes, "most_items": content.most_items, "failures": 0, "words": "", "etag": "",
        "modified": "", "content": "", "since": recorded.sequence, "since_us": recorded.time_us, "set_us": recorded.time_us, "set_by": recorded.actor_name,
        "due_us": recorded.time_us, "sequence": recorded.sequence, "marking": stored(recorded.marking),
        "team": team_of(recorded.object_id) or content.team, "user": content.user,
    }  # fmt: skip
    set_row(Feed.projected, recorded.object_id, values)
    _settle(recorded.object_id)


def _project_paused(recorded: Recorded, _: FeedPaused) -> None:
    Feed.projected.filter(pk=recorded.object_id).update(paused=True)


def _project_resumed(recorded: Recorded, _: FeedResumed) -> None:
    rows = Feed.projected.filter(pk=recorded.object_id)
    rows.update(paused=False, since=recorded.sequence, since_us=recorded.time_us)
    _settle(recorded.object_id)


def _project_removed(recorded: Recorded, _: FeedRemoved) -> None:
    _forget_feed(recorded.object_id)


def _forget_feed(feed: UUID) -> None:
    drop(Feed.projected, feed)
    drop(FeedPart.objects, feed, "feed")
    drop(FeedPlace.objects, feed, "feed")


def _project_took(recorded: Recorded, content: FeedTook) -> None:
    feed = UUID(content.feed)
    if Feed.projected.filter(pk=feed).exists():
        values = {
            "feed": feed,
            "name": content.name,
            "version": content.version,
            "sequence": recorded.sequence,
        }
        set_row(FeedPart.objects, recorded.object_id, values)


def _forget_part(object_id: UUID) -> None:
    drop(FeedPart.objects, object_id)


def _project_reached(recorded: Recorded, content: FeedReached) -> None:
    feed = UUID(content.feed)
    if Feed.projected.filter(pk=feed).exists():
        values = {
            "feed": feed, "source": content.source, "after": content.after, "following": content.following,
            "last": content.last, "sequence": recorded.sequence,
        }  # fmt: skip
        set_row(FeedPlace.objects, recorded.object_id, values)


def _forget_place(object_id: UUID) -> None:
    drop(FeedPlace.objects, object_id)


def _project_ran(recorded: Recorded, content: FeedRan) -> None:
    feed = UUID(content.feed)
    set_row(FeedRun.projected, recorded.object_id, {
        "marking": stored(recorded.marking), "team": team_of(recorded.object_id), "feed": feed,
        "outcome": content.outcome, "words": content.words, "began_us": content.began_us,
        "ended_us": recorded.time_us, "requests": content.requests, "bytes": content.bytes, "parts": content.parts,
        "fresh": content.fresh, "newer": content.newer, "known": content.known, "older": content.older,
        "clashes": content.clashes, "left_out": content.left_out,
        "wrong_marking": content.wrong_marking, "detail": content.detail,
        "etag": content.etag, "modified": content.modified, "content": content.content, "wait_s": content.wait_s,
        "actor_name": recorded.actor_name, "sequence": recorded.sequence,
    })  # fmt: skip
    _settle(feed)


def _forget_run(object_id: UUID) -> None:
    feeds = list(FeedRun.projected.filter(pk=object_id).values_list("feed", flat=True))
    drop(FeedRun.projected, object_id)
    for feed in feeds:
        _settle(feed)


KINDS: Final = (
    Kind("intel.feed_set", FeedSet, _project_set, _forget_feed, sealed=True),
    Kind("intel.feed_paused", FeedPaused, _project_paused),
    Kind("intel.feed_resumed", FeedResumed, _project_resumed),
    Kind("intel.feed_removed", FeedRemoved, _project_removed),
    Kind("intel.feed_took", FeedTook, _project_took, _forget_part),
    Kind("intel.feed_reached", FeedReached, _project_reached, _forget_place),
    Kind("intel.feed_ran", FeedRan, _project_ran, _forget_run, sealed=True),
)
