"""What partners get of reports, indicators and other STIX, and what this node makes of theirs.

A thing goes as the STIX object that it is, whole or without parts that were withheld, with the grade that counts here.
Ids of this node's own never leave; a cited attack or campaign goes by an id that tells nothing of it. What a partner
shares is an item of its own here, under the partner's signature and marking: it takes nobody's place, whichever STIX id
it says.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from django.urls import reverse

from hanse.federation import onward, originals
from hanse.federation.handlers import Arrived, Handler
from hanse.federation.sharing import Shareable, Thing
from hanse.intel import grading, service, twins, withholding
from hanse.intel.as_shared import Shared, known_of
from hanse.intel.for_others import for_others
from hanse.intel.models import Item as Row
from hanse.intel.projecting import forget, project_many
from hanse.intel.reading import facts_of
from hanse.intel.stix_bundle import LONGEST_ID
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.strict_json import canonical
from hanse.ledger import objects
from hanse.ledger.among import among
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.policy.guarded import NotVisibleError

KIND: Final = "intel.shared"
ONWARD_SORT: Final = "partner-intelligence"
REST: Final = "intelligence"
"""The sort of what is neither report nor indicator nor sighting."""
LARGEST_BYTES: Final = 1_000_000
"""Of a shared object: a report of ten times the longest text that can be written here."""
_SHARED: Final = ("stix", "own")
_AT_ONCE: Final = 200


def sort_of(row: Row) -> str:
    """Under which sort an item is shared or passed on; empty for one that is neither."""
    if row.format == "partner":
        return ONWARD_SORT
    if row.format not in _SHARED:
        return ""
    return row.type if row.type in withholding.OF else REST


def own_sort_of(row: Row) -> str:
    """Under which sort this authority shares an item itself.

    Raises:
        UsageError: It is in no words of STIX, or a partner's.
    """
    if row.format == "partner":
        raise UsageError("A partner shared it. Pass it on from its page, as its marking lets.")
    if sort := sort_of(row):
        return sort
    raise UsageError("Only what is in STIX is shared with partners. Export it, and give them the file.")


def _row(actor: Actor | None, object_id: UUID) -> Row:
    if actor is not None:
        return Row.objects.get_for(actor, "intel.view", object_id)
    row = Row.projected.select_related("marking").filter(pk=object_id).first()
    if row is None:
        raise NotVisibleError("There is no such item.")
    return row


def find(sort: str, actor: Actor | None, object_id: UUID) -> Thing:
    """An item to share.

    Args:
        sort: The sort that it is to be of.
        actor: On whose behalf; None for the node itself.
        object_id: The item.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
        UsageError: It is of another sort, in no words of STIX, or a partner's.
    """
    row = _row(actor, object_id)
    if own_sort_of(row) != sort:
        raise UsageError(f"It is no {sort}, but {row.type[:40]}. Nothing was shared.")
    raw = service.item_of(row).raw
    content = Shared(
        object=for_others(raw) if row.format == "own" else raw, grade=row.standing_grade,
        confidence=row.standing_confidence,
    )  # fmt: skip
    return Thing(row.pk, service.title_of(row), row.marking.marking, row.team, content)


def without(content: Shared, withheld: frozenset[str], _shared_id: UUID) -> Shared:
    """What is left of it for partners."""
    told = withholding.without(content.object, withheld)
    return objects.settled(msgspec.structs.replace(content, object=told, withheld=tuple(sorted(withheld))))


def changed(sort: str, after: int) -> list[tuple[int, UUID]]:
    """What was written here of a sort after a sequence, in that order, some hundred at a time.

    A rule shares what this authority says itself; what it got from others is shared by a person, who looks whose it is.
    """
    rows = Row.projected.filter(format="own", type=sort, sequence__gt=after).order_by("sequence")
    return list(rows.values_list("sequence", "pk")[:_AT_ONCE])


def along(actor: Actor, object_id: UUID) -> list[tuple[str, UUID]]:
    """What an item names that the actor may see and that can be shared as well: each with its sort."""
    row = _row(actor, object_id)
    ids = [target for target, _ in facts_of(service.item_of(row)).references]
    return [
        (sort_of(one), one.pk)
        for one in twins.of_ids(ids, actor)
        if one.format in _SHARED and one.pk != row.pk
    ]


def check(here: Arrived, content: Shared) -> None:
    """Refuse what is no STIX object, or too large.

    Raises:
        UsageError: So it is.
    """
    raw = content.object
    names = raw.get("type"), raw.get("id")
    if not all(isinstance(one, str) and 0 < len(one) <= LONGEST_ID and "\0" not in one for one in names):
        raise UsageError(f"What {here.partner} sent has no type or no id, which every STIX object has.")
    if len(canonical(raw)) > LARGEST_BYTES:
        raise UsageError(f"What {here.partner} sent has more than {LARGEST_BYTES:,} bytes.")
    if content.grade:
        grading.read(content.grade)
    if content.confidence is not None and not 0 <= content.confidence <= 100:
        raise UsageError(f"What {here.partner} sent has a confidence that is not from 0 to 100.")
    if unknown := set(content.withheld) - withholding.PARTS.keys():
        raise UsageError(f"{here.partner} withheld {min(unknown)[:40]!r}, which is no part.")
    known_of(content)


def project(entries: Sequence[tuple[Arrived, Shared]]) -> None:
    """The rows of partners' items; an older version that comes later changes nothing.

    What its originator sent here itself counts, whatever others pass on of it: that goes when they take it back.
    """
    held = Row.projected.filter(pk__in=among({here.object_id for here, _ in entries}))
    counts = {
        pk: (not passed_on, version)
        for pk, version, passed_on in held.values_list("pk", "version", "passed_on")
    }
    newer = []
    for here, content in entries:
        count = (not here.via, here.version)
        if count > counts.get(here.object_id, (False, 0)):
            counts[here.object_id] = count
            newer.append((_recorded(here), known_of(content)))
    project_many(newer)


def _recorded(here: Arrived) -> Recorded:
    """A partner's entry as one in the name of who signed it, by the one that sent it."""
    return Recorded(
        sequence=here.sequence, time_us=here.received_us, kind=KIND, object_id=here.object_id, version=here.version,
        marking=here.marking, actor_id=f"authority:{here.via or here.partner}", actor_name=here.partner, reason="",
        recipient="",
    )  # fmt: skip


def _project_one(here: Arrived, content: Shared) -> None:
    project([(here, content)])


def _forget(object_id: UUID) -> None:
    """Remove everything that follows from a partner's item."""
    if Row.projected.filter(pk=object_id, format="partner").exists():
        forget(object_id)


def _nothing(_: Recorded, __: Shared) -> None:
    """It goes to a partner; what it says is on record here already."""


def _page(object_id: UUID) -> str:
    return reverse("intel:item", args=[object_id])


def _found_onward(actor: Actor | None, object_id: UUID) -> Thing:
    """A partner's item to pass on; errors as of `Guarded.get_for` and `onward.onward_thing`."""
    row = _row(actor, object_id)
    return onward.onward_thing(row.pk, service.title_of(row), row.marking.marking, row.team)


def _shareable(sort: str) -> Shareable:
    found: Callable[[Actor | None, UUID], Thing] = partial(find, sort)
    parts = {name: withholding.PARTS[name] for name in withholding.OF[sort]}
    return Shareable(
        sort, KIND, found, parts, without, partial(changed, sort), "intel.view", _page, by_rule=sort != REST, largest=LARGEST_BYTES, along=along
    )  # fmt: skip


ONWARD = Shareable(
    ONWARD_SORT, originals.FORWARDED, _found_onward, {}, lambda content, _withheld, _id: content, lambda _: [], "intel.view",
    _page, onward.fit, by_rule=False,
)  # fmt: skip
SHAREABLES = (*map(_shareable, withholding.OF), ONWARD)
HANDLER = Handler(
    KIND, Shared, _project_one, _forget, check, project_many=project, onward=True, taken_back=True, dated=True
)
KINDS = (Kind(KIND, Shared, _nothing),)
