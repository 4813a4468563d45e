"""Two real nodes in their own processes: one asks who else, then both match standing, and one is killed in the middle."""

import signal

import pytest

from tests.node.living import until

pytestmark = pytest.mark.xdist_group("partners")  # what each test agrees to and compares is its own


def test_two_nodes_ask_and_match_standing(partners) -> None:
    """Only the asker learns of a hit; in standing matching both do, within a minute, also after one was killed."""
    ee, fi = partners
    for node, partner, own in ((ee, "fi-cert", "ee@else.example"), (fi, "ee-cert", "fi@else.example")):
        # Before it is agreed: what comes after the first set is published waits for the next half hour.
        node.do("investigate", selectors=[["email", "boss@shop.example"], ["email", own]])
        node.do("agree_to_match", partner=partner)
    question = ee.do("ask_who_else", partner="fi-cert")
    until(lambda: ee.do("came_of", question=question) != "waiting", 60)
    assert ee.do("came_of", question=question) == "found"
    assert (ee.do("matches"), fi.do("matches")) == ([["who-else", "email"]], [])
    assert (ee.do("times_asked"), fi.do("times_asked")) == (0, 1)

    for node, partner in ((ee, "fi-cert"), (fi, "ee-cert")):
        node.do("want_standing", partner=partner)
    until(lambda: ["standing", "email"] in ee.do("matches"), 60)
    until(lambda: fi.do("matches") == [["standing", "email"]], 60)
    ee.do("investigate", selectors=[["phone", "+3725123456"]])
    fi.stop(signal.SIGKILL)  # their node dies in the middle
    fi.do("investigate", selectors=[["phone", "+3725123456"]])
    fi.serve()
    for node in (ee, fi):
        until(lambda node=node: ["standing", "phone"] in node.do("matches"), 90)
    assert fi.do("times_asked") == 1


def test_two_nodes_count_common_sources(partners) -> None:
    """Of attacks that show none: both learn the same number of the same exchange, also if one was killed in the middle."""
    ee, fi = partners
    own, theirs = ee.do("attacked", begin=0, end=200), fi.do("attacked", begin=100, end=300)
    for node, partner in ((ee, "fi-cert"), (fi, "ee-cert")):
        node.do("agree_to_count", partner=partner)
    assert fi.do("share", attack=theirs, to=["ee-cert"], withheld=["victim", "sources"]) == 1
    until(lambda: not all(one["victim"] for one in ee.do("partner_attacks")), 60)
    fi.stop(signal.SIGKILL)  # their node is dead when it is asked
    ee.do("count_with", own=own)
    fi.serve()
    until(lambda: ee.do("counts")[0][1] != "waiting", 90)
    [mine], [yours] = ee.do("counts"), fi.do("counts")
    assert mine[:3] == [True, "counted", 100]
    assert yours[:3] == [False, "counted", 100]
    assert mine[3] == yours[3] != ""
