"""Doing the jobs that wait, in this process."""

from hanse.web import jobs
from hanse.web.models import Job, State


def done() -> None:
    """Do all jobs that wait."""
    for one in Job.objects.filter(state=State.WAITING).order_by("created_us"):
        jobs.run.func(str(one.pk))
