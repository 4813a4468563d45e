"""Files of flows are what findings rest on: each is as it was put on record, and goes only with an entry that says why."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from shutil import rmtree

import pytest

from hanse.kernel.actors import Actor, system
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking
from hanse.ledger.models import Entry
from hanse.ledger.retention import purge_due
from hanse.node import collecting
from hanse.policy.asking import RefusedError
from hanse.telemetry import service
from hanse.telemetry.models import Partition
from hanse.telemetry.store import FlowStore
from tests.attacks.build import flows
from tests.telemetry.made import NOON, batch
from tests.telemetry.test_pages import Store, store

__all__ = ["store"]

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
    assert [f"partition {two.pk}" in told[1], "cannot be read" in told[1]] == [True, True], told


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
            service.remove_partitions([row.pk], who, "No reason.")
    assert (service.flows_folder() / row.path).exists()
    assert Partition.projected.filter(pk=row.pk).exists()


def test_the_quota_is_not_named_for_what_it_did_not_remove() -> None:
    """A file of the collector that somebody deletes is not said to have gone by the quota."""
    folder = service.flows_folder() / collecting.FOLDER
    with FlowStore(folder) as live:
        for hour in range(3):
            live.write(batch([NOON + hour * 3_600_000_000]))
    collecting.record_new(folder, NODE)
    first, second, _ = live.files()
    for path in (first, second):
        path.unlink()
    collecting.record_new(folder, NODE, [first])
    said = _reasons()
    assert said == [collecting.QUOTA_TOOK, collecting.NOT_BY_QUOTA]
    assert Partition.projected.count() == 1


def _reasons() -> list[str]:
    from hanse.ledger.models import Body
    from hanse.ledger.reading import written

    found = Entry.objects.filter(kind="telemetry.partition_removed").order_by("sequence")
    return [written(one, Body.objects.get(pk=one.pk)).reason for one in found]


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
