"""Fetching into a file, with a cap, going on where an earlier attempt stopped."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hanse.egress.client import Client, Opened
from hanse.egress.decoding import capped
from hanse.egress.errors import StatusError, TooLargeError, UnreachableError
from hanse.egress.rules import AllowedEndpoint

TIMEOUT_S = 3_600.0
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")  # RFC 9110 section 14.4


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that was fetched whole.

    Attributes:
        path: Where it lies.
        size: Its bytes.
        resumed: Bytes of it that an earlier attempt had fetched.
        etag: The server's mark of this version, empty when it gave none.
        final_url: Address after redirects.
        peer: The address that was checked and connected to.
    """

    path: Path
    size: int
    resumed: int
    etag: str
    final_url: str
    peer: str


def download(
    client: Client,
    url: str,
    path: Path,
    *,
    limit_bytes: int,
    timeout_s: float = TIMEOUT_S,
    allow: Iterable[AllowedEndpoint] = (),
    http: bool = False,
) -> Downloaded:
    """Fetch a file; it appears under its name only when it is whole.

    What was received lies in `<path>.part` with its version in `<path>.part.json`; a later call goes on there
    (Range with If-Range, RFC 9110 section 13.1.5) when the server gave a strong ETag and still has that version.

    Args:
        client: Who fetches.
        url: Absolute URL.
        path: Where the file shall lie; an older one is replaced.
        limit_bytes: Most bytes of the whole file.
        timeout_s: Seconds for this call.
        allow: Non-public addresses that may be reached.
        http: Whether unencrypted http may be used.

    Raises:
        EgressError: As `Client.get`; StatusError when the server has no such file.
    """
    part = _Part(path, url)
    done = part.size()
    headers = {"Range": f"bytes={done}-", "If-Range": part.etag()} if done else {}
    with client.opened(url, headers, limit_bytes, timeout_s, tuple(allow), http=http, packed=False) as answer:
        start, total = _start(answer, done, part)
        etag = answer.headers.get("etag", "")
        part.remember(etag)
        size = part.receive(answer, start, limit_bytes)
        if total is not None and size != total:
            part.forget()
            raise UnreachableError(f"{url[:200]}: {size:,} bytes came instead of {total:,}. Try again.")
        part.finish(path)
        return Downloaded(path, size, start, etag, answer.final_url, answer.peer)


def _start(answer: Opened, done: int, part: "_Part") -> tuple[int, int | None]:
    """From which byte on the answer tells the file, and its whole size where known."""
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnreachableError(f"{answer.final_url}: the server packs the file although it must not.")
    if answer.status == 200:
        return 0, None
    if answer.status == 206 and done:
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found and int(found[1]) == done and answer.headers.get("etag") == part.etag():
            return done, int(found[2])
    part.forget()
    raise StatusError(
        f"{answer.final_url}: the server answered {answer.status} and not with the file. Check the address; "
        "the next attempt begins anew.",
        answer.status,
    )


class _Part:
    """The received part of a file, and of which version it is."""

    def __init__(self, path: Path, url: str) -> None:
        self._file = path.with_name(f"{path.name}.part")
        self._note = path.with_name(f"{path.name}.part.json")
        self._url = url

    def etag(self) -> str:
        """The strong ETag of the version begun, empty when it cannot be continued."""
        try:
            note = json.loads(self._note.read_text("utf-8"))
            etag = str(note["etag"]) if note["url"] == self._url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return etag if etag.startswith('"') else ""

    def size(self) -> int:
        """Bytes received of a version that can be continued."""
        return self._file.stat().st_size if self.etag() and self._file.exists() else 0

    def remember(self, etag: str) -> None:
        """Which version is being received."""
        self._note.write_text(json.dumps({"url": self._url, "etag": etag}), "utf-8")

    def receive(self, answer: Opened, start: int, limit: int) -> int:
        """Write the answer from a byte on; the size that the file then has.

        Raises:
            TooLargeError: The file is over the limit; the part is removed.
        """
        with self._file.open("r+b" if start else "wb") as file:
            file.seek(start)
            try:
                for piece in capped(answer.parts, limit - start, answer.final_url):
                    file.write(piece)
            except TooLargeError:
                self.forget()
                raise
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def forget(self) -> None:
        """Remove what was received."""
        self._file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self, path: Path) -> None:
        """Give the whole file its name."""
        self._file.replace(path)
        self._note.unlink(missing_ok=True)
