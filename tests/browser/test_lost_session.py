"""A session that ends while somebody types."""

import re

from playwright.sync_api import expect

TYPED = "Seen at the exchange as well; their shift knows."


def test_what_was_typed_outlives_the_session(desks):
    """The form is not taken, the way leads to the sign-in and back to the form, and what was typed is in it until it is taken."""
    desk = desks()
    page = desk.page
    page.goto("/attacks/")
    page.locator("tr[data-row] a").first.click()
    page.wait_for_url(re.compile("/attacks/[0-9a-f-]{36}/$"))
    _note(page).fill(TYPED)
    page.context.clear_cookies(name="hanse")
    page.locator("dialog[open] button.primary").click()
    expect(page.locator("main")).to_contain_text("nothing was sent")
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_role("button", name="passkey").click()
    page.wait_for_url(re.compile("/attacks/[0-9a-f-]{36}/$"))
    expect(_note(page)).to_have_value(TYPED)
    page.locator("dialog[open] button.primary").click()
    expect(page.locator("#decisions")).to_contain_text(TYPED)
    expect(_note(page)).to_have_value("")
    assert [one for one in desk.seen.taken() if "401" not in one] == []


def test_what_one_person_typed_is_not_the_next_ones(desks):
    """At one tab two people sign in after each other: the second finds nothing of the first, who signed out or was lost."""
    page = desks().page
    page.goto("/attacks/")
    page.locator("tr[data-row] a").first.click()
    _note(page).fill(TYPED)
    assert TYPED in _kept(page)
    page.reload()
    assert TYPED in _kept(page)
    page.evaluate("sessionStorage.setItem('hanse-form:somebody-else:/cases/open/:open', 'His name')")
    page.goto("/attacks/")
    assert TYPED in _kept(page)
    assert "His name" not in _kept(page)
    page.goto("/people/me/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda address: "/people/me/" not in address)
    assert _kept(page) == ""


def _kept(page) -> str:
    """All that the tab keeps of forms."""
    return page.evaluate(
        "Object.entries(sessionStorage).filter(([key]) => key.startsWith('hanse-form:')).map(String).join()"
    )


def _note(page):
    """The field of a note, opened."""
    page.get_by_role("link", name="Write a note").click()
    return page.locator("dialog[open] textarea")
