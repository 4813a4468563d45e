"""Replaying the ledger: every projection is a function of the entries, and can be made again from them."""

from collections.abc import Callable, Iterator

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS as DEFAULT
from django.db import connections, models, transaction

from hanse.kernel import envelope
from hanse.ledger import carried, exempt
from hanse.ledger.check_sealed import remove_unopened
from hanse.ledger.kinds import emptied, known, project_in_order
from hanse.ledger.models import Body, Entry, Head, NodeKey
from hanse.ledger.reading import content_of, recorded_of
from hanse.ledger.routing import database, working_on
from hanse.ledger.writing import writing

Progress = Callable[[int, int], None]

BATCH = 1_000
"""Entries read at once: memory stays flat, and one query per thousand entries is no cost."""


def projections() -> list[type[models.Model]]:
    """The tables that are made from entries, those that others refer to first."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.db_table not in exempt.TABLES
    ]
    return _referred_first(found)


def _referred_first(found: list[type[models.Model]]) -> list[type[models.Model]]:
    """Order tables so that each comes after those that it refers to."""
    ordered: list[type[models.Model]] = []

    def visit(model: type[models.Model], above: tuple[type[models.Model], ...]) -> None:
        if model in ordered or model in above:
            return
        for field in model._meta.local_fields:
            target = field.related_model
            if isinstance(target, type) and target in found:
                visit(target, (*above, model))
        ordered.append(model)

    for model in found:
        visit(model, ())
    return ordered


def rebuild(progress: Progress = lambda _done, _total: None) -> int:
    """Drop every projection and make it again from the entries, in one transaction; the number of entries.

    The head row is locked meanwhile, so that no other process writes into half-made tables. What the ledger's own
    tables repeat of the signed bytes is made again as well: markings, retention dates, and which key signs.
    Rows of other tables whose sealed columns do not open go, for nothing could go on with them.
    What tables refer to is checked once at the end: SQLite takes longer for each row the more there are while
    something emptied is referred to, as people are by sessions.
    """
    with connections[database()].constraint_checks_disabled(), writing():
        for model in reversed(projections()):
            _empty(model)
        for empty in emptied():
            empty()
        done = replay(database(), progress)
        remove_unopened()
        _repeat_columns()
        if signs := NodeKey.objects.filter(until_us=None).order_by("-said_by").first():
            Head.objects.filter(pk=1).update(key=signs.pk)
        connections[database()].check_constraints()
        return done


def _repeat_columns() -> None:
    """Set what entries' columns repeat of their markings to what the envelopes say."""
    firsts: dict[str, int] = {}
    rows = Entry.objects.order_by("sequence").values_list("sequence", "payload", "marking", "retention_us")
    wrong = []
    for sequence, payload, number, retention_us in rows.iterator(chunk_size=BATCH):
        marking = envelope.decode(bytes(payload)).marking
        said = firsts.setdefault(carried.text_of(marking), sequence), marking.get("retention_us")
        if (number, retention_us) != said:
            wrong.append((*said, sequence))
        if len(wrong) == BATCH:
            _mend(wrong)
            wrong = []
    _mend(wrong)
    carried.renumber(firsts)


def _mend(wrong: list[tuple[int, int | None, int]]) -> None:
    """Set marking and retention date of entries: number, date and sequence of each."""
    with connections[database()].cursor() as cursor:
        cursor.executemany(
            "UPDATE ledger_entry SET marking = %s, retention_us = %s WHERE sequence = %s", wrong
        )


def _empty(model: type[models.Model]) -> None:
    connection = connections[database()]
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608 - a table of our own


def replay(target: str, progress: Progress = lambda _done, _total: None) -> int:
    """Project all entries of this context's ledger, in order, into a database; the number of entries.

    Entries whose body was purged, and those of kinds that this version does not know, project nothing.
    """
    total = Entry.objects.count()
    done = 0
    with working_on(target), transaction.atomic(using=target):
        for batch in batches():
            project_in_order(
                (kind, recorded_of(entry, body), kind.worked_out(content_of(entry, body, kind)))
                for entry, body in batch
                if body is not None and (kind := known(entry.kind)) is not None
            )
            done += len(batch)
            progress(done, total)
    return done


def batches(source: str = DEFAULT) -> Iterator[list[tuple[Entry, Body | None]]]:
    """All entries with their bodies, in order."""
    last = -1
    while True:
        # A slice of the query, which the database limits: cutting what it gives would read all that follows each time.
        entries = list(Entry.objects.using(source).filter(sequence__gt=last).order_by("sequence")[:BATCH])
        if not entries:
            return
        bodies = {
            body.entry_id: body
            for body in Body.objects.using(source).filter(
                entry_id__gte=entries[0].sequence, entry_id__lte=entries[-1].sequence
            )
        }
        last = entries[-1].sequence
        yield [(entry, bodies.get(entry.sequence)) for entry in entries]
