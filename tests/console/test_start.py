"""The first page says what there is to do, and to whom to turn for what one's roles do not show."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.telemetry.limits import limits
from hanse.web import uploads
from hanse.web.models import Job
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db]


@pytest.mark.parametrize(
    ("roles", "words", "link"),
    [
        (("investigator",), "Open a case", "/cases/open/"),
        (("analyst", "administrator"), "Give yourself or a colleague that role", "/people/"),
        (("analyst",), "an administrator gives that role", ""),
    ],
)
def test_whoever_sees_no_cases_reads_how_to_come_to_them(
    actor: Callable[..., Actor],
    client_as: Callable[..., ActingClient],
    roles: tuple[str, ...],
    words: str,
    link: str,
) -> None:
    """Cases are in nobody's rail without a role for them: the page says which, and who gives it."""
    page = client_as(actor(*roles)).get("/start/").content.decode()
    assert words in page
    assert not link or f'href="{link}">{words}' in page
    assert ("/cases/open/" in page) == ("investigator" in roles)


def test_no_exercise_is_offered_where_it_would_be_refused(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient], settings: Any
) -> None:
    """Made-up attacks never stand among real ones: a node for real work says where to rehearse instead, on every way."""
    client = client_as(actor("analyst"))
    ways = ("/", "/attacks/", "/flows/", "/flows/partitions/", "/start/")
    assert "Load Estonia 2007" in client.get("/start/").content.decode()
    settings.HANSE_NODE = replace(settings.HANSE_NODE, exercise=False)
    for way in ways:
        assert "exercise</a>" not in client.get(way).content.decode(), way
    page = client.get("/start/").content.decode()
    assert "Load Estonia 2007" not in page
    assert "<code>hanse node init --exercise</code>" in page
    refused = client.post("/flows/load-exercise/")
    assert refused.status_code == 400
    assert "hanse node init --exercise" in refused.content.decode()
    assert client.post("/api/flows/load-exercise").status_code == 400
    assert not Job.objects.exists()


def test_what_is_too_large_is_known_before_it_is_sent(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pages on which captures are dropped tell the browser how large one may be, and how much the disk has room for."""
    client = client_as(actor("analyst"))
    caps = limits().upload
    disk = SimpleNamespace(free=caps.keep_free_bytes + 5_000)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _path: disk)
    for page in ("/start/", "/flows/inputs/"):
        text = client.get(page).content.decode()
        assert f'data-most="{caps.file_bytes}" data-most-all="5000" data-most-files="{caps.files}"' in text
        assert f"p to {units.volume(caps.file_bytes)} each" in text.replace("\u00a0", " ")
