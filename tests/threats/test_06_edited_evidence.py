"""Threat 6: somebody who administers the database edits evidence in it. `hanse node fsck` finds each edit.

The tables and columns are the database's own: one that is new is edited here too, and has to be found.
"""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

from hanse.kernel import envelope
from hanse.kernel.sealing import SealingError
from hanse.ledger import exempt, keyring
from hanse.ledger.as_stored import any_text
from hanse.ledger.check import check
from hanse.ledger.check_entries import entries
from hanse.ledger.check_sealed import sealed_rows
from hanse.ledger.check_tables import indexes, shapes
from hanse.ledger.check_tree import tree
from hanse.ledger.fields import sealed_fields
from hanse.ledger.models import Entry
from hanse.ledger.replay import projections, rebuild, replay
from hanse.ledger.shadow import compare, shadow
from tests.ledger.made import findings
from tests.threats.history import everything, missing
from tests.unstretched import hashed

# What is made once is made on one worker.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("lived")]

LEDGER = (
    "ledger_head", "ledger_entry", "ledger_carriedmarking", "ledger_body", "ledger_checkpoint", "ledger_tile",
)  # fmt: skip
"""Tables that are on the exempt list because they are checked by themselves."""


@pytest.fixture(scope="module")
def lived(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[None]:
    """A node with every kind of history, made once for this module, with keys that nobody guesses at.

    That a key signed some bytes is worked out once for the same key, bytes and signature: fsck asks a hundred times.
    """
    from django.conf import settings

    before = keyring.current()
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("hanse.kernel.keys._stretched", hashed)
        patch.setattr(envelope, "verify", lru_cache(10_000)(envelope.verify))
        home = settings.HANSE_NODE.home
        try:
            everything(home, tmp_path_factory.mktemp("inputs"))
            yield
        finally:
            keyring.hold(before)
            (home / "keys" / "keyring").unlink(missing_ok=True)
            call_command("flush", interactive=False, verbosity=0, allow_cascade=True)


@contextmanager
def undone() -> Iterator[None]:
    """What happens within is undone."""
    with transaction.atomic():
        before = transaction.savepoint()
        yield
        transaction.savepoint_rollback(before)


@dataclass(frozen=True)
class Column:
    """One column as the database has it, with the field that Django has there."""

    table: str
    name: str
    field: models.Field

    def __str__(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.name}"


def sql(query: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement as somebody at the database's own prompt would; its rows, if it gives any."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall()) if cursor.description else []


def tables() -> dict[str, type[models.Model]]:
    """Every table that the database has, with its model; those of the tests' own room left out."""
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor)
    known = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    named = {name for name in there if not name.startswith("things_")} - {"django_migrations"}
    assert named - known.keys() <= exempt.TABLES.keys(), "a table of the database belongs to no model"
    return {name: known[name] for name in sorted(named & known.keys())}


@cache
def columns(table: str, model: type[models.Model]) -> list[Column]:
    """Every column of a table, from the database itself, which is asked once."""
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    fields = {field.column: field for field in model._meta.concrete_fields}
    assert {one.name for one in described} == fields.keys(), table
    return [Column(table, one.name, fields[one.name]) for one in described]


def checked(name: str) -> bool:
    """Whether fsck has to find every edit of a table."""
    return name in LEDGER or name not in exempt.TABLES


def edited(value: Any, field: models.Field) -> Any:
    """Another value that the column takes."""
    kind = field.target_field if isinstance(field, models.ForeignKey) else field
    for sort, other in OTHERS.items():
        if isinstance(kind, sort):
            return other(value)
    return ("~" + (value or ""))[: getattr(kind, "max_length", None) or 10**6]


OTHERS: dict[type[models.Field], Callable[[Any], Any]] = {
    models.JSONField: lambda value: json.dumps({"edited": str(value)}),
    models.BinaryField: lambda value: (
        bytes(value)[:-1] + bytes([bytes(value)[-1] ^ 1]) if value else b"edited"
    ),
    models.UUIDField: lambda _: uuid4() if connection.features.has_native_uuid_field else uuid4().hex,
    models.BooleanField: lambda value: not value,
    models.DateTimeField: lambda _: "2007-04-27 00:00:00" + "+00" * (connection.vendor == "postgresql"),
    models.PositiveSmallIntegerField: lambda value: (value or 0) + 7,
    models.IntegerField: lambda value: (value or 0) + 7_654_321,
    models.FloatField: lambda value: (value or 0.0) + 1.0,
}
"""What another value of a sort of field is."""


def edit(column: Column, dice: random.Random) -> None:
    """Change one column of one row, and nothing else."""
    quote = connection.ops.quote_name
    table, name = quote(column.table), quote(column.name)
    key = quote(apps_model(column.table)._meta.pk.column)
    rows = sql(f"SELECT {key}, {name} FROM {table} ORDER BY {key}")  # noqa: S608 - the database's own names
    assert rows, f"{column.table} has no row to edit: give it a history in tests/threats/history.py"
    pk, value = dice.choice(rows)
    changed = edited(value, column.field)
    assert changed != value
    sql(f"UPDATE {table} SET {name} = %s WHERE {key} = %s", changed, pk)  # noqa: S608 - as above


def apps_model(table: str) -> type[models.Model]:
    """The model of a table."""
    return tables()[table]


def found_in_ledger() -> list[str]:
    """What the steps of fsck find that need no replay."""
    placed: list[Any] = []
    told = [str(one) for one in entries(placed, lambda *_: None)]
    return told + [str(one) for one in tree(placed, lambda *_: None)]


def test_every_kind_has_a_history_and_every_projection_has_rows(lived) -> None:
    """Nothing that is registered is left out of these tests; a sound node with all of it gives no finding."""
    assert missing() == set()
    assert [
        name for name, model in tables().items() if checked(name) and not model._base_manager.exists()
    ] == []
    assert findings() == []


def test_every_table_is_checked_or_listed(lived) -> None:
    """A table is a projection, one of the ledger's own, or on the list of what is exempt, with its reason."""
    derived = {model._meta.db_table for model in projections()}
    for name in tables():
        assert (name in derived) != (name in exempt.TABLES), name
    assert set(LEDGER) <= exempt.TABLES.keys()
    other = exempt.TABLES.keys() - tables().keys() - {"django_migrations", "sqlite_sequence"}
    assert all(name.startswith("intel_words") for name in other), "only search indexes are no table of Django"


def test_every_column_of_the_ledger_edited_alone_is_found(lived) -> None:
    """Entries, bodies, head, markings, checkpoints and tiles: each column, changed in one row, is a finding."""
    unfound, dice = [], random.Random(6)
    assert found_in_ledger() == []
    for table in LEDGER:
        for column in columns(table, apps_model(table)):
            for _ in range(3):
                with undone():
                    edit(column, dice)
                    if not found_in_ledger():
                        unfound.append(str(column))
    assert unfound == []


def test_every_column_of_every_projection_edited_alone_is_found(lived) -> None:
    """Every other column that is not exempt, changed in one row, differs from a replay."""
    unfound, dice, number = [], random.Random(6), 0
    with shadow() as alias:
        replay(alias)
        for table, model in tables().items():
            if not checked(table) or table in LEDGER:
                continue
            assert list(compare(model, alias)) == []
            for column in columns(table, model):
                if str(column) in exempt.COLUMNS:
                    continue
                number += 1
                with undone():
                    edit(column, dice)
                    if not list(compare(model, alias)):
                        unfound.append(str(column))
    assert unfound == []
    assert number > 150


def test_fsck_names_every_table_that_was_edited(lived) -> None:
    """The whole of fsck, over a database with one edit in each projection, names each of them."""
    dice = random.Random(7)
    for _ in range(2):
        with undone():
            wanted = set()
            for table, model in tables().items():
                if checked(table) and table not in LEDGER:
                    there = [one for one in columns(table, model) if str(one) not in exempt.COLUMNS]
                    edit(dice.choice([one for one in there if not one.field.primary_key] or there), dice)
                    wanted.add(table)
            told = findings()
        assert {one for one in wanted if not any(line.startswith(f"{one} ") for line in told)} == set()


@pytest.mark.soak
def test_fsck_finds_every_column_edited_alone(lived) -> None:
    """The whole of fsck for every single column."""
    unfound, dice = [], random.Random(8)
    for table, model in tables().items():
        for column in columns(table, model) if checked(table) else ():
            with undone():
                if str(column) not in exempt.COLUMNS:
                    edit(column, dice)
                    if not list(check()):
                        unfound.append(str(column))
    assert unfound == []


def test_every_row_taken_away_or_put_in_is_found(lived) -> None:
    """A row deleted from any table, and a copy of one put in under another key, is a finding each."""
    unfound, dice = [], random.Random(9)
    with shadow() as alias:
        replay(alias)
        for table, model in tables().items():
            if not checked(table):
                continue
            look = found_in_ledger if table in LEDGER else partial(differing, model, alias)
            for change in (take_away, put_in):
                with undone():
                    change(table, model, dice)
                    if not look():
                        unfound.append(f"{change.__name__} {table}")
    assert unfound == []


def differing(model: type[models.Model], alias: str) -> list[str]:
    """How a table differs from its replay."""
    return [str(one) for one in compare(model, alias)]


def take_away(table: str, model: type[models.Model], dice: random.Random) -> None:
    """Delete one row."""
    quote = connection.ops.quote_name
    key = quote(model._meta.pk.column)
    rows = sql(f"SELECT {key} FROM {quote(table)} ORDER BY {key}")  # noqa: S608 - the database's own names
    sql(f"DELETE FROM {quote(table)} WHERE {key} = %s", *dice.choice(rows))  # noqa: S608 - as above


def put_in(table: str, model: type[models.Model], dice: random.Random) -> None:
    """Insert a copy of one row, with other values where they must be unique."""
    quote = connection.ops.quote_name
    names = [column.name for column in columns(table, model)]
    listed = ", ".join(map(quote, names))
    rows = sql(f"SELECT {listed} FROM {quote(table)} ORDER BY {quote(model._meta.pk.column)}")  # noqa: S608 - as above
    unique = {one for constraint in unique_columns(table) for one in constraint}
    fields = {column.name: column.field for column in columns(table, model)}
    row = [
        edited(value, fields[name]) if name in unique else plain(value)
        for name, value in zip(names, dice.choice(rows), strict=True)
    ]
    sql(
        f"INSERT INTO {quote(table)} ({listed}) VALUES ({', '.join(['%s'] * len(names))})",  # noqa: S608 - as above
        *row,
    )


def plain(value: Any) -> Any:
    """A value as it can be written back."""
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def unique_columns(table: str) -> list[list[str]]:
    """The columns of each unique constraint and primary key."""
    return [one["columns"] for one in constraints(table).values() if one["unique"] or one["primary_key"]]


@cache
def constraints(table: str) -> dict[str, dict[str, Any]]:
    """What the database holds a table's rows to, by name, before any test has changed it: Django parses the SQL that made it."""
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, table)


SHAPES = {
    "a trigger": (
        {
            "sqlite": "CREATE TRIGGER quiet AFTER INSERT ON accounts_rolegrant BEGIN DELETE FROM ledger_tile; END",
            "postgresql": "CREATE RULE quiet AS ON DELETE TO ledger_body DO INSTEAD NOTHING",
        },
        "quiet",
    ),
    "a column": ({"": "ALTER TABLE ledger_body ADD COLUMN kept text"}, "column kept"),
    "no table": ({"": "ALTER TABLE accounts_rolegrant RENAME TO elsewhere"}, "no such table"),
}
"""What is done to the tables themselves, by the kind of database, and what fsck says of it."""


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_done_to_the_tables_themselves_is_found(lived, name: str) -> None:
    """A trigger or rule acts at the next write, where no row shows it: one that keeps what is purged, or drops what is said."""
    by_vendor, said = SHAPES[name]
    with undone():
        sql(by_vendor.get(connection.vendor) or by_vendor[""])
        assert any(said in str(one) for one in shapes())
    assert list(shapes()) == []


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_an_entry_that_an_index_hides_is_found(lived) -> None:
    """An index made without some entries, and called whole, has a role that was taken away be held still: fsck says so."""
    assert list(indexes()) == []
    ((whole,),) = sql("SELECT sql FROM sqlite_master WHERE name = 'ledger_kind'")
    ((taken,),) = sql("SELECT max(sequence) FROM ledger_entry WHERE kind = 'accounts.role_revoked'")
    with undone():
        try:
            sql("DROP INDEX ledger_kind")
            sql(f"{whole} WHERE sequence != {taken}")
            sql("PRAGMA writable_schema = ON")
            sql("UPDATE sqlite_master SET sql = %s WHERE name = 'ledger_kind'", whole)
            sql("PRAGMA writable_schema = RESET")
            found = Entry.objects.filter(kind="accounts.role_revoked").order_by("sequence")
            assert taken not in found.values_list("sequence", flat=True)
            assert any("ledger_kind" in str(one) for one in indexes())
        finally:
            sql("PRAGMA writable_schema = OFF")
    sql("PRAGMA writable_schema = RESET")
    assert list(indexes()) == []


def test_a_table_that_may_hold_a_row_twice_is_found(lived) -> None:
    """Every unique index that can be dropped alone is missed once it is."""
    dropped = 0
    for table in tables():
        for name, one in constraints(table).items():
            if (
                one["unique"]
                and one["index"]
                and not one["primary_key"]
                and not name.startswith("sqlite_autoindex")
            ):
                with undone():
                    try:
                        with transaction.atomic():
                            sql(f"DROP INDEX {connection.ops.quote_name(name)}")
                    except DatabaseError:  # it belongs to the table, and goes with it alone
                        continue
                    dropped += 1
                    assert any("twice" in str(finding) for finding in shapes()), name
    assert dropped or connection.vendor == "postgresql"


@pytest.mark.parametrize(
    "instead", ["(partner, epoch) WHERE epoch = ''", "(partner, epoch, sequence)", "(partner)"]
)
def test_another_index_does_not_pass_for_the_one_that_keeps_rows_single(lived, instead: str) -> None:
    """One of some rows alone, or of more or fewer columns."""
    with undone():
        sql("ALTER TABLE matching_mask RENAME TO mask_before")
        sql("CREATE TABLE matching_mask AS SELECT * FROM mask_before WHERE 1 = 0")
        sql(f"CREATE UNIQUE INDEX instead ON matching_mask {instead}")
        said = [one.what for one in shapes() if one.place == "matching_mask"]
        assert said == [
            f"nothing keeps {one} from standing there twice." for one in ("epoch, partner", "object_id")
        ]


def test_a_passkey_and_a_role_put_in_are_found_and_let_nobody_in(lived) -> None:
    """Whoever inserts a passkey or a role by SQL gains nothing by it, and fsck names both rows."""
    from hanse.accounts.models import Passkey, Person, RoleGrant
    from hanse.accounts.passkeys import holds
    from hanse.accounts.projections import grant_id
    from hanse.accounts.who import person_actor

    authenticators = apps.get_model("mfa", "Authenticator")
    with undone():
        person: UUID = Person.objects.get(name="Tiina").pk
        said_by = Passkey.objects.earliest("said_by").said_by
        RoleGrant.objects.create(
            object_id=grant_id(person, "officer"),
            person_id=person,
            role="officer",
            since_us=1,
            said_by=said_by,
        )
        row = authenticators.objects.get(pk=said_by)
        row.pk, row.user_id = 99_999, person
        row.save(force_insert=True)
        Passkey.objects.create(
            object_id=uuid4(), person_id=person, name="mine", credential_id="mine", added_us=1, said_by=99_999
        )
        assert person_actor(person).roles == {"analyst"}
        assert not holds(row)
        told = findings()
    for table in ("accounts_rolegrant", "accounts_passkey", "mfa_authenticator"):
        assert any(one.startswith(f"{table} ") and "in no entry" in one for one in told), table


def test_a_sealed_value_put_into_another_row_opens_nowhere(lived) -> None:
    """Whoever puts what they may not read into a row of theirs reads it nowhere, and fsck names that row."""
    moved = set()
    with shadow() as alias:
        replay(alias)
        for table, model in tables().items():
            quote = connection.ops.quote_name
            key, there = quote(model._meta.pk.column), connection.ops.quote_name(table)
            for field in sealed_fields(model):
                name, first = quote(field.column), model._base_manager.exclude(**{field.name: None}).first()
                if first is None:
                    continue
                with pytest.raises(SealingError):
                    first._meta.get_field(field.name).opened(
                        model._base_manager.values_list(field.name, flat=True).get(pk=first.pk).data,
                        tuple(
                            edited(value, one)
                            for value, one in zip(field.key_of(first), field.key, strict=True)
                        ),
                    )
                there_are = f"SELECT {key} FROM {there} WHERE {name} IS NOT NULL ORDER BY {key}"  # noqa: S608 - the database's own names
                pks = [pk for (pk,) in sql(there_are)]
                if len(pks) < 2:
                    continue
                moved.add(f"{table}.{field.column}")
                with undone():
                    sql(
                        f"UPDATE {there} SET {name} = (SELECT {name} FROM {there} WHERE {key} = %s) WHERE {key} = %s",  # noqa: S608 - as above
                        *pks[:2],
                    )
                    row = model._base_manager.get(pk=pks[1])
                    with pytest.raises(
                        SealingError, match=rf"{table}, row .*, {field.column}: .*hanse node fsck"
                    ):
                        getattr(row, field.name)
                    look = (
                        partial(differing, model, alias) if checked(table) else (lambda: list(sealed_rows()))
                    )
                    told = [str(one) for one in look()]
                    assert any(table in one and field.name in one for one in told), told
    assert len(moved) > 20
    assert list(sealed_rows()) == []


def test_a_rebuild_equals_the_live_rows(lived) -> None:
    """With every kind of history, purges among it, all projections made again are the rows that were there."""
    before = {model: all_rows(model) for model in projections()}
    with undone():
        rebuild()
        for model, rows in before.items():
            assert all_rows(model) == rows, model
        assert findings() == []


def all_rows(model: type[models.Model]) -> list[str]:
    """Every row, as Django reads it: sealed columns opened, numbers that a row gets by itself left out."""
    names = [
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField)
        and f"{model._meta.db_table}.{field.column}" not in exempt.COLUMNS
    ]
    return sorted(repr([getattr(row, name) for name in names]) for row in model._base_manager.all())


ODD = ("CAST(x'ff' AS TEXT)", "9e999", "2", "'x'")
"""Text that is none; infinity; what is true to a query, and not to Python; what is neither number, truth nor date."""


def put(table: str, name: str, value: str) -> bool:
    """Put a value into a column of the last row; whether the database took it, and it is another than was there."""
    quote = connection.ops.quote_name
    there = f"WHERE rowid = (SELECT max(rowid) FROM {quote(table)})"  # noqa: S608 - the database's own names
    held = f"SELECT quote({quote(name)}) FROM {quote(table)} {there}"  # noqa: S608 - as above
    before = sql(held)
    try:
        with transaction.atomic():
            sql(f"UPDATE {quote(table)} SET {quote(name)} = {value} {there}")  # noqa: S608 - as above
    except DatabaseError:
        return False
    return sql(held) != before


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_any_value_in_any_column_of_a_projection_is_found(lived) -> None:
    """Two in place of a truth was read as none, and was one to every query: nobody was told that an account was closed."""
    unfound, number = [], 0
    with shadow() as alias, any_text():
        replay(alias)
        for table, model in tables().items():
            if not checked(table) or table in LEDGER:
                continue
            for column in columns(table, model):
                for value in ODD if str(column) not in exempt.COLUMNS else ():
                    with undone():
                        if put(table, column.name, value):
                            number += 1
                            if not list(compare(model, alias)):
                                unfound.append(f"{column} {value}")
    assert unfound == []
    assert number > 500


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_no_value_in_a_table_that_follows_from_no_entry_ends_the_look_at_what_is_sealed(lived) -> None:
    """What is sealed opens with it, or is a finding."""
    number = 0
    with any_text():
        for table, model in tables().items():
            for column in columns(table, model) if table in exempt.TABLES and sealed_fields(model) else ():
                for value in ODD:
                    with undone():
                        if put(table, column.name, value):
                            number += 1
                            found = [str(one) for one in sealed_rows()]
                            assert bool(found) >= (column.field in sealed_fields(model)), (str(column), value)
    assert number > 50


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_body_that_is_said_to_be_sealed_by_another_truth_is_found(lived) -> None:
    """To queries it is sealed, so that nobody seals it; to Python it is not, so that it is read as it lies there."""
    with undone():
        sql(
            "UPDATE ledger_body SET sealed = 2 WHERE sequence = (SELECT min(sequence) FROM ledger_body WHERE NOT sealed)"
        )
        assert found_in_ledger() != []
