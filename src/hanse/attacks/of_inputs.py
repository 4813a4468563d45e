"""Which analyses looked at an input: what telemetry's pages of inputs ask of this room."""

from collections.abc import Iterator

from django.urls import reverse

from hanse.attacks.models import Run
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.telemetry.models import Input
from hanse.telemetry.panels import Analysis

LOOKED_AT = 200
"""Analyses of the input's time that are looked through, the latest first; what is older is not offered."""


def analyses_of(row: Input, span: tuple[int, int], actor: Actor) -> Iterator[Analysis]:
    """The analyses that the actor may see and that name the input, or that looked at its time again.

    Args:
        row: The input.
        span: Of its flows, microseconds UTC.
        actor: Who looks.
    """
    runs = Run.objects.for_actor(actor, "attacks.view").filter(start_us__lte=span[1], end_us__gte=span[0])
    for run in runs.order_by("-time_us")[:LOOKED_AT]:
        names = [name for name, _ in run.detail.get("inputs", ())]
        if not names or row.name in names:
            found = f"{units.count(run.attacks)} {'attack' if run.attacks == 1 else 'attacks'} found"
            yield Analysis(found, f"{reverse('attacks:list')}?run={run.pk}", run.time_us, run.actor_name)
