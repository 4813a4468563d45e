"""Envelopes: one text each, signed as it is; commitments and leaves."""

import struct
import time
from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import envelope
from hanse.kernel.envelope import Blank, Envelope, EnvelopeError
from hanse.kernel.keys import KeysError, SigningKey
from hanse.kernel.strict_json import canonical

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ENVELOPES = st.builds(
    Envelope,
    commitment=WORDS,
    key=st.just(KEY.id),
    kind=WORDS,
    marking=st.dictionaries(WORDS, WORDS | st.lists(WORDS, max_size=3) | st.none(), max_size=4),
    object=WORDS,
    origin=WORDS,
    recipient=st.none() | WORDS,
    seq=st.integers(0, 2**63 - 1),
    time=st.integers(0, 2**63 - 1),
    version=st.integers(1, 2**31),
)
ONE = Envelope(
    commitment="00" * 32,
    key=KEY.id,
    kind="attacks.found",
    marking={"tlp": "AMBER", "pap": "AMBER"},
    object="ab" * 16,
    origin="EE-CERT",
    recipient=None,
    seq=7,
    time=1_700_000_000_000_000,
)


def test_bytes_are_fixed() -> None:
    """The text of an envelope never changes with a version of a library: keys sorted, no white space."""
    assert envelope.encode(ONE) == (
        b'{"commitment":"' + b"00" * 32 + b'","key":"' + KEY.id.encode() + b'","kind":"attacks.found",'
        b'"marking":{"pap":"AMBER","tlp":"AMBER"},"object":"' + b"ab" * 16 + b'","origin":"EE-CERT",'
        b'"recipient":null,"seq":7,"time":1700000000000000,"v":1,"version":1}'
    )


@given(ENVELOPES)
def test_reads_back(made: Envelope) -> None:
    """What is signed verifies and is read as what it was."""
    payload, signature = envelope.sign(made, KEY)
    assert envelope.verify(payload, signature, KEY.public) == made
    assert envelope.encode(envelope.decode(payload)) == payload


@given(ENVELOPES, st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_a_blank_is_filled_to_the_one_form(like: Envelope, commitment: bytes, object_id: bytes) -> None:
    """What is encoded once for many envelopes gives the bytes that each has alone, whatever stands in it."""
    made = msgspec.structs.replace(like, commitment=commitment.hex(), object=object_id.hex())
    blank = Blank(
        key=made.key, kind=made.kind, marking=canonical(made.marking).decode(), origin=made.origin, recipient=made.recipient,
        time=made.time,
    )  # fmt: skip
    assert blank.fill(made.commitment, made.object, made.seq, made.version) == envelope.encode(made)


def test_signature_as_specified() -> None:
    """The signature is Ed25519 over DSSE's encoding: version, lengths, type and payload, spaces between."""
    payload, signature = envelope.sign(ONE, KEY)
    said = b"DSSEv1 32 application/vnd.hanse.entry+json %d " % len(payload) + payload
    assert envelope.pae(payload) == said
    Ed25519PrivateKey.from_private_bytes(KEY.secret).public_key().verify(signature, said)


@given(st.integers(0, 8 * len(envelope.encode(ONE)) - 1))
def test_any_bit_breaks_it(bit: int) -> None:
    """No bit of a signed payload can be another."""
    payload, signature = envelope.sign(ONE, KEY)
    changed = bytearray(payload)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(KeysError):
        envelope.verify(bytes(changed), signature, KEY.public)


def _several(count: int) -> list[bytes]:
    """Different envelopes, as bytes."""
    return [envelope.encode(msgspec.structs.replace(ONE, seq=seq)) for seq in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16, 17, 127, 128, 129, 257])
def test_each_of_several_proves_itself(count: int) -> None:
    """Entries signed together are each verified from their own bytes; at most 128 share a signature."""
    payloads = _several(count)
    signatures = envelope.sign_together(payloads, KEY)
    shared = [signature[2:66] if len(signature) > 64 else signature for signature in signatures]
    assert len(set(shared)) == -(-count // 128)
    for seq, (payload, signature) in enumerate(zip(payloads, signatures, strict=True)):
        assert envelope.verify(payload, signature, KEY.public).seq == seq


def test_shared_signature_as_specified() -> None:
    """Place, size, Ed25519 over DSSE's encoding of size and root, and the audit path: written out a second time."""
    payloads = _several(3)
    a, b, c = (sha256(b"\0" + envelope.pae(payload)).digest() for payload in payloads)
    pair = sha256(b"\1" + a + b).digest()
    root = sha256(b"\1" + pair + c).digest()
    said = b"DSSEv1 36 application/vnd.hanse.entries+sha256 33 \x03" + root
    shared = Ed25519PrivateKey.from_private_bytes(KEY.secret).sign(said)
    assert envelope.sign_together(payloads, KEY) == [
        b"\0\3" + shared + b + c,
        b"\1\3" + shared + a + c,
        b"\2\3" + shared + pair,
    ]


@given(st.integers(0, 15), st.data())
def test_any_bit_of_a_shared_one_breaks_it(which: int, data: st.DataObject) -> None:
    """No bit of an entry that was signed with others, nor of its signature, can be another."""
    payloads = _several(16)
    payload, signature = payloads[which], envelope.sign_together(payloads, KEY)[which]
    for original in (payload, signature):
        changed = bytearray(original)
        bit = data.draw(st.integers(0, 8 * len(original) - 1))
        changed[bit // 8] ^= 1 << bit % 8
        given_ = (bytes(changed), signature) if original is payload else (payload, bytes(changed))
        with pytest.raises((KeysError, EnvelopeError)):
            envelope.verify(*given_, KEY.public)


def test_no_entry_borrows_anothers_signature() -> None:
    """A signature holds for the entry that it was made for, whatever was verified before it."""
    payloads = _several(4)
    signatures = envelope.sign_together(payloads, KEY)
    for payload in payloads:
        for signature in signatures:
            if payloads.index(payload) == signatures.index(signature):
                envelope.verify(payload, signature, KEY.public)
                continue
            with pytest.raises(KeysError):
                envelope.verify(payload, signature, KEY.public)
    with pytest.raises(KeysError):
        envelope.verify(payloads[0], signatures[0], OTHER.public)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made[:65],
        lambda made: made[:66],
        lambda made: made[:-1],
        lambda made: made[:-32],
        lambda made: made + bytes(1),
        lambda made: made + bytes(32),
        lambda made: b"\x04" + made[1:],
        lambda made: made[:1] + b"\x11" + made[2:],
        lambda made: b"\0\1" + made[2:66],
    ],
)
def test_signature_of_no_known_form(change: Callable[[bytes], bytes]) -> None:
    """A path too short, too long or cut, a place outside the tree, a tree too large or of one entry: refused."""
    payloads = _several(4)
    signature = envelope.sign_together(payloads, KEY)[0]
    with pytest.raises(EnvelopeError, match="neither of one entry nor of several"):
        envelope.verify(payloads[0], change(signature), KEY.public)


def test_one_entry_signed_as_a_tree_is_refused() -> None:
    """An entry alone has one form of signature: a tree of one leaf, though rightly signed, is not it."""
    payload = envelope.encode(ONE)
    root = sha256(b"\0" + envelope.pae(payload)).digest()
    shared = KEY.sign(b"DSSEv1 36 application/vnd.hanse.entries+sha256 33 \x01" + root)
    with pytest.raises(EnvelopeError, match="neither of one"):
        envelope.verify(payload, b"\0\1" + shared, KEY.public)


def test_another_key_cannot_speak_for_the_named_one() -> None:
    """An envelope that names one key but is signed by another is refused, under either."""
    payload, signature = envelope.sign(ONE, OTHER)
    with pytest.raises(KeysError):
        envelope.verify(payload, signature, KEY.public)
    with pytest.raises(EnvelopeError, match="names key"):
        envelope.verify(payload, signature, OTHER.public)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"null", b"\xff", envelope.encode(ONE)[:-1]])
def test_no_envelope(payload: bytes) -> None:
    """What is no envelope is an error in words."""
    with pytest.raises(EnvelopeError):
        envelope.decode(payload)


def test_later_version_says_to_upgrade() -> None:
    """An envelope of a later version is not read as one of this."""
    with pytest.raises(EnvelopeError, match="Upgrade"):
        envelope.decode(envelope.encode(ONE).replace(b'"v":1', b'"v":2'))


def test_commitment_as_specified() -> None:
    """A commitment is SHA-256 over its name, the salt and the body; another salt or body is another one."""
    salt, body = bytes(range(32)), b"body"
    assert envelope.commit(salt, body) == sha256(b"hanse/commitment/1" + salt + body).hexdigest()
    assert envelope.commit(salt, b"other") != envelope.commit(salt, body) != envelope.commit(bytes(32), body)


@given(st.binary(max_size=80), st.binary(min_size=64, max_size=64))
def test_leaf_has_one_reading(payload: bytes, signature: bytes) -> None:
    """Hashed are the payload's length, the payload and the signature, so that nothing moves between them."""
    leaf = struct.pack(">I", len(payload)) + payload + signature
    assert envelope.hashed(payload, signature) == sha256(b"\0" + leaf).digest()


def test_signing_is_cheap() -> None:
    """Encoding and signing take well under a tenth of a millisecond beyond a busy machine's noise."""
    rounds = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(50):
            envelope.sign(ONE, KEY)
        rounds.append((time.perf_counter() - began) / 50)
    assert min(rounds) < 200e-6
