"""Items by what somebody typed: a value in any spelling, an id, a network, or words of what an item says."""

from contextlib import suppress
from uuid import UUID

from django.db.models import Q, QuerySet

from hanse.intel import csv_list, full_text, models, twins
from hanse.intel.projecting import value_id
from hanse.intel.spans import network_bounds
from hanse.intel.values import ValueProblem, normalise
from hanse.intel.within_view import View, naming, view_of
from hanse.kernel.actors import Actor

MOST = 500
"""Items that one search finds by a value, or by words: the newest."""
MOST_INSIDE = 500
"""Values inside a network that are looked at."""


def matching(text: str, actor: Actor, action: str = "intel.view") -> "QuerySet[models.Item]":
    """The items that a text finds and that an actor may see, each thing once, the newest first: by value or words at most `MOST`."""
    seen = twins.once(actor, action).filter(condition(text, actor, action))
    return seen.select_related("marking").order_by("-number")


def condition(text: str, actor: Actor, action: str = "intel.view") -> Q:
    """What an item has to be so that a text finds it for an actor: by value or words one of the newest `MOST`."""
    wanted = Q(source_id=text) | Q(number__in=_numbers(text, view_of(actor, action)))
    with suppress(ValueError):
        wanted |= Q(pk=UUID(text))
    return wanted


def _numbers(text: str, view: View) -> set[int]:
    """Numbers of items in a view that name the value, or a value inside the network, or hold the words."""
    found = set(naming(_values(text), view, MOST))
    if any(letter.isalpha() for letter in text):
        found |= set(full_text.holding(text, view.holdings, MOST))
    return found


def _values(text: str) -> list[int]:
    try:
        value = normalise(csv_list.kind_of(text), text)
    except ValueProblem:
        return []
    found = [value_id(value)]
    if value.kind == "network":
        first, last = network_bounds(value.text)
        # Bounded at both ends: an index that is read from one address on goes to the end of all.
        inside = models.Span.objects.filter(first__gte=first, first__lte=last, last__lte=last)
        found += list(inside.values_list("value", flat=True)[:MOST_INSIDE])
    return found
