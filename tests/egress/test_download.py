"""Fetching into a file: whole or not at all, and on from where it stopped."""

import os

import pytest

from hanse.egress.client import Client
from hanse.egress.download import download
from hanse.egress.errors import StatusError, TooLargeError, UnreachableError
from tests.egress.servers import http_server, local, local_rules, reply

DATA = os.urandom(300_000)


def fetch(port, path, limit=1_000_000):
    """Download from this machine."""
    client = Client(local_rules())
    return download(
        client, f"http://localhost:{port}/f", path, limit_bytes=limit, allow=local(port), http=True
    )


def ranged(data, etag, cut=None):
    """A server of one file that honours Range with If-Range, and breaks off after `cut` bytes."""

    def answer(handler):
        wanted = handler.headers.get("Range")
        start = int(wanted[6:-1]) if wanted and handler.headers.get("If-Range") == etag else 0
        part = data[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(part)))
        handler.end_headers()
        handler.wfile.write(part[:cut])
        handler.close_connection = True

    return answer


def in_turn(attempts):
    """A server that answers each request with the next of some answers."""

    def answer(handler):
        next(attempts)(handler)

    return answer


def test_a_file_appears_whole(tmp_path):
    """The bytes are the server's, and nothing else is left beside the file."""
    with http_server(ranged(DATA, '"one"')) as server:
        got = fetch(server.port, tmp_path / "feed")
    assert (got.path.read_bytes(), got.size, got.resumed, got.etag) == (DATA, len(DATA), 0, '"one"')
    assert list(tmp_path.iterdir()) == [got.path]


@pytest.mark.parametrize(("etag", "again"), [('"one"', '"one"'), ('"one"', '"two"'), ('W/"one"', 'W/"one"')])
def test_a_download_goes_on_only_with_the_same_version(tmp_path, etag, again):
    """The same strong ETag: only the rest is fetched. A new version or a weak ETag: all of it anew."""
    path = tmp_path / "feed"
    data = DATA if etag == again else os.urandom(250_000)
    attempts = iter([ranged(DATA, etag, cut=200_000), ranged(data, again)])
    with http_server(in_turn(attempts)) as server:
        with pytest.raises(UnreachableError):
            fetch(server.port, path)
        assert not path.exists()
        got = fetch(server.port, path)
    assert path.read_bytes() == data
    assert (got.resumed > 0) == (etag == again == '"one"')
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_over_the_cap_leaves_nothing(tmp_path):
    """The cap holds for the whole file, announced or not, resumed or not."""
    attempts = iter([ranged(DATA, '"one"', cut=200_000), ranged(DATA, '"one"')])
    with http_server(in_turn(attempts)) as server:
        with pytest.raises(UnreachableError):
            fetch(server.port, tmp_path / "feed")
        with pytest.raises(TooLargeError):
            fetch(server.port, tmp_path / "feed", limit=250_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [204, 206, 404, 500])
def test_another_answer_is_no_file(tmp_path, status):
    """An error page, or a part that was not asked for, is never taken for the file."""
    with (
        http_server(lambda handler: reply(handler, status, b"")) as server,
        pytest.raises(StatusError) as caught,
    ):
        fetch(server.port, tmp_path / "feed")
    assert caught.value.status == status
    assert list(tmp_path.iterdir()) == []
