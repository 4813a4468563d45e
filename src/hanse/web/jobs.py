"""Long work: started by a person, done by the worker, with real progress, a way to stop it, and a result.

A room registers what it can do (`handles`), a page starts it (`start`). A worker that is killed leaves a job that
is found as interrupted after `SILENT_US` and can be begun again (`again`).
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import msgspec
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django_tasks import task

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.printable import printable
from hanse.ledger.fields import sealed, sealed_fields
from hanse.policy.actions import action_named
from hanse.policy.decision import may
from hanse.policy.models import MarkedModel
from hanse.web.models import Job, State

_log = logging.getLogger(__name__)

WRITE_US = 500_000
"""Progress is written at most twice a second: people read no faster, and every write is a commit."""

BEAT_S = 5.0
"""How often a worker says that it lives, also where a step cannot tell how far it is."""

SILENT_US = 30_000_000
"""A worker not heard of for so long is gone: six beats."""


class Cancelled(HanseError):  # noqa: N818 - it is no mistake, it is the end that somebody asked for
    """Somebody asked the job to stop, or another worker has taken it over."""


class Progress:
    """How a handler tells how far it is. Each call may raise `Cancelled`; the handler lets it through."""

    def __init__(self, job: Job) -> None:
        self._mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)
        self._began = self._written = now_us()

    def step(self, name: str) -> None:
        """Begin a step, said in a few words.

        Raises:
            Cancelled: The job is to stop.
        """
        self._began = now_us()
        self._write(step=name[:200], done=0, total=0, rate=0.0)

    def at(self, done: int, total: int = 0) -> None:
        """So much of the step is done, of so much (0 where that is unknown).

        Raises:
            Cancelled: The job is to stop.
        """
        now = now_us()
        if now - self._written < WRITE_US and (done < total or not total):
            return
        seconds = (now - self._began) / 1_000_000
        self._write(done=done, total=total, rate=done / seconds if seconds > 0 else 0.0)

    def _write(self, **values: Any) -> None:
        self._written = now_us()
        if not self._mine.filter(cancel=False).update(alive_us=self._written, **values):
            raise Cancelled("The job was cancelled.")


class Result(str):
    """The address of a result about which the job's page says something.

    Attributes:
        words: What whoever opens it has to know of it.
    """

    __slots__ = ("words",)
    words: str

    def __new__(cls, address: str, words: str) -> Self:
        """An address, and words."""
        made = super().__new__(cls, address)
        made.words = words
        return made


Handler = Callable[[dict[str, Any], Progress, Actor], str]
"""Does the work: given its parameters, the progress to tell and who started it; returns the result's address."""


Shown = Callable[[Actor, Sequence[Job]], Iterable[Job]]
"""Those of others' jobs of one kind whose subject may be read by somebody who may do such jobs."""


def to_nobody(_actor: Actor, _some: Sequence[Job]) -> Iterable[Job]:
    """What a job is about is for who started it alone."""
    return ()


def to_all(_actor: Actor, some: Sequence[Job]) -> Iterable[Job]:
    """What a job is about names nothing that policy could hide."""
    return some


def as_marked(model: type[MarkedModel], action: str, name: str) -> Shown:
    """What a job is about is shown as the thing is marked now that one of its parameters names, asked once for all jobs.

    Args:
        model: Whose row it is.
        action: What one has to be allowed to do with it.
        name: The parameter that holds its id, hexadecimal.
    """

    def shown(actor: Actor, some: Sequence[Job]) -> Iterable[Job]:
        about = {job.pk: UUID(job.params[name]) for job in some}
        rows = model.projected.select_related("marking").in_bulk(set(about.values()))
        seen = {pk for pk, row in rows.items() if model.objects.judge(actor, action, row)}
        return [job for job in some if about[job.pk] in seen]

    return shown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job that is done, as one reader may know it.

    Attributes:
        words: It in a sentence or two.
        links: Where to look further, beside the result: words and address.
    """

    words: str
    links: tuple[tuple[str, str], ...] = ()


Came = Callable[[Actor, Job], Outcome | None]
"""What came of a job that is done, for whoever reads its page. It is asked of what is on record when the page is shown and
not kept with the job: so it counts nothing that the reader may not see, and nothing that was purged since."""


def unsaid(_actor: Actor, _job: Job) -> None:
    """The result says it all."""


@dataclass(frozen=True, slots=True)
class _Kind:
    action: str
    handler: Handler
    queue: str
    shown: Shown
    begun_at: str
    came: Came


_kinds: dict[str, _Kind] = {}

Standing = Callable[[Actor], Actor]
"""Given an actor as they were, who they are now: with no more than they had then, and no more than they have now."""

standing: list[Standing] = []
"""Asked when a job begins; the room that knows people registers here when Django starts."""


def handles(
    kind: str,
    action: str,
    queue: str = "default",
    *,
    shown: Shown = to_nobody,
    begun_at: str = "",
    came: Came = unsaid,
) -> Callable[[Handler], Handler]:
    """Register what does jobs of a kind.

    Args:
        kind: Its name.
        action: What one has to be allowed to start and to see them.
        queue: Where they wait: jobs of one queue are done one after the other.
        shown: To whom of those who may do `action` a job of somebody else says what it is about. A title names files, cases
            or feeds: where those are marked, or of a team, policy is asked about them.
        begun_at: Name of the page's address where people begin it anew with something else, such as another file.
        came: What its page says of what came of it.
    """
    action_named(action)

    def register(handler: Handler) -> Handler:
        _kinds[kind] = _Kind(action, handler, queue, shown, begun_at, came)
        return handler

    return register


def start(kind: str, title: str, params: dict[str, Any], actor: Actor) -> Job:
    """Put work into the queue; it begins once the caller's transaction is committed.

    Args:
        kind: A registered kind.
        title: What it is, in words.
        params: JSON for the handler.
        actor: On whose behalf.

    Raises:
        UsageError: Nothing handles that kind.
    """
    queue = _known(kind).queue
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            title=title,
            params=params,
            owner=actor.id,
            actor=msgspec.to_builtins(actor),
            created_us=now_us(),
        )
        run.using(queue_name=queue).enqueue(str(job.pk))
    return job


def cancel(job: Job) -> None:
    """Ask a job to stop; one that has not begun is cancelled at once."""
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, state=State.WAITING)
        if not waiting.update(state=State.CANCELLED, ended_us=now_us()):
            Job.objects.filter(pk=job.pk, state=State.RUNNING).update(cancel=True)


def again(job: Job) -> None:
    """Put a job that did not come to its end into the queue once more.

    Raises:
        UsageError: It is done, waits or runs.
    """
    stopped = (State.FAILED, State.CANCELLED, State.INTERRUPTED)
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk, state__in=stopped).update(
            state=State.WAITING, cancel=False, error=None, ended_us=None, step="", done=0, total=0, rate=0
        ):
            raise UsageError("This job is not one that stopped. Look at it again.")
        run.using(queue_name=_known(job.kind).queue).enqueue(str(job.pk))


def settle() -> None:
    """Mark the jobs whose worker has gone silent as interrupted. Cheap while there is none."""
    silent = Job.objects.filter(state=State.RUNNING, alive_us__lt=now_us() - SILENT_US)
    if silent.exists():
        silent.update(state=State.INTERRUPTED, ended_us=F("alive_us"))


def under_way(actor: Actor, *kinds: str) -> list[Job]:
    """What of some kinds an actor has begun and has not ended, the newest first."""
    settle()
    begun = Job.objects.filter(owner=actor.id, kind__in=kinds, state__in=(State.WAITING, State.RUNNING))
    return [job for job in begun.order_by("-created_us") if opens(job)]


def begun_at(job: Job) -> str:
    """Name of the page's address where people begin what is like a job; empty where there is none."""
    kind = _kinds.get(job.kind)
    return kind.begun_at if kind else ""


def outcome(actor: Actor, job: Job) -> Outcome | None:
    """What came of a job, for an actor who may read what it is about; None while it is not done, or where nothing is said."""
    kind = _kinds.get(job.kind)
    return kind.came(actor, job) if kind and job.state == State.DONE else None


def may_see(actor: Actor, job: Job) -> bool:
    """Whether the actor may read what a job is about; see `seen`."""
    return job.pk in seen(actor, [job])


def seen(actor: Actor, some: Iterable[Job]) -> set[UUID]:
    """Those of some jobs whose subject the actor may read, by id: their own, and what its kind shows to who may do it themselves.

    Nobody may read a job that is not as the node left it: whoever writes to the database could make somebody else's job,
    or the sealed words of one, theirs. Each kind is asked once: a list is renewed every two seconds.
    """
    sound = [job for job in some if opens(job)]
    found = {job.pk for job in sound if job.owner == actor.id}
    others: defaultdict[str, list[Job]] = defaultdict(list)
    for job in sound:
        if job.pk not in found:
            others[job.kind].append(job)
    for name, alike in others.items():
        kind = _kinds.get(name)
        if kind is not None and may(actor, kind.action, now_us=now_us()):
            found.update(job.pk for job in kind.shown(actor, alike))
    return found


def may_stop(actor: Actor, job: Job) -> bool:
    """Whether the actor may cancel a job or begin it again: their own, or any by role.

    What takes a fresh passkey to start, such as marking anew, is stopped and begun again by who may start it alone: it is
    done in its starter's name.
    """
    kind = _kinds.get(job.kind)
    if kind is not None and action_named(kind.action).step_up:
        return bool(may(actor, kind.action, now_us=now_us()))
    return job.owner == actor.id or bool(may(actor, "jobs.cancel", now_us=now_us()))


@task()
def run(job_id: str) -> None:
    """Do a job; the worker calls it. A job that is not waiting any more is left alone."""
    taken = Job.objects.filter(pk=UUID(job_id), state=State.WAITING)
    now = now_us()
    if not taken.update(state=State.RUNNING, started_us=now, alive_us=now, attempt=F("attempt") + 1):
        return
    job = Job.objects.get(pk=UUID(job_id))
    with _heart(job):
        ended = _do(job)
    mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)
    mine.update(
        state=ended.pop("state"), ended_us=now_us(), **sealed(Job, (job.pk, job.kind, job.owner), **ended)
    )


def _do(job: Job) -> dict[str, Any]:
    """Call the handler; the state to which its end brings the job, and what is sealed of it."""
    try:
        actor = _still(_on_behalf_of(job))
        result = _known(job.kind).handler(job.params, Progress(job), actor)
    except Cancelled:
        return {"state": State.CANCELLED}
    except HanseError as error:
        # Names of files may hold what no text can be stored with.
        return {"state": State.FAILED, "error": printable(str(error), keep="\n")}
    except Exception:  # noqa: BLE001 - whatever a handler does, its job ends in words
        _log.exception("job %s failed", job.pk)
        return {"state": State.FAILED, "error": f"The node made a mistake; its log names job {job.pk}."}
    words = result.words if isinstance(result, Result) else ""
    return {"state": State.DONE, "result": str(result), "told": printable(words, keep="\n")}


@contextmanager
def _heart(job: Job) -> Iterator[None]:
    """Say every `BEAT_S` seconds that the worker lives, from a thread with its own connection."""
    stop = threading.Event()
    mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)

    def beat() -> None:
        try:
            while not stop.wait(BEAT_S):
                try:
                    mine.update(alive_us=now_us())
                except DatabaseError:
                    _log.info("job %s: no beat, the database is busy", job.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heart", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _known(kind: str) -> _Kind:
    if kind not in _kinds:
        raise UsageError(f"Nothing here does jobs of the kind {kind!r}. Upgrade the node, or start it anew.")
    return _kinds[kind]


def _on_behalf_of(job: Job) -> Actor:
    """Who a job is for, if this node itself put it into the queue so.

    What a job writes is signed in its actor's name: whoever can write to the database must not be able to choose
    that name, its roles, or what is done.

    Raises:
        UsageError: The row was made or changed behind the node's back.
    """
    if not opens(job):
        raise UsageError("This job is not as the node queued it: its row was changed. Start it anew.")
    return msgspec.convert(job.actor, Actor)


def _still(actor: Actor) -> Actor:
    """Who a job is for, as they stand now: what waited for an hour does nothing that its starter may do no more.

    Raises:
        HanseError: They may act no more at all.
    """
    for now in standing:
        actor = now(actor)
    return actor


def opens(job: Job) -> bool:
    """Whether all that is sealed of a job is what the node itself sealed for this job, of this kind and person."""
    try:
        for field in sealed_fields(Job):
            getattr(job, field.attname)
    except HanseError:
        return False
    return True
