"""How the pages of intelligence write what they show."""

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def json_text(value: Any) -> str:
    """A value as JSON, for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False)
