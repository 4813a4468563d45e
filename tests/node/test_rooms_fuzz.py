"""Whatever a program sends to these rooms' API, the answer is as described, and never a failure of the node."""

from collections.abc import Callable

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hanse.attacks.models import Attack
from hanse.kernel.actors import Actor
from hanse.policy.actions import ACTIONS
from hanse.recording import record
from tests.node import test_rooms_api
from tests.node.made import estonian

urlpatterns = test_rooms_api.urlpatterns
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True), pytest.mark.soak]

WHO = Actor(
    "token", "m", "Mari's", "ee-cert", roles=frozenset({"analyst"}), scopes=frozenset(ACTIONS)
)  # a token, which needs no CSRF token


CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def test_any_request(client_as: Callable[..., object], settings: object) -> None:
    """No request makes the node fail, and each answer has the shape that is described."""
    client_as(WHO)
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "csrf" not in one.lower()]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    campaign = record(estonian(), WHO).campaigns[0]
    real = {"attack_id": str(Attack.projected.earliest("start_us").pk), "campaign_id": str(campaign)}
    handler = WSGIHandler()

    def application(environ: dict[str, object], start: object) -> object:
        request = {**environ, "hanse.actor": WHO}
        return handler(request, start)

    for found in schemathesis.openapi.from_wsgi("/api/openapi.json", application).get_all_operations():
        _try(found.ok(), real)


def _try(operation: object, real: dict[str, str]) -> None:
    """Twenty requests of one operation, on things that are there wherever the address names one."""

    @budget(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def attempt(case: object) -> None:
        named = case.path_parameters or {}
        case.path_parameters = {name: real.get(name, value) for name, value in named.items()}
        case.call_and_validate(checks=CHECKS)

    attempt()
