"""Files that come by the API with an Idempotency-Key are read while everybody else can write."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from hanse.cases import selector_list
from hanse.constituency.registry import Registry
from hanse.intel import service as intel
from hanse.kernel.actors import Actor
from tests.cases.made import investigator, opened
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

REGISTRY = "prefix,organisation,sector,country\n192.0.2.0/24,Example Bank,banking,EE\n"


@pytest.mark.parametrize(
    ("where", "told", "reads"),
    [
        ("intelligence/imports", {"name": "list.csv", "content": "value\n8.8.8.8\n"}, (intel, "bring_in")),
        ("constituency/import", {"csv": REGISTRY, "apply": True}, (Registry, "load")),
        (
            "cases/{case}/selectors/list",
            {"csv": "kind,value\nemail,a@shop.example\n"},
            (selector_list, "rows"),
        ),
    ],
    ids=["intelligence", "constituency", "selectors"],
)
def test_a_file_is_read_before_anything_is_locked(
    where: str,
    told: dict[str, object],
    reads: tuple[Any, str],
    client_as: Callable[[Actor], ActingClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLite knows one writer at a time; sent twice, the file is read once."""
    case, kaja = opened(investigator("analyst"))
    locked, real = [], getattr(*reads)

    def read(*some: object, **more: object) -> object:
        locked.append(connection.in_atomic_block)
        return real(*some, **more)

    monkeypatch.setattr(*reads, read)
    client = client_as(replace(kaja, roles=kaja.roles | {"administrator"}))
    answers = [
        client.post(
            f"/api/{where.format(case=case)}",
            json.dumps(told),
            content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert locked == [False]
