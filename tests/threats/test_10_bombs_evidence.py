"""Threat 10, in evidence: bombs are what evidence is made of. They are stored, shown and exported unopened."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hanse.cases import court, evidence
from hanse.cases.evidence_models import Evidence
from hanse.kernel.actors import Actor
from hanse.ledger.bundle import verify_bundle
from hanse.settings import Node
from tests.cases.evidence_made import node
from tests.cases.made import investigator, opened
from tests.ledger.made import found
from tests.web.acting import ActingClient

__all__ = ["node"]

pytestmark = pytest.mark.django_db

MEGABYTE = 2**20


def _zip(content: bytes, depth: int = 1) -> bytes:
    """An archive of an archive of an archive."""
    for _ in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(8):
                archive.writestr(f"{number}", content)
        content = out.getvalue()
    return content


def _bombs() -> dict[str, bytes]:
    """Files by the name that they come under."""
    return {
        "nested.zip": _zip(bytes(MEGABYTE), depth=3),
        "zeros.gz": gzip.compress(bytes(32 * MEGABYTE)),
        "entities.xml": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'">]><a>' + b"&b;" * 100_000 + b"</a>",
        "deep.json": b"[" * 1_000_000,
        "case.csv": b'=HYPERLINK("http://example.org")\n' * 20_000,
        "page.html": b"<script>alert(1)</script>" * 10_000,
        "../../keys/keyring": b"a path as a name",
    }


MOST = 24 * MEGABYTE
"""Memory that taking one in, showing it and exporting all of them may add: the largest bomb unpacks to half a gigabyte."""


@pytest.fixture
def case(node: Node) -> tuple[UUID, Actor]:
    """A case, and the investigator who opened it."""
    found()
    return opened(investigator())


def test_bombs_are_stored_shown_and_exported_unopened(
    case: tuple[UUID, Actor], client_as: Callable[..., ActingClient], node: Node, tmp_path: Path
) -> None:
    """Each comes back byte by byte from its page and from the court's archive, and nobody's memory grows by it."""
    case_id, kaja = case
    client = client_as(kaja)
    told = {
        "description": "A bomb",
        "source": "A search",
        "received": "2026-05-09",
        "why": "Order 7 of the court",
    }
    client.get(f"/cases/{case_id}/?why=Case+12-7")
    bombs, wheres = _bombs(), []
    tracemalloc.start()
    try:
        for name, content in bombs.items():
            file = SimpleUploadedFile("x", content)
            file._name = name
            wheres.append(
                client.post(f"/cases/{case_id}/evidence/upload/", {**told, "file": file})["Location"]
            )
        path = tmp_path / "case.zip"
        with path.open("wb") as out:
            for piece in court.export(case_id, "Court", "Indictment", kaja)[1]:
                out.write(piece)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    assert {client.get(where).status_code for where in wheres} == {200}
    rows = list(Evidence.projected.order_by("exhibit"))
    assert len(rows) == len(bombs)
    for row, content in zip(rows, bombs.values(), strict=True):
        assert b"".join(evidence.take_out(row.pk, "To look.", "", kaja)[1]) == content
    paths = [one.path for one in verify_bundle(path).manifest.members if one.path.startswith("evidence/")]
    assert paths == [
        "evidence/0001-nested.zip", "evidence/0002-zeros.gz", "evidence/0003-entities.xml", "evidence/0004-deep.json",
        "evidence/0005-case.csv", "evidence/0006-page.html", "evidence/0007-keyring",
    ]  # fmt: skip
    assert sorted(one.name for one in (node.home / "keys").iterdir()) == ["keyring"]
