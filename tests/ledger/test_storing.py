"""What is copied into the tables while Python goes on: it is there when it is asked for, or nothing of it is."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from hanse.ledger import storing
from hanse.ledger.models import Body, Entry

pytestmark = pytest.mark.django_db(transaction=True)


def _store(*sequences: int) -> None:
    """Store bodies, entries and a head."""
    native = connection.features.has_native_uuid_field
    ids = [uuid4() if native else uuid4().hex for _ in sequences]
    entries = [
        (one, b"{}", b"s", "k", "things.made", object_id, 1, "", 7, 0, None)
        for one, object_id in zip(sequences, ids, strict=True)
    ]
    storing.store_bodies(connection, [(one, b"salt", b"{}", False) for one in sequences])
    storing.store_entries(connection, entries, (9, bytes(32), "k"))


def test_the_next_question_sees_what_was_left_to_the_database() -> None:
    """Rows that were copied are there for whoever asks in the same transaction, and for others when it ends."""
    with transaction.atomic(), storing.behind(connection):
        _store(1, 2, 3)
        assert Body.objects.count() == 3
        _store(4, 5)
    assert list(Entry.objects.order_by("sequence").values_list("sequence", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("asked", [True, False])
def test_a_row_that_is_refused_undoes_all(asked: bool) -> None:
    """Whether something is asked after it or not: the error comes before the commit, and nothing of the rest stays."""

    def write() -> None:
        with transaction.atomic(), storing.behind(connection):
            _store(1, 2)
            _store(3, 3)
            if asked:
                Entry.objects.count()

    with pytest.raises(IntegrityError):
        write()
    assert not Entry.objects.exists()
    assert not Body.objects.exists()


def test_an_error_of_the_caller_breaks_off_what_is_under_way() -> None:
    """It is that error which is raised; nothing is written, and the connection works on."""

    def write() -> None:
        with transaction.atomic(), storing.behind(connection):
            _store(1, 2)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write()
    assert not Body.objects.exists()
    with transaction.atomic(), storing.behind(connection):
        _store(1, 2)
    assert Body.objects.count() == 2
