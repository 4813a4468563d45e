"""How pages name other authorities."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hanse.federation.partners import names

register = template.Library()


@register.filter
def partner(authority: str) -> SafeString:
    """A partner's name, with its id where one points at it; of whoever is no partner the id itself."""
    name = names([authority])[authority]
    return (
        format_html("{}", name)
        if name == authority
        else format_html('<span title="{}">{}</span>', authority, name)
    )
