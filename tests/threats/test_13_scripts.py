"""Threat 13: script in a value, a file name, a name. A real browser shows every page of a node full of it."""

import re
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from hanse.kernel.printable import printable
from tests.browser.chromium import chromium
from tests.browser.desk import Desk, Node
from tests.browser.hostile import NULL, PAYLOADS, Asking, fill, shown
from tests.browser.served import served
from tests.browser.walking import read, settle, walk_plainly

pytestmark = pytest.mark.xdist_group("hostile")

NO_PAGES = re.compile(r"^/accounts/logout/|[?&]as=")
"""Files, which have a test of their own, and the end of the session."""

AGAIN = re.compile(r"[?&](after|before|sort|page)=")
"""The same list in another order or further down."""

FOREIGN = r"""(page) => [...(page ?? document).querySelectorAll('*')].flatMap((one) => {
  const wrong = [];
  for (const { name, value } of one.attributes) {
    if (/^on|^hx-on|^x-|^@|^style$|^srcdoc$/i.test(name) && !one.closest('svg, .chart')
      && one !== one.ownerDocument.documentElement && !/^color: var\(--[a-z0-9-]+\);$/.test(value)) wrong.push(`${name}=${value}`);
    if (/href$|^src$|^action$|^formaction$|^data-src$|^data-url$|^hx-(get|post)$|^data$|^poster$|^ping$/i.test(name)) {
      const to = new URL(value || '#', location.href);
      if (to.origin !== location.origin && !['blob:', 'data:'].includes(to.protocol)) wrong.push(`${name}=${value}`);
    }
  }
  if (/^(iframe|object|embed|applet|base|math|frame|portal|fencedframe)$/i.test(one.tagName)) wrong.push(one.tagName);
  if (/^script$/i.test(one.tagName) && !one.src && one.type !== 'application/json') wrong.push('inline script');
  if (/^img$/i.test(one.tagName) && !new URL(one.src, location.href).pathname.startsWith('/static/')) wrong.push('img');
  if (/^(link|meta|style|title)$/i.test(one.tagName) && !one.closest('head, svg')) wrong.push(one.tagName);
  return wrong.map((what) => `${one.tagName}: ${what.slice(0, 100)}`);
})"""
"""What only a payload could have made: handlers, styles, addresses of elsewhere, frames, inline script.

Asked of the page that is shown, or of one that was only read.
"""

SEARCHES = ("/search/?q=", "/attacks/?organisation=", "/intelligence/?q=")
OTHERS = (
    "/attacks/?sort=",
    "/attacks/?columns=",
    "/ledger/?kind=",
    "/flows/?address=",
    "/people/step-up/?next=",
)
QUESTIONS = [f"{where}{quote(text, safe='')}" for where in SEARCHES for text in PAYLOADS]
QUESTIONS += [f"{where}{quote(text, safe='')}" for where in OTHERS for text in PAYLOADS[:4]]
SHOWN = [f"{where}{quote(text, safe='')}" for where in SEARCHES + OTHERS for text in PAYLOADS[2:4]]
"""Questions that are shown as well as read: each place is asked for an element and for the end of an attribute."""

ATTACK = re.compile(r"^/attacks/ID/$")

OPEN_ALL = """() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
  for (const one of document.querySelectorAll('.charttools button'))
    if (/table/i.test(one.textContent)) one.click();
}"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The first user of a node that is full of payloads, its own name among them."""
    with ExitStack() as closing:
        browser = closing.enter_context(chromium())
        made = closing.enter_context(served(tmp_path_factory.mktemp("node"), name=PAYLOADS[0]))
        desk = Desk.at(browser, Node(made))
        closing.callback(desk.close)
        desk.come_in()
        fill(desk)
        assert desk.seen.taken() == []
        yield desk


@pytest.fixture(scope="module")
def walked(desk):
    """Every kind of page of the node, its text and what it complains of; and every attack, a few of them shown."""
    desk.step_up()
    return list(
        walk_plainly(desk, skip=NO_PAGES, each=[ATTACK], shown=3, again=AGAIN, then=OPEN_ALL, ask=FOREIGN)
    )


def test_nothing_runs_on_any_page(walked):
    """No page shows a dialog, reports to the content policy, raises an error or asks elsewhere."""
    assert len(walked) > 20 + len(PAYLOADS)
    assert {page.address: page.complaints for page in walked if page.complaints} == {}


def test_nothing_is_made_of_a_payload(walked):
    """No payload becomes an element, a handler, a style or an address: a value is text and never a link."""
    assert {page.address: page.found for page in walked if page.found} == {}


@pytest.mark.parametrize("payload", PAYLOADS, ids=map(str, range(len(PAYLOADS))))
def test_payloads_are_shown_as_text(walked, payload):
    """What somebody wrote is read as they wrote it, unwelcome characters as escapes: nothing is hidden from who decides."""
    wanted = shown(printable(payload))
    rooms = {
        "constituency": "/constituency/",
        "attacks": "/attacks/",
        "notes": "/attacks/ID/",
        "victims": "/campaigns/ID/",
        "cases": "/cases/ID/",
        "feeds": "/intelligence/feeds/",
        "reports": "/intelligence/ID/",
    }
    for what, kind in rooms.items():
        named = (
            shown(printable(payload[:200])) if what == "feeds" else wanted
        )  # a feed's name has 200 characters
        assert any(named in page.text for page in walked if page.kind == kind), what


def test_questions_are_shown_as_text(desk):
    """A payload in an address, as what is searched for or filtered by, is text as well."""
    for address in QUESTIONS:
        answer = read(desk, address, FOREIGN)
        assert answer.status in {200, 400, 404}, address
        assert answer.found == [], address
    ask(desk, SHOWN)


@pytest.mark.soak
def test_every_question_is_shown_as_text(desk):
    """The same, with each of the questions shown."""
    ask(desk, QUESTIONS)


@pytest.mark.soak
def test_nothing_runs_on_any_attack(desk, walked):
    """No page of an attack does what it must not, whatever the victim and the note are called."""
    desk.seen.taken()
    attacks = [page.address for page in walked if page.kind == "/attacks/ID/"]
    assert len(attacks) >= len(PAYLOADS)
    for address in attacks:
        desk.page.goto(address)
        settle(desk)
        desk.page.evaluate(OPEN_ALL)
        assert desk.page.evaluate(FOREIGN) == [], address
        assert desk.seen.taken() == [], address


def ask(desk, addresses: list[str]) -> None:
    """Show what answers each address, and look for what a payload made of it."""
    desk.seen.taken()
    for address in addresses:
        answer = desk.page.goto(address)
        assert answer.status in {200, 400, 404}, address
        assert desk.page.evaluate(FOREIGN) == [], address
    assert [one for one in desk.seen.taken() if not re.search(r"\b40[04]\b", one)] == []


def test_sign_in_leads_nowhere_else(desk):
    """An address of elsewhere, or a script, as where to go after signing in is not followed."""
    page = desk.page
    for payload in (
        "javascript:alert(20)",
        "//elsewhere.example/",
        "https://elsewhere.example/",
        "\\\\elsewhere.example",
        "/\\elsewhere.example",
    ):
        page.goto(f"/people/step-up/?next={payload}")
        assert page.evaluate(FOREIGN) == [], payload
        page.locator("#prove").click()
        page.wait_for_url(lambda at: "step-up" not in at)
        assert page.url.startswith(desk.node.served.url), payload
    assert desk.seen.taken() == []


def test_nul_is_refused_in_words(desk):
    """Text with a null byte is refused with a reason or stored harmless; the node goes on."""
    desk.step_up()
    asking = Asking(desk.page)
    row = {"prefix": "195.80.121.1", "organisation": NULL, "sector": "public administration", "country": "EE"}
    for path, body in (
        ("/api/constituency/rows", row),
        ("/api/people/teams", {"name": NULL}),
        ("/api/people/me/rename", {"name": NULL}),
    ):
        status, told = asking.post(path, body)
        assert status in {400, 422}, (path, status, told)
        assert told["detail"], path
    desk.seen.taken()


def test_exports_hold_nothing_that_runs(desk, tmp_path):
    """The files that leave the node (report, JSON, CSV, picture) run nothing when they are opened in a browser."""
    page, files = desk.page, []
    desk.seen.taken()
    page.goto("/campaigns/")
    for address in page.evaluate(
        "[...document.querySelectorAll('tr[data-url]')].map((one) => one.dataset.url)"
    )[:2]:
        page.goto(address)
        files += _downloads(page, tmp_path)
    for address in ("/attacks/", "/constituency/", "/ledger/"):
        page.goto(address)
        files += _downloads(page, tmp_path)
    page.goto("/")
    settle(desk)
    for button in page.get_by_role("button", name="Save as SVG").all():
        with page.expect_download() as coming:
            button.click()
        files.append(_saved(coming.value, tmp_path))
    assert {file.suffix for file in files} >= {".html", ".json", ".csv", ".svg"}
    assert desk.seen.taken() == []
    opened = Desk.at(page.context.browser, desk.node, base_url=None)
    try:
        for file in files:
            if file.suffix in {".csv", ".parquet"}:
                continue  # no browser shows them; what a table calculation makes of them is threat 14
            if file.suffix == ".svg":
                _is_harmless(file)
            opened.page.goto(file.as_uri())
            opened.page.wait_for_timeout(50)
        assert [one for one in opened.seen.taken() if not one.startswith("request to elsewhere: file:")] == []
    finally:
        opened.close()


def _downloads(page, folder: Path) -> list[Path]:
    """All files that a page offers."""
    page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
    files = []
    for link in page.locator("main a[download]").all():
        with page.expect_download() as coming:
            link.evaluate("(one) => one.click()")  # a menu closes when the next one is clicked
        files.append(_saved(coming.value, folder))
    return files


def _saved(download, folder: Path) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}-{download.suggested_filename}"
    download.save_as(path)
    return path


def _is_harmless(file: Path) -> None:
    """A picture has no script, no handler, no foreign markup and no address of elsewhere."""
    for one in ET.parse(file).iter():  # noqa: S314 - made by this node a moment ago
        assert one.tag.rpartition("}")[2] not in {"script", "foreignObject", "iframe", "image", "a"}, one.tag
        for name, value in one.attrib.items():
            assert not name.lower().startswith("on"), name
            assert not (name.endswith("href") and not value.startswith("#")), value
