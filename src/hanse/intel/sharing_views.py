"""The pages on which items are shared with partners and recalled, and on which partners' items are passed on."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.accounts.looking import asks_why, looked_at
from hanse.federation import opening, originals, received_pages, sharing_pages
from hanse.federation.sharing_pages import Place
from hanse.intel import grading, service, shared, telling
from hanse.intel.as_shared import Shared, known_of
from hanse.intel.models import Item
from hanse.intel.values import shown
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.policy.asking import may_begin
from hanse.web.page import Result, page, signed_in

_SHORT = 600
"""Characters of an item's words that the dry run shows beside the whole of it as JSON."""
_MOST = 20
"""Values that it names likewise."""


def told_of(row: Item, actor: Actor) -> dict[str, Any]:
    """What an item's page says of sharing: who has it, or how it came from a partner, and what can be done with it."""
    if row.format == "partner":
        opening.opened(row.pk)
        urls = {
            name: reverse(f"intel:{page}", args=[row.pk])
            for name, page in (("acted_url", "acted"), ("pass_on_url", "pass-on"))
        }
        content: Shared = originals.said_at(row.sequence)
        return {**received_pages.told_of(row.pk, actor), **urls, "left_out": content.withheld}
    may_share = bool(shared.sort_of(row)) and may_begin(actor, "federation.share")
    return {
        "held": sharing_pages.held_html(row.pk, actor, reverse("intel:recall", args=[row.pk])),
        "may_share": may_share,
        "acted": None,
        "left_out": (),
    }


def _place(row: Item, sort: str) -> Place:
    """Where the pages of an item are that is shared as of a sort."""
    return Place(
        sort=sort,
        thing=row.pk,
        marking=row.marking.marking,
        above=((_("Intelligence"), reverse("intel:list")),),
        title=service.title_of(row),
        page=reverse("intel:item", args=[row.pk]),
    )


@page("federation.share", "federation/share.html", methods=("GET", "POST"))
@asks_why
def share(request: HttpRequest, item_id: UUID) -> Result:
    """With whom an item is shared; a dry run of it; and doing it."""
    row = Item.objects.get_for(signed_in(request), "intel.view", item_id)
    looked_at(request, "intel.view", [row])
    return sharing_pages.share(request, _place(row, shared.own_sort_of(row)), facts)


def facts(content: Shared, left_out: frozenset[str]) -> list[tuple[str, str]]:
    """What partners get, in words; what is unknown here is left out, what is withheld says so."""
    item, found, _digest = known_of(content)
    withheld = _("withheld")
    values = [f"{value.kind} {shown(value)}" for value, _role in found.values]
    names = list(dict.fromkeys(target for target, _role in found.references))
    author = _("this authority") if found.creator == telling.creator() else found.creator
    told = [
        (_("Type"), item.type),
        (_("What"), found.title),
        (_("What it says"), withheld if "text" in left_out else found.text[:_SHORT]),
        (_("Said by"), withheld if "author" in left_out else author),
        (_("Values"), _some(values) or (withheld if "values" in left_out else "")),
        (_("Names"), withheld if "references" in left_out else _some(names)),
        (_("Tags"), ", ".join(found.tags)),
        (_("Grade"), grading.words(content.grade) if content.grade else ""),
        (_("Confidence"), "" if found.confidence is None else grading.confidence_words(found.confidence)),
        (_("Taken back"), _("yes") if found.revoked else ""),
        (_("Id"), item.source_id),
    ]
    return [(name, words) for name, words in told if words]


def _some(texts: list[str]) -> str:
    more = len(texts) - _MOST
    return ", ".join(texts[:_MOST]) + (_(" and %d more") % more if more > 0 else "")


@page("federation.share", "federation/recall.html", methods=("GET", "POST"))
def recall(request: HttpRequest, item_id: UUID) -> Result:
    """Take an item back from partners that have it: the form, and doing it."""
    row = Item.objects.get_for(signed_in(request), "intel.view", item_id)
    return sharing_pages.recall(request, _place(row, shared.own_sort_of(row)))


@page("federation.share", "federation/pass_on.html", methods=("GET", "POST"))
def pass_on(request: HttpRequest, item_id: UUID) -> Result:
    """Who may have a partner's item as it is; passing it on to one of them, or asking its originator."""
    row = _theirs(request, item_id)
    return received_pages.pass_on(request, _place(row, shared.ONWARD_SORT), row.origin)


@page("federation.share", "federation/acted.html", methods=("GET", "POST"))
def acted(request: HttpRequest, item_id: UUID) -> Result:
    """Tell the partner that shared an item what this authority did."""
    return received_pages.acted(request, _place(_theirs(request, item_id), shared.ONWARD_SORT))


def _theirs(request: HttpRequest, item_id: UUID) -> Item:
    """A partner's item.

    Raises:
        NotVisibleError: There is no such item, or it is not for the actor to see.
        UsageError: No partner shared it.
    """
    row = Item.objects.get_for(signed_in(request), "intel.view", item_id)
    if row.format != "partner":
        raise UsageError(_("No partner shared it. Share it yourself from its page."))
    return row
