"""Uploads: streamed to the inbox under harmless names, within caps, as a whole or not at all."""

import os
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from hanse.web.emptying import KEPT_S, empty
from hanse.web.models import Job, State
from hanse.web.page import page
from hanse.web.uploads import Caps, inbox_folder, receive, stored_name, takes_uploads, tidy, went

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

CAPS = Caps(file_bytes=3_000_000, total_bytes=4_000_000, files=3, keep_free_bytes=0)
received = []


@takes_uploads
@page("telemetry.import", "web/problem.html", methods=("POST",))
def upload(request):
    """Takes files and goes on to a page of work."""
    received.append(receive(request, CAPS))
    return went(request, "/jobs/1/")


@takes_uploads
@page("telemetry.import", "web/problem.html", methods=("POST",))
def full(request):
    """A node whose disk has no room."""
    receive(request, Caps(keep_free_bytes=2**62))


@takes_uploads
@page("telemetry.import", "web/problem.html", methods=("POST",))
def slow(request):
    """An upload that takes its time: when all has come, its sender is who the test says."""
    request.actor_anew = lambda: setattr(request, "actor", request.META["now"]) or True
    receive(request, CAPS)
    return went(request, "/jobs/1/")


urlpatterns = [path("upload/", upload), path("full/", full), path("slow/", slow)]


@pytest.fixture
def inbox(tmp_path, settings):
    """An empty inbox."""
    import dataclasses

    settings.HANSE_NODE = dataclasses.replace(settings.HANSE_NODE, home=tmp_path)
    received.clear()
    return inbox_folder()


def files_in(folder: Path) -> list[Path]:
    """All files in a folder and below."""
    return [one for one in folder.rglob("*") if one.is_file()]


def test_files_are_stored_whole_and_the_way_leads_on(client_as, actor, inbox):
    """Files and fields arrive; a plain form is redirected, the page's script is told where to go."""
    client = client_as(actor("analyst"))
    data = {
        "file": [SimpleUploadedFile("a.pcap", b"a" * 2_500_000), SimpleUploadedFile("b", b"b")],
        "note": "n",
    }
    assert client.post("/upload/", data)["Location"] == "/jobs/1/"
    one, two = received[0].files
    assert (inbox / one.path).read_bytes() == b"a" * 2_500_000
    assert (inbox / two.path).read_bytes() == b"b"
    assert received[0].fields["note"] == "n"
    script = client.post(
        "/upload/", {"file": SimpleUploadedFile("c", b"c")}, headers={"Accept": "application/json, */*"}
    )
    assert (script.status_code, script.json()) == (201, {"url": "/jobs/1/"})


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x", ".bashrc", "a\x1b[31mb\u202egpj.exe", "-rf", "=cmd()"]
)
def test_a_name_is_never_a_path(client_as, actor, inbox, name):
    """Whatever a file is called, it is stored inside the upload's folder, and shown with all signs visible."""
    client_as(actor("analyst")).post("/upload/", {"file": SimpleUploadedFile(name, b"x")})
    stored = received[0].files[0]
    assert files_in(inbox) == [inbox / stored.path]
    assert Path(stored.path).name.startswith("0001")
    assert "\x1b" not in stored.name
    assert "\u202e" not in stored.name


@given(st.text(), st.integers(1, 9999))
def test_stored_names_are_harmless(name, number):
    """A stored name has only letters, digits, dots, dashes and underscores, and begins with its number."""
    made = stored_name(number, name)
    assert made.startswith(f"{number:04d}")
    assert len(made) <= 85
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([b"x" * 3_000_001], 413),
        ([b"x" * 2_500_000] * 2, 413),
        ([b"x"] * 4, 413),
        ([], 400),
    ],
)
def test_beyond_a_cap_nothing_is_kept(client_as, actor, inbox, files, status):
    """A file too large, a sum too large, too many files, or none: refused in words, and nothing stays."""
    data = {"file": [SimpleUploadedFile(f"{n}", one) for n, one in enumerate(files)], "other": "x"}
    answer = client_as(actor("analyst")).post("/upload/", data, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert files_in(inbox) == []
    assert list(inbox.iterdir()) == []


def test_a_full_disk_is_told(client_as, actor, inbox):
    """When the disk would not have room enough left, the upload is refused before it is read."""
    answer = client_as(actor("analyst")).post("/full/", {"file": SimpleUploadedFile("a", b"x")})
    assert answer.status_code == 507


def test_another_site_cannot_upload(client_as, actor, inbox):
    """Without the page's token an upload is refused, and nothing of it stays."""
    client = client_as(actor("analyst"), enforce_csrf_checks=True)
    answer = client.post("/upload/", {"file": SimpleUploadedFile("a", b"x")})
    assert answer.status_code == 403
    assert list(inbox.iterdir()) == []


def test_who_may_not_import_sends_nothing(client_as, actor, inbox):
    """Policy is asked before the body is read."""
    assert (
        client_as(actor("officer")).post("/upload/", {"file": SimpleUploadedFile("a", b"x")}).status_code
        == 403
    )
    assert list(inbox.iterdir()) == []


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nxx']
)
def test_what_is_no_form_is_refused(client_as, actor, inbox, body):
    """A body that is no form, or breaks off, is refused in words or kept as far as the form is whole; never a crash."""
    answer = client_as(actor("analyst")).post(
        "/upload/", body, content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code in {302, 400}
    assert not [one for one in inbox.iterdir() if one.name.endswith(".part")]


def test_leftovers_of_a_killed_process_go(inbox):
    """An unfinished upload is removed after a day, a finished or a running one never."""
    old, new, done = inbox / "a.part", inbox / "b.part", inbox / "c"
    for folder in (old, new, done):
        folder.mkdir()
        (folder / "x").write_bytes(b"x")
    for folder in (old, done):
        os.utime(folder, (1, 1))
    tidy(inbox)
    assert sorted(one.name for one in inbox.iterdir()) == ["b.part", "c"]


def test_the_inbox_is_emptied(inbox, actor):
    """What was read in, or is needed by nobody, is gone after half a day; what waits or is still written is not."""
    names = ["done", "waits", "unread", "young", "written.part", "taxii-1.json"]
    for name in names:
        if name.endswith(".json"):
            (inbox / name).write_bytes(b"secret")
        else:
            (inbox / name).mkdir()
            (inbox / name / "0001-a.pcap").write_bytes(b"secret")
    (inbox / "link").symlink_to(inbox.parent)
    for one in [*inbox.rglob("*")]:
        if "young" not in one.parts and one.parent.name != "written.part":
            os.utime(one, (1, time.time() - KEPT_S - 1), follow_symlinks=False)
    (inbox / "öö.pcap").write_bytes(b"put there by hand")
    os.utime(inbox / "öö.pcap", (1, 1))
    for name, state in (("done", State.DONE), ("waits", State.WAITING), ("öö.pcap", State.WAITING)):
        Job.objects.create(kind="analyse", title="", params={"paths": [f"{name}/0001-a.pcap"]}, owner="m", actor={},
                           created_us=1, state=state)  # fmt: skip
    assert empty() == 4
    assert sorted(one.name for one in inbox.iterdir()) == ["waits", "written.part", "young", "öö.pcap"]
    assert (inbox.parent / "inbox").is_dir()
    assert empty() == 0


@pytest.mark.parametrize(("roles", "status"), [(None, 401), (("auditor",), 403), (("analyst",), 302)])
def test_nothing_is_kept_of_who_was_kept_out_while_it_came(client_as, actor, inbox, roles, status):
    """An upload takes hours: whoever may not any more when it is whole has sent nothing."""
    client, now = client_as(actor("analyst")), actor(*roles) if roles else None
    answer = client.post("/slow/", {"file": SimpleUploadedFile("a.pcap", b"a")}, now=now)
    assert answer.status_code == status
    assert len(files_in(inbox)) == (status == 302)
