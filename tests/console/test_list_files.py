"""Every list of the console can be taken as a file of exactly what it shows."""

import csv
import json
from collections.abc import Callable
from io import StringIO

import pytest

from hanse.cases.models import Case
from hanse.kernel.actors import Actor
from hanse.recording import record
from tests.cases.made import investigator, opened
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

LISTS = (
    "/attacks/", "/campaigns/", "/intelligence/", "/intelligence/imports/", "/intelligence/feeds/", "/cases/",
    "/cases/subjects/", "/flows/inputs/", "/flows/partitions/", "/constituency/", "/ledger/", "/jobs/",
)  # fmt: skip
ROLES = frozenset({"analyst", "investigator", "officer", "administrator"})


@pytest.fixture
def client(client_as: Callable[..., ActingClient]) -> ActingClient:
    """Somebody who may take out all of it, on a node with attacks and a case, who has said why."""
    _, kaja = opened(investigator())
    who = Actor(**{name: getattr(kaja, name) for name in Actor.__slots__} | {"roles": ROLES})
    record(earliest(12), who)
    made = client_as(who)
    made.get("/cases/", {"why": "Case work"})
    return made


def text_of(answer: object) -> str:
    """The file that came."""
    return b"".join(answer).decode()  # type: ignore[call-overload]


def test_each_list_is_a_file(client: ActingClient) -> None:
    """As CSV and as JSON, with the columns of the page; the address that the page links to gives it."""
    full = set()
    for address in LISTS:
        page = client.get(address).content.decode()
        assert "as=csv" in page, address
        rows = list(csv.reader(StringIO(text_of(client.get(f"{address}?as=csv")))))
        told = json.loads(text_of(client.get(f"{address}?as=json")))
        assert len(rows) - 1 == len(told), address
        assert len(rows[0]) >= 5, address
        full |= {address} if told else set()
    assert {"/attacks/", "/campaigns/", "/cases/", "/ledger/"} <= full


def test_a_file_of_cases_holds_those_of_the_reader_alone(client: ActingClient) -> None:
    """Another team's case is in no file of somebody who may not know that it exists."""
    opened(investigator(name="Jaan Tamm"), "Somebody else's case")
    assert Case.projected.count() == 2
    assert [one["title"] for one in json.loads(text_of(client.get("/cases/?as=json")))] == ["Two gangs"]
