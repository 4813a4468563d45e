"""What somebody put into the queue is done with what they may do when it begins."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from hanse.accounts import contents
from hanse.accounts.projections import grant_id
from hanse.accounts.who import still
from hanse.kernel.actors import system
from hanse.ledger.writing import append
from hanse.web import jobs
from hanse.web.models import Job, State
from tests.accounts.people import NODE, acting, newcomer

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """For whom the job of these tests was done."""
    found: list[object] = []
    monkeypatch.setattr(jobs, "_kinds", {})
    jobs.handles("test.work", "telemetry.import")(lambda _params, _progress, who: found.append(who) or "/")
    return found


def done(job: Job) -> Job:
    """The job, once the worker has done it."""
    jobs.run.call(str(job.pk))
    job.refresh_from_db()
    return job


def test_a_role_or_a_team_that_was_taken_meanwhile_counts_no_more(seen: list[object]) -> None:
    """Between queueing and doing, rights can only shrink: those gained meanwhile, and those lost, are not there."""
    team = uuid4()
    mari = newcomer("analyst", "investigator", teams=(team,))
    queued = acting(mari)
    job = jobs.start("test.work", "t", {}, queued)
    append("accounts.role_revoked", contents.RoleRevoked(mari.hex, "investigator"), actor=NODE,
           object_id=grant_id(mari, "investigator"))  # fmt: skip
    append("accounts.role_granted", contents.RoleGranted(mari.hex, "officer"), actor=NODE,
           object_id=grant_id(mari, "officer"))  # fmt: skip
    assert done(job).state == State.DONE
    assert seen == [replace(queued, roles=frozenset({"analyst"}))]


def test_nothing_is_done_for_whoever_has_left(seen: list[object]) -> None:
    """The job of a person who was deactivated fails in words, and does nothing."""
    mari = newcomer("analyst")
    job = jobs.start("test.work", "t", {}, acting(mari))
    append("accounts.deactivated", contents.Deactivated(), actor=NODE, object_id=mari, reason="Left.")
    assert done(job).state == State.FAILED
    assert "not active here any more" in job.error
    assert seen == []


def test_the_node_itself_stays_what_it_is() -> None:
    """What no person does, such as a watched folder's work, needs no person."""
    node = system("watching", "ee-cert", "EE")
    assert still(node) == node
    assert UUID(acting(newcomer("analyst")).id)
