"""A case exported for court: proven offline by whoever has the archive, and found out if a byte of it is altered."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hanse.cases import court, evidence, working
from hanse.cases.court_models import CourtExport
from hanse.cases.evidence_models import Custody
from hanse.cases.evidence_store import EvidenceError
from hanse.cases.models import Happening
from hanse.cases.selector import read
from hanse.intel import service as intel
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.bundle import verify_bundle
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.verify import ProofError, verify
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.policy.service import mark
from hanse.settings import Node
from tests.accounts.people import acting, newcomer
from tests.cases.evidence_made import CANARY, added, coded, node
from tests.cases.made import investigator, opened
from tests.ledger.made import findings, found
from tests.shared import ROOT
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as", "node"]

pytestmark = pytest.mark.django_db

FORMULA = '=HYPERLINK("http://example.org","Klick")'
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def case(node: Node) -> tuple[UUID, Actor]:
    """A case with something of everything in it, and the investigator who opened it."""
    found()
    case_id, kaja = opened(investigator(), f"Two gangs {SCRIPT}")
    told = working.Told(category="suspect", name=FORMULA, born="1970-12-31", note=SCRIPT)
    person = working.add_person(case_id, told, kaja)
    working.add_selector(case_id, read("iban", "EE38 2200 2210 2014 5685"), kaja, person=person)
    working.set_task(case_id, FORMULA, kaja)
    working.write_note(case_id, f"A note. {SCRIPT}", kaja)
    return case_id, kaja


def exported(case_id: UUID, actor: Actor, path: Path) -> Path:
    """The archive of a case in a file."""
    _, pieces = court.export(case_id, "Harju County Court", "Indictment 12-7", actor)
    path.write_bytes(b"".join(pieces))
    return path


def unpacked(archive: Path) -> Path:
    """The archive in a folder of its own."""
    folder = archive.with_suffix("")
    with zipfile.ZipFile(archive) as opened_:
        opened_.extractall(folder)
    return folder


def verified(path: Path, elsewhere: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """`hanse verify` in a process of its own, on a machine that has no node."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "HOME": str(elsewhere),
        "HANSE_HOME": str(elsewhere / "none"),
    }  # fmt: skip
    command = [sys.executable, "-m", "hanse", "verify", str(path), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


class Texts(HTMLParser):
    """What a page says, and which elements it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said.append(data)


def test_the_archive_is_verified_offline_by_a_real_process(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """Unpacked in an empty folder, all of it is proven under the authority's key; so is one entry by itself."""
    content = CANARY.encode() * 20_000
    added(*case, content=content, name="disk image.img")
    folder = unpacked(exported(*case, tmp_path / "case.zip"))
    key = court.own_fingerprint()
    told = verified(folder, tmp_path, "--key", key)
    assert told.returncode == 0, told.stderr
    assert told.stdout.endswith("PROVEN under the key that you trust.\n")
    assert "cases.exported" in told.stdout
    entries = sorted((folder / "entries").iterdir())
    one = verified(entries[-1], tmp_path, "--key", key)
    assert one.returncode == 0
    assert '"what": "court"' in one.stdout
    sums = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert sums.returncode == 0, sums.stdout
    words = (folder / "VERIFY.txt").read_text()
    assert key in words
    without = verified(folder, tmp_path)
    assert without.returncode == 0
    for said, ends in ((told, "PROVEN under the key that you trust."),
                       (without, "The file proves itself. Compare the first key's fingerprint")):  # fmt: skip
        assert ends in said.stdout
        assert f'"{ends}' in words
    assert (folder / "evidence" / "0001-disk_image.img").read_bytes() == content


def test_an_altered_byte_is_found_in_every_file(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """One bit of any file, somewhere in it, is found; and so is a file that is missing or added."""
    added(*case)
    folder = unpacked(exported(*case, tmp_path / "case.zip"))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) > 20
    for number, path in enumerate(files):
        data = path.read_bytes()
        altered = bytearray(data)
        altered[number * 7_919 % len(data)] ^= 1 << (number % 7)
        path.write_bytes(altered)
        with pytest.raises(ProofError):
            verify_bundle(folder)
        path.unlink()
        with pytest.raises(ProofError):
            verify_bundle(folder)
        path.write_bytes(data)
    assert verify_bundle(folder)


def test_it_is_on_record_to_whom_what_went(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """The entry names the manifest that is in the archive; the disclosure is in the log and in the chain of custody."""
    one = added(*case)
    archive = exported(*case, tmp_path / "case.zip")
    row = CourtExport.objects.get()
    manifest = verify_bundle(archive).manifest
    assert (row.whom, row.why, row.exhibits, row.files) == (
        "Harju County Court", "Indictment 12-7", 1, len(manifest.members),
    )  # fmt: skip
    assert [link.what for link in Custody.objects.filter(evidence=one).order_by("sequence")] == [
        "received",
        "court",
    ]
    assert Entry.objects.filter(kind="accounts.disclosed").count() == 1
    before = list(CourtExport.objects.values_list("pk", "manifest", "files", "time_us"))
    rebuild()
    assert list(CourtExport.objects.values_list("pk", "manifest", "files", "time_us")) == before
    assert findings() == []


@pytest.mark.parametrize("code", ["H1", "H2"])
def test_what_its_originator_has_not_released_stays_out(
    case: tuple[UUID, Actor], tmp_path: Path, code: str
) -> None:
    """Evidence under H1 or H2 of another authority: neither its file, nor its name, nor its entries, nor its custody."""
    added(*case, content=b"goes")
    held = added(*case, content=CANARY.encode(), name=f"{CANARY}.txt", source=CANARY, marking=coded(code))
    choice = court.choose(*case)
    assert [(row.pk, code in why) for row, why in choice.kept] == [(held, True)]
    archive = exported(*case, tmp_path / "case.zip")
    with zipfile.ZipFile(archive) as opened_:
        everything = b"".join(opened_.read(name) for name in opened_.namelist())
    entries = Entry.objects.filter(object_id=held)
    assert CANARY.encode() not in everything
    assert held.hex.encode() not in everything
    for entry in entries:
        assert f"entries/{entry.sequence:09}.json".encode() not in everything
    assert Custody.objects.filter(evidence=held).count() == 1


def test_what_of_the_timeline_stays_out_is_said(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """How many events on the page; that there may be such, and about what, in the archive."""
    case_id, actor = case
    before = court.choose(case_id, actor).untold
    happened = Happening.objects.filter(case=case_id).latest("sequence")
    other = uuid4()
    Happening.objects.create(
        sequence=happened.sequence + 1_000, case=case_id, object_id=other, kind="matching.hit_found",
        time_us=happened.time_us, actor_name="CERT Estonia", reason="",
    )  # fmt: skip
    assert court.choose(case_id, actor).untold == before + 1
    folder = unpacked(exported(*case, tmp_path / "case.zip"))
    assert "what its partners have too" in (folder / "VERIFY.txt").read_text().replace("\n", " ")
    assert "about what partners of it have too" in (folder / "case.html").read_text()
    assert other.hex not in (folder / "case.html").read_text()


def test_what_who_exports_may_not_see_is_named_nowhere(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """What the case is tied to goes with its entries, but for what another team alone knows: neither its id nor why."""
    case_id, kaja = case
    intel.bring_in(
        b"value,kind\n8.8.4.4,address\n8.8.8.8,address\n",
        "list.csv",
        acting(newcomer("analyst", name="Mari")),
    )
    seen, hidden = (row.pk for row in Item.projected.order_by("number"))
    before = court.choose(case_id, kaja).untold
    for one, why in ((seen, "The same address."), (hidden, "Canary-of-the-informant")):
        working.tie(case_id, "item", one, why, kaja)
    mark(hidden, Item.projected.get(pk=hidden).marking.marking, uuid4().hex, kaja, "It is of an operation.")
    assert court.choose(case_id, kaja).untold == before + 1
    folder = unpacked(exported(*case, tmp_path / "case.zip"))
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    opened_ = b"".join(_bodies(path) for path in (folder / "entries").iterdir())
    assert len(list(csv.DictReader((folder / "links.csv").open()))) == 1
    for text in (hidden.hex, str(hidden), "Canary-of-the-informant"):
        assert text.encode() not in everything + opened_
    assert seen.hex.encode() in opened_


def _bodies(path: Path) -> bytes:
    """What the entry of a proof says."""
    said = verify(path.read_bytes()).body
    return f"{said.reason} {json.dumps(said.content)}".encode()


def test_ones_own_codes_bind_others_and_not_ones_own_court(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """What this authority alone marked H1 may go to its own court."""
    added(*case, marking=coded("H1", own=True))
    assert not court.choose(*case).kept
    assert verify_bundle(exported(*case, tmp_path / "case.zip"))


def test_nothing_in_it_calculates_or_runs(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """No cell of a table is a formula, no text of the report is an element, and it loads nothing from anywhere."""
    added(*case, name=f"{SCRIPT}.html", description=FORMULA, source="\t=1+1")
    folder = unpacked(exported(*case, tmp_path / "case.zip"))
    for path in folder.glob("*.csv"):
        for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()):
            assert not [
                cell for cell in row if cell.lstrip()[:1] in tuple("=+-@") and cell.lstrip()[1:2].isalnum()
            ]
    assert "'=HYPERLINK" in (folder / "people.csv").read_text()
    page = Texts((folder / "case.html").read_text())
    assert {name for name, _ in page.elements} & {
        "script",
        "img",
        "iframe",
        "link",
        "object",
        "a",
        "form",
    } == set()
    assert not [attrs for _, attrs in page.elements if {"src", "href", "onload"} & attrs.keys()]
    assert SCRIPT in "".join(page.said)
    assert [path.name for path in (folder / "evidence").iterdir()] == ["0001-script_alert_1_script_.html"]


def test_the_page_the_tables_and_the_data_say_the_same(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """People, selectors, tasks, notes, evidence, custody and timeline stand in the page, in JSON and in tables."""
    added(*case)
    folder = unpacked(exported(*case, tmp_path / "case.zip"))
    data = json.loads((folder / "case.json").read_text())
    said = "".join(Texts((folder / "case.html").read_text()).said)
    assert data["title"] == f"Two gangs {SCRIPT}"
    for name in ("people", "selectors", "tasks", "notes", "evidence", "custody", "timeline"):
        assert data[name], name
        rows = list(csv.reader((folder / f"{name}.csv").read_text(encoding="utf-8-sig").splitlines()))
        assert len(rows) > len(data[name]), name
        assert all((folder / "entries" / f"{row['entry']:09}.json").exists() for row in data[name]), name
    for told in (
        data["evidence"][0]["sha256"],
        "EE38 2200 2210 2014 5685",
        "Seized by order 7.",
        "Harju County Court",
    ):
        assert told in said, told


def test_who_may_not_export_it_gets_nothing(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """Neither another team nor a member without the role exports it, and nothing of a refusal is in the custody."""
    added(*case)
    from dataclasses import replace

    other = investigator("officer", name="Other")
    with pytest.raises(NotVisibleError):
        court.export(case[0], "Court", "Because", other)
    with pytest.raises(RefusedError):
        court.export(case[0], "Court", "Because", replace(case[1], roles=frozenset({"analyst"})))
    for whom, why in (("", "Because"), ("Court", " ")):
        with pytest.raises(UsageError):
            court.export(case[0], whom, why, case[1])
    assert Custody.objects.count() == 1
    assert not CourtExport.objects.exists()


def test_a_damaged_file_breaks_the_archive_off(case: tuple[UUID, Actor], tmp_path: Path) -> None:
    """Evidence that is not what the ledger says never becomes an archive that looks whole."""
    added(*case)
    files = evidence.store()
    path = files.path_of(files.names()[0])
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(EvidenceError, match="was altered"):
        exported(*case, tmp_path / "case.zip")
    assert not CourtExport.objects.exists()


def test_the_page_and_the_api_give_the_archive_out(
    case: tuple[UUID, Actor], client_as: Callable[..., ActingClient], tmp_path: Path
) -> None:
    """The page says what goes and what stays, asks to whom and why, and sends a proven archive; so does the API."""
    case_id, kaja = case
    added(case_id, kaja)
    held = added(case_id, kaja, content=b"held", name="held.bin", marking=coded("H1"))
    client = client_as(kaja)
    text = client.get(f"/cases/{case_id}/court/?why=Case+12-7", follow=True).content.decode()
    assert "Stays here" in text
    assert "held.bin" in text
    assert client.post(f"/cases/{case_id}/court/", {"whom": "Court"}).status_code == 200
    assert not CourtExport.objects.exists()
    told = {"whom": "Harju County Court", "why": "Indictment 12-7"}
    asked = client.post(f"/api/cases/{case_id}/court", json.dumps(told), content_type="application/json")
    for answer in (client.post(f"/cases/{case_id}/court/", told), asked):
        assert answer["Content-Type"] == "application/zip"
        (tmp_path / "got.zip").write_bytes(b"".join(answer.streaming_content))
        assert verify_bundle(tmp_path / "got.zip")
    part = client.get(f"/cases/{case_id}/court/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="given-out")
    for page in (part, client.get(f"/cases/{case_id}/"), client.get(f"/cases/{case_id}/court/")):
        shown = page.content.decode()
        assert CourtExport.objects.first().manifest in shown
        assert f"hanse verify hanse-case-{case_id.hex[:12]}.zip" in shown
        assert court.own_fingerprint() in shown
    again = client.get(
        f"/cases/{case_id}/court/", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="given-out", HTTP_IF_NONE_MATCH=part["ETag"]
    )  # fmt: skip
    assert again.status_code == 204
    rows = client.get(f"/api/cases/{case_id}/court").json()
    assert [row["whom"] for row in rows] == ["Harju County Court"] * 2
    assert held
    stranger = client_as(investigator("officer", name="Other"))
    assert stranger.get(f"/cases/{case_id}/court/").status_code == 404
    assert stranger.get(f"/api/cases/{case_id}/court").status_code == 404
    assert stranger.post(f"/cases/{case_id}/court/", told).status_code == 404
