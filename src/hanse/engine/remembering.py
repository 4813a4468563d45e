"""Expressions that are built once: Ibis takes as long to build one as DuckDB takes to run it over few flows."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import ibis.expr.types as ir

from hanse.engine.engine import DuckDBEngine, SparkEngine

_MOST = 64
"""Expressions that are remembered of each function: a detection asks for a handful, of tables of the same names each time."""

_P = ParamSpec("_P")
_Built = TypeVar("_Built", bound=ir.Expr)


def remembered(build: Callable[_P, _Built]) -> Callable[_P, _Built]:
    """A function that builds an expression of tables, columns, engines and numbers, and runs nothing: the same of the same.

    Tables are the same when their names and columns are, whatever rows they hold by then; engines when they are of one
    kind, as an expression says nothing of where it will run.
    """
    known: dict[object, _Built] = {}

    @wraps(build)
    def built(*args: _P.args, **kwargs: _P.kwargs) -> _Built:
        asked = (*map(_name, args), *((name, _name(value)) for name, value in kwargs.items()))
        found = known.get(asked)
        if found is None:
            if len(known) >= _MOST:
                known.clear()
            known[asked] = found = build(*args, **kwargs)
        return found

    return built


def _name(value: object) -> object:
    """What stands for an argument."""
    if isinstance(value, ir.Expr):
        return value.op()
    return value.name if isinstance(value, DuckDBEngine | SparkEngine) else value
