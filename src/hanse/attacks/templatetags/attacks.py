"""Filters for attacks, in the console's words."""

from django import template
from django.utils.translation import gettext as _

from hanse.attacks import table
from hanse.attacks.models import Attack, Decision
from hanse.attacks.vectors import vector_words
from hanse.kernel import units

register = template.Library()

register.filter(table.state_class)
register.filter("attack_rows", table.rows_html)


@register.filter
def vector(name: str) -> str:
    """A vector's name as people write it: ``ICMP flood``."""
    return vector_words(name)


@register.filter
def lasted(row: Attack) -> str:
    """How long an attack lasted, or has lasted as far as was seen: ``10 h 30 min``."""
    return units.duration((row.end_us - row.start_us) / 1_000_000)


@register.filter
def decided(decision: Decision) -> str:
    """What was decided, in words."""
    if decision.what == "false-positive":
        return _("False positive")
    if decision.what == "split":
        return _("To be cut at %s UTC") % units.second(round(decision.value) * 1_000_000)
    if decision.what == "merge" and len(decision.names) < 2:  # the others are not for this reader
        return _("Merged into one attack")
    if decision.what == "merge":
        return _("One of %s attacks merged into one") % units.count(len(decision.names))
    return _("Note")
