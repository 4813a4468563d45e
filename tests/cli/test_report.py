"""`hanse report`: the page is written."""

import pytest

from tests.cli.shell import floods, hanse


def test_the_page_is_written(tmp_path):
    """The page holds its title as text, its marking and the victim, and the console says where it lies."""
    page = tmp_path / "page.html"
    result = hanse("report", floods(tmp_path, 0), "--out", page, "--title", "<b>A & B", "--exercise")
    html = page.read_text("utf-8")
    assert result.exit_code == 0, result.output
    assert str(page) in result.stdout.replace("\n", "")
    assert "&lt;b&gt;A &amp; B" in html
    assert "<b>A & B" not in html
    assert "TLP:AMBER" in html
    assert "195.80.105.107" in html


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--out", "{here}/missing/page.html"], "missing"), (["--marking", "SECRET"], "TLP:AMBER")],
)
def test_what_cannot_be_written_is_told_before_the_analysis(tmp_path, words, said):
    """A missing folder or an unknown marking is wrong usage, told before anything is read."""
    result = hanse("report", "nowhere.pcap", *(word.format(here=tmp_path) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "nowhere" not in result.stderr
