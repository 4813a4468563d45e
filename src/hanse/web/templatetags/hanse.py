"""Filters and tags for figures, times and markings, in the console's words."""

import re
from collections.abc import Iterable

from django import template
from django.forms import Form
from django.templatetags.static import static
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from hanse.kernel import units
from hanse.kernel.markings import TIER_WORDS, Marking
from hanse.web.forms import Section
from hanse.web.forms import sections as sections_of
from hanse.web.uploads import Caps, room

register = template.Library()

_TIME = re.compile(r"\b\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2})?(?: UTC)?)?")


@register.filter
def bps(value: float | None) -> str:
    """A bit rate: ``92.4 Mbit/s``."""
    return "" if value is None else units.bit_rate(value)


@register.filter
def pps(value: float | None) -> str:
    """A packet rate: ``12.3 kpackets/s``."""
    return "" if value is None else units.packet_rate(value)


@register.filter
def octets(value: float | None) -> str:
    """A volume: ``1.2 GB``."""
    return "" if value is None else units.volume(value)


@register.filter
def quota(value: float | None) -> str:
    """How much may be kept, as the settings have it: ``50 GiB``."""
    return "" if value is None else units.quota(value)


@register.filter
def count(value: float | None) -> str:
    """A whole number with thin spaces."""
    return "" if value is None else units.count(value)


@register.filter
def sections(form: Form) -> list[Section]:
    """The fields of a form as they are shown together."""
    return sections_of(form)


@register.filter
def tier(name: str) -> str:
    """A tier of partners in words: ``associated state``."""
    return TIER_WORDS.get(name, name)


@register.filter
def tiers(names: Iterable[str]) -> str:
    """All partners of some tiers: ``every member state, every organisation``; empty for none."""
    return ", ".join(f"every {tier(name)}" for name in names)


@register.filter
def when(us: int | None) -> str | SafeString:
    """Microseconds UTC as a ``time`` element: ``2007-05-09 14:32 UTC``; the page shows local time on hover."""
    if us is None:
        return ""
    # Figures and letters only, which need no escaping: a page has hundreds.
    text = units.iso(us)
    return SafeString(f'<time datetime="{text}">{text[:10]} {text[11:16]} UTC</time>')


@register.filter
def iso(us: int | None) -> str:
    """Microseconds UTC for a ``datetime`` attribute."""
    return "" if us is None else units.iso(us)


@register.filter
def minute(us: int | None) -> str:
    """Microseconds UTC as plain text: ``2007-05-09 14:32 UTC``."""
    return "" if us is None else units.minute(us)


@register.filter
def unbroken(text: str) -> SafeString:
    """A sentence whose dates and times stay on one line: browsers break ``2007-05-09 14:32 UTC`` behind a hyphen."""
    return SafeString(_TIME.sub(r'<span class="nowrap">\g<0></span>', escape(text)))


@register.filter
def span(seconds: float | None) -> str:
    """A duration of some seconds: ``10 h 30 min``."""
    return "" if seconds is None else units.duration(seconds)


@register.filter
def span_us(us: float | None) -> str:
    """A duration of some microseconds."""
    return "" if us is None else units.duration(us / 1_000_000)


@register.filter
def share(value: float | None) -> str:
    """A part of one as per cent: ``90%``, ``0.4%``; what is almost nothing or almost all never rounds to it."""
    if value is None:
        return ""
    per_cent = value * 100
    if 0 < per_cent < 0.1:
        return "<0.1%"
    if 99.9 < per_cent < 100:
        return ">99.9%"
    return f"{per_cent:.1f}%" if 0 < per_cent < 10 or 99 < per_cent < 100 else f"{per_cent:.0f}%"


@register.filter
def marking(value: Marking | None) -> str:
    """A marking's short text: ``TLP:AMBER PAP:AMBER H1``."""
    return "" if value is None else value.banner()


@register.filter
def caps(value: Caps) -> SafeString:
    """Attributes of a field of files: what the page's script refuses before it sends anything."""
    told = 'data-most="{}" data-most-all="{}" data-most-files="{}"'
    return format_html(told, value.file_bytes, room(value), value.files)


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the one set; it always stands beside a word, so that it says nothing to a screen reader."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("console/icons.svg"),
        name,
    )


@register.inclusion_tag("web/marking_band.html")
def marking_band(value: Marking | None) -> dict[str, object]:
    """The coloured band with the marking of what is on the page, in words too."""
    return {"marking": value, "colour": value.tlp.colour if value is not None else ""}
