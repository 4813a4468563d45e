"""The file that a backup is: a tar of parts, all but the manifest and the wrapped keys encrypted under the data key.

Nothing here needs Django: the keys and settings in a backup are what a node is configured with.
"""

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hanse.kernel import sealing
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import Keyring, unwrap
from hanse.settings import SETTINGS_FILE

FORMAT = "hanse/backup/1"
KEYRING = "keyring"


class BackupError(HanseError):
    """A backup cannot be read, or the place it is restored to is not empty."""


def open_keys(path: Path, passphrase: str) -> tuple[Keyring, bytes, bytes]:
    """The keys in a backup, their wrapped form, and the settings file.

    Raises:
        BackupError: It is no backup.
        KeysError: The passphrase is wrong.
    """
    with reading(path) as archive:
        wrapped = get(archive, KEYRING)
        keys = unwrap(wrapped, passphrase)
        return keys, wrapped, get_sealed(archive, keys, SETTINGS_FILE)


def private(path: str, flags: int) -> int:
    """Open a file that only its owner reads."""
    return os.open(path, flags, 0o600)


def put_sealed(archive: tarfile.TarFile, keys: Keyring, name: str, data: bytes) -> None:
    """Add a member, encrypted and bound to its name."""
    put(archive, name, sealing.seal_rest(keys, name.encode(), data))


def get_sealed(archive: tarfile.TarFile, keys: Keyring, name: str) -> bytes:
    """A member's bytes, opened.

    Raises:
        BackupError: It is missing.
        SealingError: It was altered, or is another member's.
    """
    return sealing.open_rest(keys, name.encode(), get(archive, name))


def put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a member as it is."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    archive.addfile(info, io.BytesIO(data))


def put_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """Add a file as it is, piece by piece.

    Raises:
        FileNotFoundError: It is not there; nothing was added.
    """
    with path.open("rb") as file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
        archive.addfile(info, file)


def get_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """Write a member to a file that only its owner reads, piece by piece; it is on disk when this returns.

    Raises:
        BackupError: It is missing.
    """
    with _member(archive, name) as member, open(path, "xb", opener=private) as file:
        shutil.copyfileobj(member, file)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def reading(path: Path) -> Iterator[tarfile.TarFile]:
    """A backup, opened.

    Raises:
        BackupError: It is none.
    """
    try:
        with tarfile.open(path, "r:") as archive:  # not compressed: a small file would unpack to any size
            yield archive
    except tarfile.TarError as error:
        raise BackupError(f"{path}: this is no backup of a node ({error}).") from None


def get(archive: tarfile.TarFile, name: str) -> bytes:
    """A member's bytes.

    Raises:
        BackupError: It is missing.
    """
    return _member(archive, name).read()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        info = archive.getmember(name)
    except KeyError:
        info = None
    # Holes take no room in the file, and as much as they say once they are read.
    member = archive.extractfile(info) if info and info.isreg() and not info.issparse() else None
    if member is None:
        raise BackupError(f"The backup has no {name}. It is damaged, or no backup of a node.")
    return member
