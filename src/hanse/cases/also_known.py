"""Where else the selectors of a case are known: in intelligence and in other cases, within what the reader may see.

Nothing is stored: it is looked up when somebody looks, so that it follows what they may see then. What the reader may
not see is neither named nor counted, and changes nothing of what is shown.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from hanse.cases.choosing import visible
from hanse.cases.models import Case, Selector
from hanse.intel import noise
from hanse.intel.models import Item, Posting
from hanse.intel.projecting import value_id
from hanse.intel.values import Value
from hanse.kernel.actors import Actor

MOST_SELECTORS = 500
"""Selectors of one case that are looked up for its page."""
MOST_ITEMS = 1_000
"""Items of intelligence that are looked at, the newest."""
SHOWN = 20
"""Items and cases of one selector that are named."""


@dataclass(frozen=True, slots=True)
class Known:
    """A selector that is known elsewhere too.

    Attributes:
        selector: The selector.
        items: Items of intelligence that name it, the newest first, at most `SHOWN`.
        cases: Other cases that have it, at most `SHOWN`.
        item_count: How many items the reader may see, of the `MOST_ITEMS` newest.
        case_count: How many other cases the reader may see.
    """

    selector: Selector
    items: tuple[Item, ...]
    cases: tuple[Case, ...]
    item_count: int
    case_count: int

    @property
    def words(self) -> str:
        """Where it is known, and that this is all that the reader may see."""
        told = [_some(self.item_count, "item of intelligence", "items of intelligence"),
                _some(self.case_count, "other case", "other cases")]  # fmt: skip
        return f"In {' and '.join(one for one in told if one)} that you may see."


def of_selectors(selectors: Iterable[Selector], case: Case, actor: Actor) -> list[Known]:
    """Those of a case's selectors that are known elsewhere, in their order.

    Args:
        selectors: Of the case; at most `MOST_SELECTORS` of them are looked up.
        case: The case, which the actor may see.
        actor: The reader.
    """
    wanted = [one for one in selectors if not noise.reason(_value(one))][:MOST_SELECTORS]
    named = {one.pk: value_id(_value(one)) for one in wanted}
    items, cases = _items(set(named.values()), actor), _cases({one.value for one in wanted}, case, actor)
    return [
        Known(one, tuple(items[named[one.pk]][:SHOWN]), tuple(cases[one.value][:SHOWN]),
              len(items[named[one.pk]]), len(cases[one.value]))
        for one in wanted
        if items[named[one.pk]] or cases[one.value]
    ]  # fmt: skip


def _items(values: set[int], actor: Actor) -> defaultdict[int, list[Item]]:
    """By value, the items that name it and that the actor may see, the newest first."""
    named = Posting.objects.filter(value__in=values)
    seen = Item.objects.for_actor(actor, "intel.view").filter(number__in=named.values("item"))
    rows = {row.number: row for row in seen.select_related("marking").order_by("-number")[:MOST_ITEMS]}
    pairs = set(named.filter(item__in=list(rows)).values_list("value", "item"))
    found: defaultdict[int, list[Item]] = defaultdict(list)
    for value, number in sorted(pairs, key=lambda pair: -pair[1]):
        found[value].append(rows[number])
    return found


def _cases(values: set[int], case: Case, actor: Actor) -> defaultdict[int, list[Case]]:
    """By value, the other cases that have it and that the actor may see, the last changed first."""
    others = visible(actor).exclude(pk=case.pk)
    pairs = set(
        Selector.objects.filter(value__in=values, case__in=others.values("pk")).values_list("value", "case")
    )
    rows = others.filter(pk__in={one for _, one in pairs}).order_by("-changed_us", "pk")
    found: defaultdict[int, list[Case]] = defaultdict(list)
    for row in rows:
        for value in {value for value, one in pairs if one == row.pk}:
            found[value].append(row)
    return found


def _value(row: Selector) -> Value:
    return Value(row.kind, row.text)


def _some(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}" if number else ""
