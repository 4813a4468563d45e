"""Every page that the first user reaches, in light, in dark and on a telephone."""

import re

import pytest

from tests.browser.walking import WIDE, axe, kind_of, look, walk

NO_PAGES = re.compile(r"^/api/|^/accounts/logout/|[?&]as=|[?&](after|before|sort)=")
"""Files, the end of the session, and the same list in another order or further down."""

ROOMS = {
    "/", "/start/", "/attacks/", "/attacks/ID/", "/attacks/ID/flows/", "/campaigns/", "/campaigns/ID/", "/flows/",
    "/flows/inputs/", "/constituency/", "/ledger/", "/ledger/0/", "/ledger/0/proof/", "/people/", "/people/ID/",
    "/people/teams/", "/people/approvals/", "/people/log/", "/people/me/", "/people/invite/", "/settings/", "/jobs/",
    "/jobs/ID/",
}  # fmt: skip
"""What there must be a way to, by links alone."""


@pytest.fixture(scope="module")
def seen(desks):
    """All pages, looked at once, and two that no link leads to."""
    desk = inspector(desks)
    pages = list(walk(desk, skip=NO_PAGES))
    pages += [look(desk, "/search/?q=195.80.105.107"), look(desk, "/people/step-up/")]
    return pages


def inspector(desks):
    """A window of somebody whom no page asks for a passkey or for a reason."""
    desk = desks()
    desk.step_up()
    # Coded material is among what others brought in.
    desk.page.goto("/intelligence/?why=A+look+at+every+page")
    return desk


def wrong(seen, what):
    """The pages with something wrong, and what."""
    return {page.address: getattr(page, what) for page in seen if getattr(page, what)}


def test_links_lead_to_every_room(seen):
    """Every room is reached by following links from the situation page."""
    assert ROOMS - {kind_of(page.address) for page in seen} == set()


def test_every_link_leads_to_a_page(seen):
    """No link leads to a page that is not there, not allowed or broken."""
    assert {page.address: page.status for page in seen if page.status != 200} == {}


def test_browser_complains_of_nothing(seen):
    """No page raises an error, asks for anything from elsewhere or trips the content policy."""
    assert wrong(seen, "complaints") == {}


def test_axe_finds_nothing(seen):
    """No page breaks a rule of WCAG 2.1 A or AA that axe-core can check."""
    assert wrong(seen, "axe") == {}


def test_dark_pages_have_contrast(seen):
    """Text stands out from its ground by 4.5 to 1 in the dark theme as well (WCAG 2.1, 1.4.3)."""
    assert wrong(seen, "dark") == {}


@pytest.mark.soak
def test_axe_finds_nothing_in_any_row(desks):
    """Nor does a row far down a table break a rule, in light or in dark."""
    pages = list(walk(inspector(desks), skip=NO_PAGES, all_rows=True))
    assert (wrong(pages, "axe"), wrong(pages, "dark")) == ({}, {})


def test_telephones_scroll_one_way(seen):
    """At 390 pixels no page scrolls sideways."""
    assert wrong(seen, "wide") == {}


@pytest.mark.parametrize("width", [320, 641, 768, 861, 1001])
def test_no_screen_scrolls_sideways(desks, width):
    """Nor does any page at other widths, from a small telephone to a tablet on its side: the bar gives way."""
    page = desks(viewport={"width": width, "height": 844}).page
    for where in ("/", "/ledger/", "/flows/"):
        page.goto(where)
        assert page.evaluate(WIDE) == [], where


HIDDEN_FAR_RIGHT = """() => {
    const [box, wide, hidden] = ["div", "div", "span"].map((one) => document.createElement(one));
    box.className = "scroll"; hidden.className = "visually-hidden"; hidden.textContent = "Decide";
    wide.style.width = "2000px"; wide.style.textAlign = "right";
    wide.append(hidden); box.append(wide); document.querySelector("main").append(box);
    return document.documentElement.scrollWidth;
}"""


def test_a_telephone_shows_where_one_is(desks):
    """At 390 pixels the rail is scrolled to the current room, and what is hidden in a table widens no page."""
    page = desks(viewport={"width": 390, "height": 844}).page
    page.goto("/ledger/")
    place = page.locator(".rail a[aria-current]").bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    assert page.evaluate(HIDDEN_FAR_RIGHT) <= 390


BAR_LINES = """() => new Set([...document.querySelectorAll('.top > *')].map((one) => {
    const {top, height} = one.getBoundingClientRect();
    return Math.round((top + height / 2) / 8);
})).size"""


def test_the_bar_of_a_telephone_leaves_room_for_the_page(desks):
    """At 390 pixels it takes two lines; what is an icon there is still called what it is, and its lists fit the screen."""
    page = desks(viewport={"width": 390, "height": 844}).page
    page.goto("/ledger/")
    assert page.evaluate(BAR_LINES) == 2
    assert page.locator(".top").bounding_box()["height"] <= 112
    page.get_by_role("button", name="Theme").click()
    for name in (".top > .waiting", ".top > .who"):
        page.locator(f"{name} > summary").click()
        place = page.locator(f"{name} > ul").bounding_box()
        assert place["x"] >= 0, name
        assert place["x"] + place["width"] <= 390, name
        page.locator(f"{name} > summary").click()


def test_merging_waits_for_two(desks):
    """With one row chosen nothing can be merged, and the bar says why; with two it can."""
    page = desks().page
    page.goto("/attacks/")
    button, boxes = (
        page.get_by_role("button", name="Merge into one attack"),
        page.locator("tbody .select input"),
    )
    boxes.nth(0).check()
    assert button.is_disabled()
    assert "Choose two or more" in page.inner_text(".bulkbar")
    boxes.nth(1).check()
    assert button.is_enabled()


def test_pages_of_strangers_are_as_good(browser, loaded):
    """Who is not signed in sees a page that is accessible, complains of nothing and tells nothing."""
    from tests.browser.desk import Desk

    desk = Desk.at(browser, loaded)
    try:
        page = look(desk, "/accounts/login/")
        assert (page.status, page.complaints, page.axe, page.dark, page.wide) == (200, [], [], [], [])
        assert desk.page.locator(".rail, .marking").count() == 0
    finally:
        desk.close()


def test_nothing_here_is_said_in_words(desks):
    """An address that leads nowhere answers with a page of the node that says what to do."""
    desk = desks()
    answer = desk.page.goto("/attacks/00000000-0000-4000-8000-000000000000/")
    assert answer.status == 404
    assert "Nothing here" in desk.page.inner_text("h1")
    answer = desk.page.goto("/nowhere/")
    assert answer.status == 404
    assert "Nothing here" in desk.page.inner_text("h1")
    assert desk.page.locator(".rail").count() == 1
    assert axe(desk) == []
