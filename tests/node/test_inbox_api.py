"""A program puts a capture into the inbox, as large as a page may, and has it analysed."""

import dataclasses
import json
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.urls import path

from hanse.kernel.actors import Actor
from hanse.telemetry import api as telemetry_api
from hanse.telemetry.api import router
from hanse.telemetry.limits import Limits
from hanse.web.api import make_api
from hanse.web.models import Job
from hanse.web.uploads import Caps, inbox_folder
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

urlpatterns = [path("api/", make_api([("/flows", router)]).urls)]

NUMBER = UUID(int=7)
CAPS = Caps(file_bytes=3_000_000, total_bytes=4_000_000, keep_free_bytes=0)
RAW = "application/octet-stream"


@pytest.fixture
def inbox(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty inbox with small caps."""
    settings.HANSE_NODE = dataclasses.replace(django_settings.HANSE_NODE, home=tmp_path)
    monkeypatch.setattr(telemetry_api, "limits", lambda: Limits(upload=CAPS))
    return inbox_folder()


@pytest.fixture
def mari(actor: Callable[..., Actor], client_as: Callable[..., ActingClient], inbox: Path) -> ActingClient:
    """An analyst's client."""
    return client_as(actor("analyst"))


def where(name: str = "border.pcap", number: UUID = NUMBER) -> str:
    """The address of a file in the inbox."""
    return f"/api/flows/inbox/{number}/{name}"


def files_in(folder: Path) -> list[Path]:
    """All files in a folder and below."""
    return [one for one in folder.rglob("*") if one.is_file()]


def test_a_file_larger_than_any_json_is_stored_as_it_is(mari: ActingClient, inbox: Path) -> None:
    """It comes whole, under the harmless letters of its name; sent again it is the same file, and nothing changes."""
    data = bytes(range(256)) * 11_000
    first = mari.put(where(), data, content_type=RAW)
    assert first.status_code == 201
    told = first.json()
    assert (told["size"], told["sha256"], told["name"]) == (
        len(data),
        sha256(data).hexdigest(),
        "border.pcap",
    )
    assert (inbox / told["path"]).read_bytes() == data
    before = sorted(inbox.rglob("*"))
    again = mari.put(where(), data, content_type=RAW)
    assert (again.status_code, again.json()) == (200, told)
    assert sorted(inbox.rglob("*")) == before
    job = mari.post(
        "/api/flows/analyse", json.dumps({"paths": [told["path"]]}), content_type="application/json"
    )
    assert job.status_code == 202, job.content
    assert Job.objects.get(pk=job.json()["job"]).title == "Analyse border.pcap"


def test_another_file_does_not_take_its_place(mari: ActingClient, inbox: Path) -> None:
    """Under a number that is taken nothing else is stored, whatever it is called."""
    path = inbox / mari.put(where(), b"first", content_type=RAW).json()["path"]
    for name in ("border.pcap", "other.pcap"):
        assert mari.put(where(name), b"second", content_type=RAW).status_code == 409
    assert path.read_bytes() == b"first"
    assert files_in(inbox) == [path]


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [(b"", RAW, 400), (b"x" * 3_000_001, RAW, 413), (b"{}", "application/json", 415), (b"--b", "multipart/form-data; boundary=b", 415)],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(
    mari: ActingClient, inbox: Path, data: bytes, kind: str, status: int
) -> None:
    """Nothing, too much, and what is no file as it is: refused in problem details, and nothing stays."""
    answer = mari.put(where(), data, content_type=kind, CONTENT_TYPE=kind, **{"wsgi.input": BytesIO(data)})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert list(inbox.iterdir()) == []


def test_a_body_that_is_shorter_than_announced_is_not_kept(mari: ActingClient, inbox: Path) -> None:
    """A connection that broke leaves no half of a capture that somebody would take for the whole."""
    answer = mari.put(where(), b"in halves", content_type=RAW, **{"wsgi.input": BytesIO(b"in ")})
    assert answer.status_code == 400
    assert "broke off" in answer.json()["detail"]
    assert list(inbox.iterdir()) == []


def test_who_may_not_import_puts_nothing(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient], inbox: Path
) -> None:
    """Policy is asked before the body is read, and another site's page cannot send one."""
    assert client_as(actor("officer")).put(where(), b"x", content_type=RAW).status_code == 403
    assert client_as(None).put(where(), b"x", content_type=RAW).status_code == 401
    strict = client_as(actor("analyst"), enforce_csrf_checks=True)
    assert strict.put(where(), b"x", content_type=RAW).status_code == 403
    assert list(inbox.iterdir()) == []
