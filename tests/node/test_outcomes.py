"""The page of a job that is done says what came of it, as far as its reader may see that, and leads there."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hanse import jobs_wiring
from hanse.attacks.models import Attack
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.policy import service as policy
from hanse.web import jobs
from hanse.web.models import Job, State
from hanse.web.uploads import inbox_folder
from tests.attacks.build import icmp_flood, write
from tests.node.test_jobs_wiring import flood, inbox
from tests.web.acting import ActingClient

__all__ = ["inbox"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]


def done(kind: str, params: dict[str, object], actor: Actor) -> Job:
    """A job that the worker has done."""
    jobs_wiring.register()
    job = jobs.start(kind, "Work", params, actor)
    jobs.run.call(str(job.pk))
    job.refresh_from_db()
    assert job.state == State.DONE, job.error
    return job


def said(client: ActingClient, job: Job) -> str:
    """What the job's page says, with thin spaces as plain ones."""
    found = re.search(
        r'<section id="job".*?</section>', client.get(f"/jobs/{job.pk}/").getvalue().decode(), re.DOTALL
    )
    assert found is not None
    return found[0].replace("\u2009", " ")


def test_an_analysis_says_how_many_attacks_it_found(
    actor: People, inbox: Path, client_as: Callable[..., ActingClient]
) -> None:
    """In how many flows, and nothing of an attack that its reader may not see any more."""
    mari = actor("analyst")
    job = done("analyse", {"paths": [flood(inbox)]}, mari)
    page = said(client_as(mari), job)
    assert re.search(r"1 attack was found in [1-9][ \d]* flows\.", page)
    assert f'href="{job.result}"' in page
    row = Attack.projected.get()
    hidden = replace(row.marking.marking, tlp=Tlp.RED)
    policy.mark(row.pk, hidden, "alpha", replace(mari, teams=frozenset({"alpha"})), "It is about an officer.")
    assert "1 attack" not in said(client_as(mari), job)


def test_an_analysis_that_found_nothing_says_so(
    actor: People, inbox: Path, client_as: Callable[..., ActingClient]
) -> None:
    """Nobody has to open an empty list to learn it."""
    mari = actor("analyst")
    name = Path(write(inbox, icmp_flood(600.0, 400.0, pps=1))[0]).name
    job = done("analyse", {"paths": [name]}, mari)
    page = said(client_as(mari), job)
    assert re.search(r"No attack was found in [1-9][ \d]* flows\.", page)
    assert 'href="/flows/inputs/"' in page


def test_an_import_says_how_many_items_came_in(actor: People, client_as: Callable[..., ActingClient]) -> None:
    """And the second time, that they were known already."""
    mari = actor("analyst")
    for words in ("Items: 2 new.", "Items: 2 known already."):
        file = inbox_folder() / "list.csv"
        file.write_text("value\nbad.example.org\n81.0.0.7\n")
        params = {"path": file.name, "name": "list.csv", "marking": Marking.own(mari.authority).as_json()}
        page = said(client_as(mari), done("bring-in", params, mari))
        assert words in page
        assert ("/intelligence/?batch=" in page) is ("new" in words)


def test_a_job_that_failed_says_nothing_of_an_outcome(
    actor: People, client_as: Callable[..., ActingClient]
) -> None:
    """Why it failed is said instead."""
    mari = actor("analyst")
    jobs_wiring.register()
    job = jobs.start("analyse", "Work", {"paths": ["gone.csv"]}, mari)
    jobs.run.call(str(job.pk))
    page = said(client_as(mari), job)
    assert 'class="error"' in page
    assert 'class="came"' not in page
