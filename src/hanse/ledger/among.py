"""Many ids as one parameter of a query: a placeholder each costs more than looking the rows up."""

import json
from collections.abc import Collection
from uuid import UUID

from django.db import connections
from django.db.models.expressions import RawSQL

from hanse.ledger.routing import database


def among(ids: Collection[UUID]) -> RawSQL:
    """What a UUID column may be one of, for the right-hand side of ``__in``."""
    if connections[database()].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::uuid[])", [f"{{{','.join(one.hex for one in ids)}}}"])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps([one.hex for one in ids])])


def among_numbers(numbers: Collection[int]) -> RawSQL:
    """What a column of whole numbers may be one of, for the right-hand side of ``__in``."""
    if connections[database()].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(numbers)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(numbers))])
