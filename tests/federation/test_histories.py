"""Random histories of five nodes: whatever breaks, once it is mended everybody holds what policy entitles it to.

HANSE_SEED chooses the history; HANSE_SOAK_S says for how many seconds `make soak` goes on, 600 by default.
"""

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.federation.jepsen.history import History
from tests.federation.jepsen.model import Origin


@contextmanager
def _folder() -> Iterator[Path]:
    """In memory where there is such a place: a process that is killed loses nothing that the kernel has already."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    folder = Path(tempfile.mkdtemp(prefix="hanse-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _run(seed: int, operations: int) -> History:
    with _folder() as folder:
        history = History(folder, seed)
        try:
            history.run(operations)
            history.heal()
            history.check()
        finally:
            history.close()
    return history


@pytest.mark.long
def test_a_short_history_ends_well() -> None:
    """Shared, recalled, marked, killed, cut off, restored, and healed: nothing is lost, and nothing is where it may not be."""
    history = _run(int(os.environ.get("HANSE_SEED", "2007")), 150)
    assert history.operations["share"] > 5
    assert history.network.counts


@pytest.mark.soak
def test_long_histories_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    """One history after the other, each of five new nodes; what was done is counted and printed."""
    began, seed = time.monotonic(), int(os.environ.get("HANSE_SEED", str(time.time_ns() % 10**6)))
    operations: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    histories = 0
    while not histories or time.monotonic() - began < float(os.environ.get("HANSE_SOAK_S", "600")):
        with capsys.disabled():
            print(f"history {histories + 1}, seed {seed + histories}", flush=True)
        history = _run(seed + histories, 600)
        operations += history.operations
        faults += history.faults + history.network.counts
        histories += 1
    with capsys.disabled():
        print(f"{histories} histories, {operations.total():,} operations, {faults.total():,} faults")
        print(dict(operations), dict(faults), flush=True)


@pytest.mark.parametrize("lost", ["holder", "marking"])
def test_the_model_finds_what_a_restore_lost(lost: str) -> None:
    """What a partner had, or a witness had seen, and the books do not say any more, is found."""
    row = {"to": None, "holders": []}
    origin = Origin({"a": row})
    origin.backed_up()
    books, gets = origin.shared("a", ["fi-cert", "lv-cert"])
    origin.took("a", gets, books, 5, {"fi-cert": 1, "lv-cert": 1})
    origin.took("a", ["lv-cert"], origin.restricted("a", ["fi-cert"]), 7, {"fi-cert": 1, "lv-cert": 2})
    had = {"fi-cert": 1, "lv-cert": 1}
    good = {"a": {"to": ["fi-cert"], "holders": ["fi-cert"]}}
    if lost == "holder":
        wrong = origin.wrong_after_restore({"a": {**good["a"], "holders": []}}, had, 0)
    else:
        wrong = origin.wrong_after_restore({"a": {**good["a"], "to": None}}, had, 8)
    assert len(wrong) == 1
    origin.books = good
    assert origin.wrong_after_restore(good, had, 8) == []
