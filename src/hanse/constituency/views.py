"""The constituency's pages: whom this authority protects, row by row, and the whole of it as a file."""

from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from hanse.accounts.looking import FILE, asks_why, listed, looked_at
from hanse.constituency import service
from hanse.constituency.forms import RowForm
from hanse.constituency.models import Protected
from hanse.constituency.registry import COLUMNS
from hanse.constituency.sectors import SECTORS
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.policy.decision import may
from hanse.web import exports, lists
from hanse.web.page import Result, page, signed_in


class _Within(lists.Filter):
    """Rows that hold an address or network, or lie in it."""

    def narrow(self, rows: QuerySet[Any], values: Iterable[str]) -> QuerySet[Any]:
        """The rows of one of the networks.

        Raises:
            UsageError: A value is no network.
        """
        wanted = Q(pk__in=())
        for value in values:
            wanted |= service.around(value)
        return rows.filter(wanted)


def _attacks(row: Protected) -> str:
    return f"/attacks/?{urlencode({'organisation': row.organisation})}"


def _edit(row: Protected) -> str:
    return reverse("constituency:row", args=[row.pk])


def list_for(actor: Actor) -> lists.Listed:
    """The list as one actor may use it: rows lead to their form for who may change them."""
    may_edit = bool(may(actor, "constituency.edit", now_us=now_us()))
    may_attacks = bool(may(actor, "attacks.view", now_us=now_us()))
    ways = (
        (_("Import a file"), reverse("constituency:import"), "constituency.edit"),
        (_("Add a network"), reverse("constituency:add"), "constituency.edit"),
    )
    return lists.Listed(
        name="constituency",
        caption=_("Whom we protect"),
        order="prefix",
        columns=(
            lists.Column(key="prefix", label=_("Network"), sort="first", link=_edit if may_edit else None,
                         template="" if may_edit else "constituency/prefix.html"),
            lists.Column(key="organisation", label=_("Organisation"), sort="organisation"),
            lists.Column(key="sector", label=_("Sector"), sort="sector"),
            lists.Column(key="country", label=_("Country"), sort="country"),
            lists.Column(key="site", label=_("Site"), sort="site"),
            lists.Column(key="contact", label=_("Contact"), sort="contact"),
            *((lists.Column(key="attacks", label=_("Attacks"), value=lambda _row: _("show"), link=_attacks),)
              if may_attacks else ()),
        ),
        filters=(
            _Within(key="within", label=_("Network"), field="", help=_("An address or network: what holds it or lies in it.")),
            lists.Filter(key="organisation", label=_("Organisation"), field="organisation__icontains"),
            lists.Filter(key="sector", label=_("Sector"), field="sector", choices=[(one, one) for one in SECTORS]),
            lists.Filter(key="country", label=_("Country"), field="country", read=str.upper, help=_("Two letters, such as EE.")),
            lists.Filter(key="site", label=_("Site"), field="site__icontains"),
        ),
        row_url=_edit if may_edit else lambda _row: None,
        empty=lists.Empty(
            _("Whom this authority protects appears here, so that each attack says whom it hits. Nothing is entered."), ways
        ),
        export="constituency.export",
    )  # fmt: skip


@page("constituency.view", "constituency/list.html")
@asks_why
def targets(request: HttpRequest) -> Result:
    """All protected networks that the actor may see."""
    actor = signed_in(request)
    told = listed(request, list_for(actor), partial(Protected.objects.for_actor, actor), "constituency.view")
    return told | _allowed(actor) if isinstance(told, dict) else told


@page("constituency.export", "constituency/list.html")
@asks_why
def registry_file(request: HttpRequest) -> Result:
    """All rows that the actor may take out, as a registry file that can be imported again."""
    rows = Protected.objects.for_actor(signed_in(request), "constituency.export").select_related("marking")
    found = list(rows.order_by("first", "length"))
    looked_at(request, "constituency.export", found, recipient=FILE)
    lines = exports.csv_lines(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in found))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="registry.csv"'
    return response


@page("constituency.edit", "constituency/row.html", methods=("GET", "POST"))
def add(request: HttpRequest) -> Result:
    """Protect one more host or network."""
    form = RowForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if form.is_bound and form.is_valid():
        actor = signed_in(request)
        known = Protected.objects.for_actor(actor, "constituency.edit").filter(prefix=form.target.prefix)
        if known.exists():
            form.add_error(
                "network", _("It is in the list already. Change it there, or name another network.")
            )
        elif _done(form, actor):
            messages.success(request, _("Added: %s.") % form.target.prefix)
            return redirect("constituency:list")
    return {"form": form}


@page("constituency.edit", "constituency/row.html", methods=("GET", "POST"))
def row_page(request: HttpRequest, row_id: UUID) -> Result:
    """Say something else of a host or network, or protect it no longer."""
    actor = signed_in(request)
    row = Protected.objects.get_for(actor, "constituency.edit", row_id)
    initial = {"network": row.prefix, **{name: getattr(row, name) for name in COLUMNS}}
    if request.method == "POST" and "remove" in request.POST:
        service.remove(row.prefix, actor, request.POST.get("reason", "").strip()[:4_000])
        messages.success(request, _("Removed: %s. It is protected no longer.") % row.prefix)
        return redirect("constituency:list")
    posted = request.POST.copy() if request.method == "POST" else None
    if posted is not None:
        posted["network"] = row.prefix
    form = RowForm(posted, initial=initial)
    form.fields["network"].disabled = True
    if form.is_bound and form.is_valid() and _done(form, actor):
        messages.success(request, _("Saved: %s.") % row.prefix)
        return redirect("constituency:list")
    return {"form": form, "row": row, "marking": row.marking.marking, "attacks": _attacks(row)}


def _done(form: RowForm, actor: Actor) -> bool:
    """Put a row on record; what cannot be meant stands in the form."""
    try:
        service.change(form.target, actor, form.cleaned_data["reason"])
    except (UsageError, service.HiddenRowsError) as error:
        form.add_error("network", str(error))
        return False
    return True


def _allowed(actor: Actor) -> dict[str, bool]:
    at = now_us()
    actions = {"may_edit": "constituency.edit", "may_export": "constituency.export"}
    return {name: bool(may(actor, action, now_us=at)) for name, action in actions.items()}
