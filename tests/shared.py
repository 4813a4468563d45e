"""Where the shared third-party data lies, for the tests that need it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


def shared_data(relative: str) -> Path:
    """A file or folder of the shared data; the test skips where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"shared data absent: {relative} (a folder 'shared/data' beside the repository)")
    return path
