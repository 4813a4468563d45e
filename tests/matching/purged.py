"""Purging a case by the clock and by two people, and whether the ledger is locked while points are worked out for it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from hanse.accounts import approvals
from hanse.cases.choosing import parts_of
from hanse.console import purging
from hanse.kernel.actors import Actor
from hanse.ledger.service import purge
from hanse.matching import group
from tests.accounts.people import acting, newcomer
from tests.web.acting import MIDDLEWARE, ActingClient

Purges = Callable[[UUID, Actor, Actor], None]


@pytest.fixture
def by_key(settings: Any) -> None:
    """Let who acts at the API be told by the test's client."""
    settings.ROOT_URLCONF = "hanse.urls"
    kept = [one for one in settings.MIDDLEWARE if "allauth" not in one and "hanse.accounts" not in one]
    settings.MIDDLEWARE = [*kept, MIDDLEWARE]


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the ledger was locked, of each point that is worked out."""
    found: list[bool] = []
    multiply = group.multiply

    def noted(scalar: bytes, points: bytes, *more: str) -> bytes:
        found.append(connection.in_atomic_block)
        return multiply(scalar, points, *more)

    monkeypatch.setattr(group, "multiply", noted)
    return found


def by_one(case: UUID, kaja: Actor, _approver: Actor) -> None:
    """Purge a case and its parts, as the clock does."""
    purge([case, *parts_of(case)], kaja, "Its retention is over.")


def _officer(kaja: Actor) -> Actor:
    """Who proposes it, of the same teams; policy asks the ledger for them when it is approved."""
    teams = tuple(map(UUID, kaja.teams))
    return acting(newcomer("officer", name="Ott Oja", teams=teams))


def by_two(case: UUID, kaja: Actor, approver: Actor) -> None:
    """Purge them as two people decide."""
    officer = _officer(kaja)
    approvals.approve(purging.propose_purge(case, "It is over.", officer), approver)


def by_two_with_key(case: UUID, kaja: Actor, approver: Actor) -> None:
    """Purge them as two people decide, the second by a request that may be sent twice and happens once."""
    officer = _officer(kaja)
    proposal = purging.propose_purge(case, "It is over.", officer)
    client, address = ActingClient(approver), f"/api/people/approvals/{proposal}/approve"
    first, second = (client.post(address, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert second["Idempotency-Replayed"] == "true"
