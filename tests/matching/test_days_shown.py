"""Days of standing matching on the page, in the API and in the shell, and doing one again as a job."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from hanse.accounts import tokens
from hanse.cases import working
from hanse.cases.selector import read
from hanse.kernel.clock import now_us
from hanse.matching import commands, reopening_days, standing_days
from hanse.matching.epochs import day, over_us
from hanse.matching.standing_chain import Chain
from hanse.matching.standing_contents import DayOver
from hanse.matching.standing_models import StandingDay, StandingTurn
from hanse.policy.asking import RefusedError
from hanse.web import jobs
from hanse.web.models import Job, State
from tests.accounts.people import acting, newcomer
from tests.matching.asker import gb, turn
from tests.matching.test_commands import NODE, OverTheLine
from tests.matching.test_pages import text_of
from tests.matching.test_standing_turns import _slots, _small, due, on
from tests.web.conftest import client_as

__all__ = ["_slots", "_small", "client_as", "gb", "on"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

HONEST = "It was honest"


@pytest.fixture
def over(on, case):
    """A day that is over, with something new in it; its date."""
    made, kaja = case
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    due(on)
    epoch = day(now_us())
    assert standing_days.put_on_record(over_us(epoch), {"gb-ncas"}) == 1
    return epoch


def done() -> Job:
    """The job, as the worker does it."""
    job = Job.objects.latest("created_us")
    jobs.run.call(str(job.pk))
    job.refresh_from_db()
    return job


def test_an_auditor_does_a_day_again_from_the_page(client_as, over, auditor):
    """As a job; what was found stands beside the day, and no selector."""
    client = client_as(auditor)
    page = client.get("/matches/").content.decode()
    assert f"/matches/reopen-day/gb-ncas/{over}/" in page
    assert HONEST not in page
    assert "compared with the cases" in text_of(client.get(f"/matches/reopen-day/gb-ncas/{over}/"))
    answer = client.post(f"/matches/reopen-day/gb-ncas/{over}/", {"reason": "As every year."})
    job = done()
    assert (job.state, job.result) == (State.DONE, "/matches/#days"), job.error
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert HONEST in text_of(client.get("/matches/"))
    StandingTurn.objects.filter(number=1).delete()
    client.post(f"/matches/reopen-day/gb-ncas/{over}/", {"reason": "Again."})
    assert done().state == State.DONE
    page = text_of(client.get("/matches/"))
    assert "1 of its 2 turns are missing" in page
    assert HONEST not in page
    assert "shop.example" not in page


def test_a_day_that_cannot_be_done_again_says_why(client_as, over, auditor):
    """On the page where it is begun."""
    page = text_of(
        client_as(auditor).post("/matches/reopen-day/gb-ncas/2020-01-01/", {"reason": "As every year."})
    )
    assert "There is no such day of standing matching" in page
    assert not Job.objects.exists()


def test_who_works_on_cases_sees_days_and_neither_does_them_again_nor_sees_what_was_found(
    client_as, over, case, auditor
):
    """What was found has numbers of all teams' cases."""
    StandingTurn.objects.filter(number=1).delete()
    reopening_days.reopen_standing("gb-ncas", over, auditor, "As every year.")
    client = client_as(case[1])
    client.get("/matches/", {"why": "Case work"}, follow=True)
    page = client.get("/matches/").content.decode()
    assert "Days of standing matching" in page
    assert "reopen-day" not in page
    assert "missing" not in page
    assert client.get(f"/matches/reopen-day/gb-ncas/{over}/").status_code == 403
    [told] = client.get("/api/matching/standing-days", headers={"X-Reason": "Case work"}).json()
    assert (told["found"], told["sent"]) == (None, 2)
    [told] = client_as(auditor).get("/api/matching/standing-days").json()
    assert "missing" in told["found"][0]


def test_the_api_has_a_day_done_again_and_says_what_was_found(client_as, over, on, auditor):
    """And that the partner says otherwise."""
    client = client_as(auditor)
    post = {"content_type": "application/json"}
    address = f"/api/matching/standing-days/gb-ncas/{over}/reopen"
    answer = client.post(address, {"why": "As every year."}, **post)
    assert (answer.status_code, answer.json()["job"]) == (202, str(done().pk))
    [told] = client.get("/api/matching/standing-days").json()
    head = StandingDay.objects.get().own["head"]
    assert (told["partner"], told["day"], told["sent"], told["answered"]) == ("gb-ncas", over, 2, 1)
    assert (told["head"], told["differs"], told["again"], told["found"]) == (head, False, True, [])
    assert client.post(address.replace(over, "2020-01-01"), {"why": "Old."}, **post).status_code == 400
    on.entry(standing_days.DAY, DayOver(partner="ee-cert", epoch=over, own=Chain(), other=Chain()))
    turn(on)
    [told] = client.get("/api/matching/standing-days").json()
    assert told["differs"]
    assert "something else was sent" in text_of(client.get("/matches/"))


def test_a_job_does_nothing_for_who_may_no_more(over, auditor):
    """The passkey was proved when it was begun; the role has to be there still."""
    job = reopening_days.begin("gb-ncas", over, auditor, "As every year.")
    told = []
    progress = type("Quiet", (), {"step": lambda _, __: None, "at": lambda _, *some: told.append(some)})()
    late = replace(auditor, stepped_up_us=None)
    assert reopening_days.follow(job.params, progress, late) == "/matches/#days"
    assert told == [(0, 2), (1, 2)]
    with pytest.raises(RefusedError):
        reopening_days.follow(job.params, progress, replace(late, roles=frozenset({"investigator"})))


def test_the_shell_lists_days(over, auditor, monkeypatch, tmp_path):
    """What each side sent, and what came of doing it again; doing it again takes a passkey, which no token has."""
    monkeypatch.setattr(commands, "Client", OverTheLine)
    token = tmp_path / "token"
    both = replace(acting(newcomer("auditor", "analyst", name="Aino")), stepped_up_us=now_us())
    token.write_text(tokens.make("shell", ["matching.oversee"], 1, both))

    def days() -> str:
        given = ["--node", NODE, "--token-file", str(token), "days"]
        told = CliRunner(env={"COLUMNS": "200"}).invoke(commands.match, given)
        assert told.exit_code == 0, told.exception
        return told.output

    assert "not yet" in days()
    reopening_days.reopen_standing("gb-ncas", over, auditor, "As every year.")
    assert over in days()
    assert "it was honest" in days()
    StandingTurn.objects.filter(number=1).delete()
    reopening_days.reopen_standing("gb-ncas", over, auditor, "Again.")
    assert "turns are missing" in days()
    StandingDay.objects.all().delete()
    assert "No day of standing matching is over yet." in days()
