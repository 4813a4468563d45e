"""Items by what somebody typed: a value in any spelling, an id, a network, or words of what an item says."""

from contextlib import suppress
from uuid import UUID

from django.db import connections
from django.db.models import Q, QuerySet

from hanse.intel import csv_list, full_text, models
from hanse.intel.projecting import value_id
from hanse.intel.spans import network_bounds
from hanse.intel.values import ValueProblem, normalise
from hanse.kernel.actors import Actor
from hanse.ledger.routing import database

MOST_INSIDE = 500
"""Values inside a network that are looked at."""


def matching(text: str, actor: Actor, action: str = "intel.view") -> "QuerySet[models.Item]":
    """The items that a text finds and that an actor may see, the newest first."""
    wanted = Q(source_id=text) | Q(number__in=_numbers(text))
    with suppress(ValueError):
        wanted |= Q(pk=UUID(text))
    seen = models.Item.objects.for_actor(actor, action).filter(wanted)
    return seen.select_related("marking").order_by("-number")


def _numbers(text: str) -> set[int]:
    """Numbers of items that name the value, or a value inside the network, or hold the words."""
    values = _values(text)
    found = set(
        models.Posting.objects.filter(value__in=values)
        .order_by("-item")
        .values_list("item", flat=True)[:MOST_INSIDE]
    )
    if any(letter.isalpha() for letter in text):
        connection = connections[database()]
        query, told = full_text.condition(text, connection.vendor)
        if told[0]:
            with connection.cursor() as cursor:
                cursor.execute(f"{query} LIMIT {MOST_INSIDE}", told)
                found |= {row[0] for row in cursor.fetchall()}
    return found


def _values(text: str) -> list[int]:
    try:
        value = normalise(csv_list.kind_of(text), text)
    except ValueProblem:
        return []
    found = [value_id(value)]
    if value.kind == "network":
        first, last = network_bounds(value.text)
        inside = models.Span.objects.filter(first__gte=first, last__lte=last)
        found += list(inside.values_list("value", flat=True)[:MOST_INSIDE])
    return found
