"""What a partner that counts could do beside the protocol: none of it raises a number, is off the record, or goes on."""

from dataclasses import replace

import msgspec
import pytest

from hanse.attacks.attack import Attack
from hanse.attacks.models import PartnerAttack
from hanse.federation import recalling
from hanse.federation.contents import Recall
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.service import purge
from hanse.matching import (
    common_sources,
    comparing,
    count_answering,
    counting,
    parts,
    reopening,
    showing,
    source_pages,
)
from hanse.matching.common_sources import Said, Sample
from hanse.matching.group import ProtocolError
from hanse.matching.models import RunPart, SourceCount
from hanse.matching.quota import DAY_US
from hanse.policy.service import mark
from tests.accounts.people import acting, newcomer
from tests.campaigns.test_crossing import NODE
from tests.matching.asker import turn
from tests.matching.test_counting import WHY, both, fi, given, home, mari, seen_by

__all__ = ["both", "fi", "home", "mari", "seen_by"]
pytestmark = pytest.mark.usefixtures("founded", "few_sources")
RED = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.RED)


def test_one_source_sent_many_times_is_refused_before_anything_is_answered(both, fi, mari) -> None:
    """Equal points have equal tokens: their numbers would say which of them are sources here."""
    shared = given(both[0], mari)
    fi.wants(shared)
    points = fi.put.points
    told = fi.wants(shared, points=points[:32] + points[:-32], said=fi.put.said)
    assert "twice" in told.refused
    assert told.points == b""


@pytest.mark.parametrize("share", [5e-324, 1e-9])
def test_a_sample_that_can_be_none_is_refused(both, fi, mari, share) -> None:
    """A share that is made up would multiply the number."""
    own, theirs, _ = both
    fi.opens_ = lambda told: msgspec.structs.replace(
        told, said=msgspec.structs.replace(told.said, share=share)
    )
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    row = SourceCount.projected.get(pk=count)
    assert row.state == "failed"
    assert "sample" in row.why
    assert "In common" in source_pages.panel(own.pk, mari)


def test_more_in_common_than_the_samples_can_share_is_not_believed() -> None:
    """A sample of a thousandth of all addresses has next to nothing of one of seven hundred."""
    whole, thousandth = Said(700, 1.0, ""), Said(1_024, 0.001, "")
    assert common_sources.believed(5, whole, thousandth) == 5
    with pytest.raises(ProtocolError, match="More sources are in common"):
        common_sources.believed(154, whole, thousandth)
    with pytest.raises(ProtocolError, match="More sources are in common"):
        common_sources.believed(154, thousandth, whole)
    half = Said(1_024, 0.5, "")
    assert common_sources.believed(540, Said(1_024, 1.0, ""), half) == 540


def test_what_it_recalls_takes_no_count_from_its_quota(both, fi, mari, seen_by, monkeypatch) -> None:
    """That it had something counted stays on record, though the number goes with its attack."""
    own, theirs, there = both
    monkeypatch.setattr(count_answering, "PER_DAY", 2)
    shared = given(own, mari)
    for _ in range(2):
        assert not fi.wants(shared, there.hex).refused
        fi.goes_on()
    fi.entry("federation.recalled", Recall(there.hex, "Sorry."))
    turn(fi)
    assert not PartnerAttack.projected.filter(pk=theirs.pk).exists()
    assert not SourceCount.projected.exists()
    assert count_answering.counted_in_a_day("fi-cert") == 2
    assert "within a day" in fi.wants(shared).refused
    asked = showing.askings(acting(newcomer("auditor")))
    assert [(one.sources, bool(one.refused)) for one in asked] == [(True, True), (True, False), (True, False)]


def test_one_attack_is_counted_so_often_within_a_month(both, home, fi, mari, monkeypatch) -> None:
    """Who tries guesses on one attack is stopped there, and not at the next one."""
    monkeypatch.setattr(count_answering, "PER_ATTACK", 2)
    shared, other = given(both[0], mari), given(home[1], mari)
    assert [bool(fi.wants(shared).refused) for _ in range(3)] == [False, False, True]
    assert not fi.wants(other).refused
    later = now_us() + 2 * DAY_US
    monkeypatch.setattr(count_answering, "now_us", lambda: later)
    assert "thirty days" in fi.wants(shared).refused


def test_requests_that_interleave_count_each(both, fi, mari, monkeypatch) -> None:
    """Two web processes answer at once; the quota holds where they write."""
    monkeypatch.setattr(count_answering, "PER_DAY", 1)
    shared, honest, inside = given(both[0], mari), common_sources.sample_of, [0]

    def sample_of(attack: Attack) -> Sample:
        inside[0] += 1
        if inside[0] <= 3:
            fi.wants(shared)
        return honest(attack)

    monkeypatch.setattr(common_sources, "sample_of", sample_of)
    fi.wants(shared)
    assert SourceCount.projected.count() == 1


@pytest.mark.parametrize("what", ["red", "purged", "recalled"])
def test_what_happens_to_the_attack_meanwhile_holds(what, both, fi, mari, monkeypatch) -> None:
    """Between the question and what is written, another process marks, purges or recalls it."""
    own, _, there = both
    shared, honest = given(own, mari), common_sources.sample_of

    def sample_of(attack: Attack) -> Sample:
        _happens(what, own, mari)
        return honest(attack)

    monkeypatch.setattr(common_sources, "sample_of", sample_of)
    assert fi.wants(shared, there.hex).refused
    assert not SourceCount.projected.exists()


@pytest.mark.parametrize("what", ["red", "recalled"])
def test_a_count_that_was_begun_is_not_finished_then(what, both, fi, mari) -> None:
    """The partner may not have it any more: it gets no tokens."""
    own, _, _ = both
    assert not fi.wants(given(own, mari)).refused
    _happens(what, own, mari)
    assert fi.goes_on().refused
    assert fi.common is None
    assert SourceCount.projected.get().state == "failed"


def _happens(what: str, own, mari) -> None:
    if what == "red":
        mark(own.pk, RED, "team-x", NODE, "For one team.")
    elif what == "purged":
        purge([own.pk], NODE, "Gone.")
    else:
        recalling.recall(own.pk, replace(mari, stepped_up_us=now_us()), "It was wrong.")


def test_nothing_is_kept_of_a_count_that_was_purged_meanwhile(both, fi, mari) -> None:
    """Nor of one whose pieces were left over by whatever else."""
    own, theirs, _ = both
    counting.ask(own.pk, theirs.pk, WHY, mari)

    def closes(told):
        purge([own.pk], NODE, "Gone.")
        return told

    fi.closes_ = closes
    turn(fi)
    assert not RunPart.objects.exists()
    parts.put(theirs.pk, parts.POINTS, 0, b"left over")
    assert comparing.tidy() == 1
    assert not RunPart.objects.exists()


def test_other_sizes_on_record_than_were_committed_to_are_found(both, fi, mari) -> None:
    """What is shown is made of them."""
    own, theirs, _ = both
    count = counting.ask(own.pk, theirs.pk, WHY, mari)
    turn(fi)
    SourceCount.projected.filter(pk=count).update(other_size=17)
    auditor = replace(acting(newcomer("auditor")), stepped_up_us=now_us())
    [said] = reopening.reopen_count(count, auditor, "As every year.")
    assert "sizes on record" in said


def test_a_count_needs_a_reason(both, mari) -> None:
    """Before anything is looked up."""
    with pytest.raises(UsageError, match="Say why"):
        counting.ask(both[0].pk, both[1].pk, " ", mari)
