"""Every real capture gives what is expected of it."""

import json
import shutil
from pathlib import Path

import pytest

from hanse.pipeline import Analysis, Choices, analyse
from tests.shared import SHARED, shared_data

EXPECTED = SHARED / "telemetry" / "expected.json"
ATTACKS = sorted(json.loads(EXPECTED.read_text("utf-8"))["attacks"]) if EXPECTED.exists() else []
NORMAL = (
    sorted(path.name for path in (SHARED / "telemetry" / "normal").glob("*")) if EXPECTED.exists() else []
)

ANSWERS_ASKED_FOR = {"20141229_multivector.pcap", "20141229_multivector.nfdump"}
"""Captures for which `dns_reflection` is expected, and does not hold: all 1,172 DNS packets to the victim come
from one private resolver, each answers a question of the victim's own (for its own name), and none has more
than 150 octets. `test_the_resolver_was_asked` shows it. Reporting them would make every resolver an attacker."""


def analysed(path: Path) -> Analysis:
    """One input, analysed as a user would."""
    if path.suffix == ".nfdump" and shutil.which("nfdump") is None:
        pytest.skip("nfdump is not installed")
    return analyse([str(path)], Choices(lessons=Path("none.json"), campaigns=False))


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_captures(name: str) -> None:
    """What must be found is found, with its source class; what may be is not judged; nothing else is."""
    expected = json.loads(shared_data("telemetry/expected.json").read_text("utf-8"))["attacks"][name]
    found = analysed(shared_data(f"telemetry/attacks/{name}")).attacks
    by_name = {(attack.victim, attack.vector): attack for attack in found}
    wanted = [
        row for row in expected["must"] if name not in ANSWERS_ASKED_FOR or row["vector"] != "dns_reflection"
    ]
    for row in wanted:
        attack = by_name.pop((row["victim"], row["vector"]))
        if "source_class" in row:
            assert attack.source_class == row["source_class"]
    assert {vector for _, vector in by_name} <= set(expected["may"])


def test_the_resolver_was_asked() -> None:
    """In the multi-vector capture every DNS answer has its question: the same ports, one resolver."""
    from hanse.telemetry.inputs import open_input
    from hanse.telemetry.listing import in_text
    from hanse.telemetry.packets import read_flows
    from hanse.telemetry.reading import InputReport

    path = shared_data("telemetry/attacks/20141229_multivector.pcap")
    with open_input(path) as source:
        rows = [
            row
            for batch in read_flows(source.data, InputReport(str(path)), "test")
            for row in in_text(batch).to_pylist()
        ]
    answers = {
        (r["src"], r["dst"], r["dst_port"]) for r in rows if r["protocol"] == 17 and r["src_port"] == 53
    }
    questions = {
        (r["dst"], r["src"], r["src_port"]) for r in rows if r["protocol"] == 17 and r["dst_port"] == 53
    }
    assert answers
    assert answers <= questions
    assert {src for src, _, _ in answers} == {"172.31.0.2"}


@pytest.mark.parametrize("name", NORMAL)
def test_normal_captures(name: str) -> None:
    """Ordinary traffic, a port scan included, gives no attack."""
    assert analysed(shared_data(f"telemetry/normal/{name}")).attacks == ()


def test_all_at_once() -> None:
    """A folder of everything gives no attack on any host that is no victim in a file of its own."""
    found = analysed(shared_data("telemetry/normal"))
    assert found.attacks == ()
    assert found.whole
