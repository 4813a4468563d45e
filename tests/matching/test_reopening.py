"""An auditor does a run again: what was invented, left out or altered is found, and no selector is shown for it."""

from uuid import uuid4

import pytest
from django.db import connection

from hanse.cases import working
from hanse.cases.selector import read
from hanse.console.visible_entries import entry_for
from hanse.intel.values import Value
from hanse.kernel import sealing
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Body, Entry
from hanse.matching import offering, parts, reopening, running
from hanse.matching.models import Run, RunPart
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from tests.matching.cast import BOSS, agree, compare, finish, has
from tests.matching.partner import turn
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = pytest.mark.usefixtures("founded")


def test_an_honest_run_is_found_honest_also_when_the_case_went_on(run, case, auditor):
    """What was added or taken out since says nothing against it; that it was reopened stands in the ledger."""
    made, kaja = case
    working.add_selector(made, read("email", "late@example.org"), kaja)
    assert reopening.reopen(run.pk, auditor, "As every year.") == ()
    entry = Entry.objects.get(kind=reopening.REOPENED)
    assert entry.object_id == run.pk
    assert entry_for(auditor, "ledger.read_body", entry.pk) == entry
    with pytest.raises(
        NotVisibleError
    ):  # what was found names how many inputs there were, of all teams' cases
        entry_for(kaja, "ledger.read_body", entry.pk)


def test_inputs_that_stood_in_no_case_are_found(officer, approver, case, gb, auditor, monkeypatch):
    """Somebody lets the node put in guesses: they are counted, and not named."""
    agree(officer, approver)
    has(gb, ("email", BOSS))
    honest = offering.values_of
    monkeypatch.setattr(
        running, "values_of", lambda some: sorted({*honest(some), Value("email", "guess@example.org")})
    )
    row = compare(gb, case[1])
    [said] = reopening.reopen(row.pk, auditor, "As every year.")
    assert "1 of its" in said
    assert "invented" in said
    assert "guess" not in said


def test_tokens_that_were_altered_are_found(run, auditor):
    """An answer that is not what comes of the other side's points hides hits from it."""
    RunPart.objects.filter(run=run.pk, name=parts.TOKENS).update(data=bytes(16))
    said = reopening.reopen(run.pk, auditor, "As every year.")
    assert any("What was answered" in one for one in said)


def test_what_was_put_right_after_it_was_sent_is_found(run, auditor):
    """The ledger has the hash of what was sent: a wrong answer that is exchanged for the right one later is not it."""
    RunPart.objects.filter(run=run.pk, name=parts.theirs(parts.TOKENS)).update(data=bytes(16))
    [said] = reopening.reopen(run.pk, auditor, "As every year.")
    assert "altered since" in said
    Run.objects.update(other_transcript="0" * 64)
    assert any("gb-ncas says" in said for said in reopening.reopen(run.pk, auditor, "Again."))


@pytest.mark.parametrize("held", ["", "tokens", "digest", "points"])
def test_a_run_that_was_stopped_is_done_again_as_well(
    officer, approver, case, gb, auditor, monkeypatch, held
):
    """Who put in guesses and has the other side's tokens would only have to stop it; however far it came."""
    agree(officer, approver)
    has(gb, ("email", BOSS), holds={held, "tokens"} if held else set())
    honest = offering.values_of
    monkeypatch.setattr(
        running, "values_of", lambda some: sorted({*honest(some), Value("email", "guess@example.org")})
    )
    run = running.ask("gb-ncas", case[1], "Case 12/2026.")
    turn(gb)
    gb.takes_part()
    if held:
        turn(gb)
        gb.goes_on()
        turn(gb)
        with pytest.raises(UsageError, match="goes on"):
            reopening.reopen(run, auditor, "As every year.")
        running.stop(run, case[1], "I know enough.")
    else:
        finish(gb)
    [said] = reopening.reopen(run, auditor, "As every year.")
    assert "invented" in said


def test_a_run_in_which_nothing_was_put_in_is_not_done_again(officer, approver, case, gb, auditor):
    """There is nothing to look at."""
    agree(officer, approver)
    run = running.ask("gb-ncas", case[1], "Case 12/2026.")
    running.stop(run, case[1], "Too early.")
    with pytest.raises(UsageError, match="before anything was put in"):
        reopening.reopen(run, auditor, "As every year.")


def test_inputs_that_were_exchanged_later_are_found(run, auditor):
    """The commitment binds: what is kept beside it cannot be made to look honest."""
    parts.drop_values(run.pk)
    parts.put_values(run.pk, (Value("email", BOSS),))
    assert any("committed" in said for said in reopening.reopen(run.pk, auditor, "As every year."))


def test_an_altered_entry_keeps_no_run_from_being_done_again(run, auditor):
    """Else who put in guesses would have to alter one entry of any case to be found out in none."""
    [other] = Entry.objects.filter(kind="cases.selector_added").order_by("-sequence")[:1]
    Body.objects.filter(entry=other).update(data=b"altered")
    said = reopening.reopen(run.pk, auditor, "As every year.")
    assert any("1 of its" in one and "invented" in one for one in said)
    assert any("1 entry does not open" in one for one in said)


def test_only_who_oversees_reopens_and_says_why(run, case, auditor):
    """Neither the investigator nor an auditor without a reason."""
    with pytest.raises(RefusedError):
        reopening.reopen(run.pk, case[1], "Curious.")
    with pytest.raises(UsageError, match="Say why"):
        reopening.reopen(run.pk, auditor, " ")


def test_what_is_kept_of_a_run_is_sealed(run):
    """A backup of the database has no selector in clear."""
    [row] = RunPart.objects.filter(name=parts.VALUES)
    [closed] = RunPart.objects.filter(name=parts.VALUES).values_list("values", flat=True)
    assert BOSS.encode() in row.values
    assert BOSS.encode() not in bytes(row.data) + bytes(closed.data)
    with pytest.raises(sealing.SealingError):
        closed.open(uuid4())


@pytest.mark.urls("hanse.urls")
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_the_api_tells_all_that_is_found(run, auditor, client_as, wrong):
    """Two sentences are two, and no status with what is answered under it."""
    if wrong:
        RunPart.objects.filter(run=run.pk, name=parts.theirs(parts.TOKENS)).update(data=bytes(16))
    if wrong == 2:
        Run.objects.update(other_transcript="0" * 64)
    answer = client_as(auditor).post(
        f"/api/matching/runs/{run.pk}/reopen", {"why": "As every year."}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert len(answer.json()) == wrong


@pytest.mark.urls("hanse.urls")
def test_a_run_is_done_again_before_the_ledger_is_locked(run, auditor, client_as, monkeypatch):
    """Also where the request has a key: its answer is given again, and the run is not done a third time."""
    locked, again = [], reopening.commitment.reopened

    def noted(*some, **more):
        locked.append(bool(connection.savepoint_ids))
        return again(*some, **more)

    monkeypatch.setattr(reopening.commitment, "reopened", noted)
    for _ in range(2):
        answer = client_as(auditor).post(
            f"/api/matching/runs/{run.pk}/reopen", {"why": "As every year."}, content_type="application/json",
            headers={"Idempotency-Key": "one"},
        )  # fmt: skip
        assert (answer.status_code, answer.json()) == (200, [])
    assert locked == [False]
    assert Entry.objects.filter(kind=reopening.REOPENED).count() == 1
