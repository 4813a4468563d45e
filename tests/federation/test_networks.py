"""Two nodes with a bad line between them, as a proxy makes it and as a network namespace does: it heals, and nothing is lost."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.federation.proxy import FAULTS, Fault, Proxy
from tests.federation.sovereign import Sovereign
from tests.node.living import ROOT, free_port, until

pytestmark = pytest.mark.xdist_group("line")  # what is made once is made on one worker

SPACE, HERE, THERE = "hanse-test", "hanse-t0", "hanse-t1"
"""A network namespace, and the two ends of the line into it."""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sovereign, Sovereign, Proxy]]:
    """Estonia's node, served; Finland's, which asks it through a proxy."""
    folder = tmp_path_factory.mktemp("line")
    ee, fi = Sovereign(folder / "ee", "ee-cert", "EE"), Sovereign(folder / "fi", "fi-cert", "FI")
    proxy = Proxy(("127.0.0.1", ee.port)).start()
    ee.environment["HANSE_URL"] = f"http://127.0.0.1:{proxy.port}"
    try:
        for node in (ee, fi):
            node.make()
        ee.serve()
        ee.becomes_partner_of(fi)
        fi.becomes_partner_of(ee)
        yield ee, fi, proxy
    finally:
        ee.close()
        fi.close()
        proxy.stop()


def _pull(fi: Sovereign, timeout_s: float = 20.0) -> dict[str, Any]:
    told: dict[str, Any] = fi.do("pull_now", partner="ee-cert", timeout_s=timeout_s)
    return told


def _is_whole(ee: Sovereign, fi: Sovereign) -> None:
    """All that was sent is there, once, in its order, and proven; nothing was contradicted or refused."""
    ee.do("integrate")
    assert _pull(fi)["error"] == ""
    sent = ee.do("leaves_for", partner="fi-cert")
    assert fi.do("leaves_of", partner="ee-cert") == sent
    assert len(set(sent)) == len(sent)
    link = fi.do("link", partner="ee-cert")
    assert link["proven"] == link["received"] == len(sent)
    assert fi.do("contradictions") == 0


def test_a_line_that_breaks_at_any_byte(line) -> None:
    """Cut, reset, altered, stalled or in one direction only, at whichever byte: each entry is taken once, and none is lost."""
    ee, fi, proxy = line
    dice = random.Random(int(os.environ.get("HANSE_SEED", "2007")))
    failed = 0
    attack, *_ = ee.do("attacks")
    for number in range(28):
        if number % 3 == 0:
            ee.do("share", attack=attack, to=["fi-cert"])
        if number % 6 == 0:
            ee.do("integrate")
        what = FAULTS[number % len(FAULTS)]
        reach = 800 if "question" in what else 4_000
        proxy.next = [Fault(what, dice.randrange(reach), seconds=1.0)]
        failed += bool(_pull(fi, 0.7)["error"])
    assert min(proxy.done[one] for one in FAULTS) >= 4
    assert failed > 12
    proxy.next = []
    _is_whole(ee, fi)
    told = []
    for _ in range(3):  # one of them may meet a checkpoint that is new, with its proof
        before = proxy.answered
        assert _pull(fi) == {"taken": 0, "error": ""}
        told.append(proxy.answered - before)
    assert min(told) < 2_000, "what is there is fetched again"


def _run(*words: str) -> bool:
    """Run a command about the network; whether it was done."""
    if shutil.which(words[0]) is None:
        return False
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@contextmanager
def _space() -> Iterator[None]:
    """A network namespace with a line into it; the test is skipped where this machine does not let it be made."""
    _clear()  # what a run left that was ended in the middle
    made = (
        os.geteuid() == 0
        and _run("ip", "netns", "add", SPACE)
        and _run("ip", "link", "add", HERE, "type", "veth", "peer", "name", THERE, "netns", SPACE)
        and _run("ip", "address", "add", "10.254.77.1/30", "dev", HERE)
        and _run("ip", "link", "set", HERE, "up")
        and _run("ip", "-n", SPACE, "address", "add", "10.254.77.2/30", "dev", THERE)
        and _run("ip", "-n", SPACE, "link", "set", THERE, "up")
        and _run("ip", "-n", SPACE, "link", "set", "lo", "up")
    )
    try:
        if not made:
            pytest.skip(
                "this machine lets no network namespace be made: that takes root, and `ip` of iproute2"
            )
        yield
    finally:
        _clear()


def _clear() -> None:
    _run("ip", "route", "del", "blackhole", "10.254.77.2/32")
    _run("ip", "netns", "del", SPACE)
    _run("ip", "link", "del", HERE)


@contextmanager
def _beside(fi: Sovereign, proxy: Proxy) -> Iterator[None]:
    """Have Finland's node in the namespace, where the address of Estonia's leads through the line."""
    inside = ["ip", "netns", "exec", SPACE]
    gate = Proxy(proxy.target, host="10.254.77.1", port=free_port()).start()
    relay = subprocess.Popen(
        [*inside, sys.executable, "-m", "tests.federation.proxy", str(proxy.port), gate.host, str(gate.port)],
        cwd=ROOT,
    )
    fi.leave_desk()
    fi.inside = inside
    try:
        yield
    finally:
        fi.leave_desk()
        fi.inside = []
        relay.kill()
        relay.wait()
        gate.stop()


def test_a_network_that_is_cut_and_loses_packets(line) -> None:
    """A line that is down, that carries one direction only, and that loses a third of all packets; then it is well."""
    ee, fi, proxy = line
    attack, *_ = ee.do("attacks")
    with _space(), _beside(fi, proxy):
        ee.do("share", attack=attack, to=["fi-cert"])
        until(lambda: _pull(fi)["error"] == "", 30)
        for cut, mend in (
            (("ip", "link", "set", HERE, "down"), ("ip", "link", "set", HERE, "up")),
            # What comes back finds no way: one direction only.
            (
                ("ip", "route", "add", "blackhole", "10.254.77.2/32"),
                ("ip", "route", "del", "blackhole", "10.254.77.2/32"),
            ),
        ):
            ee.do("share", attack=attack, to=["fi-cert"])
            assert _run(*cut)
            assert _pull(fi, 1.0)["error"]
            assert _run(*mend)
            until(lambda: _pull(fi)["error"] == "", 30)
        if _run("tc", "qdisc", "add", "dev", HERE, "root", "netem", "loss", "30%", "duplicate", "10%"):
            for _ in range(5):
                ee.do("share", attack=attack, to=["fi-cert"])
                _pull(fi, 5.0)
            assert _run("tc", "qdisc", "del", "dev", HERE, "root")
        until(lambda: _pull(fi)["error"] == "", 30)
        _is_whole(ee, fi)
