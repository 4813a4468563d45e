"""The envelope of an entry: what is signed, exactly as it is signed (DSSE's pre-authentication encoding).

Its bytes are the one canonical JSON text of its fields: they are compared with a new encoding when they are
read, so that no second reading of the same bytes exists (no key twice, no white space, no unknown field).
"""

from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from hanse.kernel.errors import HanseError
from hanse.kernel.keys import SigningKey, VerifyKey
from hanse.kernel.strict_json import canonical

PAYLOAD_TYPE = b"application/vnd.hanse.entry+json"
_PAE_HEAD = b"DSSEv1 %d %b " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE)
_COMMITMENT = b"hanse/commitment/1"
SALT_BYTES = 32


class EnvelopeError(HanseError):
    """The bytes are no envelope, or its signature does not hold."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What everybody who carries an entry may read; actor, reason and content are in the body.

    Attributes:
        commitment: Salted commitment to the body, hexadecimal (see `commit`).
        key: Id of the signing key.
        kind: What the entry is, such as ``attacks.found``.
        marking: Canonical JSON form of its marking.
        object: UUID of the object that it creates or changes, 32 hexadecimal digits.
        origin: Id of the authority that wrote it.
        recipient: Id of the authority it is addressed to, or None.
        seq: Place in the order of what the origin addressed to this recipient, from 0; without a recipient, the
            entry's sequence in the origin's ledger.
        time: When it was written, microseconds UTC.
        v: Version of this format, 1.
        version: Version of the object, from 1.
    """

    commitment: str
    key: str
    kind: str
    marking: dict[str, Any]
    object: str
    origin: str
    recipient: str | None
    seq: int
    time: int
    v: int = 1
    version: int = 1


class Signed(NamedTuple):
    """An envelope's bytes and the Ed25519 signature over their pre-authentication encoding."""

    payload: bytes
    signature: bytes


def encode(envelope: Envelope) -> bytes:
    """The envelope's one form in bytes."""
    return canonical(envelope)


_decoder = msgspec.json.Decoder(Envelope)


def decode(payload: bytes) -> Envelope:
    """The envelope in bytes that are exactly its one form.

    Raises:
        EnvelopeError: They are not.
    """
    try:
        envelope = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"This is no envelope: {error}.") from None
    if envelope.v != 1:
        raise EnvelopeError(
            f"The envelope is of version {envelope.v}; this Hanse knows version 1. Upgrade it."
        )
    if encode(envelope) != payload:
        raise EnvelopeError(
            "The envelope is not in its one form: a key twice, white space, or another order."
        )
    return envelope


def pae(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what the signature is over."""
    return b"%b%d %b" % (_PAE_HEAD, len(payload), payload)


def sign(envelope: Envelope, key: SigningKey) -> Signed:
    """Encode and sign."""
    payload = encode(envelope)
    return Signed(payload, key.sign(pae(payload)))


def verify(payload: bytes, signature: bytes, key: VerifyKey) -> Envelope:
    """The envelope, if the key signed exactly these bytes and is the key that they name.

    Raises:
        EnvelopeError: The bytes are no envelope, or name another key.
        KeysError: The signature does not hold.
    """
    key.verify(signature, pae(payload))
    envelope = decode(payload)
    if envelope.key != key.id:
        raise EnvelopeError(f"Entry {envelope.seq:,} names key {envelope.key}, but {key.id} signed it.")
    return envelope


def commit(salt: bytes, body: bytes) -> bytes:
    """The salted commitment to a body: SHA-256 over a fixed prefix, the 32-byte salt and the body."""
    return sha256(_COMMITMENT + salt + body).digest()


def leaf(payload: bytes, signature: bytes) -> bytes:
    """An entry as leaf data of the tree: the payload's length (4 bytes, big-endian), payload, signature."""
    return len(payload).to_bytes(4) + payload + signature
