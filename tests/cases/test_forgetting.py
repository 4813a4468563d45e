"""What a purge costs that has nothing to do with cases: every kind of entry is told of every purge."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.cases.projecting import PARTS
from hanse.ledger.kinds import all_kinds


@pytest.mark.django_db
def test_a_purge_asks_the_tables_of_cases_once() -> None:
    """Of each purged object each table of a case's parts is asked once, however many kinds have parts in them."""
    with CaptureQueriesContext(connection) as told:
        one = uuid4()
        for kind in all_kinds():
            kind.forget(one)
    asked = [query["sql"] for query in told.captured_queries if query["sql"].startswith("DELETE")]
    for rows in PARTS:
        assert sum(f'"{rows.model._meta.db_table}"' in sql for sql in asked) == 1, rows.model
