"""A list of jobs asks what may be read of all of them at once: it is renewed every two seconds on every open page."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse import jobs_wiring
from hanse.intel import feed_clock, feeds
from hanse.kernel.actors import Actor, system
from hanse.web import jobs
from hanse.web.models import Job
from hanse.web.views import HIDDEN
from tests.conftest import AUTHORITY
from tests.intel.test_feeds import LIST
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
CLOCK = system("feeds", AUTHORITY, "EE")


@pytest.mark.parametrize("page", ["/jobs/", "/jobs/?as=csv", "/api/jobs"])
def test_many_jobs_cost_no_more_questions_than_few(
    actor: People, client_as: Callable[..., ActingClient], page: str
) -> None:
    """Of twenty feeds, and of the work of others that shows nothing."""
    jobs_wiring.register()
    mari, jaan = actor("analyst"), actor("analyst", name="Jaan Tamm")
    client = client_as(mari)

    def asked() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(page)
            text = response.getvalue().decode()
        return len(queries), text

    def more(number: int) -> None:
        for at in range(number):
            feed = feeds.subscribe(
                replace(LIST, url=f"{LIST.url}{number}/{at}", name=f"Feed {number} {at}", every_s=900), jaan
            )
            jobs.start(feed_clock.KIND, f"Feed {number} {at}", {"feed": feed.hex}, CLOCK)
            jobs.start("bring-in", "Canary", {}, jaan)

    more(1)
    asked()  # what is read once for the process
    few, _ = asked()
    more(10)
    many, text = asked()
    assert Job.objects.count() == 22
    assert many == few
    assert "Feed 10 9" in text
    assert "Canary" not in text
    assert (HIDDEN in text.replace("&#x27;", "'")) is not page.startswith("/api/")
