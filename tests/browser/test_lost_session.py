"""A session that ends while somebody types."""

import re

from playwright.sync_api import expect

HOUR_MS = 3_600_000
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
    _keeps(page)
    page.reload()
    expect(_note(page)).to_have_value(TYPED)
    mine = _kept(page)
    page.evaluate("sessionStorage.setItem('hanse-form:somebody-else:/cases/open/:open', 'His name')")
    page.goto("/attacks/")
    assert _kept(page) == mine
    page.goto("/people/me/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda address: "/people/me/" not in address)
    assert _kept(page) == ""


def test_what_is_kept_tells_nothing_to_who_reads_the_browsers_disk(desks):
    """It is sealed with a key that stands in its writer's pages alone, and is the same in a later session of theirs."""
    page = desks().page
    page.goto("/settings/mail/")
    relay = page.get_by_label("Relay")
    relay.fill("relay.example.org")
    _keeps(page)
    assert "relay.example.org" not in _kept(page)
    assert page.evaluate("document.body.dataset.keepKey") not in _kept(page)
    page.reload()
    expect(relay).to_have_value("relay.example.org")


def test_a_form_begins_with_what_its_address_says(desks):
    """A report that was begun without anything does not take the place of one that rests on an attack, nor the other way."""
    page = desks().page
    page.goto("/intelligence/write/report/")
    title, cites = page.get_by_label("Title"), page.get_by_label("Rests on")
    title.fill(TYPED)
    _keeps(page)
    page.goto("/attacks/")
    page.locator("tr[data-row] a").first.click()
    page.get_by_role("link", name="Write a report").click()
    page.wait_for_url(re.compile("cite="))
    page.wait_for_timeout(500)
    expect(cites).to_have_value(re.compile("^/attacks/"))
    expect(title).to_have_value("")
    title.fill("On the attack")
    page.wait_for_function(
        "Object.keys(sessionStorage).some((key) => key.startsWith('hanse-form:') && key.includes('cite='))"
    )
    page.reload()
    expect(title).to_have_value("On the attack")
    expect(cites).to_have_value(re.compile("^/attacks/"))
    page.goto("/intelligence/write/report/")
    expect(title).to_have_value(TYPED)
    expect(cites).to_have_value("")


def test_what_was_typed_is_forgotten_after_some_hours(desks):
    """In a tab that nobody came back to it lies no longer than that, also where the page stays open."""
    page = desks().page
    page.clock.install()
    page.goto("/settings/mail/")
    page.get_by_label("Relay").fill(TYPED)
    _keeps(page)
    page.clock.run_for(11 * HOUR_MS)
    assert _kept(page) != ""
    page.clock.run_for(2 * HOUR_MS)
    assert _kept(page) == ""


def test_a_form_with_a_file_keeps_the_rest_and_names_the_file(desks, tmp_path):
    """After the session ended: what was typed is there, and which file to choose again, until one is chosen."""
    file = tmp_path / "names of <b>May.csv"
    file.write_text("value\n192.0.2.7\n")
    page = desks().page
    page.goto("/intelligence/imports/")
    form = page.locator("form[data-keep=bring-in]")
    form.locator("input[type=file]").set_input_files(file)
    form.locator("select").first.select_option("GREEN")
    page.reload()
    expect(form.locator("select").first).to_have_value("GREEN")
    note = form.get_by_role("status")
    expect(note).to_contain_text("Choose names of <b>May.csv again")
    page.reload()
    expect(note).to_contain_text("names of <b>May.csv")
    form.locator("input[type=file]").set_input_files(file)
    expect(note).to_have_count(0)


def test_a_passkey_that_is_asked_for_leads_back_to_the_filled_form(desks):
    """In the same tab: nothing was sent, the passkey is proved, and what was typed stands in the form to be sent."""
    page = desks().page
    page.goto("/settings/mail/")
    relay = page.get_by_label("Relay")
    relay.fill("relay.example.org")
    page.get_by_label("Port").fill("2525")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Nothing was sent or changed yet")
    page.get_by_role("link", name="then go back to the form").click()
    page.locator("#prove").click()
    page.wait_for_url(re.compile("/settings/mail/$"))
    expect(relay).to_have_value("relay.example.org")
    expect(page.get_by_label("Port")).to_have_value("2525")


def _kept(page) -> str:
    """All that the tab keeps of forms."""
    return page.evaluate(
        "Object.entries(sessionStorage).filter(([key]) => key.startsWith('hanse-form:')).map(String).join()"
    )


def _keeps(page) -> None:
    """Wait until the tab keeps what was typed: it is sealed first."""
    page.wait_for_function("Object.keys(sessionStorage).some((key) => key.startsWith('hanse-form:'))")


def _note(page):
    """The field of a note, opened."""
    page.get_by_role("link", name="Write a note").click()
    return page.locator("dialog[open] textarea")
