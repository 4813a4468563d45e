"""What the page of a case shows: its verdict, its parts, where its selectors are known, its chart and its timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from hanse.accounts.models import Person
from hanse.cases import also_known, link_chart, models, places, tying
from hanse.cases.selector import KINDS
from hanse.cases.service import members
from hanse.cases.words import CATEGORIES, CLOSED, HAPPENED
from hanse.intel.service import title_of
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.countries import country_name

SELECTORS_SHOWN = 100
NOTES_SHOWN = 50
HAPPENINGS_SHOWN = 200
MINUTE_US = 60_000_000
CHARTED = 40
"""Selectors on the link chart: those of somebody, and those that are known elsewhere, come first."""


@dataclass(frozen=True, slots=True)
class Tied:
    """Something that the case is tied to: the link, and the thing where the reader may see it."""

    link: models.Link
    thing: tying.Thing | None


def told(row: models.Case, actor: Actor) -> dict[str, Any]:
    """Everything that the page of a case shows to a reader, who may see the case.

    Args:
        row: The case.
        actor: The reader.
    """
    people = list(models.CasePerson.objects.filter(case=row.pk).order_by("sequence"))
    selectors = list(
        models.Selector.objects.filter(case=row.pk).order_by("sequence")[: also_known.MOST_SELECTORS]
    )
    selector_count = models.Selector.objects.filter(case=row.pk).count()
    known = also_known.of_selectors(selectors, row, actor)
    tasks = sorted(models.Task.objects.filter(case=row.pk), key=_urgency)
    notes = list(models.Note.objects.filter(case=row.pk).order_by("-sequence")[:NOTES_SHOWN])
    ties = tied(row, actor)
    names = _names([row.owner, *(task.owner for task in tasks if task.owner)])
    happenings = models.Happening.objects.filter(case=row.pk).order_by("-sequence")[:HAPPENINGS_SHOWN]
    overdue = [task for task in tasks if _is_overdue(task)]
    shown_selectors = selectors[:SELECTORS_SHOWN]
    by_person: dict[UUID | None, list[models.Selector]] = {}
    for one in selectors:
        by_person.setdefault(one.person, []).append(one)
    return {
        "people": [(one, CATEGORIES[one.category], _used_by(one, by_person)) for one in people],
        "selectors": [(one, KINDS.get(one.kind, one.kind), _person_of(one, people)) for one in shown_selectors],
        "more_selectors": max(0, selector_count - SELECTORS_SHOWN),
        "selector_count": selector_count,
        "known": known,
        "tasks": [(one, names.get(one.owner, ""), one in overdue) for one in tasks],
        "open_tasks": sum(task.done_us is None for task in tasks),
        "overdue": len(overdue),
        "notes": notes,
        "ties": ties,
        "happenings": runs(happenings),
        "owner": names.get(row.owner, ""),
        "team": members(row.team),
        "review_due": row.review_us <= now_us() and row.status != CLOSED,
        "chart": chart(people, selectors, known),
        "places": [(country_name(code), code, count) for code, count in places.named(people, selectors).values],
        "places_words": places.WORDS,
        "verdict": verdict(row, len(people), selector_count, len(known), len(overdue)),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """Entries of one kind that one person made within a minute: a line of the timeline.

    Attributes:
        first: The newest of them.
        count: How many there are.
    """

    first: models.Happening
    count: int

    @property
    def words(self) -> str:
        """What happened, and how often."""
        words = HAPPENED.get(self.first.kind, self.first.kind)
        return words if self.count == 1 else f"{words} ({units.count(self.count)} times)"


def runs(happenings: Iterable[models.Happening]) -> list[Run]:
    """The timeline's lines, the newest first; what needs a reason stands alone.

    Args:
        happenings: Entries, the newest first.
    """
    told: list[Run] = []
    for one in happenings:
        last = told[-1].first if told else None
        if last is not None and (last.kind, last.actor_name, last.reason, last.time_us // MINUTE_US) == (
            one.kind, one.actor_name, "", one.time_us // MINUTE_US,
        ) and not one.reason:  # fmt: skip
            told[-1] = Run(last, told[-1].count + 1)
        else:
            told.append(Run(one, 1))
    return told


def verdict(row: models.Case, people: int, selectors: int, known: int, overdue: int) -> str:
    """How the case stands, in a sentence or two."""
    state = {"open": "Open", "suspended": "Suspended", "closed": "Closed"}[row.status]
    held = f"{_some(people, 'person', 'people')} and {_some(selectors, 'selector', 'selectors')}"
    elsewhere = f", {units.count(known)} of them known elsewhere too" if known else ""
    late = f" {_some(overdue, 'task is', 'tasks are')} overdue." if overdue else ""
    return f"{state} since {units.minute(row.opened_us)[:10]}; {held}{elsewhere}.{late}" if row.status == "open" else (
        f"{state}: {row.status_why.rstrip('.')}. {held[0].upper()}{held[1:]}{elsewhere}.{late}"
    )  # fmt: skip


def chart(
    people: Sequence[models.CasePerson],
    selectors: Sequence[models.Selector],
    known: Sequence[also_known.Known],
) -> link_chart.Chart | None:
    """The link chart of a case; None where nothing is tied to anything."""
    elsewhere = {one.selector.pk for one in known}
    apart = [one for one in selectors if one.pk in elsewhere or one.kind != "person" or one.person is None]
    ordered = sorted(apart, key=lambda one: (one.pk not in elsewhere, one.person is None))[:CHARTED]
    nodes = [
        link_chart.Node(
            one.pk.hex, 0, str(one), "suspect" if one.category in {"suspect", "convicted"} else "person",
            reverse("cases:person", args=[one.case, one.pk]), CATEGORIES[one.category],
        )
        for one in people[:CHARTED]
    ]  # fmt: skip
    nodes += [
        link_chart.Node(one.pk.hex, 1, one.written, "selector", more=KINDS.get(one.kind, ""))
        for one in ordered
    ]
    ties = [
        link_chart.Tie(one.person.hex, one.pk.hex, "The case says that they use it")
        for one in ordered
        if one.person
    ]
    for one in known:
        for item in one.items[:3]:
            nodes.append(link_chart.Node(f"item {item.pk.hex}", 2, title_of(item), "item", reverse("intel:item", args=[item.pk]),
                                         "Item of intelligence"))  # fmt: skip
            ties.append(
                link_chart.Tie(one.selector.pk.hex, f"item {item.pk.hex}", f"It names {one.selector.written}")
            )
        for case in one.cases[:3]:
            nodes.append(link_chart.Node(f"case {case.pk.hex}", 2, str(case), "case", reverse("cases:case", args=[case.pk]),
                                         "Another case that you may see"))  # fmt: skip
            ties.append(
                link_chart.Tie(
                    one.selector.pk.hex, f"case {case.pk.hex}", f"It has {one.selector.written} too"
                )
            )
    return link_chart.laid_out({node.key: node for node in nodes}.values(), ties) if ties else None


def looked_up(known: Sequence[also_known.Known], ties: Sequence[Tied]) -> dict[str, list[Any]]:
    """The rows of other things that the page shows, by the action that they are looked at by."""
    found: dict[str, list[Any]] = {"intel.view": [], "cases.view": []}
    for one in known:
        found["intel.view"] += one.items
        found["cases.view"] += one.cases
    for tied in ties:
        if tied.thing is not None:
            found.setdefault(tied.thing.action, []).append(tied.thing.row)
    return {action: list({row.pk: row for row in rows}.values()) for action, rows in found.items() if rows}


def rows_of(told: dict[str, Any]) -> list[Any]:
    """The rows of other things that the page shows, for its marking."""
    return [row for rows in looked_up(told["known"], told["ties"]).values() for row in rows]


def tied(row: models.Case, actor: Actor) -> list[Tied]:
    """What a case is tied to, in the order in which it was, each thing where the actor may see it."""
    links = list(models.Link.objects.filter(case=row.pk).order_by("sequence"))
    found = tying.targets(links, actor)
    return [Tied(one, found.get(UUID(one.target))) for one in links]


def _names(ids: Sequence[UUID]) -> dict[UUID | None, str]:
    return dict(Person.objects.filter(pk__in=ids).values_list("pk", "name"))


def _used_by(
    person: models.CasePerson, by_person: dict[UUID | None, list[models.Selector]]
) -> list[models.Selector]:
    """What a person uses: all of their selectors but the one that they are themselves."""
    return [one for one in by_person.get(person.pk, []) if one.kind != "person"]


def _person_of(selector: models.Selector, people: Sequence[models.CasePerson]) -> models.CasePerson | None:
    return next((one for one in people if one.pk == selector.person), None)


def _is_overdue(task: models.Task) -> bool:
    return task.done_us is None and task.due_us is not None and task.due_us < now_us()


def _urgency(task: models.Task) -> tuple[bool, int, int]:
    """What is not done first, the next due first."""
    return task.done_us is not None, task.due_us if task.due_us is not None else 2**62, task.sequence


def _some(number: int, one: str, several: str) -> str:
    return f"{units.count(number)} {one if number == 1 else several}"
