"""Passing on what another authority originated: as its marking allows, or with its signed release, and whole.

A partner's thing goes on as its originator signed it, under an entry of the one that passes it on. Where the marking
does not let everybody pass it on, the originator is asked (`releases`), and its signed release goes with it. Whoever gets it proves all of that by itself: a node that was
changed to pass on what it may not is refused by the one that receives it.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Q

from hanse.federation import stream
from hanse.federation.contents import Card, Carried, Forwarded, ReleaseDecided
from hanse.federation.handlers import Arrived, Handler, handler_of, own_id
from hanse.federation.models import Partner, PartnerKey, PassedOn, RecallHeard, Received, Standing
from hanse.federation.originals import FORWARDED, original_of
from hanse.federation.partners import verify_keys
from hanse.federation.releases import DECIDED, granted, release_for
from hanse.federation.sharing import Thing, opened_for
from hanse.kernel import envelope
from hanse.kernel.actors import Actor, is_authority_id
from hanse.kernel.clock import now_us
from hanse.kernel.envelope import Envelope
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.keys import VerifyKey
from hanse.kernel.markings import Marking, is_at_least, join
from hanse.kernel.printable import is_printable
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind, known, project_in_order
from hanse.ledger.models import Entry
from hanse.ledger.reading import content_of, recorded_of
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import set_row
from hanse.policy.giving import may_give


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
    to = granted(object_id, sha256(original.payload).hexdigest())
    return Thing(object_id, title, marking, team, Forwarded(originator=card, original=original), to)


def fit(content: Forwarded, to: str) -> Forwarded:
    """With the release that names one authority, where there is one."""
    release = release_for(to, sha256(content.original.payload).hexdigest())
    return content if release is None else msgspec.structs.replace(content, release=release)


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
    if not is_authority_id(card.authority):
        raise UsageError(f"{card.authority[:80]!r}, said to have originated it, is no id of an authority.")
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
    set_row(PassedOn.objects, here.sequence, {
        "object_id": here.object_id, "inner": inner.object_id, "kind": inner.head.kind,
        "originator": inner.card.authority, "name": name, "known": inner.known, "via": here.partner,
    })  # fmt: skip
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


KINDS = (
    # What is passed on may be of a kind that rests encrypted, and then rests so within this one too.
    Kind(FORWARDED, Forwarded, _nothing, sealed=True),
)
HANDLERS = (
    Handler(FORWARDED, Forwarded, _forwarded, _forget, check=_check_forwarded, taken_back=True, dated=True),
)
