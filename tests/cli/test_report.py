"""`hanse report`: the page is written."""

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


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """A missing folder for the page ends in one line, not in a traceback."""
    result = hanse("report", floods(tmp_path, 0), "--out", tmp_path / "missing" / "page.html")
    assert result.exit_code in {1, 2}
    assert isinstance(result.exception, SystemExit)
    assert "missing" in result.stderr
