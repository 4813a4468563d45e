"""Two real nodes in their own processes: partners within a minute, new things there within seconds, faults healed."""

import signal
import time

import pytest

from tests.federation.sovereign import Sovereign
from tests.node.living import until

pytestmark = pytest.mark.xdist_group("partners")  # what is made once is made on one worker


def test_what_is_shared_is_there_within_seconds_and_goes_when_it_is_recalled(partners) -> None:
    """Shared, seen, proven after the checkpoint, recalled, answered; nothing is lost when a node is killed, and nothing played back is done again."""
    ee, fi = partners
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
    _attacked(ee, fi, first)
    _known(ee, fi)
    _compared(ee, fi)


def _compared(ee: Sovereign, fi: Sovereign) -> None:
    """Whole sets are compared though one node is killed meanwhile: both learn the same, of their own selectors alone."""
    ee.do(
        "case",
        selectors=[["email", "Boss@shop.example"], ["phone", "+372 5123 4567"], ["email", "ee@only.example"]],
    )
    fi.do(
        "case",
        selectors=[["email", "boss@SHOP.example"], ["phone", "+37251234567"], ["email", "fi@only.example"]],
    )
    for one, other in ((ee, "fi-cert"), (fi, "ee-cert")):
        one.do("agree", partner=other)
    ee.do("compare", partner="fi-cert")
    until(lambda: ee.do("compared")[0]["state"] != "wanted")
    fi.stop(signal.SIGKILL)
    fi.serve()
    for one in (ee, fi):
        until(lambda one=one: one.do("compared")[0]["state"] == "finished", 90)
    until(lambda: ee.do("compared")[0]["other_transcript"] != "")
    [here], [there] = ee.do("compared"), fi.do("compared")
    assert here["transcript"] == here["other_transcript"] == there["transcript"]
    assert (here["hits"], there["hits"]) == (2, 2)
    assert sorted(ee.do("matched")) == [
        ["email", "Boss@shop.example", "fi-cert"], ["phone", "+372 5123 4567", "fi-cert"]
    ]  # fmt: skip
    assert sorted(fi.do("matched")) == [
        ["email", "boss@SHOP.example", "ee-cert"], ["phone", "+37251234567", "ee-cert"]
    ]  # fmt: skip


def _known(ee: Sovereign, fi: Sovereign) -> None:
    """An indicator that one shares is found at the other by its value within seconds, and nothing of it after its recall."""
    shared = ee.do("share_indicator", value="185.199.108.77", to=["fi-cert"])
    until(lambda: fi.do("found", text="185.199.108.77") == ["ee-cert"], 10)
    assert ee.do("recall", attack=shared) == 1
    until(lambda: fi.do("found", text="185.199.108.77") == [], 10)


def _attacked(ee: Sovereign, fi: Sovereign, own: str) -> None:
    """Threats 1, 2, 3 and 17 between them: a third party's name, an id of theirs, another's message, poison in a stream.

    What is bad is refused by itself, and told to who sent it; what is good beside it is taken; theirs stays as it is.
    """
    before = ee.do("digest_of", attack=own)
    message = fi.do("pull_message", partner="ee-cert")
    assert fi.sent(message)[0] >= 400, "a message for another node is answered"
    assert ee.sent(message)[0] == 200
    fi.do("attack_partner", to="ee-cert", theirs=own)
    until(lambda: ee.do("received", partner="fi-cert").get("applied attacks.shared") == 3)
    told = ee.do("received", partner="fi-cert")
    assert (told["refused federation.recall_answered"], told["refused federation.forwarded"]) == (1, 1)
    assert ee.do("digest_of", attack=own) == before
    until(lambda: fi.do("received", partner="ee-cert").get("applied federation.refused") == 1)
