"""Every page that a person reaches by links, each kind of page once, looked at in all its looks."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from tests.browser.desk import Desk
from tests.shared import ROOT

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_NUMBER = re.compile(r"(?<=/)\d+(?=/)")

LINKS = """() => [...document.querySelectorAll('a[href]')].filter((one) => !one.hasAttribute('download'))
  .map((one) => one.getAttribute('href'))"""

AXE_CORE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

AXE = """async (rules) => {
  const runOnly = rules.length ? {type: 'rule', values: rules}
    : {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']};
  const told = await axe.run(document, {runOnly, resultTypes: ['violations']});
  return told.violations.map((one) => `${one.id}: ${one.help}: `
    + one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.any.concat(node.all, node.none)
      .map((check) => check.message).slice(0, 1).join('')})`).join('; '));
}"""

FEW_ROWS = """() => {
  for (const one of document.querySelectorAll('tbody tr:nth-child(n+13)')) one.remove();
}"""
"""Of each table the first twelve rows stay: the others are made by the same lines of a template.

To leave them out of what is judged is not enough: where things are and what lies on what is worked out for all there is.
"""

WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const out = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > width + 1
    && !one.closest('.scroll, .rail ul, [hidden], .visually-hidden'));
  return [`${document.documentElement.scrollWidth} px wide: `
    + out.slice(-3).map((one) => `${one.tagName}.${one.className}`).join(', ')];
}"""

SETTLED = """() => [...document.querySelectorAll('.island')].every((one) => one.querySelector('.chart svg, p.words'))
  && !document.querySelector('.htmx-request')"""


@dataclass
class Seen:
    """One page, and what is wrong with it.

    Attributes:
        address: Where it is.
        status: What the node answered.
        complaints: The browser's.
        axe: What axe-core finds against WCAG 2.1 A and AA, in light.
        dark: Contrast that is too low in dark.
        wide: Why the page scrolls sideways on a telephone.
        links: Addresses that it links to.
    """

    address: str
    status: int
    complaints: list[str] = field(default_factory=list)
    axe: list[str] = field(default_factory=list)
    dark: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def kind_of(address: str) -> str:
    """The kind of page of an address: ids and numbers left out, and only whether something is asked, not what.

    Filters and searches can be combined without end; a page that is asked something looks the same whatever it is.
    """
    parts = urlsplit(address)
    return _NUMBER.sub("0", _UUID.sub("ID", parts.path)) + ("?" if parts.query else "")


def axe(desk: Desk, *rules: str) -> list[str]:
    """What axe-core finds on the page as it is: all of WCAG 2.1 A and AA, or the rules named.

    It comes in by the debugger, which the content policy does not bind.
    """
    if not desk.page.evaluate("() => 'axe' in window"):
        desk.page.evaluate(AXE_CORE.read_text())
    found: list[str] = desk.page.evaluate(AXE, list(rules))
    return found


def settle(desk: Desk) -> None:
    """Wait until the charts are drawn."""
    desk.page.wait_for_function(SETTLED)


def look(desk: Desk, address: str, *, all_rows: bool = False) -> Seen:
    """Open a page and look at it on a telephone, in light and in dark; without `all_rows`, axe-core sees few of each table."""
    page = desk.page
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    desk.seen.taken()
    answer = page.goto(address)
    assert answer is not None, address
    settle(desk)
    seen = Seen(address, answer.status, links=page.evaluate(LINKS))
    page.set_viewport_size({"width": 390, "height": 844})
    seen.wide = page.evaluate(WIDE)
    page.set_viewport_size({"width": 1440, "height": 900})
    if not all_rows:
        page.evaluate(FEW_ROWS)
    seen.axe = axe(desk)
    page.emulate_media(color_scheme="dark")
    seen.dark = axe(desk, "color-contrast")
    seen.complaints = desk.seen.taken()
    return seen


@dataclass
class Plain:
    """One page as its text.

    Attributes:
        address: Where it is.
        kind: What kind of page, ids left out.
        status: What the node answered.
        text: All its text, spaces joined.
        complaints: The browser's; none of a page that was only read.
        found: What the question about its elements answered.
        links: Addresses that it links to.
    """

    address: str
    kind: str
    status: int
    text: str
    complaints: list[str]
    found: list[str]
    links: list[str]


def read(desk: Desk, address: str, ask: str) -> Plain:
    """A page as the browser understands what the node sends, without showing it: no script of it runs.

    Args:
        desk: The window that asks; it stays where it is.
        address: Of the page.
        ask: Script that is given the page and answers with what is wrong with its elements.
    """
    status, text, found, links = desk.page.evaluate(
        f"""async (address) => {{
          const answer = await fetch(address);
          const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
          const links = [...page.querySelectorAll('a[href]')].filter((one) => !one.hasAttribute('download'));
          return [answer.status, page.body.textContent, ({ask})(page), links.map((one) => one.getAttribute('href'))];
        }}""",
        address,
    )
    return Plain(address, kind_of(address), status, re.sub(r"\s+", " ", text), [], found, links)


def show(desk: Desk, address: str, then: str, ask: str) -> Plain:
    """A page as it is shown, with all its scripts, after what is closed on it was opened."""
    page = desk.page
    answer = page.goto(address)
    assert answer is not None, address
    settle(desk)
    links = page.evaluate(LINKS)
    page.evaluate(then)
    text = re.sub(r"\s+", " ", page.evaluate("document.body.textContent"))
    found = page.evaluate(ask)
    return Plain(address, kind_of(address), answer.status, text, desk.seen.taken(), found, links)


def walk_plainly(
    desk: Desk,
    first: str = "/",
    *,
    skip: re.Pattern[str],
    each: list[re.Pattern[str]],
    shown: int,
    again: re.Pattern[str],
    then: str,
    ask: str,
) -> Iterator[Plain]:
    """Follow links from page to page; every kind of page once, but every page of some kinds.

    Args:
        desk: The window.
        first: Where to begin.
        skip: Addresses to leave out.
        each: Kinds of which every page is visited.
        shown: How many pages of one kind are shown; further ones are only read.
        again: Addresses that are only read, where the page that they are another order of was shown.
        then: Script that opens what is closed on a page.
        ask: Script that answers with what is wrong with its elements.
    """
    base = desk.node.served.url
    known, seen = {kind_of(first)}, Counter[str]()
    queue = deque([first])
    while queue:
        address = queue.popleft()
        seen[kind_of(address)] += 1
        few = seen[kind_of(address)] <= shown
        known_rows = again.search(address) and seen[kind_of(urlsplit(address).path)]
        page = show(desk, address, then, ask) if few and not known_rows else read(desk, address, ask)
        yield page
        for link in page.links:
            full = urljoin(f"{base}{address}", link).split("#")[0]
            to = full.removeprefix(base)
            name = to if any(one.search(kind_of(to)) for one in each) else kind_of(to)
            if full.startswith(f"{base}/") and not skip.search(to) and name not in known:
                known.add(name)
                queue.append(to)


def walk(desk: Desk, first: str = "/", *, skip: re.Pattern[str], all_rows: bool = False) -> Iterator[Seen]:
    """Follow links from page to page, breadth first; every kind of page once."""
    # Half a megabyte, which the browser keeps for the next page: to hand it over for each takes as long as to use it.
    desk.page.add_init_script(path=AXE_CORE)
    base = desk.node.served.url
    known = {kind_of(first)}
    queue = deque([first])
    while queue:
        seen = look(desk, queue.popleft(), all_rows=all_rows)
        yield seen
        for link in seen.links:
            full = urljoin(f"{base}{seen.address}", link)
            address = full.removeprefix(base).split("#")[0]
            if full.startswith(f"{base}/") and not skip.search(address) and kind_of(address) not in known:
                known.add(kind_of(address))
                queue.append(address)
