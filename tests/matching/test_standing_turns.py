"""Standing matching between nodes: both see a hit at once, whatever is lost on the way, and nothing else shows."""

import secrets
from dataclasses import replace

import pytest

from hanse.cases import working
from hanse.cases.selector import read
from hanse.federation import exchange
from hanse.federation.models import Partner, Received
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger import retention
from hanse.ledger.check import check
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.matching import (
    agreeing,
    clock,
    contacting,
    hits,
    padding,
    standing_answering,
    standing_days,
    standing_on,
    turning,
    withholding,
)
from hanse.matching.contents import Contact
from hanse.matching.epochs import day, end_us, kept_us, over_us
from hanse.matching.models import Hit, Reference
from hanse.matching.standing_contents import StandingSet
from hanse.matching.standing_models import HeldToken, Mask, OwnTurns, StandingSide, TheirTurns
from hanse.matching.standing_state import held_of, waiting_of
from hanse.policy.asking import RefusedError
from tests.accounts.people import acting, newcomer
from tests.cases.made import DAY_US, opened
from tests.matching import asker
from tests.matching.asker import Asker, Slots, gb, next_slot, turn
from tests.matching.cast import BOSS, OTHER, PHONE, agree, fresh, has
from tests.shared import as_read

__all__ = ["gb"]

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def on(gb, case, officer):
    """The partner, with standing matching on, and both opened."""
    return both(gb, officer)


def both(gb: Asker, officer, *some) -> Asker:
    """Turn it on, on both sides, and open: the partner with some selectors."""
    has(gb, *some)
    standing_on.turn_on("gb-ncas", "As the directors agreed.", officer)
    gb.wants_standing()
    turn(gb)
    assert gb.takes_turn().tokens
    turn(gb)
    return gb


SLOTS = Slots()


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Openings are filled up to 128 points instead of 1,024, which `test_padding` states: each costs three multiplications."""
    monkeypatch.setattr(padding, "LEAST", 128)


@pytest.fixture(autouse=True)
def _slots(monkeypatch):
    """No slot begins while a test does not say so."""
    monkeypatch.setattr(turning, "_schedule", lambda _epoch: SLOTS)


def due(gb: Asker) -> None:
    """Let this side's next turn come."""
    next_slot(SLOTS)
    turn(gb)


def test_a_new_selector_here_is_a_hit_on_both_sides(case, on):
    """In the first turn after it was written down, for who works on the case; and on the partner's side as well."""
    made, kaja = case
    on.takes_turn(read("email", "late@shop.example").value)
    turn(on)
    assert not Hit.objects.exists()
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    due(on)
    [hit] = hits.visible_hits(kaja)
    assert (hit.way, hit.case, hit.kind, hit.keys) == ("standing", made, "email", 0)
    assert on.seen == [Value("email", "late@shop.example")]
    assert list(standing_on.alarms(kaja)) == [hit]
    stranger = acting(newcomer("investigator", name="Not In It"))
    assert not standing_on.alarms(stranger).exists()
    assert list(check()) == []


def test_a_new_selector_there_is_a_hit_on_both_sides(case, on):
    """Its answer says nothing of it: this side looks a second later."""
    _, kaja = case
    on.takes_turn(Value("phone", PHONE), Value("email", OTHER))
    assert on.seen == [Value("phone", PHONE)]
    turn(on)
    assert [one.kind for one in hits.visible_hits(kaja)] == ["phone"]


def test_what_both_have_when_it_opens_is_found(gb, case, officer):
    """And what only one has is not; the tokens in the hit's name are both sides'."""
    both(gb, officer, ("email", BOSS), ("email", OTHER))
    assert gb.seen == [Value("email", BOSS)]
    [hit] = Hit.objects.all()
    [token] = [token for token, value in gb.own.items() if value == Value("email", BOSS)]
    epoch = day(now_us())
    assert Reference.objects.get(thing=hit.pk).reference == _named(epoch, token)


def _named(epoch: str, token: bytes) -> str:
    from hanse.matching.standing_hits import reference

    return reference("gb-ncas", epoch, token)


def test_it_is_on_once_a_person_of_each_side_wants_it(gb, case, officer):
    """With a passkey proved, and under an agreement; one person turns it off, and what was exchanged goes."""
    _, kaja = case
    for wrong in (fresh(kaja), replace(officer, stepped_up_us=None)):
        with pytest.raises(RefusedError):
            standing_on.turn_on("gb-ncas", "Because.", wrong)
    with pytest.raises(UsageError, match="Say why"):
        standing_on.turn_on("gb-ncas", " ", officer)
    gb.wants_standing()
    turn(gb)
    assert not standing_on.is_on("gb-ncas")
    assert "not on" in gb.takes_turn(Value("email", BOSS)).refused
    standing_on.turn_on("gb-ncas", "As agreed.", officer)
    assert standing_on.is_on("gb-ncas")
    assert gb.addressed("matching.standing_set", StandingSet)[-1][1].on
    turn(gb)
    assert OwnTurns.objects.get().number == 1
    with pytest.raises(UsageError, match="already"):
        standing_on.turn_on("gb-ncas", "Again.", officer)
    standing_on.turn_off("gb-ncas", "It ran out.", officer)
    assert "not on" in gb.takes_turn(Value("email", BOSS)).refused
    turning.tidy()
    assert not OwnTurns.objects.exists()
    [stands] = standing_on.stands(["gb-ncas"])
    assert (stands.on, stands.own.on, stands.other.on, stands.own.why) == (False, False, True, "It ran out.")


def test_without_an_agreement_nothing_is_sent_or_answered(on, officer):
    """It ends with the agreement."""
    agreeing.end("gb-ncas", "It ran out.", officer)
    on.heard_.clear()
    due(on)
    assert on.heard_ == []
    assert "not on" in on.takes_turn(Value("email", BOSS)).refused


def test_turns_come_by_the_clock_and_have_one_size(case, on):
    """One in each slot, whether something is new or not; none between."""
    made, kaja = case
    on.heard_.clear()
    turn(on)
    assert on.heard_ == []
    due(on)
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    due(on)
    sizes = [(what, len(sent.points), len(sent.taken)) for what, sent in on.heard_]
    assert sizes == [("standing-turn", 128 * 32, 64 * 16)] * 2
    told = [len(on.takes_turn(*some).tokens) for some in ((), (Value("email", BOSS),))]
    assert told == [128 * 16] * 2


def test_what_is_too_much_for_a_turn_waits_and_shows(case, on):
    """A list of three hundred takes turns; how many wait is said."""
    made, kaja = case
    working.add_list(made, b"value\n" + b"".join(b"u%d@a.example\n" % at for at in range(300)), kaja)
    waits = []
    for _ in range(5):
        due(on)
        waits.append(standing_on.stands(["gb-ncas"])[0].turns.waiting)
    assert waits[0] > 0
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == 0
    assert len(held_of(OwnTurns.objects.get())) > 300


def test_the_token_of_a_closed_selector_goes(case, on):
    """This side uses it no more, and the partner takes it back; a new one there is no hit then."""
    made, kaja = case
    [token] = [one for one in held_of(OwnTurns.objects.get()).values() if _is_of(on, one)]
    withholding.keep_out(
        made, working.models.Selector.objects.get(case=made, kind="phone").pk, None, "No.", kaja
    )
    due(on)
    assert token not in on.theirs_
    assert token not in held_of(OwnTurns.objects.get()).values()
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    assert on.seen == []
    assert not Hit.objects.exists()


def _is_of(gb: Asker, token: bytes) -> bool:
    """Whether a token is of the telephone number: the one that the partner would get for it."""
    from hanse.matching.publishing import name_of

    return held_of(OwnTurns.objects.get()).get(name_of(Value("phone", PHONE))) == token


def test_a_selector_that_comes_back_before_its_token_left_stays_held(case, on, monkeypatch):
    """It is neither sent twice nor taken back; nothing of it is missed."""
    made, kaja = case
    pk = working.models.Selector.objects.get(case=made, kind="phone").pk
    on.away = {"standing-turn"}
    due(on)  # a turn waits: the next is made only after it
    withholding.keep_out(made, pk, None, "No.", kaja)
    withholding.let_in(made, pk, "Yes.", kaja)
    on.away = set()
    turn(on)
    due(on)
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    assert [one.kind for one in Hit.objects.all()] == ["phone"]


def test_tokens_of_what_the_partner_closed_go(case, on):
    """What it takes back is no hit any more with what comes here later."""
    made, kaja = case
    on.takes_turn(Value("email", "late@shop.example"))
    [token] = on.own
    number = HeldToken.objects.count()
    assert on.takes_turn(gone=(token,)).tokens
    assert HeldToken.objects.count() == number + 64
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    due(on)
    assert not Hit.objects.exists()


def test_a_partner_that_is_away_loses_nothing(case, on):
    """The turn waits and is put again just as it is; what came meanwhile goes with the next."""
    made, kaja = case
    on.takes_turn(Value("email", "late@shop.example"))
    on.away = {"standing-turn"}
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    due(on)
    before = OwnTurns.objects.get()
    due(on)
    assert OwnTurns.objects.get().pending == before.pending
    on.away = set()
    turn(on)
    assert Hit.objects.count() == 1
    assert OwnTurns.objects.get().number == before.number + 1


def test_a_line_that_is_cut_in_one_direction_hides_no_hit_here(on):
    """The partner reaches us and is not reached: what it sent is looked at all the same."""
    on.away = {"standing-turn"}
    on.takes_turn(Value("phone", PHONE))
    due(on)
    assert [one.kind for one in Hit.objects.all()] == ["phone"]


def test_a_turn_whose_answer_was_lost_counts_once(case, on):
    """The same number with the same points comes again, and the same tokens are the answer."""
    made, kaja = case
    on.after = {"standing-turn"}
    on.takes_turn(Value("email", "late@shop.example"))
    working.add_selector(made, read("email", "late@shop.example"), kaja)
    on.heard_.clear()
    due(on)
    held = set(on.theirs_)
    on.after = set()
    turn(on)
    first, second = [sent for _, sent in on.heard_]
    assert first == second
    assert on.theirs_ == held
    assert Hit.objects.count() == 1


def test_a_partners_turn_that_comes_again_is_answered_again(on):
    """Nothing is added, and it counts neither as too soon nor as another one."""
    told = on.takes_turn(Value("email", OTHER))
    number = HeldToken.objects.count()
    on.waits_us = 0
    assert on.repeats_turn() == told
    assert HeldToken.objects.count() == number
    assert TheirTurns.objects.get().number == 1


def test_turns_out_of_order_change_nothing(on):
    """An old one with other points, or one that is ahead: the partner is told to open anew, and nothing is kept."""
    on.takes_turn(Value("email", OTHER))
    before = list(TheirTurns.objects.values("number", "digest")), HeldToken.objects.count()
    for number in (1, 3, 9):
        assert on.takes_turn(Value("email", BOSS), number=number).anew
    assert (list(TheirTurns.objects.values("number", "digest")), HeldToken.objects.count()) == before
    assert on.takes_turn(Value("email", BOSS)).tokens


def test_turns_that_come_too_soon_or_with_another_form_are_refused(on):
    """No faster than by the schedule, of one size, and taking back only what was sent."""
    on.takes_turn()
    for wrong, words in (
        ({"points": bytes(32)}, "128 points"),
        ({"points": 128 * bytes(32)}, "no element of the group"),
        ({"taken": bytes(16)}, "its form"),
        ({"taken": secrets.token_bytes(64 * 16)}, "takes 64 tokens back"),
        ({"epoch": "2020-01-01"}, "a day that is over"),
        ({"speaks": "0" * 64}, "Upgrade the older"),
    ):
        assert words in on.takes_turn(**wrong).refused
    on.waits_us = 0
    assert "too soon" in on.takes_turn().refused
    on.waits_us = 30_000_000
    assert on.takes_turn().tokens


def test_what_one_side_lost_goes_on_the_next_day(case, on, monkeypatch):
    """Nothing is opened twice under one mask; known hits are not found anew, and a new one is found then."""
    _, kaja = case
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    on.lost()
    on.has = (Value("phone", PHONE), Value("email", BOSS))
    due(on)  # its answer says that it does not know where we are
    assert "the next day" in OwnTurns.objects.get().refused
    on.heard_.clear()
    turn(on)
    assert on.heard_ == []
    OwnTurns.objects.all().delete()
    turn(on)
    assert (on.heard_, OwnTurns.objects.count()) == ([], 0)
    tomorrow(monkeypatch)
    turn(on)
    assert on.takes_turn().tokens
    turn(on)
    assert sorted(one.kind for one in hits.visible_hits(kaja)) == ["email", "phone"]


def tomorrow(monkeypatch) -> None:
    """Let the next day begin, for both sides."""
    later = now_us() + DAY_US
    for module in (turning, standing_on, standing_answering, asker):
        monkeypatch.setattr(module, "now_us", lambda: later)


def test_a_day_is_opened_once_and_no_larger_than_agreed(gb, case, officer, approver):
    """Each opening is as many guesses as it has points; two of one mask would show which are real."""
    agree(officer, approver, per_day=100)
    has(gb, *(("email", f"u{at}@a.example") for at in range(1_500)))
    standing_on.turn_on("gb-ncas", "As agreed.", officer)
    gb.wants_standing()
    turn(gb)
    assert "under the agreement" in gb.takes_turn().refused
    gb.has = gb.has[:10]
    assert gb.takes_turn().tokens
    gb.lost()
    assert gb.takes_turn().anew


def test_an_enumerating_partner_is_stopped_noticed_and_learns_no_more_than_is_agreed(
    gb, case, officer, approver
):
    """It guesses telephone numbers: two newly found in a day are agreed; the turn with the third is not answered."""
    made, kaja = case
    agree(officer, approver, per_day=200)
    working.add_list(made, b"value\n" + b"".join(b"+372520000%d\n" % at for at in range(6)), kaja)
    both(gb, officer)
    assert (
        "More than 2 selectors"
        in gb.takes_turn(*(Value("phone", f"+372520000{at}") for at in range(10))).refused
    )
    turn(gb)
    assert gb.seen == []
    assert not standing_on.is_on("gb-ncas")
    side = StandingSide.objects.get(theirs=False)
    assert "More than 2 selectors" in side.why
    assert not gb.addressed("matching.standing_set", StandingSet)[-1][1].on
    assert not Hit.objects.exists()


def test_what_is_found_within_the_quota_is_an_alarm_each(gb, case, officer, approver, monkeypatch):
    """So guesses show here as soon as they are right; known ones do not count again."""
    _, kaja = case
    agree(officer, approver, per_day=200)
    both(gb, officer)
    gb.takes_turn(Value("phone", PHONE))
    turn(gb)
    gb.takes_turn(Value("email", BOSS))
    turn(gb)
    assert standing_on.alarms(kaja).count() == 2
    tomorrow(monkeypatch)
    gb.lost()
    gb.has = (Value("phone", PHONE), Value("email", BOSS))
    turn(gb)
    assert gb.takes_turn().tokens
    assert standing_on.is_on("gb-ncas")


def test_openings_that_find_too_much_turn_it_off(gb, case, officer, approver):
    """Both were sent before either could look: it is noticed at once, and goes no further."""
    agree(officer, approver, per_day=100)
    has(gb, ("phone", PHONE), ("email", BOSS))
    standing_on.turn_on("gb-ncas", "As agreed.", officer)
    gb.wants_standing()
    exchange.pull_all(Partner.objects.get(pk="gb-ncas"), gb)
    assert gb.takes_turn().tokens
    turn(gb)
    assert Hit.objects.count() == 2
    assert not standing_on.is_on("gb-ncas")
    assert "newly become known" in StandingSide.objects.get(theirs=False).why
    assert "not on" in gb.takes_turn().refused


def test_who_answers_none_gets_few_answers(on):
    """It could compare at home with what it was sent, and show nothing: its opening, a few turns, then none."""
    on.away = {"standing-turn"}
    due(on)
    answers = [on.takes_turn() for _ in range(standing_days.LEAD)]
    assert [bool(one.tokens) for one in answers] == [True] * (standing_days.LEAD - 1) + [False]
    assert "answers no turns" in answers[-1].refused
    on.away = set()
    turn(on)
    assert on.takes_turn().tokens


def test_contact_after_a_hit_reaches_the_same_hit(case, on):
    """Both name it alike; who answers it here has no alarm of it any more."""
    _, kaja = case
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    [hit] = Hit.objects.all()
    contacting.offer(hit.pk, contacting.Told(name="Kaja Kask"), fresh(kaja))
    [(_, told)] = on.addressed("matching.contact", Contact)
    [token] = [token for token, value in on.own.items() if value.text == PHONE]
    assert told.references == (_named(day(now_us()), token),)
    on.entry("matching.contact", Contact(references=told.references, name="Ann Other"))
    turn(on)
    assert contacting.standing([hit])[hit.pk].other.name == "Ann Other"
    assert not standing_on.alarms(kaja).exists()


def test_a_wish_in_anothers_name_is_refused(gb, case):
    """It says with whom, and is nobody else's."""
    gb.entry("matching.standing_set", StandingSet(partner="fi-cert", on=True))
    turn(gb)
    assert not StandingSide.objects.exists()
    assert Received.objects.filter(state="refused").count() == 1


def test_a_mask_answers_nothing_a_day_after_its_own_and_destroys_itself_after_thirty(on, monkeypatch):
    """The partner's tokens go with the day, and another mask opens the next; this one waits for the auditor alone.

    Its entry is sealed, is read by who oversees, and has the date of its end in its marking.
    """
    mask = Mask.objects.get()
    entry = Entry.objects.get(kind="matching.mask_made")
    assert entry.retention_us == end_us(mask.epoch) + 30 * DAY_US == kept_us(mask.epoch)
    assert (kind_of(entry.kind).sealed, kind_of(entry.kind).overseen) == (True, True)
    later = over_us(mask.epoch) + 1
    for module in (turning, standing_on, standing_answering, retention, asker):
        monkeypatch.setattr(module, "now_us", lambda: later)
    assert standing_on.mask_of("gb-ncas", mask.epoch) is None
    assert retention.purge_due() == 0
    assert "a day that is over" in on.takes_turn(epoch=mask.epoch).refused
    on.lost()
    turn(on)
    turning.tidy()
    row = OwnTurns.objects.get()
    assert (row.epoch, row.number) == (day(later), 1)
    assert row.mask != mask.object_id.hex
    assert not TheirTurns.objects.exists()
    assert not HeldToken.objects.exists()
    assert Mask.objects.filter(pk=mask.pk).exists()
    monkeypatch.setattr(retention, "now_us", lambda: kept_us(mask.epoch) + 1)
    assert retention.purge_due() == 1
    assert not Mask.objects.filter(pk=mask.pk).exists()


def test_a_hit_of_another_case_is_named_as_the_first(case, on, monkeypatch):
    """What the two sides found on different days, each of them finds under the other's name."""
    _, kaja = case
    on.takes_turn(Value("phone", PHONE))
    turn(on)
    [first] = Hit.objects.all()
    before = list(Reference.objects.filter(thing=first.pk).values_list("reference", flat=True))
    other, kaja = opened(kaja, "Another gang")
    working.add_selector(other, read("phone", PHONE), kaja)
    tomorrow(monkeypatch)
    on.lost()
    on.has = (Value("phone", PHONE),)
    turn(on)
    on.takes_turn()
    turn(on)
    later = Hit.objects.get(case=other)
    names = Reference.objects.filter(thing=later.pk).values_list("reference", flat=True)
    assert len(set(names)) == 2
    assert set(before) < set(names)
    assert Hit.objects.count() == 2


def test_what_is_kept_holds_no_text(case, on):
    """Selectors are in no table of turns, not even sealed; what the ledger says is made again by a rebuild."""
    row = OwnTurns.objects.get()
    for data in (row.pending, row.queue, row.held):
        assert PHONE.encode() not in bytes(data)
    assert waiting_of(row).decoys
    before = [as_read(one.objects.order_by("pk")) for one in (Mask, StandingSide, Hit)]
    rebuild()
    assert [as_read(one.objects.order_by("pk")) for one in (Mask, StandingSide, Hit)] == before
    assert OwnTurns.objects.get().held == row.held
    assert clock.busy() == {"gb-ncas"}
