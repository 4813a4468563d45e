"""Tables of pages and the API. None is a projection: jobs and idempotency keys are queues and caches."""

from uuid import uuid4

from django.db import models

from hanse.ledger.fields import SealedJSONField, SealedTextField


class State(models.TextChoices):
    """Where a job is."""

    WAITING = "waiting", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    INTERRUPTED = "interrupted", "interrupted"


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.INTERRUPTED})
"""States in which nothing runs any more."""


WHOSE = ("id", "kind", "owner")
"""What a job's sealed columns are bound to: they say who may read it, and what is done in whose name."""


class Job(models.Model):
    """Long work that somebody started and can leave, find again and cancel.

    What it is, for whom, and what came of it is sealed, not least so that nobody who can write to the database puts
    words or a name into it.

    Attributes:
        id: Its id.
        kind: Which handler does it.
        title: What it is, in words; names of files are case material, so it is sealed.
        params: What the handler is told.
        owner: Id of the actor who started it.
        actor: That actor, as it was then.
        state: Where it is.
        step: What it does now, in words.
        done: So much of the step is done, in units of the handler.
        total: Of so much; 0 while unknown.
        rate: Units per second over the step so far.
        result: Address of what came out.
        error: Why it failed, in words.
        told: What whoever opens the result has to know of it, in words; may be empty.
        created_us: When it was started, microseconds UTC.
        started_us: When a worker began.
        ended_us: When it ended.
        alive_us: When its worker was last heard of.
        attempt: How often it was begun; a worker of an earlier attempt must stop.
        cancel: Whether somebody asked it to stop.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    kind = models.CharField(max_length=64)
    title = SealedTextField(bound_to=WHOSE)
    params = SealedJSONField(bound_to=WHOSE)
    owner = models.CharField(max_length=64)
    actor = SealedJSONField(bound_to=WHOSE)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    step = models.CharField(max_length=200, default="")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    rate = models.FloatField(default=0)
    result = SealedTextField(default="", bound_to=WHOSE)
    error = SealedTextField(null=True, bound_to=WHOSE)
    told = SealedTextField(default="", bound_to=WHOSE)
    created_us = models.BigIntegerField()
    started_us = models.BigIntegerField(null=True)
    ended_us = models.BigIntegerField(null=True)
    alive_us = models.BigIntegerField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    cancel = models.BooleanField(default=False)

    class Meta:
        """Lists are by time; the search for interrupted ones is by state."""

        indexes = (
            models.Index(fields=["created_us"], name="web_job_created"),
            models.Index(fields=["state", "alive_us"], name="web_job_state"),
        )

    def __str__(self) -> str:
        """Its kind and id."""
        return f"{self.kind} {self.id}"

    @property
    def ended(self) -> bool:
        """Whether nothing runs any more."""
        return self.state in ENDED

    @property
    def left_seconds(self) -> float | None:
        """Time that the step still takes at its rate so far; None while that cannot be said."""
        if self.state != State.RUNNING or not self.total or not self.rate:
            return None
        return max(self.total - self.done, 0) / self.rate

    @property
    def took_us(self) -> int | None:
        """How long it ran, or has run when its worker was last heard of."""
        end = self.ended_us or self.alive_us
        return end - self.started_us if end and self.started_us else None


class Idempotency(models.Model):
    """The answer to a request with an Idempotency-Key, to be given again when the request comes again.

    Attributes:
        key: Digest of the actor, the operation and the key that the client chose.
        request: Keyed hash of the request's body.
        status: HTTP status; 0 while the first request still runs.
        body: The answer's body.
        created_us: When it came, microseconds UTC.
    """

    key = models.CharField(max_length=64, primary_key=True)
    request = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = SealedTextField(null=True)
    created_us = models.BigIntegerField(db_index=True)
