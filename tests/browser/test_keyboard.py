"""The console by keyboard alone: the keys of CONSOLE.md, and everything within reach of Tab, seen to be there."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.desk import WORK_MS
from tests.browser.walking import settle

FOCUSED = """() => {
  const at = document.activeElement;
  const box = at.getBoundingClientRect();
  const looks = getComputedStyle(at);
  return {
    left: window.__left ? (window.__left.delete(at), [...window.__left].some((one) => one.isConnected)) : false,
    name: `${at.tagName} ${at.id} ${at.textContent.trim().slice(0, 30)}`,
    ring: looks.outlineStyle !== 'none' && parseFloat(looks.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    body: at === document.body,
  };
}"""

REACHABLE = """() => {
  const wanted = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
  const all = [...document.querySelectorAll(wanted)].filter((one) => one.checkVisibility({visibilityProperty: true})
    && !one.disabled && !one.closest('dialog:not([open])'));
  window.__left = new Set(all);
  return all.filter((one) => one.tabIndex < 0).map((one) => one.outerHTML.slice(0, 120));
}"""

LEFT = (
    """() => [...window.__left].filter((one) => one.isConnected).map((one) => one.outerHTML.slice(0, 120))"""
)

PAGES = ("/", "/start/", "/attacks/", "attack", "campaign", "/ledger/", "/settings/mail/", "/people/me/")


@pytest.fixture(scope="module")
def desk(desks):
    """A window of the first user."""
    return desks()


@pytest.fixture(autouse=True)
def silent(desk):
    """Whatever keys are pressed, the browser complains of nothing."""
    desk.seen.taken()
    yield
    assert desk.seen.taken() == []


def opened(desk, where):
    """Open a page, by its address or by what it is of."""
    page = desk.page
    if where in {"attack", "campaign"}:
        page.goto(f"/{where}s/")
        page.locator("tr[data-row] a").first.click()
        page.wait_for_url(re.compile(f"/{where}s/[0-9a-f-]{{36}}/"))
    else:
        page.goto(where)
    settle(desk)
    return page


def test_slash_goes_to_the_search_field(desk):
    """`/` puts the cursor into the search field, Enter searches, and a slash typed into a field stays a slash."""
    page = opened(desk, "/attacks/")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("195.80.0.0/16")
    expect(page.locator("#search")).to_have_value("195.80.0.0/16")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    expect(page.get_by_role("heading", level=1)).to_contain_text("195.80.0.0/16")


def test_escape_leaves_the_search_field(desk):
    """Escape gives the keys back to the page."""
    page = opened(desk, "/attacks/")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#search")).to_have_value("")
    expect(page.locator("tr[data-at]")).to_have_count(1)


def test_rows_by_j_k_x_and_enter(desk):
    """J and k move the mark and stop at the first row, x selects and takes back, Enter opens the marked row."""
    page = opened(desk, "/attacks/")
    rows = page.locator("tr[data-row]")
    for key, marked in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        expect(page.locator("tr[data-at]")).to_have_count(1)
        assert rows.nth(marked).get_attribute("data-at") is not None, (key, marked)
    page.keyboard.press("x")
    expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
    expect(page.locator("[data-selected]")).to_have_text("1 selected")
    page.keyboard.press("x")
    expect(rows.nth(1).get_by_role("checkbox")).not_to_be_checked()
    leads_to = rows.nth(1).get_attribute("data-url")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{leads_to}")


def test_the_marked_row_is_seen(desk):
    """The row that the keys have marked is in sight, between the bands, however far down."""
    page = opened(desk, "/attacks/")
    for _ in range(40):
        page.keyboard.press("j")
    seen = page.evaluate("""() => {
      const box = document.querySelector('tr[data-at]').getBoundingClientRect();
      const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      return at?.closest('tr')?.hasAttribute('data-at') ?? false;
    }""")
    assert seen


def test_a_list_that_is_refreshed_leaves_people_where_they_are(desk):
    """When a list is brought up to date by itself, the mark and the focus stay on their row."""
    page = opened(desk, "/attacks/")
    for _ in range(3):
        page.keyboard.press("j")
    marked = page.locator("tr[data-at]").get_attribute("data-id")
    page.evaluate("document.querySelector('.scroll[hx-get]').dataset.old = '1'")
    expect(page.locator(".scroll[hx-get]:not([data-old])")).to_be_attached(timeout=60_000)
    expect(page.locator("tr[data-at]")).to_have_attribute("data-id", marked)
    assert page.evaluate("document.activeElement.closest('tr')?.dataset.id") == marked
    page.keyboard.press("k")
    expect(page.locator("tr[data-at]")).not_to_have_attribute("data-id", marked)


def test_keys_are_explained(desk):
    """`?` shows the keys in a dialog that holds the focus; Escape closes it and gives the focus back."""
    page = opened(desk, "/attacks/")
    page.get_by_role("link", name="Ledger").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    for key in ("/", "j", "k", "x", "Enter"):
        expect(dialog.get_by_text(key, exact=True)).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('main, .rail, .top')")
    page.keyboard.press("j")
    expect(page.locator("tr[data-at]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(page.get_by_role("link", name="Ledger")).to_be_focused()


def test_dialogs_take_and_return_the_focus(desk):
    """Writing a note opens a dialog with the cursor in its field; Escape closes it, writes nothing and goes back."""
    page = opened(desk, "attack")
    opener = page.get_by_role("link", name="Write a note")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Write a note")
    expect(dialog).to_be_visible()
    assert page.evaluate("document.activeElement.matches('dialog textarea, dialog input, dialog select')")
    page.keyboard.type("j/x?")
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "!document.activeElement.closest('main > :not(dialog), .rail, .top') || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(opener).to_be_focused()
    assert "Nobody has decided or noted anything." in page.inner_text("#decisions")


def test_menus_close_with_escape(desk):
    """A menu opens with Enter, and Escape closes it and leaves the focus on what opened it."""
    page = opened(desk, "/attacks/")
    summary = page.locator("details.menu > summary").filter(has_text="Columns")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Columns").get_by_role("checkbox").first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name="Columns").get_by_role("checkbox").first).not_to_be_visible()
    expect(summary).to_be_focused()


def test_the_first_tab_skips_to_the_content(desk):
    """The first Tab shows a link that leads past the rail into the content."""
    page = opened(desk, "/attacks/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")


@pytest.mark.parametrize("where", PAGES)
def test_tab_reaches_everything(desk, where):
    """Tab stops at every link, button, field and menu that is on the page, and shows where it is."""
    page = opened(desk, where)
    assert page.evaluate(REACHABLE) == []
    left, stops = True, 0
    while left and stops < 600:
        page.keyboard.press("Tab")
        stops += 1
        now = page.evaluate(FOCUSED)
        if now["body"]:
            continue
        left = now["left"]
        assert now["ring"], f"nothing shows the focus on {now['name']}"
        assert now["inside"], f"the focus is out of sight on {now['name']}"
    assert page.evaluate(LEFT) == [], f"not reached with {stops} stops of Tab"


def test_files_are_chosen_by_keyboard(desk):
    """Tab reaches the field for files, Enter opens the chooser, and Enter on the button sends what was chosen."""
    page = opened(desk, "/start/")
    field = page.locator("#files")
    field.focus()
    # The browser is told that choosers are answered here, and has heard it, before the key is pressed.
    page.on("filechooser", lambda _: None)
    page.wait_for_timeout(500)
    with page.expect_file_chooser() as asked:
        page.keyboard.press("Enter")
    asked.value.set_files([{"name": "nothing.txt", "mimeType": "text/plain", "buffer": b"no telemetry"}])
    page.get_by_role("button", name="Find attacks").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/jobs/"))
    expect(page.locator("#job")).to_have_class(re.compile("done|failed"), timeout=WORK_MS)


def test_bars_of_the_timeline_by_keyboard(desk):
    """The timeline takes the focus, down goes from attack to attack and says each, and Enter opens it."""
    page = opened(desk, "/")
    page.wait_for_selector("[data-island=timeline] svg")
    page.locator("[data-island=timeline] .chart").focus()
    said = page.locator("[data-island=timeline] [role=status]")
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text(re.compile(r"2007-05-\d\d"))
    first = said.inner_text()
    page.keyboard.press("ArrowDown")
    expect(said).not_to_have_text(first)
    expect(said).to_have_text(re.compile(r"2007-05-\d\d"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/attacks/[0-9a-f-]{36}/"))


@pytest.mark.parametrize("where", ["/", "attack"])
def test_every_chart_has_a_table(desk, where):
    """What a chart shows can also be read as a table or reached as one."""
    page = opened(desk, where)
    page.wait_for_selector(".island svg")
    for island in page.locator(".island").all():
        button = island.get_by_role("button", name=re.compile("table", re.IGNORECASE))
        button.focus()
        page.keyboard.press("Enter")
        expect(island.locator("table")).to_be_visible()
        assert island.locator("table tbody tr").count() > 0


def test_motion_is_off_when_the_system_says_so(desks):
    """With reduced motion nothing on the page is animated or slides from state to state."""
    desk = desks(reduced_motion="reduce")
    for where in ("/", "/attacks/", "/start/"):
        page = opened(desk, where)
        moving = page.evaluate("""() => [...document.querySelectorAll('*')].filter((one) => {
          const looks = getComputedStyle(one);
          return looks.transitionDuration.split(',').some((time) => parseFloat(time) > 0)
            || (looks.animationName !== 'none' && parseFloat(looks.animationDuration) > 0);
        }).map((one) => one.outerHTML.slice(0, 80))""")
        assert moving == []


def test_motion_is_short(desk):
    """Where things move, they do for less than 150 ms (CONSOLE.md)."""
    page = opened(desk, "/attacks/")
    longest = page.evaluate("""() => Math.max(...[...document.querySelectorAll('*')].flatMap((one) =>
      getComputedStyle(one).transitionDuration.split(',').map(parseFloat)))""")
    assert longest < 0.15
