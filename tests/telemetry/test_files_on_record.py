"""Files of flows are what findings rest on: each is as it was put on record, and goes only with an entry that says why."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pyarrow as pa
import pytest
from django.conf import settings

from hanse import jobs_wiring
from hanse.accounts import rules
from hanse.accounts.approvals import ProposedAlreadyError, approve
from hanse.kernel.actors import Actor, system
from hanse.kernel.addresses import pack
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.ledger.models import Entry
from hanse.ledger.retention import purge_due
from hanse.node import collecting, doctor
from hanse.node.restoring import still_to_do
from hanse.policy.asking import RefusedError
from hanse.telemetry import service
from hanse.telemetry.models import Partition
from hanse.telemetry.removing import propose_removal
from hanse.telemetry.store import FlowStore
from tests.accounts.people import acting, newcomer
from tests.attacks.build import flows
from tests.telemetry.made import NOON, batch
from tests.telemetry.test_pages import Store, store
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as", "store"]

pytestmark = pytest.mark.django_db(transaction=True)

NODE = system("collector", "ee-cert", "EE")


@pytest.fixture(autouse=True)
def _no_flows() -> Iterator[None]:
    """The flows of a test end with it."""
    yield
    rmtree(service.flows_folder(), ignore_errors=True)


def test_fsck_finds_a_file_of_flows_that_was_altered_or_taken_away(store: Store) -> None:
    """Whoever has the disk puts no other flows under a record, and takes none away, unseen."""
    one, two = store(flows(3, src=["192.0.2.1"]), "one"), store(flows(3, src=["192.0.2.1"]), "two")
    assert list(service.findings()) == []
    path = service.flows_folder() / one.path
    path.write_bytes(path.read_bytes() + b"x")
    (service.flows_folder() / two.path).unlink()
    told = [str(finding) for finding in service.findings()]
    assert [f"partition {one.pk}" in told[0], "not the file" in told[0]] == [True, True], told
    assert ["stored flows: 1 of 2 files" in told[1], two.path in told[1]] == [True, True], told


def test_a_record_names_some_of_many_vantage_points(tmp_path: Path) -> None:
    """An import of a thousand files would have a partition whose entry is longer than its flows."""
    with FlowStore(service.flows_folder() / "imports" / "many") as made:
        for at in range(60):
            made.write(batch([NOON], vantage=f"point {at:02}"))
    (file,) = made.files()
    told = service.describe(file, "import")
    assert told is not None
    assert told.vantage.startswith("point 00, point 01, ")
    assert told.vantage.endswith("point 49, and 10 more")


def test_files_that_are_missing_are_one_finding(store: Store) -> None:
    """A node that was restored without its flows is told once, and what to do, and not once for each of thousands."""
    for name in "abc":
        store(flows(3, src=["192.0.2.1"]), name)
    rmtree(service.flows_folder())
    (told,) = map(str, service.findings())
    assert "3 of 3 files" in told
    assert "Copy them there" in told
    assert service.count_missing() == (3, 3)
    state, words = doctor.flows(settings.HANSE_NODE)
    assert state == "ill"
    assert "3 of 3 stored files" in words


def test_what_is_left_to_do_after_a_restore_is_said(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which files no backup has, and that the settings which it had name another database."""
    row = store(flows(3, src=["192.0.2.1"]), "one")
    (tmp_path / "settings.toml").write_text('authority = "ee-cert"\nname = "CERT Estonia"\ncountry = "EE"\n')
    assert list(still_to_do(tmp_path)) == []
    (service.flows_folder() / row.path).unlink()
    monkeypatch.setenv("HANSE_DATABASE", "postgresql:///hanse")
    files, database = still_to_do(tmp_path)
    assert "Copy 1 file of stored flows" in files
    assert "write it as `database`" in database


def test_a_search_says_that_files_are_missing(
    store: Store, actor: Callable[..., Actor], client_as: Callable[..., ActingClient]
) -> None:
    """That nothing was found is no answer while the files that could hold it are not there; none are taken as all."""
    there, missing = store(flows(3, src=["192.0.2.1"]), "one"), store(flows(3, src=["192.0.2.1"]), "two")
    (service.flows_folder() / missing.path).unlink()
    client = client_as(actor("analyst"))
    page = client.get("/flows/", {"address": "192.0.2.1"}).content.decode()
    assert "1 stored file of that time is on record and not on the disk" in page
    assert client.get("/api/flows/search", {"address": "192.0.2.1"}).json()["missing"] == 1
    refused = client.get("/api/flows/file", {"address": "192.0.2.1", "form": "csv"})
    assert refused.status_code == 400
    assert "1 of the stored files" in refused.json()["detail"]
    (service.flows_folder() / there.path).unlink()
    assert "2 stored files of that time are" in client.get("/flows/", {"port": 53}).content.decode()


def test_what_is_purged_by_its_date_leaves_no_file(store: Store) -> None:
    """Retention takes the file of flows with the record of it, as purging by hand does."""
    past = replace(Marking.own("ee-cert"), retention_us=now_us() - 1)
    going, staying = (
        store(flows(3, src=["192.0.2.1"]), "one", past),
        store(flows(3, src=["192.0.2.1"]), "two"),
    )
    assert purge_due() == 1
    assert not (service.flows_folder() / going.path).exists()
    assert (service.flows_folder() / staying.path).exists()


def test_removing_takes_a_passkey_proved_just_now(store: Store, actor: Callable[..., Actor]) -> None:
    """A stolen session or a token removes no flows: they do not come back."""
    row = store(flows(3, src=["192.0.2.1"]), "one")
    stale = replace(actor("analyst"), stepped_up_us=None)
    token = replace(
        actor("analyst"), kind="token", scopes=frozenset({"telemetry.import", "telemetry.remove"})
    )
    for who in (stale, token):
        with pytest.raises(RefusedError):
            propose_removal([row.pk], "No reason.", who)
    assert (service.flows_folder() / row.path).exists()
    assert Partition.projected.filter(pk=row.pk).exists()


def test_no_one_person_removes_flows(store: Store) -> None:
    """Evidence goes when a second person approves: the proposer cannot, and what was proposed is what goes."""
    going, staying = (store(flows(3, src=["192.0.2.1"]), name) for name in ("one", "two"))
    mari = acting(newcomer("analyst", "approver"))
    jaan = acting(newcomer("approver", name="Jaan Tamm"))
    proposal = propose_removal([going.pk], "Asked for by a court.", mari)
    with pytest.raises(ProposedAlreadyError, match="proposed something about the same"):
        propose_removal([going.pk, staying.pk], "Once more.", mari)
    with pytest.raises(rules.RefusedError):
        approve(proposal, mari)
    assert (service.flows_folder() / going.path).exists()
    approve(proposal, jaan)
    assert not (service.flows_folder() / going.path).exists()
    assert (service.flows_folder() / staying.path).exists()
    assert list(Partition.projected.values_list("pk", flat=True)) == [staying.pk]
    assert Entry.objects.filter(object_id=going.pk).latest("sequence").kind == "telemetry.partition_removed"


def test_what_is_gone_before_the_second_person_decides(store: Store) -> None:
    """What the quota took meanwhile hinders nobody from removing the rest; of nothing that is left it is said."""
    one, two = (store(flows(3, src=["192.0.2.1"]), name) for name in ("one", "two"))
    mari = acting(newcomer("analyst"))
    jaan = acting(newcomer("approver", name="Jaan Tamm"))
    both = propose_removal([one.pk, two.pk], "Asked for by a court.", mari)
    service.gone([service.flows_folder() / one.path], NODE, "the quota of the flows is full")
    approve(both, jaan)
    assert not Partition.projected.exists()
    with pytest.raises(UsageError, match="None of these files"):
        propose_removal([one.pk], "Once more.", mari)


def test_what_the_quota_did_not_remove_stays_on_record_until_two_people_decide() -> None:
    """A file of the collector that somebody deletes is told as missing, and not taken off the record by the collector."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        for hour in range(3):
            live.write(batch([NOON + hour * 3_600_000_000]))
    collecting.record_new(folder, NODE)
    first, second, third = live.files()
    live.lists_removals, live.quota_bytes = True, live.bytes_stored() - 1
    live.enforce_quota()
    assert live.files() == [second, third]
    second.unlink()
    for _ in range(2):  # also where the collector was stopped in between, and another process looks
        collecting.record_new(folder, NODE)
    said = _reasons()
    assert said == [collecting.QUOTA_TOOK]
    assert service.count_missing() == (1, 2)
    (found,) = map(str, service.findings())
    assert str(second.relative_to(service.flows_folder())) in found
    assert not first.exists()
    assert live.taken_by_quota() == {}


def test_what_the_quota_was_about_to_remove_when_it_was_stopped_is_not_taken_for_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is on disk and on record; once it goes, it is on record that the quota took it."""
    folder, live = _two_hours()
    live.lists_removals, live.quota_bytes = True, 1
    with monkeypatch.context() as stopped:
        stopped.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            live.enforce_quota()
    collecting.record_new(folder, NODE)
    assert service.count_missing() == (0, 2)
    live.enforce_quota()
    collecting.record_new(folder, NODE)
    assert _reasons() == [collecting.QUOTA_TOOK]
    assert service.count_missing() == (0, 1)
    assert live.taken_by_quota() == {}


def _two_hours() -> tuple[Path, FlowStore]:
    """The collector's folder and store, with a file for each of two hours, both on record."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        for hour in range(2):
            live.write(batch([NOON + hour * 3_600_000_000]))
    collecting.record_new(folder, NODE)
    return folder, live


def _killed(path: Path, missing_ok: bool = False) -> None:
    """In place of taking a file of flows away."""
    if path.suffix == ".parquet":
        raise KeyboardInterrupt


def test_what_the_quota_removes_during_a_look_is_on_record_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was there when files were listed, and gone when lists were read through."""
    folder, live = _two_hours()
    first, _ = live.files()
    live._list([first])
    real = service.gone
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(service, "gone", lambda *told: first.unlink() or real(*told))
        collecting.record_new(folder, NODE)
    collecting.record_new(folder, NODE)
    assert _reasons() == [collecting.QUOTA_TOOK]
    assert service.count_missing() == (0, 1)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"PAR1" + bytes(5_000) + b"PAR1"])
def test_a_damaged_file_keeps_no_other_off_the_record(
    damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What a failing disk leaves of one is named in the log."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        for hour in range(2):
            live.write(batch([NOON + hour * 3_600_000_000]))
    first, second = live.files()
    first.write_bytes(damage)
    collecting.record_new(folder, NODE)
    assert [row.path for row in Partition.projected.all()] == [
        second.relative_to(service.flows_folder()).as_posix()
    ]
    assert f"{first} is not put on record, since it is damaged" in caplog.text


def test_a_full_disk_keeps_no_quota_from_making_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing can be written down of it: what is gone is told as missing, and people take it off the record."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        for hour in range(2):
            live.write(batch([NOON + hour * 3_600_000_000]))
    live.lists_removals, live.quota_bytes = True, 1

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    live.enforce_quota()
    assert len(live.files()) == 1


def test_flows_that_were_away_are_there_again_with_their_copy() -> None:
    """A node that is served before its flows are copied back, or whose disk came later, loses none of them."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        for hour in range(3):
            live.write(batch([NOON + hour * 3_600_000_000]))
    collecting.record_new(folder, NODE)
    away = folder.rename(folder.with_name("away"))
    folder.mkdir()
    collecting.record_new(folder, NODE)
    assert service.count_missing() == (3, 3)
    folder.rmdir()
    away.rename(folder)
    collecting.record_new(folder, NODE)
    assert service.count_missing() == (0, 3)
    assert len(live.files()) == 3
    assert _reasons() == []
    assert list(service.findings()) == []


def _reasons() -> list[str]:
    from hanse.ledger.models import Body
    from hanse.ledger.reading import written

    found = Entry.objects.filter(kind="telemetry.partition_removed").order_by("sequence")
    return [written(one, Body.objects.get(pk=one.pk)).reason for one in found]


def test_it_is_on_record_whose_flows_are_dated_by_receipt(
    actor: Callable[..., Actor], client_as: Callable[..., ActingClient]
) -> None:
    """The entry of a file of the collector says it, and the list and the API; a file that somebody brings in cannot."""
    folder = service.flows_folder() / collecting.FOLDER
    made = pa.Table.from_batches([batch([NOON])])
    place = made.schema.get_field_index("exporter")
    made = made.set_column(place, made.schema.field(place), pa.array([pack("192.0.2.1")], pa.binary(16)))
    with FlowStore(folder) as live:
        live.clocks = lambda: {pack("192.0.2.1"): -7_200.0}
        live.write(made)
    collecting.record_new(folder, NODE)
    assert [row.clocks for row in Partition.projected.all()] == [[["192.0.2.1", -7_200]]]
    (path,) = live.files()
    told = service.describe(path, "import")
    assert told is not None
    assert told.clocks == ()
    words = "Flows of the exporter 192.0.2.1 are dated by their receipt: its clock was 2 h behind."
    client = client_as(actor("analyst"))
    assert words in client.get("/flows/", {"since": "2007-05-09"}).content.decode()
    assert client.get("/api/flows/search", {"since_us": NOON}).json()["dated"] == [words]
    assert (
        "192.0.2.1 (2 h behind)"
        in client.get("/flows/partitions/", {"columns": "start,clocks"}).content.decode()
    )
    assert client.get("/api/flows/partitions").json()["items"][0]["clocks"] == [["192.0.2.1", -7_200]]
    _, (account,) = jobs_wiring._stored(Partition.projected.all())
    assert account.path == "stored flows, those of 192.0.2.1 dated by their receipt"


def test_what_was_removed_does_not_come_back_with_its_file() -> None:
    """A file that a stop of the machine left behind is not put on record anew: it goes."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        live.write(batch([NOON]))
    collecting.record_new(folder, NODE)
    (path,) = live.files()
    left = path.read_bytes()
    service.gone([path], NODE, "for a test")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(left)
    collecting.record_new(folder, NODE)
    assert not path.exists()
    assert not Partition.projected.exists()
