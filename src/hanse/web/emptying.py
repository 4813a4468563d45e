"""Emptying the inbox: what was brought stays until it is read in, and no longer than half a day.

A capture or a bundle in it is in the clear. What is purged of a node must not go on lying there as it came, nor may
uploads that nobody has read in fill the disk.
"""

import json
import shutil
import time
from pathlib import Path
from typing import Final

from hanse.web import jobs
from hanse.web.models import Job, State
from hanse.web.uploads import inbox_folder

KEPT_S: Final = 43_200
"""How long a file may lie there that no job needs: a failed job can be begun again meanwhile. Purging is promised within
24 hours."""


def empty() -> int:
    """Remove what has lain in the inbox for `KEPT_S` and no job that waits or runs was told of; how many uploads."""
    until = time.time() - KEPT_S
    old = [one for one in inbox_folder().iterdir() if _changed_s(one) < until]
    if not old:
        return 0
    jobs.settle()
    begun = Job.objects.filter(state__in=(State.WAITING, State.RUNNING))
    needed = "\n".join(json.dumps(job.params, ensure_ascii=False) for job in begun if jobs.opens(job))
    gone = [one for one in old if one.name not in needed]
    for one in gone:
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one, ignore_errors=True)
        else:
            one.unlink(missing_ok=True)
    return len(gone)


def _changed_s(path: Path) -> float:
    """When a file, or anything in a folder, was last written; seconds since 1970. What is gone meanwhile is of now."""
    try:
        inside = list(path.rglob("*")) if path.is_dir() and not path.is_symlink() else []
        return max(one.lstat().st_mtime for one in [path, *inside])
    except FileNotFoundError:
        return time.time()
