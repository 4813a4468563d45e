"""Clients whose requests carry the actor that a test gives them, on URLs that the test gives."""

from collections.abc import Callable

import pytest

from hanse.kernel.actors import Actor
from hanse.web import frame
from tests.web.acting import MIDDLEWARE, ActingClient


@pytest.fixture
def client_as(settings, monkeypatch) -> Callable[..., ActingClient]:
    """Makes a client of an actor; None is nobody. The rooms above are not there: nothing of theirs waits."""
    monkeypatch.setattr(frame, "waiting", [])
    kept = [one for one in settings.MIDDLEWARE if "allauth" not in one and "hanse.accounts" not in one]
    settings.MIDDLEWARE = [*kept, MIDDLEWARE]

    def make(who: Actor | None, **more: object) -> ActingClient:
        return ActingClient(who, **more)

    return make
