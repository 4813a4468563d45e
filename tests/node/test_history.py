"""Histories with everything in them: decisions, purges, growth; the rows must equal a replay after each."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanse.attacks import service as attacks
from hanse.attacks.attack import attack_name
from hanse.attacks.lessons import MOST_QUIET_S
from hanse.attacks.models import Attack, Decision, Membership, State
from hanse.campaigns import service as campaigns
from hanse.campaigns.models import Campaign, Link
from hanse.constituency import service as constituency
from hanse.constituency.registry import Registry, Target
from hanse.kernel.actors import Actor, system
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.pipeline import Analysis
from hanse.policy.models import drop_unused
from hanse.recording import record, with_derived
from hanse.tracing.models import Places, Trace
from tests.campaigns.plans import estonia, estonia_registry
from tests.node.made import analysis_of, earliest, wrong

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
VICTIM = "195.80.105.107"
MINUTE_US = 60_000_000


def few(more: int = 0) -> Analysis:
    """Eighteen or more of the Estonian attacks."""
    return earliest(18 + more)


def same() -> None:
    """The live rows are what the ledger says."""
    drop_unused()
    assert wrong() == []


def pair(mari: Actor) -> list[UUID]:
    """Two attacks on record on one victim by one vector."""
    rows = Attack.objects.for_actor(mari, "attacks.view").order_by("start_us")
    for row in rows:
        others = rows.filter(victim=row.victim, vector=row.vector)
        if others.count() > 1:
            return [one.pk for one in others[:2]]
    raise AssertionError("the made attacks hold no such pair")


def test_a_false_positive_and_its_withdrawal(actor: People) -> None:
    """A false positive leaves the standing attacks at once and teaches the detector; withdrawn, it is undone."""
    mari = actor("analyst")
    found = record(few(), mari)
    row = Attack.objects.for_actor(mari, "attacks.view").exclude(campaign=None).first()
    before = campaigns.counts(mari, found.campaigns)[row.campaign].standing
    decision = attacks.mark_false_positive(row.pk, "It is our own backup.", mari)
    assert Attack.projected.get(pk=row.pk).state == State.FALSE_POSITIVE
    assert campaigns.counts(mari, found.campaigns)[row.campaign].standing == before - 1
    (lesson,) = attacks.lessons_for()
    assert (lesson.kind, lesson.value, lesson.reason) == (
        "false-positive",
        row.peak_pps * 1.25,
        "It is our own backup.",
    )
    same()
    attacks.withdraw(decision, "It was none of ours.", mari)
    assert Attack.projected.get(pk=row.pk).state == State.OVER
    assert attacks.lessons_for() == ()
    assert [one.what for one in attacks.decisions_on(row.pk, mari)] == ["false-positive"]
    same()


def test_a_merge_is_one_lesson(actor: People) -> None:
    """Merged attacks are one: the earliest stands, the others do not, and the detector learns it once."""
    mari = actor("analyst")
    record(few(), mari)
    first, second = pair(mari)
    attacks.merge([second, first], "One wave.", mari)
    assert Attack.projected.get(pk=first).state == State.OVER
    assert Attack.projected.get(pk=second).state == State.MERGED
    (lesson,) = attacks.lessons_for()
    assert lesson.kind == "merge"
    assert len(lesson.attacks) == 2
    same()


def test_purging_one_of_merged_attacks_leaves_nothing_of_it(actor: People) -> None:
    """After a purge no row names the attack, and the decision that was on it alone is gone with it.

    The other one counts for itself again: nothing on record holds its traffic any more.
    """
    mari = actor("analyst")
    record(few(), mari)
    first, second = pair(mari)
    attacks.merge([first, second], "One wave.", mari)
    attacks.note(first, "Ask the host.", mari)
    purge([first], mari, "Its retention is over.")
    for model in (Decision, Membership):
        assert not model.objects.filter(attack=first).exists()
    assert not Trace.projected.filter(pk=first).exists()
    assert not Places.objects.filter(trace=first).exists()
    assert not Link.objects.filter(first=first).exists()
    assert not Link.objects.filter(second=first).exists()
    assert Attack.projected.get(pk=second).state == State.OVER
    same()


def test_what_was_purged_stays_away(actor: People) -> None:
    """An analysis of the same telemetry brings no purged attack back, neither alone nor within a campaign."""
    mari = actor("analyst")
    told = few()
    record(told, mari)
    gone = attacks.object_of(told.campaigns[0].attacks[0])
    purge(with_derived([gone]), mari, "Its retention is over.")
    assert not Campaign.projected.exists()
    same()
    again = record(told, mari)
    assert again.purged == 1
    assert not Attack.projected.filter(pk=gone).exists()
    assert not Membership.objects.filter(attack=gone).exists()
    assert Campaign.projected.exists()
    same()


def test_attacks_that_run(actor: People) -> None:
    """An attack that begins live is running until it ends; found again whole it is the same object."""
    node = system("collector", "ee-cert")
    mari = actor("analyst")
    told = few()
    whole = told.attacks[0]
    begun = replace(whole, end_us=whole.start_us + 1_000_000, packets=10)
    attacks.begun(begun, None, node)
    row = attacks.object_of(whole.id)
    attacks.alerted(row, attacks.Alerted("mail", "duty@example.org", delivered=False, words="refused"), node)
    assert Attack.projected.get(pk=row).state == State.RUNNING
    assert attacks.end_all(node, "the collector stopped") == 1
    assert Attack.projected.get(pk=row).state == State.OVER
    record(told, mari)
    assert Attack.projected.get(pk=row).packets == whole.packets
    assert len(attacks.alerts_on(row, mari)) == 1
    same()


def test_the_constituency(actor: People) -> None:
    """Loaded, changed row by row, and purged: look-ups answer by what is on record, as the registry does."""
    mari = actor("analyst")
    whole = estonia_registry()
    assert constituency.load(whole, mari, "ee.csv").count("new") == len(whole)
    assert not constituency.load(whole, mari, "ee.csv").applied
    constituency.change(Target("2001:db8::/32", "University", "research", "EE"), mari)
    for address in (VICTIM, "195.80.96.3", "10.0.0.1", "2001:db8::7", "195.80.96.0/20"):
        known = Registry([*whole, Target("2001:db8::/32", "University", "research", "EE")])
        assert constituency.lookup(address) == known.lookup(address)
    same()
    purge([constituency._whole()], mari, "Wrong list.")
    assert len(constituency.registry()) == 0
    same()


STEPS = st.sampled_from(
    ["few", "more", "wider", "false", "merge", "split", "note", "withdraw", "purge", "purge one", "load"]
)


HISTORIES = st.lists(st.tuples(STEPS, st.integers(0, 30)), min_size=4, max_size=9)


@pytest.mark.long
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(HISTORIES)
def test_any_history_equals_its_replay(steps: list[tuple[str, int]]) -> None:
    """Whatever is found, decided, withdrawn and purged, in any order: the rows equal a replay, and a rebuild."""
    _lives(steps)


@pytest.mark.soak
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(HISTORIES)
def test_many_histories_equal_their_replay(steps: list[tuple[str, int]]) -> None:
    """The same of many histories."""
    _lives(steps)


def _lives(steps: list[tuple[str, int]]) -> None:
    """One history from its beginning."""
    mari = Actor("person", "m", "Mari", "ee-cert", roles=frozenset({"analyst", "officer"}))
    record(few(), mari)
    for what, number in steps:
        _do(what, number, mari)
    same()
    rebuild()
    same()


def _do(what: str, number: int, mari: Actor) -> None:
    """One step of a history; where it cannot be done, nothing."""
    rows = list(Attack.projected.order_by("object_id"))
    row = rows[number % len(rows)] if rows else None
    if what in {"few", "more"}:
        record(few(number if what == "more" else 0), mari)
    elif what == "load":
        constituency.load(Registry(list(estonia_registry())[: 1 + number % 9]), mari, "x")
    elif what == "withdraw":
        held = Decision.objects.filter(withdrawn_by=None).first()
        if held:
            attacks.withdraw(held.decision, "no", mari)
    elif row is None:
        return
    elif what == "wider":
        one = attacks.attack_in(row)
        wider = replace(one, start_us=one.start_us - MINUTE_US, end_us=one.end_us + number * 10 * MINUTE_US)
        name = attack_name(one.victim, one.vector, wider.start_us)
        record(analysis_of(estonia(7), [replace(wider, id=name)]), mari)
    elif what == "merge":
        # Any two of them lie closer together than what is bridged.
        near = [one for one in rows if abs(one.start_us - row.start_us) < MOST_QUIET_S * 500_000]
        others = [one.pk for one in near if (one.victim, one.vector) == (row.victim, row.vector)]
        if len(others) > 1:
            attacks.merge(others[:3], "one wave", mari)
    elif what == "purge":
        purge(with_derived([row.pk]), mari, "retention")
    elif what == "purge one":
        purge([row.pk if number % 2 else row.campaign or row.pk], mari, "retention")
    else:
        _decide(what, row, mari)


def _decide(what: str, row: Attack, mari: Actor) -> None:
    if what == "false" and row.state != State.FALSE_POSITIVE:
        attacks.mark_false_positive(row.pk, "backup", mari)
    elif what == "split":
        attacks.split(row.pk, row.start_us + 100_000_000, "two waves", mari)
    elif what == "note":
        attacks.note(row.pk, "ask them", mari)
