"""The settings' pages: every group at a glance, one form each, and the state of the node."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from hanse.console.forms import FORMS
from hanse.kernel.clock import now_us
from hanse.ledger.models import NodeKey
from hanse.ledger.tree import latest
from hanse.policy.decision import may
from hanse.web.page import Result, page, signed_in

_SECRET = frozenset({"password", "secret"})


@page("settings.view", "console/settings.html")
def settings_page(request: HttpRequest) -> Result:
    """All groups as they are set."""
    actor = signed_in(request)
    return {
        "groups": [{"name": name, "form": form, "facts": _facts(form.now())} for name, form in FORMS.items()],
        "may_edit": bool(may(actor, "settings.edit", now_us=now_us())),
        "head": latest(),
        "keys": NodeKey.objects.order_by("-since_us"),
    }


@page("settings.edit", "console/settings_group.html", methods=("GET", "POST"))
def group(request: HttpRequest, name: str) -> Result:
    """One group's form."""
    kind = FORMS.get(name)
    if kind is None:
        raise Http404
    now = kind.now()
    form = kind(
        request.POST or None, initial={key: value for key, value in now.items() if key not in _SECRET}
    )
    if request.method == "POST" and form.is_valid():
        form.save(signed_in(request))
        messages.success(request, _("Saved. It holds from now on."))
        return redirect("console:settings")
    return {"form": form, "name": name}


def _facts(told: dict[str, Any]) -> list[tuple[str, Any]]:
    """What is set, secrets left out."""
    return [(key.replace("_", " "), ", ".join(one) if isinstance(one, list) else one)
            for key, one in told.items() if key not in _SECRET and one not in ("", [], None)]  # fmt: skip
