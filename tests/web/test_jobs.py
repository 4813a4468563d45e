"""Long work: it runs in the worker, tells how far it is, stops when asked, and is found again when its worker dies."""

import json
import threading
from dataclasses import replace

import pytest
from django.db import connection
from django.urls import include, path
from django_tasks_db.models import DBTaskResult

from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.web import jobs, jobs_api
from hanse.web.models import Job, State

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

urlpatterns = [path("jobs/", include("hanse.web.urls"))]


@pytest.fixture
def handler(monkeypatch):
    """Registers a handler for the kind ``test.work`` for one test."""

    def register(work):
        monkeypatch.setattr(jobs, "_kinds", {})
        jobs.handles("test.work", "telemetry.import")(work)

    return register


def run(job: Job) -> Job:
    """What the worker does with a job."""
    jobs.run.call(str(job.pk))
    job.refresh_from_db()
    return job


def test_a_job_runs_on_behalf_of_who_started_it(handler, actor):
    """The handler gets the parameters and the actor as it was; its result is kept."""
    seen = []
    handler(lambda params, _progress, who: seen.append((params, who)) or "/attacks/")
    mari = actor("analyst", teams=("a",))
    job = jobs.start("test.work", "Reading x.pcap", {"name": "x"}, mari)
    assert DBTaskResult.objects.count() == 1
    assert run(job).state == State.DONE
    assert job.result == "/attacks/"
    assert seen == [({"name": "x"}, mari)]


def test_what_it_is_about_is_sealed(handler, actor):
    """Titles and parameters are case material: the database's bytes do not show them."""
    handler(lambda *_: "/")
    jobs.start("test.work", "canary-title", {"file": "canary-params"}, actor("analyst"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT title, params FROM web_job")
        assert b"canary" not in b"".join(bytes(one) for one in cursor.fetchone())


def columns(job: Job, *names: str) -> Job:
    """Take columns from the other row to this one, sealed as they are, as whoever writes to the database can."""
    other = Job.objects.exclude(pk=job.pk).values(*names).get()
    Job.objects.filter(pk=job.pk).update(**other)
    return Job.objects.get(pk=job.pk)


def test_nobody_reads_the_job_of_another_by_sql(handler, actor):
    """Made theirs in the database, or its sealed words put into a job of their own, it says nothing to them."""

    def work(params, *_):
        raise UsageError(params["words"])

    handler(work)
    jaan = actor("administrator")
    run(jobs.start("test.work", "canary-title", {"words": "canary-error"}, actor("analyst")))
    mine = run(jobs.start("test.work", "mine", {"words": "mine"}, jaan))
    assert jobs.may_see(jaan, mine)
    (other,) = Job.objects.exclude(pk=mine.pk)
    assert not jobs.may_see(jaan, other)
    Job.objects.filter(pk=other.pk).update(owner=jaan.id)
    assert not jobs.may_see(jaan, Job.objects.get(pk=other.pk))
    for names in (("title",), ("error",), ("error", "actor")):
        assert not jobs.may_see(jaan, columns(mine, *names))


@pytest.mark.parametrize("change", ["actor", "clear", "params", "owner", "kind", "moved"])
def test_a_job_that_was_changed_by_sql_is_not_done(handler, actor, change):
    """Whoever writes to the database makes the node do nothing, and sign nothing, in a person's name."""
    seen = []
    handler(lambda *told: seen.append(told) or "/")
    jobs.handles("test.other", "telemetry.import")(lambda *told: seen.append(told) or "/")
    job = jobs.start("test.work", "t", {"name": "x"}, actor("analyst"))
    jobs.start("test.work", "t", {"name": "y"}, actor("administrator", "officer"))
    if change in {"actor", "params"}:
        columns(job, change)
    elif change == "moved":
        columns(job, "actor", "params", "title", "owner")
    else:
        clear = json.dumps(job.actor | {"roles": ["officer"]}).encode()
        told = {"clear": ("actor", clear), "owner": ("owner", "jaan"), "kind": ("kind", "test.other")}
        column, value = told[change]
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE web_job SET {column} = %s", [value])  # noqa: S608 - names of columns
    jobs.run.call(str(job.pk))
    job = Job.objects.get(pk=job.pk)
    assert job.state == State.FAILED
    assert "its row was changed" in job.error
    assert seen == []


def test_progress_is_written_at_most_twice_a_second(
    handler, actor, monkeypatch, django_assert_max_num_queries
):
    """A handler may tell every row; the rate and the time left come out, the writes stay few."""
    clock = [now_us()]
    monkeypatch.setattr(jobs, "now_us", lambda: clock[0])
    shots = []

    def work(_params, progress, _who):
        progress.step("Reading")
        for done in range(1, 10_001):
            clock[0] += 200
            progress.at(done, 20_000)
        shots.append(Job.objects.get())
        return "/"

    handler(work)
    job = jobs.start("test.work", "t", {}, actor("analyst"))
    with django_assert_max_num_queries(14):
        run(job)
    assert shots[0].step == "Reading"
    assert shots[0].rate == pytest.approx(5000)
    assert shots[0].left_seconds == pytest.approx((20_000 - shots[0].done) / 5000)


def test_a_job_is_cancelled_before_and_while_it_runs(handler, actor):
    """Cancelling one that waits ends it at once; one that runs stops at its next word."""

    def work(_params, progress, _who):
        jobs.cancel(Job.objects.get(state=State.RUNNING))
        progress.step("more")
        pytest.fail("it went on")

    handler(work)
    running = jobs.start("test.work", "t", {}, actor("analyst"))
    assert run(running).state == State.CANCELLED
    waiting = jobs.start("test.work", "t", {}, actor("analyst"))
    jobs.cancel(waiting)
    assert run(waiting).state == State.CANCELLED
    assert waiting.started_us is None


def test_a_failure_says_why(handler, actor):
    """An error of Hanse is kept in its words; a mistake of the program shows nothing of itself."""

    def refuses(*_):
        raise UsageError("The file is empty. Give another.")

    def breaks(*_):
        raise ZeroDivisionError("secret")

    handler(refuses)
    assert run(jobs.start("test.work", "t", {}, actor("analyst"))).error == "The file is empty. Give another."
    handler(breaks)
    broken = run(jobs.start("test.work", "t", {}, actor("analyst")))
    assert broken.state == State.FAILED
    assert "secret" not in broken.error


def test_a_job_of_a_dead_worker_is_found_and_begun_again(handler, actor):
    """A worker not heard of leaves an interrupted job; begun again it ends, and the old worker's word is void."""
    handler(lambda *_: "/")
    job = jobs.start("test.work", "t", {}, actor("analyst"))
    Job.objects.update(state=State.RUNNING, attempt=1, started_us=1, alive_us=now_us() - jobs.SILENT_US - 1)
    stale = jobs.Progress(Job.objects.get())
    jobs.settle()
    job.refresh_from_db()
    assert job.state == State.INTERRUPTED
    jobs.again(job)
    assert run(job).state == State.DONE
    assert job.attempt == 2
    with pytest.raises(jobs.Cancelled):
        stale.step("late")
    with pytest.raises(UsageError):
        jobs.again(job)


def test_a_job_is_done_once(handler, actor):
    """The same task delivered twice does the work once."""
    calls = []
    handler(lambda *_: calls.append(1) or "/")
    job = jobs.start("test.work", "t", {}, actor("analyst"))
    run(job)
    run(job)
    assert calls == [1]


@pytest.mark.django_db(transaction=True)
def test_a_silent_step_keeps_beating(handler, actor, monkeypatch):
    """A handler that cannot tell how far it is, is still known to live."""
    monkeypatch.setattr(jobs, "BEAT_S", 0.01)
    beaten = threading.Event()

    def work(*_):
        before = Job.objects.get().alive_us
        for _try in range(300):
            if Job.objects.get().alive_us > before:
                beaten.set()
                break
            threading.Event().wait(0.01)
        return "/"

    handler(work)
    run(jobs.start("test.work", "t", {}, actor("analyst")))
    assert beaten.is_set()


def test_the_page_of_a_job(handler, actor, client_as):
    """Its page polls while it runs, gets 204 while nothing changed, and ends with a link to the result."""
    handler(lambda *_: "/attacks/")
    mari = actor("analyst")
    client = client_as(mari)
    job = jobs.start("test.work", "Reading <b>x</b>.pcap", {}, mari)
    url = f"/jobs/{job.pk}/"
    text = client.get(url).content.decode()
    assert "Reading &lt;b&gt;x&lt;/b&gt;.pcap" in text
    assert 'hx-trigger="every 1s"' in text
    ask = {"HX-Request": "true", "HX-Target": "job"}
    first = client.get(url, headers=ask)
    assert client.get(url, headers={**ask, "If-None-Match": first["ETag"]}).status_code == 204
    run(job)
    last = client.get(url, headers={**ask, "If-None-Match": first["ETag"]}).content.decode()
    assert 'href="/attacks/"' in last
    assert "hx-trigger" not in last


def test_what_has_to_be_known_of_a_result_stands_on_the_page_of_its_job(handler, actor, client_as):
    """Such as that it rests on files that were read only in part; who may not see the result is not told it."""
    handler(lambda *_: jobs.Result("/attacks/", "Not read wholly: <x>.pcap."))
    mari = actor("analyst")
    job = run(jobs.start("test.work", "Reading x.pcap", {}, mari))
    assert (job.result, job.told) == ("/attacks/", "Not read wholly: <x>.pcap.")
    url, words = f"/jobs/{job.pk}/", "Not read wholly: &lt;x&gt;.pcap."
    assert words in client_as(mari).get(url).content.decode()
    assert words not in client_as(actor("administrator")).get(url).content.decode()
    assert jobs_api.JobState.of(job, {job.pk}).told == job.told
    assert jobs_api.JobState.of(job, ()).told is None


def test_others_see_that_something_runs_but_not_what(handler, actor, client_as):
    """An administrator sees a job, not its title, error or result; and may cancel it by role."""
    handler(lambda *_: "/attacks/")
    job = jobs.start("test.work", "canary.pcap", {}, actor("analyst"))
    admin = client_as(actor("administrator"))
    for url in ("/jobs/", f"/jobs/{job.pk}/"):
        assert b"canary" not in admin.get(url).content
    officer = client_as(actor("officer"))
    assert officer.post(f"/jobs/{job.pk}/cancel/").status_code == 403
    assert admin.post(f"/jobs/{job.pk}/cancel/").status_code == 302
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert client_as(None).post(f"/jobs/{job.pk}/again/").status_code == 401
    assert admin.post(f"/jobs/{job.pk}/again/").status_code == 302
    assert admin.get("/jobs/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_the_like_of_who_started_it_reads_only_what_its_kind_shows(handler, actor, monkeypatch):
    """Who may do such work sees that another's runs, not what it is about: file and case names are marked, a right is not.

    A kind that names nothing hidden, or asks policy about what it names, shows it.
    """
    handler(lambda *_: "/attacks/")
    mari, other = actor("analyst"), actor("analyst", name="Jaan Tamm")
    job = jobs.start("test.work", "case-17-red.pcap", {}, mari)
    assert jobs.may_see(mari, job)
    assert not jobs.may_see(other, job)
    for shown in (False, True):
        monkeypatch.setattr(jobs, "_kinds", {})
        jobs.handles("test.work", "telemetry.import", shown=jobs.to_all if shown else jobs.to_nobody)(
            lambda *_: "/"
        )
        assert jobs.may_see(other, job) is shown
        assert not jobs.may_see(replace(other, roles=frozenset({"approver"})), job)
