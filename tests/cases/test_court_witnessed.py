"""A case for court is proven under a checkpoint that witnesses saw, as far as they can have seen it, and says how far."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hanse.cases import court, working
from hanse.kernel import notes
from hanse.kernel.clock import now_us
from hanse.kernel.keys import SigningKey
from hanse.ledger import bundle, proof, tree, witnessed
from hanse.ledger.bundle import verify_bundle
from hanse.ledger.models import Checkpoint, Entry
from hanse.ledger.verify import ProofError, verify
from tests.cases.evidence_made import node
from tests.cases.test_court import case, exported, unpacked, verified
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["case", "client_as", "node"]

pytestmark = pytest.mark.django_db

KEY, STRANGER = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
NAMED = notes.verifier_key("hanse/fi-cert", KEY.public)
OTHER = notes.verifier_key("hanse/lv-cert", STRANGER.public)


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Callable[[Checkpoint | None], Checkpoint]:
    """A partner that witnesses this ledger; what it is given it signs."""
    for names in ("_named", "_ever"):
        monkeypatch.setattr(witnessed, names, [lambda: {"fi-cert": [KEY.public]}])

    def sees(head: Checkpoint | None) -> Checkpoint:
        assert head is not None
        line = notes.cosign(head.note, "hanse/fi-cert", KEY, now_us() // 1_000_000).removeprefix(head.note)
        witnessed.add_cosignatures([(head.size, line)])
        return head

    return sees


def test_what_witnesses_saw_is_proven_under_what_they_saw(case, witness, tmp_path: Path) -> None:
    """Entries that are old enough are under the witnessed checkpoint; those of the giving out are named as too young."""
    head = witness(tree.integrate())
    before = Entry.objects.filter(sequence__lt=head.entries)
    archive = exported(*case, tmp_path / "case.zip")
    [*_, told] = verify_bundle(archive, witnesses=[NAMED]).steps
    folder = unpacked(archive)
    seen = {
        path.name: verify(path.read_bytes(), witnesses=[NAMED], must_be_witnessed=False).witnessed
        for path in (folder / "entries").iterdir()
    }
    for name, is_seen in seen.items():
        assert is_seen is before.filter(sequence=int(name[:9])).exists()
    assert told.startswith("5. Most of the trusted witnesses saw ")
    assert f"{sum(seen.values())} of {len(seen)} entries" in told
    assert sum(seen.values()) >= 6


def test_the_command_says_which(case, witness, tmp_path: Path) -> None:
    """In a process of its own, with keys that are trusted and without, and under whose key nothing was seen."""
    witness(tree.integrate())
    working.write_note(case[0], "Later.", case[1])
    archive = exported(*case, tmp_path / "case.zip")
    late = Entry.objects.filter(kind="cases.note_written").latest("sequence").sequence
    told = verified(archive, tmp_path, "--witness", NAMED)
    assert told.returncode == 0, told.stderr
    assert "Most of the trusted witnesses saw" in told.stdout
    assert f"; not entry {late}." in told.stdout
    plain = verified(archive, tmp_path)
    assert plain.returncode == 0
    assert "that the proofs themselves name" in plain.stdout
    stranger = verified(archive, tmp_path, "--witness", OTHER)
    assert stranger.returncode == 1
    assert "Step 5 fails: most of the witnesses had seen none" in stranger.stderr


def test_without_a_witness_it_is_said_in_clear_words(case, tmp_path: Path) -> None:
    """Nobody witnesses the ledger: the archive is proven, and says what that does not show."""
    archive = exported(*case, tmp_path / "case.zip")
    assert "5. Nobody witnesses this ledger" in verify_bundle(archive).steps[-1]
    with pytest.raises(ProofError, match="Step 5 fails"):
        verify_bundle(archive, witnesses=[NAMED])


def test_named_witnesses_that_saw_nothing_are_said_to(case, witness, tmp_path: Path) -> None:
    """They consented just now: what to do stands there."""
    archive = exported(*case, tmp_path / "case.zip")
    assert "5. Unwitnessed: most of the witnesses had seen none" in verify_bundle(archive).steps[-1]


def test_witnesses_that_were_away_for_days_are_found(case, witness) -> None:
    """Thousands of checkpoints later, what they saw last is still what older entries are proven under."""
    head = witness(tree.integrate())
    count = 3 * witnessed._TRIED
    Checkpoint.objects.bulk_create(
        Checkpoint(
            size=head.size + number, first=head.size, entries=head.entries, time_us=head.time_us, tallies="[]",
            note=head.note.split("\n\n")[0] + "\n\n",
        )
        for number in range(1, count)
    )  # fmt: skip
    found = witnessed.latest_witnessed()
    assert found is not None
    assert found.size == head.size
    assert verify(proof.export(0), witnesses=[NAMED]).witnessed


def test_an_entry_that_was_dated_back_is_found(case, witness, tmp_path: Path, monkeypatch) -> None:
    """Whoever keeps a second history writes what they like into it, but not under a time that witnesses saw go by."""
    witness(tree.integrate())
    working.write_note(case[0], "He was there in May.", case[1])
    archive = exported(*case, tmp_path / "case.zip")
    assert verify_bundle(archive, witnesses=[NAMED])
    folder = unpacked(archive)
    really = bundle.verify

    def later(data: bytes, *told, **more):
        """As if the witnesses had seen the ledger two minutes after the note and all else was written."""
        one = really(data, *told, **more)
        return replace(one, checkpoint_us=one.checkpoint_us + 120_000_000)

    monkeypatch.setattr(bundle, "verify", later)
    with pytest.raises(ProofError, match=r"Step 5 fails: the entry in .* is dated"):
        verify_bundle(folder, witnesses=[NAMED])
    assert verify_bundle(folder)


def test_the_page_says_how_many_are_seen(case, witness, client_as: Callable[..., ActingClient]) -> None:
    """Before it is given out: an archive of some minutes later is proven better, where that is so."""
    case_id, kaja = case
    address, client = f"/cases/{case_id}/court/", client_as(kaja)
    assert court.choose(case_id, kaja).witnessed == 0
    witness(tree.integrate())
    assert court.choose(case_id, kaja).witnessed == court.choose(case_id, kaja).entries
    working.write_note(case_id, "Later.", kaja)
    choice = court.choose(case_id, kaja)
    assert choice.witnessed == choice.entries - 1
    assert "within minutes" in client.get(f"{address}?why=Case+12-7", follow=True).content.decode()
