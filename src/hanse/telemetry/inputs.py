"""From a file to mapped bytes, whatever they are packed in.

Compression is told by magic number, never by name: gzip (RFC 1952), Zstandard (RFC 8878), xz (the
.xz file format 1.2). Decompressed bytes go to a temporary file without a name, which is mapped, so
that an input needs no more memory than its pages in use.
"""

import errno
import hashlib
import lzma
import mmap
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.kernel.errors import Problem, UnreadableInputError
from hanse.telemetry.input_files import opened

CHUNK = 1 << 20
"""Compressed bytes read at once, and decompressed bytes written at once."""

KEEP_FREE = 1_000_000_000
"""So many bytes of the disk stay free, or a twentieth of it where that is less: the ledger may lie on the same one."""

CHECK = 64 << 20
"""Bytes after which it is looked at anew how much is free."""

XZ_MEMORY = 256 << 20
"""Memory that an xz stream may ask for; `xz -9` asks for 65 MiB, a hostile one for 4 GiB."""

GZIP, ZSTD, XZ = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a compressed input may become before it is taken for a decompression bomb.

    Attributes:
        decompressed_bytes: Most bytes written for one input. 64 GiB is about a day of a busy router.
        ratio: Most decompressed bytes per compressed byte. Flow records and packet captures
            measured here stay under 60; gzip can reach 1,032, zstd and xz far more.
        ratio_after: Bytes from which `ratio` counts; a small file of equal bytes is harmless.
    """

    decompressed_bytes: int = 64 << 30
    ratio: int = 500
    ratio_after: int = 256 << 20


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Source:
    """An open input: its bytes, decompressed, mapped into memory. Close it, or use it in `with`.

    Attributes:
        path: The input as the user named it.
        data: The bytes; empty for an empty input. Valid until `close`.
        packing: ``gzip``, ``zstd``, ``xz``, or empty for a plain file.
        packed_bytes: Size of the file on disk.
        problems: What went wrong while decompressing; what came before it is in `data`.
    """

    path: str
    data: npt.NDArray[np.uint8]
    packing: str
    packed_bytes: int
    problems: list[Problem] = field(default_factory=list)
    _file: BinaryIO | None = None

    def fileno(self) -> int:
        """Descriptor of the plain bytes, for a program that reads them (`/dev/fd/N`)."""
        if self._file is None:
            raise ValueError("the input is closed")
        return self._file.fileno()

    def close(self) -> None:
        """Give up the bytes; the temporary file, if any, is gone with it."""
        self.data = np.zeros(0, np.uint8)
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class ChangedError(UnreadableInputError):
    """An input is not the one any more that was looked at before."""


def open_input(
    path: Path, limits: Limits = DEFAULT_LIMITS, scratch: Path | None = None, sha256: str = ""
) -> Source:
    """Open an input and map its plain bytes.

    Args:
        path: A file.
        limits: When to stop decompressing.
        scratch: Folder for the decompressed bytes; None for the system's temporary folder.
        sha256: What it was before, where somebody else may write to it. Then a copy is read that nobody else can reach:
            what is mapped and cut short meanwhile ends the process (SIGBUS), and what is changed is not what the hash on
            record says.

    Raises:
        UnreadableInputError: The file cannot be opened, or there is no room to decompress or copy it.
        ChangedError: Its bytes are not those of `sha256`.
    """
    try:
        file = opened(path) if sha256 else path.open("rb")
    except OSError as error:
        raise UnreadableInputError(
            Problem(str(path), f"it cannot be opened: {error.strerror}.", do="Check name and permissions.")
        ) from error
    try:
        if sha256:
            file = _copied(path, file, sha256, scratch)
        size = os.fstat(file.fileno()).st_size
        packing = packing_of(file.read(8))
        file.seek(0)
        if not packing:
            return Source(str(path), _mapped(file), "", size, _file=file)
        plain, problems = _unpacked(path, file, packing, limits, scratch)
        file.close()
        return Source(str(path), _mapped(plain), packing, size, problems, plain)
    except OSError as error:
        file.close()
        raise UnreadableInputError(_disk_problem(path, error)) from error
    except BaseException:
        file.close()
        raise


def _copied(path: Path, file: BinaryIO, sha256: str, scratch: Path | None) -> BinaryIO:
    """A copy without a name of a file, which is closed.

    Raises:
        ChangedError: Its bytes are not those of the SHA-256.
        OSError: There is no room for it.
    """
    copy: BinaryIO = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - the Source closes it
    try:
        with file:
            _copy(path, file, sha256, copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _copy(path: Path, file: BinaryIO, sha256: str, copy: BinaryIO) -> None:
    """Fill the copy, and go back to its beginning; raises as `_copied`."""
    hashed, written, checked = hashlib.sha256(), 0, 0
    size = os.fstat(file.fileno()).st_size
    # What grows meanwhile is copied no further: it is not what it was.
    while written <= size and (block := file.read(CHUNK)):
        hashed.update(block)
        copy.write(block)
        written += len(block)
        if written - checked >= CHECK:
            checked = written
            _check_room(copy)
    if hashed.hexdigest() != sha256:
        what = "it was changed while it was being read in."
        raise ChangedError(Problem(str(path), what, do="It is read once nobody writes to it any more."))
    copy.seek(0)


def packing_of(head: bytes) -> str:
    """Which compression a file's first bytes announce; empty for none that Hanse knows."""
    for magic, name in ((GZIP, "gzip"), (ZSTD, "zstd"), (XZ, "xz")):
        if head.startswith(magic):
            return name
    return ""


def _disk_problem(path: Path, error: OSError) -> Problem:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Problem(
            str(path),
            "there is no room on the disk to decompress it.",
            do="Free space, or set TMPDIR to a folder on a larger disk.",
        )
    return Problem(str(path), f"it cannot be read: {error.strerror or error}.")


def _mapped(file: BinaryIO) -> npt.NDArray[np.uint8]:
    file.flush()
    if os.fstat(file.fileno()).st_size == 0:
        return np.zeros(0, np.uint8)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def _unpacked(
    path: Path, packed: BinaryIO, packing: str, limits: Limits, scratch: Path | None
) -> tuple[BinaryIO, list[Problem]]:
    """Decompress into an unlinked file, as far as it goes; the problems say why it stopped early."""
    plain: BinaryIO = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - the Source closes it
    written = checked = 0
    problems: list[Problem] = []
    try:
        for chunk in _UNPACKERS[packing](packed):
            if (reason := _bomb(written + len(chunk), packed.tell(), limits)) is not None:
                problems.append(Problem(str(path), reason, written, do=_BOMB_ADVICE))
                break
            plain.write(chunk)
            written += len(chunk)
            if written - checked >= CHECK:
                checked = written
                _check_room(plain)
    except (zlib.error, lzma.LZMAError, EOFError, pa.ArrowException) as error:
        what = f"the {packing} stream ends early or is damaged ({error}); what came before it was read."
        problems.append(Problem(str(path), what, written, do="Fetch the file again."))
    except BaseException:
        plain.close()
        raise
    return plain, problems


def _check_room(file: BinaryIO) -> None:
    """Whether the disk of a file has room for more.

    Raises:
        OSError: It is as good as full.
    """
    disk = os.statvfs(file.fileno())
    if disk.f_bavail * disk.f_frsize < min(KEEP_FREE, disk.f_blocks * disk.f_frsize // 20):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_BOMB_ADVICE = "If the file is genuine, decompress it yourself and name the result."


def _bomb(plain: int, packed: int, limits: Limits) -> str | None:
    if plain > limits.decompressed_bytes:
        return f"it decompresses to more than {limits.decompressed_bytes} bytes; reading stopped there."
    if plain > limits.ratio_after and plain > packed * limits.ratio:
        return f"it decompresses to more than {limits.ratio} times its size; reading stopped there."
    return None


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, limit: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the manners of lzma's: unconsumed input is kept inside."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, limit: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, limit)


def _members(packed: BinaryIO, new: Callable[[], _Decompressor], magic: bytes) -> Iterator[bytes]:
    """Decompressed chunks of all members, one after the other; padding after the last is ignored."""
    machine = new()
    started = False
    while data := packed.read(CHUNK):
        while True:
            started = True
            plain = machine.decompress(data, CHUNK)
            if plain:
                yield plain
            if machine.eof:
                data = machine.unused_data.lstrip(b"\0") or packed.read(CHUNK).lstrip(b"\0")
                if not data:
                    return
                if not data.startswith(magic[: len(data)]):
                    raise EOFError("bytes that are no such stream follow its end")
                machine = new()
                continue
            if len(plain) < CHUNK:
                break
            data = b""
    if started and not machine.eof:
        raise EOFError("the end of the stream is missing")


def _zstd(packed: BinaryIO) -> Iterator[bytes]:
    """Decompressed chunks of all frames; Arrow's stream goes on from frame to frame by itself."""
    with pa.input_stream(packed, compression="zstd", buffer_size=None) as stream:
        try:
            while chunk := stream.read(CHUNK // 16):
                yield chunk
        except OSError as error:
            # Arrow reports a damaged stream as OSError without an errno; a real one has it.
            if error.errno is not None:
                raise
            raise EOFError(str(error)) from error


_UNPACKERS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "gzip": lambda packed: _members(packed, _Gzip, GZIP),
    "xz": lambda packed: _members(packed, lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY), XZ),
    "zstd": _zstd,
}
