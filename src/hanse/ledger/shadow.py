"""A shadow database: all projections made again beside the live ones, and what differs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS as DEFAULT
from django.db import connections, models
from django.db.utils import load_backend

from hanse.ledger import exempt
from hanse.ledger.replay import BATCH, Progress, projections, replay
from hanse.ledger.routing import SHADOW

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the ledger says.

    Attributes:
        table: Its table.
        key: Its primary key.
        columns: What differs; empty where the whole row is missing or too many.
        what: In words.
    """

    table: str
    key: str
    columns: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        """``attacks_attack, row 3f…: peak_bps is not what the ledger says.``."""
        return f"{self.table}, row {self.key}: {self.what}"


@contextmanager
def shadow() -> Iterator[str]:
    """An empty database with all tables, gone afterwards; yields its alias."""
    with tempfile.TemporaryDirectory(prefix="hanse-shadow-") as folder:
        settings = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(folder) / "shadow.sqlite3"),
            # It is thrown away: no flush, no journal.
            "OPTIONS": {"init_command": "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF"},
        }
        whole = connections.configure_settings({DEFAULT: connections.settings[DEFAULT], SHADOW: settings})
        connections[SHADOW] = load_backend(settings["ENGINE"]).DatabaseWrapper(whole[SHADOW], SHADOW)
        try:
            with connections[SHADOW].schema_editor() as editor:
                for model in apps.get_models():
                    if model._meta.managed and not model._meta.proxy:
                        editor.create_model(model)
            yield SHADOW
        finally:
            connections[SHADOW].close()
            del connections[SHADOW]


def differences(progress: Progress = lambda _done, _total: None) -> Iterator[Difference]:
    """Replay the ledger into a shadow, and say where the live tables are not equal to it."""
    with shadow() as alias:
        replay(alias, progress)
        for model in projections():
            yield from _compare(model, alias)


def _compare(model: type[models.Model], alias: str) -> Iterator[Difference]:
    """Every row of one table here against its row there, and the other way round for rows that are missing."""
    table = model._meta.db_table
    fields = [one for one in model._meta.concrete_fields if f"{table}.{one.column}" not in exempt.COLUMNS]
    for here, there in _side_by_side(model, DEFAULT, alias):
        for key, row in here.items():
            if key not in there:
                yield Difference(table, str(key), (), "is in no entry of the ledger.")
            elif wrong := tuple(one.name for one in fields if row[one.attname] != there[key][one.attname]):
                yield Difference(table, str(key), wrong, f"{', '.join(wrong)}: not what the ledger says.")
    for there, here in _side_by_side(model, alias, DEFAULT):
        for key in there.keys() - here.keys():
            yield Difference(table, str(key), (), "is missing, though the ledger has it.")


def _side_by_side(
    model: type[models.Model], first: str, second: str
) -> Iterator[tuple[dict[Any, Row], dict[Any, Row]]]:
    """The rows of one database in batches, by primary key, and those of the other with the same keys."""
    rows = model._base_manager.using(first).values().iterator(chunk_size=BATCH)
    key = model._meta.pk.attname
    while batch := {row[key]: row for row in islice(rows, BATCH)}:
        others = model._base_manager.using(second).filter(pk__in=list(batch)).values()
        yield batch, {row[key]: row for row in others}
