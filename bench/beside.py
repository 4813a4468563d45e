"""Pages for eight people at once while an import and then a detection run on the same node.

    python bench/beside.py [--people N] [--objects N] [--database ADDRESS]

A node is made and served as people do it, with Estonia 2007 in it. Each of the people opens a page at random, over HTTP,
and looks at it for a moment. Printed is how long pages took: with nothing else, while a STIX bundle comes in by the
console, and while all flows are analysed again. No other part measures the waiting of people for each other.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.intel_ingest import bundle
from playwright.sync_api import Page
from tests.browser.chromium import chromium
from tests.browser.desk import Desk, Node
from tests.browser.served import served

PAGES = (
    "/", "/attacks/", "/campaigns/", "/intelligence/", "/flows/", "/ledger/", "/people/", "/constituency/", "/partners/",
    "/jobs/", "/people/log/", "/search/?q=195.80.105.107",
)  # fmt: skip
LOOKED_AT_S = (0.1, 0.6)
"""Seconds that somebody looks at a page, at least and at most."""
ALONE_S = 15.0
"""Seconds without other work."""
LONGEST_S = 300.0
"""Seconds that an import or a detection may take."""


class Crowd:
    """People who open pages until they are told to go.

    Args:
        url: The node.
        cookies: Of who is signed in.
        pages: What they open.
    """

    def __init__(self, url: str, cookies: dict[str, str], pages: list[str]) -> None:
        self._url, self._cookies, self._pages = url, cookies, pages
        self._gone = threading.Event()
        self.beside = "nothing else"
        self.took: dict[str, list[float]] = defaultdict(list)
        self.refused: dict[str, int] = defaultdict(int)

    @contextmanager
    def there(self, people: int) -> Iterator[None]:
        """So many of them, while the block lasts."""
        threads = [threading.Thread(target=self._look, args=(one,)) for one in range(people)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._gone.set()
            for thread in threads:
                thread.join()

    def _look(self, one: int) -> None:
        chance = random.Random(one)
        with httpx.Client(base_url=self._url, cookies=self._cookies, timeout=60) as client:
            while not self._gone.is_set():
                beside, begin = self.beside, time.perf_counter()
                answer = client.get(chance.choice(self._pages))
                self.took[beside].append(time.perf_counter() - begin)
                self.refused[beside] += answer.status_code >= 400
                time.sleep(chance.uniform(*LOOKED_AT_S))


def until_done(page: Page) -> float:
    """Seconds until the job whose page is open is done."""
    begin = time.perf_counter()
    page.get_by_role("link", name="Open the result").wait_for(timeout=LONGEST_S * 1_000)
    return time.perf_counter() - begin


def measure(people: int, objects: int, database: str, folder: Path) -> tuple[Crowd, dict[str, float]]:
    """The crowd with its waiting, and the seconds that the long work took."""
    os.environ["HANSE_TEST_RUN"] = str(folder)  # where what nodes of tests have in common is made
    given = folder / "bundle.json"
    given.write_bytes(bundle(objects))
    with chromium() as browser, served(folder / "node", database=database) as made:
        desk = Desk.at(browser, Node(made))
        desk.come_in()
        desk.load_exercise()
        page = desk.page
        pages = list(PAGES)
        for room in ("/campaigns/", "/attacks/"):
            page.goto(room)
            pages.append(page.locator("tr[data-row] a").first.get_attribute("href") or room)
        cookies = {one["name"]: one["value"] for one in page.context.cookies()}
        crowd, worked = Crowd(made.url, cookies, pages), {}
        with crowd.there(people):
            time.sleep(ALONE_S)
            page.goto("/intelligence/imports/")
            page.set_input_files("input[type=file]", given)
            crowd.beside = f"an import of {objects:,} objects"
            page.get_by_role("button", name="Bring it in").click()
            worked[crowd.beside] = until_done(page)
            page.goto("/flows/analyse/")
            crowd.beside = "a detection over all flows"
            page.locator("main form button").first.click()
            worked[crowd.beside] = until_done(page)
    return crowd, worked


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=8, help="who look at pages at once")
    parser.add_argument("--objects", type=int, default=40_000, help="STIX objects that come in")
    parser.add_argument(
        "--database", default="sqlite", help="sqlite, or the address of an empty PostgreSQL database"
    )
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hanse-bench-") as name:
        crowd, worked = measure(told.people, told.objects, told.database, Path(name))
    print(
        f"{'beside':34} {'pages':>6} {'median s':>9} {'95% s':>7} {'longest s':>10} {'refused':>8} {'it took s':>10}"
    )
    for beside, took in crowd.took.items():
        took.sort()
        print(f"{beside:34} {len(took):6} {statistics.median(took):9.2f} {took[int(0.95 * len(took))]:7.2f} {took[-1]:10.2f}"
              f" {crowd.refused[beside]:8} {worked.get(beside, 0.0):10.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
