"""An analysis on record: once, whole, in one transaction, and equal to its replay."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hanse.attacks import service as attacks
from hanse.attacks.models import Attack, Membership, Run, RunAttack
from hanse.campaigns import service as campaigns
from hanse.campaigns.models import Campaign, Link
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from hanse.policy.asking import RefusedError
from hanse.recording import record
from hanse.telemetry.reading import InputReport
from hanse.tracing.models import Places, Trace
from tests.campaigns.plans import estonia
from tests.node.made import analysis_of, estonian, wrong

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]


def test_an_analysis_becomes_rows(actor: People) -> None:
    """Every attack, trace and campaign of an analysis is on record, each attack with its campaign."""
    mari = actor("analyst")
    told = estonian()
    found = record(told, mari)
    assert (found.new, found.changed, found.unchanged) == (128, 0, 0)
    rows = Attack.objects.for_actor(mari, "attacks.view")
    assert rows.count() == Trace.objects.for_actor(mari, "tracing.view").count() == 128
    assert len(found.campaigns) == len(told.campaigns) == Campaign.projected.count() == 1
    named = told.campaigns[0].attacks
    assert rows.filter(campaign=found.campaigns[0]).count() == len(named)
    assert Link.objects.count() == len(named) - 1
    assert Run.projected.get().attacks == RunAttack.objects.count() == 128
    first = told.attacks[0]
    assert attacks.attack_in(rows.get(name=first.id)) == first
    assert rows.get(name=first.id).organisation == told.registry.lookup(first.victim).organisation
    assert campaigns.counts(mari, found.campaigns)[found.campaigns[0]].standing == len(named)


def test_the_same_analysis_again_writes_nothing(actor: People) -> None:
    """The same telemetry analysed twice makes no new entry."""
    mari = actor("analyst")
    record(estonian(), mari)
    before = Entry.objects.count()
    again = record(estonian(), mari)
    assert Entry.objects.count() == before
    assert (again.new, again.changed, again.unchanged) == (0, 0, 128)


def test_what_is_known_better_is_a_new_version(actor: People) -> None:
    """An attack of which more is known gets a new version, and no other one does."""
    mari = actor("analyst")
    told = estonian()
    record(told, mari)
    first = replace(told.attacks[0], peak_bps=told.attacks[0].peak_bps * 2)
    grown = replace(told, detection=replace(told.detection, attacks=(first, *told.attacks[1:])))
    found = record(grown, mari)
    assert (found.new, found.changed, found.unchanged) == (0, 1, 127)
    assert Attack.projected.get(name=first.id).peak_bps == first.peak_bps


def test_a_campaign_grows_under_its_own_id(actor: People) -> None:
    """A campaign found with more attacks is a new version of the one on record, which loses none."""
    mari = actor("analyst")
    maker = estonia(7)
    earlier = sorted(maker.attacks, key=lambda each: each.start_us)[:60]
    first = record(analysis_of(maker, earlier), mari)
    whole = record(analysis_of(maker), mari)
    assert set(whole.campaigns) & set(first.campaigns)
    row = Campaign.projected.get(pk=whole.campaigns[0])
    assert row.version == 2
    assert row.named == Membership.objects.filter(campaign=row.pk).count()
    assert list(campaigns.standing(mari).values_list("pk", flat=True)) == list(whole.campaigns)


def test_a_campaign_is_as_strict_as_its_strictest_attack(actor: People) -> None:
    """The marking of a campaign is the strictest of its attacks' markings, and no re-analysis weakens one."""
    chief = actor("analyst", "officer")
    told = estonian()
    red = replace(Marking.own("ee-cert"), tlp=Tlp.RED)
    some = replace(
        told,
        detection=replace(told.detection, attacks=told.attacks[:3]),
        traces=told.traces[:3],
        campaigns=(),
    )
    record(some, chief, red)
    found = record(told, chief)
    assert Attack.projected.get(name=told.attacks[0].id).marking.marking.tlp is Tlp.RED
    assert Attack.projected.get(name=told.attacks[9].id).marking.marking.tlp is Tlp.AMBER
    assert Campaign.projected.get(pk=found.campaigns[0]).marking.marking.tlp is Tlp.RED


def test_what_was_not_read_wholly_stands_with_the_finding(actor: People) -> None:
    """A finding says which files it does not rest on wholly: few by name, of many how many more."""
    told = analysis_of(estonia(7))
    damaged = InputReport("/srv/night.pcap.gz")
    damaged.add("byte 4096: it ends in the middle.", do="Fetch it again.")
    record(replace(told, inputs=(*told.inputs, damaged)), actor("analyst"))
    words = Run.projected.get().detail["parameters"]["read"]
    assert words == "Not read wholly: night.pcap.gz. What is missing there may hide attacks."
    many = tuple(replace(damaged, path=f"{number}.pcap") for number in range(9))
    record(replace(told, inputs=many), actor("analyst"))
    newest = Run.projected.latest("time_us")
    assert "0.pcap, 1.pcap, 2.pcap, 3.pcap, 4.pcap and 4 more" in newest.detail["parameters"]["read"]


def test_only_who_may_import_records(actor: People) -> None:
    """Whoever may not read telemetry in puts nothing on record."""
    with pytest.raises(RefusedError):
        record(estonian(), actor("auditor"))
    assert not Entry.objects.exists()


def test_a_replay_is_equal(actor: People) -> None:
    """All rows of an analysis follow from its entries."""
    mari = actor("analyst")
    record(estonian(), mari)
    assert wrong() == []
    assert Places.objects.count() > 60


def test_a_later_analysis_adds_to_a_campaign(actor: People) -> None:
    """Attacks of later telemetry join the campaign on record, which keeps what the analysis could not see."""
    mari = actor("analyst")
    maker = estonia(7)
    ordered = sorted(maker.attacks, key=lambda each: each.start_us)
    first = record(analysis_of(maker, ordered[:80]), mari)
    found = record(analysis_of(maker, ordered[60:]), mari)
    assert first.campaigns[0] in found.campaigns
    row = Campaign.projected.get(pk=first.campaigns[0])
    assert row.named > 100
    assert row.start_us == min(each.start_us for each in ordered[:3])
    assert Link.objects.filter(campaign=row.pk).count() == row.named - 1
    assert wrong() == []
