"""Two real nodes in their own processes: partners within a minute, new things there within seconds, faults healed."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation.sovereign import Sovereign, two
from tests.node.living import until


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Sovereign, Sovereign]]:
    """Estonia's and Finland's node, served, and partners of each other."""
    with two(tmp_path) as nodes:
        yield nodes


def test_what_is_shared_is_there_within_seconds_and_goes_when_it_is_recalled(pair) -> None:
    """Shared, seen, proven after the checkpoint, recalled, answered; nothing is lost when a node is killed, and nothing played back is done again."""
    ee, fi = pair
    first, second, third = ee.do("attacks")
    until(lambda: fi.do("link", partner="ee-cert").get("answered_us"))
    assert ee.do("share", attack=first, to=["fi-cert"]) == 1
    began = time.monotonic()
    assert fi.has(lambda found: len(found) == 1)[0]["partner"] == "ee-cert"
    assert time.monotonic() - began < 10, "a new entry is not there within seconds, on a busy machine"
    assert ee.do("recall", attack=first) == 1
    fi.has(lambda found: not found)
    until(lambda: ee.do("recalls") == [{"recipient": "fi-cert", "answer": "purged"}])

    recorded = ee.do("pull_message", partner="fi-cert")
    assert [fi.sent(recorded)[0] for _ in range(2)] == [200, 409]
    fi.stop(signal.SIGKILL)  # their node dies in the middle
    assert ee.do("share", attack=second, to=["fi-cert"]) == 1
    assert ee.do("share", attack=third, to=["fi-cert"], withheld=["victim"]) == 1
    fi.serve()
    assert fi.sent(recorded)[0] == 409, "a recorded message is done again after a restart"
    found = fi.has(lambda found: len(found) == 2, seconds=90)
    assert [bool(one["victim"]) for one in found] == [True, False]
    ee.do("integrate")
    until(
        lambda: (
            fi.do("link", partner="ee-cert")["proven"] == fi.do("link", partner="ee-cert")["received"] == 4
        )
    )
    assert (ee.do("contradictions"), fi.do("contradictions")) == (0, 0)
