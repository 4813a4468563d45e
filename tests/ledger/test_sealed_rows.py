"""What is sealed in a row opens in that row alone, whoever puts it elsewhere in the database."""

from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.kernel.printable import printable
from hanse.kernel.sealing import SealingError
from hanse.ledger.check_sealed import unopened
from hanse.ledger.fields import Sealed, SealedTextField, sealed, sealed_fields
from hanse.ledger.replay import rebuild
from hanse.matching.models import RunPart
from hanse.matching.standing_models import StandingTurn
from hanse.web.models import Idempotency
from tests.ledger.made import findings, found, thing
from tests.ledger.things.models import Thing

pytestmark = pytest.mark.django_db(transaction=True)


def moved(source: UUID, target: UUID, column: str = "secret") -> None:
    """Put what one row has into another, as whoever writes to the database can."""
    keys = [one if connection.features.has_native_uuid_field else one.hex for one in (source, target)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE things_thing SET {column} = (SELECT {column} FROM things_thing WHERE id = %s) WHERE id = %s",  # noqa: S608 - names of columns
            keys,
        )


@pytest.fixture
def two() -> tuple[UUID, UUID]:
    """Somebody's thing, and one of another's."""
    found()
    return thing(secret="the canary").object_id, thing(secret="mine").object_id


@pytest.mark.parametrize("column", ["secret", "secrets"])
def test_what_is_put_into_another_row_is_refused_in_words(two, column: str) -> None:
    """The error says in which table, row and column it is, and what to do; fsck names the row and goes on."""
    theirs, mine = two
    moved(theirs, mine, column)
    row = Thing.objects.get(pk=mine)
    assert row.name == "a thing", "a row is found and shown in lists, but for what does not open"
    with pytest.raises(
        SealingError, match=rf"things_thing, row {mine.hex}, {column}: .*put there.*`hanse node fsck`"
    ):
        getattr(row, column)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE things_thing SET size = 9 WHERE secret IS NOT NULL")
    told = findings()
    assert any(mine.hex in one.replace("-", "") and column in one for one in told)
    assert any(theirs.hex in one.replace("-", "") and "size" in one for one in told), "fsck went on"


def test_a_row_whose_key_is_changed_opens_no_more(two) -> None:
    """Nor is it of use to give one's own row another's key."""
    theirs, mine = two
    other = uuid4()
    with connection.cursor() as cursor:
        native = connection.features.has_native_uuid_field
        keys = [one if native else one.hex for one in (other, theirs)]
        cursor.execute("UPDATE things_thing SET id = %s WHERE id = %s", keys)
    with pytest.raises(SealingError):
        _ = Thing.objects.get(pk=other).secret
    assert Thing.objects.get(pk=mine).secret == "mine"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL takes no such value")
def test_what_are_no_bytes_is_refused(two) -> None:
    """SQLite keeps a text in a column of bytes."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE things_thing SET secret = 'text'")
    with pytest.raises(Exception, match="things_thing, row") as refused:
        _ = Thing.objects.get(pk=two[1]).secret
    assert "does not have" in str(refused.value)


def test_every_way_of_writing_a_row_seals_to_it() -> None:
    """Saved, made, made at once, got or made, updated: it opens in its row."""
    told = {"name": "n", "size": 1, "actor": "a", "said_by": 0}
    rows = [Thing(id=uuid4(), secret=f"s{number}", **told) for number in range(3)]
    Thing.objects.bulk_create(rows)
    made = Thing.objects.create(id=uuid4(), secret="s3", **told)
    Thing.objects.update_or_create(id=made.pk, defaults={"secret": "s4"})
    assert [Thing.objects.get(pk=one.pk).secret for one in [*rows, made]] == ["s0", "s1", "s2", "s4"]
    Thing.objects.filter(pk=made.pk).update(size=2, **sealed(Thing, made.pk, secret="s5", secrets=["s5"]))
    row = Thing.objects.get(pk=made.pk)
    assert (row.secret, row.secrets, row.size) == ("s5", ["s5"], 2)
    row.secret = None
    row.save()
    assert Thing.objects.get(pk=made.pk).secret is None
    deferred = Thing.objects.defer("secret", "secrets").get(pk=rows[0].pk)
    deferred.size = 7
    deferred.save()
    assert deferred.secret == Thing.objects.get(pk=rows[0].pk).secret == "s0"
    deferred = Thing.objects.only("name").get(pk=rows[0].pk)
    deferred.save(update_fields=["secret"])
    assert Thing.objects.get(pk=rows[0].pk).secret == "s0"


def test_what_nobody_read_is_saved_as_it_was() -> None:
    """A save opens nothing that nobody asked for, and takes nothing over from another row."""
    one = Thing.objects.create(id=uuid4(), name="n", size=1, secret="s", actor="a", said_by=0)
    before = Thing.objects.values_list("secret", flat=True).get().data
    row = Thing.objects.get()
    row.save()
    assert bytes(Thing.objects.values_list("secret", flat=True).get().data) == bytes(before)
    row.pk = uuid4()
    row.save(force_insert=True)
    with pytest.raises(SealingError):
        _ = Thing.objects.get(pk=row.pk).secret
    assert Thing.objects.get(pk=one.pk).secret == "s"


def test_what_knows_no_row_is_refused_and_says_what_to_do() -> None:
    """An update or a search with the text itself, and words where a sealed value was meant."""
    one = Thing.objects.create(id=uuid4(), name="n", size=1, secret="s", actor="a", said_by=0)
    with pytest.raises(TypeError, match="save the row, or update it with `sealed`"):
        Thing.objects.update(secret="t")
    with pytest.raises(TypeError, match="BlindIndexField"):
        Thing.objects.filter(secret="s").exists()
    with pytest.raises(TypeError, match="save the row"):
        Thing.objects.bulk_update([one], ["secret"])
    with pytest.raises(ValueError, match="set what the row is known by first"):
        Thing._meta.get_field("secret").seal("s", (None,))
    closed = Thing.objects.values_list("secret", flat=True).get()
    assert isinstance(closed, Sealed)
    with pytest.raises(TypeError, match="sealed to its row"):
        str(closed)
    assert closed.open(one.pk) == closed.open(one.pk.hex) == "s"


def test_every_sealed_column_is_bound_to_what_is_known_before() -> None:
    """No number that the database gives, and nothing that may be of no value."""
    fields = [field for model in apps.get_models() for field in sealed_fields(model)]
    assert len(fields) > 50
    assert [one for field in fields for one in field.check() if one.id == "hanse.E001"] == []
    from django.db import models

    class Wrong(models.Model):
        id = models.BigAutoField(primary_key=True)
        maybe = models.CharField(max_length=9, null=True)  # noqa: DJ001 - that is what is wrong
        first = SealedTextField()
        second = SealedTextField(bound_to=("maybe",))

        class Meta:
            app_label = "wrong"
            managed = False

    try:
        for field in sealed_fields(Wrong):
            assert [one.id for one in field.check()] == ["hanse.E001"]
    finally:
        del apps.all_models["wrong"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL takes no such value")
@pytest.mark.parametrize(
    ("column", "value"),
    [("number", "9e999"), ("number", "'x'"), ("number", "x'ff'"), ("partner", "CAST(x'ff' AS TEXT)"), ("partner", "x'ff'"), ("epoch", "7")],
)  # fmt: skip
def test_whatever_stands_in_place_of_a_rows_key_is_a_finding(column: str, value: str) -> None:
    """SQLite keeps any value in any column: fsck names the row and goes on, and a rebuild removes it."""
    found()
    told = {
        "partner": "gb-ncas",
        "epoch": "2026-11-26",
        "slot": 0,
        "head": 0,
        "points": b"",
        "taken": b"",
        "answer": b"",
    }
    one, other = (StandingTurn.objects.create(**told, number=number, names=b"n") for number in range(2))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE matching_standingturn SET {column} = {value} WHERE id = {one.pk}")  # noqa: S608 - the test's own
    [said] = findings()
    assert f"matching_standingturn {one.pk}" in said
    assert "names: altered" in said
    rebuild()
    assert findings() == []
    assert StandingTurn.objects.get().pk == other.pk


def test_nothing_is_read_of_a_table_but_what_is_sealed_and_what_it_is_sealed_to() -> None:
    """Pieces of comparisons lie beside what is sealed of them: a hundred megabytes a run."""
    RunPart.objects.create(run=uuid4(), name="values", place=0, values=b"v", data=b"d")
    with CaptureQueriesContext(connection) as asked:
        assert list(unopened()) == []
    [query] = [one["sql"] for one in asked if '"matching_runpart"' in one["sql"] and "SELECT" in one["sql"]]
    assert '"values"' in query
    assert '"data"' not in query


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL takes no such value")
@pytest.mark.parametrize("column", ["name", "id", "actor"])
def test_text_that_is_none_is_a_finding_and_hides_no_other(two, column: str) -> None:
    """One byte that is no UTF-8 ended fsck before it came to what was altered: it names the row and goes on."""
    theirs, mine = (one.hex for one in two)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE things_thing SET {column} = CAST(x'ff41' AS TEXT) WHERE id = %s", [theirs])  # noqa: S608 - names of columns
        cursor.execute("UPDATE things_thing SET size = 9 WHERE id = %s", [mine])
        cursor.execute("UPDATE ledger_entry SET recipient = CAST(x'ff' AS TEXT) WHERE sequence = 1")
    told = "\n".join(findings())
    assert "entry 1: " in told
    assert f"things_thing {mine}" in told
    assert ("is in no entry" if column == "id" else f"{column}: not what") in told
    assert printable(told, "\n")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL takes no such value")
def test_a_row_whose_own_key_is_no_text_is_removed_by_a_rebuild() -> None:
    """Nothing could go on with it, and no page could say its key."""
    found()
    Idempotency.objects.create(key="k", request="r", created_us=1, body="b")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE web_idempotency SET key = CAST(x'ff' AS TEXT)")
    assert "body: altered" in "\n".join(findings())
    rebuild()
    assert findings() == []
    assert not Idempotency.objects.exists()


def test_a_row_known_by_a_text_is_removed_by_a_rebuild_on_either_database() -> None:
    """Its body was altered; its key is as it was, and is text to PostgreSQL too."""
    found()
    for key in ("k", "other"):
        Idempotency.objects.create(key=key, request="r", created_us=1, body="b")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE web_idempotency SET body = (SELECT body FROM web_idempotency WHERE key = 'k') WHERE key = 'other'"
        )
    assert "body: altered" in "\n".join(findings())
    rebuild()
    assert findings() == []
    assert Idempotency.objects.get().pk == "k"
