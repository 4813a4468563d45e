"""The only way to rows of marked things: through `may`.

A list asks `may` once for each marking in use and each way of standing to a team, then the database filters
with `IN`, so that SQL never repeats the rules. A test proves that a list equals judging each row.
"""

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connections, models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.lookups import In

from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking
from hanse.policy.decision import Decision, Subject, may

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=models.Model)


class UnguardedError(HanseError):
    """A part of the program reads marked things without saying on whose behalf."""


class NotVisibleError(HanseError):
    """There is no such thing, or the actor may not know that there is; the two are not told apart."""


def subject_of(row: Any) -> Subject:
    """A row that has a marking and a team, as policy is asked about it."""
    return Subject(type(row).__name__.lower(), row.marking.marking, row.team)


class Guarded(models.Manager[M]):
    """The manager `objects` of a model with `marking` and `team`; everything but its own methods raises."""

    def get_queryset(self) -> NoReturn:
        """Refuse: all(), filter(), get(), create() and relations come here.

        Raises:
            UnguardedError: Always.
        """
        raise UnguardedError(
            f"{self.model.__name__}.objects is guarded. Read with for_actor, few_for, get_for or judge; "
            "service.py writes through .projected."
        )

    def for_actor(
        self, actor: Actor, action: str, *, at_us: int | None = None, purpose: str | None = None
    ) -> "models.QuerySet[M]":
        """The rows with which an actor may do an action, as a query set to filter further.

        Args:
            actor: Who asks.
            action: Name of the action.
            at_us: Time of asking, microseconds UTC; now by default.
            purpose: What the actor says it is for; see `may`.

        Raises:
            UnknownActionError: When there is no such action.
        """
        rows = super().get_queryset()
        at = now_us() if at_us is None else at_us
        may(actor, action, now_us=at)  # an unknown action is an error even while there are no rows
        standing = _Standing(actor, action, self._kind(), at, purpose)
        groups: defaultdict[tuple[bool, bool, bool], list[str]] = defaultdict(list)
        for digest, marking in _used(self.model):
            groups[standing.judged(marking)].append(digest)
        allowed = Q(pk__in=())
        for judged, digests in groups.items():
            if any(judged):
                allowed |= Q(In(Unindexed(F("marking")), digests)) & standing.teams(judged)
        return rows.filter(allowed)

    def few_for(self, actor: Actor, action: str, *, at_us: int | None = None) -> list[tuple[M, Marking]]:
        """As `for_actor`, of a table that has few rows, in order of their keys, each with its marking.

        All are read, and each is judged: that is two statements which are written once, where for `for_actor` Django
        writes one anew for what the markings let through.

        Raises:
            UnknownActionError: When there is no such action.
        """
        at = now_us() if at_us is None else at_us
        may(actor, action, now_us=at)  # an unknown action is an error even while there are no rows
        rows = super().get_queryset()
        used, kind, found = dict(_used(self.model)), self._kind(), []
        for row in rows.raw(_every_row(self.model, rows.db)):
            marked: Any = row
            marking = (
                used.get(marked.marking_id) or marked.marking.marking
            )  # a row of just now has one of just now
            if may(actor, action, Subject(kind, marking, marked.team), now_us=at):
                found.append((row, marking))
        return found

    def get_for(
        self, actor: Actor, action: str, pk: object, *, at_us: int | None = None, purpose: str | None = None
    ) -> M:
        """The one row with a primary key.

        Raises:
            NotVisibleError: When there is none, or the actor may not do the action with it.
        """
        try:
            row = super().get_queryset().select_related("marking").filter(pk=pk).first()
        except (ValidationError, ValueError, TypeError):
            row = None  # no key of this model: no such row
        if row is None or not self.judge(actor, action, row, at_us=at_us, purpose=purpose):
            raise NotVisibleError(
                f"There is no such {self.model._meta.verbose_name}, or it is not for you to see."
            )
        return row

    def judge(
        self, actor: Actor, action: str, row: Any, *, at_us: int | None = None, purpose: str | None = None
    ) -> Decision:
        """Whether an actor may do an action with a row that is already at hand."""
        at = now_us() if at_us is None else at_us
        return may(actor, action, subject_of(row), now_us=at, purpose=purpose)

    def _kind(self) -> str:
        return self.model.__name__.lower()


def _used(model: Any) -> list[tuple[str, Marking]]:
    """The markings that rows of a model carry, each with its key."""
    stored = apps.get_model("policy", "StoredMarking")
    with connections[stored.objects.db].cursor() as cursor:
        cursor.execute(*_asked_of(model, stored, stored.objects.db))
        return [(digest, stored(digest, text).marking) for digest, text in cursor.fetchall()]


@lru_cache(maxsize=256)
def _asked_of(model: Any, stored: Any, using: str) -> tuple[str, tuple[Any, ...]]:
    """The statement that finds them, and its parameters: written once, for every page asks it several times."""
    used = stored.objects.filter(Exists(model.carriers().filter(marking=OuterRef("pk"))))
    used = used.values_list("digest", "text")
    statement, told = used.query.get_compiler(using=using).as_sql()
    return statement, tuple(told)


@lru_cache(maxsize=256)
def _every_row(model: Any, using: str) -> str:
    """The statement that reads a table in order of its keys."""
    rows = model.projected.order_by("pk").query
    return str(rows.get_compiler(using=using).as_sql()[0])


class Unindexed(Func):
    """A column as it is, by which SQLite is not to look rows up.

    Most rows have one of few markings. SQLite keeps no statistics, so it would take the index of markings for the
    best one of every query, read all rows by it and sort them, where the index of the order gives the first page.
    """

    arity = 1
    template = "%(expressions)s"

    def as_sqlite(self, compiler: "SQLCompiler", connection: "BaseDatabaseWrapper", **more: Any) -> Any:
        """With a plus sign, which changes nothing but that (https://www.sqlite.org/optoverview.html#uplus)."""
        return self.as_sql(compiler, connection, template="+%(expressions)s", **more)


class _Standing:
    """How an actor stands to the three sorts of teams: none, one of the actor's, and any other.

    `may` asks of a team only whether it is one and whether the actor is in it, so three questions answer for all.
    """

    def __init__(self, actor: Actor, action: str, kind: str, at_us: int, purpose: str | None) -> None:
        self._ask = actor, action, kind, at_us, purpose
        self._mine = sorted(actor.teams)
        self._other = "x" * (1 + max(map(len, self._mine), default=0))  # longer than each of the actor's

    def judged(self, marking: Marking) -> tuple[bool, bool, bool]:
        """Whether the actor may, with a thing of no team, of one of the actor's, of another."""
        actor, action, kind, at_us, purpose = self._ask
        none, mine, other = (
            may(actor, action, Subject(kind, marking, team), now_us=at_us, purpose=purpose).allowed
            for team in ("", self._mine[0] if self._mine else "", self._other)
        )
        return none, mine, other

    def teams(self, judged: tuple[bool, bool, bool]) -> Q:
        """The condition on `team` that `judged` amounts to."""
        none, mine, other = judged
        if other:
            return ~Q(team__in=([] if none else [""]) + ([] if mine else self._mine))
        return Q(team__in=([""] if none else []) + (self._mine if mine else []))
