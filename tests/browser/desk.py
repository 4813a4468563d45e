"""A person at a browser: comes in, does what people do first, and complains about what the browser complains about."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser import passkey
from tests.browser.chromium import opened
from tests.browser.served import Served
from tests.browser.watching import Watch, watch

WORK_MS = 900_000
"""Longest that reading a capture or loading the exercise may take on a busy machine: a node's long work stands back for all
else (`hanse.node.working`), which the other processes that run the tests are as well."""

FIRST = "Mari Maasikas"


@dataclass
class Node:
    """A served node, and what was done with it.

    Attributes:
        served: Where it is.
        passkeys: Of its first user; empty until that one has come in.
        loaded: Whether the exercise is in it.
    """

    served: Served
    passkeys: list[dict[str, Any]] = field(default_factory=list)
    loaded: bool = False


@dataclass
class Desk:
    """One window of one person.

    Attributes:
        page: The window.
        node: The node that it looks at.
        seen: What the browser complained about.
    """

    page: Page
    node: Node
    seen: Watch

    @classmethod
    def at(cls, browser: Browser, node: Node, **options: Any) -> "Desk":
        """Open a window in a browser context of its own."""
        told = {"viewport": {"width": 1440, "height": 900}, "base_url": node.served.url, **options}
        page = opened(browser, **told)
        return cls(page, node, watch(page, node.served.url))

    def close(self) -> None:
        """Close the window and its context."""
        self.page.context.close()

    def come_in(self) -> None:
        """Follow the invitation of the first user."""
        device = passkey.come_in(self.page, self.node.served.invitation, FIRST)
        self.node.passkeys = device.passkeys()

    def sign_in(self) -> None:
        """Sign in as the first user, at this and any other window."""
        passkey.sign_in(self.page, self.node.served.url, self.node.passkeys)

    def step_up(self) -> None:
        """Prove the passkey once more, so that pages open which ask for that."""
        self.page.goto("/people/step-up/?next=/people/me/")
        self.page.locator("#prove").click()
        self.page.wait_for_url(lambda url: "step-up" not in url)

    def room(self, name: str) -> None:
        """Go to a room by the rail."""
        self.page.get_by_role("navigation", name="Rooms").get_by_role("link", name=name).click()
        expect(self.page.get_by_role("heading", level=1)).to_be_attached()

    def ended(self) -> None:
        """Wait on a job's page until the work is done, and open its result."""
        self.page.wait_for_url(re.compile("/jobs/"))
        result = self.page.get_by_role("link", name="Open the result")
        failed = self.page.locator("#job.failed")
        try:
            expect(result.or_(failed)).to_be_visible(timeout=WORK_MS)
        except AssertionError as error:
            shown = self.page.locator("main").inner_text()
            raise AssertionError(f"{error}\nThe page says: {shown}\n{self.node.served.said()}") from error
        assert failed.count() == 0, failed.inner_text()
        result.click()
        self.page.wait_for_url(lambda url: "/jobs/" not in url)

    def load_exercise(self) -> None:
        """Load Estonia 2007 from the page of first steps."""
        self.page.goto("/start/")
        self.page.get_by_role("button", name="Load Estonia 2007").click()
        self.ended()
        self.node.loaded = True


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files onto the page, as the mouse does."""
    page.evaluate(
        """(files) => {
          const given = new DataTransfer();
          for (const [name, text] of files)
            given.items.add(new File([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))], name));
          for (const type of ['dragenter', 'dragover', 'drop'])
            document.body.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: given}));
        }""",
        [[name, base64.b64encode(content).decode()] for name, content in files.items()],
    )
