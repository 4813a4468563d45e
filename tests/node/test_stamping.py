"""Time stamps are fetched through the one way out, and only one that is granted over the right text is taken."""

import subprocess

import pytest
from click.testing import CliRunner

from hanse.egress.client import Client
from hanse.egress.errors import RefusedError
from hanse.egress.rules import Rules
from hanse.ledger.commands import verify
from hanse.ledger.timestamp import stamped_us
from hanse.node import commands
from hanse.node.stamping import StampError, fetch
from tests.egress.servers import http_server, local
from tests.ledger.test_bundle import archive
from tests.ledger.test_proof import _stamped, authority

__all__ = ["archive", "authority"]
NOTE = "hanse/ee-cert\n16\nAAAA\n"


def served(folder, query=None):
    """Answers with stamps of the test's own authority, over what is asked or over a fixed query."""

    def answer(handler):
        (folder / "asked").write_bytes(query or server.seen[-1][3])
        words = [
            "ts",
            "-reply",
            "-config",
            "conf",
            "-section",
            "one",
            "-queryfile",
            "asked",
            "-signer",
            "stamp.pem",
        ]
        words += ["-inkey", "stamp.key", "-chain", "root.pem", "-out", "given"]
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
        data = (folder / "given").read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    server = None

    class Serving:
        def __enter__(self):
            nonlocal server
            self.context = http_server(answer)
            server = self.context.__enter__()
            return server

        def __exit__(self, *error):
            return self.context.__exit__(*error)

    return Serving()


def url(server):
    """Where the test's authority is."""
    return f"http://localhost:{server.port}/tsa"


def test_a_stamp_over_the_checkpoint_is_taken(authority):
    """What is fetched proves under the authority's root that the checkpoint existed."""
    with served(authority) as server:
        stamp = fetch(NOTE, url(server), Client(Rules()), local(server.port))
    assert stamped_us(stamp, NOTE, (authority / "root.pem").read_bytes()) > 0
    assert server.seen[0][2]["Content-Type"] == "application/timestamp-query"


def test_a_stamp_over_another_text_is_refused(authority):
    """An authority that answers with a stamp of something else is found out at once, not in court."""
    with served(authority) as server:
        fetch("other text", url(server), Client(Rules()), local(server.port))
        other = server.seen[0][3]
    with served(authority, other) as server, pytest.raises(StampError, match="over another text"):
        fetch(NOTE, url(server), Client(Rules()), local(server.port))


def test_a_stamp_that_no_proof_takes_is_refused_at_once(authority):
    """One that was granted with changes is not kept: `hanse verify` would refuse it in court."""
    data = bytearray(_stamped(authority, NOTE))
    place = data.index(b"\x02\x01\x00")
    data[place + 2] = 1

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(bytes(data))

    with http_server(answer) as server, pytest.raises(StampError, match="no stamp was granted"):
        fetch(NOTE, url(server), Client(Rules()), local(server.port))


@pytest.mark.parametrize(
    ("status", "body", "words"), [(200, b"<html>", "no time stamp"), (404, b"", "status 404")]
)
def test_what_is_no_stamp_is_refused(status, body, words):
    """A page, or an error, is not kept as a stamp."""

    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with http_server(answer) as server, pytest.raises(StampError, match=words):
        fetch(NOTE, url(server), Client(Rules()), local(server.port))


def test_a_stamp_is_not_asked_for_inside():
    """An authority at a non-public address that nobody allowed is not reached."""
    with http_server(lambda _: None) as server, pytest.raises(RefusedError, match="not public"):
        fetch(NOTE, url(server), Client(Rules()))
    assert server.seen == []


@pytest.mark.django_db(transaction=True)
def test_an_archive_is_stamped_by_the_command(authority, archive, monkeypatch, tmp_path):
    """`hanse node stamp`: it proves by when everything in the archive existed; twice, and on a full disk, it changes nothing."""
    roots = authority / "root.pem"
    monkeypatch.setattr(commands, "_started", lambda _home: None)
    with served(authority) as server:
        words = ["stamp", str(archive), url(server)]
        allow = local(server.port)
        monkeypatch.setattr(commands, "_stamp_of", lambda note, at: fetch(note, at, Client(Rules()), allow))
        first = CliRunner().invoke(commands.node, words)
        assert first.exit_code == 0, first.output
        data = archive.read_bytes()
        again = CliRunner().invoke(commands.node, words)
    assert (again.exit_code, archive.read_bytes()) == (1, data)
    assert "has a time stamp already" in again.output
    assert CliRunner().invoke(verify, [str(archive)]).exit_code == 0
    told = CliRunner().invoke(verify, [str(archive), "--time-roots", str(roots)])
    assert "The checkpoint existed by" in told.output
    assert told.exit_code == 0
