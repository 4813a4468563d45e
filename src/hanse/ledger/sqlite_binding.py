"""How Python's values reach SQLite: what needs no change is told so, for Python asks at length about each of them.

For every value of another type than int, float, str and bytearray, Python's `sqlite3` looks for an adapter, then for two
methods that none of these types has: a microsecond for each None, truth and bytes, a third of what an entry takes to
insert. An adapter that gives the value back is found at once.
"""

import sqlite3
from typing import Any


def _none() -> Any:
    """Gives None for None, and is no Python function, which would take longer to call than the value to bind."""
    nothing: dict[None, None] = {}
    return nothing.get


def bind_at_once() -> None:
    """Register the adapters, for all connections of this process; once more does no harm."""
    sqlite3.register_adapter(bool, bool.__int__)
    sqlite3.register_adapter(bytes, bytes.__bytes__)
    sqlite3.register_adapter(memoryview, memoryview)
    sqlite3.register_adapter(type(None), _none())
