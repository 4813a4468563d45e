"""Which markings entries carry is stored once each, repeated by a column, and checked against the envelopes."""

import pytest
from django.db import connection

from hanse.console.visible_entries import visible_entries
from hanse.kernel import envelope
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.carried import text_of
from hanse.ledger.models import CarriedMarking, Entry
from hanse.ledger.replay import rebuild
from tests.ledger.made import AUTHORITY, findings, found, thing

pytestmark = pytest.mark.django_db(transaction=True)

RED = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
KEPT = Marking(originators=frozenset({AUTHORITY}), retention_us=2_000_000_000_000_000)

DAMAGE = (
    "UPDATE ledger_entry SET marking = 0 WHERE sequence = 1",
    "UPDATE ledger_carriedmarking SET text = 'x' WHERE number = 1",
    "UPDATE ledger_carriedmarking SET digest = 'x' WHERE number = 1",
    "UPDATE ledger_carriedmarking SET number = 7 WHERE number = 1",
    "DELETE FROM ledger_carriedmarking WHERE number = 2",
    "INSERT INTO ledger_carriedmarking (number, digest, text) VALUES (9, 'x', 'x')",
)


def _made() -> None:
    found()
    for marking in (RED, KEPT, RED, None, KEPT):
        thing(marking=marking)


def test_each_marking_is_stored_once_under_its_first_entry() -> None:
    """An entry names the first one that carries the same marking, and the stored text is what its envelope says."""
    _made()
    assert list(Entry.objects.order_by("pk").values_list("marking", flat=True)) == [0, 1, 2, 1, 0, 2]
    texts = dict(CarriedMarking.objects.values_list("number", "text"))
    assert set(texts) == {0, 1, 2}
    for row in Entry.objects.all():
        assert texts[row.marking] == text_of(envelope.decode(bytes(row.payload)).marking)
    assert findings() == []


@pytest.mark.parametrize("sql", DAMAGE)
def test_a_marking_that_is_not_the_envelopes_is_found_and_mended(sql: str) -> None:
    """Whoever alters the column or the stored text is found by fsck; a rebuild makes both from the envelopes."""
    _made()
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert findings() != []
    rebuild()
    assert findings() == []


def test_entries_are_seen_as_their_marking_says(actor) -> None:
    """Who may not know of an entry sees it in no list, nor one whose marking came after the judging."""
    _made()
    assert visible_entries(actor("officer"), "ledger.view").count() == 6
    seen = visible_entries(actor("analyst"), "ledger.view")
    assert set(seen.values_list("pk", flat=True)) == {0, 2, 4, 5}
    thing(marking=Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED, retention_us=1))
    assert seen.count() == 4
