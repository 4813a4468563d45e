"""Filters for campaigns, in the same words as the report's."""

from django import template

from hanse.campaigns.report import words

register = template.Library()


@register.filter
def probability(value: float) -> str:
    """A p-value as people write it, with its sign: ``= 0.034``, ``= 2.1 × 10⁻⁷``, ``< 10⁻³⁰⁰``."""
    text = words.probability(value)
    return text if text.startswith("<") else f"= {text}"


@register.filter
def plain(name: str) -> str:
    """``top_victim_share`` as ``Top victim share``."""
    return words.plain(name)
