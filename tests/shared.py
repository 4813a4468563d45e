"""What tests of several rooms need: where the shared third-party data lies, and how rows are compared."""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


def shared_data(relative: str) -> Path:
    """A file or folder of the shared data; the test skips where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"shared data absent: {relative} (a folder 'shared/data' beside the repository)")
    return path


def as_read(rows: Any) -> list[dict[str, Any]]:
    """All columns of a query's rows, sealed ones opened: each sealing differs."""
    return [{one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields} for row in rows]
