"""The page in a real browser: nothing runs that should not, and what should work does."""

import dataclasses

import pytest

from hanse.campaigns.report.page import write
from tests.campaigns.report import made


@pytest.fixture(scope="module")
def opened(browser, borders, tmp_path_factory):
    """Opens findings as a file; the page's complaints, dialogs and requests are noted beside it."""
    folder = tmp_path_factory.mktemp("pages")
    contexts = []

    def start(name, findings, *, hash_="", **options):
        path = folder / f"{name}.html"
        write(findings, path)
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.noted = []
        page.on("dialog", lambda dialog: (page.noted.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: page.noted.append(message.text))
        page.on("pageerror", lambda error: page.noted.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(path.as_uri()) else page.noted.append(f"request {request.url}")
            ),
        )
        page.goto(path.as_uri() + hash_)
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def estonia(opened, borders):
    """The Estonia-like report, open."""
    return opened("estonia", made.estonia(borders))


def shown_rows(page):
    """How many rows of the table are not hidden."""
    return page.evaluate(
        "[...document.querySelectorAll('#attack-table tbody')].filter(b => !b.hidden).length"
    )


def first_bar(page):
    """Place and width of the first bar in pixels."""
    return page.locator(".timeline .bar rect").first.evaluate(
        "bar => [bar.x.baseVal.value, bar.width.baseVal.value]"
    )


def test_hostile_names_stay_text(opened, borders):
    """No payload runs, asks for anything or trips the policy, with every detail opened and sorted."""
    page = opened("hostile", made.hostile(borders))
    page.click("#open-all")
    for button in page.query_selector_all("thead [data-sort] button"):
        button.click()
    page.locator(".timeline .bar rect").first.hover(force=True)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    page.wait_for_timeout(100)
    assert page.noted == []
    assert page.locator("img, iframe, svg[onload]").count() == 0
    assert page.evaluate("document.querySelectorAll('noscript').length") == 0


def test_clean_page_says_nothing(estonia):
    """The ordinary page raises no error and no request."""
    assert estonia.noted == []


def test_zoom_by_button_key_and_reset(estonia):
    """Zooming in widens a bar's place, zero brings the whole time back."""
    before = first_bar(estonia)
    estonia.click("[data-zoom=in]")
    estonia.focus("#timeline-picture")
    estonia.keyboard.press("+")
    estonia.wait_for_timeout(60)
    assert "2007-05-" in estonia.inner_text("#timeline-window")
    assert first_bar(estonia) != before
    estonia.keyboard.press("0")
    estonia.wait_for_timeout(60)
    assert first_bar(estonia) == before
    assert estonia.inner_text("#timeline-window") == ""


def test_zoom_by_drag(estonia):
    """Dragging over a stretch of the timeline shows that stretch."""
    box = estonia.locator("#timeline-picture").bounding_box()
    estonia.locator("#timeline-picture").scroll_into_view_if_needed()
    box = estonia.locator("#timeline-picture").bounding_box()
    width, y = box["width"], box["y"] + 12
    estonia.mouse.move(box["x"] + width * 7 / 14, y)
    estonia.mouse.down()
    estonia.mouse.move(box["x"] + width * 8 / 14, y, steps=4)
    estonia.mouse.move(box["x"] + width * 9 / 14, y, steps=4)
    estonia.mouse.up()
    estonia.wait_for_timeout(60)
    assert estonia.inner_text("#timeline-window").startswith(("2007-05-07 23:5", "2007-05-08 00:0"))
    estonia.mouse.dblclick(box["x"] + 5, y)
    estonia.wait_for_timeout(60)
    assert estonia.inner_text("#timeline-window") == ""


def test_short_attacks_stay_visible(estonia):
    """Every bar is at least three pixels wide."""
    least = estonia.evaluate(
        "Math.min(...[...document.querySelectorAll('.timeline .bar rect')].map(bar => bar.getBoundingClientRect().width))"
    )
    assert least >= 2.9


def test_keyboard_leads_from_bar_to_row(estonia):
    """Down picks an attack in the picture and says what it is, Enter opens its row and evidence."""
    estonia.focus("#timeline-picture")
    estonia.keyboard.press("ArrowDown")
    label = estonia.evaluate("document.activeElement.getAttribute('aria-label')")
    assert "2007-05-03" in label
    assert estonia.inner_text("#tip").splitlines()[0] == label.split(" · ")[0]
    estonia.keyboard.press("Enter")
    estonia.wait_for_selector("tbody.open")
    assert "Threshold that fired" in estonia.inner_text("tbody.open")


def test_sort_and_filter(estonia):
    """A heading sorts by value in both directions; filters leave what matches and say how many."""
    peak = estonia.locator("#attack-table thead th", has_text="Peak").first.locator("button")
    values = (
        "[...document.querySelectorAll('#attack-table tbody')].map(b => Number(b.rows[0].cells[5].dataset.v))"
    )
    peak.click()
    rising = estonia.evaluate(values)
    peak.click()
    falling = estonia.evaluate(values)
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    estonia.select_option("#filter-vector", "tcp_syn_flood")
    assert shown_rows(estonia) == 4
    assert estonia.inner_text("#shown") == "4 of 128 attacks shown"
    estonia.click("#filter-clear")
    estonia.fill("#filter-text", "parliament icmp")
    assert 0 < shown_rows(estonia) <= 7
    estonia.click("#filter-clear")
    assert shown_rows(estonia) == 128


def test_picture_can_be_saved(estonia):
    """A picture is saved as one SVG that brings its colours and patterns along."""
    with estonia.expect_download() as download:
        estonia.click("figure[data-export=timeline] .save")
    text = download.value.path().read_text(encoding="utf-8")
    assert text.count("<a ") == 128
    assert 'id="pattern-1"' in text
    assert "var(" not in text
    assert 'paint-order="stroke' in text


def test_without_scripts_all_is_there(opened, borders):
    """With scripts off every attack and its evidence can be read, and no dead control is shown."""
    page = opened("plain", made.estonia(borders), java_script_enabled=False)
    assert page.locator("tbody tr.row:visible").count() == 128
    assert page.inner_text("#attack-table").count("Threshold that fired:") == 128
    assert page.locator("button:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scrolling_on_a_telephone(opened, borders, scheme):
    """At 390 pixels the page itself never scrolls sideways."""
    page = opened(
        "narrow", made.estonia(borders), viewport={"width": 390, "height": 800}, color_scheme=scheme
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_link_to_an_attack_opens_it(opened):
    """A link to an attack opens its evidence, even on a page of the table not shown yet."""
    few = made.untraced()
    attacks = tuple(
        dataclasses.replace(item, id=f"{item.id}-{turn}", start_us=item.start_us + turn)
        for turn in range(4)
        for item in few.attacks
    )
    last = max(attacks, key=lambda item: item.start_us)
    page = opened("many", dataclasses.replace(few, attacks=attacks), hash_=f"#attack-{last.id}")
    assert page.locator("tbody.open").count() == 1
    assert page.inner_text("#shown") == "512 of 512 attacks shown"
    assert page.noted == []


CONTRAST = """
() => {
  const light = (c) => { const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = (node) => { for (let n = node; n; n = n.parentElement) { const c = parse(getComputedStyle(n).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const bad = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest('title, noscript')) continue;
    if (node.matches('option, :disabled')) continue;
    const looks = getComputedStyle(node);
    const a = light(parse(node.closest('svg') ? looks.fill : looks.color).slice(0, 3));
    const b = light(ground(node).slice(0, 3));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(`${node.tagName}.${node.getAttribute('class')} ${ratio.toFixed(2)} ${node.textContent.slice(0, 30)}`);
  }
  return bad.slice(0, 10);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(opened, borders, scheme):
    """Every text stands out from its ground by at least 4.5 to 1 (WCAG 2.2, 1.4.3), in both schemes."""
    page = opened("contrast", made.estonia(borders), color_scheme=scheme)
    page.locator("tr.row").nth(3).click()
    assert page.evaluate(CONTRAST) == []
