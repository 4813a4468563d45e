"""Marking anew by the thousand leaves what marking one by one leaves."""

from uuid import uuid4

import pytest

from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.writing import Draft, append_many
from hanse.policy.models import NeedToKnow, StoredMarking
from hanse.policy.service import MARKED, Marked
from tests.accounts.people import NODE
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("at_once", [True, False])
def test_of_several_markings_of_one_thing_the_last_counts_and_all_are_stored(at_once: bool) -> None:
    """Written in one go or one by one, and made again from the ledger, the rows are the same."""
    one, other = uuid4(), uuid4()
    green, red = (Marking(originators=frozenset({"ee-cert"}), tlp=tlp) for tlp in (Tlp.GREEN, Tlp.RED))
    drafts = [
        Draft(MARKED, Marked("amber"), one, red), Draft(MARKED, Marked(""), other, red),
        Draft(MARKED, Marked("blue"), one, green), Draft(MARKED, Marked(""), one, Marking.own("ee-cert")),
        Draft(MARKED, Marked("amber"), other, green),
    ]  # fmt: skip
    for some in [drafts] if at_once else [[draft] for draft in drafts]:
        append_many(some, NODE)
    assert dict(NeedToKnow.objects.values_list("object_id", "team")) == {other: "amber"}
    assert StoredMarking.objects.count() == 3
    assert findings() == []
