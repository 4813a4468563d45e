"""Whatever a program sends to the node's API, the answer is as described, and never a failure of the node."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as budget
from ninja import Schema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hanse.accounts import contents
from hanse.attacks.models import Attack
from hanse.cases.models import CasePerson, Task
from hanse.console.api import api
from hanse.kernel.actors import Actor
from hanse.ledger.writing import append
from hanse.policy.actions import ACTIONS
from hanse.recording import record
from hanse.web import jobs
from tests.cases.made import filled, investigator
from tests.node.made import earliest

pytestmark = [pytest.mark.django_db(transaction=True)]

TEAM = UUID(int=7)

WHO = Actor(
    "token",
    "m",
    "Mari's",
    "ee-cert",
    roles=frozenset({"analyst", "administrator", "investigator"}),
    teams=frozenset({TEAM.hex}),
    scopes=frozenset(ACTIONS),
)  # a token, which needs no CSRF token

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def operations(client_as: Callable[..., object], settings: object) -> tuple[object, dict[str, str]]:
    """The schema as the node serves it, and addresses of things that are there."""
    client_as(WHO)
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "csrf" not in one.lower()]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    campaign = record(earliest(12), WHO).campaigns[0]
    job = jobs.start("analyse", "a capture", {"paths": ["none"]}, WHO)
    kaja = investigator(teams=(TEAM,))
    append("accounts.team_made", contents.TeamMade("North"), actor=kaja, object_id=TEAM)
    case, kaja = filled(replace(kaja, teams=frozenset({TEAM.hex})), TEAM)
    real = {
        "case_id": str(case),
        "person_id": str(CasePerson.objects.get().pk),
        "task_id": str(Task.objects.get().pk),
        "attack_id": str(Attack.projected.earliest("start_us").pk),
        "campaign_id": str(campaign),
        "job_id": str(job.pk),
        "sequence": "3",
    }
    handler = WSGIHandler()

    def application(environ: dict[str, object], start: object) -> object:
        return handler({**environ, "hanse.actor": WHO}, start)

    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    # Who asks is told above, and nothing here reads what else would say it; made up, it would make of each operation
    # one that can be asked in many ways.
    schema.config.generation.with_security_parameters = False
    return schema, real


@pytest.mark.long
def test_few_requests_of_each(operations: tuple[object, dict[str, str]]) -> None:
    """No operation fails, and each answer has the shape that is described: the first requests that come to mind.

    The same ones are asked on every database, so that of the second one fewer say what is its own.
    """
    _try_all(operations, 4 if connection.vendor == "sqlite" else 2)


@pytest.mark.soak
def test_many_requests_of_each(operations: tuple[object, dict[str, str]]) -> None:
    """The same with a hundred requests of each operation."""
    _try_all(operations, 100)


def test_every_operation_is_described() -> None:
    """Each operation has an id that reads as a name, and a sentence; that it is guarded is proven over all routes."""
    told = api.get_openapi_schema()["paths"]
    for path, methods in told.items():
        for method, one in methods.items():
            assert one["operationId"].count("_") <= 4, (method, path)
            assert "hanse" not in one["operationId"], (method, path)
            assert one.get("summary"), (method, path)


def test_no_two_schemas_have_one_name() -> None:
    """Two schemas of one name would be described as one, and one of them wrongly."""
    found: dict[str, set[str]] = {}
    waiting = [Schema]
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if one.__module__.startswith("hanse.") and "[" not in one.__name__:
            found.setdefault(one.__name__, set()).add(one.__module__)
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}


def _try_all(told: tuple[object, dict[str, str]], number: int) -> None:
    schema, real = told
    seen = 0
    for found in schema.get_all_operations():
        _try(found.ok(), real, number)
        seen += 1
    assert seen > 60


def _try(operation: object, real: dict[str, str], number: int) -> None:
    """Some requests of one operation, on things that are there wherever the address names one.

    One that can be asked in one way alone is asked once: the same request again would prove nothing more.
    """
    asked = (*operation.query, *operation.headers, *operation.cookies, *operation.body)
    one_way = not asked and all(one.name in real for one in operation.path_parameters)

    @budget(
        max_examples=1 if one_way else number, suppress_health_check=list(HealthCheck), database=None,
        derandomize=True, phases=[Phase.generate],
    )  # fmt: skip
    @given(operation.as_strategy())
    def attempt(case: object) -> None:
        named = case.path_parameters or {}
        case.path_parameters = {name: real.get(name, value) for name, value in named.items()}
        case.query = {**(case.query or {}), "why": "The law asks"}
        case.call_and_validate(checks=CHECKS)

    attempt()
