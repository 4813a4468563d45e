"""The pages about edge partners: who comes, what each last fetched and sent, what is left out; making and revoking."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.policy.guarded import NotVisibleError
from hanse.taxii import partners
from hanse.taxii.forms import PartnerForm, RevokeForm
from hanse.taxii.models import LeftOut, Partner, Receipt
from hanse.web.page import Result, page, signed_in

SHOWN = 100
"""Revoked partners, receipts and things left out that the page shows, the newest first."""


@page("taxii.view", "taxii/partners.html")
def partner_list(request: HttpRequest) -> Result:
    """All edge partners."""
    actor = signed_in(request)
    coming = list(Partner.objects.filter(revoked_us=None).order_by("name"))
    names = {row.pk: row.name for row in Partner.objects.all()}
    sees = bool(may(actor, "intel.view", now_us=now_us()))
    return {
        "coming": [(row, _fetched(row)) for row in coming],
        "gone": Partner.objects.exclude(revoked_us=None).order_by("-revoked_us")[:SHOWN],
        "proposals": partners.waiting(),
        "receipts": [
            (row, names.get(row.partner, "")) for row in Receipt.objects.order_by("-sequence")[:SHOWN]
        ],
        "left_out": LeftOut.objects.order_by("-sequence")[:SHOWN],
        "may_partner": may_begin(actor, "taxii.partner"),
        "may_settings": bool(may(actor, "settings.view", now_us=now_us())),
        "sees_intelligence": sees,
        "discovery": f"{settings.HANSE_NODE.url.rstrip('/')}/taxii2/",
    }


@page("taxii.partner", "taxii/partner_new.html", methods=("GET", "POST"))
def new(request: HttpRequest) -> Result:
    """Propose a partner."""
    form = PartnerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            partners.propose_partner(
                told["authority"],
                told["name"],
                told["country"],
                told["tier"],
                told["why"],
                signed_in(request),
            )
        except HanseError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Proposed. Who approves it is shown the secret."))
            return redirect("edge:list")
    return {"form": form}


@page("taxii.partner", "taxii/partner_revoke.html", methods=("GET", "POST"))
def revoke(request: HttpRequest, partner: UUID) -> Result:
    """Let a partner come no more."""
    row = Partner.objects.filter(pk=partner, revoked_us=None).first()
    if row is None:
        raise NotVisibleError("There is no such partner, or it was revoked already.")
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        partners.revoke(partner, form.cleaned_data["why"], signed_in(request))
        messages.success(request, _("Revoked. It comes no more."))
        return redirect("edge:list")
    return {"form": form, "row": row}


def _fetched(row: Partner) -> dict[str, Any] | None:
    """When a partner last fetched, and how many things."""
    last = partners.last_fetched(row.pk)
    return (
        None
        if last is None
        else {"when": last.time_us, "count": len(last.objects_seen), "entry": last.sequence}
    )
