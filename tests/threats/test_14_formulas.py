"""Threat 14: spreadsheet formulas in exports. What is opened again has no cell that calculates.

The same file is opened as spreadsheets in different countries open it: cells parted by commas, semicolons or tabs.
"""

import csv
import io
import json
import unicodedata
from uuid import UUID

import pytest
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from hanse.attacks.present import csv_text
from hanse.telemetry.listing import write_csv
from hanse.web import exports, lists
from hanse.web.lists import Column, Listed
from hanse.web.models import Job
from hanse.web.page import page
from tests.telemetry.made import batch
from tests.web.conftest import client_as  # noqa: F401 - the fixture is used by its name

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

PAYLOADS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "=cmd|'/c calc'!A0",
    '=HYPERLINK("http://192.0.2.1/","open")',
    '"=1+1',
    "'=1+1",
    'a";=1+1;"',
    "a;=1+1",
    "a\t=1+1",
    "a\r\n=1+1",
    "a\n\n  -1",
    "a;\u200b @SUM(A1)",
    '";"=1',
)
"""Texts that an attacker can put into a name in telemetry."""

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

LISTED = Listed(
    name="names",
    caption="Names",
    order="created",
    columns=(
        Column(key="kind", label="=Kind"),
        Column(key="created", label="Created", value="created_us", format="count", sort="created_us"),
    ),
    export="attacks.export",
)


@page("attacks.view", "web/jobs.html")
def names(request):
    """A list of names from outside."""
    return lists.answer(request, LISTED, lambda _action: Job.objects.all(), "attacks.view")


urlpatterns = [path("names/", names)]


def calculates(cell: str) -> bool:
    """Whether a spreadsheet would take a cell for a formula, blanks and invisible signs in front disregarded."""
    text = cell.lstrip('"')
    while text and (text[0].isspace() or unicodedata.category(text[0]) in {"Cf", "Cc", "Zs"}):
        text = text[1:].lstrip('"')
    return text.startswith(SIGNS) and not number(text)


def number(text: str) -> bool:
    """Whether it is nothing but a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def opened(text: str) -> list[str]:
    """All cells of a file, as each reader sees them."""
    cells = []
    for delimiter in (",", ";", "\t"):
        reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
        cells += [cell for row in reader for cell in row]
    # A reader that takes every line end for the end of a row.
    cells += [cell for line in text.splitlines() for cell in line.split(";")]
    return cells


def test_an_exported_list_has_no_formula(client_as, actor):  # noqa: F811 - the fixture
    """Names that would calculate come out of the real export as texts, headings too; JSON keeps them exactly."""
    Job.objects.bulk_create(
        Job(id=UUID(int=n), kind=one, title="t", params={}, owner="x", actor={}, created_us=-n)
        for n, one in enumerate(PAYLOADS)
    )
    client = client_as(actor("analyst"))
    text = client.get("/names/?as=csv").getvalue().decode()
    assert [cell for cell in opened(text) if calculates(cell)] == []
    assert "-5" in opened(text)
    kept = json.loads(client.get("/names/?as=json").getvalue())
    assert sorted(row["kind"] for row in kept) == sorted(PAYLOADS)


@given(
    st.lists(
        st.lists(
            st.text(alphabet=st.sampled_from("=+-@\t\r\n;,\"' a1\u200b\uff1d\u00a0")), min_size=2, max_size=2
        )
    )
)
def test_no_text_becomes_a_formula(rows):
    """No mixture of signs, blanks, quotes, separators and line ends calculates for any reader."""
    text = "".join(exports.csv_lines(["a", "b"], rows))
    assert [cell for cell in opened(text) if calculates(cell)] == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_the_shell_prints_has_no_formula(payload):
    """Flows from a file that is called so, and attacks with such a text: as the shell writes them, and a pipe keeps them."""
    out = io.StringIO()
    write_csv([batch([0], payload)], out)
    text = out.getvalue() + csv_text(["id", "threshold"], [{"id": "a", "threshold": payload}])
    assert [cell for cell in opened(text) if calculates(cell)] == []


@given(
    st.text(
        alphabet=st.characters(categories=["L", "N", "P"], exclude_characters="=+-@\uff1d\uff0b\uff0d\uff20;")
    )
)
def test_harmless_texts_are_not_touched(text):
    """What cannot calculate comes back as it was."""
    assert exports.neutral(text) == text
