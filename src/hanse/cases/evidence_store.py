"""Files of evidence at rest: encrypted, under names that tell nothing, read and written as streams.

A file lies under the keyed hash of its content, so that one content is kept once, whoever brings it, and a name
betrays neither the content nor that somebody holds a well-known file. Its layout, all numbers big-endian:

======  =========================================================================================================
bytes   what
======  =========================================================================================================
17      `_MAGIC`
8       length of the content in bytes
71      the file's own key and nonce prefix, sealed under the node's data key and bound to name and length
rest    the content in chunks of `CHUNK` bytes, each followed by its tag of 16 bytes
======  =========================================================================================================

The chunks are AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-
Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): the nonce is the prefix, the chunk's number and
whether it is the last, so that chunks cannot be altered, moved, repeated, left out or cut off unnoticed. What is
removed is gone with its key: the key stands nowhere else.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hanse.kernel import sealing
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring
from hanse.kernel.on_disk import settle

CHUNK = 65_536
"""Bytes of content that are encrypted together: what is held in memory of a file, however long it is."""
HEAD_BYTES = 96
TAG_BYTES = 16
LONGEST = CHUNK * (2**32 - 1)
"""Bytes of the longest file: a chunk's number has 32 bits."""

_MAGIC = b"hanse-evidence-1\n"
_NAME = re.compile("[0-9a-f]{64}")
_KEY_BYTES = 32
_PREFIX_BYTES = 7


class EvidenceError(HanseError):
    """A file of evidence is missing, damaged or not what its name says."""


class Store:
    """The files of evidence in one folder, of which only their owner reads anything.

    Args:
        root: The folder; it is made when something is stored.
        keyring: The node's keys.
    """

    def __init__(self, root: Path, keyring: Keyring) -> None:
        self.root = root
        self._keyring = keyring

    def name_of(self, content_sha256: str) -> str:
        """The name under which content lies: HMAC-SHA-256 of its SHA-256 under the index key, 64 hexadecimal digits."""
        return digest(self._keyring.index, b"evidence\0" + content_sha256.encode(), "sha256").hex()

    def path_of(self, name: str) -> Path:
        """Where a file lies, whether it does or not.

        Raises:
            EvidenceError: That is no name of a file of evidence, whoever wrote it into a table.
        """
        if not _NAME.fullmatch(name):
            raise EvidenceError(f"{name[:12]!r} names no file of evidence.")
        return self.root / name[:2] / name

    def draft(self, path: Path) -> "Draft":
        """A new file that encrypts what is written to it; `take` it once it is closed."""
        return Draft(path, self)

    def take(self, draft: Path, content_sha256: str) -> str:
        """Put a closed draft where it belongs, in one step; the file's name. What lay there before is replaced.

        Raises:
            EvidenceError: It is no whole draft of that content.
        """
        name = self.name_of(content_sha256)
        with draft.open("rb") as file:
            self._opened(file, name)
        path = self.path_of(name)
        for folder in (self.root, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.replace(path)
        for folder in (path.parent, self.root):
            settle(folder)
        return name

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a file, chunk by chunk, each checked before it is given; the whole at the end.

        Raises:
            EvidenceError: It is missing, damaged, or another file was put under its name.
        """
        hashed = sha256()
        with self._file(name) as file:
            size, cipher, prefix = self._opened(file, name)
            for number, (length, last) in enumerate(_chunks(size)):
                try:
                    chunk = cipher.decrypt(
                        _nonce(prefix, number, last=last), file.read(length + TAG_BYTES), None
                    )
                except InvalidTag:
                    raise EvidenceError(f"{_told(name)} was altered in its chunk {number:,}.") from None
                hashed.update(chunk)
                yield chunk
        if self.name_of(hashed.hexdigest()) != name:
            raise EvidenceError(f"{_told(name)} is not the content that it stands for.")

    def problem(self, name: str) -> str:
        """What is wrong with a file, in words; empty where it is whole."""
        try:
            for _ in self.read(name):
                pass
        except HanseError as error:
            return str(error)
        return ""

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        return sorted(path.name for path in self.root.glob("??/*") if path.is_file())

    def remove(self, name: str) -> None:
        """Remove a file: its key is overwritten first. One that is not there is no mistake."""
        path = self.path_of(name)
        try:
            with path.open("r+b") as file:
                file.write(secrets.token_bytes(HEAD_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)
        settle(path.parent)

    @contextmanager
    def _file(self, name: str) -> Iterator[BinaryIO]:
        try:
            file = self.path_of(name).open("rb")
        except OSError as error:
            raise EvidenceError(f"{_told(name)} cannot be read: {error.strerror}.") from None
        with file:
            yield file

    def _opened(self, file: BinaryIO, name: str) -> tuple[int, AESGCM, bytes]:
        """Length, cipher and nonce prefix out of a file's head.

        Raises:
            EvidenceError: The head or the file's length is not as it was written.
        """
        head = file.read(HEAD_BYTES)
        size = int.from_bytes(head[len(_MAGIC) : len(_MAGIC) + 8])
        start = len(_MAGIC) + 8
        if len(head) < HEAD_BYTES or not head.startswith(_MAGIC):
            raise EvidenceError(f"{_told(name)} is no file of evidence.")
        try:
            secret = sealing.open_rest(self._keyring, _bound(name, size), head[start:])
        except HanseError:
            raise EvidenceError(f"{_told(name)} was altered, or is another file's.") from None
        if os.fstat(file.fileno()).st_size != _length(size):
            raise EvidenceError(f"{_told(name)} was cut off, or something was added to it.")
        return size, AESGCM(secret[:_KEY_BYTES]), secret[_KEY_BYTES:]

    def head(self, content_sha256: str, size: int, secret: bytes) -> bytes:
        """The head of a file."""
        sealed = sealing.seal_rest(self._keyring, _bound(self.name_of(content_sha256), size), secret)
        return _MAGIC + size.to_bytes(8) + sealed


class Draft:
    """A file that encrypts what is written to it. Closing it ends it: it is whole and on disk then.

    Attributes:
        name: Its path.
        size: Bytes of content written so far.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self.name = str(path)
        self.size = 0
        self._store = store
        self._file: BinaryIO | None = open(path, "xb", opener=_private)  # noqa: SIM115 - closed by `close`
        self._file.write(bytes(HEAD_BYTES))
        self._secret = secrets.token_bytes(_KEY_BYTES + _PREFIX_BYTES)
        self._cipher = AESGCM(self._secret[:_KEY_BYTES])
        self._hash = sha256()
        self._held = bytearray()
        self._number = 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the content written so far, hexadecimal."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Add content; the number of bytes.

        Raises:
            EvidenceError: It is more than a file can have.
        """
        if self.size + len(data) > LONGEST:
            raise EvidenceError(f"A file of evidence has at most {LONGEST:,} bytes. Add it in parts.")
        self._hash.update(data)
        self._held += data
        self.size += len(data)
        while len(self._held) > CHUNK:
            self._open().write(self._sealed(bytes(self._held[:CHUNK]), last=False))
            del self._held[:CHUNK]
        return len(data)

    def flush(self) -> None:
        """Nothing: what is held is not a whole chunk yet."""

    def fileno(self) -> int:
        """The number of the file below."""
        return self._open().fileno()

    def close(self) -> None:
        """Write the last chunk and the head, and wait for the disk; a second time does nothing."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with file:
            file.write(self._sealed(bytes(self._held), last=True))
            file.seek(0)
            file.write(self._store.head(self.sha256, self.size, self._secret))
            file.flush()
            os.fsync(file.fileno())

    def _open(self) -> BinaryIO:
        if self._file is None:
            raise EvidenceError("This file is ended. Nothing can be added to it.")
        return self._file

    def _sealed(self, chunk: bytes, *, last: bool) -> bytes:
        """The next chunk, encrypted."""
        nonce = _nonce(self._secret[_KEY_BYTES:], self._number, last=last)
        self._number += 1
        return self._cipher.encrypt(nonce, chunk, None)


def _private(path: str, flags: int) -> int:
    """Open a file that only its owner reads."""
    return os.open(path, flags, 0o600)


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4) + bytes([last])


def _chunks(size: int) -> Iterator[tuple[int, bool]]:
    """The length of each chunk of content, and whether it is the last; content of no length has one."""
    left = size
    while left > CHUNK:
        yield CHUNK, False
        left -= CHUNK
    yield left, True


def _length(size: int) -> int:
    """Bytes of the file of so much content."""
    return HEAD_BYTES + size + TAG_BYTES * max(1, -(-size // CHUNK))


def _bound(name: str, size: int) -> bytes:
    """What the sealed key is bound to: nobody can put a file under another's name or length."""
    return _MAGIC + name.encode() + size.to_bytes(8)


def _told(name: str) -> str:
    return f"The file of evidence {name[:12]}"
