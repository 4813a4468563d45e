"""Markings in use, and the abstract model of everything that carries one."""

from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Final, Self
from uuid import UUID

from django.apps import apps
from django.db import connections, models
from django.db.models import Exists, OuterRef

from hanse.kernel import strict_json
from hanse.kernel.markings import Marking, MarkingError
from hanse.ledger.routing import database
from hanse.policy.guarded import Guarded

_TEXT_LIMIT = 64_000_000
"""Bytes of a marking that is read again: it may be joined of many, each as long as an envelope can be."""
NOBODY: Final = "nobody"
"""What is given to this team, of which nobody is, is known to who oversees alone, once a second person opens it."""


class StoredMarking(models.Model):
    """A marking that something carries or carried, stored once. A projection.

    Attributes:
        digest: SHA-256 of `text`, hexadecimal.
        text: The marking as canonical JSON.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    text = models.TextField()

    def __str__(self) -> str:
        """The marking's banner."""
        return self.marking.banner()

    @property
    def marking(self) -> Marking:
        """The marking.

        Raises:
            MarkingError: When the row was altered behind the ledger's back.
        """
        return _read(self.digest, self.text)


class NeedToKnow(models.Model):
    """That an object was given to a need-to-know team. A projection.

    Attributes:
        object_id: The object.
        team: Id of the team.
        sequence: The entry that says so.
    """

    object_id = models.UUIDField(primary_key=True)
    team = models.CharField(max_length=64, db_index=True)
    sequence = models.BigIntegerField()

    def __str__(self) -> str:
        """The team."""
        return self.team


EVERY_ROW = models.Q(pk__isnull=False)
NO_ROW = models.Q(pk__isnull=True)


class MarkedModel(models.Model):
    """What everything with a marking has.

    `objects` gives rows on behalf of an actor only. `projected` is the raw manager, for project functions and
    use cases in service.py alone.

    Attributes:
        object_id: The object's UUID in the ledger.
        marking: Its marking.
        team: Id of the need-to-know team that it belongs to; empty for none.
        embargo_goes: Which rows have a marking that says no more of an embargo that is over. Of what a partner sent,
            and of what rests on that, it stays as the partner signed it.
        team_stays: Whether things of this model stay with their team when an embargo ends.
    """

    object_id = models.UUIDField(primary_key=True)
    marking = models.ForeignKey(StoredMarking, on_delete=models.PROTECT, related_name="+")
    team = models.CharField(max_length=64, default="", blank=True)

    embargo_goes: ClassVar[models.Q] = NO_ROW
    team_stays: ClassVar[bool] = False

    objects: ClassVar[Guarded[Self]] = Guarded()
    projected: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        """No table of its own."""

        abstract = True

    @classmethod
    def carriers(cls) -> "models.QuerySet[Any]":
        """Rows with a column ``marking`` in which each marking of this model's rows stands: their own by default.

        A model of millions of rows names fewer, so that it need not keep an index of its markings.
        """
        return cls.projected.all()

    @classmethod
    def under_embargo(cls, markings: Iterable[str]) -> "models.QuerySet[Self]":
        """The rows with one of some markings (their keys) that have an embargo.

        A model of millions of rows, which keeps no index of its markings, finds them by those under an embargo alone.
        """
        return cls.projected.filter(marking__in=list(markings))

    @classmethod
    def follow_marking(cls, object_id: UUID, sequence: int) -> None:
        """Bring what else repeats an object's marking and team after it, once its row has been marked anew.

        Args:
            object_id: The object.
            sequence: The entry that marks it.
        """


@lru_cache(maxsize=16_384)
def _read(digest: str, text: str) -> Marking:
    """The marking of a row, checked against its key."""
    if digest_of(text) != digest:
        raise MarkingError(f"The stored marking {digest} was altered. Run `hanse node fsck`.")
    return Marking.from_json(strict_json.loads(text.encode(), limit_bytes=_TEXT_LIMIT))


def digest_of(text: str) -> str:
    """Primary key of a marking's canonical JSON."""
    return sha256(text.encode()).hexdigest()


def stored(marking: Marking) -> StoredMarking:
    """The row of a marking, made if there is none; for project functions, and the same in every replay.

    In plain SQL: all that has a marking asks.
    """
    row = StoredMarking(digest=digest_of(marking.text), text=marking.text)
    with connections[database()].cursor() as cursor:
        cursor.execute(
            "INSERT INTO policy_storedmarking (digest, text) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [row.digest, row.text],
        )
    return row


def team_of(object_id: UUID) -> str:
    """Id of the team that an object was given to; empty for none. For project functions that make its rows anew.

    In plain SQL: nearly every entry that is projected asks.
    """
    connection = connections[database()]
    with connection.cursor() as cursor:
        asked = object_id if connection.features.has_native_uuid_field else object_id.hex
        cursor.execute("SELECT team FROM policy_needtoknow WHERE object_id = %s", [asked])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def give_to_nobody(object_id: UUID, sequence: int) -> None:
    """Let entries about an object be known to who oversees alone; for project functions.

    For what fewer see than a team: pages show it to them, and the ledger shows it to none of the others.

    Args:
        object_id: The object.
        sequence: The entry that says so.
    """
    give_to_team([object_id], NOBODY, sequence)


def give_to_team(objects: Collection[UUID], team: str, sequence: int) -> None:
    """Let entries about objects be known to a team, or to all where it is empty, whatever was before; for project functions.

    Args:
        objects: Such as the parts of what the team has.
        team: Its id.
        sequence: The entry that says so.
    """
    NeedToKnow.objects.filter(pk__in=list(objects)).delete()
    if team:
        NeedToKnow.objects.bulk_create(
            NeedToKnow(object_id=one, team=team, sequence=sequence) for one in objects
        )


def marked_models() -> list[type[MarkedModel]]:
    """The models of all rooms that carry a marking."""
    return [model for model in apps.get_models() if issubclass(model, MarkedModel)]


def drop_unused() -> int:
    """Delete the markings that nothing carries any more; how many.

    A replay never sees the marking of a purged body. So every purge calls this when all rooms have forgotten the
    object: from there on, live rows and replayed rows are the same.
    """
    question, told = _unused(database(), *marked_models())
    with connections[database()].cursor() as cursor:
        cursor.execute(f"DELETE FROM policy_storedmarking WHERE digest IN ({question})", told)  # noqa: S608 - text of Django's
        return int(cursor.rowcount)


@cache
def _unused(alias: str, *marked: type[MarkedModel]) -> tuple[str, tuple[Any, ...]]:
    """The question which markings nothing carries: over all models, it is put together once."""
    unused = StoredMarking.objects.using(alias)
    for model in marked:
        unused = unused.exclude(Exists(model.carriers().filter(marking=OuterRef("pk"))))
    question, told = unused.values("digest").query.get_compiler(alias).as_sql()
    return question, tuple(told)
