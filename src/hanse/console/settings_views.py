"""The settings' pages: every group at a glance, one form each, what the node may reach, and how it is."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from hanse.console import alerting, endpoints
from hanse.console.forms import FORMS, SECRETS, EndpointForm, GroupForm, WatchingForm
from hanse.console.health import collector_now, health
from hanse.console.service import PROVED
from hanse.egress.errors import RefusedError
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.models import NodeKey
from hanse.ledger.tree import latest
from hanse.policy.decision import may
from hanse.telemetry.exporters import advice
from hanse.web.page import Result, page, refused, signed_in
from hanse.web.partial import etag_of, part_or_unchanged


@page("settings.view", "console/settings.html")
def settings_page(request: HttpRequest) -> Result:
    """All groups as they are set, and how the node is."""
    actor, now, home = signed_in(request), now_us(), settings.HANSE_NODE.home
    return {
        "groups": [
            {
                "name": name,
                "form": form,
                "facts": facts(form),
                "may_edit": bool(may(actor, form.action, now_us=now)),
            }
            for name, form in FORMS.items()
        ],
        "may_edit": bool(may(actor, "settings.edit", now_us=now)),
        **_collector(),
        "allowed": endpoints.allowed(),
        "waiting_endpoints": endpoints.waiting(),
        "health": health(home),
        "head": latest(),
        "keys": NodeKey.objects.order_by("-since_us"),
    }


@page("settings.view", "console/collector_state.html")
def collector_part(request: HttpRequest) -> Result:
    """How the collector is, or its exporters, for the page that keeps both up to date.

    The exporters come apart and less often: who has moved their table sideways is not to find it back at the left every time.
    """
    part = "exporters" if request.GET.get("part") == "exporters" else "state"
    html = render_to_string(f"console/collector_{part}.html", _collector(), request)
    return part_or_unchanged(request, html, etag_of(html))


@page("settings.edit", "console/settings_group.html", methods=("GET", "POST"))
def group(request: HttpRequest, name: str) -> Result:
    """One group's form."""
    kind = FORMS.get(name)
    if kind is None or kind is WatchingForm:
        raise Http404
    if request.method == "POST" and kind.group in PROVED:
        refusal = refused(request, "settings.edit", step_up=True)
        if refusal is not None:
            return refusal
    return _form(request, name, kind)


@page("telemetry.import", "console/settings_group.html", methods=("GET", "POST"))
def watching(request: HttpRequest) -> Result:
    """The form of the watched folders, for who may bring in telemetry."""
    return _form(request, "watching", WatchingForm)


@page("settings.edit", "", methods=("POST",))
def send_test(request: HttpRequest, name: str) -> Result:
    """Send a test alert through a channel, and say what came of it."""
    if name not in FORMS or not FORMS[name].channel:
        raise Http404
    try:
        tested = alerting.send_test(name, signed_in(request))
    except UsageError as error:
        messages.error(request, str(error))
        return redirect("console:settings-group", name)
    for one in tested:
        if one.delivered:
            messages.success(request, _("The test alert to %(to)s was taken.") % {"to": one.to})
        else:
            messages.error(
                request, _("The test alert to %(to)s failed. %(why)s") % {"to": one.to, "why": one.words}
            )
    return redirect("console:settings-group", name)


@page("settings.edit", "console/settings_endpoints.html", methods=("GET", "POST"))
def reach(request: HttpRequest) -> Result:
    """Non-public addresses that the node may reach: those allowed, those proposed, and a form for another."""
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            endpoints.propose_endpoint(
                told["host"], told["port"], told["address"], told["why"], signed_in(request)
            )
        except (RefusedError, UsageError) as error:
            form.add_error("address", str(error))
        else:
            messages.success(request, _("Proposed. It holds once another person approves it."))
            return redirect("console:settings-endpoints")
    return {"form": form, "allowed": endpoints.allowed(), "waiting_endpoints": endpoints.waiting()}


@page("settings.edit", "", methods=("POST",), step_up=True)
def close_endpoint(request: HttpRequest) -> Result:
    """Reach a non-public address no longer."""
    typed = request.POST
    port = typed.get("port", "")
    endpoints.withdraw_endpoint(
        typed.get("host", ""),
        int(port) if port.isdecimal() and len(port) < 6 else 0,
        typed.get("address", ""),
        signed_in(request),
    )
    messages.success(request, _("Closed. The node reaches it no longer."))
    return redirect("console:settings-endpoints")


def _form(request: HttpRequest, name: str, kind: type[GroupForm]) -> Result:
    """A group's form, or back to the settings once it is saved."""
    now = kind.now()
    form = kind(
        request.POST or None, initial={key: value for key, value in now.items() if key not in SECRETS}
    )
    if request.method == "POST" and form.is_valid():
        said = form.save(signed_in(request))
        off = kind.channel and not _is_set(kind.now())
        saved = _("Saved. No alert is sent this way.") if off else _("Saved. It holds from now on.")
        messages.success(request, said or saved)
        may_view = may(signed_in(request), "settings.view", now_us=now_us())
        return redirect("console:settings" if may_view else "console:start")
    return {"form": form, "name": name, "set": _is_set(now)}


def _collector() -> dict[str, Any]:
    """How the collector is, and when it is tried again."""
    told = collector_now(settings.HANSE_NODE.home)
    return {
        "collector": told,
        "again_us": None if told.again_s is None else round(told.again_s * 1e6),
        "advice": advice(told.exporters),
    }


def _is_set(told: dict[str, Any]) -> bool:
    """Whether a channel reaches anybody."""
    return bool(told.get("relay") or told.get("url"))


def facts(form: type[GroupForm]) -> list[tuple[str, Any]]:
    """What is set, under the words of the form and without secrets; nothing for a channel that is off."""
    now = form.now()
    if form.channel and not _is_set(now):
        return []
    shown = [
        (str(field.label), now[key]) for key, field in form.base_fields.items() if key not in SECRETS | {"on"}
    ]
    return [
        (label, ", ".join(one) if isinstance(one, list | tuple) else one)
        for label, one in shown
        if one not in ("", [], ())
    ]
