"""Passing on what another authority originated: as its marking allows, or with its signed release, and whole.

A partner's thing goes on as its originator signed it, under an entry of the one that passes it on. Where the marking
does not let everybody pass it on, the originator is asked; two people there decide, and a signed release that names
the next authority and this very version goes with it. Whoever gets it proves all of that by itself: a node that was
changed to pass on what it may not is refused by the one that receives it.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db.models import Q

from hanse.accounts import approvals
from hanse.accounts.approvals import Approvable, Pending
from hanse.federation import contents, stream
from hanse.federation.contents import Card, Carried, Forwarded, ReleaseAsked, ReleaseDecided
from hanse.federation.handlers import Arrived, Handler, handler_of, own_id
from hanse.federation.models import (
    Given,
    Partner,
    PartnerKey,
    PassedOn,
    RecallHeard,
    Received,
    Release,
    Standing,
)
from hanse.federation.partners import partner_of, verify_keys
from hanse.federation.sending import send
from hanse.federation.sharing import Thing, opened_for
from hanse.kernel import envelope
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.envelope import Envelope
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.keys import VerifyKey
from hanse.kernel.markings import Marking, is_at_least, join
from hanse.kernel.printable import is_printable
from hanse.kernel.units import second
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, known, project_in_order
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of, recorded_of, written
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import Draft, writing
from hanse.policy.asking import require
from hanse.policy.giving import may_give

FORWARDED: Final = "federation.forwarded"
ASKED: Final = "federation.release_asked"
DECIDED: Final = "federation.release_decided"
RELEASE: Final = "federation.release"
_LONGEST: Final = 4_000


class UnknownRequestError(UsageError):
    """There is no such request."""

    status = 404


def original_of(object_id: UUID) -> tuple[Partner, Envelope, Carried]:
    """The newest entry by which a partner sent a thing, as it signed it.

    Raises:
        UsageError: No partner sent it, or its body was purged.
    """
    entry = (
        Entry.objects.filter(object_id=object_id, kind="federation.received", body__isnull=False)
        .order_by("-version")
        .first()
    )
    if entry is None:
        raise UsageError(
            "No partner sent this as its own, or it was recalled. Nothing of it can be passed on."
        )
    came = msgspec.json.decode(
        written(entry, Body.objects.get(pk=entry.sequence)).content, type=contents.Received
    )
    head = envelope.decode(came.payload)
    if came.salt is None or came.body is None or head.kind == FORWARDED:
        raise UsageError("This came by another authority. Ask its originator to share it with you.")
    return partner_of(came.partner), head, Carried(came.payload, came.signature, came.salt, came.body)


def said_at(sequence: int) -> Any:
    """What a partner says in the entry that an own one holds, as the room that handles its kind was given it.

    Args:
        sequence: The own entry: what a partner sent as its own, or passed on.

    Raises:
        UsageError: No partner's entry is there, its body was purged, or this version does not know its kind.
    """
    entry = Entry.objects.filter(pk=sequence, kind="federation.received").select_related("body").first()
    if entry is None or getattr(entry, "body", None) is None:
        raise UsageError("What the partner said of this was purged. Load the page again.")
    came = msgspec.json.decode(written(entry, entry.body).content, type=contents.Received)
    head, body = envelope.reread(came.payload), came.body
    if head.kind == FORWARDED and body is not None:
        inner = msgspec.json.decode(stream.read_body(body).content, type=Forwarded).original
        head, body = envelope.reread(inner.payload), inner.body
    handler = handler_of(head.kind)
    if handler is None or body is None:
        raise UsageError(f"This version does not know what {came.partner} sent.")
    return msgspec.json.decode(stream.read_body(body).content, type=handler.content)


def onward_thing(object_id: UUID, title: str, marking: Marking, team: str) -> Thing:
    """A partner's thing as it can be passed on, for whichever room shows it; errors as of `original_of`."""
    partner, head, original = original_of(object_id)
    key = verify_keys(partner.authority).get(head.key)
    if key is None:
        raise UsageError(f"The key that {partner.name} signed it with is not believed any more.")
    card = Card(
        authority=partner.authority, name=partner.name, country=partner.country, tier=partner.tier,
        verify=key.raw.hex(),
    )  # fmt: skip
    # What leaves is the original: it is never less strict than that says, whatever came of it by another way.
    marking = join(marking, Marking.from_json(head.marking))
    granted = Release.objects.filter(thing=object_id, incoming=False, state="granted")
    digest = sha256(original.payload).hexdigest()
    to = frozenset(granted.filter(digest=digest).values_list("to", flat=True))
    return Thing(object_id, title, marking, team, Forwarded(originator=card, original=original), to)


def fit(content: Forwarded, to: str) -> Forwarded:
    """With the release that names one authority, where there is one."""
    digest = sha256(content.original.payload).hexdigest()
    row = Release.objects.filter(to=to, digest=digest, incoming=False, state="granted").first()
    return content if row is None else msgspec.structs.replace(content, release=_release_of(row))


def _release_of(row: Release) -> Carried | None:
    """The entry by which the originator granted a request, as it signed it; None where it was purged here."""
    if row.decided_by is None:
        return None
    entry = Entry.objects.filter(pk=row.decided_by).select_related("body").first()
    if entry is None or getattr(entry, "body", None) is None:
        return None
    came = msgspec.json.decode(written(entry, entry.body).content, type=contents.Received)
    if came.salt is None or came.body is None:
        return None
    return Carried(came.payload, came.signature, came.salt, came.body)


def ask(object_id: UUID, to: str, purpose: str, actor: Actor) -> UUID:
    """Ask the originator of a thing whether another partner may have it; the request's id.

    Args:
        object_id: The thing, under its own id here; the actor was seen to be allowed to see it.
        to: Id of the partner that is to have it.
        purpose: What for: two people of the originator read it.
        actor: Who asks.

    Raises:
        RefusedError: The actor may not share.
        UsageError: No purpose was given, it is no partner, it is the originator itself, or it was asked already and has
            not answered yet.
    """
    require(actor, "federation.share")
    purpose = purpose.strip()
    if not purpose or len(purpose) > _LONGEST:
        raise UsageError(
            f"Say what for, in up to {_LONGEST:,} characters: two people of the originator read it."
        )
    partner, head, _ = original_of(object_id)
    next_ = partner_of(to)
    if to == partner.authority:
        raise UsageError(f"{partner.name} originated it.")
    open_ = Release.objects.filter(thing=object_id, to=to, incoming=False, state="open").first()
    if open_ is not None:
        raise UsageError(
            f"{partner.name} was asked on {second(open_.asked_us)} and has not decided yet. What it decides is shown with "
            "the thing."
        )
    content = ReleaseAsked(
        object_id=head.object, version=head.version, to=to, to_name=next_.name, to_country=next_.country,
        to_tier=next_.tier, purpose=purpose,
    )  # fmt: skip
    request = uuid4()
    send([Draft(ASKED, content, request, recipient=partner.authority)])
    return request


def request_of(request: UUID, *, incoming: bool) -> Release:
    """A request.

    Raises:
        UnknownRequestError: There is none.
    """
    row = Release.objects.filter(pk=request, incoming=incoming).first()
    if row is None:
        raise UnknownRequestError("There is no such request.")
    return row


def _open(request: UUID) -> Release:
    row = request_of(request, incoming=True)
    if row.state != "open":
        raise UsageError(f"The request was {row.state} already.")
    return row


def propose(request: UUID, why: str, actor: Actor) -> UUID:
    """Propose to grant a partner's request; another person releases it. The proposal's id.

    Raises:
        UnknownRequestError: There is no such request.
        UsageError: It was decided already, or the partner does not have it any more.
        RefusedError: The actor may not.
    """
    require(actor, "federation.share")
    row = _open(request)
    entry = _given(row)
    if entry is None:
        raise UsageError(
            f"{row.partner} does not have it any more: it was recalled or purged. Refuse the request."
        )
    subject = {
        "request": row.pk.hex, "partner": row.partner, "thing": row.thing.hex, "to": row.to, "to_name": row.to_name,
        "purpose": row.purpose, "version": entry.version, "digest": _digest(entry),
    }  # fmt: skip
    return approvals.propose(RELEASE, subject, why, actor)


def refuse(request: UUID, why: str, actor: Actor) -> None:
    """Refuse a partner's request; one person is enough.

    Raises:
        UnknownRequestError: There is no such request.
        UsageError: It was decided already, or no reason was given.
        RefusedError: The actor may not.
    """
    require(actor, "federation.share")
    if not why.strip():
        raise UsageError("Say why: the partner reads it.")
    with writing():
        row = _open(request)
        entry = _given(row)
        _decide(row, why.strip(), _digest(entry) if entry is not None else "", granted=False)


def _given(row: Release) -> Entry | None:
    """The newest entry by which the partner has what it asks for; None where that was recalled or purged."""
    if not Given.objects.filter(shared=row.thing, recipient=row.partner, recalled_us=None).exists():
        return None
    return Entry.objects.filter(object_id=row.thing, recipient=row.partner).order_by("-version").first()


def _digest(entry: Entry) -> str:
    """Which version a release is for: SHA-256 of the envelope, hexadecimal."""
    return sha256(bytes(entry.payload)).hexdigest()


def _grant(pending: Pending, _actor: Actor) -> str:
    """Both people agreed, on the very version that the partner has."""
    told = pending.subject
    row = _open(UUID(told["request"]))
    if (row.partner, row.thing.hex, row.to) != (told["partner"], told["thing"], told["to"]):
        raise UsageError("The request is not the one that was proposed. Run `hanse node fsck`.")
    _decide(row, pending.why, told["digest"], granted=True)
    return ""


def _over(told: dict[str, Any]) -> str:
    row = Release.objects.filter(pk=UUID(told["request"]), incoming=True).first()
    if row is None or row.state != "open":
        return "The request is decided or gone."
    entry = _given(row)
    if entry is None or _digest(entry) != told["digest"]:
        return f"What {row.partner} has was recalled, purged or shared anew since this was proposed."
    return ""


def _decide(row: Release, why: str, digest: str, *, granted: bool) -> None:
    """Say it to the partner: for the version with that digest, and no other."""
    content = ReleaseDecided(
        request=row.there.hex, object_id=row.thing.hex, to=row.to, granted=granted, reason=why, digest=digest,
    )  # fmt: skip
    send([Draft(DECIDED, content, uuid4(), recipient=row.partner)])


def _project_asked(recorded: Recorded, content: ReleaseAsked) -> None:
    """This node asked."""
    thing = own_id(recorded.recipient, UUID(content.object_id))
    here = recorded.object_id
    _make(here, recorded.recipient, here, thing, content, recorded.time_us, incoming=False)


def _asked(here: Arrived, content: ReleaseAsked) -> None:
    """A partner asks."""
    thing = UUID(content.object_id)
    _make(here.object_id, here.partner, here.there, thing, content, here.received_us, incoming=True)


def _make(
    pk: UUID, partner: str, there: UUID, thing: UUID, content: ReleaseAsked, time_us: int, *, incoming: bool
) -> None:
    Release.objects.update_or_create(
        pk=pk,
        defaults={
            "partner": partner, "incoming": incoming, "there": there, "thing": thing, "to": content.to,
            "to_name": content.to_name, "to_country": content.to_country, "to_tier": content.to_tier,
            "purpose": content.purpose, "asked_us": time_us,
        },
    )  # fmt: skip


def _check_asked(here: Arrived, content: ReleaseAsked) -> None:
    """Only what the partner has can be asked for."""
    texts = (content.to, content.to_name, content.purpose)
    if (
        any(not text.strip() or len(text) > _LONGEST for text in texts)
        or len(content.to_tier) > 16
        or len(content.to) > 128
        or len(content.to_country) > 2
    ):
        raise UsageError(f"{here.partner} asks for a release without saying for whom and what for.")
    if not all(
        map(is_printable, (content.to, content.to_name, content.to_country, *content.purpose.splitlines()))
    ):
        raise UsageError(f"{here.partner} asks for a release in signs that cannot be shown as they are.")
    if Release.objects.filter(pk=here.object_id).exists():
        raise UsageError(f"{here.partner} changes a request that it made. Let it ask anew.")
    try:
        thing = UUID(content.object_id)
    except ValueError:
        raise UsageError(f"{here.partner} asks for {content.object_id[:40]!r}, which is no object.") from None
    if not Given.objects.filter(shared=thing, recipient=here.partner, recalled_us=None).exists():
        raise UsageError(f"{here.partner} asks for something that it does not have of this authority.")


def _project_decided(recorded: Recorded, content: ReleaseDecided) -> None:
    """This node decided."""
    rows = Release.objects.filter(incoming=True, partner=recorded.recipient, there=UUID(content.request))
    _set(rows, content, recorded.sequence, recorded.time_us)


def _decided(here: Arrived, content: ReleaseDecided) -> None:
    """The originator decided; it can decide only what it was asked."""
    rows = Release.objects.filter(
        incoming=False, partner=here.partner, pk=UUID(content.request), to=content.to,
        thing=own_id(here.partner, UUID(content.object_id)),
    )  # fmt: skip
    _set(rows, content, here.sequence, here.received_us)


def _forget_decided(object_id: UUID) -> None:
    """The decision was purged here: nothing is released without its text, and the request waits as before."""
    said = Entry.objects.filter(object_id=object_id, kind="federation.received").values("sequence")
    Release.objects.filter(incoming=False, decided_by__in=said).update(
        state="open", reason="", digest="", decided_by=None, decided_us=None
    )


def _set(rows: Any, content: ReleaseDecided, sequence: int, time_us: int) -> None:
    state = "granted" if content.granted else "refused"
    rows.filter(state="open").update(
        state=state, reason=content.reason, digest=content.digest, decided_by=sequence, decided_us=time_us
    )


def _check_decided(here: Arrived, content: ReleaseDecided) -> None:
    try:
        UUID(content.request), UUID(content.object_id)
    except ValueError:
        raise UsageError(
            f"{here.partner} decides about {content.request[:40]!r}, which is no request."
        ) from None
    if len(content.digest) > 64 or len(content.reason) > _LONGEST:
        raise UsageError(f"{here.partner} decides in more words than anybody reads.")


def _own() -> Actor:
    node = settings.HANSE_NODE
    return Actor("partner", authority(), node.name, authority(), node.country, node.tier)


class _Inner:
    """What another authority originated, taken apart.

    Args:
        content: With what passes it on. It was proven before, once: keys may be others by now.
        known: Whether the originator was a partner when it came.
    """

    def __init__(self, content: Forwarded, *, known: bool) -> None:
        self.card, self.known = content.originator, known
        self.head = envelope.reread(content.original.payload)
        self.marking = Marking.from_json(self.head.marking)
        self.written = stream.read_body(content.original.body)
        key = "" if self.known else self.head.key
        self.object_id = _inner_id(self.card.authority, key, UUID(self.head.object))

    def arrived(self, here: Arrived) -> Arrived:
        """As if it had come from its originator, with the marking that came with it."""
        return replace(
            here, partner=self.card.authority, object_id=self.object_id, there=UUID(self.head.object),
            version=self.head.version, written_us=self.head.time, via=here.partner,
        )  # fmt: skip


def _inner_id(origin: str, key: str, there: UUID) -> UUID:
    """The own id of an authority's object that was passed on; `key` is empty where the authority is a partner.

    Whoever has not proven who it is shares no ids with whom it says to be: it could take the place of theirs.
    """
    return own_id(f"{origin} {key}" if key else origin, there)


def passed_on_of(partner: str, there: UUID) -> list[UUID]:
    """Own ids of what others passed on of a partner's object, also before it was a partner, under a key of it."""
    rows = PassedOn.objects.filter(inner__in=_inner_ids(partner, there))
    return sorted(set(rows.values_list("object_id", flat=True)))


def kinds_passed_on(partner: str, there: UUID) -> set[str]:
    """Of which kinds is what came in a partner's object that passes on another's, and what others passed on of it."""
    relayed = Q(object_id=own_id(partner, there)) | Q(inner__in=_inner_ids(partner, there))
    return set(PassedOn.objects.filter(relayed).values_list("kind", flat=True))


def _inner_ids(partner: str, there: UUID) -> list[UUID]:
    keys = PartnerKey.objects.filter(partner=partner).values_list("key", flat=True)
    return [_inner_id(partner, key, there) for key in ("", *keys)]


def before_purge(objects: Sequence[UUID], _reason: str) -> set[UUID]:
    """What is purged with things: the copies of them that others passed on, from which a rebuild would bring them back."""
    return set(PassedOn.objects.filter(inner__in=list(objects)).values_list("object_id", flat=True))


def _keys(card: Card, *, known: bool) -> list[VerifyKey]:
    """The originator's keys: those that are believed where it is a partner, else the one that it is said to have."""
    if known:
        return list(verify_keys(card.authority).values())
    if not 0 < len(card.authority) <= 128 or not card.authority.isprintable():
        raise UsageError("It says to be originated by nobody who could be named.")
    try:
        return [VerifyKey(bytes.fromhex(card.verify))]
    except (ValueError, HanseError):
        raise UsageError(f"The key of {card.authority[:80]!r} cannot be read.") from None


def _signed(carried: Carried, origin: str, recipient: str, keys: list[VerifyKey]) -> Envelope:
    """The envelope of another authority's entry to the partner, if it signed it and commits to the body."""
    head = stream.read_head(carried.payload)
    key = next((one for one in keys if one.id == head.key), None)
    if key is None or head.origin != origin:
        raise UsageError(f"It is not signed by {origin[:80]!r}, which is said to have originated it.")
    envelope.verify(carried.payload, carried.signature, key)
    if head.recipient != recipient:
        raise UsageError(
            f"{origin} addressed it to {head.recipient!r}, not to {recipient}, who passes it on."
        )
    if not stream.commits_to(head, carried.salt, carried.body):
        raise UsageError(f"Its body is not the one that {origin} commits to.")
    return head


def _check_forwarded(here: Arrived, content: Forwarded) -> None:
    """Refuse what its originator did not sign, did not let go, or what was marked less strictly on the way."""
    partner = Partner.objects.filter(pk=content.originator.authority).first()
    known = partner is not None
    if partner is not None and partner.state != Standing.ACTIVE:
        # Its keys may be in other hands, which is why nothing is exchanged with it: a friend of these passes on the rest.
        raise UsageError(f"{partner.name} is {partner.get_state_display()} here: nothing of it is taken.")
    if not is_printable(content.originator.name):
        raise UsageError(f"{here.partner} calls the originator by signs that cannot be shown as they are.")
    keys = _keys(content.originator, known=known)
    _signed(content.original, content.originator.authority, here.partner, keys)
    inner = _Inner(content, known=known)
    if inner.card.authority in {authority(), here.partner}:
        raise UsageError(f"{here.partner} passes on what {inner.card.authority} itself has.")
    if inner.card.authority not in inner.marking.originators:
        raise UsageError(f"Its marking does not name {inner.card.authority} among those it comes from.")
    _check_not_recalled(inner)
    released = _is_released(here, content, keys)
    wanted = opened_for(inner.marking, authority()) if released else inner.marking
    if not is_at_least(here.marking, wanted):
        raise UsageError(f"{here.partner} marked it less strictly than {inner.card.authority} did.")
    decision = may_give(here.partner, _own(), wanted, "", now_us=now_us(), released=released)
    if not decision:
        why = " ".join(reason.words for reason in decision.reasons)
        without = "" if released else f" without a release by {inner.card.authority}"
        raise UsageError(f"{here.partner} may not pass it on{without}. {why}")
    handler = handler_of(inner.head.kind)
    if handler is None or not handler.onward:
        raise UsageError(f"This version knows no {inner.head.kind[:64]!r} that could be passed on.")
    handler.check(inner.arrived(here), msgspec.json.decode(inner.written.content, type=handler.content))


def _check_not_recalled(inner: _Inner) -> None:
    """Refuse what its originator had taken back when it last said so here; what it shared anew since then may come."""
    there = UUID(inner.head.object)
    heard = RecallHeard.objects.filter(partner=inner.card.authority, there=there)
    if heard.filter(said_us__gte=inner.head.time).exists():
        raise UsageError(f"{inner.card.authority} recalled it after it had sent this. It is not taken again.")


def _is_released(here: Arrived, content: Forwarded, keys: list[VerifyKey]) -> bool:
    """Whether the originator's release for this authority and this version came with it.

    Raises:
        UsageError: A release came, and it is another's, for another, or of another thing.
    """
    if content.release is None:
        return False
    origin = content.originator.authority
    head = _signed(content.release, origin, here.partner, keys)
    if head.kind != DECIDED:
        raise UsageError(f"What came as a release of {origin} is an entry of kind {head.kind[:64]}.")
    told = msgspec.json.decode(stream.read_body(content.release.body).content, type=ReleaseDecided)
    digest = sha256(content.original.payload).hexdigest()
    if not told.granted or (told.to, told.digest) != (authority(), digest):
        raise UsageError(f"The release of {origin} is for another authority, or for another version.")
    return True


def _forwarded(here: Arrived, content: Forwarded) -> None:
    """The rows of what came, as if its originator had sent it; who passed it on is kept."""
    before = PassedOn.objects.filter(pk=here.sequence).first()
    known = (
        Partner.objects.filter(pk=content.originator.authority).exists() if before is None else before.known
    )
    inner = _Inner(content, known=known)
    name = _called(inner) if before is None else before.name
    PassedOn.objects.update_or_create(
        pk=here.sequence,
        defaults={
            "object_id": here.object_id, "inner": inner.object_id, "kind": inner.head.kind,
            "originator": inner.card.authority, "name": name, "known": inner.known, "via": here.partner,
        },
    )  # fmt: skip
    handler = handler_of(inner.head.kind)
    if handler is not None:
        said = msgspec.json.decode(inner.written.content, type=handler.content)
        handler.project_run([(inner.arrived(here), said)])


def _called(inner: _Inner) -> str:
    """An originator's name: a partner's as this authority knows it, whatever the one that passes it on calls it."""
    here = Partner.objects.filter(pk=inner.card.authority) if inner.known else Partner.objects.none()
    return here.values_list("name", flat=True).first() or inner.card.name[:200]


def _forget(object_id: UUID) -> None:
    """What came goes, and with it each thing that it brought, unless that is here by another way as well."""
    rows = PassedOn.objects.filter(object_id=object_id)
    brought = sorted(set(rows.values_list("inner", "kind")))
    rows.delete()
    for inner, kind in brought:
        direct = Received.objects.filter(object_id=inner, state="applied")
        held = Entry.objects.filter(object_id=inner, kind="federation.received", body__isnull=False)
        handler = handler_of(kind)
        if handler is None or (direct.exists() and held.exists()):
            continue
        handler.forget(inner)
        left = PassedOn.objects.filter(inner=inner).values_list("object_id", flat=True)
        _project_again([inner, *set(left)])


def _project_again(ids: list[UUID]) -> None:
    """The rows of what is left of some objects, in the order in which it came: those that were there may rest on what went."""
    entries = Entry.objects.filter(object_id__in=ids, body__isnull=False).select_related("body")
    project_in_order(
        (kind, recorded_of(entry, entry.body), kind.worked_out(content_of(entry, entry.body, kind)))
        for entry in entries.order_by("sequence")
        if (kind := known(entry.kind)) is not None
    )


def _nothing(_: Recorded, __: Any) -> None:
    """It goes to a partner; what it says is on record here already."""


def _words(told: dict[str, Any]) -> str:
    here = Partner.objects.filter(pk=told["to"]).values_list("name", flat=True).first()
    whom = here or f"no partner here; {told['partner']} calls it “{told['to_name']}”"
    return (
        f"Let {told['partner']} pass on what it has of this authority, version {told['version']} and no other, to "
        f"{told['to']} ({whom}). It says what for: {told['purpose']}"
    )


APPROVAL = Approvable(
    RELEASE, "federation.share", _words, _grant, about=lambda told: [told["request"]], over=_over
)

KINDS = (
    # What is passed on may be of a kind that rests encrypted, and then rests so within this one too.
    Kind(FORWARDED, Forwarded, _nothing, sealed=True),
    Kind(ASKED, ReleaseAsked, _project_asked),
    Kind(DECIDED, ReleaseDecided, _project_decided),
)
HANDLERS = (
    Handler(FORWARDED, Forwarded, _forwarded, _forget, check=_check_forwarded, taken_back=True, dated=True),
    Handler(ASKED, ReleaseAsked, _asked, check=_check_asked),
    Handler(DECIDED, ReleaseDecided, _decided, _forget_decided, check=_check_decided),
)
