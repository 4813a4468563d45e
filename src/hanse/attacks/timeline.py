"""Attacks in time by organisation, in the shape that the console's timeline draws (`frontend/islands/shapes.ts`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse

from hanse.attacks import models
from hanse.attacks.vectors import vector_words
from hanse.kernel import units

if TYPE_CHECKING:
    from django.db.models import QuerySet

KINDS = 8
"""Vectors that have a hue of their own; the rest share one."""

OTHERS = "others"

_NO_ID = UUID(int=0)


class Bar(NamedTuple):
    """What a timeline needs of an attack; fields as of `models.Attack`, and in the order of a query's columns."""

    object_id: UUID
    name: str
    organisation: str
    victim: str
    vector: str
    start_us: int
    end_us: int
    running: bool
    peak_bps: float
    state: str

    @property
    def place(self) -> str:
        """The line on which it is drawn."""
        return self.organisation or self.victim


def timeline(rows: "QuerySet[models.Attack]", now_us: int) -> HttpResponse:
    """Rows of organisations, most attacked first, kinds by number, and the attacks, as JSON.

    It is written here as it leaves: a page asks for it with thousands of attacks, of which checking each member
    again would take most of the time. `TimelineOut` in the API says what is in it, and a test compares them.

    Args:
        rows: The attacks.
        now_us: The node's time, microseconds UTC.
    """
    told = _written(tuple(rows.values_list(*Bar._fields)))  # noqa: SLF001 - a documented name
    return HttpResponse(b'{"now_us":%d,' % now_us + told[1:], content_type="application/json; charset=utf-8")


@lru_cache(maxsize=8)
def _written(rows: tuple[tuple[Any, ...], ...]) -> bytes:
    """All of a timeline but the time.

    Pages that are open ask again and again. What is remembered follows from what the reader may see and nothing else:
    no answer is slower for what others wrote.
    """
    bars = sorted(starmap(Bar, rows), key=lambda bar: (bar.start_us, bar.name))
    places = Counter(bar.place for bar in bars)
    kinds = [name for name, _ in Counter(bar.vector for bar in bars).most_common()]
    own = kinds if len(kinds) <= KINDS else kinds[: KINDS - 1]
    words = {name: vector_words(name) for name in kinds}
    vectors = [{"id": name, "label": words[name]} for name in own]
    if len(own) < len(kinds):
        vectors.append({"id": OTHERS, "label": "Others"})
    page = _page()
    told = {
        "rows": [{"id": place, "label": place} for place, _ in places.most_common()],
        "vectors": vectors,
        "attacks": [_drawn(bar, own, words, page) for bar in bars],
    }
    return msgspec.json.encode(told)


def _page() -> str:
    """Address of the page of the attack `_NO_ID`, from which others differ in their id alone.

    A node without pages gives that of the API.
    """
    try:
        return reverse("attacks:detail", args=[_NO_ID])
    except NoReverseMatch:
        return f"/api/attacks/{_NO_ID}"


def _drawn(bar: Bar, own: Sequence[str], words: Mapping[str, str], page: str) -> dict[str, Any]:
    lasts = "still running" if bar.running else f"for {units.duration((bar.end_us - bar.start_us) / 1e6)}"
    one = str(bar.object_id)
    return {
        "id": one,
        "row": bar.place,
        "vector": bar.vector if bar.vector in own else OTHERS,
        "start_us": bar.start_us,
        "end_us": None if bar.running else bar.end_us,
        "title": f"{words[bar.vector]} on {bar.place}",
        "text": f"up to {units.bit_rate(bar.peak_bps)}, {lasts}",
        "url": page.replace(str(_NO_ID), one),
        "false_positive": bar.state == models.State.FALSE_POSITIVE,
    }
