"""A row that was altered in the database is named; the rest of its list is shown, told and exported all the same."""

import csv
import io
import json

import pytest
from django.urls import path
from ninja import Query, Router, Schema

from hanse.web import lists
from hanse.web.api import Page, Paging, endpoint, make_api, paged
from hanse.web.jobs_api import router as jobs_router
from hanse.web.keyset import Order
from hanse.web.lists import Column, Filter, Listed
from hanse.web.models import Job
from hanse.web.page import page
from tests.web.test_lists import make

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

LISTED = Listed(
    name="jobs",
    caption="Jobs",
    order="created",
    columns=(
        Column(key="created", label="Started", value="created_us", format="count", sort="created_us"),
        Column(key="title", label="Title"),
    ),
    filters=(Filter(key="kind", label="Kind", field="kind"),),
    export="attacks.export",
)
WHERE = "web_job, row 00000000000000000000000000000002 read altered, title"
WHAT_TO_DO = "hanse node fsck"

router = Router()


class JobOut(Schema):
    """One job."""

    title: str


@router.get("/jobs", response=Page[JobOut])
@endpoint("jobs.view")
def list_jobs(request, paging: Query[Paging]):
    """All jobs."""
    return paged(Job.objects.all(), Order("created_us"), paging)


@page("jobs.view", "web/jobs.html")
def jobs_page(request):
    """All jobs."""
    return lists.answer(request, LISTED, lambda _action: Job.objects.all(), "jobs.view")


api = make_api([("/test", router), ("/jobs", jobs_router)], rate="100000/m")
urlpatterns = [path("jobs/", jobs_page), path("api/", api.urls)]


@pytest.fixture
def client(client_as, actor):
    """An analyst's, on a node with three jobs, the second of which somebody made their own by SQL."""
    make(3)
    second = Job.objects.order_by("created_us")[1]
    Job.objects.filter(pk=second.pk).update(owner="altered")
    return client_as(actor("analyst"))


def test_the_page_shows_the_others_and_names_it(client):
    """Its place in the list says which row it is, in which column, and what to do."""
    answer = client.get("/jobs/")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert text.count("data-row") == 3
    assert text.count("<td>t</td>") == 2
    assert WHERE in text
    assert WHAT_TO_DO in text


def test_a_file_has_the_others_and_names_it(client):
    """CSV and JSON are whole, and say in its cell what is wrong."""
    told = b"".join(client.get("/jobs/?as=csv").streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [row["Title"] for row in rows][::2] == ["t", "t"]
    assert WHERE in rows[1]["Title"]
    told = json.loads(b"".join(client.get("/jobs/?as=json").streaming_content))
    assert [WHERE in row["title"] for row in told] == [False, True, False]


def test_the_api_tells_the_others_and_names_it(client):
    """It stands beside the items, and the cursor goes past it."""
    told = client.get("/api/test/jobs?limit=2").json()
    assert [row["title"] for row in told["items"]] == ["t"]
    assert WHERE in told["altered"][0]
    assert WHAT_TO_DO in told["altered"][0]
    rest = client.get(f"/api/test/jobs?limit=2&cursor={told['next']}").json()
    assert ([row["title"] for row in rest["items"]], rest["next"], rest["altered"]) == (["t"], None, [])


def test_a_job_that_was_altered_still_says_how_far_it_is(client):
    """What it is about is for nobody, as on its page; the list of jobs names it and goes on."""
    second = Job.objects.get(owner="altered")
    told = client.get(f"/api/jobs/{second.pk}")
    assert told.status_code == 200
    assert (told.json()["state"], told.json()["title"]) == ("waiting", None)
    told = client.get("/api/jobs").json()
    assert (len(told["items"]), WHERE in told["altered"][0]) == (2, True)
