"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    # A page is looked at once: to optimise its scripts takes longer than they run.
    "--js-flags=--no-opt,--single-threaded",
)  # fmt: skip

PATIENCE_MS = 60_000
"""Longest that a page may take to show what is expected of it, or to let itself be used. Playwright's own 5 and 30 s are
less than a slow machine stops everybody for while all tests begin at once."""
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The same browser without its own windows takes half the time, where there is one (Debian: chromium-headless-shell)."""


def opened(browser: Browser, **options: Any) -> Page:
    """A window in a context of its own, which is as patient as what is expected of it."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; the test skips where there is none.

    While it is open its event loop runs on this thread, on which Django's database then refuses to work: tests that
    use a browser ask a node in another process, and close the browser behind them.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()
