"""What was written is on the disk, and not only in the system's memory."""

import os
from pathlib import Path


def settle(path: Path) -> None:
    """Wait until a file, or what names a folder has, is on the disk: what was made or renamed is there after a power cut.

    Raises:
        OSError: It is not there, or the disk does not take it.
    """
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
