"""The exercise that the first page offers, begun by who may bring telemetry in, on a node that rehearses."""

from django.conf import settings

from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.web import jobs
from hanse.web.models import Job


def begin(actor: Actor) -> Job:
    """Begin to load Estonia 2007.

    Raises:
        UsageError: The node is not one to rehearse on.
    """
    if not settings.HANSE_NODE.exercise:
        raise UsageError(
            "This node is for real work: what an exercise makes up would stand among it. Make a node to rehearse on: "
            "hanse node init --exercise."
        )
    return jobs.start("load-exercise", "Estonia 2007", {}, actor)
