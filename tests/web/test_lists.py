"""Lists: a view is a link; pages by key; exports hold exactly what is shown; a million rows are no slower."""

import csv
import io
import json
import time
from itertools import pairwise
from uuid import UUID

import pytest
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from hanse.web import keyset, lists
from hanse.web.lists import Bulk, Column, Empty, Filter, Listed
from hanse.web.models import Job
from hanse.web.page import page, signed_in

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

LISTED = Listed(
    name="jobs",
    caption="Jobs",
    order="-created",
    columns=(
        Column(key="created", label="Started", value="created_us", format="when", sort="created_us"),
        Column(key="kind", label="Kind", sort="kind", link=lambda row: f"/jobs/{row.pk}/"),
        Column(key="rate", label="Rate", format="bps", sort="rate"),
        Column(key="ended", label="Ended", value="ended_us", format="when", sort="ended_us", shown=False),
    ),
    filters=(
        Filter(key="kind", label="Kind", field="kind"),
        Filter(
            key="state", label="State", field="state", choices=(("done", "finished"), ("failed", "failed"))
        ),
        Filter(key="rate", label="Rate at least", field="rate__gte", read=float, help="A number of bit/s."),
    ),
    bulk=(Bulk("jobs.cancel", "Cancel", "/cancel/"), Bulk("settings.edit", "Never", "/never/")),
    empty=Empty(
        "Jobs would be here.",
        (
            ("Start one", "/start/", "telemetry.import"),
            ("Read about them", "/help/", "jobs.view"),
            ("Set up", "/set/", "settings.edit"),
        ),
    ),
    export="attacks.export",
    live_seconds=5,
)


TAKEN: list[lists.Taken] = []
"""What a test wants to be told of what leaves."""


@page("jobs.view", "web/jobs.html")
def jobs(request):
    """A list whose export holds back what policy holds back."""
    signed_in(request)
    rows = Job.objects.all()
    return lists.answer(
        request,
        LISTED,
        lambda action: rows if action == "jobs.view" else rows.exclude(kind="secret"),
        "jobs.view",
        taken=lambda rows, keys: [tell(rows, keys) for tell in TAKEN],
    )


urlpatterns = [path("jobs/", jobs)]


def make(number: int, **more: object) -> list[Job]:
    """Rows with ids and times that count up."""
    rows = [
        Job(
            **{
                "id": UUID(int=n), "kind": "read", "title": "t", "params": {}, "owner": "x", "actor": {},
                "created_us": 1_178_721_120_000_000 + n * 1_000_000, "rate": n % 7, **more,
            }
        )
        for n in range(1, number + 1)
    ]  # fmt: skip
    return Job.objects.bulk_create(rows, batch_size=5000)


def text_of(client, query: str = "") -> str:
    """The page with the list."""
    answer = client.get(f"/jobs/{query}")
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


@given(
    values=st.lists(st.none() | st.integers(-3, 3), max_size=40),
    descending=st.booleans(),
    size=st.integers(1, 7),
)
def test_pages_by_key_visit_every_row_once_both_ways(values, descending, size):
    """Going forward through all pages gives all rows in order, once, with rows without value last; back the same."""
    Job.objects.all().delete()
    Job.objects.bulk_create(
        Job(id=UUID(int=n), kind="k", title="t", params={}, owner="x", actor={}, created_us=n, ended_us=value)
        for n, value in enumerate(values)
    )
    order = keyset.Order("ended_us", descending)
    wanted = list(keyset.ordered(Job.objects.all(), order).values_list("pk", flat=True))
    filled = [value for value in values if value is not None]
    first = Job.objects.in_bulk(wanted)
    assert [first[pk].ended_us for pk in wanted][: len(filled)] == sorted(filled, reverse=descending)
    seen, parts, after = [], [], None
    while True:
        parts.append(keyset.part(Job.objects.all(), order, size, after=after))
        seen += [row.pk for row in parts[-1].rows]
        after = parts[-1].after
        if after is None:
            break
    assert seen == wanted
    assert parts[0].before is None
    for earlier, later in pairwise(parts):
        back = keyset.part(Job.objects.all(), order, size, before=later.before)
        assert [row.pk for row in back.rows] == [row.pk for row in earlier.rows]


def test_the_page_shows_what_the_address_chooses(client_as, actor):
    """Filters become chips with the address without them; sorting and columns are in the address."""
    make(3)
    make_failed = Job.objects.filter(pk=UUID(int=2)).update(state="failed", kind="scan")
    assert make_failed
    client = client_as(actor("analyst"))
    text = text_of(client, "?state=failed&sort=rate&columns=kind,rate")
    assert "State: <strong>failed</strong>" in text
    assert 'href="?sort=rate&amp;columns=kind%2Crate"' in text
    assert text.count("data-row") == 1
    assert "2 bit/s" in text
    assert "2007-05-09" not in text.split("<tbody>")[1]
    assert 'aria-sort="ascending"' in text
    widened = text_of(client, "?state=failed&state=waiting")
    assert widened.count("data-row") == 3


@pytest.mark.parametrize(
    "query",
    ["?sort=nothing", "?columns=nothing", "?rate=fast", "?after=!!!", "?after=W10", "?before=WzEsMl",
     "?after=WyJ4IiwiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDEiXQ", "?kind=%00", "?as=exe",
     "?rate=1&rate=2", "?sort=kind&after=WyJcdTAwMDAiLCIwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMSJd", "?after=WzFlOTk5LCIwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMSJd"],
)  # fmt: skip
def test_what_means_nothing_is_told(client_as, actor, query):
    """An address that means nothing is told in words, never a server error, with a way back to the list."""
    answer = client_as(actor("analyst")).get(f"/jobs/{query}")
    assert answer.status_code == 400
    assert 'href="?">Show the whole list</a>' in answer.content.decode()


def test_cells_are_escaped_and_lead_on(client_as, actor):
    """What stands in a row is text, whatever it holds; the row and its linked cell lead to the row's page."""
    make(1, kind="<b>&'\"")
    text = text_of(client_as(actor("analyst")), "?columns=kind,rate")
    row = text.split("<tbody>")[1].split("</tbody>")[0].strip()
    one = UUID(int=1)
    box = f'<td class="select"><input type="checkbox" name="ids" value="{one}" aria-label="Select this row"></td>'
    kind = f'<td><a href="/jobs/{one}/">&lt;b&gt;&amp;&#x27;&quot;</a></td>'
    assert row == f'<tr data-row data-id="{one}">{box}{kind}<td class="num">1 bit/s</td></tr>'


def test_an_empty_list_says_what_would_be_here(client_as, actor):
    """With nothing at all the ways to get it stand there that the reader may go; with filters, the way back."""
    client = client_as(actor("analyst"))
    text = text_of(client)
    assert "Jobs would be here." in text
    assert 'href="/start/"' in text
    assert 'href="/help/"' in text
    assert 'href="/set/"' not in text
    assert "Nothing passes these filters." in text_of(client, "?kind=none")


def test_bulk_actions_by_role(client_as, actor):
    """What the actor may do with several rows is there, what not is not."""
    make(1)
    text = text_of(client_as(actor("analyst")))
    assert 'formaction="/cancel/"' in text
    assert "/never/" not in text
    assert 'name="ids"' in text


def test_the_table_alone_only_when_it_changed(client_as, actor):
    """A poll gets the table when it changed, and 204 when it has it already."""
    make(2)
    client = client_as(actor("analyst"))
    ask = {"HX-Request": "true", "HX-Target": "list-jobs"}
    first = client.get("/jobs/", headers=ask)
    assert first.content.startswith(b'<div id="list-jobs"')
    again = client.get("/jobs/", headers={**ask, "If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (204, b"")
    Job.objects.filter(pk=UUID(int=1)).update(kind="other")
    assert client.get("/jobs/", headers={**ask, "If-None-Match": first["ETag"]}).status_code == 200


def test_how_many_there_are_is_renewed_with_the_table(client_as, actor):
    """What a poll brings says how many there are now: a list must not show two rows and say that there is one."""
    make(1)
    client = client_as(actor("analyst"))
    assert '<p class="count" id="count-jobs"><strong class="num">1</strong>' in text_of(client)
    make(1, id=UUID(int=2))
    part = client.get("/jobs/", headers={"HX-Request": "true", "HX-Target": "list-jobs"}).content.decode()
    assert '<p class="count" id="count-jobs" hx-swap-oob="true"><strong class="num">2</strong>' in part


def test_exports_hold_exactly_what_is_shown(client_as, actor, monkeypatch):
    """A file has the page's columns and order and all rows of its filters, but none that may not leave."""
    make(60)
    Job.objects.filter(pk=UUID(int=5)).update(kind="secret")
    told = []
    monkeypatch.setattr(f"{__name__}.TAKEN", [lambda _rows, keys: told.append(len(keys))])
    client = client_as(actor("analyst"))
    answer = client.get("/jobs/?sort=created&columns=created,rate&as=csv")
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    names = client.get("/jobs/?columns=kind&as=json")
    assert rows[0] == ["Started (UTC)", "Rate (bit/s)"]
    assert rows[1] == ["2007-05-09T14:32:01.000Z", "1.0"]
    assert len(rows) == 60
    assert {row["kind"] for row in json.loads(names.getvalue())} == {"read"}
    assert told == [59, 59]
    assert 'filename="jobs.csv"' in answer["Content-Disposition"]


def test_what_leaves_is_what_was_written_down(client_as, actor, monkeypatch):
    """Rows that come, or that may leave no more, while a file is sent are not in it; many rows come in their order."""
    make(1200)
    monkeypatch.setattr(f"{__name__}.TAKEN", [lambda *_: make_late()])
    told = json.loads(
        client_as(actor("analyst")).get("/jobs/?sort=created&columns=kind,created&as=json").getvalue()
    )
    assert len(told) == 1199
    assert {row["kind"] for row in told} == {"read"}
    assert [row["created"] for row in told] == sorted(row["created"] for row in told)


def make_late():
    """A row that comes once the keys are read, and one that becomes a secret."""
    Job.objects.create(kind="late", title="t", params={}, owner="x", actor={}, created_us=1)
    Job.objects.filter(pk=UUID(int=700)).update(kind="secret")


def test_exports_need_their_own_action(client_as, actor):
    """Who may look but not export gets no file and no link to it."""
    make(1)
    approver = client_as(actor("approver"))
    assert "as=csv" not in text_of(approver)
    assert approver.get("/jobs/?as=csv").status_code == 403


def test_many_rows_are_counted_only_so_far(client_as, actor):
    """Beyond 1,000 rows a list says so without counting."""
    make(1200)
    text = text_of(client_as(actor("analyst")))
    assert "1\u2009000+" in text
    assert text.count("data-row") == lists.SIZE


@pytest.mark.soak
def test_a_million_rows_are_no_slower(client_as, actor):
    """The first page and a page far inside come in under 100 ms with a million rows."""
    make(1_000_000)
    client = client_as(actor("analyst"))
    text_of(client)
    for query in (
        "",
        "?after=" + keyset._cursor(Job.objects.get(pk=UUID(int=400_000)), keyset.Order("created_us", True)),
    ):
        began = time.perf_counter()
        text_of(client, query)
        assert time.perf_counter() - began < 0.1
