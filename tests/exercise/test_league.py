"""The league as a visitor sees it: four nodes in processes of their own, what they print, and how they end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from pathlib import Path

import pytest

from hanse.exercise.facts import estonia_2007
from hanse.exercise.vantage import LEAGUE, planned_for
from hanse.kernel.errors import UsageError
from hanse.node.league import _check_ports
from hanse.node.league_folder import Choices, chosen
from hanse.node.league_posts import LeagueError, Post, with_below
from tests.node.living import ROOT, alive

pytestmark = pytest.mark.xdist_group("league")  # it is played once, and its parts follow each other

LAST = "Ctrl-C ends them"
PATIENCE_S = 300
"""For a machine on which all tests run at once; the league is ready after some 60 s on two processors."""
AWAY_S = 15.0
"""After which a node whose league was killed is gone: it looks twice a second, and gives itself 8 s to end in order."""
ALL = 58
"""Attacks of 9 May."""


@cache
def found_by() -> dict[str, int]:
    """How many attacks each of the four finds."""
    return {one.key: len(planned_for(one, estonia_2007(), 2007, short=True)) for one in LEAGUE}


@dataclass
class Shown:
    """A league that runs, and what it printed.

    Attributes:
        process: It.
        lines: What happened, one thing a line, without the time and unfolded; the rest as it was printed.
    """

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Read until it is ready."""
        assert self.process.stdout
        guard = time.monotonic() + PATIENCE_S
        for raw in self.process.stdout:
            line = raw.rstrip("\n")
            if line.startswith(" " * 20) and "http" not in line:
                self.lines[-1] += " " + line.strip()
            else:
                self.lines.append(re.sub(r"^ *\d+\.\d s  ", "", line))
            if LAST in line:
                return
            assert time.monotonic() < guard, self.lines
        raise AssertionError("\n".join(self.lines))

    def of(self, short: str) -> list[str]:
        """What happened at somebody's node."""
        return [line[16:] for line in self.lines if line.startswith(f"{short:<15} ")]

    @property
    def text(self) -> str:
        """All of it, unfolded."""
        return " ".join(" ".join(self.lines).split())

    def pids(self) -> list[int]:
        """All processes of it."""
        return with_below(self.process.pid)


def free_ports() -> int:
    """The first of four ports in a row that nobody uses."""
    for first in range(20_000, 60_000, 7):
        probes = [socket.socket() for _ in LEAGUE]
        try:
            for at, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + at))
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
        return first
    raise AssertionError("no four ports in a row are free")


def begun(folder: Path, *words: str) -> Shown:
    """A league that was just started by the command of people."""
    command = [sys.executable, "-m", "hanse", "league", "--folder", str(folder), *words]
    environment = {**os.environ, "COLUMNS": "120"}
    return Shown(
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    )


def gone(pids: list[int], within_s: float) -> bool:
    """Whether processes are gone within some time."""
    deadline = time.monotonic() + within_s
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def ended(one: Shown) -> None:
    """End a league as a visitor does, if it runs."""
    if one.process.poll() is None:
        one.process.send_signal(signal.SIGINT)
        one.process.wait(timeout=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything of it is."""
    return tmp_path_factory.mktemp("league") / "here"


@pytest.fixture(scope="module")
def shown(folder: Path) -> Iterator[Shown]:
    """The league, played."""
    one = begun(folder, "--port", str(free_ports()), "--scale", "0.1", "--short")
    try:
        one.read()
        yield one
    finally:
        ended(one)


def test_it_says_that_it_is_an_exercise_and_who_plays(shown: Shown) -> None:
    """What is fiction is said before anything else; the people are said to be played, by name."""
    assert shown.lines[0].startswith("This is an exercise: everybody in it is made up")
    assert "the others are made on invented hosts" in shown.text
    assert "The exercise plays two people on each side" in shown.text
    for one in LEAGUE:
        assert f"{one.people[0]} and {one.people[1]} for {one.said}" in shown.text
        assert f"{one.name}, {one.tier_words}: node made" in shown.of(one.short)


def test_each_two_become_partners_after_reading_out_one_fingerprint(shown: Shown) -> None:
    """Six partnerships, six different fingerprints of four groups."""
    told = re.findall(r"and ([\w ]+) are partners: both read out (\S+)", shown.text)
    assert len(told) == 6
    assert len({words for _, words in told}) == 6
    assert all(re.fullmatch(r"([A-Z2-7]{5}-){3}[A-Z2-7]{5}", words) for _, words in told)


def test_each_ledger_is_witnessed_by_the_three_others(shown: Shown) -> None:
    """Before anything is shared, so that nobody can say afterwards that it was otherwise."""
    assert any(line.startswith("witness each other's ledgers") for line in shown.of("All four"))


def test_each_finds_its_own_and_nobody_alone_sees_whom_it_is_against(shown: Shown) -> None:
    """The attacks of that day in all, and no verdict of one node says a state or several."""
    assert sum(found_by().values()) == ALL
    for one in LEAGUE:
        (found,) = [line for line in shown.of(one.short) if line.startswith("found ")]
        assert found.startswith(f"found {found_by()[one.key]} attacks on its own hosts. Alone it says: ")
        assert "coordinated campaign against" in found
        assert "against the state" not in found
        assert "several states" not in found
    assert "Alone, none of the four says that it is against a state or several states." in shown.lines


def test_what_one_finds_is_with_all_others_within_seconds(shown: Shown) -> None:
    """Twelve times: all of it, and soon, as the two ledgers say."""
    for one, other in permutations(LEAGUE, 2):
        words = f"has the {found_by()[one.key]} attacks of {one.said}, "
        (line,) = [line for line in shown.of(other.short) if line.startswith(words)]
        told = re.fullmatch(r"(\d+\.\d) s after they were found", line.removeprefix(words))
        assert told, line
        assert 0 < float(told[1]) < 60, "what was found takes long, on a busy machine"


def test_a_recall_is_answered_by_all(shown: Shown) -> None:
    """One attack is taken back with its reason, and each of the three says that it is purged."""
    (taken,) = [line for line in shown.of("Estonia") if line.startswith("takes back")]
    assert "its victim asked that no partner keeps it" in taken
    for one in LEAGUE[1:]:
        assert any(line.startswith("purged it, and said so ") for line in shown.of(one.short))


def test_in_a_second_act_two_find_out_that_they_have_the_same_gang(shown: Shown) -> None:
    """Both learn own selectors alone, in their own writing; a victim and what only one has are named on neither side."""
    estonia, britain = shown.of("Estonia"), shown.of("United Kingdom")
    (learnt,) = [line for line in estonia if line.startswith("learns within ")]
    assert "IBAN: EE38 2200 2210 2014 5685, Telephone: +44 7700 900123; leads by name: Ivan Petrov" in learnt
    (theirs,) = [line for line in britain if line.startswith("learns within ")]
    assert "IBAN: EE382200221020145685, Telephone: 07700 900123; leads by name: PETROFF, Iwan" in theirs
    act = " ".join(estonia[estonia.index(learnt) :] + britain[britain.index(theirs) :])
    assert not any(word in act for word in ("Malle", "malle@", "only-estonia", "only-britain", "Kate"))
    assert any(line.startswith("offers a name and a telephone") for line in estonia)
    assert "wants a joint case as well: it opens" in estonia
    assert "is asked to take part in the joint case 'The gang of the exercise'" in britain


def test_every_console_shows_one_campaign_on_three_states_and_none_did_before(shown: Shown) -> None:
    """Before anything is shared no console shows a campaign across borders; then all four show the same finding."""
    assert "No console shows a campaign across borders yet." in shown.lines
    for one in LEAGUE:
        assert "shows: Attacks on 3 states, one campaign" in shown.of(one.short)
        assert shown.of(one.short)[-1].startswith("Attacks on 3 states, one campaign. ")
        assert "seen by 4 authorities, are one coordinated campaign" in shown.of(one.short)[-1]


def test_the_ways_in_that_it_prints_lead_in(shown: Shown) -> None:
    """Each address answers with that authority's page, and its one-time link asks for a passkey to join it."""
    for one in LEAGUE:
        link, second = re.findall(
            rf"http://{one.key}\.localhost:(\d+)(/people/welcome/\S+)", "\n".join(shown.lines)
        )
        assert second != link
        request = urllib.request.Request(
            f"http://127.0.0.1:{link[0]}{link[1]}", headers={"Host": f"{one.key}.localhost:{link[0]}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
            page = answer.read().decode()
        assert one.name in page
        assert "passkey" in page


def test_what_it_uses_is_measured(shown: Shown) -> None:
    """The processes that it counts are there, and each node has its own."""
    told = re.search(r"The four nodes are (\d+) processes and ([\d,]+) MiB of memory", shown.text)
    assert told
    below = shown.pids()
    assert len(below) == int(told[1]) + 1
    assert 100 < float(told[2].replace(",", "")) < 4_000


def test_a_second_one_in_the_same_folder_is_refused(shown: Shown, folder: Path) -> None:
    """It says that one runs, in which process, and what to do."""
    second = begun(folder)
    said, _ = second.process.communicate(timeout=120)
    assert second.process.returncode == 1
    assert f"runs already, in process {shown.process.pid}." in " ".join(said.split())


def test_ctrl_c_ends_all(shown: Shown) -> None:
    """It ends as it should within 5 s and leaves no process."""
    pids = shown.pids()
    began = time.monotonic()
    shown.process.send_signal(signal.SIGINT)
    assert shown.process.wait(timeout=30) == 0
    assert time.monotonic() - began < 8, "it promises 5 s, on a machine that is not busy"
    assert gone(pids, 1)


def test_whoever_starts_it_again_finds_nothing_left_to_do(shown: Shown, folder: Path) -> None:
    """Its nodes are made, partners, ruled, played and recalled; whoever is killed leaves no people at work."""
    ended(shown)
    command = [sys.executable, "-m", "tests.exercise.league_again", str(folder)]
    again = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert again.stdout
        told = json.loads(again.stdout.readline())
    finally:
        again.kill()
        again.wait()
    assert (told["made"], told["waiting"], told["rules"]) == ([True, True], [None, None], ["", ""])
    assert told["own"] == found_by()["ee"]
    assert (told["asked"], told["witnesses"]) == ([0, 0], [len(LEAGUE) - 1] * 2)
    assert len(told["taken_back"]) == len(LEAGUE) - 1
    assert told["across"][0] == "Attacks on 3 states, one campaign"
    assert len(told["desks"]) == 2
    assert gone(told["desks"], AWAY_S)


@pytest.mark.soak
def test_the_next_start_goes_on(shown: Shown, folder: Path) -> None:
    """Started again it makes, finds and recalls nothing anew; killed, it leaves no process either."""
    ended(shown)
    again = begun(folder)
    try:
        again.read()
        assert "is there already; it goes on from where it was." in again.text
        for words in ("node made", "are partners", "rule of two people", "found ", "takes back", "purged"):
            assert words not in again.text
        assert again.of("Finland")[0].startswith("Attacks on 3 states, one campaign. ")
        pids = again.pids()
        assert len(pids) >= 13
    finally:
        again.process.kill()
        again.process.wait()
    assert gone(pids, AWAY_S)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """Whose node it is, which port, and how to do without."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LeagueError, match=f"Port {port} .* the United Kingdom .* LEAGUE_PORT="):
            _check_ports([Post(LEAGUE[2], tmp_path, port)])


def test_a_league_stays_as_it_was_made(tmp_path: Path) -> None:
    """What it was made with is used again; another wish is refused in words, and nothing changes."""
    usual = Choices(8011, 2007, 0.3)
    made = Choices(9011, 2007, 0.1)
    assert chosen(tmp_path / "one", {"port": None}, usual) == usual
    assert chosen(tmp_path / "two", {"port": 9011, "seed": None, "scale": 0.1}, usual) == made
    assert chosen(tmp_path / "two", {}, usual) == made
    with pytest.raises(UsageError, match="was made with port 9011"):
        chosen(tmp_path / "two", {"port": 8011}, usual)
    assert chosen(tmp_path / "two", {"port": 9011, "seed": 2007}, usual) == made
