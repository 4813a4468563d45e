"""What an import is called where a list is narrowed to it: the files that came with it, and when."""

from functools import partial

from django.utils.translation import gettext as _

from hanse.kernel.actors import Actor
from hanse.kernel.markings import strictest
from hanse.kernel.units import count, minute
from hanse.telemetry.models import Input
from hanse.web.lists import Filter, Named

_NAMED = 2
"""Files that are named; further ones are counted."""


def by_import(actor: Actor) -> Filter:
    """The filter by import, which calls it by those of its files that an actor may see."""
    return Filter(
        key="batch", label="Import", field="batch", help="Its whole id.", named=partial(_named, actor)
    )


def _named(actor: Actor, batch: str) -> Named | None:
    """The files of an import and when it came; None where the actor sees none of them."""
    rows = Input.objects.for_actor(actor, "telemetry.view").filter(batch=batch).select_related("marking")
    found = list(rows.order_by("read_us", "object_id")[:_NAMED])
    if not found:
        return None
    names = ", ".join(row.name for row in found)
    if (more := rows.count() - len(found)) > 0:
        names = _("%(names)s and %(number)s more") % {"names": names, "number": count(more)}
    return Named(f"{names}, {minute(found[0].read_us)}", strictest(row.marking.marking for row in found))
