"""The pages on which officers mark a thing anew or have it purged; what takes two people says so before."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hanse.console import embargoes, marking, purging
from hanse.console.marking_forms import MarkForm
from hanse.intel.models import Batch
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import strictest
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in

PROPOSED = gettext_lazy("Proposed. It happens once another person approves it.")


@page("policy.mark", "console/mark.html", methods=("GET", "POST"))
def mark(request: HttpRequest, object_id: UUID) -> Result:
    """Mark an attack, a campaign, an item, an import or a case anew: the form, and doing or proposing it."""
    actor = signed_in(request)
    row = marking.thing_for(actor, "policy.mark", object_id)
    form = MarkForm(row, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            proposal = marking.mark_anew(object_id, told["wish"], told["reason"], actor)
        except (RefusedError, UsageError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, _("Marked anew. It is in the ledger.") if proposal is None else PROPOSED
            )
            return redirect(_back(row, actor))
    return {
        "row": row,
        "form": form,
        "marking": row.marking.marking,
        "derived": len(marking.derived_of(row)),
        "is_import": isinstance(row, Batch),
        "proposed": [(one, marking.APPROVABLE.words(one.subject)) for one in marking.waiting_on(object_id)],
        "back": _back(row, actor),
    }


@page("ledger.view", "console/embargoes.html")
def under_embargo(request: HttpRequest) -> Result:
    """What others put under an embargo, and nobody named a team for; none of it says what the thing says."""
    actor = signed_in(request)
    found = embargoes.without_team(actor)
    markings = [one.marking for one in found]
    return {
        "found": [(one, embargoes.SORTS[one.sort]) for one in found],
        "more": embargoes.count(actor) - len(found),
        "marking": strictest(markings) if markings else None,
    }


@page("ledger.purge", "console/purge.html", methods=("GET", "POST"))
def purge(request: HttpRequest, object_id: UUID) -> Result:
    """Have an object purged: what would go, and proposing it; afterwards, the entry that says so."""
    actor = signed_in(request)
    going = purging.would_go(object_id, actor)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            purging.propose_purge(object_id, form.cleaned_data["reason"], actor)
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, PROPOSED)
            return redirect("console:purge", object_id)
    return {
        "object_id": object_id,
        "going": going,
        "bodies": sum(one.bodies for one in going),
        "form": form,
        "purged_by": purging.purged_by(object_id),
        "proposed": purging.waiting_on(object_id),
        "entries": f"{reverse('console:ledger')}?object={object_id}",
    }


def _back(row: marking.Thing, actor: Actor) -> str:
    """The thing's page, or its entries for whom it has gone out of sight."""
    action, page_name = marking.PAGES[type(row)]
    try:
        marking.thing_for(actor, action, row.pk)
    except NotVisibleError:
        return reverse("console:ledger")
    return reverse(page_name, args=[row.pk])
