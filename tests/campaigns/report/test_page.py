"""The page as a file: whole, closed to the outside, and saying what it must."""

import base64
import hashlib
import re

import pytest

from hanse.campaigns.report.findings import Findings
from hanse.campaigns.report.page import render, write
from hanse.kernel.errors import UsageError
from tests.campaigns.report import made
from tests.campaigns.report.page_parts import read

ALL = {
    "estonia": made.estonia,
    "empty": made.empty,
    "untraced": made.untraced,
    "two campaigns": made.two_campaigns,
    "hostile": made.hostile,
    "bare": lambda: Findings(title="nothing", generated_us=0),
}
NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.fixture(scope="module", params=ALL)
def page(request) -> str:
    """Each of the made reports in turn."""
    return render(ALL[request.param]())


@pytest.fixture(scope="module")
def estonia(borders) -> str:
    """The Estonia-like report with its map."""
    return render(made.estonia(borders))


def test_well_formed(page):
    """Every element is closed in order, and no attribute stands twice, whatever the findings."""
    assert read(page).errors == []


def test_refers_to_nothing_outside(page):
    """No attribute and no style refers to anything but a place in the same file."""
    parts = read(page)
    for _, attributes in parts.elements:
        assert not {"src", "srcset", "data", "action", "background", "poster", "ping"} & attributes.keys()
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    style, script = "".join(parts.raw["style"]), "".join(parts.raw["script"])
    assert "@import" not in style
    assert set(re.findall(r"url\((.)", style)) == {"#"}
    assert "http" not in style + script.replace(NAMESPACE, "")


def test_policy_allows_this_style_and_script_only(page):
    """The policy's hashes are those of the style and the script in the page; all else is forbidden."""
    parts = read(page)
    policies = [m["content"] for m in parts.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]
    assert "unsafe" not in policies[0]
    assert len(parts.named("style")) == len(parts.named("script")) == 1
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256("".join(parts.raw[kind]).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policies[0]
    handlers = [name for _, attributes in parts.elements for name in attributes if name.startswith("on")]
    assert handlers == []
    assert not any("style" in attributes for _, attributes in parts.elements)


def test_finding_comes_first_with_its_two_sides(estonia):
    """The campaign's verdict is the heading; how sure it is and what refutes it follow at once."""
    words = read(estonia).words()
    verdict = made.estonia().campaigns[0].verdict
    assert words.index(verdict) < words.index("How sure, and why") < words.index("What would refute it")
    assert words.index("What would refute it") < words.index("Timeline of all attacks")


def test_every_attack_stands_in_timeline_and_table(estonia):
    """Each of the 128 attacks has one bar, one row with its anchor, and its evidence, without any script."""
    parts = read(estonia)
    ids = {attack.id for attack in made.estonia().attacks}
    assert {a["id"].removeprefix("attack-") for a in parts.named("tbody") if a.get("id")} == ids
    bars = [a["href"].removeprefix("#attack-") for a in parts.named("a") if a.get("class") == "bar"]
    assert len(bars) == 128
    assert set(bars) == ids
    assert parts.words().count("Threshold that fired") == 128


def test_size(estonia):
    """128 attacks fit in well under two megabytes."""
    assert len(estonia.encode()) < 2_000_000


def test_marking_at_head_and_foot(estonia):
    """The marking stands at both ends, and an exercise says that its telemetry is made up."""
    words = read(estonia).words()
    assert words.count("TLP:CLEAR") == words.count("EXERCISE — made-up telemetry") == 2
    assert "EXERCISE" not in read(render(made.untraced())).words()


def test_unknown_marking_is_refused():
    """A marking that TLP 2.0 does not know is refused: it would protect nothing."""
    with pytest.raises(UsageError, match="TLP:AMBR"):
        Findings(title="x", generated_us=0, marking="TLP:AMBR")


def test_nothing_found_says_what_was_looked_at():
    """Without an attack the page says over how long, how many flows, and what would refute it."""
    words = read(render(made.empty())).words()
    assert "No attack found in 14 d of telemetry." in words
    assert "2 310 455 flows from 1 input looked at" in words
    assert "What would refute it" in words
    assert "Timeline" not in words


def test_nothing_read_is_not_nothing_found():
    """With no flow read the page does not say that there was no attack."""
    words = read(render(Findings(title="x", generated_us=0))).words()
    assert "No attack found" not in words
    assert "nothing can be said" in words


def test_losses_are_said_beside_the_finding(estonia):
    """What an input lost stands with the finding and, with file, byte and field, under the inputs."""
    words = read(estonia).words()
    assert "1 input of 2 could not be read wholly and 1 200 records never arrived" in words
    assert "At byte 73 400 320. Field caplen. Copy it again." in words


def test_untraced_names_no_country():
    """Without address data the page says that tracing is off, and names no country of any source."""
    words = read(render(made.untraced())).words()
    assert "Tracing is off" in words
    assert "128 attacks not traced" in words
    assert "The source test" not in words
    assert "Germany" not in words
    assert "128 attacks on 9 victims, 3 May to 11 May 2007; no evidence that they belong together." in words


def test_two_campaigns_are_told_apart():
    """Several campaigns each get their verdict, and attacks of none are counted and shown as such."""
    words = read(render(made.two_campaigns())).words()
    assert "2 campaigns found, together 120 attacks." in words
    assert "8 attacks belong to no campaign." in words
    assert "60 attacks are one campaign (2)." in words


def test_government_networks_are_worded_as_registered(estonia):
    """A network marked as a government's is named by its registration, never as the attacker."""
    words = read(estonia).words()
    assert "apparent source in a network registered to a government body" in words
    assert "reflector in a network registered to a government body" in words
    assert "directed by" not in words


def test_write_is_whole_or_not_at_all(tmp_path, monkeypatch):
    """A failure while writing leaves the old report as it was, and no scrap beside it."""
    target = tmp_path / "report.html"
    write(made.empty(), target)
    before = target.read_text(encoding="utf-8")
    assert before == render(made.empty())
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write(made.estonia(), target)
    assert target.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [target]


def test_borders_that_are_none_leave_a_word(tmp_path):
    """A borders file that is none costs the map, with the reason, and nothing else."""
    broken = tmp_path / "borders.json"
    broken.write_text('{"objects": []}')
    words = read(render(made.estonia(broken))).words()
    assert "No map." in words
    assert "no TopoJSON of the world's countries" in words
    assert "Germany" in words
