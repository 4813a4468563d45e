"""The way of somebody who has never seen the console, in the console alone."""

import json
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests import postgres
from tests.browser import captures
from tests.browser.desk import FIRST, Desk, Node, drop
from tests.browser.served import served


def test_first_user_proves_an_attack_to_its_sources(browser, new_node, tmp_path):
    """A new user can, in the console alone: start, register a passkey, drop a capture, see the attack, load the exercise, open the campaign, follow one attack to its sources, export it, and see the ledger prove all of it."""
    goes_the_whole_way(browser, new_node, tmp_path / "entry.json")


@pytest.mark.soak
def test_first_user_on_postgresql(browser, tmp_path):
    """The same way leads through on a node whose database is PostgreSQL."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    with postgres.server() as address, served(tmp_path / "node", database=address) as made:
        goes_the_whole_way(browser, Node(made), tmp_path / "entry.json")


def goes_the_whole_way(browser, node, proof):
    """Every step, in the order of the first day; the browser complains of none."""
    desk = Desk.at(browser, node)
    try:
        starts_and_registers(desk)
        learns_what_empty_lists_are_for(desk)
        drops_a_capture_and_sees_the_attack(desk)
        loads_the_exercise_and_opens_the_campaign(desk)
        attack = follows_an_attack_to_its_sources(desk)
        exports_it(desk, attack)
        entry = sees_the_ledger_prove_it(desk)
        sees_every_kind_of_entry_proven(desk)
        takes_the_proof_along(desk, entry, proof)
        assert desk.seen.taken() == []
    finally:
        desk.close()
    done = subprocess.run(
        [sys.executable, "-m", "hanse", "verify", str(proof)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def starts_and_registers(desk):
    """Nothing is shown without a passkey; the invitation gives one and leads in."""
    desk.page.goto("/")
    expect(desk.page).to_have_url(re.compile("/accounts/login/"))
    desk.come_in()
    expect(desk.page.get_by_role("navigation", name="Rooms")).to_be_visible()


def learns_what_empty_lists_are_for(desk):
    """A list without rows says what would be in it and how that comes, and offers nothing that works on rows."""
    for where, what in (
        ("Attacks", "your telemetry"),
        ("Partners", "invitation"),
        ("Intelligence", "reports"),
    ):
        desk.room(where)
        empty = desk.page.locator(".empty").first
        expect(empty).to_contain_text(what)
        expect(empty.get_by_role("link").first).to_be_visible()
        expect(desk.page.locator(".listbar")).to_be_hidden()


def drops_a_capture_and_sees_the_attack(desk):
    """A capture dropped onto the page becomes an attack with its victim and vector."""
    page = desk.page
    page.goto("/")
    page.locator("main").get_by_role("link", name=re.compile("Drop a capture")).click()
    page.wait_for_url("**/start/")
    drop(page, {"border-router.pcap": captures.flood()})
    desk.ended()
    expect(page.locator("main")).to_contain_text("1 attack found.")
    expect(page.locator("main")).to_contain_text("border-router.pcap")
    row = page.locator("tr[data-row]").filter(has_text="195.80.105.107")
    expect(row).to_have_count(1)
    expect(page.locator(".listbar")).to_be_visible()
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ICMP")
    expect(page.locator(".figures")).to_contain_text("400")


def loads_the_exercise_and_opens_the_campaign(desk):
    """The exercise comes with its 128 attacks in one campaign, which the situation page leads to."""
    page = desk.page
    desk.load_exercise()
    desk.room("Situation")
    expect(page.locator("#now .verdict")).to_contain_text(re.compile(r"\b12[89]\b"))
    page.locator("main a[href^='/campaigns/']").filter(has_text=re.compile("attacks")).first.click()
    page.wait_for_url(re.compile("/campaigns/[0-9a-f-]{36}/"))
    expect(page.locator("main .verdict").first).to_contain_text("128")


def follows_an_attack_to_its_sources(desk) -> str:
    """An attack of the campaign says where it apparently came from, and how far that may be believed."""
    page = desk.page
    page.locator("main a[href^='/attacks/']:not([href*='?']):visible").filter(
        has_text=re.compile(r"\w")
    ).first.click()
    page.wait_for_url(re.compile("/attacks/[0-9a-f-]{36}/"))
    page.locator(".figures a[href='#sources']").click()
    sources = page.locator("#sources")
    expect(sources).to_be_in_viewport()
    expect(sources).to_contain_text("apparent")
    return page.url


def exports_it(desk, attack: str) -> None:
    """The export is the attack that was on the page, with its sources."""
    with desk.page.expect_download() as coming:
        desk.page.get_by_role("link", name="Export as JSON").click()
    told = json.loads(coming.value.path().read_bytes())
    assert "sources" in json.dumps(told)
    victim = desk.page.locator("#decisions ~ .section code[data-copy]").first.inner_text()
    assert victim in json.dumps(told)


def sees_the_ledger_prove_it(desk) -> str:
    """From the attack's ledger line to the steps of its proof; the address of the entry."""
    line = desk.page.locator(".ledgerline")
    entry = line.get_by_role("link", name=re.compile("Entry")).get_attribute("href")
    line.get_by_role("link", name="verify").click()
    expect(desk.page.locator("main > .verdict")).to_have_text(re.compile("^Proven"))
    return entry


PROVEN = """async (kinds) => {
  const read = async (address) =>
    new DOMParser().parseFromString(await (await fetch(address)).text(), 'text/html');
  const told = {};
  for (const kind of kinds) {
    const entry = (await read(`/ledger/?kind=${kind}`)).querySelector('tr[data-row] a');
    if (!entry) continue;
    const links = [...(await read(entry.getAttribute('href'))).querySelectorAll('a')];
    const proof = links.find((one) => one.textContent.trim() === 'Prove it now').getAttribute('href');
    told[kind] = (await read(proof)).querySelector('main > .verdict').textContent.trim();
  }
  return told;
}"""
"""What the proof of the newest entry of each kind says, by the links that people click; the browser shows one of them
above, and their pages differ in words alone."""


def sees_every_kind_of_entry_proven(desk):
    """The newest entry of every kind that this walk has left in the ledger is proven on its page."""
    page = desk.page
    desk.room("Ledger")
    page.locator("summary").filter(has_text="Filter").click()
    kinds = page.get_by_label("Kind").locator("option").evaluate_all("all => all.map(one => one.value)")
    told = page.evaluate(PROVEN, [one for one in kinds if one])
    assert {kind: words for kind, words in told.items() if not words.startswith("Proven")} == {}
    assert {
        "ledger.founded", "accounts.joined", "accounts.passkey_added", "telemetry.input_read", "attacks.found",
        "constituency.loaded", "campaigns.found", "tracing.traced", "accounts.disclosed",
    } <= told.keys()  # fmt: skip


def takes_the_proof_along(desk, entry, path):
    """Evidence is for investigators: whoever is made one gets the proof as a file, for a court without a node."""
    page = desk.page
    page.goto(entry)
    expect(page.get_by_role("button", name="Export with proof")).to_have_count(0)
    desk.step_up()
    desk.room("People")
    page.locator("main").get_by_role("link", name=FIRST).first.click()
    page.get_by_label("Role to give").select_option(label="Investigator")
    page.get_by_role("button", name="Give", exact=True).click()
    page.goto(entry)
    page.get_by_label(re.compile("^Why")).fill("Case 2007-17")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export with proof").click()
    coming.value.save_as(path)
