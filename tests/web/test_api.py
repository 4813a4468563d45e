"""The API's one shape: who may, what is refused and how, what happens once, and what has not changed."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from django.db import connection
from django.http import Http404
from django.urls import path
from ninja import Query, Router, Schema, Status

from hanse.kernel.errors import UsageError
from hanse.web import idempotency
from hanse.web.api import In, Moment, Page, Paging, endpoint, make_api, paged
from hanse.web.keyset import Order
from hanse.web.models import Idempotency, Job
from tests.web.acting import ActingClient
from tests.web.test_lists import make

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

router = Router()


class JobOut(Schema):
    """One job."""

    id: UUID
    kind: str


class NoteIn(In):
    """Something to write."""

    text: str
    at_us: Moment = 0


@router.get("/jobs", response=Page[JobOut])
@endpoint("jobs.view")
def list_jobs(request, paging: Query[Paging]):
    """All jobs."""
    return paged(Job.objects.all(), Order("created_us"), paging)


@router.get("/jobs/{uuid:job_id}", response=JobOut)
@endpoint("jobs.view")
def get_job(request, job_id: UUID):
    """One job."""
    return Job.objects.filter(pk=job_id).first() or not_there()


@router.post("/jobs", response={201: JobOut})
@endpoint("jobs.cancel")
def create_job(request, note: NoteIn):
    """Make a job."""
    if note.text == "refuse":
        raise UsageError("That cannot be meant. Say something else.")
    if note.text == "break":
        raise ZeroDivisionError("secret")
    return Status(201, make_one(note.text))


@router.put("/jobs/{uuid:job_id}", response=JobOut)
@endpoint("jobs.cancel")
def change_job(request, job_id: UUID, note: NoteIn):
    """Change a job."""
    Job.objects.filter(pk=job_id).update(kind=note.text)
    return Job.objects.get(pk=job_id)


@router.delete("/jobs/{uuid:job_id}", response={204: None})
@endpoint("jobs.cancel")
def delete_job(request, job_id: UUID):
    """Remove a job."""
    Job.objects.filter(pk=job_id).delete()
    return Status(204, None)


@router.put("/unread/{uuid:job_id}", response={204: None})
@endpoint("jobs.cancel")
def change_unread(request, job_id: UUID, note: NoteIn):
    """Change what cannot be read there."""
    Job.objects.filter(pk=job_id).update(kind="unread")
    return Status(204, None)


@router.get("/careful")
@endpoint("jobs.view", step_up=True)
def careful(request):
    """What takes a fresh passkey."""
    return {}


def not_there():
    """What one may not see is not there."""
    raise Http404


def make_one(kind: str) -> Job:
    """A new row."""
    return Job.objects.create(kind=kind, title="t", params={}, owner="x", actor={}, created_us=1)


api = make_api([("/test", router)], rate="100000/m")
handler404 = "hanse.web.problems.not_found"
urlpatterns = [path("api/", api.urls)]


def problem_of(answer, status: int) -> dict:
    """The problem details of an answer with this status."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    return told


def post(client: ActingClient, body: bytes | str, **headers: str):
    """Send a body as JSON."""
    return client.post("/api/test/jobs", body, content_type="application/json", headers=headers)


def test_nobody_and_who_may_not(client_as, actor):
    """Nobody gets 401 with the scheme, who may not gets 403 with the rule, before the request is even read."""
    nobody = client_as(None).get("/api/test/jobs?limit=wrong")
    problem_of(nobody, 401)
    assert nobody["WWW-Authenticate"] == "Bearer"
    told = problem_of(client_as(actor("auditor")).get("/api/test/jobs?limit=wrong"), 403)
    assert told["rules"] == ["role.missing"]
    stale = client_as(actor("analyst")).get("/api/test/careful")
    assert problem_of(stale, 401)["rules"] == ["step-up"]
    assert "insufficient_user_authentication" in stale["WWW-Authenticate"]
    token = actor("analyst", kind="token", scopes=frozenset({"jobs.view"}))
    assert problem_of(client_as(token).get("/api/test/careful"), 403)["rules"] == ["step-up"]


def test_a_token_is_held_to_its_scope_and_needs_no_csrf(client_as, actor):
    """A token does what its scope names, without a cookie's CSRF token; a session needs that."""
    scoped = {"kind": "token", "scopes": frozenset({"jobs.cancel"})}
    token = client_as(actor("analyst", **scoped), enforce_csrf_checks=True)
    assert post(token, '{"text": "x"}').status_code == 201
    assert problem_of(token.get("/api/test/jobs"), 403)["rules"] == ["scope"]
    session = client_as(actor("analyst"), enforce_csrf_checks=True)
    assert problem_of(post(session, '{"text": "x"}'), 403)["rules"] == ["csrf"]
    assert session.get("/api/test/jobs").status_code == 200


def test_pages_by_cursor(client_as, actor):
    """Following `next` gives every item once; a cursor of nothing is refused."""
    make(23)
    client = client_as(actor("analyst"))
    seen, cursor = [], ""
    while True:
        page = client.get(f"/api/test/jobs?limit=10{cursor}").json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [str(UUID(int=n)) for n in range(1, 24)]
    problem_of(client.get("/api/test/jobs?cursor=nonsense"), 400)
    problem_of(client.get("/api/test/jobs?limit=501"), 422)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"text": "a", "text": "b"}', 400),
        ('{"text": ' + "[" * 100 + "]" * 100 + "}", 400),
        ('{"text": "a", "at_us": 1' + "0" * 400 + "}", 400),
        ('{"text": "a", "at_us": 9223372036854775808}', 400),
        ('{"text": "a", "at_us": 253402300800000000}', 422),  # 10000-01-01
        ('{"text": "a", "at_us": -62135596800000001}', 422),  # before the year 1
        ('{"text": NaN}', 400),
        ('{"text": "\\ud800"}', 400),
        ('{"text": "\\u0000"}', 400),
        (b'{"text": "\xff"}', 400),
        ("{", 400),
        ("", 422),
        ("[]", 422),
        ('{"text": 1}', 422),
        ('{"text": "a", "more": 1}', 422),
        ('{"text": "refuse"}', 400),
    ],
)
def test_what_cannot_be_meant_is_refused(client_as, actor, body, status):
    """A body with two meanings, too deep, too large numbers, or unknown members is refused in words."""
    problem_of(post(client_as(actor("analyst")), body), status)
    assert not Job.objects.exists()


def test_a_parameter_that_an_operation_does_not_have_is_refused(client_as, actor):
    """A filter with a letter left out would let everything through, and a script would act on all of it."""
    client = client_as(actor("administrator"))
    refused = client.get("/api/test/jobs?limit=5&limt=1")
    assert refused.status_code == 422
    assert refused.json()["detail"] == "There is no parameter 'limt' here. Known are cursor, limit, why."
    assert client.get("/api/test/jobs?limit=5&why=case+7").status_code == 200
    job = make_one("one")
    changed = client.delete(f"/api/test/jobs/{job.pk}?why=case+7", headers={"If-Match": "*"})
    assert changed.status_code == 204


def test_other_refusals_have_the_same_shape(client_as, actor, settings):
    """Wrong media type, method, address, size and a mistake of the program are problem details too."""
    client = client_as(actor("analyst"))
    problem_of(client.post("/api/test/jobs", '{"text": "a"}', content_type="text/plain"), 415)
    wrong = client.delete("/api/test/jobs")
    problem_of(wrong, 405)
    assert set(wrong["Allow"].split(", ")) == {"GET", "POST"}
    problem_of(client.get("/api/nothing"), 404)
    problem_of(client.get("/api/test/jobs/not-a-uuid"), 404)
    problem_of(client.get(f"/api/test/jobs/{UUID(int=1)}"), 404)
    problem_of(client.get("/api/"), 404)
    problem_of(client.get("/api/test/jobs?cursor=%00"), 400)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    problem_of(post(client, '{"text": "more than that"}'), 413)
    problem_of(post(client, '{"text": "more than that"}', **{"Idempotency-Key": "k"}), 413)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert "secret" not in json.dumps(problem_of(post(client, '{"text": "break"}'), 500))


def test_who_asks_too_often_waits(client_as, actor, settings):
    """Beyond the rate an actor gets 429 and is told how long to wait; another actor is not held up."""
    quick = Router()

    @quick.get("/one")
    @endpoint("jobs.view")
    def one(request):
        return {}

    few = make_api([("", quick)], version="few", rate="2/m")
    settings.ROOT_URLCONF = type("few", (), {"urlpatterns": [path("api/", few.urls)]})
    client = client_as(actor("analyst"))
    answers = [client.get("/api/one") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    problem_of(answers[2], 429)
    assert int(answers[2]["Retry-After"]) > 0
    assert client_as(actor("analyst")).get("/api/one").status_code == 200


def test_a_request_with_a_key_happens_once(client_as, actor):
    """The same request with the same key gets the same answer and happens once; another with that key is refused."""
    client, key = client_as(actor("analyst")), {"Idempotency-Key": "5f3a"}
    first = post(client, '{"text": "a"}', **key)
    second = post(client, '{"text": "a"}', **key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Job.objects.count() == 1
    problem_of(post(client, '{"text": "b"}', **key), 422)
    problem_of(post(client, '{"text": "b"}', **{"Idempotency-Key": "a" * 300}), 400)
    assert post(client_as(actor("analyst")), '{"text": "b"}', **key).status_code == 201


def test_a_refused_request_can_be_mended(client_as, actor):
    """A refusal is not kept under its key, and nothing of it stays."""
    client, key = client_as(actor("analyst")), {"Idempotency-Key": "k"}
    problem_of(post(client, '{"text": "refuse"}', **key), 400)
    assert not Idempotency.objects.exists()
    assert post(client, '{"text": "a"}', **key).status_code == 201


def test_old_keys_are_forgotten(client_as, actor, monkeypatch):
    """After a day an answer is not kept any more."""
    Idempotency.objects.create(key="old", request="x", created_us=1)
    post(client_as(actor("analyst")), '{"text": "a"}', **{"Idempotency-Key": "k"})
    assert not Idempotency.objects.filter(key="old").exists()


def test_old_answers_go_without_another_request(client_as, actor, monkeypatch):
    """What an answer tells may be purged: it goes after a day by the clock, also where nobody sends a key any more."""
    post(client_as(actor("analyst")), '{"text": "a"}', **{"Idempotency-Key": "k"})
    assert idempotency.forget_old() == 0
    Idempotency.objects.update(created_us=1)
    assert idempotency.forget_old() == 1


def test_a_kept_answer_is_given_to_nobody_else(client_as, actor):
    """Whoever writes to the database and puts another's sealed answer under a key of their own is not given it."""
    post(client_as(actor("analyst")), '{"text": "canary"}', **{"Idempotency-Key": "k"})
    theirs, mine = Idempotency.objects.get().pk, client_as(actor("analyst"))
    post(mine, '{"text": "b"}', **{"Idempotency-Key": "k"})
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE web_idempotency SET body = (SELECT body FROM web_idempotency WHERE key = %s) WHERE key != %s",
            [theirs, theirs],
        )
    answer = post(mine, '{"text": "b"}', **{"Idempotency-Key": "k"})
    problem_of(answer, 409)
    assert b"canary" not in answer.content
    with connection.cursor() as cursor:
        cursor.execute("UPDATE web_idempotency SET body = %s", [b"no key of the node's begins so"])
    problem_of(post(mine, '{"text": "b"}', **{"Idempotency-Key": "k"}), 409)


def test_a_kept_answer_is_given_to_no_other_token(client_as, actor):
    """Of two tokens of one person, or their session, each has its own: one that may do less is told nothing of the other's."""
    mari, key = actor("analyst"), {"Idempotency-Key": "k"}
    scopes = frozenset({"jobs.cancel", "jobs.view"})
    first = replace(mari, kind="token", token="first", scopes=scopes)
    second = replace(mari, kind="token", token="second", scopes=scopes)
    for who in (first, second, mari):
        answer = post(client_as(who), '{"text": "a"}', **key)
        assert not answer.has_header("Idempotency-Replayed")
        assert post(client_as(who), '{"text": "a"}', **key)["Idempotency-Replayed"] == "true"


def test_what_was_asked_cannot_be_found_by_trying(client_as, actor):
    """Of a request with a key the database has a keyed hash: a telephone number in it is found by nobody who has the file."""
    body = '{"text": "a"}'
    post(client_as(actor("analyst")), body, **{"Idempotency-Key": "k"})
    assert Idempotency.objects.get().request != idempotency._digest("", body)


def test_what_has_not_changed_is_not_sent(client_as, actor):
    """An answer carries an ETag; asked with it, it is 304 until something changes."""
    make(1)
    client = client_as(actor("analyst"))
    tag = client.get("/api/test/jobs")["ETag"]
    assert client.get("/api/test/jobs", headers={"If-None-Match": tag}).status_code == 304
    make_one("new")
    assert client.get("/api/test/jobs", headers={"If-None-Match": tag}).status_code == 200


def test_a_change_can_ask_that_nothing_changed(client_as, actor):
    """If-Match with the tag that was read changes it, once somebody else did it is 412; with a star it is to be there."""
    make(1)
    client, url = client_as(actor("analyst")), f"/api/test/jobs/{UUID(int=1)}"
    send = {"path": url, "data": '{"text": "a"}', "content_type": "application/json"}
    tag = client.get(url)["ETag"]
    assert client.put(**send, headers={"If-Match": f'"other", {tag}'}).status_code == 200
    problem_of(client.put(**send, headers={"If-Match": tag}), 412)
    problem_of(client.delete(url, headers={"If-Match": tag}), 412)
    assert Job.objects.get().kind == "a"
    assert client.put(**send, headers={"If-Match": client.get(url)["ETag"]}).status_code == 200
    assert client.put(**send).status_code == 200
    assert client.delete(url, headers={"If-Match": "*"}).status_code == 204
    problem_of(client.put(**send, headers={"If-Match": "*"}), 404)


def test_what_cannot_be_read_is_not_as_somebody_read_it(client_as, actor):
    """Where nothing can be read, or not by who asks, If-Match changes nothing instead of meaning nothing."""
    make(1)
    send = {"data": '{"text": "a"}', "content_type": "application/json", "headers": {"If-Match": '"x"'}}
    client = client_as(actor("analyst"))
    problem_of(client.put(f"/api/test/unread/{UUID(int=1)}", **send), 412)
    token = replace(actor("analyst"), kind="token", scopes=frozenset({"jobs.cancel"}))
    problem_of(client_as(token).put(f"/api/test/jobs/{UUID(int=1)}", **send), 403)
    assert Job.objects.get().kind == "read"


def test_the_description(client_as, actor):
    """The description names authentication, problems and each operation's action; it is open to all."""
    told = client_as(None).get("/api/openapi.json").json()
    operation = told["paths"]["/api/test/jobs"]["post"]
    assert operation["x-hanse-action"] == "jobs.cancel"
    assert any(one["name"] == "Idempotency-Key" for one in operation["parameters"])
    assert "application/problem+json" in operation["responses"]["4XX"]["content"]
    assert told["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert {"Page_JobOut_", "Problem"} <= told["components"]["schemas"].keys()


def test_an_operation_without_a_guard_does_not_start():
    """An API with an operation that asks nobody is a mistake of the program, found when its routes are made."""
    bare = Router()

    @bare.get("/open")
    def open_to_all(request):
        return {}

    with pytest.raises(UsageError, match="open_to_all"):
        _ = make_api([("", bare)], version="bare").urls


def test_the_api_is_described_once(client_as, monkeypatch):
    """To describe it takes half a second in which nobody else is served: strangers have it done once."""
    made, describe = [], type(api).get_openapi_schema
    monkeypatch.setattr(
        type(api), "get_openapi_schema", lambda self, **where: made.append(1) or describe(self, **where)
    )
    stranger = client_as(None)
    first, again = (stranger.get("/api/openapi.json") for _ in range(2))
    assert first.json()["paths"]
    assert (first.content, first["Content-Type"]) == (again.content, again["Content-Type"])
    assert len(made) <= 1
