"""The five nodes of a random history, and the network between them, which does to messages what networks do."""

import base64
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.node.living import ROOT

STATES: Final = {"ee-cert": "EE", "fi-cert": "FI", "lv-cert": "LV", "lt-cert": "LT", "se-cert": "SE"}
STARTS_S: Final = 120.0
_DOOM_STEPS: Final = 260
"""A job does so many steps at most, as a rule; a doom beyond its end does nothing."""


class Died(Exception):  # noqa: N818 - it is what happened, and no error
    """The node was killed while it did a job."""


class Refused(Exception):  # noqa: N818 - as above
    """The node did not do a job, and says why."""


class Node:
    """One node: its folder, and the process that is it while it runs.

    Attributes:
        name: The authority's id.
        home: The folder.
        skew_us: By how much its clock is wrong.
        recovering: Whether it was put back to a backup and has not asked its partners yet.
    """

    def __init__(self, name: str, nursery: "Nursery", network: "Network") -> None:
        self.name = name
        self.home = nursery.folder / name
        self.skew_us = 0
        self.recovering = False
        self._nursery, self._network = nursery, network
        self._pid = 0
        self._socket: socket.socket | None = None
        self._file: Any = None

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self._socket is not None

    def start(self) -> None:
        """Run it."""
        path = self._nursery.folder / f"{self.name}.socket"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as waits:
            waits.bind(str(path))
            waits.listen(1)
            waits.settimeout(STARTS_S)
            self._pid = self._nursery.fork(home=str(self.home), socket=str(path), skew_us=self.skew_us)
            self._socket, _ = waits.accept()
        self._socket.settimeout(STARTS_S)
        self._file = self._socket.makefile("rwb")

    def kill(self) -> None:
        """End its process, whatever it does."""
        if self._socket is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._gone()

    def _gone(self) -> None:
        assert self._socket is not None
        self._file.close()
        self._socket.close()
        self._socket = None

    def do(self, job: str, doom: int = -1, **told: Any) -> Any:
        """Have a job done.

        Args:
            job: Which.
            doom: At which step of it the node is killed; negative for never.
            **told: What it is told.

        Raises:
            Died: It was killed meanwhile.
            Refused: It does not do it.
        """
        if not self.up:
            self.start()
        self._say({"job": job, "doom": doom, "skew_us": self.skew_us, **told})
        while True:
            heard = self._hear()
            if "post" in heard:
                answer = self._network.carry(self, heard["post"], base64.b64decode(heard["data"]))
                self._say(answer)
            elif "refused" in heard:
                raise Refused(f"{heard['refused']} [{self.name} {job} {told.get('partner', '')}]")
            else:
                return heard["answer"]

    def _say(self, told: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(told).encode() + b"\n")
            self._file.flush()
        except (BrokenPipeError, ConnectionError):
            self._gone()
            raise Died from None

    def _hear(self) -> dict[str, Any]:
        try:
            line = self._file.readline()
        except ConnectionError:
            line = b""
        if not line:
            self._gone()
            raise Died
        heard: dict[str, Any] = json.loads(line)
        return heard


class Nursery:
    """The process that forks the nodes.

    Attributes:
        folder: Where the nodes are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = {one: value for one, value in os.environ.items() if not one.startswith("HANSE_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.federation.jepsen.nursery", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(folder / "log").open("ab"), text=True, cwd=ROOT,
            env=environment,
        )  # fmt: skip
        self._hear()

    def fork(self, **told: Any) -> int:
        """Fork a node; its process id."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return int(self._hear()["pid"])

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the nursery ended: {(self.folder / 'log').read_text()[-3000:]}"
        heard: dict[str, Any] = json.loads(line)
        return heard

    def close(self) -> None:
        """End it; nodes end when their lines are closed."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=20)


@dataclass
class Network:
    """What carries messages between nodes, and does not.

    Attributes:
        dice: What comes of each message.
        nodes: By id.
        cut: Pairs (from, to) between which nothing gets through in that direction.
        wild: How often something is done to a message, 0 to 1.
        counts: How often each fault was done to a message.
        kept: Messages that are delivered again, or late: to whom, and what.
        answers: The last answer that each pair carried.
    """

    dice: random.Random
    nodes: dict[str, Node] = field(default_factory=dict)
    cut: set[tuple[str, str]] = field(default_factory=set)
    wild: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def carry(self, asker: Node, to: str, data: bytes) -> dict[str, Any]:
        """Carry a question and its answer, or something else, or nothing; the asker may die over it."""
        fault = self._fault()
        if (asker.name, to) in self.cut:
            self.counts["question lost in a partition"] += 1
            return _nothing("no route to host")
        if fault == "question lost":
            return _nothing("the connection was reset")
        if fault == "question late":
            self.kept.append((to, data))
            return _nothing("timed out")
        if fault == "question damaged":
            data = self._damaged(data)
        if fault == "question twice":
            self._deliver(to, data)
        if fault == "question again later":
            self.kept.append((to, data))
        answer = self._deliver(to, data, doom=fault == "asked one killed")
        return self._back(asker, to, fault, answer)

    def _back(self, asker: Node, to: str, fault: str, answer: dict[str, Any] | None) -> dict[str, Any]:
        """What the asker gets of an answer."""
        before = self.answers.get((asker.name, to))
        if fault == "asker killed":
            asker.kill()
            raise Died
        if answer is None:
            return _nothing("connection refused")
        self.answers[asker.name, to] = answer
        if (to, asker.name) in self.cut:
            self.counts["answer lost in a partition"] += 1
            return _nothing("timed out")
        return self._answer(fault, answer, before)

    def _answer(self, fault: str, answer: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
        """The answer, or what a fault makes of it."""
        if fault == "answer lost":
            return _nothing("the connection was reset")
        if fault == "answer of before" and before is not None:
            return before
        if fault == "answer damaged":
            data = self._damaged(base64.b64decode(answer["data"]))
            return {**answer, "data": base64.b64encode(data).decode()}
        if fault == "answer of a stranger":
            page = base64.b64encode(b"<html>502 Bad Gateway</html>").decode()
            return {"status": 502, "type": "text/html", "data": page}
        return answer

    def _fault(self) -> str:
        if self.dice.random() >= self.wild:
            return ""
        fault = self.dice.choice(FAULTS)
        self.counts[fault] += 1
        return fault

    def _damaged(self, data: bytes) -> bytes:
        """Cut at any byte, or with another byte anywhere, or with garbage at its end."""
        at = self.dice.randrange(len(data)) if data else 0
        return self.dice.choice(
            (
                data[:at],
                data[:at] + bytes([data[at] ^ 1 << self.dice.randrange(8)]) + data[at + 1 :],
                data + b"\0garbage",
            )
        )

    def _deliver(self, to: str, data: bytes, *, doom: bool = False) -> dict[str, Any] | None:
        """What a node answers; None where it does not run, or dies over it."""
        node = self.nodes[to]
        if not node.up:
            return None
        try:
            answer: dict[str, Any] = node.do(
                "answer", self.dice.randrange(40) if doom else -1, data=base64.b64encode(data).decode()
            )
        except Died:
            return None
        return answer

    def deliver_late(self) -> int:
        """Deliver what was kept, in any order; how many messages."""
        some, self.kept = self.kept, []
        self.dice.shuffle(some)
        for to, data in some:
            self._deliver(to, data)
        return len(some)


FAULTS: Final = (
    "question lost", "question late", "question damaged", "question twice", "question again later",
    "asked one killed", "asker killed", "answer lost", "answer of before", "answer damaged", "answer of a stranger",
)  # fmt: skip
"""What is done to a message."""


def _nothing(words: str) -> dict[str, Any]:
    return {"unreachable": words}


def doom_of(dice: random.Random, chance: float) -> int:
    """A step at which a job kills its node, or none."""
    return dice.randrange(_DOOM_STEPS) if dice.random() < chance else -1


def league(
    nursery: Nursery, dice: random.Random, names: Sequence[str] = tuple(STATES), witnesses: int = 2
) -> Network:
    """Nodes, five unless they are named, that are partners of each other, each of which the next two witness."""
    network = Network(dice)
    for name in names:
        country = STATES[name]
        node = Node(name, nursery, network)
        network.nodes[name] = node
        node.home.mkdir()
        node.do("found", home=str(node.home), name=name, country=country)
        node.kill()  # the one that founded it configured it; what follows is a node that starts from its folder
    invitations = {name: node.do("invite") for name, node in network.nodes.items()}
    for name, node in network.nodes.items():
        for other, invitation in invitations.items():
            if other != name:
                node.do("befriend", invitation=invitation)
    for at, name in enumerate(names):
        for step in range(1, witnesses + 1):
            network.nodes[name].do("name_witness", partner=names[(at + step) % len(names)])
    settle(network)
    for node in network.nodes.values():
        node.do("consent")
    settle(network)
    return network


def settle(network: Network) -> None:
    """One round in which everybody asks everybody."""
    for node in network.nodes.values():
        node.do("integrate")
    for node in network.nodes.values():
        for other in network.nodes:
            if other != node.name:
                node.do("pull", partner=other)
    for node in network.nodes.values():
        for other in network.nodes:
            if other != node.name:
                node.do("offer", partner=other)


def lose(node: Node) -> None:
    """Its process and its folder are gone; an empty folder is there."""
    node.kill()
    shutil.rmtree(node.home)
    node.home.mkdir()
