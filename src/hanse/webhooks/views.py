"""The pages of webhooks: which there are and how they stand, one with its messages, and making, testing and ending one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.policy.asking import may_begin
from hanse.policy.decision import may
from hanse.taxii.models import Partner
from hanse.web.page import Result, page, signed_in
from hanse.webhooks import delivering, hooks, notices
from hanse.webhooks.forms import HookForm, RemoveForm
from hanse.webhooks.models import Hook, Message, Outcome

SHOWN = 100
"""Messages, and webhooks that were removed, that a page shows: the newest."""


@page("webhooks.view", "webhooks/hooks.html")
def hook_list(request: HttpRequest) -> Result:
    """All webhooks."""
    rows = Hook.objects.filter(removed_us=None).order_by("made_us")
    names = {row.pk: row.name for row in Partner.objects.all()}
    return {
        "rows": [_shown(row, names) for row in rows],
        "gone": [(row, names.get(row.partner, "")) for row in Hook.objects.exclude(removed_us=None).order_by("-removed_us")[:SHOWN]],
        "proposals": hooks.waiting(), "may_edit": may_begin(signed_in(request), "webhooks.edit"),
        "may_settings": bool(may(signed_in(request), "settings.view", now_us=now_us())),
    }  # fmt: skip


@page("webhooks.view", "webhooks/hook.html")
def hook(request: HttpRequest, hook_id: UUID) -> Result:
    """One webhook, with what became of its last messages."""
    row = hooks.hook_of(hook_id)
    names = {one.pk: one.name for one in Partner.objects.filter(pk=row.partner)}
    words = notices.events()
    return {
        **_shown(row, names), "way": hooks.WAYS[row.way], "events": [(name, words.get(name, "")) for name in row.events],
        "told": Message.objects.filter(hook=row.pk).order_by("-begun")[:SHOWN],
        "may_edit": may_begin(signed_in(request), "webhooks.edit"),
        "may_settings": bool(may(signed_in(request), "settings.view", now_us=now_us())),
    }  # fmt: skip


@page("webhooks.edit", "webhooks/new.html", methods=("GET", "POST"))
def new(request: HttpRequest) -> Result:
    """Propose a webhook."""
    form = HookForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            hooks.propose_hook(
                UUID(told["partner"]),
                told["url"],
                told["events"],
                told["way"],
                told["why"],
                signed_in(request),
            )
        except HanseError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, _("Proposed. Who approves it is shown what the receiver checks messages with.")
            )
            return redirect("webhooks:list")
    return {"form": form}


@page("webhooks.edit", "webhooks/remove.html", methods=("GET", "POST"))
def remove(request: HttpRequest, hook_id: UUID) -> Result:
    """Tell by it no more."""
    row = hooks.hook_of(hook_id)
    form = RemoveForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        hooks.remove(hook_id, form.cleaned_data["reason"], signed_in(request))
        messages.success(request, _("Removed. Nothing is told by it any more."))
        return redirect("webhooks:list")
    return {"form": form, "row": row, "url": hooks.shown_url(row.url)}


@page("webhooks.edit", "webhooks/hook.html", methods=("POST",))
def pause(request: HttpRequest, hook_id: UUID) -> Result:
    """Send nothing until somebody lets it go on."""
    hooks.pause(hook_id, signed_in(request))
    messages.success(request, _("It is paused."))
    return redirect("webhooks:one", hook_id)


@page("webhooks.edit", "webhooks/hook.html", methods=("POST",))
def resume(request: HttpRequest, hook_id: UUID) -> Result:
    """Let it go on where it stopped."""
    hooks.resume(hook_id, signed_in(request))
    messages.success(request, _("It goes on where it stopped."))
    return redirect("webhooks:one", hook_id)


@page("webhooks.edit", "webhooks/hook.html", methods=("POST",))
def test(request: HttpRequest, hook_id: UUID) -> Result:
    """Send a test now."""
    came = delivering.send_test(hook_id, signed_in(request))
    if came.delivered:
        messages.success(request, _("The receiver took the test. {words}").format(words=came.words))
    else:
        messages.error(request, _("The receiver did not take the test. {words}").format(words=came.words))
    return redirect("webhooks:one", hook_id)


def _shown(row: Hook, names: dict[UUID, str]) -> dict[str, Any]:
    """What pages say of a webhook."""
    mine = Message.objects.filter(hook=row.pk)
    return {
        "row": row, "partner": names.get(row.partner, ""), "url": hooks.shown_url(row.url), "standing": hooks.standing(row),
        "head": mine.filter(outcome__in=(Outcome.WAITING, Outcome.FAILED)).order_by("begun").first(),
        "last": mine.filter(outcome=Outcome.DELIVERED).order_by("-begun").first(),
    }  # fmt: skip
