"""An auditor does a day of standing matching again: what was invented, altered or left out is found, and none is shown."""

from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest

from hanse.cases import working
from hanse.cases.choosing import parts_of
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger import retention
from hanse.ledger.check import check
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.matching import (
    offering,
    reopening,
    reopening_days,
    showing,
    standing,
    standing_days,
    standing_on,
    turning,
)
from hanse.matching.agreeing import agreement_with
from hanse.matching.epochs import day, kept_us, over_us
from hanse.matching.group import POINT
from hanse.matching.publishing import name_of
from hanse.matching.standing_chain import Chain, sent_digest
from hanse.matching.standing_contents import DayOver
from hanse.matching.standing_models import Mask, OwnTurns, StandingDay, StandingTurn, TheirTurns
from hanse.policy.asking import RefusedError
from tests.cases.made import opened
from tests.matching.asker import gb, turn
from tests.matching.cast import PHONE, fresh
from tests.matching.test_standing_turns import _slots, _small, both, due, on

__all__ = ["_slots", "_small", "gb", "on"]

pytestmark = pytest.mark.usefixtures("founded")

WHY = "As every year."
LATE = "late@shop.example"


@pytest.fixture
def lived(on, case):
    """A day with an opening, a turn with something new, and one without."""
    made, kaja = case
    working.add_selector(made, read("email", LATE), kaja)
    due(on)
    due(on)
    return on


def over() -> StandingDay:
    """Let the day be over, and put on record."""
    assert standing_days.put_on_record(over_us(day(now_us())), {"gb-ncas"}) == 1
    return StandingDay.objects.get(theirs=False)


def again(auditor) -> tuple[str, ...]:
    """What is found when it is done again."""
    return reopening_days.reopen_standing("gb-ncas", day(now_us()), auditor, WHY)


def guesses(monkeypatch, *texts: str) -> None:
    """Let somebody have the node put in what stands in no case."""
    honest = offering.values_of
    more = {Value("email", one) for one in texts}
    monkeypatch.setattr(turning, "values_of", lambda some: sorted({*honest(some), *more}))


def test_an_honest_day_is_found_honest_also_when_cases_went_on(lived, case, auditor):
    """What was added or taken out since says nothing against it; that it was done again stands in the ledger."""
    made, kaja = case
    day_ = over()
    assert (day_.own["number"], day_.other["number"]) == (3, 1)
    working.add_selector(made, read("email", "later@shop.example"), kaja)
    working.remove(made, Selector.objects.get(case=made, kind="phone").pk, "An error.", kaja)
    assert again(auditor) == ()
    entry = Entry.objects.get(kind=reopening.REOPENED)
    assert entry.object_id == day_.pk
    row = StandingDay.objects.get(theirs=False)
    assert (row.found, row.reopened_us) == ([], entry.time_us)
    before = list(StandingDay.objects.values())
    rebuild()
    assert list(StandingDay.objects.values()) == before
    assert again(auditor) == ()
    assert list(check()) == []


def test_what_is_kept_of_a_turn_holds_no_text(lived):
    """Selectors are known by keyed hashes, sealed; of a quiet turn nothing but hashes of what was sent is there."""
    rows = StandingTurn.objects.order_by("number")
    offered = {name_of(one) for one in offering.values_of(offering.offered(agreement_with("gb-ncas")))}
    late = name_of(Value("email", LATE))
    assert [set(standing_days.went_of(row)) for row in rows] == [offered - {late}, {late}, set()]
    assert rows[2].names is None
    assert all(bytes(row.answer) for row in rows)


@pytest.mark.parametrize("when", ["opening", "later"])
def test_inputs_that_stood_in_no_case_are_found(gb, case, officer, auditor, monkeypatch, when):
    """In the opening or in a turn: they are counted, and not named."""
    if when == "opening":
        guesses(monkeypatch, "guess@example.org")
    both(gb, officer)
    guesses(monkeypatch, "guess@example.org")
    due(gb)
    over()
    [said] = again(auditor)
    assert (
        f"1 inputs stood in no case before their turn was made: they were invented; the first in turn {when == 'later':d}."
        in said
    )
    assert "guess" not in said


def test_a_guess_that_is_written_into_a_case_afterwards_is_found(on, case, auditor, monkeypatch):
    """Who learnt that the partner has it would only have to note it then: it stood in no case when it was sent."""
    made, kaja = case
    guesses(monkeypatch, "guess@example.org")
    due(on)
    working.add_selector(made, read("email", "guess@example.org"), kaja)
    over()
    [said] = again(auditor)
    assert "invented" in said


def test_a_guess_that_is_kept_as_a_decoy_or_as_another_selector_is_found(on, auditor, monkeypatch):
    """What is said to have gone must be what comes out of the secret."""
    guesses(monkeypatch, "guess@example.org")
    keep = standing_days.keep
    monkeypatch.setattr(standing_days, "keep", lambda row, _went: keep(row, ()))
    due(on)
    monkeypatch.setattr(
        standing_days, "keep", lambda row, _went: keep(row, (name_of(Value("phone", PHONE)),))
    )
    guesses(monkeypatch, "other@example.org")
    due(on)
    over()
    [said] = again(auditor)
    assert "2 turns are not what comes of the secret" in said
    assert "the first in turn 1." in said


def test_decoys_of_ones_own_choice_are_found(on, auditor, monkeypatch):
    """Nothing can be sent in their place."""
    honest = standing.sent
    monkeypatch.setattr(
        standing, "sent", lambda turn_, secret, epoch: honest(replace(turn_, number=99), secret, epoch)
    )
    due(on)
    over()
    [said] = again(auditor)
    assert "1 turns are not what comes of the secret" in said


@pytest.mark.parametrize("column", ["points", "taken", "answer", "slot", "head"])
def test_a_row_that_was_altered_is_found(lived, auditor, column):
    """The ledger has the hash of them all, and of when each was made."""
    over()
    row = StandingTurn.objects.get(number=1)
    value = getattr(row, column)
    setattr(row, column, value + 1 if isinstance(value, int) else sha256(bytes(value)).digest())
    row.save()
    assert any("altered since" in one for one in again(auditor))


def test_a_turn_that_is_missing_is_found(lived, auditor):
    """Between others, and at the end."""
    over()
    [gone] = StandingTurn.objects.filter(number=1)
    gone.delete()
    assert any("1 of its 3 turns are missing; the first is number 1." in one for one in again(auditor))
    gone.save()
    StandingTurn.objects.filter(number=2).delete()
    assert any("1 of its 3 turns are missing; the first is number 2." in one for one in again(auditor))


def test_an_unanswered_turn_is_done_again_as_well(on, auditor, monkeypatch):
    """The partner may have got it: what went stood in a case, or is found."""
    on.away = {"standing-turn"}
    guesses(monkeypatch, "guess@example.org")
    due(on)
    assert over().own["number"] == 1
    assert "invented" in again(auditor)[0]
    StandingTurn.objects.filter(number=1).delete()
    assert "altered since" in again(auditor)[0]


def test_both_sides_make_the_same_chain_and_tell_each_other(lived, auditor):
    """The partner's word is held to what stands on record here, whichever of the two altered something."""
    mine, theirs = Chain(), Chain()
    for sent in [sent for _, sent in lived.heard_]:
        tokens = standing.answered(sent.points, len(sent.points) // POINT, lived.secret_)
        mine = mine.after(digest_of(sent), sha256(tokens).digest())
    row = TheirTurns.objects.get()
    theirs = theirs.after(digest_of(lived.turn), sha256(bytes(row.answer)).digest())
    kept = over()
    assert (kept.own, kept.other) == (msgspec.to_builtins(mine), msgspec.to_builtins(theirs))
    [(_, told)] = lived.addressed(standing_days.DAY, DayOver)
    assert (told.own, told.other, told.record) == (mine, theirs, "")
    lost = mine.after(bytes(32), bytes(32))
    for other, own, words in (
        (mine, theirs, None), (lost, theirs, None), (mine, Chain(number=0, head=Chain().head), None),
        (replace_head(mine), theirs, "got and answered something else"),
        (lost.after(bytes(32), bytes(32)), theirs, "got and answered something else"),
        (mine, replace_head(theirs), "sent, and was answered, something else"),
    ):  # fmt: skip
        StandingDay.objects.filter(theirs=True).delete()
        lived.entry(standing_days.DAY, DayOver(partner="ee-cert", epoch=kept.epoch, own=own, other=other))
        turn(lived)
        found = again(auditor)
        assert bool(found) == bool(words), (found, words)
        assert words is None or words in found[0]


def digest_of(sent) -> bytes:
    """Of a turn as it came."""
    return sent_digest(sent.mask, sent.number, sha256(sent.points).digest(), sha256(sent.taken).digest())


def replace_head(chain: Chain) -> Chain:
    """The same number of others."""
    return msgspec.structs.replace(chain, head="0" * 64)


@pytest.mark.parametrize(
    "wrong", [{"partner": "fi-cert"}, {"epoch": "2026-13-01"}, {"epoch": "2999-01-01"}, {"own": Chain(head="x")}, {"other": Chain(number=-1)}]
)  # fmt: skip
def test_what_a_partner_cannot_mean_of_a_day_is_refused(on, wrong):
    """In another's name, of a day that is none, or with hashes that are none."""
    told = {"partner": "ee-cert", "epoch": day(now_us()), "own": Chain(), "other": Chain()}
    on.entry(standing_days.DAY, DayOver(**{**told, **wrong}))
    turn(on)
    assert not StandingDay.objects.filter(theirs=True).exists()


@pytest.mark.parametrize("gone", ["the rows", "the mask as well"])
def test_turns_of_which_nothing_was_kept_are_found_by_the_partners_word(lived, auditor, gone):
    """Who has the node send what it does not keep has the other side's ledger against him."""
    epoch, sent = day(now_us()), Chain(number=3, head="1" * 64, before="2" * 64)
    for rows in (StandingTurn, OwnTurns, TheirTurns):
        rows.objects.all().delete()
    if gone == "the mask as well":
        Mask.objects.all().delete()
    assert standing_days.put_on_record(over_us(epoch), {"gb-ncas"}) == 0
    lived.entry(standing_days.DAY, DayOver(partner="ee-cert", epoch=epoch, own=Chain(), other=sent))
    exchange.pull_all(Partner.objects.get(pk="gb-ncas"), lived)
    assert standing_days.put_on_record(over_us(epoch), {"gb-ncas"}) == 1
    assert standing_days.put_on_record(over_us(epoch), {"gb-ncas"}) == 0
    [one] = showing.days(auditor)
    assert (one.sent, one.differs) == (0, True)
    if gone == "the rows":
        assert "got and answered something else" in again(auditor)[0]
    else:
        assert not one.again


def test_a_purge_of_one_selector_leaves_its_point_and_the_rest_can_be_done_again(lived, case, auditor):
    """No keyed hash of it stays; what went beside it is found honest, and an invented one would still be found."""
    made, kaja = case
    over()
    gone = Selector.objects.get(case=made, kind="phone")
    before = standing_days.went_of(StandingTurn.objects.get(number=0))
    purge([gone.pk], kaja, "It was a victim's.")
    after = standing_days.went_of(StandingTurn.objects.get(number=0))
    assert name_of(Value("phone", PHONE)) in before
    assert [len(one) for one in after].count(POINT + 8) == 1
    assert [one for one in after if len(one) == standing_days.NAME] == [
        one for one in before if one != name_of(Value("phone", PHONE))
    ]
    assert again(auditor) == ()
    assert list(check()) == []


def test_a_purge_of_a_whole_case_leaves_points_also_of_what_was_taken_out_of_it(lived, case, auditor):
    """Nothing of it is looked up any more, and the day can still be done again."""
    made, kaja = case
    working.remove(made, Selector.objects.get(case=made, kind="phone").pk, "An error.", kaja)
    over()
    purge([made, *parts_of(made)], kaja, "Its retention is over.")
    for row in StandingTurn.objects.all():
        assert {len(one) for one in standing_days.went_of(row)} <= {POINT + 8}
    assert again(auditor) == ()


def test_what_another_case_brought_before_stays_on_record_by_that(on, case, auditor):
    """Of two cases that have one value the second is purged: the first still says why it was sent."""
    _, kaja = case
    other, kaja = opened(kaja, "Another gang")
    second = working.add_selector(other, read("phone", PHONE), kaja)
    due(on)
    over()
    purge([second], kaja, "It was an error.")
    assert name_of(Value("phone", PHONE)) in standing_days.went_of(StandingTurn.objects.get(number=0))
    assert again(auditor) == ()


def test_a_guess_that_is_said_to_be_of_something_purged_is_found(on, case, auditor, monkeypatch):
    """Who alters what is kept, so that it looks like a purge, needs an entry that brought it and is gone."""
    made, kaja = case
    guess = Value("email", "guess@example.org")
    guesses(monkeypatch, guess.text)
    due(on)
    mask = Mask.objects.get()
    over()
    point = standing.point_of(guess, turning._secret(mask), mask.epoch)
    row = StandingTurn.objects.get(number=1)
    there = Selector.objects.get(case=made, kind="phone").sequence
    late = working.add_selector(made, read("email", "x@example.org"), kaja)
    for entry in (0, there, Selector.objects.get(pk=late).sequence, Entry.objects.count() + 5):
        row.names = msgspec.msgpack.encode((point + entry.to_bytes(8),))
        row.save()
        [said] = again(auditor)
        assert (
            "1 inputs are said to be of selectors that were purged since, and the ledger has no such" in said
        )


def test_days_are_put_on_record_once_they_are_over_or_it_is_turned_off(lived, officer, monkeypatch):
    """Not before, once, and anew only with what the partner sent since."""
    now, epoch = now_us(), day(now_us())
    on_ = {"gb-ncas"}
    assert standing_days.put_on_record(now, on_) == 0
    standing_on.turn_off("gb-ncas", "It ran out.", officer)
    turning.tidy()
    first = StandingDay.objects.get()
    assert (first.epoch, first.own["number"], first.other["number"]) == (epoch, 3, 1)
    turning.tidy()
    assert StandingDay.objects.get().sequence == first.sequence
    assert not OwnTurns.objects.exists()
    assert StandingTurn.objects.count() == 3
    standing_on.turn_on("gb-ncas", "Again.", fresh(officer))
    due(lived)
    assert StandingTurn.objects.count() == 3
    assert lived.takes_turn(number=0, points=bytes(32)).refused


def test_what_a_partner_sent_after_midnight_is_put_on_record_when_its_day_is_answered_no_more(lived):
    """It is answered for a day: one entry more, whatever it sends."""
    epoch = day(now_us())
    soon = over_us(epoch) - 1
    assert standing_days.put_on_record(soon, {"gb-ncas"}) == 1
    assert lived.takes_turn().tokens
    assert standing_days.put_on_record(soon, {"gb-ncas"}) == 0
    assert standing_days.put_on_record(over_us(epoch), {"gb-ncas"}) == 1
    assert StandingDay.objects.get().other["number"] == 2
    assert standing_days.put_on_record(over_us(epoch), {"gb-ncas"}) == 0


def test_a_day_that_is_on_record_takes_no_turn_any_more(on):
    """An answer that comes later, and a turn that is due, change nothing of what is on record."""
    on.away = {"standing-turn"}
    due(on)
    over()
    on.away = set()
    turn(on)
    assert OwnTurns.objects.get().number == 1
    assert not bytes(StandingTurn.objects.get(number=1).answer)


def test_after_thirty_days_nothing_is_left_to_do_it_again_with(lived, auditor, monkeypatch):
    """The mask goes by its retention, and with it all that was kept of its turns; what is on record of the day stays."""
    kept, epoch = over(), day(now_us())
    monkeypatch.setattr(retention, "now_us", lambda: kept_us(epoch))
    assert retention.purge_due() == 0
    monkeypatch.setattr(retention, "now_us", lambda: kept_us(epoch) + 1)
    assert retention.purge_due() == 1
    assert not StandingTurn.objects.exists()
    assert StandingDay.objects.get() == kept
    assert list(check()) == []
    with pytest.raises(UsageError, match="thirty days"):
        again(auditor)


def test_a_mask_that_is_purged_by_hand_takes_its_turns_along(lived, case):
    """Also on its own day, where another one is made for the rest of it."""
    [mask] = Mask.objects.all()
    purge([mask.pk], case[1], "Nobody may open this day any more.")
    assert not StandingTurn.objects.exists()
    due(lived)
    [other] = Mask.objects.all()
    assert other.pk != mask.pk
    assert OwnTurns.objects.get().mask == other.pk.hex
    assert lived.takes_turn().anew
    over()
    assert list(check()) == []


def test_only_who_oversees_does_a_day_again_and_says_why(lived, case, auditor):
    """Neither the investigator nor an auditor without a reason; nor a day that goes on."""
    with pytest.raises(UsageError, match="goes on"):
        again(auditor)
    over()
    with pytest.raises(RefusedError):
        again(case[1])
    with pytest.raises(UsageError, match="Say why"):
        reopening_days.reopen_standing("gb-ncas", day(now_us()), auditor, " ")
