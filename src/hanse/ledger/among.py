"""Many ids as one parameter of a query: a placeholder each costs more than looking the rows up."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from django.db import connections
from django.db.models.expressions import RawSQL

from hanse.ledger.routing import database


def among(ids: Collection[UUID]) -> RawSQL:
    """What a UUID column may be one of, for the right-hand side of ``__in``."""
    if connections[database()].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::uuid[])", [f"{{{','.join(one.hex for one in ids)}}}"])
    return RawSQL("SELECT value FROM json_each(%s)", [_listed([one.hex for one in ids])])


def among_numbers(numbers: Collection[int]) -> RawSQL:
    """What a column of whole numbers may be one of, for the right-hand side of ``__in``."""
    if connections[database()].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(numbers)])
    return RawSQL("SELECT value FROM json_each(%s)", [_listed(list(numbers))])


def _listed(told: list[str] | list[int]) -> str:
    return msgspec.json.encode(told).decode()
