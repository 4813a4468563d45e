"""Signed notes, checkpoints and cosignatures, against the published example and the rules of C2SP."""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import notes
from hanse.kernel.keys import SigningKey
from hanse.kernel.notes import Checkpoint, NoteError

# The example key and note in the documentation and tests of Go's sumdb/note.
GO_NAME = "PeterNeumann"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
GO_NOTE = f"{GO_TEXT}\n{GO_LINE}"

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
ORIGIN = "hanse.example/EE-CERT"
HEAD = Checkpoint(ORIGIN, 16, sha256(b"root").digest(), ("tally EE 3", "time 1700000000000000"))
NOTE = notes.sign(HEAD.text(), ORIGIN, KEY)


def test_published_note_holds() -> None:
    """The published key reads, its note verifies, and signing the text again gives the same bytes."""
    name, key = notes.parse_verifier_key(GO_VERIFIER)
    assert name == GO_NAME
    assert notes.verifier_key(name, key) == GO_VERIFIER
    assert notes.verify(GO_NOTE, name, key) == GO_TEXT
    assert notes.sign(GO_TEXT, GO_NAME, SigningKey(GO_SEED)) == GO_NOTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        GO_NAME,
        "\u00e9+00+\u00e9",
        GO_VERIFIER[:-1],
        GO_VERIFIER.replace("c74f20a3", "c74f20a4"),
        GO_VERIFIER.replace("PeterNeumann", "PeterNeuman"),
        # Another length and another algorithm, each with the hash that fits.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_no_verifier_key(text: str) -> None:
    """A verifier key whose name, hash, algorithm or length is not right is refused."""
    with pytest.raises(NoteError):
        notes.parse_verifier_key(text)


@pytest.mark.parametrize(
    "note",
    [
        "",
        GO_TEXT,
        f"{GO_TEXT}\n",
        f"{GO_TEXT}\n{GO_LINE[:-1]}",
        f"{GO_TEXT}{GO_LINE}",
        f"{GO_TEXT}\n{GO_LINE}A line.\n",
        f"{GO_TEXT}\n{GO_LINE}\n",
        f"{GO_TEXT}\n{GO_LINE.replace('Peter', 'Peter ')}",
        f"{GO_TEXT}\n{GO_LINE.replace('— ', '- ')}",
        f"{GO_TEXT}\n— {GO_NAME} AAAA\n",
    ],
)
def test_malformed_note(note: str) -> None:
    """A note without its empty line, its signatures or their form is refused, not half read."""
    with pytest.raises(NoteError):
        notes.parse(note)


def test_line_of_a_signature_as_specified() -> None:
    """A signature line is the four bytes over name, 0x0A, 0x01 and key, and Ed25519 over the text."""
    public = Ed25519PrivateKey.from_private_bytes(KEY.secret).public_key()
    text, empty, line = NOTE.rpartition("\n\n")
    dash, name, encoded = line.split()
    raw = b64decode(encoded)
    assert (dash, name, empty) == ("\u2014", ORIGIN, "\n\n")
    assert raw[:4] == sha256(ORIGIN.encode() + b"\n\x01" + public.public_bytes_raw()).digest()[:4]
    public.verify(raw[4:], text.encode() + b"\n")


def test_cosignature_as_specified() -> None:
    """A cosignature is the hash with 0x04, the time in 8 bytes, and Ed25519 over time line and text."""
    time_s = 1_700_000_000
    cosigned = notes.cosign(NOTE, "witness.example", OTHER, time_s)
    raw = b64decode(cosigned.splitlines()[-1].split()[2])
    public = OTHER.public.raw
    assert raw[:4] == sha256(b"witness.example\n\x04" + public).digest()[:4]
    assert raw[4:12] == time_s.to_bytes(8, "big")
    said = b"cosignature/v1\ntime 1700000000\n" + HEAD.text().encode()
    Ed25519PrivateKey.from_private_bytes(OTHER.secret).public_key().verify(raw[12:], said)
    assert notes.verify_cosignature(cosigned, "witness.example", OTHER.public) == time_s
    assert notes.open_checkpoint(cosigned, ORIGIN, KEY.public) == HEAD


def test_cosignature_is_no_signature() -> None:
    """What a witness signs never counts as the log's own signature, nor the reverse."""
    cosigned = notes.cosign(NOTE, ORIGIN, OTHER, 1)
    with pytest.raises(NoteError):
        notes.verify(cosigned, ORIGIN, OTHER.public)
    with pytest.raises(NoteError):
        notes.verify_cosignature(cosigned, ORIGIN, KEY.public)


def test_time_of_a_cosignature_is_signed() -> None:
    """A cosignature with another time does not hold."""
    line = notes.cosign(NOTE, "w", OTHER, 5).removeprefix(NOTE)
    raw = bytearray(b64decode(line.split()[2]))
    raw[11] ^= 1
    with pytest.raises(NoteError, match="does not hold"):
        notes.verify_cosignature(f"{NOTE}— w {b64encode(raw).decode()}\n", "w", OTHER.public)


def test_a_cosignature_is_of_a_time_that_calendars_know() -> None:
    """A witness that signs under a time which nobody can show spoils no page and no proof: its line counts for nothing."""
    for time_s in (2**63, 253_402_300_800):
        with pytest.raises(NoteError, match="no calendar"):
            notes.verify_cosignature(notes.cosign(NOTE, "w", OTHER, time_s), "w", OTHER.public)
    last = notes.cosign(NOTE, "w", OTHER, 253_402_300_799)
    assert notes.verify_cosignature(last, "w", OTHER.public) == 253_402_300_799


def test_lines_of_unknown_keys_are_passed_over() -> None:
    """Signatures by keys that the reader does not know neither help nor hinder."""
    twice = NOTE + notes.sign("x\n", "stranger", OTHER).partition("\n\n")[2]
    assert notes.verify(twice, ORIGIN, KEY.public) == HEAD.text()
    with pytest.raises(NoteError, match="not signed by"):
        notes.verify(twice, "nobody", KEY.public)
    with pytest.raises(NoteError, match="not signed by"):
        notes.verify(twice, ORIGIN, OTHER.public)


@given(st.integers(0, len(HEAD.text()) - 1), st.characters(codec="ascii", exclude_characters="\n"))
def test_any_change_of_the_text_breaks_it(at: int, put: str) -> None:
    """No character of a signed text can be another."""
    text = HEAD.text()
    changed = text[:at] + put + text[at + 1 :]
    if changed != text:
        with pytest.raises(NoteError):
            notes.verify(NOTE.replace(text, changed), ORIGIN, KEY.public)


def test_checkpoint_as_specified() -> None:
    """A checkpoint is origin, size, root in base64 and the further lines, each ended by a line feed."""
    root = b64encode(HEAD.root).decode()
    assert HEAD.text() == f"{ORIGIN}\n16\n{root}\ntally EE 3\ntime 1700000000000000\n"
    assert notes.parse_checkpoint(HEAD.text()) == HEAD
    assert notes.parse_checkpoint(f"{ORIGIN}\n0\n{root}\n") == Checkpoint(ORIGIN, 0, HEAD.root)


ROOT = b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        f"o\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n01\n{ROOT}\n",
        f"o\n{2**64}\n{ROOT}\n",
        f"o\n{'9' * 5000}\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n",
        f"o\n\u0661\n{ROOT}\n",
        f"o\n1\n{ROOT[:-1]}\n",
        f"o\n1\n{ROOT[4:]}\n",
        f"o\n1\n{ROOT}\n\nextension\n",
    ],
)
def test_no_checkpoint(text: str) -> None:
    """A size or a root in any other form, or a missing or empty line, makes it no checkpoint."""
    with pytest.raises(NoteError):
        notes.parse_checkpoint(text)


def test_checkpoint_of_another_log() -> None:
    """A key's signature under its name does not make another log's checkpoint its own."""
    note = notes.sign(Checkpoint("another", 1, bytes(32)).text(), ORIGIN, KEY)
    with pytest.raises(NoteError, match="not of"):
        notes.open_checkpoint(note, ORIGIN, KEY.public)
