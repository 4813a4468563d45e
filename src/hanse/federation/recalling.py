"""Recalling what was shared: one action; every partner that has it is told, does it, and answers.

The same happens by itself when a thing is marked so that a partner may not have it any more, and when it is purged
here: what is narrowed or deleted at its origin is narrowed or deleted everywhere.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from django.db.models import Q

from hanse.federation.contents import Recall, RecallAnswered
from hanse.federation.contents import Received as ReceivedEntry
from hanse.federation.handlers import Arrived, Handler, all_handlers, handler_of, own_id
from hanse.federation.models import Given, Hop, Partner, RecallHeard, Recalling, Received, Standing
from hanse.federation.onward import kinds_passed_on, passed_on_of
from hanse.federation.partners import active, as_actor, called
from hanse.federation.releases import closing, recalled
from hanse.federation.sending import send, speaker
from hanse.federation.sharing import again, held_by, is_for_named, marked_of, shared_id
from hanse.kernel import envelope
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, join, strictest
from hanse.kernel.printable import is_printable, one_line
from hanse.ledger.among import among
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.reading import written
from hanse.ledger.service import purge
from hanse.ledger.writing import Draft
from hanse.policy.asking import require
from hanse.policy.giving import may_give

RECALLED: Final = "federation.recalled"
ANSWERED: Final = "federation.recall_answered"
_LONGEST: Final = 4_000
"""Letters of a partner's reason that are kept and told."""
STRICTER: Final = "It was marked more strictly."
PURGED: Final = "It was purged at its origin."
"""What partners read where nobody recalled it by hand: who marks or purges a thing says why to this authority alone."""
MOST_HOPS: Final = 1_000
"""Authorities to which one partner can say to have passed a thing on: more than there are in a league."""


def recall(thing: UUID, actor: Actor, reason: str, to: Iterable[str] | None = None) -> int:
    """Take a thing back from the partners that have it; how many are told.

    Args:
        thing: The thing, of this node.
        actor: Who takes it back.
        reason: Why, in words that the partners read.
        to: Ids of the partners; all that have it by default.

    Raises:
        RefusedError: The actor may not.
        UsageError: Nobody has it, or no reason was given.
    """
    require(actor, "federation.share")
    if not reason.strip():
        raise UsageError("Say why it is recalled: the partners read it.")
    rows = [one for one in held_by(thing) if to is None or one.recipient in set(to)]
    told = take_back(rows, reason.strip())
    if not told:
        raise UsageError("No partner has it, so that there is nothing to recall.")
    return told


def take_back(rows: Sequence[Given], reason: str) -> int:
    """Tell those who have something that they are to purge it; who was told before is not told again.

    What they asked to pass on of it is refused with that word.
    """
    waiting = [row for row in rows if row.recalled_us is None]
    if waiting:
        told = [Draft(RECALLED, Recall(row.shared.hex, reason), recipient=row.recipient) for row in waiting]
        send([*told, *closing(waiting, reason)])
    return len(waiting)


class Gone(NamedTuple):
    """That a partner recalled something that was here.

    Attributes:
        by: Its id.
        name: What it is called.
        time_us: When that came here, microseconds UTC.
        marking: As strict as the strictest of what it sent of the thing since the recall before.
    """

    by: str
    name: str
    time_us: int
    marking: Marking


def gone(things: Sequence[UUID]) -> dict[UUID, list[Gone]]:
    """Of things that partners sent, each time that it was recalled, in order; what never was recalled is left out.

    What was said of it is purged; the envelopes stay, and with them how it was marked.
    """
    if not things:
        return {}
    by_shared = {shared_id(one): one for one in things}
    heard = list(RecallHeard.objects.filter(onward__in=list(by_shared)).order_by("sequence"))
    came = Q(object_id__in=list(things), kind="federation.received")
    rows = Entry.objects.filter(came | Q(pk__in=[one.sequence for one in heard])).order_by("sequence")
    entries = list(rows.values_list("sequence", "object_id", "time_us", "payload"))
    names = dict(Partner.objects.values_list("authority", "name"))
    times = {sequence: time_us for sequence, _, time_us, _ in entries}
    found: dict[UUID, list[Gone]] = {}
    since: dict[UUID, int] = {}
    for one in heard:
        thing = by_shared[one.onward]
        markings = [
            Marking.from_json(envelope.decode(bytes(payload)).marking)
            for sequence, object_id, _, payload in entries
            if object_id == thing and since.get(thing, -1) < sequence < one.sequence
        ]
        since[thing] = one.sequence
        if markings:
            marking = strictest(markings)
            found.setdefault(thing, []).append(
                Gone(one.partner, names.get(one.partner, one.partner), times[one.sequence], marking)
            )
    return found


def follow_marking(thing: UUID, marking: Marking, team: str, actor: Actor, reason: str) -> None:
    """After a thing was marked anew: those who may still have it get it with the new marking, the others lose it.

    Those are not told why it was marked so. Who is no active partner gets nothing, and would go by the old marking when it is one again: it is told to purge it.
    """
    rows = [one for one in held_by(thing) if one.recalled_us is None]
    partners = {one.authority: one for one in Partner.objects.filter(pk__in=[one.recipient for one in rows])}
    keep: list[Given] = []
    lose: list[Given] = []
    for row in rows:
        partner = partners[row.recipient]
        marked, now = marked_of(row), now_us()
        own = join(marking, marked) if marked else marking
        named = marked is not None and is_for_named(own, now)
        may = may_give(authority(), as_actor(partner), own, team, now_us=now, named=named)
        (keep if may else lose).append(row)
    here = [row for row in keep if partners[row.recipient].state == Standing.ACTIVE]
    got = {one.partner.authority for one in again(here, actor, reason) if one.content is not None}
    lose += [row for row in keep if row.recipient not in got]
    take_back(lose, STRICTER)


def follow_newer(thing: UUID, reason: str = "Its originator sent it anew.") -> None:
    """After there is a new version of a thing: those who have it get it so, or lose it.

    A release is for one version: where the marking does not let everybody pass it on, it has to be asked for again.
    Who is no active partner loses it, as of `follow_marking`.
    """
    here = {one.authority for one in active()}
    rows = [one for one in held_by(thing) if one.recalled_us is None]
    told = again([one for one in rows if one.recipient in here], speaker(), reason)
    kept = {one.partner.authority for one in told if one.content is not None}
    take_back([row for row in rows if row.recipient not in kept], reason)


def before_purge(objects: Sequence[UUID], _reason: str) -> set[UUID]:
    """Before things are purged here: those who have them are told that, and what was shared of them goes as well.

    Returns:
        The further objects to purge: the copies that this ledger keeps of what it sent.
    """
    rows = list(Given.objects.filter(thing__in=list(objects)))
    take_back(rows, PURGED)
    return {row.shared for row in rows}


def _check(here: Arrived, content: Recall) -> None:
    """A partner recalls what it sent itself: the object is looked for among its own.

    Raises:
        UsageError: The object has no id, or is of a kind that stays on record.
    """
    try:
        there = UUID(content.object_id)
    except ValueError:
        raise UsageError(f"{here.partner} recalls {content.object_id[:40]!r}, which is no object.") from None
    known = Received.objects.filter(partner=here.partner, object_id=own_id(here.partner, there))
    kinds = {*known.values_list("kind", flat=True), *kinds_passed_on(here.partner, there)}
    if kind := min(filter(_stays, kinds), default=""):
        raise UsageError(f"{here.partner} recalls {kind}, which stays on record on both sides.")


def _stays(kind: str) -> bool:
    """Whether what is of a kind cannot be taken back, also where somebody passed it on."""
    handler = handler_of(kind)
    return handler is not None and not handler.taken_back


def _recalled(here: Arrived, content: Recall) -> None:
    """Purge what is recalled, by whichever way it came, and say so to its originator, also of whom it was passed on to."""
    object_id = own_id(here.partner, UUID(content.object_id))
    onward = held_by(object_id)
    came = Entry.objects.filter(kind="federation.received", body__isnull=False)
    kinds = {_kind_in(one) for one in came.filter(object_id=object_id).select_related("body")}
    if any(map(_stays, kinds | kinds_passed_on(here.partner, UUID(content.object_id)))):
        # It came in the same page as what it recalls, which was not known when that was looked at.
        send([Draft(ANSWERED, RecallAnswered(content.object_id, "unknown"), recipient=here.partner)])
        return
    going = [object_id, *passed_on_of(here.partner, UUID(content.object_id))]
    held = came.filter(object_id__in=going).exists()
    if held:
        # What it says goes on to each who has it from here: a long word would be kept, and sent, for every one of them.
        why = one_line(f"{called(here.partner)} recalled it: {content.reason}", _LONGEST)
        take_back(list(Given.objects.filter(thing__in=going)), why)
        purge(going, speaker(), why)
    known = Received.objects.filter(partner=here.partner, object_id=object_id).exists()
    done = "purged" if held or known else "unknown"
    told = [RecallAnswered(content.object_id, done)]
    told += [RecallAnswered(content.object_id, "asked", at=row.recipient) for row in onward]
    send([Draft(ANSWERED, one, recipient=here.partner) for one in told])


def _kind_in(entry: Entry) -> str:
    """The kind of what a partner sent, as its own envelope says it."""
    came = msgspec.json.decode(written(entry, entry.body).content, type=ReceivedEntry)
    return envelope.reread(came.payload).kind


def stay(objects: Sequence[UUID]) -> set[UUID]:
    """Which of some objects no date purges that a partner says: what was done, and not told to be known for a while.

    Whatever else came under the same id changes nothing of that.
    """
    kinds = [one.kind for one in all_handlers() if not one.dated]
    some = Received.objects.filter(object_id__in=among(objects), kind__in=kinds)
    return {one for one in some.values_list("object_id", flat=True) if one is not None}


def _heard(here: Arrived, content: Recall) -> None:
    """That it was recalled: whoever got it from here answers later, and that goes back to the partner."""
    there = UUID(content.object_id)
    RecallHeard.objects.create(
        sequence=here.sequence,
        partner=here.partner,
        there=there,
        said_us=here.written_us,
        onward=shared_id(own_id(here.partner, there)),
    )
    recalled(here, own_id(here.partner, there), content.reason)


def _answered(here: Arrived, content: RecallAnswered) -> None:
    """A partner says that it did what was asked."""
    shared = UUID(content.object_id)
    if content.at:
        if _was_told(here.partner, shared):
            _hop(here, shared, content)
        return
    mine = Recalling.objects.filter(shared=shared, recipient=here.partner, answer="")
    mine.update(answer=content.done, answered_us=here.received_us)


def _hop(here: Arrived, shared: UUID, content: RecallAnswered) -> None:
    """What became of it further on, where that is new: what was answered stays so, and no league has more authorities."""
    rows = Hop.objects.filter(shared=shared, via=here.partner)
    row = rows.filter(at=content.at).first()
    if row is None and rows.count() < MOST_HOPS:
        row = Hop(id=here.sequence, shared=shared, via=here.partner, at=content.at)
    if row is not None and row.answer in {"", "asked"} and row.answer != content.done:
        row.answer, row.time_us = content.done, here.received_us
        row.save()


def _says_anything_new(here: Arrived, shared: UUID, content: RecallAnswered) -> bool:
    """Whether an answer changed what is known here: only then is there something to tell."""
    if content.at:
        told = Hop.objects.filter(shared=shared, via=here.partner, at=content.at, time_us=here.received_us)
        return told.exists()
    mine = Recalling.objects.filter(shared=shared, recipient=here.partner, answered_us=here.received_us)
    return mine.exists()


def _was_told(partner: str, shared: UUID) -> bool:
    """Whether a partner was told to purge something: what others say of it counts for nothing."""
    return Recalling.objects.filter(shared=shared, recipient=partner).exists()


def _pass_back(here: Arrived, content: RecallAnswered) -> None:
    """What was passed on from here was recalled by its originator, who learns what became of it at each further hop."""
    shared = UUID(content.object_id)
    told = RecallHeard.objects.filter(onward=shared).order_by("-sequence").first()
    if told is not None and _says_anything_new(here, shared, content):
        at = content.at or here.partner
        send([Draft(ANSWERED, RecallAnswered(told.there.hex, content.done, at), recipient=told.partner)])


def _check_answer(here: Arrived, content: RecallAnswered) -> None:
    if (
        content.done not in {"purged", "unknown"} | ({"asked"} if content.at else set())
        or len(content.at) > 128
        or not is_printable(content.at)
    ):
        raise UsageError(f"{here.partner} answers a recall with {content.done[:40]!r}.")
    try:
        UUID(content.object_id)
    except ValueError:
        raise UsageError(
            f"{here.partner} answers for {content.object_id[:40]!r}, which is no object."
        ) from None


HANDLERS = (
    Handler(RECALLED, Recall, _heard, check=_check, then=_recalled),
    Handler(ANSWERED, RecallAnswered, _answered, check=_check_answer, then=_pass_back),
)
