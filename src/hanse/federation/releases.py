"""Asking an originator whether another authority may have what it sent, and deciding that for what this one sent.

The partner that has it asks; two people of the originator decide, for the very version that the partner has. What is
recalled from a partner cannot be passed on by it: a request that waits then is refused with that word.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from hanse.accounts import approvals
from hanse.accounts.approvals import Approvable, Pending
from hanse.federation import contents
from hanse.federation.contents import Carried, ReleaseAsked, ReleaseDecided
from hanse.federation.handlers import Arrived, Handler, own_id
from hanse.federation.models import Given, Partner, Release
from hanse.federation.originals import original_of
from hanse.federation.partners import called, partner_of
from hanse.federation.sending import send
from hanse.kernel.actors import Actor, is_authority_id
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import is_printable
from hanse.kernel.units import second
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Entry
from hanse.ledger.reading import written
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import set_row
from hanse.ledger.writing import Draft, writing
from hanse.policy.asking import require

ASKED: Final = "federation.release_asked"
DECIDED: Final = "federation.release_decided"
RELEASE: Final = "federation.release"
_LONGEST: Final = 4_000
_RECALLED: Final = "It was recalled, so that it cannot be passed on."


class UnknownRequestError(UsageError):
    """There is no such request."""

    status = 404


def granted(thing: UUID, digest: str) -> frozenset[str]:
    """Ids of the authorities that the originator of a thing lets have one version of it, by the hash of its envelope."""
    rows = Release.objects.filter(thing=thing, incoming=False, state="granted", digest=digest)
    return frozenset(rows.values_list("to", flat=True))


def release_for(to: str, digest: str) -> Carried | None:
    """The entry by which the originator lets an authority have a version, as it signed it; None where there is none here."""
    row = Release.objects.filter(to=to, digest=digest, incoming=False, state="granted").first()
    return None if row is None else _signed_release(row)


def _signed_release(row: Release) -> Carried | None:
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
        raise UsageError(f"The request was {row.state} already. {row.reason}".rstrip())
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
            f"{called(row.partner)} does not have it any more: it was recalled or purged. Refuse the request."
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
    if row is None:
        return "The request is gone."
    if row.state != "open":
        return f"The request was {row.state} already."
    entry = _given(row)
    if entry is None or _digest(entry) != told["digest"]:
        return f"What {called(row.partner)} has was recalled, purged or shared anew since this was proposed."
    return ""


def closing(rows: Iterable[Given], reason: str) -> list[Draft]:
    """What partners are to be told with a recall: what they asked about that thing is refused, as they lose it.

    Args:
        rows: Who loses what.
        reason: Why it is recalled, in words that they read.
    """
    pairs = [(one.recipient, one.shared) for one in rows]
    waiting = Release.objects.filter(incoming=True, state="open", thing__in=[thing for _, thing in pairs])
    words = f"{_RECALLED} {reason}"[:_LONGEST]
    return [
        _decision(row, words, "", granted=False) for row in waiting if (row.partner, row.thing) in set(pairs)
    ]


def recalled(here: Arrived, thing: UUID, reason: str) -> None:
    """What was asked about a thing is refused once its originator recalls it, whether or not it has heard the question.

    Args:
        here: The recall.
        thing: The thing, under its own id here.
        reason: Why, as the originator says it.
    """
    rows = Release.objects.filter(incoming=False, partner=here.partner, thing=thing, state="open")
    rows.update(
        state="refused",
        reason=f"{_RECALLED} {reason}"[:_LONGEST],
        decided_by=here.sequence,
        decided_us=here.received_us,
    )


def _decide(row: Release, why: str, digest: str, *, granted: bool) -> None:
    """Say it to the partner: for the version with that digest, and no other."""
    send([_decision(row, why, digest, granted=granted)])


def _decision(row: Release, why: str, digest: str, *, granted: bool) -> Draft:
    content = ReleaseDecided(
        request=row.there.hex, object_id=row.thing.hex, to=row.to, granted=granted, reason=why, digest=digest,
    )  # fmt: skip
    return Draft(DECIDED, content, uuid4(), recipient=row.partner)


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
    set_row(Release.objects, pk, {
        "partner": partner, "incoming": incoming, "there": there, "thing": thing, "to": content.to,
        "to_name": content.to_name, "to_country": content.to_country, "to_tier": content.to_tier,
        "purpose": content.purpose, "asked_us": time_us,
    })  # fmt: skip


def _check_asked(here: Arrived, content: ReleaseAsked) -> None:
    """Only what the partner has can be asked for."""
    texts = (content.to, content.to_name, content.purpose)
    if (
        any(not text.strip() or len(text) > _LONGEST for text in texts)
        or len(content.to_tier) > 16
        or not is_authority_id(content.to)
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


def _words(told: dict[str, Any]) -> str:
    here = Partner.objects.filter(pk=told["to"]).values_list("name", flat=True).first()
    whom = here or f"no partner here; {told['partner']} calls it “{told['to_name']}”"
    return (
        f"Let {called(told['partner'])} pass on what it has of this authority, version {told['version']} and no other, to "
        f"{told['to']} ({whom}). It says what for: {told['purpose']}"
    )


APPROVAL = Approvable(
    RELEASE, "federation.share", _words, _grant, about=lambda told: [told["request"]], over=_over
)


KINDS = (
    Kind(ASKED, ReleaseAsked, _project_asked),
    Kind(DECIDED, ReleaseDecided, _project_decided),
)
HANDLERS = (
    Handler(ASKED, ReleaseAsked, _asked, check=_check_asked),
    Handler(DECIDED, ReleaseDecided, _decided, _forget_decided, check=_check_decided),
)
