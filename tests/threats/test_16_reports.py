"""Threat 16 for what is written here: a report that is not for the reader shows nowhere, and what is hidden cannot be cited."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from hanse.intel import authoring
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.policy import service as policy
from tests.conftest import AUTHORITY
from tests.intel.test_own import an_attack, report
from tests.threats.test_16_correlation import asked
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

RED = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)


def test_a_hidden_report_changes_no_page_and_takes_no_query(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient]
) -> None:
    """The page of the attack, lists, searches and answers are letter for letter as if the report were not there."""
    mari = actor("analyst", teams=("amber",))
    about, reader = an_attack(mari), client_as(actor("analyst"))
    seen = authoring.write(replace(report("Seen"), cites=(about.pk,)), mari)
    pages = (
        f"/attacks/{about.pk}/", "/intelligence/", f"/intelligence/{seen}/", "/search/?q=8.8.4.4", "/search/?q=Hidden",
        "/api/intelligence/items", f"/api/intelligence/items/{seen}/shared", f"/intelligence/write/report/?cite={about.pk}",
    )  # fmt: skip
    for page in pages:
        reader.get(page)  # what is remembered between questions is remembered now
    before = {page: asked(reader, page) for page in pages}
    for number in range(3):
        hidden = authoring.write(replace(report(f"Hidden {number}"), cites=(about.pk, seen)), mari)
        policy.mark(hidden, RED, "amber", mari, "Only those who work on it.")
    for page in pages:
        assert asked(reader, page) == before[page], page
    assert "Hidden 2" in client_as(mari).get(f"/attacks/{about.pk}/").content.decode()


@pytest.mark.parametrize(
    "address",
    ["{}/", "{}/edit/", "{}/grade/", "{}/take-back/", "write/report/?cite={}", "write/sighting/?of={}"],
)
def test_a_hidden_report_is_as_none(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient], address: str
) -> None:
    """Whether an id is hidden or none, every page answers alike; a report that cites it is refused alike."""
    mari = actor("analyst", teams=("amber",))
    hidden = authoring.write(report("Hidden"), mari)
    policy.mark(hidden, RED, "amber", mari, "Only those who work on it.")
    reader, none = client_as(actor("analyst")), uuid4()
    reader.get(f"/intelligence/{address.format(none)}")
    told = [asked(reader, f"/intelligence/{address.format(one)}") for one in (hidden, none)]
    assert told[0][0].replace(str(hidden), str(none)) == told[1][0]
    assert told[0][1] == told[1][1]
