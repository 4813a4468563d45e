"""Files that people bring: streamed into the node's inbox, within caps, under names that the node makes.

Nothing is held in memory and no name from outside becomes a path: a file is stored under its number and the harmless
letters of its name. An upload that breaks off leaves nothing; one that ends is there as a whole, or not at all.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, ParamSpec, Protocol
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponseBase, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.shortcuts import redirect

from hanse.kernel import units
from hanse.kernel.errors import HanseError
from hanse.kernel.printable import printable
from hanse.web.page import actor_of, from_our_page, whole

P = ParamSpec("P")

_HARMLESS = re.compile(r"[^A-Za-z0-9._-]+")
_NUMBERED = re.compile(r"[0-9]{4}-.")
_PART = ".part"
_LEFT_S = 86_400
_CHECK_BYTES = 64 * 1024 * 1024


class UploadError(HanseError):
    """An upload is refused; nothing of it is kept.

    Attributes:
        status: The HTTP status that says it: 400, 401, 403, 409, 413 or 507.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Caps:
    """How much may come in one upload.

    Attributes:
        file_bytes: Largest file.
        total_bytes: Largest sum.
        files: Most files.
        keep_free_bytes: So much of the disk stays free, so that the ledger can go on writing.
    """

    file_bytes: int = 20_000_000_000
    total_bytes: int = 50_000_000_000
    files: int = 1000
    keep_free_bytes: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """One file in the inbox.

    Attributes:
        name: What its sender called it, fit to be shown; never a path.
        path: Where it is, relative to the inbox.
        size: Its length in bytes.
        sha256: Digest of its content, hexadecimal.
    """

    name: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Received:
    """One upload.

    Attributes:
        files: Its files, at least one.
        fields: What else the form held.
    """

    files: tuple[Stored, ...]
    fields: QueryDict


class Opened(Protocol):
    """A file of the inbox while it is written; `Path.open` gives one, and so does what encrypts on the way."""

    @property
    def name(self) -> Any:
        """Its path."""

    def write(self, data: bytes, /) -> int:
        """Add a piece."""

    def flush(self) -> None:
        """Hand on what is held."""

    def fileno(self) -> int:
        """The number of the file below."""

    def close(self) -> None:
        """End it."""


Opener = Callable[[Path], Opened]
"""Makes the file of a path, which is not there yet."""


def in_the_clear(path: Path) -> Opened:
    """A file that is kept as it comes."""
    return path.open("xb")


def takes_uploads(view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """Mark a guarded view, above ``@page``, that calls `receive`: that one checks the CSRF token while it reads.

    Django's own check would read the files into memory and temporary files before the view has a say.
    """
    view.csrf_exempt = True  # type: ignore[attr-defined]  # Django's middleware reads it
    return view


def receive(request: HttpRequest, caps: Caps = Caps(), opener: Opener = in_the_clear) -> Received:
    """Store the files of a form in the inbox.

    `opener` makes each file: what must not lie on the disk as it is, is encrypted while it comes.

    1. What is announced to be too large is refused before it is read.
    2. The files are written as they come, under caps, beside the inbox's finished uploads.
    3. The CSRF token is checked; only then the upload becomes visible under its final name.

    Raises:
        UploadError: It is too large, has no files, breaks off, or comes from another site.
    """
    with _drafted(request, caps, opener) as (folder, handler):
        request.upload_handlers = [handler]
        try:
            fields = _read(request, handler)
        except (MultiPartParserError, SuspiciousOperation, UnreadablePostError) as error:
            raise UploadError(400, "The upload broke off or is no form. Send it again.") from error
        _check_sender(request)
        folder.rename(folder.with_suffix(""))
    return Received(tuple(handler.stored), fields)


def receive_body(request: HttpRequest, number: UUID, name: str, caps: Caps = Caps()) -> tuple[Stored, bool]:
    """Store the body of a request in the inbox, as it comes; and whether it is new.

    Whoever sends it chooses its number, so that sending it again after a connection broke changes nothing.

    Args:
        request: Its body is the file.
        number: Of the upload; the inbox keeps it under it.
        name: What its sender calls the file.
        caps: How much may come.

    Raises:
        UploadError: It is too large, empty, breaks off, or another file came under this number.
    """
    with _drafted(request, caps, in_the_clear) as (folder, handler):
        came = _written(request, handler, name)
        _check_sender(request)
        new = _moved(folder, folder.with_name(number.hex))
    stored = replace(came, path=f"{number.hex}/{Path(came.path).name}")
    if not new and not _is_there(inbox_folder(), stored):
        raise UploadError(409, "Another file came under this number before. Choose a new number.")
    return stored, new


def room(caps: Caps) -> int:
    """How many bytes can come in one upload now: as many as `caps` says, and as the disk has room for."""
    free = shutil.disk_usage(inbox_folder()).free - caps.keep_free_bytes
    return max(0, min(caps.total_bytes, free))


def drop(received: Received) -> None:
    """Remove what came, where something else of the form cannot be meant."""
    for folder in {(inbox_folder() / one.path).parent for one in received.files}:
        shutil.rmtree(folder, ignore_errors=True)


def went(request: HttpRequest, url: str) -> HttpResponseBase:
    """The answer to an upload that was taken: the script of the page follows `url`, a plain form is redirected."""
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"url": url}, status=201)
    return redirect(url)


def inbox_folder() -> Path:
    """The node's inbox, made if it is not there."""
    inbox: Path = settings.HANSE_NODE.home / "inbox"
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    return inbox


def tidy(inbox: Path) -> None:
    """Remove what uploads left behind a day ago or earlier whose process was killed."""
    for folder in inbox.glob(f"*{_PART}"):
        if time.time() - folder.stat().st_mtime > _LEFT_S:
            shutil.rmtree(folder, ignore_errors=True)


def stored_name(number: int, name: str) -> str:
    """The name under which the inbox keeps a file: its number, and the harmless letters of what it was called."""
    kept = _HARMLESS.sub("_", name)[-80:].strip("._-")
    return f"{number:04d}-{kept}" if kept else f"{number:04d}"


def called_by_sender(path: Path) -> str:
    """What a file is called on pages: in the inbox without the number that the node gave it; never with folders."""
    given = path.name
    if path.is_relative_to(settings.HANSE_NODE.home / "inbox") and _NUMBERED.match(given):
        return given.partition("-")[2]
    return given


@contextmanager
def _drafted(request: HttpRequest, caps: Caps, opener: Opener) -> "Iterator[tuple[Path, _Inbox]]":
    """A folder beside the finished uploads, and what writes into it; what was not moved away in the end goes."""
    inbox = inbox_folder()
    tidy(inbox)
    _check_announced(request, caps, inbox)
    folder = inbox / f"{uuid4().hex}{_PART}"
    folder.mkdir(mode=0o700)
    handler = _Inbox(request, folder, caps, opener)
    try:
        yield folder, handler
    finally:
        handler.close()
        shutil.rmtree(folder, ignore_errors=True)


def _read(request: HttpRequest, handler: "_Inbox") -> QueryDict:
    """Steps 2 and 3 of `receive`: reading the form makes Django call the handler."""
    if not from_our_page(request):
        raise UploadError(403, "The form is too old. Load the page again and choose the files anew.")
    fields = request.POST
    if not handler.stored:
        raise UploadError(400, "No file came. Choose at least one.")
    return fields


def _written(request: HttpRequest, handler: "_Inbox", name: str) -> Stored:
    """Write a body piece by piece."""
    announced = request.META.get("CONTENT_LENGTH") or ""
    handler.new_file("body", name, "application/octet-stream", None)
    size = 0
    try:
        while piece := request.read(handler.chunk_size):
            handler.receive_data_chunk(piece, size)
            size += len(piece)
    except (UnreadablePostError, SuspiciousOperation) as error:
        raise UploadError(400, "The upload broke off. Send it again.") from error
    if announced.isdecimal() and size != int(announced):
        raise UploadError(
            400, f"The upload broke off after {size:,} of {int(announced):,} bytes. Send it again."
        )
    if not size:
        raise UploadError(400, "No file came: the body is empty. Send the file as the body.")
    handler.file_complete(size)
    return handler.stored[0]


def _check_sender(request: HttpRequest) -> None:
    """Whether who sends it is still who they were when it began: an upload takes hours."""
    before = actor_of(request)
    if not whole(request):
        return
    now = actor_of(request)
    if now is None:
        raise UploadError(401, "Your session is over. Sign in again, then send it anew.")
    if before is not None and (now.roles, now.teams) != (before.roles, before.teams):
        raise UploadError(403, "Your roles or teams have changed since it began. Send it anew.")


def _moved(folder: Path, kept: Path) -> bool:
    """Give a finished upload its place; False where there is one already."""
    try:
        folder.rename(kept)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise UploadError(507, "The node's disk is full. Tell your administrator.") from error
        return False
    return True


def _is_there(inbox: Path, stored: Stored) -> bool:
    """Whether the inbox has this very file."""
    path = inbox / stored.path
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest() == stored.sha256


def _check_announced(request: HttpRequest, caps: Caps, inbox: Path) -> None:
    """Step 1 of `receive`."""
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        announced = 0
    if announced > caps.total_bytes + 1_000_000:
        raise UploadError(413, f"That is more than {units.volume(caps.total_bytes)}. Send it in parts.")
    _check_disk(inbox, caps, announced)


def _check_disk(inbox: Path, caps: Caps, coming: int) -> None:
    if shutil.disk_usage(inbox).free - coming < caps.keep_free_bytes:
        raise UploadError(507, "The node's disk has no room for it. Tell your administrator, or send less.")


class _Inbox(FileUploadHandler):
    """Django's hook for each piece of each file."""

    chunk_size = 2**20

    def __init__(self, request: HttpRequest, folder: Path, caps: Caps, opener: Opener) -> None:
        super().__init__(request)
        self.stored: list[Stored] = []
        self._folder, self._caps, self._opener = folder, caps, opener
        self._file: Opened | None = None
        self._digest = sha256()
        self._size = self._total = self._checked = 0
        self._name = ""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        super().new_file(*args, **kwargs)
        if len(self.stored) >= self._caps.files:
            raise UploadError(413, f"More than {self._caps.files} files at once. Send them in parts.")
        self._name = self.file_name or ""
        self._file = self._opener(self._folder / stored_name(len(self.stored) + 1, self._name))
        self._digest, self._size = sha256(), 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002 - Django's signature
        """Write a piece."""
        if self._file is None:
            raise UploadError(400, "The upload is no form. Send it again.")
        self._size += len(raw_data)
        self._total += len(raw_data)
        if self._size > self._caps.file_bytes or self._total > self._caps.total_bytes:
            most = min(self._caps.file_bytes, self._caps.total_bytes)
            raise UploadError(
                413, f"{printable(self._name)} goes beyond {units.volume(most)}. Send it in parts."
            )
        if self._total - self._checked >= _CHECK_BYTES:
            self._checked = self._total
            _check_disk(self._folder, self._caps, 0)
        self._digest.update(raw_data)
        try:
            self._file.write(raw_data)
        except OSError as error:
            raise UploadError(507, "The node's disk is full. Tell your administrator.") from error

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002 - Django's signature
        """End a file: it is on disk when this returns."""
        if self._file is None:
            return
        path = Path(self._file.name)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self.close()
        except OSError as error:
            raise UploadError(507, "The node's disk is full. Tell your administrator.") from error
        where = f"{self._folder.name.removesuffix(_PART)}/{path.name}"
        self.stored.append(Stored(printable(self._name), where, self._size, self._digest.hexdigest()))

    def close(self) -> None:
        """Close the file that is being written, if any."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
