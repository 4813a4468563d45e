"""The flows behind an attack leave as flows do: by their own action, and by the markings of the files they lie in."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from hanse import jobs_wiring
from hanse.attacks.models import Attack
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Pap
from hanse.policy import service as policy
from hanse.policy.actions import ACTIONS
from hanse.telemetry import service as telemetry
from hanse.telemetry.models import Partition
from tests.conftest import AUTHORITY
from tests.node.test_jobs_wiring import Told, flood
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

Clients = Callable[..., ActingClient]


@pytest.fixture
def mari(actor: Callable[..., Actor], node_home: Path) -> Iterator[Actor]:
    """An analyst who brought in the flows of an attack."""
    who, inbox = actor("analyst"), jobs_wiring.inbox()
    inbox.mkdir(parents=True, exist_ok=True)
    jobs_wiring.analyse({"paths": [flood(inbox)]}, Told(), who)
    yield who
    rmtree(inbox)
    rmtree(telemetry.flows_folder(), ignore_errors=True)


def lines(client: ActingClient) -> int:
    """Flows in the file of those behind the attack."""
    answer = client.get(f"/attacks/{Attack.projected.get().pk}/flows/?as=csv")
    assert answer.status_code == 200
    return len(b"".join(answer.streaming_content).decode().splitlines()) - 1


def test_flows_that_may_not_leave_are_in_no_file_of_an_attack(mari: Actor, client_as: Clients) -> None:
    """Files of flows kept inside the node by their marking are looked at on the attack's page, and not in its file."""
    client = client_as(mari)
    assert lines(client) > 0
    inside = replace(Marking.own(AUTHORITY), pap=Pap.RED)
    for row in Partition.projected.all():
        policy.mark(row.pk, inside, "", mari, "Nothing of it is to leave.")
    shown = client.get(f"/attacks/{Attack.projected.get().pk}/flows/")
    assert shown.context["total"] > 0
    assert lines(client) == 0


def test_a_token_for_attacks_takes_no_flows_out(mari: Actor, client_as: Clients) -> None:
    """What may export attacks and look at flows may not export flows by that."""
    where = f"/attacks/{Attack.projected.get().pk}/flows/?as=csv"
    for without, status in (("telemetry.export", 403), ("settings.view", 200)):
        scopes = frozenset(ACTIONS) - {without}
        token = replace(mari, kind="token", token="t", scopes=scopes)
        assert client_as(token).get(where).status_code == status
