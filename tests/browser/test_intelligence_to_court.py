"""From a partner's event to a court, in the console alone: what an investigator does with intelligence."""

import json
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.desk import FIRST

ADDRESS = "185.220.101.77"
EVENT = {
    "Event": {
        "uuid": "5b0d6a31-2c14-4c0b-9d0e-0a2f7c1d9e11", "info": "Skimmers of web shops", "date": "2026-03-01",
        "timestamp": "1772366400", "published": True, "analysis": "2", "threat_level_id": "2", "distribution": "1",
        "Orgc": {"uuid": "c5a3b4de-8f07-4c0a-9f8b-1f3f4c4ad9a1", "name": "CERT of Elsewhere"},
        "Tag": [{"name": "tlp:green"}, {"name": 'admiralty-scale:source-reliability="b"'}],
        "Attribute": [
            {"uuid": "5b0d6a31-2c14-4c0b-9d0e-0a2f7c1d9e12", "type": "ip-dst", "category": "Network activity",
             "value": ADDRESS, "to_ids": True, "timestamp": "1772366400"},
            {"uuid": "5b0d6a31-2c14-4c0b-9d0e-0a2f7c1d9e13", "type": "domain", "category": "Network activity",
             "value": "skim.example.org", "to_ids": True, "timestamp": "1772366400"},
        ],
    }
}  # fmt: skip
SELECTORS = """kind,value,note
iban,EE382200221020145685,account of the first transfer
iban,EE382200221020145686,one digit is wrong
address,185.220.101.77,of the skimmer
phone,+372 5555 1234,
email,not an address,
"""
"""Five rows of which two are wrong, each in its own way."""


def test_intelligence_becomes_a_case_for_court(desks, tmp_path):
    """In the console alone: import a MISP event, write a report with TLP:AMBER and H2 that cites an attack, open a case with selectors from a CSV that has bad rows, see a correlation and its explanation, undo it, export the case for court and verify it offline."""
    desk = desks()
    becomes_an_investigator(desk)
    brings_an_event_in(desk)
    report = writes_a_report_on_an_attack(desk)
    opens_a_case(desk)
    brings_selectors_in(desk)
    sees_where_they_are_known(desk)
    undoes_a_correlation(desk, report)
    archive = exports_the_case(desk, tmp_path)
    assert desk.seen.taken() == []
    proves_offline(archive, tmp_path / "court")


def becomes_an_investigator(desk) -> None:
    """Cases are for investigators: who founded the node makes herself one."""
    page = desk.page
    desk.step_up()
    desk.room("People")
    page.locator("main").get_by_role("link", name=FIRST).first.click()
    roles = page.get_by_label("Role to give")
    if roles.locator("option", has_text="Investigator").count():
        roles.select_option(label="Investigator")
        page.get_by_role("button", name="Give", exact=True).click()


def brings_an_event_in(desk) -> None:
    """A dry run says what would come, then the same file comes in."""
    page = desk.page
    desk.room("Intelligence")
    page.goto("/intelligence/imports/")
    file = {"name": "event.json", "mimeType": "application/json", "buffer": json.dumps(EVENT).encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Only say what would come of it").click()
    expect(page.locator("main")).to_contain_text(re.compile("3"))
    page.goto("/intelligence/imports/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Bring it in").click()
    desk.ended()
    expect(page.locator("main")).to_contain_text("event.json")


def writes_a_report_on_an_attack(desk) -> str:
    """A report from the attack's page rests on it, and carries TLP:AMBER and H2; its address."""
    page = desk.page
    page.goto("/attacks/?sort=-peak")
    page.locator("tr[data-row] a").first.click()
    page.get_by_role("link", name="Write a report").click()
    page.get_by_label("Title").fill("Machines that skim and flood")
    page.get_by_label(re.compile("^Values")).fill(ADDRESS)
    page.get_by_label(re.compile("^Text ")).first.fill(
        "The same machine took part in the flood.\nApparent source only."
    )
    page.locator("summary").filter(has_text="Handling codes").click()
    page.get_by_label("H2: ").check()
    page.get_by_role("button", name="Write", exact=True).click()
    says_why(desk)
    expect(page.get_by_role("heading", level=1)).to_have_text("Machines that skim and flood")
    expect(page.locator("#cites")).to_contain_text(re.compile("attack", re.IGNORECASE))
    band = page.locator(".marking").first
    expect(band).to_contain_text("TLP:AMBER")
    expect(band).to_contain_text("H2")
    return page.url


def says_why(desk) -> None:
    """Whoever looks at coded material says why, once in a session; until then the page is refused."""
    page = desk.page
    expect(page.get_by_role("heading", level=1)).to_have_text("One question first")
    assert [one for one in desk.seen.taken() if not re.search(r"\b403\b", one)] == []
    page.get_by_label("Why do you look at this?").fill("Case 1-26-1234")
    page.get_by_role("button", name="Go on").click()


def opens_a_case(desk) -> None:
    """A case says on which law it rests and who alone knows of it."""
    page = desk.page
    desk.room("Cases")
    page.get_by_role("link", name="Open a case").first.click()
    later = (datetime.now(UTC) + timedelta(days=300)).strftime("%Y-%m-%d")
    page.get_by_label("Title").fill("Web shops, spring")
    page.get_by_label("Legal basis").fill("Code of Criminal Procedure, section 193")
    page.get_by_label("Purpose").fill("Investigating computer-related fraud.")
    page.get_by_label(re.compile("new team")).fill("Harbour")
    page.get_by_label("Review").fill(later)
    page.get_by_label("Kept until").fill(later)
    page.get_by_role("button", name=re.compile("Open")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Web shops, spring")


def brings_selectors_in(desk) -> None:
    """The report names the two wrong rows and why; the good ones come in."""
    page = desk.page
    page.get_by_role("link", name="Bring a list in").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "selectors.csv", "mimeType": "text/csv", "buffer": SELECTORS.encode()}
    )
    page.get_by_role("button", name="Show what would come of it").click()
    wrong = page.locator("tbody tr.wrong")
    expect(wrong).to_have_count(2)
    expect(wrong.first).to_contain_text(re.compile("check", re.IGNORECASE))
    page.get_by_role("button", name="Add 3 selectors").click()
    expect(page.locator("main")).to_contain_text("EE382200221020145685")


def sees_where_they_are_known(desk) -> None:
    """The case says that its address is named by the event and by the report, and that this is a lead."""
    page = desk.page
    known = page.locator("#known")
    expect(known).to_contain_text(ADDRESS)
    expect(known).to_contain_text("a lead, and no proof")
    known.get_by_role("link", name="Machines that skim and flood").first.click()


def undoes_a_correlation(desk, report: str) -> None:
    """What is shared is explained by how rare it is; undone, it stays, struck out and with a way back."""
    page = desk.page
    expect(page).to_have_url(report)
    shared = page.locator("#correlations tbody tr")
    expect(shared).to_have_count(1)
    expect(shared).to_contain_text(ADDRESS)
    expect(shared).to_contain_text(re.compile(r"2 of .+ items that you may see name it"))
    shared.get_by_role("link", name="No correlation").click()
    page.get_by_label("Why").fill("A relay that everybody uses.")
    page.get_by_role("button", name="It is none").click()
    expect(shared.locator("s")).to_have_text(ADDRESS)
    expect(shared.get_by_role("button", name="Take back")).to_be_visible()


def exports_the_case(desk, folder):
    """One archive, once it is said to whom it goes and why; the page stays, and says what was given out and how it is proven."""
    page = desk.page
    desk.room("Cases")
    page.locator("tr[data-row] a").filter(has_text="Web shops, spring").first.click()
    page.get_by_role("link", name=re.compile("Export for court")).click()
    page.get_by_label("To which court or prosecutor").fill("Harju County Court")
    page.get_by_label(re.compile("^Why")).fill("Case 1-26-1234")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export the archive").click()
    expect(page.locator("[data-downloading]")).to_contain_text(coming.value.suggested_filename)
    given_out = page.locator("#given-out")
    expect(given_out.locator("li")).to_contain_text("Harju County Court", timeout=20_000)
    expect(page.locator("[data-downloading]")).to_be_hidden()
    expect(given_out).to_contain_text(f"hanse verify {coming.value.suggested_filename} --key")
    coming.value.save_as(folder / "case.zip")
    return folder / "case.zip"


def proves_offline(archive, folder) -> None:
    """With no node at hand the archive proves itself, and one changed letter is found."""
    with zipfile.ZipFile(archive) as held:
        held.extractall(folder)
    assert _verify(folder).returncode == 0, _verify(folder).stdout
    document = next(one for one in folder.rglob("*.html"))
    document.write_text(document.read_text().replace("Web shops", "Web shoqs"))
    assert _verify(folder).returncode != 0


def _verify(folder) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hanse", "verify", str(folder)], capture_output=True, text=True, check=False
    )
