"""Threat 10, at the node's web server: bombs in requests and uploads, in a process that has 256 MB to spare.

Each is answered with 4xx or taken within its caps; the process goes on answering.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("uploads")  # what is tried once is tried on one worker

SPARE = 256 * 2**20
MEGABYTE = 2**20

BODIES = {
    "deep lists": b'{"text":' + b"[" * 2_000_000,
    "deep objects": b'{"a":' * 400_000,
    "deep and closed": b'{"text":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a number of two million digits": b'{"text":"a","at_us":' + b"9" * 2_000_000 + b"}",
    "a huge exponent": b'{"text":"a","at_us":1e999999999}',
    "a key 200,000 times": b"{" + b",".join([b'"text":"a"'] * 200_000) + b"}",
    "150,000 keys": b"{" + b",".join(b'"k%d":1' % n for n in range(150_000)) + b"}",
    "500,000 items": b'{"text":[' + b"[]," * 500_000 + b"[]]}",
    "an endless text": b'{"text":"' + b"a" * 2_500_000,
    "escapes": b'{"text":"' + b"\\u0041" * 400_000 + b"x",
    "compressed zeros": b"\x1f\x8b\x08\x00" + b"\x00" * 100_000,
    "an XML bomb": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'">]><a>' + b"&b;" * 100_000 + b"</a>",
    "larger than the cap": b'{"text":"' + b"a" * 20_000_000 + b'"}',
}
"""Bodies for the API, by what they try."""


class Stream:
    """A body that is made while it is read: a form's head, many equal bytes, and its end."""

    def __init__(self, head: bytes, size: int, end: bytes) -> None:
        self._pieces = self._made(head, size, end)
        self._left = b""
        self.length = len(head) + size + len(end)

    def read(self, size: int = MEGABYTE) -> bytes:
        """Up to `size` bytes."""
        if not self._left:
            self._left = next(self._pieces, b"")
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    readline = read

    @staticmethod
    def _made(head: bytes, size: int, end: bytes) -> Iterator[bytes]:
        yield head
        for start in range(0, size, MEGABYTE):
            yield b"\0" * min(MEGABYTE, size - start)
        yield end


def form(parts: int, name: bytes = b"file", filename: bytes = b"a") -> tuple[bytes, bytes]:
    """A form's head that opens one file after `parts` small ones, and its end."""
    part = (
        b'--b\r\nContent-Disposition: form-data; name="' + name + b'"; filename="' + filename + b'"\r\n\r\n'
    )
    return (part + b"x\r\n") * parts + part, b"\r\n--b--\r\n"


def call(url: str, body: Stream | bytes, kind: str, announced: int | None = None) -> int:
    """Send a request through the whole WSGI application; its status."""
    from io import BytesIO

    from django.core.handlers.wsgi import WSGIHandler

    told: list[str] = []
    length = body.length if isinstance(body, Stream) else len(body)
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": url, "SERVER_NAME": "localhost", "SERVER_PORT": "8007",
        "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(announced or length), "wsgi.url_scheme": "http",
        "wsgi.input": body if isinstance(body, Stream) else BytesIO(body), "wsgi.errors": sys.stderr,
        "hanse.actor": actor(),
    }  # fmt: skip
    answer = WSGIHandler()(environ, lambda status, _headers: told.append(status))
    b"".join(answer)
    return int(told[0].split()[0])


def actor():
    """A token, which needs no form's token, of an analyst."""
    from hanse.kernel.actors import Actor

    scopes = frozenset({"telemetry.import", "jobs.view"})
    return Actor("token", "t", "t", "ee-cert", roles=frozenset({"analyst"}), scopes=scopes)


def routes() -> type:
    """An operation that takes JSON, and a page that takes files."""
    from django.urls import path
    from ninja import Router

    from hanse.web.api import In, Moment, endpoint, make_api
    from hanse.web.page import page
    from hanse.web.uploads import Caps, receive, takes_uploads, went

    router = Router()

    class Note(In):
        text: str
        at_us: Moment = 0

    @router.post("/note")
    @endpoint("jobs.view")
    def note(request, body: Note):
        return {}

    @takes_uploads
    @page("telemetry.import", "web/problem.html", methods=("POST",))
    def upload(request):
        receive(
            request, Caps(file_bytes=300 * MEGABYTE, total_bytes=300 * MEGABYTE, files=50, keep_free_bytes=0)
        )
        return went(request, "/")

    return type(
        "routes", (), {"urlpatterns": [path("api/", make_api([("", router)]).urls), path("upload/", upload)]}
    )


def attacked() -> dict[str, int]:
    """The status of each attack, in the order of attack, and of a plain request after all of them."""
    kind = "multipart/form-data; boundary=b"
    told = {what: call("/api/note", body, "application/json") for what, body in BODIES.items()}
    for what, stream in {
        "a file within its cap": Stream(*_around(280 * MEGABYTE)),
        "a file beyond its cap": Stream(*_around(320 * MEGABYTE)),
        "5,000 files": Stream(form(5000)[0], 1, form(0)[1]),
        "a name of a megabyte": Stream(form(0, filename=b"n" * MEGABYTE)[0], 1, form(0)[1]),
        "a field of a hundred megabytes": Stream(
            b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n', 100 * MEGABYTE, b"\r\n--b--\r\n"
        ),
    }.items():
        told[what] = call("/upload/", stream, kind)
    told["a length that lies"] = call("/upload/", Stream(*_around(10)), kind, announced=250 * MEGABYTE)
    told["a terabyte announced"] = call("/upload/", Stream(*_around(10)), kind, announced=10**12)
    told["alive"] = call("/api/note", b'{"text": "a"}', "application/json")
    return told


def _around(size: int) -> tuple[bytes, int, bytes]:
    head, end = form(0)
    return head, size, end


def child() -> None:
    """Be a node with 256 MB to spare, and print the status of each attack."""
    import django
    from django.test.utils import override_settings

    from hanse import bootstrap
    from hanse.kernel.keys import Keyring
    from hanse.settings import Node

    with tempfile.TemporaryDirectory() as home:
        bootstrap.configure(Node(Path(home), "ee-cert", "CERT Estonia", "EE"), Keyring.new())
        assert django.apps.apps.ready
        from django.conf import settings

        from hanse.web import frame

        frame.waiting.clear()  # of rooms whose pages are not here
        kept = [one for one in settings.MIDDLEWARE if "allauth" not in one and "hanse.accounts" not in one]
        with override_settings(ROOT_URLCONF=routes(), MIDDLEWARE=[*kept, "tests.web.acting.acting"]):
            call("/api/note", b'{"text": "a"}', "application/json")  # imports on first use are no attack
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + SPARE, used + SPARE))
            for what, status in attacked().items():
                print(f"{status} {what}")
        assert not list(Path(home, "inbox").glob("*.part"))


@pytest.fixture(scope="module")
def told() -> dict[str, int]:
    """What the attacked process answered."""
    ran = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import child; child()"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    lines = [line.split(" ", 1) for line in ran.stdout.splitlines()]
    return {what: int(status) for status, what in lines}


@pytest.mark.parametrize("what", BODIES)
def test_a_bomb_in_a_body_is_refused(told, what):
    """A body that is deep, huge, doubled, endless or no JSON gets a 4xx."""
    assert 400 <= told[what] < 500


def test_uploads_are_held_to_their_caps(told):
    """A file larger than all spare memory streams through; beyond a cap it is refused, before it is read if announced."""
    assert told["a file within its cap"] == 302
    assert told["a file beyond its cap"] == 413
    assert told["a terabyte announced"] == 413
    assert told["5,000 files"] == 413
    assert 400 <= told["a field of a hundred megabytes"] < 500
    assert told["a length that lies"] in {302, 400}
    assert told["a name of a megabyte"] in {302, 400}


def test_the_process_lives(told):
    """After all of it a plain request is answered."""
    assert told["alive"] == 200
