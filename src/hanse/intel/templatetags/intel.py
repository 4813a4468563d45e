"""How the pages of intelligence write what they show."""

import json
from typing import Any

from django import template
from django.utils.translation import gettext as _

from hanse.intel import grading, item_filters, models, service
from hanse.kernel.printable import printable

register = template.Library()


@register.filter
def json_text(value: Any) -> str:
    """A value as JSON, for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def item_title(row: models.Item) -> str:
    """What an item is called, whether or not it is sealed."""
    return service.title_of(row)


@register.filter
def came_as(name: str) -> str:
    """The format of an item or an import, in words."""
    return _(item_filters.CAME_AS[name]) if name in item_filters.CAME_AS else name


@register.filter
def write_words(kind: str) -> str:
    """The heading of the page on which a thing of a type is written."""
    words = {
        "report": _("Write a report"),
        "indicator": _("Write an indicator"),
        "sighting": _("Write a sighting"),
    }
    return words[kind]


@register.filter
def grade_words(grade: str) -> str:
    """A grade with what letter and digit say."""
    return grading.words(grade)


@register.filter
def confidence_words(confidence: int | None) -> str:
    """A confidence with the words of its scales."""
    return grading.confidence_words(confidence)


@register.filter
def readable(text: str) -> str:
    """A text with what no reader could see, such as marks that turn writing round, as escapes; its lines stay."""
    return printable(text, keep="\n\t")
