"""The envelope of an entry: what is signed, exactly as it is signed (DSSE's pre-authentication encoding).

Its bytes are the one canonical JSON text of its fields: they are compared with a new encoding when they are
read, so that no second reading of the same bytes exists (no key twice, no white space, no unknown field).

Entries that are written together may share one Ed25519 signature: it is over the root of the Merkle tree (RFC 9162)
whose leaves are their pre-authentication encodings, and each entry's signature is its place in that tree (one byte),
the tree's size (one byte), the Ed25519 signature, and its audit path. Each of them still proves itself alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from hanse.kernel import merkle
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import SigningKey, VerifyKey
from hanse.kernel.strict_json import canonical

PAYLOAD_TYPE = b"application/vnd.hanse.entry+json"
_PAE_HEAD = b"DSSEv1 %d %b " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE)
TOGETHER_TYPE = b"application/vnd.hanse.entries+sha256"
_TOGETHER_HEAD = b"DSSEv1 %d %b 33 " % (len(TOGETHER_TYPE), TOGETHER_TYPE)
TOGETHER = 128
"""Entries that share a signature at most. With twice as many each would keep 32 bytes more, to save a 256th of a
signature: 0.1 of 27 us."""
_PLACES = [bytes((place,)) for place in range(TOGETHER)]
_ALONE_BYTES = 64
_HASH_BYTES = 32
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
    """An envelope's bytes and their signature: of 64 bytes when it was signed alone, longer when with others."""

    payload: bytes
    signature: bytes


def encode(envelope: Envelope) -> bytes:
    """The envelope's one form in bytes."""
    return canonical(envelope)


class Blank:
    """The envelopes that have all but four fields in common: what is the same in all of them is encoded once.

    Args:
        key: These, and those below, as of `Envelope`.
        kind:
        marking: Its canonical JSON.
        origin:
        recipient:
        time:
    """

    def __init__(
        self, *, key: str, kind: str, marking: str, origin: str, recipient: str | None, time: int
    ) -> None:
        first = canonical({"key": key, "kind": kind}).decode()
        then = canonical({"origin": origin, "recipient": recipient}).decode()
        self._after_commitment = f',{first[1:-1]},"marking":{marking},"object":'
        self._after_object = f',{then[1:-1]},"seq":'
        self._after_seq = f',"time":{time},"v":1,"version":'

    def fill(self, commitment: str, object_id: str, seq: int, version: int) -> bytes:
        """The one form of an envelope with these; commitment and object are hexadecimal digits, as they must be."""
        return (
            f'{{"commitment":"{commitment}"{self._after_commitment}"{object_id}"{self._after_object}{seq}'
            f"{self._after_seq}{version}}}"
        ).encode()


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


def reread(payload: bytes) -> Envelope:
    """The envelope of an entry that was decoded and verified before it came where it is; its form is not checked again."""
    return _decoder.decode(payload)


def pae(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what the signature is over."""
    return b"%b%d %b" % (_PAE_HEAD, len(payload), payload)


def sign(envelope: Envelope, key: SigningKey) -> Signed:
    """Encode and sign."""
    payload = encode(envelope)
    return Signed(payload, key.sign(pae(payload)))


def sign_together(payloads: Sequence[bytes], key: SigningKey) -> list[bytes]:
    """The signature of each of several encoded envelopes, `TOGETHER` at a time over one root.

    Their recipients must be the same: from a path and a size, one may learn that there were others.
    """
    signatures = []
    for at in range(0, len(payloads), TOGETHER):
        some = payloads[at : at + TOGETHER]
        if len(some) == 1:
            signatures.append(key.sign(pae(some[0])))
            continue
        # Of each, `merkle.leaf_hash(pae(payload))`, its bytes copied once.
        root, paths = merkle.root_and_paths(
            [sha256(_before_signed(len(payload)) + payload).digest() for payload in some]
        )
        size = len(some)
        shared = bytes((size,)) + key.sign(_together(size, root))
        signatures += [b"".join((place, shared, path)) for place, path in zip(_PLACES, paths, strict=False)]
    return signatures


@lru_cache(maxsize=1_024)
def _before_signed(length: int) -> bytes:
    """What comes before an envelope of so many bytes in a leaf of the tree that several are signed in."""
    return b"%b%b%d " % (merkle.LEAF, _PAE_HEAD, length)


def _together(size: int, root: bytes) -> bytes:
    """What is signed for a tree of envelopes: DSSE's encoding of its size (one byte) and root, under its own type."""
    return _TOGETHER_HEAD + bytes((size,)) + root


def _check_signature(payload: bytes, signature: bytes, key: VerifyKey) -> None:
    """Refuse what the key did not sign, alone or together with others.

    Raises:
        KeysError: The signature does not hold.
        EnvelopeError: The signature is of no known form, or its path does not lead from this envelope to a root.
    """
    if len(signature) <= _ALONE_BYTES:
        key.verify(signature, pae(payload))
        return
    index, size, path = signature[0], signature[1], signature[2 + _ALONE_BYTES :]
    steps = [path[at : at + _HASH_BYTES] for at in range(0, len(path), _HASH_BYTES)]
    root = merkle.root_of_path(index, size, merkle.leaf_hash(pae(payload)), steps)
    if root is None or not 2 <= size <= TOGETHER or len(path) % _HASH_BYTES:
        raise EnvelopeError("The signature is neither of one entry nor of several together.")
    _check_shared(key, signature[2 : 2 + _ALONE_BYTES], _together(size, root))


@lru_cache(maxsize=256)
def _check_shared(key: VerifyKey, signature: bytes, text: bytes) -> None:
    """`VerifyKey.verify`, once for the entries that share a signature; what does not hold is never remembered."""
    key.verify(signature, text)


def verify(payload: bytes, signature: bytes, key: VerifyKey) -> Envelope:
    """The envelope, if the key signed exactly these bytes and is the key that they name.

    Raises:
        EnvelopeError: The bytes are no envelope, or name another key; or the signature is of no known form.
        KeysError: The signature does not hold.
    """
    _check_signature(payload, signature, key)
    envelope = decode(payload)
    if envelope.key != key.id:
        raise EnvelopeError(f"Entry {envelope.seq:,} names key {envelope.key}, but {key.id} signed it.")
    return envelope


def commit(salt: bytes, body: bytes) -> str:
    """The salted commitment to a body, hexadecimal: SHA-256 over a fixed prefix, the 32-byte salt and the body."""
    return sha256(b"".join((_COMMITMENT, salt, body))).hexdigest()


def hashed(payload: bytes, signature: bytes) -> bytes:
    """An entry's leaf hash in the tree: over the payload's length (4 bytes, big-endian), payload, signature."""
    return sha256(b"".join((_before_leaf(len(payload)), payload, signature))).digest()


@lru_cache(maxsize=1_024)
def _before_leaf(length: int) -> bytes:
    """What is hashed before a payload of so many bytes."""
    return merkle.LEAF + length.to_bytes(4)
