"""Backups: what is restored is the same ledger, whomever its entries were addressed to, and nothing that was purged."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from hanse.ledger import keyfile, keyring, tree
from hanse.ledger.models import Body, CarriedMarking, Checkpoint, Entry, Head, Tile
from hanse.ledger.replay import projections
from hanse.ledger.service import purge
from hanse.node import backup
from hanse.settings import SETTINGS_FILE, Node
from tests.ledger.made import MARI, findings, found, thing

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "Bq3-canary-Hd9"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node with keys and settings on disk."""
    home = tmp_path / "home"
    home.mkdir()
    keyfile.save(home, keyring.current(), "for tests")
    (home / SETTINGS_FILE).write_text('authority = "ee-cert"\n')
    made = replace(settings.HANSE_NODE, home=home)
    monkeypatch.setattr(settings, "HANSE_NODE", made)
    found()
    return made


def emptied() -> None:
    """Take everything out of the database."""
    for model in (*reversed(projections()), Body, Entry, CarriedMarking, Checkpoint, Tile, Head):
        model._base_manager.all().delete()


def told() -> list[tuple[object, ...]]:
    """The ledger, as its tables have it."""
    names = ("sequence", "payload", "signature", "kind", "recipient", "position", "marking", "body__data")
    return [
        tuple(bytes(one) if isinstance(one, memoryview) else one for one in row)
        for row in Entry.objects.order_by("sequence").values_list(*names)
    ]


def members(path: Path) -> bytes:
    """Everything in a backup, opened: its parts as they were before they were encrypted."""
    with backup.archives.reading(path) as archive:
        names = [one for one in archive.getnames() if one.split("/")[0] in backup._FILL]
        return b"".join(backup.archives.get_sealed(archive, keyring.current(), one) for one in names)


def test_entries_to_recipients_come_back_in_their_places(node: Node) -> None:
    """An entry's place for its recipient is not its place in the ledger; a restored ledger has both as they were."""
    for number in range(3):
        one = thing(name=f"thing {number}").object_id
        thing(object_id=one, recipient="lv-cert", name="for them")
        thing(object_id=one, recipient="lt-cert", name="for others")
    tree.integrate()
    before = told()
    path = node.home / "one.hanse"
    assert backup.back_up(node, path) == len(before)
    emptied()
    backup.restore(path)
    assert told() == before
    assert findings() == []


def test_what_was_purged_is_in_no_new_backup(node: Node) -> None:
    """A backup made before a purge holds the text; one made after it does not, and restores to a sound ledger."""
    one = thing(name=CANARY).object_id
    thing(object_id=one, name=f"{CANARY} again")
    thing(name="stays")
    tree.integrate()
    backup.back_up(node, node.home / "before.hanse")
    purge([one], MARI, "Its retention is over.")
    tree.integrate()
    backup.back_up(node, node.home / "after.hanse")
    assert CANARY.encode() in members(node.home / "before.hanse")
    assert CANARY.encode() not in members(node.home / "after.hanse")
    assert b"stays" in members(node.home / "after.hanse")
    emptied()
    backup.restore(node.home / "after.hanse")
    assert findings() == []
    assert not Body.objects.filter(entry__object_id=one).exists()
