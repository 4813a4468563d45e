"""Hits: a partner has the same selector. Each is seen by who works on the own case, and says nothing of the other's."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import msgspec
from django.db.models import Q

from hanse.cases.choosing import visible
from hanse.cases.models import Case
from hanse.cases.projecting import happened
from hanse.intel.values import Value
from hanse.kernel.actors import Actor
from hanse.ledger.among import among
from hanse.ledger.fields import sealed
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import Draft, append_many
from hanse.matching.alike import keys_of
from hanse.matching.contents import HitFound
from hanse.matching.models import Hit, Reference
from hanse.matching.offering import Offered, matcher
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import give_to_nobody

if TYPE_CHECKING:
    from django.db.models import QuerySet

FOUND: Final = "matching.hit_found"
VIEW: Final = "matching.view"
MOST_REFERENCES: Final = 32
"""Keys of one person by which a lead is named; more add nothing."""


def reference(secret_of_both: bytes, token: bytes) -> str:
    """What names a hit to both sides and to nobody else, 32 hexadecimal digits.

    Args:
        secret_of_both: What names the run, epoch or question in which it was found.
        token: What only the two could make of the value.
    """
    return sha256(b"HANSE-V01 hit" + sha256(secret_of_both).digest() + token).hexdigest()[:32]


def record(
    partner: str,
    way: str,
    run: UUID | None,
    own: Iterable[Offered],
    references: Mapping[Value, str],
    tags: Mapping[Value, str] | None = None,
) -> int:
    """Put hits on record, each for each own case that has the selector; how many selectors are the same.

    What is on record of a selector and partner by the same way stays one hit; what names it now is added to it, but in
    standing matching, where it is found again every day. A hit of another case is named as earlier ones of the same
    value are, too, so that either side finds the other's; but in whole sets, which name each anew on both sides.

    Args:
        partner: Who has them too.
        way: One of `contents.WAYS`.
        run: The run in which they were found; None for other ways.
        own: What this side had put in.
        references: Values that both have, keys of names among them, with what names each to both sides.
        tags: For the same values, what shows that they were asked for; see `contents.HitFound`.
    """
    drafts = []
    offers = list(own)
    before = _before(partner, way, [one.selector for one in offers if common(one, references)])
    earlier = _named(offers, before)
    same: set[Value] = set()
    for one in offers:
        if not (both := common(one, references)):
            continue
        keys = 0 if both == [one.value] else len(both)
        if not keys:
            same.add(one.value)
        names = [references[value] for value in both[:MOST_REFERENCES]]
        known = _known(before[one.selector], keys)
        had = references_of(known) if known is not None else () if way == "sets" else earlier[one.value]
        if known is not None and (way == "standing" or set(names) <= set(had)):
            continue
        names = [*names, *(name for name in had if name not in names)][:MOST_REFERENCES]
        content = _content(partner, way, run, one, keys, names)
        content = msgspec.structs.replace(content, tag=(tags or {}).get(both[0], ""))
        drafts.append(_draft(content, one.case, known))
    append_many(drafts, matcher())
    return len(same)


def common(one: Offered, found: Collection[Value]) -> list[Value]:
    """What of a selector both have: the selector itself, or keys of its name."""
    if one.value in found:
        return [one.value]
    return sorted(key for key in keys_of(one.value) if key in found)


def _named(offers: Iterable[Offered], before: Mapping[UUID, list[Hit]]) -> defaultdict[Value, list[str]]:
    """What names the earlier hits of each value, the oldest first."""
    found: defaultdict[Value, list[str]] = defaultdict(list)
    for one in offers:
        for row in sorted(before.get(one.selector, ()), key=lambda hit: hit.found_us):
            found[one.value] += (name for name in references_of(row) if name not in found[one.value])
    return found


def _before(partner: str, way: str, selectors: Collection[UUID]) -> defaultdict[UUID, list[Hit]]:
    """By selector, the hits with the partner that are on record by a way."""
    found: defaultdict[UUID, list[Hit]] = defaultdict(list)
    for row in Hit.objects.filter(partner=partner, way=way, selector__in=among(list(selectors))):
        found[row.selector].append(row)
    return found


def _known(before: Sequence[Hit], keys: int) -> Hit | None:
    """What is on record and says as much: the same selector, or as many keys of the person."""
    return next((row for row in before if row.keys == 0 or (0 < keys <= row.keys)), None)


def _content(partner: str, way: str, run: UUID | None, one: Offered, keys: int, names: list[str]) -> HitFound:
    return HitFound(
        partner=partner, way=way, run=run.hex if run else "", case=one.case.hex, team=one.team,
        selector=one.selector.hex, kind=one.value.kind, keys=keys, references=tuple(names),
        officer=one.officer.hex if one.officer else "",
    )  # fmt: skip


def _draft(content: HitFound, case: UUID, known: Hit | None) -> Draft:
    marking = Case.projected.select_related("marking").get(pk=case).marking.marking
    return Draft(FOUND, content, known.pk if known is not None else uuid4(), marking)


def visible_hits(actor: Actor) -> "QuerySet[Hit]":
    """The hits that an actor may see: of the actor's cases, and those that one officer answers for if it is the actor."""
    mine = Q(officer=None)
    if actor.kind == "person":
        mine |= Q(officer=UUID(actor.id))
    return Hit.objects.filter(mine, case__in=visible(actor, VIEW).values("pk"))


def hit_for(actor: Actor, hit: UUID) -> Hit:
    """One hit.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    row = visible_hits(actor).filter(pk=hit).first()
    if row is None:
        raise NotVisibleError("There is no such hit, or it is not for you to see.")
    return row


def named(partner: str, references: Collection[str]) -> list[Hit]:
    """The hits that a partner names."""
    rows = Reference.objects.filter(partner=partner, reference__in=list(references))
    return list(Hit.objects.filter(pk__in=rows.values("thing")).order_by("found_us", "pk"))


def references_of(hit: Hit) -> tuple[str, ...]:
    """What names a hit to both sides."""
    rows = Reference.objects.filter(thing=hit.pk).order_by("reference")
    return tuple(rows.values_list("reference", flat=True))


def with_hits(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """What is purged with cases and selectors: the hits of them."""
    rows = Hit.objects.filter(Q(case__in=among(purged)) | Q(selector__in=among(purged)))
    return set(rows.values_list("pk", flat=True))


def _project(recorded: Recorded, content: HitFound) -> None:
    """The row of a hit; of one that was found again, only what names it changes."""
    case = UUID(content.case)
    keep_references(recorded.object_id, content.partner, recorded.sequence, content.references)
    found_again = sealed(Hit, recorded.object_id, tag=content.tag)
    if Hit.objects.filter(pk=recorded.object_id).update(sequence=recorded.sequence, **found_again):
        return
    Hit.objects.create(
        object_id=recorded.object_id, partner=content.partner, way=content.way, case=case,
        run=UUID(content.run) if content.run else None, selector=UUID(content.selector), kind=content.kind,
        keys=content.keys, officer=UUID(content.officer) if content.officer else None, tag=content.tag,
        found_us=recorded.time_us, sequence=recorded.sequence,
    )  # fmt: skip
    if content.officer:
        give_to_nobody(recorded.object_id, recorded.sequence)
    else:
        happened(recorded, case, content.team)


def keep_references(thing: UUID, partner: str, sequence: int, references: Sequence[str]) -> None:
    """Have a hit, or the other side's offer for one, be found by what names it; the projections of both use it."""
    Reference.objects.filter(thing=thing).delete()
    Reference.objects.bulk_create(
        Reference(id=sequence << 6 | place, thing=thing, partner=partner, reference=one)
        for place, one in enumerate(references[:MOST_REFERENCES])
    )


def _forget(object_id: UUID) -> None:
    drop(Hit.objects, object_id)
    drop(Reference.objects, object_id, "thing")


KINDS = (Kind(FOUND, HitFound, _project, _forget, sealed=True),)
