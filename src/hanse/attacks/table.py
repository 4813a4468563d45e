"""The columns of attacks in tables, and their rows as HTML: for the list, and for parts of other pages."""

from collections.abc import Iterable
from functools import cache
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hanse.attacks.models import Attack, State
from hanse.attacks.vectors import vector_words
from hanse.web import lists

_CLASSES = {
    State.RUNNING: "running",
    State.OVER: "ended",
    State.FALSE_POSITIVE: "false",
    State.MERGED: "off",
    State.SPLIT: "needs",
}


def state_class(state: str) -> str:
    """The class of `span.state` for where an attack stands."""
    return _CLASSES.get(State(state), "off")


def page_of(row: Attack) -> str:
    """The address of an attack's page."""
    return _page_of_any().replace(_ANY, str(row.pk))


_ANY = str(UUID(int=0))


@cache
def _page_of_any() -> str:
    """The address of the page of an attack of this id, found once: a list asks for hundreds."""
    return reverse("attacks:detail", args=[_ANY])


def _state(row: Attack) -> SafeString:
    return format_html('<span class="state {}">{}</span>', state_class(row.state), row.get_state_display())


def _victim(row: Attack) -> SafeString:
    return format_html("<code>{}</code>", row.victim)


COLUMNS = (
    lists.Column(key="state", label="State", html=_state),
    lists.Column(key="start", label="Start", value="start_us", format="when", sort="start_us", link=page_of),
    lists.Column(key="duration", label="Duration", value=lambda row: row.end_us - row.start_us,
                 format="span_us"),
    lists.Column(key="vector", label="Vector", value=lambda row: vector_words(row.vector), sort="vector"),
    lists.Column(key="victim", label="Victim", sort="victim_sort", html=_victim),
    lists.Column(key="organisation", label="Organisation", sort="organisation"),
    lists.Column(key="sector", label="Sector", shown=False),
    lists.Column(key="country", label="Country", shown=False),
    lists.Column(key="site", label="Site", shown=False),
    lists.Column(key="peak", label="Peak", value="peak_bps", format="bps", sort="peak_bps"),
    lists.Column(key="peak_pps", label="Peak packets", format="pps", sort="peak_pps", shown=False),
    lists.Column(key="packets", label="Packets", format="count", sort="packets", shown=False),
    lists.Column(key="bytes", label="Volume", format="octets", sort="bytes", shown=False),
    lists.Column(key="sources", label="Sources", format="count", sort="sources"),
    lists.Column(key="source_class", label="Source test"),
    lists.Column(key="confidence", label="How sure"),
    lists.Column(key="name", label="Id", shown=False),
)  # fmt: skip

_BESIDE = tuple(one for one in COLUMNS if one.shown and one.key != "confidence")
"""The columns of a table on another page; its head is in ``attacks/attack_rows.html``."""


def rows_html(rows: Iterable[Attack]) -> SafeString:
    """Attacks as the rows of a table on another page: what runs is marked, what no longer counts is pale."""
    return lists.table_rows(_BESIDE, rows, page_of, _weight)


def _weight(row: Attack) -> str:
    if row.state == State.RUNNING:
        return "wrong"
    return "" if row.state == State.OVER else "over"
