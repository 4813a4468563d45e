"""Days of standing matching stay as they were put on record: neither the clock, a purge nor another process changes them."""

from hashlib import sha256
from uuid import uuid4

import pytest
from msgspec import to_builtins

from hanse.cases import working
from hanse.cases.models import Selector
from hanse.cases.selector import read
from hanse.kernel.clock import now_us
from hanse.ledger.fields import Sealed
from hanse.ledger.models import Body
from hanse.ledger.service import purge
from hanse.matching import brought, standing, standing_days, turning
from hanse.matching.epochs import GRACE_US, day, kept_us, over_us
from hanse.matching.group import POINT
from hanse.matching.publishing import name_of
from hanse.matching.standing_chain import Chain
from hanse.matching.standing_contents import DayOver
from hanse.matching.standing_models import Mask, OwnTurns, StandingDay, StandingTurn, TheirTurns
from tests.matching.asker import gb, turn
from tests.matching.purged import Purges, by_one, by_two, locked
from tests.matching.test_reopening_days import LATE, again, digest_of, lived, over
from tests.matching.test_standing_turns import _slots, _small, due, on

__all__ = ["_slots", "_small", "gb", "lived", "locked", "on"]

pytestmark = pytest.mark.usefixtures("founded")

ON = {"gb-ncas"}


@pytest.mark.parametrize("held", ["until retention comes", "for a year"])
def test_a_day_is_put_on_record_once_however_long_its_mask_stays(lived, held):
    """Retention looks once an hour, and a mask may stay longer: what is on record is not said anew with nothing in it."""
    kept, epoch = over(), day(now_us())
    OwnTurns.objects.all().delete()
    TheirTurns.objects.all().delete()
    later = kept_us(epoch) + (1 if held == "until retention comes" else 365 * 86_400_000_000)
    assert standing_days.put_on_record(later, ON) == 0
    assert StandingDay.objects.get() == kept
    assert len(lived.addressed(standing_days.DAY, DayOver)) == 1


def test_what_a_partner_sent_meanwhile_is_part_of_what_is_put_on_record(lived, monkeypatch):
    """It is read where nothing more can come: a turn that was answered while days were looked through counts."""
    epoch = day(now_us())
    put = standing_days._put_on_record

    def while_looking(*told):
        assert lived.takes_turn().tokens
        return put(*told)

    monkeypatch.setattr(standing_days, "_put_on_record", while_looking)
    assert standing_days.put_on_record(over_us(epoch), ON) == 1
    assert StandingDay.objects.get().other["number"] == 2


def test_a_turn_that_was_being_made_when_its_day_was_put_on_record_is_not_taken(
    lived, case, auditor, monkeypatch
):
    """An opening takes seconds, in which another process turns it off and puts the day on record."""
    made, kaja = case
    working.add_selector(made, read("email", "later@shop.example"), kaja)
    next_ = turning._next

    def slow(*told):
        went = next_(*told)
        over()
        return went

    monkeypatch.setattr(turning, "_next", slow)
    due(lived)
    assert StandingTurn.objects.count() == 3
    assert not OwnTurns.objects.get().pending
    assert again(auditor) == ()


def test_a_turn_that_was_being_made_during_a_purge_keeps_nothing_of_what_was_purged(lived, case, monkeypatch):
    """It is made anew without it, in the same slot."""
    made, kaja = case
    gone = working.add_selector(made, read("email", "gone@shop.example"), kaja)
    working.add_selector(made, read("email", "stays@shop.example"), kaja)
    values = [read("email", f"{one}@shop.example").value for one in ("gone", "stays")]
    next_, purges = turning._next, [gone]

    def slow(*told):
        went = next_(*told)
        while purges:
            purge([purges.pop()], kaja, "It was a victim's.")
        return went

    monkeypatch.setattr(turning, "_next", slow)
    due(lived)
    turn(lived)
    assert not purges
    went = [one for row in StandingTurn.objects.all() for one in standing_days.went_of(row)]
    assert name_of(values[0]) not in went
    assert name_of(values[1]) in went


def test_a_selector_that_went_twice_on_a_day_is_excused_by_the_one_entry_that_brought_it(
    lived, case, auditor, monkeypatch
):
    """Taken out and noted again it is the same points once more, and no further guesses: it counts once."""
    made, kaja = case
    monkeypatch.setattr(brought, "OF_ONE", 1)
    first = next(one.pk for one in Selector.objects.filter(case=made, kind="email") if one.text == LATE)
    working.remove(made, first, "An error.", kaja)
    due(lived)
    due(lived)
    second = working.add_selector(made, read("email", LATE), kaja)
    due(lived)
    twice = name_of(read("email", LATE).value)
    assert [
        row.number for row in StandingTurn.objects.order_by("number") if twice in standing_days.went_of(row)
    ] == [1, 5]
    over()
    purge([first, second], kaja, "It was a victim's.")
    assert again(auditor) == ()


def test_a_day_that_was_altered_keeps_no_other_from_being_put_on_record(lived, on):
    """Whoever writes to the database stops nothing with it: the day of another partner is put on record."""
    epoch = day(now_us())
    TheirTurns.objects.update(chain={"number": "many"})
    mask = Mask.objects.get()
    Mask.objects.create(
        object_id=uuid4(), partner="lv-cert", epoch=epoch, secret=mask.secret, sequence=mask.sequence
    )
    row = StandingTurn.objects.get(number=0)
    StandingTurn.objects.create(
        partner="lv-cert",
        epoch=epoch,
        number=0,
        slot=0,
        head=row.head,
        points=row.points,
        taken=row.taken,
        answer=b"",
    )
    assert standing_days.put_on_record(over_us(epoch), ON | {"lv-cert"}) == 1
    assert StandingDay.objects.get().partner == "lv-cert"


@pytest.mark.parametrize("others", [1, 2])
def test_a_partner_whose_clock_is_ahead_is_taken_at_its_word_as_far_as_it_goes(lived, auditor, others):
    """It put the day on record before this side's last turns came, and says the rest when it answers none any more."""
    chains = [Chain()]
    for sent in [sent for _, sent in lived.heard_]:
        tokens = standing.answered(sent.points, len(sent.points) // POINT, lived.secret_)
        chains.append(chains[-1].after(digest_of(sent), sha256(tokens).digest()))
    kept = over()
    assert standing_days.chain_of(kept.own) == chains[3]
    told = StandingDay(other=to_builtins(chains[others]), own=kept.other)
    answered, later = over_us(kept.epoch), over_us(kept.epoch) + GRACE_US
    assert standing_days.say_the_same(kept, told, answered) == (True, True)
    assert standing_days.say_the_same(kept, told, later) == (False, True)
    told.other = {**told.other, "head": "0" * 64}
    assert standing_days.say_the_same(kept, told, answered) == (False, True)
    lived.entry(
        standing_days.DAY,
        DayOver(
            partner="ee-cert", epoch=kept.epoch, own=standing_days.chain_of(kept.other), other=chains[others]
        ),
    )
    turn(lived)
    assert again(auditor) == ()


def test_no_more_turns_than_are_answered_ahead_can_be_left_out(lived, monkeypatch):
    """Who says that it answered far fewer has another day on record, whatever the clocks."""
    kept = over()
    first = standing_days.walked(
        standing_days.turns_of("gb-ncas", kept.epoch)[:1], Mask.objects.get().pk.hex
    )[0]
    for chain, lead in ((Chain(), 8), (first, 0)):
        monkeypatch.setattr(standing_days, "LEAD", lead)
        told = StandingDay(other=to_builtins(chain), own=kept.other)
        assert standing_days.say_the_same(kept, told, over_us(kept.epoch)) == (False, True)


def test_what_was_answered_since_a_day_was_put_on_record_is_held_against_nobody(lived):
    """This side's clock was ahead, or the line cut: the partner sent more of the day, and says so rightly."""
    kept = over()
    assert lived.takes_turn().tokens
    told = StandingDay(own=TheirTurns.objects.get().chain, other=kept.own)
    assert told.own != kept.other
    assert standing_days.say_the_same(kept, told, over_us(kept.epoch)) == (True, True)
    told.own = {**told.own, "head": "0" * 64}
    assert standing_days.say_the_same(kept, told, over_us(kept.epoch)) == (True, False)


@pytest.mark.parametrize("what", ["a turn", "a mask", "an entry"])
def test_what_was_altered_keeps_no_purge_back(lived, case, auditor, what):
    """What does not open is not kept either, and an auditor finds that it was altered."""
    made, kaja = case
    phone = Selector.objects.get(case=made, kind="phone")
    over()
    closed = sealed_value(StandingTurn, "names")
    if what == "a turn":
        StandingTurn.objects.filter(number=0).update(names=closed)
    elif what == "a mask":
        Mask.objects.update(secret=closed)
    else:
        Body.objects.filter(entry__object_id=phone.pk).update(data=b"altered")
    purge([phone.pk], kaja, "It was a victim's.")
    if what == "an entry":
        assert not Body.objects.filter(entry__object_id=phone.pk).exists()
        return
    names = [row.names for row in StandingTurn.objects.order_by("number")]
    assert names[0] is None
    if what == "a turn":
        assert again(auditor)


@pytest.mark.parametrize("purges", [by_one, by_two])
def test_no_point_of_a_day_is_worked_out_while_the_ledger_is_locked(
    lived, case, approver, locked, purges: Purges
):
    """Each is worked out once, before; under the lock what is kept is put in its place."""
    made, kaja = case

    def kept() -> list[int]:
        return [len(one) for row in StandingTurn.objects.all() for one in standing_days.went_of(row)]

    went = len(kept())
    purges(made, kaja, approver)
    assert locked == [False] * went
    assert standing_days.NAME not in kept()


def sealed_value(model, name):
    """What opens in no row."""
    return Sealed(model._meta.get_field(name), b"no key of the node's begins so")
