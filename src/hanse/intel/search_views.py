"""The pages of saved searches: one's own, what is new to each, saving, changing and deleting one."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.accounts.looking import asks_why, looked_at
from hanse.intel import item_filters, searches
from hanse.intel.models import Item
from hanse.intel.search_models import SavedSearch
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.ledger.fields import altered
from hanse.policy.decision import may
from hanse.web.frame import Waiting
from hanse.web.page import Result, page, signed_in

SHOWN = 50
"""New hits that the page of a search shows."""


class SearchForm(forms.Form):
    """What a search is called."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=searches.LONGEST_NAME)
    notify = forms.BooleanField(
        label=gettext_lazy("Count new hits in the console"), required=False, initial=True
    )


@page("intel.view", "intel/searches.html")
def saved(request: HttpRequest) -> Result:
    """One's own searches, each with how many hits are new."""
    actor = signed_in(request)
    rows = searches.all_of(actor)
    named = [one for row in rows if (one := item_filters.marking(row.query, actor)) is not None]
    return {
        "searches": [
            {
                "row": row,
                "new": _new(searches.count_new(row, actor)),
                "words": item_filters.words(row.query, actor),
            }
            for row in rows
        ],
        "altered": searches.altered_of(actor),
        "marking": strictest(named) if named else None,
    }


@page("intel.view", "intel/search_new.html", methods=("GET", "POST"))
def save(request: HttpRequest) -> Result:
    """Save what the address looks for: the form, and doing it."""
    actor = signed_in(request)
    query = item_filters.chosen(request.GET)
    form = SearchForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            made = searches.save(told["name"], query, actor, notify=told["notify"])
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved. What comes in from now on and fits is new to it."))
            return redirect("intel:search", made)
    return {
        "form": form, "words": item_filters.words(query, actor), "query": _address(query),
        "marking": item_filters.marking(query, actor),
    }  # fmt: skip


@page("intel.view", "intel/search.html")
@asks_why
def one(request: HttpRequest, search_id: UUID) -> Result:
    """What is new to a search since its owner last looked."""
    return _shown(request, searches.of(signed_in(request), search_id), None)


@page("intel.view", "intel/search.html", methods=("POST",))
def change(request: HttpRequest, search_id: UUID) -> Result:
    """Call a search otherwise, or have it notify or not."""
    actor = signed_in(request)
    form = SearchForm(request.POST)
    if form.is_valid():
        try:
            searches.change(
                search_id, actor, name=form.cleaned_data["name"], notify=form.cleaned_data["notify"]
            )
        except UsageError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect("intel:search", search_id)
    return _shown(request, searches.of(actor, search_id), form)


@page("intel.view", "intel/search.html", methods=("POST",))
def seen(request: HttpRequest, search_id: UUID) -> Result:
    """Count the hits that were shown as seen."""
    searches.looked_at(search_id, _number(request.POST), signed_in(request))
    messages.success(request, _("What comes from now on is new."))
    return redirect("intel:search", search_id)


@page("intel.view", "intel/search.html", methods=("POST",))
def delete(request: HttpRequest, search_id: UUID) -> Result:
    """Delete a search, and lead to the list that it stood for: there it is saved again by whoever did not mean it."""
    row = searches.of(signed_in(request), search_id)
    searches.delete(search_id, signed_in(request))
    if altered(row):
        messages.success(request, _("Deleted."))
        return redirect("intel:searches")
    messages.success(
        request, _("Deleted. This is what it looked for: save it again if you did not mean to delete it.")
    )
    return redirect(f"{reverse('intel:list')}?{_address(row.query)}")


def waits(actor: Actor) -> Waiting | None:
    """New hits of the actor's searches; None for who may see no intelligence."""
    if actor.kind != "person" or not may(actor, "intel.view", now_us=now_us()):
        return None
    return Waiting(
        str(_("New hits of saved searches")), searches.count_all_new(actor), reverse_lazy("intel:searches")
    )


def _shown(request: HttpRequest, row: SavedSearch, form: SearchForm | None) -> dict[str, Any]:
    actor, problem = signed_in(request), ""
    try:
        found = searches.new_hits(row, actor)
        hits = list(found.select_related("marking").order_by("-number")[:SHOWN])
        count = searches.count_new(row, actor) if len(hits) == SHOWN else len(hits)
    except UsageError as error:
        hits, count, problem = [], 0, str(error)
    around = _around(hits, actor)
    looked_at(request, "intel.view", [*hits, *around.values()])
    named = item_filters.marking(row.query, actor)
    seen = [*(hit.marking.marking for hit in (*hits, *around.values())), *([named] if named else [])]
    return {
        "row": row, "hits": [(hit, around.get((hit.format, hit.parent))) for hit in hits], "new": _new(count), "new_count": count, "problem": problem,
        "upto": hits[0].number if hits else 0, "words": item_filters.words(row.query, actor),
        "whole": f"{reverse('intel:list')}?{_address(row.query)}",
        "form": form or SearchForm(initial={"name": row.name, "notify": row.notify}),
        "marking": strictest(seen) if seen else None,
    }  # fmt: skip


def _around(hits: Sequence[Item], actor: Actor) -> dict[tuple[str, str], Item]:
    """What the hits are parts of, as far as the actor may see it, by format and the source's id."""
    parents = {hit.parent for hit in hits if hit.parent}
    if not parents:
        return {}
    rows = Item.objects.for_actor(actor, "intel.view").filter(source_id__in=parents).select_related("marking")
    wanted = {(hit.format, hit.parent) for hit in hits}
    return {(row.format, row.source_id): row for row in rows if (row.format, row.source_id) in wanted}


def _new(count: int) -> str:
    """A count of new hits as it is shown; empty for none."""
    if count > searches.MOST_NEW:
        return f"{units.count(searches.MOST_NEW)}+"
    return units.count(count) if count else ""


def _address(query: dict[str, list[str]]) -> str:
    return urlencode(query, doseq=True)


def _number(query: QueryDict) -> int:
    """The number that the form carries.

    Raises:
        UsageError: It carries none.
    """
    text = query.get("upto", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError("The form is too old. Load the page again.")
    return int(text)
