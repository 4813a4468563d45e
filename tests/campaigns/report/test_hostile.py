"""Names that come from outside, written by someone who would like them to run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.campaigns.report.page import render
from hanse.campaigns.report.words import visible
from tests.campaigns.report import made
from tests.campaigns.report.page_parts import read


@pytest.fixture(scope="module")
def hostile() -> str:
    """The hostile report."""
    return render(made.hostile())


def test_payloads_add_no_element(hostile):
    """The hostile page has no element that a plain one cannot have."""
    allowed = {tag for tag, _ in read(render(made.estonia())).elements} | {"strong"}
    assert {tag for tag, _ in read(hostile).elements} <= allowed


@pytest.mark.parametrize("payload", made.HOSTILE)
def test_payload_is_shown_as_text(hostile, payload):
    """Each payload is still there to be read, as the text that it is."""
    assert " ".join(visible(payload).split()) in read(hostile).words()


def test_page_is_utf8(hostile):
    """Lone surrogates, as file names can hold, are escaped: the page can be written."""
    assert "\\udcff" in hostile.encode("utf-8").decode("utf-8")


@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "L", "Zl"])))
def test_visible_hides_nothing(text):
    """No control, format or surrogate character survives, and what shows as it is stays."""
    shown = visible(text)
    shown.encode("utf-8")
    assert all(char.isprintable() for char in shown)
    assert visible(shown) == shown
