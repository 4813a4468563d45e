"""What is kept of purged selectors is worked out while others can write: with each partner and day they have another point."""

import pytest

from hanse.cases.models import Selector
from hanse.intel.values import Value
from hanse.ledger.service import purge
from hanse.matching import parts, running
from hanse.matching.commitment import PurgedInput
from tests.matching.purged import Purges, by_key, by_one, by_two, by_two_with_key, locked

__all__ = ["by_key", "locked"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.mark.parametrize("purges", [by_one, by_two, by_two_with_key])
def test_no_point_of_a_run_is_worked_out_while_the_ledger_is_locked(
    run, case, approver, locked, by_key, purges: Purges
):
    """Each is worked out once, before; under the lock what is kept is put in its place."""
    made, kaja = case
    purges(made, kaja, approver)
    inputs = parts.inputs(run.pk)
    assert all(isinstance(one, PurgedInput) for one in inputs)
    assert locked == [False] * len(inputs)


def test_what_came_between_is_kept_no_more_than_the_rest(run, case, locked, monkeypatch):
    """Whatever was begun after it was worked out ahead is found under the lock."""
    made, kaja = case
    phone = Selector.objects.get(case=made, kind="phone").pk
    real, asked = running.left_of_inputs, []

    def between(purged):
        asked.append(purged)
        return iter(()) if len(asked) == 1 else real(purged)

    monkeypatch.setattr(running, "left_of_inputs", between)
    purge([phone], kaja, "It was a victim's.")
    assert locked == [True]
    assert not any(isinstance(one, Value) and one.kind == "phone" for one in parts.inputs(run.pk))
