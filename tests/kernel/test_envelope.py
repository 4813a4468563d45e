"""Envelopes: one text each, signed as it is; commitments and leaves."""

import struct
import time
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hanse.kernel import envelope
from hanse.kernel.envelope import Envelope, EnvelopeError
from hanse.kernel.keys import KeysError, SigningKey

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
    assert envelope.commit(salt, body) == sha256(b"hanse/commitment/1" + salt + body).digest()
    assert envelope.commit(salt, b"other") != envelope.commit(salt, body) != envelope.commit(bytes(32), body)


@given(st.binary(max_size=80), st.binary(min_size=64, max_size=64))
def test_leaf_has_one_reading(payload: bytes, signature: bytes) -> None:
    """Leaf data is the payload's length, the payload and the signature, so that nothing moves between them."""
    data = envelope.leaf(payload, signature)
    (length,) = struct.unpack(">I", data[:4])
    assert (data[4 : 4 + length], data[4 + length :]) == (payload, signature)


def test_signing_is_cheap() -> None:
    """Encoding and signing take well under a tenth of a millisecond beyond a busy machine's noise."""
    rounds = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(50):
            envelope.sign(ONE, KEY)
        rounds.append((time.perf_counter() - began) / 50)
    assert min(rounds) < 200e-6
