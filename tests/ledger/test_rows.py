"""One row of a projection is put into its table by one statement, there already or not, and rows are dropped by one."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from hanse.ledger.rows import drop, set_row
from tests.ledger import made  # noqa: F401 - its tables
from tests.ledger.things.models import Part, Thing

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = {
    "name": "Lamp", "size": 7, "detail": {"colour": "red"}, "secret": "hush", "secret_index": "hush",
    "secrets": ["hush"], "actor": "mari", "said_by": 3,
}  # fmt: skip


def test_a_new_row_and_the_same_row_again_are_one_statement_each() -> None:
    """Each projection of each entry waits for it, and so does each replay."""
    one = uuid4()
    with transaction.atomic():
        for _ in range(2):
            with CaptureQueriesContext(connection) as told:
                set_row(Thing.objects, one, VALUES)
            assert [query["sql"].split()[0] for query in told.captured_queries] == ["INSERT"]
    assert Thing.objects.count() == 1


def test_what_is_not_named_stays_as_it_is() -> None:
    """A row that is there keeps its other columns, and those that are only for a new one; what is sealed opens."""
    one = uuid4()
    set_row(Thing.objects, one, VALUES, {"flag": True, "ratio": 0.5})
    Thing.objects.filter(pk=one).update(ratio=0.25)
    set_row(
        Thing.objects,
        one,
        {**VALUES, "name": "Torch", "secret": "loud", "secrets": None},
        {"flag": False, "ratio": 1.0},
    )
    row = Thing.objects.get()
    assert (row.name, row.flag, row.ratio, row.secret, row.secrets) == ("Torch", True, 0.25, "loud", None)
    assert row.detail == {"colour": "red"}
    assert Thing.objects.filter(secret_index="hush").exists()


def test_a_row_that_refers_to_nothing_is_refused() -> None:
    """It is no way around what the tables ask for."""
    with pytest.raises(IntegrityError):
        set_row(Part.objects, 1, {"thing_id": uuid4(), "text": "lost"})


def test_rows_are_dropped_by_their_key_or_another_column() -> None:
    """As Django finds them: identifiers are in each database's own form, and what is not named stays."""
    one, other = uuid4(), uuid4()
    for key in (one, other):
        set_row(Thing.objects, key, VALUES)
    Part.objects.bulk_create(Part(id=at, thing_id=one, text=str(at)) for at in range(3))
    with CaptureQueriesContext(connection) as told:
        drop(Part.objects, 2)
    assert [query["sql"].split()[0] for query in told.captured_queries] == ["DELETE"]
    assert sorted(Part.objects.values_list("pk", flat=True)) == [0, 1]
    drop(Part.objects, other, "thing")
    assert Part.objects.count() == 2
    drop(Part.objects, one, "thing")
    assert Part.objects.count() == 0
    assert Thing.objects.count() == 2


def test_what_refers_to_a_dropped_row_goes_as_well() -> None:
    """Else the rest of a purged thing would stay, or nothing could be purged."""
    one = uuid4()
    set_row(Thing.objects, one, VALUES)
    Part.objects.create(id=1, thing_id=one, text="part")
    drop(Thing.objects, uuid4())
    assert (Thing.objects.count(), Part.objects.count()) == (1, 1)
    drop(Thing.objects, one)
    assert (Thing.objects.count(), Part.objects.count()) == (0, 0)
