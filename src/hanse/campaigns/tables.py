"""The tables on a campaign's pages as HTML: who was hit, and what holds the campaign together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hanse.attacks.models import Attack
from hanse.attacks.table import page_of
from hanse.attacks.vectors import vector_words
from hanse.campaigns.members import Hit
from hanse.campaigns.report import words
from hanse.web import lists
from hanse.web.templatetags.hanse import when


@dataclass(frozen=True, slots=True)
class Held:
    """A link with its two attacks.

    Attributes:
        ends: The attacks.
        tests: Name, p-value and words of each test that both passed.
    """

    ends: tuple[Attack, Attack]
    tests: Sequence[Mapping[str, Any]]


def hits_html(hits: Iterable[Hit], campaign: UUID) -> SafeString:
    """The rows of the table of who was hit, each with the way to the attacks on it."""
    attacks = f"{reverse('attacks:list')}?campaign={campaign}&organisation="
    columns = (
        lists.Column(key="organisation", label="Organisation", html=partial(_organisation, attacks)),
        lists.Column(key="sector", label="Sector"),
        lists.Column(key="country", label="Country"),
        lists.Column(key="number", label="Attacks", format="count"),
        lists.Column(key="hosts", label="Victims", format="count"),
        lists.Column(key="peak", label="Highest peak", format="bps"),
        lists.Column(key="first", label="First attack", format="when"),
        lists.Column(key="last", label="Last ended", format="when"),
    )
    return lists.table_rows(columns, hits)


def _organisation(attacks: str, hit: Hit) -> SafeString:
    if not hit.organisation:
        return format_html('<span class="muted">{}</span>', _("not in the constituency"))
    return format_html('<a href="{}">{}</a>', attacks + quote(hit.organisation, safe=""), hit.organisation)


def links_html(links: Iterable[Held]) -> SafeString:
    """The rows of a table of links: one attack, the other, and the tests that both passed."""
    return lists.table_rows(_LINK, links)


def tests_html(tests: Iterable[Mapping[str, Any]]) -> SafeString:
    """The tests that hold two attacks together, with what each found and its p-value."""
    told = (
        f"<li>{escape(words.plain(one['name']))}: {escape(one['words'])}"
        f' <span class="muted num nowrap">p {escape(probability(one["p_value"]))}</span></li>'
        for one in tests
    )
    return SafeString(f'<ul class="tests">{"".join(told)}</ul>')


def probability(value: float) -> str:
    """A p-value as people write it, with its sign: ``= 0.034``, a power of ten, ``< 10⁻³⁰⁰``."""
    return words.p_equals(value).removeprefix("p ")


def _end(number: int) -> Callable[[Held], SafeString]:
    """Writes one end of a link."""

    def write(held: Held) -> SafeString:
        row = held.ends[number]
        whom = row.organisation or row.victim
        return format_html(
            '<a href="{}">{}</a>, {} <span class="muted">{}</span>',
            page_of(row), vector_words(row.vector), whom, when(row.start_us),
        )  # fmt: skip

    return write


_LINK = (
    lists.Column(key="first", label="One attack", html=_end(0)),
    lists.Column(key="second", label="Linked to", html=_end(1)),
    lists.Column(key="tests", label="Tests that both passed", html=lambda held: tests_html(held.tests)),
)
