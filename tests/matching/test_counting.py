"""Counting common sources with a partner: both sides learn the number, on record, and it links attacks that show none."""

import secrets
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest

from hanse.accounts import approvals
from hanse.attacks.attack import Attack
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.models import PartnerAttack
from hanse.campaigns.following import Follower
from hanse.campaigns.models import CrossLink
from hanse.federation import recalling, sharing
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.matching import (
    agreeing,
    answering,
    common_sources,
    count_answering,
    counting,
    parts,
    showing,
)
from hanse.matching.agreeing import NoAgreementError
from hanse.matching.answering import REFUSED_AGAIN_US, put_in_a_day
from hanse.matching.counting import Closed, Opened
from hanse.matching.models import Asking, RunPart, SourceCount
from hanse.matching.quota import DAY_US
from hanse.policy.asking import RefusedError
from hanse.policy.guarded import NotVisibleError
from hanse.policy.service import mark
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.campaigns.league import by_state, sketched
from tests.campaigns.plans import estonia
from tests.campaigns.test_crossing import NODE, analysis_of, pulled, shares, told
from tests.matching.asker import turn
from tests.matching.counter import Counter
from tests.shared import as_read

pytestmark = pytest.mark.usefixtures("founded", "few_sources")
WHY = "The same botnet?"


@pytest.fixture(scope="module")
def seen_by():
    """Direct attacks of the exercise by the state that sees them, with what is known of their sources."""
    some = [one for one in sketched(estonia(7)) if one.source_class != "spoofed" and one.sources > 100]
    return by_state(sorted(some, key=lambda one: one.start_us)[:30])


@pytest.fixture
def mari():
    """An analyst."""
    return acting(newcomer("analyst", name="Mari Maasikas"))


@pytest.fixture
def fi():
    """A partner that may count."""
    return partner()


def partner(*, sources: bool = True) -> Counter:
    """A partner that counts, with or without sources of the same attacks."""
    peer = Counter("fi-cert", "FI")
    peer.joins()
    terms = agreeing.Terms(
        partner="fi-cert", kinds=["phone"], legal_basis="Treaty of 1997", case_class="Attacks", sources=sources,
        until_us=now_us() + 90 * DAY_US,
    )  # fmt: skip
    officer, approver = (
        replace(acting(newcomer(role)), stepped_up_us=now_us()) for role in ("officer", "approver")
    )
    approvals.approve(agreeing.propose(terms, "As agreed.", officer), approver)
    return peer


@pytest.fixture
def home(seen_by):
    """What Estonia sees itself, on record."""
    record(analysis_of(estonia(7), seen_by["EE"]), NODE)
    return list(AttackRow.projected.order_by("start_us"))


@pytest.fixture
def both(home, fi, seen_by):
    """An own attack, and one of the partner's that was shared without its sources; the partner has them."""
    [there] = shares(fi, seen_by["FI"][:1], sketches=False)
    fi.sample = common_sources.sample_of(seen_by["FI"][0])
    return home[0], PartnerAttack.projected.get(), there


def in_common(row: AttackRow, peer: Counter) -> int:
    """How many of the compared sources both have."""
    own = common_sources.sample_of(msgspec.convert(row.detail, Attack))
    return len(set(own.values) & set(peer.sample.values))


def given(row: AttackRow, mari) -> str:
    """Share an own attack with the partner; the id under which it has it."""
    wanted = Sharing("attack", row.pk, Audience(frozenset({"fi-cert"})), frozenset({"sources"}))
    assert all(
        one.content is not None for one in sharing.share(wanted, replace(mari, stepped_up_us=now_us()), WHY)
    )
    return sharing.shared_id(row.pk).hex


# This authority asks.


def test_both_learn_how_many_and_nobody_which(both, fi, mari) -> None:
    """The number is that of the two samples; it stands on record with who asked and why."""
    own, theirs, there = both
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    row = SourceCount.projected.get(pk=count)
    assert (row.state, row.common) == ("counted", in_common(own, fi))
    assert fi.common == row.common > 0
    assert (row.who, row.reason) == ("Mari Maasikas", WHY)
    [put] = fi.asked_for
    assert (put.attack, put.own) == (there.hex, "")
    assert row.estimate[1] == pytest.approx(
        min(put.said.size / put.said.share, row.other_size / row.other_share)
    )


def test_the_partner_is_told_which_attack_only_if_it_has_it(both, fi, mari) -> None:
    """The id under which it was shared, and nothing before."""
    own, theirs, _ = both
    shared = given(own, mari)
    counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    assert fi.asked_for[-1].own == shared


def test_it_goes_on_after_the_partner_was_away_bit_by_bit_the_same(both, fi, mari) -> None:
    """Nothing is lost with an answer, and a question put again tells nothing more."""
    own, theirs, _ = both
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    for away in ({counting.OPEN}, {counting.CLOSE}):
        fi.after = away
        turn(fi)
        assert SourceCount.projected.get(pk=count).state == "waiting"
    fi.after = set()
    turn(fi)
    assert SourceCount.projected.get(pk=count).state == "counted"
    assert len({put.points for put in fi.asked_for}) == 1


def test_it_goes_on_as_it_began_though_the_attack_grew(both, fi, mari, seen_by) -> None:
    """A question is put again as it was, or it would be another one under its name."""
    own, theirs, _ = both
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    fi.after = {counting.OPEN}
    turn(fi)
    detail = msgspec.to_builtins(seen_by["EE"][1])
    AttackRow.projected.filter(pk=own.pk).update(detail=detail)
    given(own, mari)
    fi.after = set()
    turn(fi)
    assert fi.asked_for[0] == fi.asked_for[1]
    assert SourceCount.projected.get(pk=count).state == "counted"


def test_one_question_that_is_refused_holds_up_no_other(home, fi, seen_by, mari) -> None:
    """It is closed with the partner's words, and the next one is put in the same turn."""
    shares(fi, seen_by["FI"][:1], sketches=False)
    fi.sample, theirs = common_sources.sample_of(seen_by["FI"][0]), PartnerAttack.projected.get()
    first, second = (counting.ask(own.pk, theirs.pk, WHY, mari) for own in home[:2])
    fi.opens_ = lambda told: told if len(fi.asked_for) > 1 else Opened(refused="Not this one.")
    turn(fi)
    states = dict(SourceCount.projected.values_list("pk", "state"))
    assert (states[first], states[second]) == ("refused", "counted")


def test_a_partner_that_does_not_answer_is_waited_for_a_day(both, fi, mari) -> None:
    """Then it says so."""
    own, theirs, _ = both
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    assert counting.give_up(now_us()) == 0
    assert counting.give_up(now_us() + DAY_US + 10**6) == 1
    assert SourceCount.projected.get(pk=count).state == "unanswered"


@pytest.mark.parametrize(
    ("cheat", "words"),
    [
        ({"closes_": lambda told: Closed(secrets.token_bytes(len(told.tokens)))}, "not those that had been announced"),
        ({"closes_": lambda told: Closed(told.tokens[:-16])}, "tokens came"),
        ({"opens_": lambda told: msgspec.structs.replace(told, points=told.points[:-32])}, "points came"),
        ({"opens_": lambda told: msgspec.structs.replace(told, points=bytes(32) + told.points[32:])}, "no element"),
        ({"opens_": lambda told: msgspec.structs.replace(told, points=2 * told.points[32:64] + told.points[64:])}, "twice"),
        (
            {"opens_": lambda told: msgspec.structs.replace(told, said=msgspec.structs.replace(told.said, share=2.0))},
            "cannot be",
        ),
    ],
)  # fmt: skip
def test_a_partner_that_cheats_gets_no_number_believed(both, fi, mari, cheat, words) -> None:
    """Other tokens than it announced, fewer points or tokens, points that are none."""
    own, theirs, _ = both
    for name, does in cheat.items():
        setattr(fi, name, does)
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    row = SourceCount.projected.get(pk=count)
    assert row.state == "failed"
    assert words in row.why


def test_a_partner_that_refuses_is_quoted(both, fi, mari) -> None:
    """In its words, without what is no text."""
    own, theirs, _ = both
    fi.opens_ = lambda _: Opened(refused="Not today.\x1b[31m")
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    row = SourceCount.projected.get(pk=count)
    assert (row.state, row.why) == ("refused", "fi-cert: Not today. [31m")


def test_what_may_not_be_asked(both, fi, mari) -> None:
    """Without a right, a reason, or sight of both; twice at once; of what is TLP:RED or PAP:RED."""
    own, theirs, _ = both
    with pytest.raises(RefusedError):
        counting.ask(own.pk, theirs.pk, WHY, acting(newcomer("auditor")))
    with pytest.raises(UsageError, match="why"):
        counting.ask(own.pk, theirs.pk, " ", mari)
    with pytest.raises(NotVisibleError):
        counting.ask(theirs.pk, own.pk, WHY, mari)
    counting.ask(own.pk, theirs.pk, WHY, mari)
    with pytest.raises(UsageError, match="waits"):
        counting.ask(own.pk, theirs.pk, WHY, mari)
    ours = frozenset({"ee-cert"})
    mark(own.pk, Marking(originators=ours, tlp=Tlp.RED), "team-x", NODE, "It is.")
    with pytest.raises(UsageError, match="TLP:RED"):
        counting.ask(own.pk, theirs.pk, WHY, replace(mari, teams=frozenset({"team-x"})))
    mark(own.pk, Marking(originators=ours, pap=Pap.RED), "", NODE, "It is.")
    with pytest.raises(RefusedError, match="PAP:RED"):
        counting.ask(own.pk, theirs.pk, WHY, mari)


def test_nothing_is_counted_without_an_agreement_on_it(home, seen_by, mari) -> None:
    """One on selectors does not do."""
    fi = partner(sources=False)
    shares(fi, seen_by["FI"][:1], sketches=False)
    with pytest.raises(NoAgreementError, match="Propose that first"):
        counting.ask(home[0].pk, PartnerAttack.projected.get().pk, WHY, mari)
    fi.sample = common_sources.sample_of(seen_by["FI"][0])
    assert "not agreed" in fi.wants(given(home[0], mari)).refused


# The partner asks.


def test_a_partner_that_was_given_an_attack_may_count(both, fi, mari) -> None:
    """Both know the number then; that it asked is on record, with its own attack if that was shared."""
    own, theirs, there = both
    fi.wants(given(own, mari), there.hex)
    fi.goes_on()
    [row] = SourceCount.projected.all()
    assert (row.ours, row.own, row.theirs, row.state) == (False, own.pk, theirs.pk, "counted")
    assert row.common == fi.common == in_common(own, fi)


def test_both_sides_name_what_passed_alike(both, fi, mari) -> None:
    """The hash of the transcript is that which the partner makes of what it sent and got."""
    own, _, _ = both
    fi.wants(given(own, mari))
    answer = fi.goes_on()
    [row] = SourceCount.projected.all()
    sides = {"ee-cert": fi.told.said, "fi-cert": fi.put.said}
    named = common_sources.session(fi.question, fi.put.attack, fi.put.epoch, sides)
    tokens = common_sources.tokens_of(fi.told.points, fi.mine)
    sent = {"ee-cert": (fi.told.points, answer.tokens), "fi-cert": (fi.put.points, tokens)}
    assert row.transcript == common_sources.transcript(named, sent)


def test_what_was_not_given_is_answered_like_what_is_not_there(both, fi, mari) -> None:
    """An attack that exists, one that does not, one that was recalled, and one whose sources are forged."""
    own, _, _ = both
    unknown = fi.wants(secrets.token_hex(16)).refused
    assert unknown == fi.wants(sharing.shared_id(own.pk).hex).refused == fi.wants("nonsense").refused
    shared = given(own, mari)
    assert not fi.wants(shared).refused
    recalling.recall(own.pk, replace(mari, stepped_up_us=now_us()), "It was wrong.")
    assert fi.wants(shared).refused == unknown
    forged = AttackRow.projected.exclude(pk=own.pk).first()
    detail = {**forged.detail, "source_class": "spoofed"}
    AttackRow.projected.filter(pk=forged.pk).update(detail=detail)
    assert fi.wants(given(forged, mari)).refused == unknown


def test_a_question_put_twice_counts_once(both, fi, mari) -> None:
    """It is answered alike; another one under its name, or other tokens, are refused."""
    own, _, _ = both
    shared = given(own, mari)
    first = fi.wants(shared)
    assert fi.asks(counting.OPEN, fi.put, Opened) == first
    assert SourceCount.projected.count() == 1
    answer = fi.goes_on()
    assert fi.goes_on() == answer
    other = secrets.token_bytes(16 * first.said.size)
    assert "Other tokens" in str(fi.goes_on(other))
    assert "Another question" in str(fi.wants(shared, question=fi.question))


def test_so_many_a_day(both, fi, mari, monkeypatch) -> None:
    """An enumerating partner is stopped and told so."""
    monkeypatch.setattr(count_answering, "PER_DAY", 2)
    shared = given(both[0], mari)
    assert [bool(fi.wants(shared).refused) for _ in range(3)] == [False, False, True]


def test_who_is_refused_is_noticed(both, fi, mari, monkeypatch) -> None:
    """Who goes through attacks that it was not given, or asks too often, is on record once an hour for each reason."""
    monkeypatch.setattr(count_answering, "PER_DAY", 1)
    for _ in range(3):
        assert fi.wants(secrets.token_hex(16)).refused
    shared = given(both[0], mari)
    fi.wants(shared)
    for _ in range(2):
        assert fi.wants(shared).refused
    auditor = acting(newcomer("auditor"))
    told = showing.askings(auditor)
    assert {one.partner for one in told} == {"fi-cert"}
    assert [(one.sources, bool(one.refused)) for one in told] == [(True, True), (True, False), (True, True)]
    assert "counts were answered" in told[0].refused
    assert "no such attack" in told[2].refused
    [agreed] = showing.agreements(auditor)
    assert (agreed.counted, agreed.countable) == (1, 1)
    with pytest.raises(RefusedError):
        showing.askings(acting(newcomer("administrator")))
    later = now_us() + REFUSED_AGAIN_US
    monkeypatch.setattr(answering, "now_us", lambda: later + 10**6)
    assert fi.wants(secrets.token_hex(16)).refused
    assert len(showing.askings(auditor)) == 4


def test_a_month_that_is_none_is_refused_on_record(both, fi, mari) -> None:
    """Also one that no database holds."""
    assert fi.wants(given(both[0], mari), epoch="20\0 and more").refused
    [row] = Asking.objects.all()
    assert (row.about, row.epoch) == ("sources", "20  and ")


def test_it_is_no_question_who_else_has_something(both, fi, mari) -> None:
    """A refused count takes nothing of what the partner may ask otherwise, and is told apart where it is shown."""
    fi.wants(secrets.token_hex(16))
    assert put_in_a_day("fi-cert") == 0
    [row] = Asking.objects.all()
    assert (row.about, row.question) == ("sources", fi.put.question)


def test_tokens_that_are_none_end_the_count(both, fi, mari) -> None:
    """Fewer than there were points, or one of them many times: nothing is given for them."""
    fi.wants(given(both[0], mari))
    told = fi.goes_on(bytes(16 * fi.told.said.size))
    assert "twice" in told.refused
    assert SourceCount.projected.get().state == "failed"


def test_who_breaks_off_is_shown(both, fi, mari) -> None:
    """It knew nothing yet; that it began stays."""
    fi.wants(given(both[0], mari))
    counting.give_up(now_us() + DAY_US + 10**6)
    assert SourceCount.projected.get().state == "broken"


def test_nothing_more_is_told_once_it_is_over(both, fi, mari) -> None:
    """Neither after its day, nor when the agreement ended meanwhile."""
    shared = given(both[0], mari)
    fi.wants(shared)
    counting.give_up(now_us() + DAY_US + 10**6)
    assert "over" in fi.goes_on().refused
    fi.wants(shared)
    officer = replace(acting(newcomer("officer")), stepped_up_us=now_us())
    agreeing.end("fi-cert", "It is over.", officer)
    assert "Nothing is agreed" in fi.goes_on().refused
    assert fi.common is None


def test_neither_side_sees_the_others_tokens_before_its_own_are_fixed(both, fi, mari) -> None:
    """The answer to the first message holds no token of the asker's points, only their digest."""
    told = fi.wants(given(both[0], mari))
    made = parts.get(SourceCount.projected.get().pk, "made", 0)
    assert made
    raw = msgspec.msgpack.encode(told)
    assert not any(made[at : at + 16] in raw for at in range(0, len(made), 16))


# What is made of it.


def test_it_links_attacks_that_show_no_sources(home, fi, seen_by, mari) -> None:
    """With the count two tests hold where one did: a link says that it was counted without showing them."""
    shares(fi, seen_by["FI"], sketches=False)
    Follower().settle()
    before = _by_sources()
    assert not before
    follower = Follower()
    follower.look(60.0)
    for there in PartnerAttack.projected.all():
        attack = next(one for one in seen_by["FI"] if one.start_us == there.start_us)
        fi.sample = common_sources.sample_of(attack)
        for own in home[:3]:
            counting.ask(own.pk, there.pk, WHY, mari)
            turn(fi)
    follower.look(60.0)
    after = _by_sources()
    assert after
    assert all("without showing them" in words for words in after.values())
    counted = {frozenset((row.own, row.theirs)) for row in SourceCount.projected.all()}
    assert {frozenset(pair) for pair in after} <= counted
    pulled(fi)
    assert _by_sources() == after


def test_a_partner_that_sends_its_attack_anew_without_sources_leaves_what_was_counted(
    both, fi, seen_by, mari
) -> None:
    """What was withheld is not what was counted."""
    own, theirs, there = both
    counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    Follower().settle()
    before = _by_sources()
    marking = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN)
    content = told(fi, seen_by["FI"][0], there, sketches=False)
    fi.entry("attacks.shared", content, object_id=there, version=2, marking=marking)
    pulled(fi)
    Follower().settle()
    assert _by_sources() == before


def _by_sources() -> dict[tuple[UUID, UUID], str]:
    return {
        (row.first, row.second): test["words"]
        for row in CrossLink.projected.all()
        for test in row.tests
        if test["name"] == "sources"
    }


def test_it_goes_with_either_attack(both, fi, mari) -> None:
    """A recalled attack takes the number with it, and what was exchanged."""
    own, theirs, _ = both
    counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    assert RunPart.objects.exists()
    purge([theirs.pk], NODE, "It was recalled.")
    assert not SourceCount.projected.exists()
    assert not RunPart.objects.exists()


def test_it_is_marked_as_both_attacks_are(both, fi, mari) -> None:
    """And follows them; who may not see the own attack does not see the number."""
    own, theirs, _ = both
    counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    assert counting.visible_counts(mari).exists()
    strict = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.RED)
    mark(own.pk, strict, "team-x", NODE, "For one team.")
    row = SourceCount.projected.select_related("marking").get()
    assert (row.marking.marking.tlp, row.team) == (Tlp.RED, "team-x")
    assert not counting.visible_counts(mari).exists()
    assert counting.of_attack(mari, own.pk) == []


def test_it_follows_what_the_partner_marks_more_strictly(both, fi, seen_by, mari) -> None:
    """An attack that comes again as TLP:AMBER+STRICT takes the number along."""
    own, theirs, there = both
    counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    strict = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.AMBER_STRICT)
    content = told(fi, seen_by["FI"][0], there, sketches=False)
    fi.entry("attacks.shared", content, object_id=there, version=2, marking=strict)
    pulled(fi)
    assert SourceCount.projected.select_related("marking").get().marking.marking.tlp == Tlp.AMBER_STRICT


def test_an_embargoed_attack_is_not_counted(both, fi, mari) -> None:
    """Neither asked about nor answered for: that it was seen is nobody's to know."""
    own, theirs, _ = both
    shared = given(own, mari)
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    hidden = Marking(
        originators=frozenset({"ee-cert"}), embargo_us=now_us() + DAY_US, embargo_for=frozenset({"the team"})
    )
    mark(own.pk, hidden, "team-x", NODE, "For one team.")
    turn(fi)
    assert (SourceCount.projected.get(pk=count).state, fi.asked_for) == ("failed", [])
    with pytest.raises(UsageError, match="embargo"):
        counting.ask(own.pk, theirs.pk, WHY, replace(mari, teams=frozenset({"team-x"})))
    assert "no such attack" in fi.wants(shared).refused


def test_the_ledger_rebuilds_it(both, fi, mari) -> None:
    """Rows are what the entries say; nothing of what hides sources is in a plain body."""
    own, theirs, _ = both
    counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    before = as_read(SourceCount.projected.all())
    rebuild()
    assert as_read(SourceCount.projected.all()) == before
    assert Entry.objects.filter(kind="matching.count_asked").count() == 1
