"""What a node wrote between a theft of its key and the rotation: nobody believes it until the authority stands by it."""

from pathlib import Path

import pytest
from msgspec import json

from hanse.kernel import envelope, notes
from hanse.kernel.clock import now_us
from hanse.kernel.keys import SigningKey
from hanse.ledger import keyring, tree
from hanse.ledger.models import Entry
from hanse.ledger.proof import export
from hanse.ledger.recorded import Recorded
from hanse.ledger.service import KeyChangeError, revoke, rotate, unproven, vouch
from hanse.ledger.verify import ProofError, verify
from tests.ledger.made import MARI, found, thing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unstretched", "same_keys")]


@pytest.fixture
def stolen(tmp_path: Path) -> tuple[SigningKey, list[Recorded]]:
    """A key that was stolen an entry ago, and two entries that the node signed with it after that."""
    found()
    thing(name="before")
    since = now_us()
    own = [thing(name=f"after {number}") for number in range(2)]
    key = keyring.current().signing
    rotate(tmp_path, "secret", MARI)
    revoke(key.id, MARI, "The laptop was stolen.", since_us=since)
    tree.integrate()
    return key, own


def test_entries_after_a_theft_are_proven_once_the_authority_stands_by_them(
    stolen: tuple[SigningKey, list[Recorded]],
) -> None:
    """Evidence that came in before anybody missed the laptop is not lost for a court."""
    key, (first, last) = stolen
    begin, end, number = unproven(key.id)
    assert (begin, number) == (first.sequence, end - begin + 1)
    with pytest.raises(ProofError, match=r"Step 4 fails: key \w+ was revoked"):
        verify(export(first.sequence))
    vouch(key.id, first.sequence, first.sequence, MARI, "Each was compared with the paper file.")
    tree.integrate()
    said = verify(export(first.sequence)).steps[3]
    assert "; the authority stands by it since 20" in said
    assert keyring.current().signing.id in said
    with pytest.raises(ProofError, match=r"Step 4 fails: key \w+ was revoked"):
        verify(export(last.sequence))


def test_what_the_thief_signs_is_in_no_tree_that_a_later_key_signed(
    stolen: tuple[SigningKey, list[Recorded]],
) -> None:
    """In the place of an entry that is stood by, another one of the same key proves nothing."""
    key, (first, _) = stolen
    vouch(key.id, first.sequence, first.sequence, MARI, "Looked at.")
    tree.integrate()
    plain = json.decode(export(first.sequence))
    said = envelope.decode(json.decode(json.encode(plain["entry"]["payload"]), type=bytes))
    fields = {name: getattr(said, name) for name in said.__struct_fields__}
    salt = bytes(32)
    body = json.decode(json.encode(plain["entry"]["body"]), type=bytes).replace(b"after 0", b"forged!")
    forged = envelope.Envelope(**{**fields, "commitment": envelope.commit(salt, body)})
    payload, signature = envelope.sign(forged, key)
    plain["entry"] = json.decode(
        json.encode({"payload": payload, "signature": signature, "salt": salt, "body": body})
    )
    with pytest.raises(ProofError, match=r"Step 7 fails"):
        verify(json.encode(plain))


def test_it_is_stood_by_under_a_checkpoint_of_a_later_key_alone(tmp_path: Path) -> None:
    """The stolen key signs trees as well: one of its own, dated back, holds nothing of what came after the theft."""
    found()
    since = now_us()
    entry, key = thing(name="after"), keyring.current().signing
    rotate(tmp_path, "secret", MARI)
    revoke(key.id, MARI, "The laptop was stolen.", since_us=since)
    vouch(key.id, entry.sequence, entry.sequence, MARI, "Looked at.")
    tree.integrate()
    plain = json.decode(export(entry.sequence))
    assert verify(json.encode(plain))
    text, _ = notes.parse(plain["checkpoint"])
    lines = [f"time {since - 1}" if line.startswith("time ") else line for line in text.split("\n")]
    plain["checkpoint"] = notes.sign("\n".join(lines), tree.origin(), key)
    with pytest.raises(ProofError, match=r"Step 4 fails: .* this checkpoint is of a revoked key"):
        verify(json.encode(plain))


def test_a_key_that_was_stolen_as_well_stands_by_nothing(
    stolen: tuple[SigningKey, list[Recorded]], tmp_path: Path
) -> None:
    """Whose word it rests on was revoked from before they gave it."""
    key, (first, _) = stolen
    since = now_us()
    vouch(key.id, first.sequence, first.sequence, MARI, "Looked at.")
    second = keyring.current().signing.id
    rotate(tmp_path, "secret", MARI)
    revoke(second, MARI, "It was copied too.", since_us=since)
    tree.integrate()
    with pytest.raises(ProofError, match=r"Step 4 fails: key \w+ was revoked"):
        verify(export(first.sequence))


def test_only_what_a_revoked_key_signed_from_then_on_is_stood_by(
    stolen: tuple[SigningKey, list[Recorded]],
) -> None:
    """A key that is believed, and entries of other keys or from before, are refused in words."""
    key, (first, _) = stolen
    with pytest.raises(KeyChangeError, match="was not revoked"):
        vouch(keyring.current().signing.id, first.sequence, first.sequence, MARI, "x")
    _, end, _ = unproven(key.id)
    for stretch in ((first.sequence - 1, first.sequence), (first.sequence, end + 1), (end, first.sequence)):
        with pytest.raises(KeyChangeError, match="Give the first and last of a stretch"):
            vouch(key.id, *stretch, MARI, "x")
    assert not Entry.objects.filter(kind="ledger.key_vouched").exists()
