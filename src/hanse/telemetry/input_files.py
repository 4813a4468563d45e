"""From what the user names (files, folders, globs) to the files that are inputs, and opening those of strangers."""

import errno
import glob
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hanse.kernel.errors import UsageError


@dataclass(frozen=True, slots=True)
class Found:
    """One input file.

    Attributes:
        path: The file.
        named: Whether the user named it (or a glob that matches it), rather than a folder above it.
            What a folder holds beside telemetry is left out; what was named must be telemetry.
    """

    path: Path
    named: bool


def expand(paths: Sequence[str]) -> list[Found]:
    """The files behind files, folders (searched through, sorted by path) and globs, each once.

    Hidden files, and the contents of hidden folders, are left out of folders and globs.

    Raises:
        UsageError: A path matches nothing, or none was given.
    """
    if not paths:
        raise UsageError("no input was named. Name a file, a folder or a glob.")
    found: dict[Path, Found] = {}
    for text in paths:
        before = len(found)
        matched = False
        for item in _expand_one(text):
            matched = True
            key = item.path.resolve()
            if key not in found or (item.named and not found[key].named):
                found[key] = item
        if not matched and len(found) == before:
            raise UsageError(f"{text}: no such file or folder, and no file matches it.")
    return list(found.values())


def _expand_one(text: str) -> Iterator[Found]:
    path = Path(text)
    if path.is_dir():
        yield from (Found(file, named=False) for file in files_below(path))
    elif path.exists():
        yield Found(path, named=True)
    else:
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute one
        for match in matches:
            if Path(match).is_dir():
                yield from (Found(file, named=False) for file in files_below(Path(match)))
            else:
                yield Found(Path(match), named=True)


def files_below(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, in order of path, hidden ones left out; however deep it is, without recursion."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                shown = sorted(
                    (one for one in entries if not one.name.startswith(".")), key=lambda one: one.name
                )
        except OSError:
            continue  # it is gone, not ours to read, or its path is longer than the system takes
        folders = [Path(one) for one in shown if _holds(one.is_dir, follow_symlinks=False)]
        yield from (Path(one) for one in shown if _holds(one.is_file))
        waiting.extend(reversed(folders))


def _holds(ask: Callable[..., bool], **how: bool) -> bool:
    """What an entry of a folder says of itself; no, where a link leads in a circle or to what is not ours to look at."""
    try:
        return ask(**how)
    except OSError:
        return False


def opened(path: Path, within: Sequence[str] = ()) -> BinaryIO:
    """A file that somebody else may take away, or put something else in the place of, opened to be read.

    What was found to be a file may be a pipe by now, on which opening waits for ever, or a link to one of the node's own.

    Args:
        path: It.
        within: Folders in one of which it has to lie, wherever links on its way lead; none for anywhere.

    Raises:
        OSError: It cannot be opened, is no file, or lies in none of the folders.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        _check(file, path, within)
    except BaseException:
        file.close()
        raise
    return file


def _check(file: BinaryIO, path: Path, within: Sequence[str]) -> None:
    """Refuse what is open and no file, or lies in none of some folders.

    Raises:
        OSError: It is, or does.
    """
    told = os.fstat(file.fileno())
    if not stat.S_ISREG(told.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if within:
        real = Path(os.path.realpath(path))
        there = real.lstat()
        same = (there.st_dev, there.st_ino) == (told.st_dev, told.st_ino)
        if not same or not any(real.is_relative_to(Path(folder).resolve()) for folder in within):
            raise OSError(errno.EACCES, "it lies in no watched folder")
