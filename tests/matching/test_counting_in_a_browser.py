"""Counting common sources at a real browser: what is agreed, what came of it, what was refused and why, and asking anew."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect

from hanse.accounts import contents, links
from hanse.accounts.projections import grant_id
from hanse.kernel.clock import now_us
from hanse.ledger.writing import Draft, append_many
from hanse.matching import counting
from hanse.matching.quota import DAY_US
from tests.accounts.people import NODE, acting, newcomer
from tests.browser import passkey
from tests.browser.chromium import chromium, opened
from tests.browser.watching import Watch, watch
from tests.matching.history_counting import counted

pytestmark = [pytest.mark.usefixtures("founded"), pytest.mark.urls("hanse.urls")]

OLEV = "Olev Ots"


def _invited_officer() -> str:
    """Where an officer who was invited comes in."""
    person = uuid4()
    granted = contents.RoleGranted(person.hex, "officer")
    told = [
        Draft("accounts.invited", contents.Invited(OLEV), person),
        Draft("accounts.role_granted", granted, grant_id(person, "officer")),
    ]
    append_many(told, NODE)
    return links.make(person, "join", [], NODE)


@pytest.fixture
def window(live_server) -> Iterator[tuple[Page, Watch]]:
    """An officer's window on this process's node, which counted with a partner and was asked by it.

    The node lives through that before the browser opens: from then on this thread may not ask its database.
    """
    mari, approver = (acting(newcomer(*roles)) for roles in (("officer", "analyst"), ("approver",)))
    counted(mari, approver)
    counting.give_up(now_us() + 2 * DAY_US)  # nothing is waited for any more
    invitation = _invited_officer()
    with chromium() as browser:
        page = opened(browser, base_url=live_server.url)
        seen = watch(page, live_server.url)
        passkey.come_in(page, live_server.url + invitation, OLEV)
        yield page, seen


def test_sources_are_counted_and_refused_on_pages(window):
    """Matches has the agreement and whom it refused; the partner's attack has each count, the reasons, and takes another."""
    page, seen = window
    page.goto("/matches/")
    agreed = page.locator("#agreements tbody tr").filter(has_text="NO-CERT")
    expect(agreed).to_contain_text("how many sources of attacks both have")
    expect(agreed).to_contain_text("counts 2 of 200")
    asked = page.locator("#askings li").filter(has_text="NO-CERT, for common sources of attacks")
    expect(asked).to_have_count(3)
    refused = asked.filter(has_text="was refused: There is no such attack here that you were given")
    expect(refused).to_have_count(1)

    page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Attacks").click()
    page.get_by_role("link", name="Partners' attacks").first.click()
    page.locator("tr[data-row]").first.click()
    counts = page.locator("#sources-in-common tbody tr")
    expect(counts.filter(has_text="40 of 40")).to_have_count(1)
    expect(counts.filter(has_text="Refused no-cert: Tomorrow.")).to_have_count(1)

    before = counts.count()
    _asks(page, "The same botnet?")
    expect(page.locator("body")).to_contain_text("Asked. The partner answers within seconds if it is there.")
    expect(counts).to_have_count(before + 1)
    expect(counts.filter(has_text="Not answered yet")).to_contain_text(OLEV)
    _asks(page, "Again?")
    expect(page.locator("form.form")).to_contain_text("waits for the partner already")
    assert seen.taken() == []


def _asks(page: Page, why: str) -> None:
    """Have it counted, with the one own attack that there is."""
    page.get_by_role("link", name="Count common sources").click()
    page.get_by_label(re.compile(r"62\.65\.192\.77, .* \(at the same second\)")).check()
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Count", exact=True).click()
