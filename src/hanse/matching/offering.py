"""Which selectors may be compared with a partner's: of open cases, as far as marking, category and people let them."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from hanse.cases.models import Case, CasePerson, Happening, Selector
from hanse.cases.words import OPEN
from hanse.intel.values import Value
from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.ledger.among import among
from hanse.ledger.fields import NOT_OPENING
from hanse.ledger.models import Entry
from hanse.ledger.service import next_entry
from hanse.matching.alike import KEY_KINDS, keys_of
from hanse.matching.models import Agreement, Withheld

if TYPE_CHECKING:
    from django.db.models import QuerySet

_log = logging.getLogger(__name__)

RUN: Final = "matching.run"


@dataclass(frozen=True, slots=True)
class Offered:
    """One selector that may be compared.

    Attributes:
        selector: Its id.
        case: Its case.
        team: The case's team.
        value: Kind and normal form.
        officer: Who alone sees its hits; None for all who work on the case.
        entry: The entry by which it stands in the case as it does.
    """

    selector: UUID
    case: UUID
    team: str
    value: Value
    officer: UUID | None
    entry: int


def offered(
    agreement: Agreement, case: UUID | None = None, *, selectors: Collection[UUID] | None = None
) -> list[Offered]:
    """All selectors that may be compared under an agreement, by their sequence; those of one case, or of some, open no others.

    Those of a person of a category that the agreement does not name are not, nor those of a case that is not open,
    that is under an embargo and has no officer who answers for it, or whose marking lets nothing leave. One that was
    altered in the database is named in the log, and the others are compared all the same.
    """
    rows, some = Selector.objects.all(), None
    if case is not None:
        rows, some = rows.filter(case=case), _cases().filter(pk=case)
    if selectors is not None:
        rows = rows.filter(pk__in=among(selectors))
    found = []
    for row, of, officer in _let(agreement, rows, some):
        try:
            found.append(Offered(row.pk, row.case, of.team, Value(row.kind, row.text), officer, row.sequence))
        except NOT_OPENING as error:
            _log.error("a selector is compared with nobody: %s", error)
    return found


def selectors_let(agreement: Agreement) -> dict[int, UUID]:
    """The selectors that may be compared under an agreement, by the entries by which they stand; none is opened."""
    rows = Selector.objects.only("object_id", "kind", "case", "person", "sequence")
    return {row.sequence: row.pk for row, _, _ in _let(agreement, rows)}


def still_offered(agreement: Agreement, own: Iterable[Offered], since: int) -> bool:
    """Whether all that was found to be offered still is, under the same agreement; the caller is in `writing`.

    What is worked out of it takes seconds, in which a selector may be kept out, a case be closed or marked stricter. None is
    opened for this, and only those are looked at of whose cases something was put on record meanwhile; all of them where
    something was purged or marked anew.

    Args:
        agreement: It, as it was then.
        own: What was offered.
        since: `next_entry` from before it was asked for.
    """
    if not Agreement.objects.filter(pk=agreement.pk, sequence=agreement.sequence).exists():
        return False
    if agreement.until_us <= now_us():
        return False
    if next_entry() == since:
        return True
    rows, some = Selector.objects.only("object_id", "kind", "case", "person", "sequence"), None
    touched = touched_since(since)
    if touched is not None:
        own = [one for one in own if one.case in touched]
        if not own:
            return True
        rows, some = rows.filter(case__in=touched), _cases().filter(pk__in=touched)
    return {one.entry for one in own} <= {row.sequence for row, _, _ in _let(agreement, rows, some)}


def touched_since(since: int) -> set[UUID] | None:
    """The cases of which something was put on record from an entry on; None for all: something was purged or marked anew."""
    came = Entry.objects.filter(sequence__gte=since)
    if came.filter(Q(kind__startswith="policy.") | Q(kind="ledger.purged")).exists():
        return None
    return set(Happening.objects.filter(sequence__gte=since).values_list("case", flat=True))


def counted(agreement: Agreement, seen: "QuerySet[Case] | None" = None) -> Counter[str]:
    """How many selectors may be compared under an agreement, by kind; none of them is opened for it.

    Args:
        agreement: It.
        seen: The cases that count, such as those that a reader may see; None for all.
    """
    rows = Selector.objects.only("object_id", "kind", "case", "person")
    some = None if seen is None else _cases().filter(pk__in=seen.values("pk"))
    return Counter(row.kind for row, _, _ in _let(agreement, rows, some))


@dataclass(frozen=True, slots=True)
class OfCase:
    """What of one case's selectors may be compared.

    Attributes:
        entries: The entries of those that may.
        held: How many may not, by why: ``kind`` is not agreed, ``category`` of their person is not (with which), they
            are ``kept out``, or the ``case`` itself is not compared.
    """

    entries: tuple[int, ...]
    held: Counter[tuple[str, str]]


def of_case(agreement: Agreement, case: UUID) -> OfCase:
    """What of one case's selectors may be compared under an agreement, and why the others may not; none is opened."""
    rows = Selector.objects.filter(case=case).only("object_id", "kind", "case", "person", "sequence")
    let = {row.sequence for row, _, _ in _let(agreement, rows, _cases().filter(pk=case))}
    people = dict(CasePerson.objects.filter(case=case).values_list("pk", "category"))
    out = set(Withheld.objects.filter(case=case, officer=None).values_list("object_id", flat=True))
    held: Counter[tuple[str, str]] = Counter()
    for row in rows:
        category = people.get(row.person, "") if row.person else ""
        if row.sequence in let:
            continue
        if row.kind not in agreement.kinds:
            held["kind", ""] += 1
        elif row.person and category not in agreement.categories:
            held["category", category] += 1
        else:
            held["kept out" if {row.pk, case} & out else "case", ""] += 1
    return OfCase(tuple(sorted(let)), held)


def _let(
    agreement: Agreement, rows: "QuerySet[Selector]", some: "QuerySet[Case] | None" = None
) -> Iterator[tuple[Selector, Case, UUID | None]]:
    """The selectors that may be compared, each with its case and who alone answers for it; of some cases, or of all."""
    cases = {row.pk: row for row in (_cases() if some is None else some)}
    withheld = {row.object_id: row for row in Withheld.objects.only("object_id", "officer")}
    categories = set(agreement.categories)
    people = dict(CasePerson.objects.filter(case__in=list(cases)).values_list("pk", "category"))
    for row in rows.filter(kind__in=agreement.kinds).order_by("sequence").iterator():
        case = cases.get(row.case)
        if case is None or (row.person is not None and people.get(row.person) not in categories):
            continue
        said = withheld.get(row.pk) or withheld.get(row.case)
        if said is None:
            if not case.marking.marking.is_embargoed(now_us()):
                yield row, case, None
        elif said.officer is not None:
            yield row, case, said.officer


def values_of(some: Iterable[Offered]) -> list[Value]:
    """What is put into a comparison: each selector, and the keys of each whose name may be spelled otherwise."""
    found: set[Value] = set()
    for one in some:
        found.add(one.value)
        found |= keys_of(one.value)
    return sorted(found)


def kinds_of(agreement: Agreement) -> tuple[str, ...]:
    """The kinds of values that an agreement lets be compared."""
    return tuple(
        sorted({*agreement.kinds, *(KEY_KINDS[kind] for kind in agreement.kinds if kind in KEY_KINDS)})
    )


def matcher() -> Actor:
    """In whose name selectors are compared: the node's. Who asked for it is in the entry that asks."""
    node = settings.HANSE_NODE
    return system("matching", node.authority, node.country, node.tier)


def _cases() -> "QuerySet[Case]":
    """The open cases of which something may be compared: PAP:RED and a provider's H2 or H3 keep theirs at home."""
    return Case.objects.for_actor(matcher(), RUN).filter(status=OPEN).select_related("marking")
