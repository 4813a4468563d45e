"""The page of a partner's request to pass on something of this authority's."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.federation import releases
from hanse.federation.models import Given, Release
from hanse.federation.showing import given_row
from hanse.kernel.errors import UsageError
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in


def open_of(partner: str) -> list[Release]:
    """What a partner asks to pass on: what waits first, then the last."""
    rows = Release.objects.filter(partner=partner, incoming=True)
    return sorted(rows.order_by("-asked_us")[:50], key=lambda row: row.state != "open")


def asked_of(partner: str) -> list[Release]:
    """What this authority asked a partner to let pass on, the last first; it outlives a recall of what it was about."""
    return list(Release.objects.filter(partner=partner, incoming=False).order_by("-asked_us")[:50])


@page("federation.share", "federation/release.html", methods=("GET", "POST"))
def release(request: HttpRequest, request_id: UUID) -> Result:
    """Propose to grant it, or refuse it."""
    row = releases.request_of(request_id, incoming=True)
    actor = signed_in(request)
    given = Given.objects.filter(shared=row.thing, recipient=row.partner).first()
    told: dict[str, Any] = {"row": row, "given": given_row(actor, given) if given else None}
    if row.state != "open":
        return told
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        why = form.cleaned_data["reason"]
        try:
            if "refuse" in request.POST:
                releases.refuse(row.pk, why, actor)
                words = _("Refused. The partner is told.")
            else:
                releases.propose(row.pk, why, actor)
                words = _("Proposed. It is released once another person approves it.")
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, words)
            return redirect("federation:partner", row.partner)
    return {**told, "form": form}
