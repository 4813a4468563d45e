"""Which database the ledger and its projections are in: the node's own, or a shadow in which they are replayed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import models

_alias: ContextVar[str] = ContextVar("hanse_database", default="default")

SHADOW = "shadow"
"""The alias of the database in which a replay is compared with the live tables."""


def database() -> str:
    """Alias of the database that this context works on."""
    return _alias.get()


@contextmanager
def working_on(alias: str) -> Iterator[None]:
    """Send all queries of this context to another database."""
    token = _alias.set(alias)
    try:
        yield
    finally:
        _alias.reset(token)


class Router:
    """Sends every query to the database of the context."""

    def db_for_read(self, _model: type[models.Model], **_: object) -> str:
        """The context's database."""
        return database()

    def db_for_write(self, _model: type[models.Model], **_: object) -> str:
        """The context's database."""
        return database()

    def allow_relation(self, _first: models.Model, _second: models.Model, **_: object) -> bool:
        """Rows of one context belong together."""
        return True
