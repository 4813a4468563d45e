"""Pages of jobs: all of them, and one with its progress."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from hanse.kernel.actors import Actor
from hanse.policy.decision import Decision, Reason
from hanse.web import jobs
from hanse.web.lists import Column, Empty, Filter, Listed, answer
from hanse.web.models import Job, State
from hanse.web.page import forbidden, page, signed_in
from hanse.web.partial import asked_for, etag_of, part_or_unchanged

HIDDEN = "somebody else's work"
"""What stands instead of a title that the actor may not read."""


def _listed(actor: Actor) -> Listed:
    """The list of jobs, as one actor may see it."""
    seen: set[UUID] = set()
    return Listed(
        name="jobs",
        caption=_("Jobs"),
        order="-created",
        columns=(
            Column(key="created", label=_("Started"), value="created_us", format="when", sort="created_us"),
            Column(
                key="title",
                label=_("Job"),
                value=lambda job: _title(job, seen=job.pk in seen),
                link=lambda job: reverse("jobs:job", args=[job.pk]),
            ),
            Column(key="state", label=_("State"), sort="state"),
            Column(
                key="step", label=_("Step"), value=lambda job: "" if job.state == State.DONE else job.step
            ),
            Column(key="took", label=_("Took"), value="took_us", format="span_us"),
        ),
        filters=(Filter(key="state", label=_("State"), field="state", choices=State.choices),),
        row_url=lambda job: reverse("jobs:job", args=[job.pk]),
        export="jobs.view",
        empty=Empty(
            _("Long work stands here with its progress: imports, exercises, rebuilds. None was started.")
        ),
        live_seconds=2,
        ahead=lambda rows: seen.update(jobs.seen(actor, rows)),
    )


@page("jobs.view", "web/jobs.html")
def index(request: HttpRequest) -> HttpResponseBase | dict[str, Any]:
    """All jobs, newest first."""
    jobs.settle()
    return answer(request, _listed(signed_in(request)), lambda _action: Job.objects.all(), "jobs.view")


@page("jobs.view", "web/job.html")
def job(request: HttpRequest, job_id: UUID) -> HttpResponseBase | dict[str, Any]:
    """One job; htmx asks for its progress alone."""
    jobs.settle()
    actor, found = signed_in(request), _found(job_id)
    seen = jobs.may_see(actor, found)
    told = {
        "job": found,
        "title": _title(found, seen=seen),
        "seen": seen,
        "stoppable": jobs.may_stop(actor, found),
        "begun_at": jobs.begun_at(found),
        "outcome": jobs.outcome(actor, found) if seen else None,
        "resumable": found.state in {State.FAILED, State.CANCELLED, State.INTERRUPTED},
    }
    if asked_for(request, "job"):
        html = render_to_string("web/job_part.html", told)
        response = part_or_unchanged(request, html, etag_of(html))
        if found.ended:
            response["HX-Refresh"] = "true"  # what can be done with it now stands around the part
        return response
    return told


@page("jobs.view", "web/job.html", methods=("POST",))
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Ask a job to stop."""
    found = _found(job_id)
    if not jobs.may_stop(signed_in(request), found):
        return forbidden(request, _NOT_YOURS)
    jobs.cancel(found)
    return redirect("jobs:job", job_id)


@page("jobs.view", "web/job.html", methods=("POST",))
def again(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Begin a job that stopped once more."""
    found = _found(job_id)
    if not jobs.may_stop(signed_in(request), found):
        return forbidden(request, _NOT_YOURS)
    jobs.again(found)
    return redirect("jobs:job", job_id)


_NOT_YOURS = Decision(
    allowed=False,
    reasons=(
        Reason(
            "jobs.owner",
            "The job is somebody else's and none of your roles may stop it, or it takes a passkey proved just now.",
        ),
    ),
)


def _found(job_id: UUID) -> Job:
    found = Job.objects.filter(pk=job_id).first()
    if found is None:
        raise Http404
    return found


def _title(found: Job, *, seen: bool) -> str:
    return str(found.title) if seen else _(HIDDEN)
