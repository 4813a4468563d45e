"""Time, theme and paper."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.paper import sheets
from tests.browser.walking import settle


def test_times_are_utc_with_local_time_on_hover(desks):
    """A page shows UTC and says so; hovering over a time tells the local time of who reads it."""
    desk = desks(timezone_id="America/Lima", locale="en-GB")
    page = desk.page
    page.goto("/attacks/")
    shown = page.locator("tr[data-row] time").first
    expect(shown).to_have_text(re.compile(r"^2007-05-\d\d \d\d:\d\d UTC$"))
    utc = re.fullmatch(r"2007-05-(\d\d) (\d\d):(\d\d) UTC", shown.inner_text())
    hour = (int(utc[2]) - 5) % 24  # Lima is five hours behind UTC all the year
    expect(shown).to_have_attribute("title", re.compile(rf"\b{hour:02}:{utc[3]}:\d\d\b"))
    expect(page.locator(".clock")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$"))
    assert desk.seen.taken() == []


def test_every_time_has_its_local_time(desks):
    """No time on a page of an attack is without its local time, and each stands in a `time` element."""
    page = desks().page
    page.goto("/attacks/")
    page.locator("tr[data-row] a").first.click()
    page.wait_for_url(re.compile("/attacks/[0-9a-f-]{36}/"))
    expect(page.locator("main time").first).to_have_attribute("title", re.compile("."))
    assert page.evaluate("[...document.querySelectorAll('time')].filter((one) => !one.title).length") == 0


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_chosen_theme_stays(desks, system):
    """The theme follows the system until somebody chooses; the choice holds on the next page, before it is painted."""
    desk = desks(color_scheme=system)
    page = desk.page
    other = {"light": "dark", "dark": "light"}[system]
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.goto("/settings/")
    first = page.evaluate(ground)
    page.get_by_role("button", name="Theme").click()
    assert page.evaluate(ground) != first
    page.goto("/ledger/", wait_until="commit")
    page.wait_for_function("document.querySelector('.rail')")
    assert page.evaluate("document.documentElement.dataset.theme") == other
    assert page.evaluate(ground) != first
    page.get_by_role("button", name="Theme").click()
    page.reload()
    assert page.evaluate(ground) == first
    assert desk.seen.taken() == []


@pytest.mark.parametrize("where", ["/", "/attacks/", "attack", "campaign"])
def test_paper_carries_the_marking_on_every_sheet(desks, where):
    """On paper the marking stands at the head and at the foot of every sheet, in words; menus and buttons are left out."""
    desk = desks()
    page = desk.page
    if where.startswith("/"):
        page.goto(where)
    else:
        page.goto(f"/{where}s/")
        page.locator("tr[data-row] a").first.click()
        page.wait_for_url(re.compile(f"/{where}s/[0-9a-f-]{{36}}/"))
    settle(desk)
    band = page.locator(".marking").first.inner_text().split("\n")[0]
    assert band.startswith("TLP:")
    told = sheets(page.pdf(prefer_css_page_size=True))
    assert told
    wanted = band.replace(" ", "").replace("\u00a0", "")
    for number, text in enumerate(told, 1):
        assert text.count(wanted) >= 2, f"sheet {number} of {len(told)}: {text[:200]}"
        assert "Skiptothecontent" not in text
    assert len(told) > 1 or where == "/"


def test_paper_is_light(desks):
    """Paper is white, whatever theme is on the screen."""
    page = desks(color_scheme="dark").page
    page.goto("/attacks/")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"


def test_the_timeline_begins_with_the_latest_attacks(desks):
    """Where years of quiet part the latest attacks from those before, these are seen first, and it says so; one button shows all."""
    page = desks().page
    asked = re.compile(r"/api/attacks/timeline")

    def with_a_late_one(route):
        told = route.fetch().json()
        last = max(told["attacks"], key=lambda one: one["start_us"])
        later = 10 * 365 * 86_400_000_000
        told["now_us"] += later
        late = {
            "id": "late",
            "start_us": last["start_us"] + later,
            "end_us": last["start_us"] + later + 600_000_000,
        }
        told["attacks"].append(last | late)
        route.fulfill(json=told)

    page.route(asked, with_a_late_one)
    page.goto("/")
    box = page.locator("[data-island=timeline]")
    said = box.get_by_text("Attacks before that:")
    expect(said).to_contain_text(re.compile(r"Seen from 2017-05-\d\d .* Attacks before that: 1\d\d\."))
    box.get_by_role("button", name="Whole time").click()
    expect(said).to_be_hidden()
    page.unroute(asked)
    page.goto("/")
    page.wait_for_selector("[data-island=timeline] svg")
    expect(said).to_be_hidden()


def test_what_flows_add_up_to_is_whole(desks):
    """On a desk's screen no column of the sums is cut off: the share, which is the last, is what they are read for."""
    desk = desks()
    desk.page.goto("/flows/?address=213.184.50.69")
    cut = desk.page.locator(".columns .scroll").evaluate_all(
        "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.getAttribute('aria-label'))"
    )
    assert cut == []
    assert desk.page.locator(".columns .scroll").count() >= 5
