"""Take the pictures of the documentation: ``python -m tests.browser.pictures`` writes docs/images/console/.

A node is made, its first user comes in and loads the exercise, and the main pages are taken as they are then.
"""

import os
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.browser.chromium import chromium
from tests.browser.desk import Desk, Node
from tests.browser.served import served
from tests.browser.walking import settle
from tests.shared import ROOT

FOLDER = ROOT / "docs" / "images" / "console"

SHOTS = (
    ("situation", "/"), ("start", "/start/"), ("attacks", "/attacks/"), ("attack", "attack"),
    ("campaign", "campaign"), ("flows", "/flows/"), ("constituency", "/constituency/"), ("ledger", "/ledger/"),
    ("proof", "proof"), ("people", "/people/"), ("settings", "/settings/"),
)  # fmt: skip
"""Name of the picture, and where it is taken: an address, or what to open first."""

LOOKS = {
    "": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "-narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
WANTED = {"-dark": {"situation", "attack", "campaign"}, "-narrow": {"situation", "attack"}}
"""Light pictures are taken of every page, these of some."""

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
    else:
        page.goto(f"/{where}s/")
        page.locator("tr[data-row] a").first.click()
        page.wait_for_url(re.compile(f"/{where}s/[0-9a-f-]{{36}}/"))
    settle(desk)
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    assert size <= MOST_BYTES, f"{path.name} has {size} bytes; {MOST_BYTES} are allowed."


def main() -> None:
    """Take all pictures of a fresh node."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory())
        os.environ["HANSE_TEST_RUN"] = folder
        browser = closing.enter_context(chromium())
        made = closing.enter_context(served(Path(folder) / "node"))
        node = Node(made)
        first = Desk.at(browser, node)
        first.come_in()
        first.load_exercise()
        for suffix, look in LOOKS.items():
            desk = Desk.at(browser, node, **look)
            desk.sign_in()
            for name, where in SHOTS:
                if not suffix or name in WANTED[suffix]:
                    take(desk, where, FOLDER / f"{name}{suffix}.png")
            desk.close()


if __name__ == "__main__":
    main()
