from pathlib import Path

import numpy as np
import pytest

from hanse.kernel.address_columns import pack_all
from hanse.kernel.errors import UnreadableInputError
from hanse.tracing.government import GovernmentNetworks

HEADER = "network,body,country,claim\n"


def _load(folder: Path, text: str) -> GovernmentNetworks:
    path = folder / "government.csv"
    path.write_text(text)
    return GovernmentNetworks.load(path)


def test_the_longest_prefix_wins_and_a_prefix_beats_an_as(tmp_path: Path) -> None:
    """Rule: the most specific claim about an address is the one that counts."""
    text = (
        "AS64500,Whole Network,SE,register\n203.0.113.128/25,Ministry,EE,https://example.org\n"
        "203.0.113.0/24,State,EE,law 12\n2001:db8::/32,Agency,NO,register\n"
    )
    claims = _load(tmp_path, HEADER + text)
    addresses = pack_all(["203.0.113.200", "203.0.113.1", "2001:db8::9", "8.8.8.8", "8.8.4.4"])
    asns = np.array([64500, 0, 64500, 64500, 1], np.uint32)
    names = [claims.claims[index].body if index >= 0 else "" for index in claims.match(addresses, asns)]
    assert names == ["Ministry", "State", "Agency", "Whole Network", ""]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("network,body\n", 1, "columns"),
        (HEADER + "203.0.113.0/24,A,EE,c\n203.0.113.7/24,A,EE,c\n", 3, "neither a prefix"),
        (HEADER + "AS0,A,EE,c\n", 2, "neither a prefix"),
        (HEADER + "AS1,A,Estonia,c\n", 2, "country code"),
        (HEADER + "AS1,,EE,c\n", 2, "body"),
        (HEADER + "AS1,A,EE,\n", 2, "where the claim"),
        (HEADER + "AS1\n", 2, "body"),
    ],
)
def test_a_claim_without_its_source_is_refused(tmp_path: Path, text: str, line: int, what: str) -> None:
    """Rule: a claim needs a network, a body, a country and where it is made; errors name the line."""
    with pytest.raises(UnreadableInputError, match=what) as caught:
        _load(tmp_path, text)
    assert f"line {line}:" in str(caught.value)


def test_an_absent_file_is_an_error(tmp_path: Path) -> None:
    """Rule: a file that the user named and that is not there is not ignored."""
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        GovernmentNetworks.load(tmp_path / "none.csv")
