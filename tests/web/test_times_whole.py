"""A date and its time stay on one line: on a telephone ``2007-`` at the end of one and ``05-11 16:23`` on the next is read wrong."""

import pytest

from hanse.web.templatetags.hanse import unbroken


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the last ended 2007-05-11 16:23 UTC.", "2007-05-11 16:23 UTC"),
        ("open since 2007-05-11; 3 persons", "2007-05-11"),
        ("seen 2007-05-11 16:23:07, no more", "2007-05-11 16:23:07"),
    ],
)
def test_times_in_a_sentence_stay_whole(text: str, whole: str) -> None:
    """Whatever stands around them breaks where it likes."""
    assert f'<span class="nowrap">{whole}</span>' in unbroken(text)
    assert unbroken(text).count("nowrap") == 1


def test_what_is_no_time_is_text() -> None:
    """Nothing else of the sentence becomes markup: names of victims stand in it."""
    assert unbroken("<b>12007-05-113</b> & 1-2-3") == "&lt;b&gt;12007-05-113&lt;/b&gt; &amp; 1-2-3"
