"""How this room's entries become rows: partners, their keys, what they sent, and where they contradict themselves."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from hanse.federation import acting, contents, groups, onward, opening, refusing, releases, stream, witnesses
from hanse.federation.contents import KNOWN
from hanse.federation.handlers import Arrived, Handler, all_handlers, handler_of
from hanse.federation.models import (
    Contradiction,
    Given,
    Partner,
    PartnerKey,
    Recalling,
    Received,
    Rule,
    Standing,
    Witness,
)
from hanse.kernel import envelope
from hanse.kernel.envelope import Envelope
from hanse.kernel.keys import key_id
from hanse.ledger.kinds import Kind
from hanse.ledger.reading import Written
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, insert, set_row
from hanse.ledger.tallies import next_chain
from hanse.policy.models import give_to_team, team_of


def _project_added(recorded: Recorded, content: contents.PartnerAdded) -> None:
    """A partner, anew or once more: who was expelled may come back, with other keys and with another ledger.

    What it sent before stays; its places are told anew, from the first on.
    """
    set_row(
        Partner.objects,
        content.authority,
        {
            "object_id": recorded.object_id,
            "name": content.name,
            "country": content.country,
            "tier": content.tier,
            "endpoint": content.endpoint,
            "address": content.address,
            "state": Standing.ACTIVE,
            "told": content.told,
            "since_us": recorded.time_us,
            "changed_us": recorded.time_us,
        },
    )
    PartnerKey.objects.filter(partner=content.authority, revoked_us=None).update(revoked_us=recorded.time_us)
    Received.objects.filter(partner=content.authority).update(place=None)
    Witness.objects.filter(partner=content.authority).delete()
    _add_key(content.authority, content.verify, content.seal, recorded.sequence)


def _add_key(partner: str, verify: str, seal: str, sequence: int) -> None:
    """A key that a partner brings, or brings again; what others bring is their own affair."""
    name = key_id(bytes.fromhex(verify))
    PartnerKey.objects.filter(partner=partner, key=name).delete()
    PartnerKey.objects.create(said_by=sequence, partner=partner, key=name, verify=verify, seal=seal)


def _project_moved(recorded: Recorded, content: contents.PartnerMoved) -> None:
    Partner.objects.filter(object_id=recorded.object_id).update(
        endpoint=content.endpoint, address=content.address
    )


def _project_stands(recorded: Recorded, content: contents.PartnerStands) -> None:
    Partner.objects.filter(object_id=recorded.object_id).update(
        state=content.state, changed_us=recorded.time_us
    )


class Entry(NamedTuple):
    """An own entry that holds one of a partner's, taken apart."""

    recorded: Recorded
    content: contents.Received
    head: Envelope
    handler: Handler | None
    said: Any


_bodies = msgspec.json.Decoder(Written)


def taken_apart(recorded: Recorded, content: contents.Received) -> Entry:
    """The partner's entry in an own one; everything in it was proven before it was written."""
    head = envelope.reread(content.payload)
    handler = handler_of(head.kind)
    said = None
    if handler is not None and content.body is not None and content.salt is not None:
        said = msgspec.json.decode(_bodies.decode(content.body).content, type=handler.content)
    return Entry(recorded, content, head, handler, said)


def arrived(entry: Entry) -> Arrived:
    """What a room may know of it."""
    recorded, content, head = entry.recorded, entry.content, entry.head
    return Arrived(
        partner=content.partner,
        object_id=recorded.object_id,
        there=UUID(head.object),
        version=head.version,
        written_us=head.time,
        marking=recorded.marking,
        sequence=recorded.sequence,
        received_us=recorded.time_us,
        place=content.place,
    )


def _project_received(entries: Sequence[tuple[Recorded, contents.Received]]) -> None:
    """What the rooms that handle their kinds make of them, in order; those of one kind that follow each other at once."""
    parts = (taken_apart(recorded, content) for recorded, content in entries)
    said = (one for one in parts if one.handler is not None and one.said is not None)
    for _, run in groupby(said, lambda one: one.head.kind):
        some = list(run)
        handler = some[0].handler
        if handler is not None:
            handler.project_run([(arrived(one), one.said) for one in some])


def _project_one(recorded: Recorded, content: contents.Received) -> None:
    _project_received([(recorded, content)])


def _forget_received(object_id: UUID) -> None:
    for handler in all_handlers():
        handler.forget(object_id)


def _project_took(recorded: Recorded, content: contents.Took) -> None:
    """A row for each, with the chain up to it."""
    chain = bytes(32)
    if content.first:
        before = Received.objects.filter(partner=content.partner, place=content.first - 1)
        chain = bytes(before.values_list("chain", flat=True).get())
    rows = []
    for at, one in enumerate(content.taken):
        leaf = bytes.fromhex(one.leaf)
        chain = next_chain(chain, leaf)
        if one.state == KNOWN:
            earlier = Received.objects.filter(partner=content.partner, place=None, leaf=leaf)
            earlier.update(place=content.first + at, chain=chain)
            continue
        object_id = UUID(one.object_id) if one.object_id else None
        rows.append(
            (recorded.sequence * stream.MOST + at, content.partner, content.first + at, object_id, one.kind, one.state,
             one.why, leaf, chain, recorded.time_us)
        )  # fmt: skip
    insert(Received, _RECEIVED, rows)


_RECEIVED = ("number", "partner", "place", "object_id", "kind", "state", "why", "leaf", "chain", "time_us")


def _project_conflict(recorded: Recorded, content: contents.Conflict) -> None:
    Contradiction.objects.create(
        sequence=recorded.sequence,
        partner=Partner.objects.get(object_id=recorded.object_id).authority,
        words=content.words,
        before=content.before,
        now=content.now,
        found_by=content.found_by,
        time_us=content.time_us,
    )


def _project_shared(recorded: Recorded, content: contents.Shared) -> None:
    """Who has it; who had it taken back has it again."""
    give_to_team([recorded.object_id], team_of(UUID(content.thing)), recorded.sequence)
    for at, recipient in enumerate(content.recipients):
        Given.objects.update_or_create(
            shared=recorded.object_id,
            recipient=recipient,
            defaults={
                "version": recorded.version,
                "withheld": list(content.withheld),
                "marked": content.marked,
                "given_us": recorded.time_us,
                "recalled_us": None,
                "refused": "",
            },
            create_defaults={
                "number": recorded.sequence * stream.MOST + at,
                "thing": UUID(content.thing),
                "sort": content.sort,
                "version": recorded.version,
                "withheld": list(content.withheld),
                "marked": content.marked,
                "given_us": recorded.time_us,
            },
        )


def _forget_shared(object_id: UUID) -> None:
    """Who had it is on record for as long as the thing; then only that something was recalled."""
    drop(Given.objects, object_id, "shared")


def _project_recalled(recorded: Recorded, content: contents.Recall) -> None:
    shared = UUID(content.object_id)
    Given.objects.filter(shared=shared, recipient=recorded.recipient).update(recalled_us=recorded.time_us)
    Recalling.objects.create(
        sequence=recorded.sequence, shared=shared, recipient=recorded.recipient, reason=content.reason,
        asked_us=recorded.time_us,
    )  # fmt: skip


def _project_rule(recorded: Recorded, content: contents.RuleSet) -> None:
    Rule.objects.filter(pk=recorded.object_id).delete()
    if not content.ended:
        told = {
            "authorities": content.authorities, "tiers": content.tiers, "states": content.states,
            "groups": content.groups,
        }  # fmt: skip
        Rule.objects.create(
            object_id=recorded.object_id, sort=content.sort,
            audience={name: list(values) for name, values in told.items()}, withheld=list(content.withheld),
            tlp=content.tlp, since=recorded.sequence,
        )  # fmt: skip


def _nothing(_: Recorded, __: Any) -> None:
    """The entry goes to a partner; here, nothing follows from it."""


def project_new_key(here: Arrived, content: stream.KeyChanged) -> None:
    """A partner's new key, which its old one signed."""
    _add_key(here.partner, content.verify, content.seal, here.sequence)


def project_revoked_key(here: Arrived, content: stream.KeyRevoked) -> None:
    """A partner's key that is believed no more: nothing that is signed with it is taken from now on."""
    PartnerKey.objects.filter(partner=here.partner, key=content.key).update(revoked_us=content.since_us)


KINDS = (
    Kind("federation.partner_added", contents.PartnerAdded, _project_added),
    Kind("federation.partner_moved", contents.PartnerMoved, _project_moved),
    Kind("federation.partner_stands", contents.PartnerStands, _project_stands),
    Kind(
        "federation.received",
        contents.Received,
        _project_one,
        _forget_received,
        project_many=_project_received,
    ),
    Kind("federation.took", contents.Took, _project_took),
    Kind("federation.conflict", contents.Conflict, _project_conflict),
    Kind("federation.shared", contents.Shared, _project_shared, _forget_shared),
    Kind("federation.rule_set", contents.RuleSet, _project_rule),
    Kind("federation.recalled", contents.Recall, _project_recalled),
    Kind("federation.recall_answered", contents.RecallAnswered, _nothing),
    Kind(stream.KEY_CHANGED, stream.KeyChanged, _nothing),
    Kind(stream.KEY_REVOKED, stream.KeyRevoked, _nothing),
    *groups.KINDS,
    *witnesses.KINDS,
    *onward.KINDS,
    *releases.KINDS,
    *opening.KINDS,
    *acting.KINDS,
    *refusing.KINDS,
)

HANDLERS = (
    *witnesses.HANDLERS,
    *onward.HANDLERS,
    *releases.HANDLERS,
    *opening.HANDLERS,
    *acting.HANDLERS,
    *refusing.HANDLERS,
    Handler(stream.KEY_CHANGED, stream.KeyChanged, project_new_key),
    Handler(stream.KEY_REVOKED, stream.KeyRevoked, project_revoked_key),
)
