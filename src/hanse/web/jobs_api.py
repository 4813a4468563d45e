"""The API of jobs: all of them, one with its progress, and stopping or beginning it again."""

from collections.abc import Container
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema

from hanse.kernel.actors import Actor
from hanse.policy.asking import RefusedError
from hanse.policy.decision import Decision, Reason
from hanse.web import jobs
from hanse.web.api import Page, Paging, endpoint, paged
from hanse.web.keyset import Order
from hanse.web.models import Job
from hanse.web.page import signed_in

router = Router(tags=["jobs"])

_NOT_YOURS = Decision(
    allowed=False,
    reasons=(
        Reason(
            "jobs.owner",
            "The job is somebody else's and none of your roles may stop it, or it takes a passkey proved just now.",
        ),
    ),
)


class JobState(Schema):
    """One job; its title, result, error and what is told of the result are null for who may not read what it is about."""

    id: UUID
    kind: str
    title: str | None
    state: str
    step: str
    done: int
    total: int
    rate: float
    result: str | None
    error: str | None
    told: str | None
    created_us: int
    started_us: int | None
    ended_us: int | None

    @classmethod
    def of(cls, job: Job, seen: Container[UUID]) -> "JobState":
        """A job as it is told to who may read what some are about."""
        hidden = set() if job.pk in seen else {"title", "result", "error", "told"}
        told: dict[str, Any] = {
            name: None if name in hidden else getattr(job, name) for name in cls.model_fields
        }
        return cls(**told)


@router.get("", response=Page[JobState], operation_id="jobs_list", summary="All jobs, newest first")
@endpoint("jobs.view")
def list_jobs(request: HttpRequest, paging: Query[Paging]) -> Any:
    """All jobs, the newest first."""
    jobs.settle()
    told = paged(Job.objects.all(), Order("created_us", descending=True), paging)
    seen = jobs.seen(signed_in(request), told["items"])
    return told | {"items": [JobState.of(job, seen) for job in told["items"]]}


@router.get("/{uuid:job_id}", response=JobState, operation_id="jobs_get", summary="One job with its progress")
@endpoint("jobs.view")
def get_job(request: HttpRequest, job_id: UUID) -> JobState:
    """One job with its progress."""
    jobs.settle()
    return _told(job_id, signed_in(request))


@router.post(
    "/{uuid:job_id}/cancel", response=JobState, operation_id="jobs_cancel", summary="Ask a job to stop"
)
@endpoint("jobs.view")
def cancel_job(request: HttpRequest, job_id: UUID) -> JobState:
    """Ask a job to stop; one that has ended stays as it is."""
    job, actor = _stoppable(request, job_id)
    jobs.cancel(job)
    return _told(job_id, actor)


@router.post(
    "/{uuid:job_id}/again", response=JobState, operation_id="jobs_again", summary="Begin a stopped job again"
)
@endpoint("jobs.view")
def begin_again(request: HttpRequest, job_id: UUID) -> JobState:
    """Begin a job once more that failed, was cancelled or was interrupted."""
    job, actor = _stoppable(request, job_id)
    jobs.again(job)
    return _told(job_id, actor)


def _found(job_id: UUID) -> Job:
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise Http404
    return job


def _told(job_id: UUID, actor: Actor) -> JobState:
    """A job as an actor may see it."""
    job = _found(job_id)
    return JobState.of(job, jobs.seen(actor, [job]))


def _stoppable(request: HttpRequest, job_id: UUID) -> tuple[Job, Actor]:
    """A job that the actor may stop, and the actor.

    Raises:
        RefusedError: It is somebody else's.
    """
    job, actor = _found(job_id), signed_in(request)
    if not jobs.may_stop(actor, job):
        raise RefusedError(_NOT_YOURS)
    return job, actor
