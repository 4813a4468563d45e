"""Times that no calendar knows do not become part of a case, whoever says them."""

import msgspec
import pytest

from hanse.cases import contents
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US


@pytest.mark.parametrize("moment_us", [FIRST_MOMENT_US - 1, LAST_MOMENT_US + 1])
def test_an_entry_with_a_time_that_cannot_be_shown_has_not_its_kinds_form(moment_us: int) -> None:
    """Pages, files for courts and timelines can rely on each moment of each content."""
    task = {"case": "00", "team": "00", "title": "Call", "owner": "", "due_us": moment_us}
    with pytest.raises(msgspec.ValidationError, match="due_us"):
        msgspec.convert(task, contents.TaskSet)
    assert msgspec.convert(task | {"due_us": 0}, contents.TaskSet).due_us == 0
