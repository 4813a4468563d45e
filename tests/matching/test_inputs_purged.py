"""Purging selectors takes their text out of every run that had it, and nothing else: what went beside it can be done again."""

import pytest

from hanse.cases import working
from hanse.cases.choosing import parts_of
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.intel.values import Value
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry
from hanse.ledger.service import purge
from hanse.matching import commitment, offering, parts, psi, reopening, running
from hanse.matching.commitment import PurgedInput
from hanse.matching.models import Run, RunPart
from hanse.matching.secret import RunSecret
from tests.cases.made import opened
from tests.matching.cast import BOSS, PHONE, agree, compare, has
from tests.matching.partner import turn

pytestmark = pytest.mark.usefixtures("founded")


def texts(run) -> set[str]:
    """What is kept of a run in words."""
    return {one.text for one in parts.inputs(run) if isinstance(one, Value)}


def again(run, auditor) -> tuple[str, ...]:
    """What is found when it is done again."""
    return reopening.reopen(run, auditor, "As every year.")


@pytest.mark.parametrize("what", ["a selector", "one that had been taken out", "the whole case"])
def test_a_purge_leaves_no_selector_beside_the_cases_and_the_run_can_be_done_again(run, case, auditor, what):
    """Of what is purged there is left what was sent of it, and which entry had brought it: it was no guess."""
    made, kaja = case
    before, text = parts.inputs(run.pk), PHONE
    phone = Selector.objects.get(case=made, kind="phone").pk
    if what == "one that had been taken out":
        working.remove(made, phone, "An error.", kaja)
    purge([made, *parts_of(made)] if what == "the whole case" else [phone], kaja, "It was a victim's.")
    after = parts.inputs(run.pk)
    assert len(after) == len(before)
    gone = [one for one in after if isinstance(one, PurgedInput)]
    assert len(gone) == (len(before) if what == "the whole case" else 1)
    assert text not in texts(run.pk)
    [row] = RunPart.objects.filter(run=run.pk, name=parts.VALUES)
    assert text.encode() not in row.values
    assert again(run.pk, auditor) == ()


def test_a_purge_touches_no_run_that_had_nothing_of_it(run, case, auditor):
    """Neither what is kept of it, nor one that goes on."""
    _, kaja = case
    other, kaja = opened(kaja, "Another gang")
    late = working.add_selector(other, read("email", "late@else.example"), kaja)
    before = RunPart.objects.get(run=run.pk, name=parts.VALUES).pk
    going = running.ask("gb-ncas", kaja, "Again.")
    purge([late], kaja, "An error.")
    running.begin(Run.objects.get(pk=going))
    person = working.add_selector(other, read("phone", "+3725550000"), kaja)
    purge([person], kaja, "An error.")
    assert Run.objects.get(pk=going).state == "proposed"
    assert RunPart.objects.get(run=run.pk, name=parts.VALUES).pk == before
    assert again(run.pk, auditor) == ()


def test_a_run_that_goes_on_with_something_purged_ends(run, case, auditor):
    """On both sides, in words that say nothing of what was purged; it can be done again as far as it came."""
    made, kaja = case
    going = running.ask("gb-ncas", kaja, "Again.")
    running.begin(Run.objects.get(pk=going))
    purge([made, *parts_of(made)], kaja, "Over.")
    assert Run.objects.get(pk=going).state == "failed"
    with pytest.raises(running.ProtocolError, match="purged meanwhile"):
        parts.values(going)
    assert again(going, auditor) == ()


def test_what_another_case_brought_before_stays_by_that(run, case, auditor):
    """A case that got the value after the run is purged: the one before it still says why it was compared."""
    other, kaja = opened(case[1], "Another gang")
    second = working.add_selector(other, read("phone", PHONE), kaja)
    purge([second], kaja, "An error.")
    assert PHONE in texts(run.pk)
    assert again(run.pk, auditor) == ()


def test_a_guess_that_is_said_to_be_of_something_purged_is_found(
    officer, approver, case, gb, auditor, monkeypatch
):
    """Who alters what is kept, so that it looks like a purge, needs an entry that brought it and is gone."""
    made, kaja = case
    guess = Value("email", "guess@example.org")
    agree(officer, approver)
    has(gb, ("email", BOSS))
    honest = offering.values_of
    monkeypatch.setattr(running, "values_of", lambda some: sorted({*honest(some), guess}))
    row = compare(gb, kaja)
    said, secret = commitment.read(row.own.encode()), RunSecret(bytes.fromhex(row.secret))
    own = parts.inputs(row.pk)
    there = Selector.objects.get(case=made, kind="phone").sequence
    late = working.add_selector(made, read("email", "x@example.org"), kaja)
    for entry in (0, there, Selector.objects.get(pk=late).sequence, Entry.objects.count() + 5, 2**64 - 1):
        parts.replace_inputs(row.pk, commitment.without(own, {guess: entry}, said, secret))
        [words] = again(row.pk, auditor)
        assert "1 of its" in words
        assert "said to be of selectors that were purged since" in words
    assert psi.point_of(guess, said.protocol, said.epoch, secret) in parts.whole(row.pk, parts.POINTS)


def test_a_run_that_begins_while_something_is_purged_does_not_put_it_in(
    officer, approver, case, gb, monkeypatch
):
    """What it was to put in was read before: it begins at the next look, without it."""
    made, kaja = case
    agree(officer, approver)
    has(gb, ("email", BOSS))
    phone, offered = [Selector.objects.get(case=made, kind="phone").pk], running.values_of

    def slow(some):
        values = offered(some)
        while phone:
            purge([phone.pop()], kaja, "It was a victim's.")
        return values

    monkeypatch.setattr(running, "values_of", slow)
    going = running.ask("gb-ncas", kaja, "Again.")
    turn(gb)
    assert not RunPart.objects.filter(name=parts.VALUES).exists()
    assert Run.objects.get(pk=going).state == "wanted"
    turn(gb)
    assert Run.objects.get(pk=going).state == "proposed"
    assert PHONE not in texts(going)


def test_what_is_too_large_to_be_done_again_or_does_not_open_goes_whole(run, case, auditor, monkeypatch):
    """To look through it would keep the ledger locked for seconds, for nothing; and what was altered keeps no purge back."""
    made, kaja = case
    monkeypatch.setattr(commitment, "MOST_AGAIN", 1)
    late = working.add_selector(made, read("email", "late@else.example"), kaja)
    purge([late], kaja, "An error.")
    assert parts.inputs(run.pk) == ()
    with pytest.raises(UsageError, match="thirty days"):
        again(run.pk, auditor)
    parts.put_values(run.pk, (Value("phone", PHONE),))
    [sealed] = RunPart.objects.filter(run=run.pk, name=parts.VALUES).values_list("values", flat=True)
    RunPart.objects.create(run=made, name=parts.VALUES, place=0)
    RunPart.objects.filter(run=made).update(values=sealed)
    more = working.add_selector(made, read("email", "more@else.example"), kaja)
    purge([more], kaja, "An error.")
    assert not RunPart.objects.filter(name=parts.VALUES).exists()
