"""What tracing adds to an attack's page and to its export: where it apparently came from, and how far to believe it."""

from typing import Any
from uuid import UUID

from django.template.loader import render_to_string

from hanse.kernel.actors import Actor
from hanse.kernel.countries import country_name
from hanse.policy.guarded import NotVisibleError
from hanse.tracing import service
from hanse.tracing.trace import Trace

COUNTRIES_SHOWN = 25
"""Countries on the page: beyond, shares are below a per cent. The export has all."""


def panel(attack_id: UUID, actor: Actor) -> str:
    """The section of an attack's page; empty where there is no trace, or none for the actor to see."""
    trace = _trace(attack_id, actor)
    if trace is None:
        return ""
    told = {
        "trace": trace,
        "countries": [(country_name(code), code, share) for code, share in trace.countries[:COUNTRIES_SHOWN]],
        "left": max(0, len(trace.countries) - COUNTRIES_SHOWN),
    }
    return render_to_string("tracing/panel.html", told)


def part(attack_id: UUID, actor: Actor) -> dict[str, Any] | None:
    """The trace in an attack's export."""
    trace = _trace(attack_id, actor)
    return None if trace is None else trace.as_json()


def _trace(attack_id: UUID, actor: Actor) -> Trace | None:
    try:
        return service.trace_of(attack_id, actor)
    except NotVisibleError:
        return None
