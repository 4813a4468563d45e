"""The long work: captures from the inbox, watched folders and the exercise, from flows to campaigns on record."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from hanse import jobs_wiring
from hanse.accounts.approvals import approve
from hanse.attacks import service as attacks
from hanse.attacks.models import Attack, Run
from hanse.campaigns.models import Campaign
from hanse.console.purging import propose_purge, would_go
from hanse.constituency import service as constituency
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Tlp
from hanse.ledger.models import Entry
from hanse.ledger.service import purge
from hanse.policy import service as policy
from hanse.telemetry import service as telemetry
from hanse.telemetry.models import Input, Partition
from hanse.telemetry.removing import propose_removal
from hanse.web.jobs import Result
from hanse.web.models import Job
from tests.accounts.people import acting, newcomer
from tests.attacks.build import T0, VICTIM, icmp_flood, write
from tests.node.made import wrong

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]


class Told:
    """A progress that remembers the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        """A step begins."""
        self.steps.append(name)

    def at(self, done: int, total: int = 0) -> None:
        """So far it is."""
        assert done <= total or not total


@pytest.fixture
def inbox(node_home: Path) -> Iterator[Path]:
    """The node's inbox, empty as its flows are."""
    folder = jobs_wiring.inbox()
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    rmtree(folder)
    rmtree(telemetry.flows_folder(), ignore_errors=True)


def flood(folder: Path, start_s: float = 600.0, span_s: float = 400.0) -> str:
    """A file with one ICMP flood; its name."""
    folder.mkdir(exist_ok=True, parents=True)
    return Path(write(folder, icmp_flood(start_s, span_s))[0]).name


def test_from_a_capture_to_an_attack(actor: People, inbox: Path) -> None:
    """What is dropped into the inbox is stored, on record with its hash, searched, and shown with its flows."""
    mari = actor("analyst")
    told = Told()
    where = jobs_wiring.analyse({"paths": [flood(inbox)]}, told, mari)
    row = Attack.objects.for_actor(mari, "attacks.view").get()
    assert (row.victim, row.vector, row.state) == (VICTIM, "icmp_flood", "over")
    assert where == f"/attacks/?run={Run.projected.get().pk}"
    assert Input.projected.get().flows == sum(Partition.projected.values_list("rows", flat=True))
    for part in Partition.projected.all():
        assert telemetry.sha256_of(telemetry.flows_folder() / part.path) == part.sha256
    assert told.steps[0] == "Reading, MB"
    assert told.steps[-1] == "Putting it on record"
    assert attacks.flows_behind(row.pk, mari, 10).num_rows == 10
    behind = attacks.flows_behind(row.pk, mari, None)
    curve = attacks.rates_of(row.pk, mari)
    total = sum(curve.pps) * curve.step_us / 1e6
    assert total == pytest.approx(sum(behind["packets"].to_pylist()), rel=0.02)
    assert max(curve.pps) == pytest.approx(row.peak_pps, rel=0.2)
    assert wrong() == []


def test_a_curve_is_cut_out_once_and_for_nobody_who_may_not(
    actor: People, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flows of a curve are read once; without flows that the reader may look at, or when they change, it is another."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": [flood(inbox)]}, Told(), mari)
    row = Attack.objects.for_actor(mari, "attacks.view").get()
    curve = attacks.rates_of(row.pk, mari)
    assert sum(curve.pps) > 0
    with monkeypatch.context() as closed:
        closed.setattr("hanse.engine.open_engine", None)
        assert attacks.rates_of(row.pk, actor("analyst")) == curve
    for part in Partition.projected.all():
        marking = replace(part.marking.marking, tlp=Tlp.RED)
        policy.mark(part.pk, marking, "alpha", mari, "It is about an officer.")
    assert sum(attacks.rates_of(row.pk, mari).pps) == 0
    assert attacks.rates_of(row.pk, actor("analyst", teams=("alpha",))) == curve
    Partition.projected.update(sha256="0" * 64)
    monkeypatch.setattr("hanse.engine.open_engine", None)
    with pytest.raises(TypeError):
        attacks.rates_of(row.pk, actor("analyst", teams=("alpha",)))


def test_a_file_is_stored_once(actor: People, inbox: Path) -> None:
    """The same file given again, under another name too, is not stored twice and changes nothing on record."""
    mari = actor("analyst")
    name = flood(inbox)
    first = jobs_wiring.analyse({"paths": [name]}, Told(), mari)
    before, stored = Entry.objects.count(), Partition.projected.count()
    again = jobs_wiring.analyse({"paths": [name]}, Told(), mari)
    assert (Entry.objects.count(), Partition.projected.count()) == (before, stored)
    assert again == first


def test_what_was_read_in_part_is_in_part_also_the_second_time(actor: People, inbox: Path) -> None:
    """A finding that rests on a damaged file says so, whoever brings the same bytes once more."""
    lines = "start,end,src,dst,protocol,packets,bytes\n1,2,192.0.2.1,192.0.2.2,17,1,100\n1,2,192.0.2.1,19"
    for name in ("first.csv", "second.csv"):
        inbox.mkdir(exist_ok=True)
        (inbox / name).write_text(lines)
        jobs_wiring.analyse({"paths": [name]}, Told(), actor("analyst"))
        words = Run.projected.latest("time_us").detail["parameters"]["read"]
        assert words == f"Not read wholly: {name}. What is missing there may hide attacks."


def test_what_was_read_in_part_is_in_part_also_when_it_is_analysed_again(actor: People, inbox: Path) -> None:
    """What is stored of a damaged file is no more whole than the file was: the analysis says so, also beside other files."""
    mari = actor("analyst")
    lines = "start,end,src,dst,protocol,packets,bytes\n1,2,192.0.2.1,192.0.2.2,17,1,100\n1,2,192.0.2.1,19"
    inbox.mkdir(exist_ok=True)
    (inbox / "damaged.csv").write_text(lines)
    jobs_wiring.analyse({"paths": ["damaged.csv"]}, Told(), mari)
    (inbox / "whole.csv").write_text(lines.rpartition("\n")[0].replace("192.0.2.1", "192.0.2.3") + "\n")
    for params in ({"since_us": 0, "until_us": 10_000_000}, {"paths": ["whole.csv"]}):
        result = jobs_wiring.analyse(params, Told(), mari)
        words = Run.projected.latest("time_us").detail["parameters"]["read"]
        assert isinstance(result, Result)
        assert result.words == words
        assert words == (
            "Not read wholly: stored flows, 1 of the files that they came from read only in part. What is missing there "
            "may hide attacks."
        )


def test_an_attack_over_two_files_is_one(actor: People, inbox: Path) -> None:
    """An attack that goes on in the next file grows under its own id; what lies around is not touched."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": ["a/" + flood(inbox / "a", 0.0, 300.0)]}, Told(), mari)
    early = Attack.projected.get()
    jobs_wiring.analyse({"paths": ["b/" + flood(inbox / "b", 3_500.0, 300.0)]}, Told(), mari)
    jobs_wiring.analyse({"paths": ["c/" + flood(inbox / "c", 3_800.0, 300.0)]}, Told(), mari)
    rows = Attack.projected.order_by("start_us")
    assert [round((row.start_us - T0) / 1e6, -1) for row in rows] == [0, 3_500]
    assert rows[0].sequence == early.sequence
    assert (rows[1].end_us - T0) / 1e6 == pytest.approx(4_100, abs=10)


def test_an_attack_keeps_its_name_when_earlier_files_come(actor: People, inbox: Path) -> None:
    """Files of the beginning of an attack that come late move its start: it is the same attack, with what people said."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": ["c/" + flood(inbox / "c", 3_800.0, 300.0)]}, Told(), mari)
    first = Attack.projected.get()
    attacks.note(first.pk, "The bank called.", mari)
    jobs_wiring.analyse({"paths": ["b/" + flood(inbox / "b", 3_500.0, 300.0)]}, Told(), mari)
    row = Attack.projected.get()
    assert (row.pk, row.name) == (first.pk, first.name)
    assert row.start_us < first.start_us
    assert (row.end_us - T0) / 1e6 == pytest.approx(4_100, abs=10)
    assert [one.reason for one in attacks.decisions_on(row.pk, mari)] == ["The bank called."]
    assert wrong() == []


def test_attacks_that_are_found_to_be_one_count_once(actor: People, inbox: Path) -> None:
    """What comes late between two attacks joins them: the first goes on, and the other stands as its part."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": ["a/" + flood(inbox / "a", 3_000.0, 300.0)]}, Told(), mari)
    jobs_wiring.analyse({"paths": ["c/" + flood(inbox / "c", 3_800.0, 200.0)]}, Told(), mari)
    first, second = Attack.projected.order_by("start_us")
    jobs_wiring.analyse({"paths": ["b/" + flood(inbox / "b", 3_250.0, 600.0)]}, Told(), mari)
    rows = Attack.projected.order_by("start_us")
    assert [(row.pk, row.state, row.part_of) for row in rows] == [
        (first.pk, "over", None), (second.pk, "merged", first.pk),
    ]  # fmt: skip
    assert wrong() == []
    before = Entry.objects.count()
    jobs_wiring.analyse({"since_us": T0, "until_us": T0 + 7_200_000_000}, Told(), mari)
    assert Entry.objects.filter(kind="attacks.absorbed").count() == 1
    assert Entry.objects.count() == before + 1, "the analysis alone"


def test_part_of_what_was_purged(actor: People, inbox: Path) -> None:
    """An attack that became part of another one does not come back for itself when that one is purged by its date."""
    mari = actor("analyst")
    for name, start_s, span_s in (("a", 3_000.0, 300.0), ("c", 3_800.0, 200.0), ("b", 3_250.0, 600.0)):
        jobs_wiring.analyse({"paths": [f"{name}/{flood(inbox / name, start_s, span_s)}"]}, Told(), mari)
    whole, part = Attack.projected.order_by("start_us")
    purge([whole.pk], mari, "Retention is over.")
    assert [(row.pk, row.state) for row in Attack.projected.all()] == [(part.pk, "merged")]
    assert wrong() == []
    # Analysed again, its flows are no attack of their own either, be they all of them or those of the part alone.
    begin, end = part.start_us - 5_000_000, part.end_us + 5_000_000
    for since, until in ((begin, end), (T0, T0 + 7_200_000_000)):
        jobs_wiring.analyse({"since_us": since, "until_us": until}, Told(), mari)
        assert [(row.pk, row.state) for row in Attack.projected.all()] == [(part.pk, "merged")]
    assert wrong() == []


def test_parts_go_with_what_two_people_purge(actor: People, inbox: Path) -> None:
    """They are told before that the part goes with the whole; found again, neither comes back."""
    mari, officer = actor("analyst"), acting(newcomer("officer", name="Olev Ots"))
    for name, start_s, span_s in (("a", 3_000.0, 300.0), ("c", 3_800.0, 200.0), ("b", 3_250.0, 600.0)):
        jobs_wiring.analyse({"paths": [f"{name}/{flood(inbox / name, start_s, span_s)}"]}, Told(), mari)
    whole, part = Attack.projected.order_by("start_us")
    assert [one.object_id for one in would_go(whole.pk, officer)] == [whole.pk, part.pk]
    approve(propose_purge(whole.pk, "The court ordered it.", officer), acting(newcomer("approver")))
    assert not Attack.projected.exists()
    assert wrong() == []
    jobs_wiring.analyse({"since_us": T0, "until_us": T0 + 7_200_000_000}, Told(), mari)
    assert not Attack.projected.exists()


def test_an_attack_at_the_edge_of_what_is_analysed_again_is_not_cut(actor: People, inbox: Path) -> None:
    """Analysing an hour again in which an attack goes on leaves it as long as it was."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": ["a/" + flood(inbox / "a", 3_400.0, 4_400.0)]}, Told(), mari)
    before = Attack.projected.get()
    middle = T0 + 3_700_000_000
    for since, until in ((T0, T0 + 3_500_000_000), (middle, middle + 1), (middle, T0 + 86_400_000_000)):
        jobs_wiring.analyse({"since_us": since, "until_us": until}, Told(), mari)
        row = Attack.projected.get()
        assert (row.pk, row.start_us, row.end_us) == (before.pk, before.start_us, before.end_us)


def test_what_people_teach_is_applied(actor: People, inbox: Path) -> None:
    """What was called harmless is not found again when the stored flows are analysed anew."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": [flood(inbox)]}, Told(), mari)
    row = Attack.projected.get()
    attacks.mark_false_positive(row.pk, "Our own monitoring.", mari)
    jobs_wiring.analyse({"since_us": T0, "until_us": T0 + 3_600_000_000}, Told(), mari)
    assert Attack.projected.get().state == "false-positive"
    assert Run.projected.order_by("-time_us").first().attacks == 0
    assert Run.projected.order_by("-time_us").first().detail["lessons"] == 1


def test_only_the_inbox_is_read(actor: People, inbox: Path) -> None:
    """No path leads out of the inbox."""
    for name in ("../settings.toml", "/etc/hostname", "a/../../hanse.sqlite3", "."):
        with pytest.raises(UsageError, match="not in the inbox"):
            jobs_wiring.analyse({"paths": [name]}, Told(), actor("analyst"))


def test_a_file_that_is_no_telemetry_says_so(actor: People, inbox: Path) -> None:
    """A file without flows ends the job in words, and its account is on record."""
    (inbox / "letter.txt").write_text("Dear colleagues,\n")
    with pytest.raises(UsageError, match="no flows"):
        jobs_wiring.analyse({"paths": ["letter.txt"]}, Told(), actor("analyst"))
    assert Input.projected.get().problem_count == 1
    for number in range(5):
        (inbox / f"{number}.txt").write_text(f"Dear colleague {number},\n")
    with pytest.raises(UsageError) as told:
        jobs_wiring.analyse({"paths": [f"{number}.txt" for number in range(5)]}, Told(), actor("analyst"))
    lines = str(told.value).splitlines()
    assert len(lines) == 5, "one line for each of the first three, and how many more there are"
    assert lines[-1].startswith("2 more")


def test_a_watched_folder(actor: People, inbox: Path, tmp_path: Path) -> None:
    """New files in a watched folder start one job, once each, also files that are no telemetry."""
    mari = actor("analyst")
    jobs_wiring.register()
    telemetry.watch(tmp_path, mari)
    flood(tmp_path)
    (tmp_path / "notes.txt").write_text("Ask the provider.\n")
    assert not jobs_wiring.look(mari)
    for file in tmp_path.iterdir():
        os.utime(file, (1, 1))
    assert jobs_wiring.look(mari)
    assert not jobs_wiring.look(mari)
    jobs_wiring.watch(Job.objects.get().params, Told(), mari)
    assert Attack.projected.count() == 1
    assert telemetry.new_files() == []
    telemetry.watch(tmp_path, mari, on=False)
    with pytest.raises(UsageError, match="no watched folder"):
        jobs_wiring.watch(Job.objects.get().params, Told(), mari)
    assert wrong() == []


def test_links_lead_out_of_no_watched_folder(actor: People, inbox: Path, tmp_path: Path) -> None:
    """Who may put files into a watched folder has the node read no other: neither found nor put there while it waits."""
    mari, watched, others = actor("analyst"), tmp_path / "watched", tmp_path / "others"
    jobs_wiring.register()
    secret = others / flood(others)
    own = watched / flood(watched)
    (watched / "link").symlink_to(secret)
    telemetry.watch(watched, mari)
    for file in (secret, own):
        os.utime(file, (1, 1))
    assert telemetry.new_files() == [own]
    own.unlink()
    own.symlink_to(secret)
    with pytest.raises(UsageError, match="no watched folder"):
        jobs_wiring.watch({"paths": [str(own)]}, Told(), mari)
    assert not Input.projected.exists()


def test_no_folder_around_the_node_is_watched(actor: People, inbox: Path) -> None:
    """It would read its own keys, and bring in for ever what it stored itself."""
    for folder in (inbox, inbox.parent, inbox.parent.parent, Path("/")):
        with pytest.raises(UsageError, match="no folder that can be watched"):
            telemetry.watch(folder, actor("analyst"))


def test_partitions_that_are_removed(actor: People, inbox: Path) -> None:
    """A removed partition's file is gone, and both its coming and its going are on record."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": [flood(inbox)]}, Told(), mari)
    parts = list(Partition.projected.values_list("pk", flat=True))
    files = telemetry.files_of(Partition.projected.all())
    mari = acting(newcomer("analyst"))
    approve(propose_removal(parts, "over the quota", mari), acting(newcomer("approver", name="Jaan Tamm")))
    assert not any(Path(file).exists() for file in files)
    assert not Partition.projected.exists()
    assert Entry.objects.filter(object_id=parts[0]).count() == 2
    assert wrong() == []


def test_what_is_missing_was_not_looked_at(actor: People, inbox: Path) -> None:
    """An analysis without some of the stored files says so, and one without all of them says what to do."""
    mari = actor("analyst")
    jobs_wiring.analyse({"paths": [flood(inbox)]}, Told(), mari)
    (inbox / "later").mkdir()
    jobs_wiring.analyse({"paths": [f"later/{flood(inbox / 'later', 90_000.0)}"]}, Told(), mari)
    files = [Path(file) for file in telemetry.files_of(Partition.projected.order_by("start_us"))]
    files[0].unlink()
    jobs_wiring.analyse({}, Told(), mari)
    told = str(Run.projected.latest("time_us").detail)
    assert f"without 1 of {len(files)} files that are not on the disk" in told
    for file in files[1:]:
        file.unlink()
    with pytest.raises(UsageError, match="Copy them back"):
        jobs_wiring.analyse({}, Told(), mari)


@pytest.mark.soak
def test_the_exercise(actor: People, inbox: Path) -> None:
    """The first-run exercise gives its attacks and one campaign, with its registry as the constituency."""
    jobs_wiring.load_exercise({}, Told(), actor("analyst"))
    assert Attack.projected.count() == 128
    assert Campaign.projected.count() == 1
    assert len(constituency.registry()) > 9
