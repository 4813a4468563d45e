"""What an import is called where a list is narrowed to it: the files that came with it, and when."""

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from hanse.kernel.actors import Actor
from hanse.kernel.markings import strictest
from hanse.kernel.units import count, minute
from hanse.telemetry.models import Input
from hanse.web.lists import Filter

_NAMED = 2
"""Files that are named; further ones are counted."""


def by_import(actor: Actor) -> Filter:
    """The filter by import, which calls it by those of its files that an actor may see."""
    return Filter(
        key="batch", label="Import", field="batch", help="Its whole id.", named=partial(_named, actor)
    )


def marked(told: dict[str, Any], request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """A list's context, marked as strictly as the files that its filter by import names."""
    batches = [text for text in request.GET.getlist("batch") if text]
    rows = Input.objects.for_actor(actor, "telemetry.view").filter(batch__in=batches) if batches else []
    found = [row.marking.marking for row in rows]
    return told | ({"marking": strictest([*found, *filter(None, [told["marking"]])])} if found else {})


def _named(actor: Actor, batch: str) -> str | None:
    """The files of an import and when it came; None where the actor sees none of them."""
    rows = Input.objects.for_actor(actor, "telemetry.view").filter(batch=batch).order_by("read_us", "object_id")
    found = list(rows[: _NAMED + 1])
    if not batch or not found:
        return None
    names = ", ".join(row.name for row in found[:_NAMED])
    if len(found) > _NAMED:
        names = _("%(names)s and %(number)s more") % {
            "names": names, "number": count(rows.count() - _NAMED),
        }  # fmt: skip
    return f"{names}, {minute(found[0].read_us)}"
