"""By what items are narrowed down: the filters of their list, of a saved search, and of nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.db.models import QuerySet
from django.http import QueryDict

from hanse.intel import came_by, finding, models
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, strictest
from hanse.web.lists import Filter, Named

CAME_AS: Final = {"stix": "STIX", "misp": "MISP", "csv": "CSV", "ddosdb": "DDoSDB", "own": "written here",
                  "partner": "from a partner"}  # fmt: skip
"""What pages say of the format of an item or an import."""

COMMON: Final = (
    Filter(key="type", label="Type", field="type"),
    Filter(key="format", label="Came as", field="format", choices=list(CAME_AS.items())),
    Filter(key="origin", label="Partner", field="origin", help="The id of the authority that shared it."),
    Filter(key="title", label="What", field="title__icontains", help="A word of it."),
    Filter(key="batch", label="Import", field="batch", help="Its whole id; that of a feed's run as well."),
    Filter(key="source_id", label="Id", field="source_id", help="The whole id, as its source has it."),
)  # fmt: skip
"""Those that ask nobody who looks."""


def filters(actor: Actor) -> tuple[Filter, ...]:
    """All filters, for somebody: what is searched for, and what an import is called, is looked up within their own view."""
    return (
        Filter(key="q", label="Search", help="A value in any spelling, a network, an id, or words.",
               narrows=partial(_found, actor)),
        *(replace(one, named=partial(_came_by, actor)) if one.key == "batch" else one for one in COMMON),
    )  # fmt: skip


def narrowed(
    rows: "QuerySet[models.Item]", query: Mapping[str, Sequence[str]], actor: Actor
) -> "QuerySet[models.Item]":
    """The rows that a search lets through.

    Args:
        rows: Items that the actor may see.
        query: Filters by key, each with its values.
        actor: Who looks.

    Raises:
        UsageError: A value means nothing.
    """
    for one in filters(actor):
        if values := [text for text in query.get(one.key, ()) if text]:
            rows = one.narrow(rows, values)
    return rows


def chosen(query: QueryDict) -> dict[str, list[str]]:
    """What an address chooses of the filters.

    Raises:
        UsageError: It chooses nothing.
    """
    keys = ["q", *(one.key for one in COMMON)]
    found = {key: values for key in keys if (values := [text for text in query.getlist(key) if text.strip()])}
    if not found:
        raise UsageError("Search or filter first: a saved search of everything would say nothing.")
    return found


def known(query: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """A query as it is, if each of its keys is a filter.

    Raises:
        UsageError: One is none.
    """
    keys = ["q", *(one.key for one in COMMON)]
    if strange := sorted(set(query) - set(keys)):
        raise UsageError(f"There is no filter {strange[0][:40]!r}. It is one of {', '.join(keys)}.")
    return query


def words(query: Mapping[str, Sequence[str]], actor: Actor) -> str:
    """What a search looks for, as a line for somebody."""
    known = {one.key: one for one in filters(actor)}
    return ", ".join(
        f"{known[key].label}: {', '.join(known[key].called(text).words for text in values)}"
        for key, values in query.items()
        if key in known
    )


def marking(query: Mapping[str, Sequence[str]], actor: Actor) -> Marking | None:
    """The strictest marking of the imports that `words` names; None where it names none."""
    named = (came_by.by(text, actor) for text in query.get("batch", ()))
    found = [one.marking for one in named if one is not None]
    return strictest(found) if found else None


def _came_by(actor: Actor, batch_id: str) -> Named | None:
    """The file of an import, or the feed of a run, and when it came; None of one that the actor may not see."""
    brought = came_by.by(batch_id, actor)
    return Named(brought.words, brought.marking) if brought else None


def _found(actor: Actor, rows: QuerySet[Any], texts: Sequence[Any]) -> QuerySet[Any]:
    """The rows that one of some texts finds."""
    wanted = finding.condition(texts[0], actor)
    for text in texts[1:]:
        wanted |= finding.condition(text, actor)
    return rows.filter(wanted)
