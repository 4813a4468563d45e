"""A large file of intelligence: how far it is, what stays of one that was stopped, and the way back to it."""

from collections.abc import Callable
from operator import length_hint

import pytest

from hanse.intel import reading_ahead, service
from hanse.intel.models import Batch, Item
from hanse.intel.reading_ahead import items_ahead
from hanse.intel.recognise import items
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.web import jobs
from hanse.web.jobs import Cancelled
from hanse.web.models import Job, State
from tests.conftest import AUTHORITY
from tests.intel.test_room import bundle, indicator
from tests.ledger.made import findings
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

LIST = b"value\n" + b"".join(b"8.8.8.%d\n" % number for number in range(9))


@pytest.fixture
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports of a few items are written in several transactions, as large ones are."""
    monkeypatch.setattr(service, "CHUNK", 2)


@pytest.mark.parametrize("from_bytes", [1, 1_000_000])
@pytest.mark.parametrize(
    ("data", "about"), [(LIST, 10), (bundle(*(indicator(n, f"8.8.8.{n}") for n in range(7))), 7)]
)
def test_how_many_items_come_is_said_before_they_are_read(
    data: bytes, about: int, from_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar without an end tells nobody whether a list of 900,000 rows takes two minutes or an hour."""
    monkeypatch.setattr(reading_ahead, "FROM_BYTES", from_bytes)
    for read in (items, items_ahead):
        _, stream = read(data, "some", Marking.own(AUTHORITY), "")
        assert length_hint(stream) == about
        assert len(list(stream)) == about - (data is LIST)


@pytest.mark.usefixtures("chunks_of_two")
def test_an_import_says_how_far_it_is(actor: People) -> None:
    """Each transaction tells how many items are done, and of how many."""
    told: list[tuple[int, int]] = []
    service.bring_in(LIST, "list.csv", actor("analyst"), progress=lambda *far: told.append(far))
    assert told == [(2, 10), (4, 10), (6, 10), (8, 10), (9, 10)]


@pytest.mark.usefixtures("chunks_of_two")
def test_what_was_stopped_has_an_account_of_what_came(actor: People) -> None:
    """Without one nobody could see, take out or mark more strictly what a cancelled import left behind."""

    def stops(done: int, _total: int) -> None:
        if done == 4:
            raise Cancelled("The job was cancelled.")

    mari = actor("analyst")
    with pytest.raises(Cancelled):
        service.bring_in(LIST, "list.csv", mari, progress=stops)
    account = Batch.projected.get()
    assert Item.projected.filter(batch=account.pk.hex).count() == account.fresh == 4
    assert account.detail["left_out"][0] == (
        "The job was cancelled. What came until then is here, and the rest is not: bring it in again for that."
    )
    assert service.bring_in(LIST, "list.csv", mari).known == 4
    assert findings() == []


def test_what_was_stopped_before_anything_came_has_none(actor: People) -> None:
    """A file that is none of the formats is told by its job alone."""
    with pytest.raises(UsageError, match="rows"):
        service.bring_in(b"value\n" + b"a\n" * 1_000_001, "list.csv", actor("analyst"))
    assert not Batch.projected.exists()


def test_an_import_that_goes_on_is_found_where_it_was_begun(actor: People, client_as: Clients) -> None:
    """Who left its page and comes back to bring in more sees it, and nobody else's."""
    mari, other = actor("analyst"), actor("analyst")
    job = jobs.start("bring-in", "large.csv", {}, mari)
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING, done=2_500, total=900_000)
    page = client_as(mari).get("/intelligence/imports/").content.decode()
    assert f'href="/jobs/{job.pk}/">large.csv</a>' in page
    assert f"{units.count(2_500)} of {units.count(900_000)}" in page
    assert "large.csv" not in client_as(other).get("/intelligence/imports/").content.decode()
    Job.objects.filter(pk=job.pk).update(state=State.DONE)
    assert "large.csv" not in client_as(mari).get("/intelligence/imports/").content.decode()


def test_items_are_offered_where_an_account_has_some(actor: People, client_as: Clients) -> None:
    """A link to a list that is empty leads nowhere."""
    mari = actor("analyst")
    service.bring_in(LIST, "list.csv", mari)
    service.bring_in(LIST, "again.csv", mari)
    first, second = Batch.projected.order_by("sequence")
    client = client_as(mari)
    assert f"?batch={first.pk.hex}" in client.get(f"/intelligence/imports/{first.pk}/").content.decode()
    assert f"?batch={second.pk.hex}" not in client.get(f"/intelligence/imports/{second.pk}/").content.decode()


def test_whoever_brought_a_wrong_file_is_led_to_choose_another(actor: People, client_as: Clients) -> None:
    """To begin the same work again with the same file fails again; the way back to the form is on the job's page."""
    mari = actor("analyst")
    client = client_as(mari)
    for kind, form in (("bring-in", "/intelligence/imports/"), ("analyse", "/flows/inputs/")):
        job = jobs.start(kind, "photo.csv", {}, mari)
        link = f'<a href="{form}">Choose another file</a>'
        assert link not in client.get(f"/jobs/{job.pk}/").content.decode()
        Job.objects.filter(pk=job.pk).update(state=State.FAILED)
        assert link in client.get(f"/jobs/{job.pk}/").content.decode()
