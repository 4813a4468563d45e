"""Filters for campaigns, in the same words as the report's."""

from collections.abc import Mapping

from django import template
from django.utils.translation import gettext as _

from hanse.campaigns import tables
from hanse.campaigns.models import Campaign
from hanse.campaigns.report import words
from hanse.kernel.countries import country_name

register = template.Library()

register.filter(tables.probability)
register.filter("hits", tables.hits_html)
register.filter("links", tables.links_html)
register.filter("tests", tables.tests_html)


@register.filter
def plain(name: str) -> str:
    """``top_victim_share`` as ``Top victim share``."""
    return words.plain(name)


@register.filter
def named(row: Campaign) -> str:
    """A campaign's short name, by scope and place: ``Campaign against the state, Estonia``."""
    whom = {
        "organisation": _("Campaign against an organisation"),
        "sector": _("Campaign against a sector"),
        "state": _("Campaign against the state"),
        "several states": _("Campaign against several states"),
    }.get(row.scope, _("Campaign"))
    return f"{whom}, {country_name(row.country)}" if row.country else whom


@register.filter
def full_stop(sentence: str) -> str:
    """A sentence with exactly one full stop."""
    return f"{sentence.rstrip('.')}."


@register.filter
def named_by(names: Mapping[str, str], authority: str) -> str:
    """The name of an authority; its id where that is not known."""
    return names.get(authority, authority)
