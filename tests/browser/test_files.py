"""Files that come by the browser: what is too much is said at once, and nothing is sent."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.desk import drop

SMALL = {"name": "night.pcap", "mimeType": "application/octet-stream", "buffer": b"x" * 2_000}
OTHER = {**SMALL, "name": "morning.pcap"}

TOO_MUCH = (
    ("most", 1_000, [SMALL], r"night\.pcap has 2(\.0)? kB; 1(\.0)? kB are the most\. Nothing is sent"),
    ("mostAll", 3_000, [SMALL, OTHER], r"is 4(\.0)? kB in all; the node has room for 3(\.0)? kB at once\."),
    ("mostFiles", 1, [SMALL, OTHER], r"That is 2 files; 1 are the most at once\."),
)
"""Which limit, what it is, the files that are more, and what is said of them."""


@pytest.mark.parametrize("where", ["/start/", "/flows/inputs/"])
def test_what_is_too_much_is_said_when_it_is_chosen(desks, where):
    """Chosen or dropped, nothing is sent; with fewer files the form is as it was."""
    page = desks().page
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    for limit, most, files, words in TOO_MUCH:
        page.goto(where)
        field = page.locator("input[type=file]")
        field.evaluate("(field, [name, most]) => { field.dataset[name] = most; }", [limit, most])
        field.set_input_files(files)
        said = page.locator(".toomuch")
        expect(said).to_have_text(re.compile(words))
        page.get_by_role("button", name="Find attacks").click()
        drop(page, {one["name"]: one["buffer"] for one in files})
        expect(page.locator(".toast")).to_have_text(re.compile(words))
        field.set_input_files([{**SMALL, "buffer": b"x"}])
        expect(said).to_have_count(0)
        assert field.evaluate("field => field.checkValidity()")
    assert sent == []
