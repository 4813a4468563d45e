"""Feeds by the clock: which are due, one run of each at a time, and which need somebody."""

from typing import Any, Final
from uuid import UUID

from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _

from hanse.intel import feed_running
from hanse.intel.feed_models import MOST_FAILURES, Feed
from hanse.intel.feed_running import FailedError
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.policy.decision import may
from hanse.web import jobs
from hanse.web.frame import Waiting
from hanse.web.jobs import Progress
from hanse.web.models import Job, State

KIND: Final = "fetch-feed"
"""The jobs that fetch a feed."""

QUEUE: Final = "feeds"
"""Where they wait: a long feed holds up no analysis."""

MOST_DEATHS: Final = 3
"""Runs of a feed over which the worker died, after which it counts as failed and backs off."""


def fetch(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Fetch what is new of a feed.

    Args:
        params: ``feed``, its id in hexadecimal.
        progress: Told how much is done.
        actor: Who has it fetched.

    Returns:
        Address of the run's account.

    Raises:
        HanseError: It failed; says why.
    """
    feed = UUID(params["feed"])
    progress.step("Fetching")
    try:
        run = feed_running.run(feed, actor, progress.at)
    except FailedError:
        if not Feed.projected.filter(pk=feed).exclude(team="").exists():
            raise
        raise FailedError(str(_("It failed. The feed's page tells its team why."))) from None
    return reverse("intel:feed-run", args=[feed, run])


def start(row: Feed, actor: Actor) -> Job:
    """Have a feed fetched; the job that does it, which may be one that has begun already."""
    return at_work(row.pk) or jobs.start(KIND, _title(row), {"feed": row.pk.hex}, actor)


def at_work(feed: UUID) -> Job | None:
    """The job that fetches a feed now, or is about to."""
    mine = Job.objects.filter(kind=KIND, state__in=(State.WAITING, State.RUNNING))
    return next((job for job in mine if _of(job, feed)), None)


def look(actor: Actor) -> int:
    """Start what is due; how many runs. The node calls it every few seconds."""
    now = now_us()
    due = list(
        Feed.projected.filter(paused=False, failures__lt=MOST_FAILURES, due_us__lte=now).order_by("due_us")
    )
    if not due:
        return 0
    jobs.settle()
    started = 0
    for row in due:
        if at_work(row.pk) is not None:
            continue
        if _deaths(row) >= MOST_DEATHS:
            feed_running.gave_up(
                row.pk,
                f"The worker died {MOST_DEATHS} times over it, perhaps for want of memory. Lower the bytes of one run, or "
                "give the machine more.",
                actor,
            )
            continue
        start(row, actor)
        started += 1
    return started


def waits(actor: Actor) -> Waiting | None:
    """Feeds that stopped by themselves; None for who cannot let them go on."""
    if not may(actor, "intel.subscribe", now_us=now_us()):
        return None
    rows = Feed.objects.for_actor(actor, "intel.subscribe").filter(paused=False, failures__gte=MOST_FAILURES)
    return Waiting(str(_("Feeds that stopped")), rows.count(), reverse_lazy("intel:feeds"))


def _deaths(row: Feed) -> int:
    """How often the worker died over a feed since its last account."""
    since = max(row.ran_us or 0, row.since_us)
    dead = Job.objects.filter(kind=KIND, state=State.INTERRUPTED, created_us__gt=since)
    return sum(_of(job, row.pk) for job in dead)


def _of(job: Job, feed: UUID) -> bool:
    """Whether a job fetches a feed; one that was altered fetches none: the worker does not do it, and the others go on."""
    return jobs.opens(job) and job.params["feed"] == feed.hex


def _title(row: Feed) -> str:
    """What a job is called: who may see jobs may be in no team of the feed."""
    return str(_("A feed of a team")) if row.team else row.name
