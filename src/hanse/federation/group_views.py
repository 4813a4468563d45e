"""Pages on which groups of partners are made, changed and dissolved."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.federation import groups
from hanse.federation.forms import GroupForm
from hanse.kernel.errors import UsageError
from hanse.web.forms import WhyForm
from hanse.web.page import Result, page, signed_in


@page("federation.share", "federation/group.html", methods=("GET", "POST"))
def new(request: HttpRequest) -> Result:
    """Make a group."""
    form = GroupForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            groups.make(told["name"], told["members"], told["reason"], signed_in(request))
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Made. It is offered wherever something is shared."))
            return redirect("federation:partners")
    return {"form": form, "row": None}


@page("federation.share", "federation/group.html", methods=("GET", "POST"))
def change(request: HttpRequest, group: UUID) -> Result:
    """Let partners into a group, or take them out."""
    row = groups.group_of(group)
    form = GroupForm(request.POST if request.method == "POST" else None, old=row)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            proposal = groups.change(group, told["members"], told["reason"], signed_in(request))
        except UsageError as error:
            form.add_error(None, str(error))
        else:
            done, waits = _("Changed."), _("Proposed. It holds once another person approves it.")
            messages.success(request, done if proposal is None else waits)
            return redirect("federation:partners")
    return {"form": form, "row": row}


@page("federation.share", "federation/group_end.html", methods=("GET", "POST"))
def dissolve(request: HttpRequest, group: UUID) -> Result:
    """Have a group no longer."""
    row = groups.group_of(group)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        groups.dissolve(group, form.cleaned_data["reason"], signed_in(request))
        messages.success(request, _("Dissolved. What was shared stays with those who have it."))
        return redirect("federation:partners")
    return {"form": form, "row": row}
