"""The pages and the API of evidence: a file comes in encrypted, goes out as it came, and nothing of it is opened here."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hanse.accounts.models import Proposal
from hanse.cases import evidence
from hanse.cases.evidence_models import Custody, Evidence
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.models import Entry
from hanse.settings import Node
from tests.cases.evidence_made import CANARY, added, node
from tests.cases.made import investigator, opened
from tests.ledger.made import found
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as", "node"]

pytestmark = pytest.mark.django_db

Clients = Callable[..., ActingClient]
TOLD = {
    "description": "A disk",
    "source": "A search",
    "received": "2026-05-09",
    "why": "Order 7 of the court",
}
WHY = "?why=Case+12-7+of+the+court"


@pytest.fixture
def case(node: Node) -> tuple[UUID, Actor]:
    """A case, and the investigator who opened it."""
    found()
    return opened(investigator())


def looking(client: ActingClient, address: str) -> str:
    """What a page shows, once it is said why."""
    answer = client.get(address + WHY, follow=True)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def on_disk(folder: Path) -> bytes:
    """Everything in the files of a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_file_is_sent_with_progress_and_kept_chosen_where_a_field_is_wrong(
    case: tuple[UUID, Actor], client_as: Clients, node: Node
) -> None:
    """An image of 20 GB takes an hour: its bringer sees how far it is, and sends it once more without typing anything again."""
    case_id, kaja = case
    client, script = client_as(kaja), {"Accept": "application/json, text/html;q=0.5"}
    page, there = looking(client, f"/cases/{case_id}/evidence/add/"), f"/cases/{case_id}/evidence/upload/"
    assert 'data-drop="button"' in page
    assert f'data-most="{evidence.CAPS.file_bytes}"' in page

    def sent(**told: str) -> Any:
        file = SimpleUploadedFile("disk image.img", CANARY.encode())
        return client.post(there, {**TOLD, **told, "file": file}, headers=script)

    wrong = sent(source="", received="2999-01-01")
    assert wrong.status_code == 400
    assert wrong.json()["detail"].startswith("From whom or where: This field is required.")
    assert "in the future" in sent(received="2999-01-01").json()["detail"]
    assert not [path for path in (node.home / "inbox").rglob("*") if path.is_file()]
    done = sent()
    assert (done.status_code, done.json()) == (
        201,
        {"url": f"/cases/evidence/{Evidence.projected.get().pk}/"},
    )


def test_an_empty_file_is_no_evidence(case: tuple[UUID, Actor], client_as: Clients, node: Node) -> None:
    """A copy that went wrong would stand in the case for good: to destroy evidence takes two people, and its chain stays."""
    case_id, kaja = case
    file = SimpleUploadedFile("disk image.img", b"")
    answer = client_as(kaja).post(f"/cases/{case_id}/evidence/upload/", {**TOLD, "file": file})
    assert answer.status_code == 400
    assert "The file is empty" in answer.content.decode()
    assert not Evidence.projected.exists()
    assert not [path for path in (node.home / "evidence").rglob("*") if path.is_file()]


def test_a_file_comes_in_by_the_page_and_goes_out_as_it_came(
    case: tuple[UUID, Actor], client_as: Clients, node: Node
) -> None:
    """It is on no page but its case's team's, never in the clear on the disk, and comes back byte by byte."""
    case_id, kaja = case
    client, content = client_as(kaja), CANARY.encode() * 9_000
    assert "Add evidence" in looking(client, f"/cases/{case_id}/evidence/add/")
    file = SimpleUploadedFile("disk image.img", content)
    answer = client.post(f"/cases/{case_id}/evidence/upload/", {**TOLD, "file": file})
    assert answer.status_code == 302, answer.content.decode()[-3_000:]
    assert CANARY.encode() not in on_disk(node.home)
    assert not [path for path in (node.home / "inbox").rglob("*") if path.is_file()]
    one = Evidence.projected.get()
    text = looking(client, answer["Location"])
    for told in ("disk image.img", one.sha256, "A search", "Order 7 of the court"):
        assert told in text
    out = client.post(f"/cases/evidence/{one.pk}/open/", {"why": "To look for wallets"})
    assert b"".join(out.streaming_content) == content
    assert out["Content-Disposition"] == 'attachment; filename="0001-disk_image.img"'
    assert (out["Content-Type"], out["Content-Length"]) == ("application/octet-stream", str(len(content)))
    assert [link.what for link in Custody.objects.order_by("sequence")] == ["received", "viewed"]
    assert Entry.objects.filter(kind="accounts.consulted").exists()


def test_handing_out_names_the_receiver_in_the_log(case: tuple[UUID, Actor], client_as: Clients) -> None:
    """What goes to somebody is a disclosure with their name; without a reason nothing is opened."""
    one = added(*case)
    client = client_as(case[1])
    assert client.post(f"/cases/evidence/{one}/open/", {"whom": "Institute"}).status_code == 400
    assert Custody.objects.count() == 1
    out = client.post(f"/cases/evidence/{one}/open/", {"why": "Expert opinion", "whom": "Institute"})
    assert b"".join(out.streaming_content) == CANARY.encode()
    assert Entry.objects.filter(kind="accounts.disclosed").count() == 1
    text = looking(client, f"/cases/evidence/{one}/")
    assert "handed out once" in text
    assert "Institute" in text


def test_what_is_missing_in_the_form_is_said_and_nothing_is_kept(
    case: tuple[UUID, Actor], client_as: Clients, node: Node
) -> None:
    """What was typed stays, the file is not kept, and the page says to choose it once more."""
    client = client_as(case[1])
    file = SimpleUploadedFile("a", b"content")
    told = {**TOLD, "why": "", "description": "Typed with care", "file": file}
    answer = client.post(f"/cases/{case[0]}/evidence/upload/", told)
    assert answer.status_code == 400
    assert b"Typed with care" in answer.content
    assert b"Choose it once more" in answer.content
    assert not Evidence.projected.exists()
    assert not [path for path in (node.home / "inbox").rglob("*") if path.is_file()]


def test_the_handling_codes_of_the_form_bind(case: tuple[UUID, Actor], client_as: Clients) -> None:
    """What another authority gave under H2 is marked so by the form, shown so, and not handed out."""
    client = client_as(case[1])
    told = {
        **TOLD,
        "originator": "lv-police",
        "handling": ["H2"],
        "tlp": "RED",
        "file": SimpleUploadedFile("a", b"x"),
    }
    where = client.post(f"/cases/{case[0]}/evidence/upload/", told)["Location"]
    row = Evidence.projected.select_related("marking").get()
    assert row.marking.marking.originators == {"lv-police", "ee-cert"}
    assert "It cannot be handed out" in looking(client, where)
    out = client.post(f"{where}open/", {"why": "Expert opinion", "whom": "Institute"})
    assert out.status_code == 403
    h3 = {**told, "handling": ["H3"], "file": SimpleUploadedFile("b", b"y")}
    assert client.post(f"/cases/{case[0]}/evidence/upload/", h3).status_code == 400, "H3 needs its text"


def test_the_originals_way_and_the_proposal_by_the_pages(
    case: tuple[UUID, Actor], client_as: Clients
) -> None:
    """Forms put the original's way on record and propose destruction, with errors beside the field."""
    one, client = added(*case), client_as(case[1])
    moved = {"what": "moved", "whom": "Vault", "why": "There is more room"}
    assert "Where to, or to whom" in looking(client, f"/cases/evidence/{one}/original/")
    assert client.post(f"/cases/evidence/{one}/original/", moved).status_code == 302
    assert "Another person decides" in looking(client, f"/cases/evidence/{one}/destroy/")
    assert client.post(f"/cases/evidence/{one}/destroy/", {"why": "No longer needed"}).status_code == 302
    again = client.post(f"/cases/evidence/{one}/destroy/", {"why": "No longer needed"})
    assert b"Proposed already" in again.content
    assert Proposal.objects.get().subject == {"evidence": one.hex}
    assert "It is proposed to destroy" in looking(client, f"/cases/evidence/{one}/")


def test_the_case_page_shows_its_evidence(case: tuple[UUID, Actor], client_as: Clients) -> None:
    """The case's page and its list of evidence name each file, and lead to it."""
    one, client = added(*case, name="wallet.dat"), client_as(case[1])
    for where in (f"/cases/{case[0]}/", f"/cases/{case[0]}/evidence/"):
        text = looking(client, where)
        assert "wallet.dat" in text
        assert f"/cases/evidence/{one}/" in text


def test_the_api_does_the_same(case: tuple[UUID, Actor], client_as: Clients) -> None:
    """A program adds a small file, reads it back, its chain, and proposes its destruction."""
    case_id, kaja = case
    client = client_as(kaja)

    def post(where: str, **told: object):
        return client.post(f"/api/cases/{where}", json.dumps(told), content_type="application/json")

    told = {
        "name": "a.bin",
        "description": "A disk",
        "source": "A search",
        "received_us": now_us(),
        "why": "Order 7",
    }
    made = post(f"{case_id}/evidence", content=b64encode(CANARY.encode()).decode(), **told)
    assert made.status_code == 201, made.content
    one = made.json()["id"]
    assert post(f"{case_id}/evidence", content="no base64", **told).status_code == 400
    client.get(f"/cases/evidence/{one}/{WHY}")
    listed = client.get(f"/api/cases/{case_id}/evidence").json()
    assert [(row["id"], row["exhibit"]) for row in listed] == [(one, 1)]
    assert client.get(f"/api/cases/evidence/{one}").json() == listed[0]
    out = post(f"evidence/{one}/open", why="To look")
    assert b"".join(out.streaming_content) == CANARY.encode()
    assert post(f"evidence/{one}/original", what="moved", whom="Vault", why="Room").status_code == 204
    assert [row["what"] for row in client.get(f"/api/cases/evidence/{one}/custody").json()] == [
        "received", "viewed", "moved",
    ]  # fmt: skip
    assert post(f"evidence/{one}/destroy", why="Not needed").status_code == 201
    assert post(f"evidence/{one}/original", what="destroyed", whom="x", why="x").status_code == 422


def test_a_repeated_request_gives_nothing_out_unwritten(case: tuple[UUID, Actor], client_as: Clients) -> None:
    """A program that sends an Idempotency-Key gets the file each time, and each time it is in the chain of custody."""
    one, client = added(*case), client_as(case[1])
    for times in (1, 2):
        told = json.dumps({"why": "To look"})
        out = client.post(
            f"/api/cases/evidence/{one}/open",
            told,
            content_type="application/json",
            headers={"Idempotency-Key": "k1"},
        )
        assert b"".join(out.streaming_content) == CANARY.encode()
        assert Custody.objects.filter(what="viewed").count() == times


def test_another_team_finds_nothing_at_any_address(case: tuple[UUID, Actor], client_as: Clients) -> None:
    """Whoever is outside of the team is told that there is nothing, at each page and operation, also with all roles."""
    one = added(*case)
    client = client_as(investigator("officer", name="Other"))
    pages = [f"/cases/{case[0]}/evidence/", f"/cases/{case[0]}/evidence/add/", *(
        f"/cases/evidence/{one}/{end}" for end in ("", "original/", "destroy/")
    )]  # fmt: skip
    for where in (
        *pages,
        f"/api/cases/{case[0]}/evidence",
        f"/api/cases/evidence/{one}",
        f"/api/cases/evidence/{one}/custody",
    ):
        assert client.get(where).status_code == 404, where
    for where, told in {
        f"/cases/{case[0]}/evidence/upload/": {**TOLD, "file": SimpleUploadedFile("a", b"x")},
        f"/cases/evidence/{one}/open/": {"why": "To look", "whom": ""},
        f"/cases/evidence/{one}/original/": {"what": "moved", "whom": "x", "why": "because"},
        f"/cases/evidence/{one}/destroy/": {"why": "because"},
    }.items():
        assert client.post(where, told).status_code == 404, where
    for end, told in {"open": {"why": "x"}, "destroy": {"why": "x"}}.items():
        answer = client.post(
            f"/api/cases/evidence/{one}/{end}", json.dumps(told), content_type="application/json"
        )
        assert answer.status_code == 404, end
    assert Custody.objects.count() == 1
    assert evidence.store().names()
