"""Two nodes that were put back to backups at the same time: each keeps what the other lost, and neither waits for ever."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.federation.jepsen.network import Network, Node, Nursery, Refused, league, lose, settle

BOTH = ("ee-cert", "fi-cert")
THREE = (*BOTH, "lv-cert")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """What forks nodes, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    folder = Path(tempfile.mkdtemp(prefix="hanse-", dir=memory if memory.is_dir() else None))
    made = Nursery(folder)
    yield made
    made.close()
    shutil.rmtree(folder)


@pytest.fixture
def nodes(nursery: Nursery) -> Iterator[Callable[..., Network]]:
    """Makes nodes that are partners, each of which the next one witnesses."""
    made: list[Node] = []

    def make(*names: str) -> Network:
        network = league(nursery, random.Random(1), names, witnesses=1)
        made.extend(network.nodes.values())
        return network

    yield make
    for node in made:
        node.kill()
        shutil.rmtree(node.home)
        _file(node).unlink(missing_ok=True)


def _shares(node: Node, number: int, *to: str) -> str:
    """One of its attacks, shared."""
    attack = sorted(node.do("books"))[number]
    assert node.do("share", attack=attack, to=list(to)) == sorted(to)
    return attack


def _backs_up(node: Node) -> None:
    node.do("back_up", path=str(_file(node)))


def _file(node: Node) -> Path:
    return node.home.with_suffix(".hanse")


def _put_back(node: Node) -> None:
    """Its disk is gone; the backup is put in its place."""
    lose(node)
    node.recovering = True
    node.do("restore", path=str(_file(node)), home=str(node.home))


def _waits(node: Node) -> bool:
    """Ask once; whether it has to wait, for those alone that recover as well."""
    try:
        node.do("recover")
    except Refused as error:
        if str(error).startswith("PartnersRecoverError"):
            return True
        raise
    return False


def _recover(*nodes: Node) -> int:
    """Ask in turns, as each node does by itself, until all serve; how many attempts it took."""
    waits = list(nodes)
    for attempt in range(1, 5):
        for node in list(waits):
            if not _waits(node):
                node.recovering = False
                waits.remove(node)
        if not waits:
            return attempt
    raise AssertionError(f"{[one.name for one in waits]} wait for ever")


def _is_well(network: Network) -> None:
    """Everybody has what everybody sent, proven, and nothing contradicts anything."""
    for _ in range(4):
        settle(network)
    for node in network.nodes.values():
        stands = node.do("standing")
        assert node.do("fsck") == []
        assert (stands["contradictions"], stands["refused"]) == ([], [])
        assert stands["seen"] == stands["named"]
        for other in network.nodes.values():
            if other is not node:
                assert other.do("leaves_of", partner=node.name) == node.do("leaves_for", partner=other.name)
                assert other.do("standing")["links"][node.name]["size"] == stands["size"]


def test_two_that_lost_their_databases_end_waiting_for_each_other(nodes) -> None:
    """The one with the newer backup gives the other what it lost; each reads the other then, and both serve."""
    network = nodes(*BOTH)
    ee, fi = network.nodes.values()
    _backs_up(ee)
    attack = _shares(ee, 0, "fi-cert")
    settle(network)
    _backs_up(fi)
    lost = _shares(fi, 0, "ee-cert")
    settle(network)
    _put_back(ee)
    _put_back(fi)
    assert _recover(ee, fi) == 2
    assert ee.do("books")[attack]["holders"] == ["fi-cert"], "what the other one's backup held"
    assert fi.do("books")[lost]["holders"] == [], "what nobody has any more was never shared"
    assert any("recovers as well" in one for one in ee.do("heard"))
    _is_well(network)
    _shares(fi, 0, "ee-cert")
    _is_well(network)


def test_each_has_again_what_the_other_kept_of_it(nodes, monkeypatch) -> None:
    """One is lost while the other recovers and waits for a third: what it had given that one by then comes back from it."""
    network = nodes(*THREE)
    ee, fi, _ = network.nodes.values()
    _backs_up(ee)
    of_ee = _shares(ee, 0, "fi-cert")
    settle(network)
    _backs_up(fi)
    of_fi = _shares(fi, 0, "ee-cert")
    settle(network)
    _put_back(ee)
    with monkeypatch.context() as while_lv_runs:
        while_lv_runs.setattr(network, "carry", _only_so_many(network, "lv-cert", 2))
        with pytest.raises(Refused, match="LinkError: Authority of LV: no route"):
            ee.do("recover")
    assert of_ee in ee.do("books")
    _put_back(fi)
    assert fi.do("books")[of_fi]["holders"] == []
    assert _recover(ee, fi) == 2
    assert (ee.do("books")[of_ee]["holders"], fi.do("books")[of_fi]["holders"]) == (["fi-cert"], ["ee-cert"])
    assert len(ee.do("partner_attacks")) == len(fi.do("partner_attacks")) == 1
    _is_well(network)


def _only_so_many(network: Network, to: str, messages: int) -> Callable[[Node, str, bytes], dict[str, Any]]:
    """Carries so many messages to a node, and no more."""
    carry, left = network.carry, [messages]

    def carried(asker: Node, who: str, data: bytes) -> dict[str, Any]:
        if who == to:
            left[0] -= 1
            if left[0] < 0:
                return {"unreachable": "no route to host"}
        return carry(asker, who, data)

    return carried


def test_what_a_node_that_recovers_gives_nobody(nodes) -> None:
    """Until its ledger is whole: its own entries, cosignatures, comparisons. Its own ledger grows by none of what is asked."""
    network = nodes(*BOTH)
    ee, fi = network.nodes.values()
    _shares(ee, 0, "fi-cert")
    settle(network)
    _backs_up(fi)
    _shares(ee, 1, "fi-cert")
    _put_back(fi)
    ee.do("integrate")
    had = fi.do("last_sequence"), fi.do("size")
    for job in ("pull", "offer"):
        with pytest.raises(Refused, match="was put back to a backup and recovers"):
            ee.do(job, partner="fi-cert")
    assert (fi.do("last_sequence"), fi.do("size"), fi.do("seen_of", partner="ee-cert")) == (*had, 0)
    assert _recover(fi) == 1
    _is_well(network)


def test_what_both_lost_and_nobody_has_is_said_with_the_way_out(nodes) -> None:
    """A third one has verified what only the two had: it is named, the one that forgot it is, and going on without it works."""
    network = nodes(*THREE)
    ee, fi, _ = network.nodes.values()
    _backs_up(ee)
    _shares(ee, 0, "lv-cert")
    settle(network)
    settle(network)
    _backs_up(fi)
    _put_back(ee)
    _put_back(fi)
    with pytest.raises(Refused) as refused:
        ee.do("recover")
    words = str(refused.value)
    assert words.startswith("RecoveryError: Authority of LV has verified")
    assert "What Authority of FI kept is lost with its own database" in words
    assert "hanse node recover --without ID" in words
    with pytest.raises(Refused, match="PartnersRecoverError"):
        ee.do("recover", without=["lv-cert"])
    assert _recover(fi, ee) <= 2
    assert ee.do("fsck") == []
