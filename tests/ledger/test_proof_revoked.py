"""Proofs under keys that were replaced or revoked: whoever has such a key can write any date."""

from pathlib import Path

import pytest
from msgspec import json

from hanse.kernel import envelope, notes
from hanse.kernel.clock import now_us
from hanse.kernel.keys import SigningKey
from hanse.ledger import keyring, tree
from hanse.ledger.models import Checkpoint
from hanse.ledger.proof import export
from hanse.ledger.service import KeyChangeError, revoke, rotate
from hanse.ledger.verify import ProofError, verify
from tests.ledger.made import MARI, found, thing
from tests.ledger.test_proof import _stamped, authority

__all__ = ["authority"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unstretched", "same_keys")]

WITNESS = "hanse/fi-cert"


@pytest.fixture
def revoked(tmp_path: Path) -> tuple[int, Checkpoint, int]:
    """An entry under a checkpoint of a key that was revoked since; that checkpoint; from when on, microseconds UTC."""
    found()
    entry = thing(name="evidence")
    tree.integrate()
    old, head = keyring.current().signing.id, tree.latest()
    rotate(tmp_path, "secret", MARI)
    since = now_us()
    revoke(old, MARI, "The laptop was stolen.", since_us=since)
    tree.integrate()
    return entry.sequence, head, since


def _seen(data: bytes, time_us: int) -> tuple[bytes, str]:
    """The proof with the line of a witness who saw the checkpoint at a time, and the witness's key."""
    key, plain = SigningKey(bytes(32)), json.decode(data)
    plain["checkpoint"] = notes.cosign(plain["checkpoint"], WITNESS, key, time_us // 1_000_000)
    return json.encode(plain), notes.verifier_key(WITNESS, key.public)


def test_a_stamp_after_the_revocation_does_not_prove_what_was_before(
    revoked: tuple[int, Checkpoint, int], authority: Path
) -> None:
    """A checkpoint that its own date puts before the revocation, and that was stamped after it, may be dated back."""
    sequence, head, _ = revoked
    roots = (authority / "root.pem").read_bytes()
    with pytest.raises(ProofError, match=r"Step 6 fails: key \w+ was revoked .* dated it back"):
        verify(export(sequence, _stamped(authority, head.note), head.size), roots=roots)
    newest = tree.latest()
    proven = verify(export(sequence, _stamped(authority, newest.note), newest.size), roots=roots)
    assert "which was revoked from" in proven.steps[3]
    assert "revoked" not in proven.steps[5]


def test_a_trusted_witness_shows_on_which_side_of_a_revocation_a_checkpoint_is(
    revoked: tuple[int, Checkpoint, int],
) -> None:
    """Seen before the revocation, a checkpoint of the revoked key holds; seen only after it, it does not."""
    sequence, head, since = revoked
    data = export(sequence, size=head.size)
    late, key = _seen(data, since + 5_000_000)
    with pytest.raises(ProofError, match=r"Step 6 fails: .* seen only by"):
        verify(late, witnesses=[key])
    early, key = _seen(data, since - 5_000_000)
    assert "and existed by" in verify(early, witnesses=[key]).steps[5]


def test_the_date_that_a_revoked_key_wrote_is_called_its_own(revoked: tuple[int, Checkpoint, int]) -> None:
    """Whoever trusts nobody else is told that nothing but the checkpoint itself says when it was signed."""
    sequence, head, _ = revoked
    assert "rests on the date that it wrote itself" in verify(export(sequence, size=head.size)).steps[5]


def test_a_replaced_key_signs_no_later_entry(tmp_path: Path) -> None:
    """The key before the present one, in a thief's hands, does not sign at a place where another key signed."""
    found()
    old = keyring.current().signing
    rotate(tmp_path, "secret", MARI)
    last = thing()
    tree.integrate()
    plain = json.decode(export(last.sequence))
    said = envelope.decode(_bytes(plain["entry"]["payload"]))
    payload, signature = envelope.sign(envelope.Envelope(**{**_fields(said), "key": old.id}), old)
    plain["entry"] |= json.decode(json.encode({"payload": payload, "signature": signature}))
    with pytest.raises(ProofError, match=r"Step 4 fails: key .* was not the one that signed at entry"):
        verify(json.encode(plain))


def _bytes(text: str) -> bytes:
    return json.decode(json.encode(text), type=bytes)


def _fields(said: envelope.Envelope) -> dict[str, object]:
    return {name: getattr(said, name) for name in said.__struct_fields__}


def test_a_stamp_from_before_the_date_of_the_checkpoint_is_said(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node whose clock was ahead has no proof of a later time than the stamp's, and is told so."""
    found()
    recorded = thing()
    monkeypatch.setattr(tree, "now_us", lambda: now_us() + 86_400_000_000)
    tree.integrate()
    head = tree.latest()
    data = export(recorded.sequence, _stamped(authority, head.note), head.size)
    told = verify(data, roots=(authority / "root.pem").read_bytes()).steps[8]
    assert "the clock of the node was ahead" in told


@pytest.mark.parametrize("time_us", [2**62, -(2**62)])
def test_a_time_that_no_calendar_has_fails_in_words(time_us: int) -> None:
    """A crafted file with such a time is refused by its step, and does not stop the program."""
    found()
    recorded = thing()
    tree.integrate()
    plain, key = json.decode(export(recorded.sequence)), keyring.current().signing
    said = envelope.decode(_bytes(plain["entry"]["payload"]))
    payload, signature = envelope.sign(envelope.Envelope(**{**_fields(said), "time": time_us}), key)
    plain["entry"] |= json.decode(json.encode({"payload": payload, "signature": signature}))
    with pytest.raises(ProofError, match=r"Step 4 fails: .* no calendar"):
        verify(json.encode(plain))


def test_a_key_is_revoked_from_a_time_that_has_been_and_once(tmp_path: Path) -> None:
    """A time to come, a key of nobody's and one that was revoked before are refused, each in words of its own."""
    found()
    old = keyring.current().signing.id
    rotate(tmp_path, "secret", MARI)
    with pytest.raises(KeyChangeError, match="still to come"):
        revoke(old, MARI, "The laptop was stolen.", since_us=now_us() + 60_000_000)
    with pytest.raises(KeyChangeError, match="keys show"):
        revoke("nobody's", MARI, "The laptop was stolen.")
    revoke(old, MARI, "The laptop was stolen.")
    with pytest.raises(KeyChangeError, match="revoked before, from"):
        revoke(old, MARI, "The laptop was stolen.")
