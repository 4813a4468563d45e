"""What is copied into the tables while Python goes on: it is there when it is asked for, or nothing of it is."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from hanse.ledger import storing
from hanse.ledger.models import Body, Entry
from hanse.ledger.storing import Run

pytestmark = pytest.mark.django_db(transaction=True)


def _store(*sequences: int) -> None:
    """Store bodies, entries and a head."""
    native = connection.features.has_native_uuid_field
    ids = [uuid4() if native else uuid4().hex for _ in sequences]
    count = len(sequences)
    entries = sequences, [b"{}"] * count, [b"s"] * count, ids, [1] * count
    same = "k", "things.made", "", 7, 0, None
    with connection.cursor() as cursor:
        storing.store_bodies(cursor, [Run((False,), (sequences, [b"salt"] * count, [b"{}"] * count))])
        storing.store_entries(cursor, [Run(same, entries)], (9, bytes(32), "k"))


def _columns(rows: list[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """What rows have in each column, also where there are none."""
    return [[row[at] for row in rows] for at in range(count)]


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


@pytest.mark.parametrize("counts", [(49,), (50,), (51,), (100, 1, 120), (1, 1, 50, 1, 149), (3, 0, 2)])
def test_runs_of_any_length_arrive_whole(counts: tuple[int, ...]) -> None:
    """However many rows have something in common: each row has its own values and those of its run."""
    native = connection.features.has_native_uuid_field
    entries, bodies, told, sequence = [], [], [], 0
    for run, count in enumerate(counts):
        rows, data = [], []
        for at in range(count):
            object_id = uuid4()
            own = b"p%d-%d" % (run, at), b"s%d-%d" % (run, at)
            rows.append((sequence, *own, object_id if native else object_id.hex, at + 1))
            data.append((sequence, b"salt %d" % sequence, b"body %d" % sequence))
            told.append(
                (
                    sequence,
                    *own,
                    object_id,
                    at + 1,
                    f"k{run}",
                    f"x.{run}",
                    f"to-{run}",
                    7 + run,
                    run,
                    run or None,
                )
            )
            sequence += 1
        entries.append(
            Run((f"k{run}", f"x.{run}", f"to-{run}", 7 + run, run, run or None), _columns(rows, 5))
        )
        bodies.append(Run((run % 2 == 1,), _columns(data, 3)))
    with transaction.atomic(), storing.behind(connection), connection.cursor() as cursor:
        storing.store_bodies(cursor, bodies)
        storing.store_entries(cursor, entries, (sequence, bytes(32), "k"))
    names = (
        "sequence", "payload", "signature", "object_id", "version", "key", "kind", "recipient", "time_us", "marking",
        "retention_us",
    )  # fmt: skip
    stored = Entry.objects.order_by("sequence").values_list(*names)
    assert [
        tuple(bytes(one) if isinstance(one, memoryview) else one for one in row) for row in stored
    ] == told
    assert [(bytes(one.salt), bytes(one.data), one.sealed) for one in Body.objects.order_by("pk")] == [
        (salt, data, run.same[0]) for run in bodies for _, salt, data in run.rows()
    ]


def test_a_row_that_is_refused_among_many_undoes_all_of_its_call() -> None:
    """Also rows that one statement stores at once: what the caller wrote before stays, of this call nothing does."""
    with transaction.atomic():
        _store(1, 2)
        with pytest.raises(IntegrityError), transaction.atomic(), storing.behind(connection):
            _store(*range(100, 199), 120)
        assert list(Body.objects.values_list("pk", flat=True).order_by("pk")) == [1, 2]
        _store(3)
    assert list(Entry.objects.values_list("pk", flat=True).order_by("pk")) == [1, 2, 3]
