"""From what the user names (files, folders, globs) to the files that are inputs."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
        yield from (Found(file, named=False) for file in _files_below(path))
    elif path.exists():
        yield Found(path, named=True)
    else:
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute one
        for match in matches:
            if Path(match).is_dir():
                yield from (Found(file, named=False) for file in _files_below(Path(match)))
            else:
                yield Found(Path(match), named=True)


def _files_below(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, in order of path, hidden ones left out."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(here) / name
            if not name.startswith(".") and path.is_file():
                yield path
