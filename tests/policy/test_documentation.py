"""docs/explanation/markings.md says what the code does."""

import inspect
import re

from hanse.kernel.markings import HANDLING, Audience, Pap, Tlp, Touch
from hanse.policy import decision
from tests.shared import ROOT

PAGE = (ROOT / "docs" / "explanation" / "markings.md").read_text("utf-8")


def table(head: str) -> dict[str, list[str]]:
    """Rows of the table whose header row begins with these cells: first cell to the other cells."""
    rows = PAGE.split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {first: rest for first, *rest in cells}


def test_every_rule_is_documented():
    """Each rule id that a refusal can carry stands in the table of rules, and no other."""
    source = inspect.getsource(decision)
    told = set(re.findall(r"`([a-z0-9.-]+)`", " ".join(table("rule"))))
    given = set(re.findall(r'Reason\(\s*"([a-z0-9.-]+)"', source)) - {"system"}
    given |= {f"tlp.{level.colour}" for level in Tlp if level.audience < Audience.PUBLIC}
    given |= {f"pap.{level.colour}" for level in Pap if level.touch < Touch.ACTIVE}
    assert told == given


def test_the_table_of_tlp_is_the_code():
    """Each cell of the table says what the level's audience says."""
    rows = table("level")
    assert rows == {
        level.value: ["yes" if audience <= level.audience else "no" for audience in Audience] for level in Tlp
    }


def test_the_table_of_pap_is_the_code():
    """Each cell of the table says what the level lets be noticed."""
    rows = {
        name: cells
        for row, cells in table("level | look at it in the node").items()
        for name in row.split(", ")
    }
    assert rows == {
        level.value: ["yes" if touch <= level.touch else "no" for touch in Touch] for level in Pap
    }


def test_every_handling_code_is_explained():
    """H0 to H3 are each explained with the words that pages show."""
    for code, words in HANDLING.items():
        assert f"{code}: {words[0].lower()}{words[1:-1]}" in PAGE
