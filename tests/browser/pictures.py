"""Take the pictures of the documentation: ``python -m tests.browser.pictures`` writes docs/images/console/.

A node is made, its first user comes in and loads the exercise, and the main pages are taken as they are then; then a
league of four is made, and what they see together is taken at one of them. Some minutes in all.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.browser.chromium import chromium
from tests.browser.desk import Desk, Node
from tests.browser.served import Served, served
from tests.browser.walking import settle
from tests.shared import ROOT

PORT = 21_011
FOLDER = ROOT / "docs" / "images" / "console"

LOOK = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}

ALONE = (("situation", "/"), ("attack", "attack"), ("campaign", "campaign"), ("proof", "proof"))
"""Of a node alone: name of the picture, and where it is taken: an address, or what to open first."""

TOGETHER = (("across", "across"), ("matches", "/matches/"))
"""Of Estonia's node among four."""

MOST_BYTES = 200_000
"""A picture is at most so large; the documentation stays small."""


def take(desk: Desk, where: str, path: Path) -> None:
    """Open a page and take its picture."""
    page = desk.page
    if where.startswith("/"):
        page.goto(where)
    elif where == "proof":
        page.goto("/ledger/?kind=attacks.found")
        page.locator("tr[data-row] a").first.click()
        page.get_by_role("link", name="Prove it now").click()
    elif where == "across":
        page.goto("/campaigns/across/")
        page.locator("main").get_by_role("link", name="one campaign").click()
    else:
        page.goto(f"/{where}s/")
        page.locator("tr[data-row] a").first.click()
        page.wait_for_url(re.compile(f"/{where}s/[0-9a-f-]{{36}}/"))
    if (why := page.get_by_label("Why do you look at this?")).count():
        why.fill("Pictures for the documentation")
        page.get_by_role("button", name="Go on").click()
        page.wait_for_load_state()
    settle(desk)
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    assert size <= MOST_BYTES, f"{path.name} has {size} bytes; {MOST_BYTES} are allowed."


@contextmanager
def league(folder: Path) -> Iterator[Served]:
    """Estonia's node among four that have played through what they play, with a link for its first person."""
    command = [sys.executable, "-m", "hanse", "league", "--folder", str(folder), "--port", str(PORT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        link = next(
            found for line in process.stdout if (found := re.search(r"http://ee\S*/welcome/\S+", line))
        )
        yield Served(link[0].partition("/people/")[0], link[0], folder, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def main() -> None:
    """Take all pictures, of a fresh node and of a fresh league."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        os.environ["HANSE_TEST_RUN"] = str(folder)
        browser = closing.enter_context(chromium())
        with served(folder / "node") as made:
            desk = Desk.at(browser, Node(made), **LOOK)
            desk.come_in()
            desk.load_exercise()
            for name, where in ALONE:
                take(desk, where, FOLDER / f"{name}.png")
        with league(folder / "league") as estonia:
            desk = Desk.at(browser, Node(estonia), **LOOK)
            desk.come_in()
            for name, where in TOGETHER:
                take(desk, where, FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
