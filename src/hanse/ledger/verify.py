"""Proving an exported entry to somebody who has no node: pure, offline, from one file.

The steps, in order; each needs the ones before it:

1. the file is a proof of a format that this version knows;
2. the founding entry is signed by the key that it names, and that key has the fingerprint that was trusted;
3. each later key was brought by an entry that the key before it signed;
4. the entry is signed by the last of these keys;
5. the body is what the entry commits to;
6. the checkpoint is signed by one of these keys;
7. the entry is a leaf of the checkpoint's tree;
8. the time stamp, where there is one, is over this checkpoint (RFC 3161).
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from hanse.kernel import envelope, merkle, notes, strict_json
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import VerifyKey
from hanse.kernel.units import iso
from hanse.ledger.timestamp import stamped_us

FORMAT = "hanse/proof/1"
LIMIT_BYTES = 64 * 1024 * 1024
"""A proof is read into memory whole; evidence files are proven by their hash, not carried in it."""


class ProofError(HanseError):
    """The file does not prove what it says, or is no proof."""


class SignedEntry(msgspec.Struct, frozen=True):
    """An entry as signed, with what opens its commitment (base64)."""

    payload: bytes
    signature: bytes
    salt: bytes
    body: bytes


class Proof(msgspec.Struct, frozen=True):
    """All that it takes to prove an entry.

    Attributes:
        format: `FORMAT`.
        entry: What is proven.
        keys: The founding entry and each rotation up to the entry's key, in order.
        position: Leaf of the entry.
        inclusion: Its audit path (RFC 9162, section 2.1.3).
        checkpoint: The signed note over the tree's root.
        timestamp: RFC 3161 response over the SHA-256 of the checkpoint, or empty.
    """

    format: str
    entry: SignedEntry
    keys: tuple[SignedEntry, ...]
    position: int
    inclusion: tuple[bytes, ...]
    checkpoint: str
    timestamp: bytes = b""


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof proves.

    Attributes:
        envelope: The entry's envelope.
        body: Its body: actor, reason and content.
        authority: The authority's name, as its founding entry says it.
        fingerprint: Fingerprint of the authority's first key, to compare with the published one.
        steps: What was checked, one sentence each.
    """

    envelope: envelope.Envelope
    body: dict[str, object]
    authority: str
    fingerprint: str
    steps: tuple[str, ...] = field(default=())


def verify(data: bytes, trusted: str = "", roots: bytes = b"") -> Proven:
    """Check a proof.

    Args:
        data: The exported file.
        trusted: Fingerprint of the authority's first key, from a source that is trusted; without it, the proof
            only shows that everything was signed by the key that it names itself.
        roots: PEM certificates of trusted time-stamping authorities; without them step 8 is left out.

    Raises:
        ProofError: A step fails; the message names it.
    """
    proof = _read(data)
    steps = ["1. The file is a proof in the format hanse/proof/1."]
    founding, keys = _keys(proof, steps, trusted)
    head = _head(proof.entry, keys, founding)
    steps.append(f"4. Entry {head.seq:,} ({head.kind}) of {iso(head.time)} is signed by key {head.key}.")
    body = _body(proof.entry, head)
    steps.append("5. The body is what the entry commits to.")
    checkpoint = _checkpoint(proof, head.origin, keys)
    steps.append(f"6. The checkpoint over {checkpoint.size:,} leaves is signed by {head.origin}.")
    leaf = merkle.leaf_hash(envelope.leaf(proof.entry.payload, proof.entry.signature))
    if not merkle.verify_inclusion(
        proof.position, checkpoint.size, leaf, list(proof.inclusion), checkpoint.root
    ):
        raise ProofError("Step 7 fails: the entry is not in the checkpoint's tree.")
    steps.append(f"7. The entry is leaf {proof.position:,} of that tree.")
    if proof.timestamp and roots:
        steps.append(
            f"8. The checkpoint existed by {iso(stamped_us(proof.timestamp, proof.checkpoint, roots))}."
        )
    return Proven(head, body, founding.name, founding.fingerprint, tuple(steps))


def _head(said: SignedEntry, keys: dict[str, VerifyKey], founding: "_Founding") -> envelope.Envelope:
    """Step 4: the envelope, if the key that it names is one of the authority's and signed it."""
    try:
        named = envelope.decode(said.payload)
    except HanseError as error:
        raise ProofError(f"Step 4 fails: {error}") from None
    if named.key not in keys:
        raise ProofError(f"Step 4 fails: key {named.key} is none of {founding.name}'s.")
    if named.origin != founding.authority:
        raise ProofError(
            f"Step 4 fails: the entry is of {named.origin}, the keys are of {founding.authority}."
        )
    return _signed(said, keys[named.key], 4)


@dataclass(frozen=True, slots=True)
class _Founding:
    """Who the authority says it is, and the fingerprint of its first key."""

    authority: str
    name: str
    fingerprint: str


def fingerprint(key: VerifyKey) -> str:
    """A key in a form that two people compare by telephone: its SHA-256 as 16 groups of four hexadecimal digits."""
    digits = sha256(key.raw).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, 64, 4))


def _read(data: bytes) -> Proof:
    """Step 1."""
    try:
        proof = strict_json.decode(data, Proof, limit_bytes=LIMIT_BYTES)
    except HanseError as error:
        raise ProofError(f"Step 1 fails: this is no proof ({error}).") from None
    if proof.format != FORMAT:
        raise ProofError(f"Step 1 fails: the format is {proof.format!r}; this version knows {FORMAT}.")
    return proof


def _keys(proof: Proof, steps: list[str], trusted: str) -> tuple[_Founding, dict[str, VerifyKey]]:
    """Steps 2 and 3: the authority's keys by id, each vouched for by the one before."""
    if not proof.keys:
        raise ProofError("Step 2 fails: the founding entry is missing.")
    first = _content(proof.keys[0], None, "ledger.founded", 2)
    key = VerifyKey(bytes.fromhex(first["verify"]))
    _signed(proof.keys[0], key, 2)
    founding = _Founding(first["authority"], first["name"], fingerprint(key))
    if trusted and "".join(trusted.split()).lower() != founding.fingerprint.replace(" ", ""):
        raise ProofError(
            f"Step 2 fails: the first key's fingerprint is {founding.fingerprint}, not the trusted one."
        )
    steps.append(f"2. {founding.name} ({founding.authority}) was founded under key {key.id}.")
    keys = {key.id: key}
    for said in proof.keys[1:]:
        content = _content(said, None, "ledger.key_rotated", 3)
        _signed(said, key, 3)
        key = VerifyKey(bytes.fromhex(content["verify"]))
        keys[key.id] = key
    steps.append(f"3. {len(keys) - 1} later keys follow, each signed for by the one before.")
    return founding, keys


def _signed(said: SignedEntry, key: VerifyKey, step: int) -> envelope.Envelope:
    """The envelope of an entry, if the key signed it."""
    try:
        return envelope.verify(said.payload, said.signature, key)
    except HanseError as error:
        raise ProofError(f"Step {step} fails: {error}") from None


def _content(said: SignedEntry, head: envelope.Envelope | None, kind: str, step: int) -> dict[str, Any]:
    """The content of an entry about keys, if its body is what the entry commits to."""
    try:
        head = head or envelope.decode(said.payload)
    except HanseError as error:
        raise ProofError(f"Step {step} fails: {error}") from None
    if head.kind != kind:
        raise ProofError(f"Step {step} fails: an entry of kind {head.kind} stands where {kind} should.")
    return dict(_body(said, head, step)["content"])


def _body(said: SignedEntry, head: envelope.Envelope, step: int = 5) -> dict[str, Any]:
    """Step 5: the body, if the envelope commits to it."""
    if envelope.commit(said.salt, said.body).hex() != head.commitment:
        raise ProofError(
            f"Step {step} fails: the body of entry {head.seq:,} is not what the entry commits to."
        )
    body: dict[str, Any] = strict_json.loads(said.body, limit_bytes=LIMIT_BYTES)
    return body


def _checkpoint(proof: Proof, origin: str, keys: dict[str, VerifyKey]) -> notes.Checkpoint:
    """Step 6: the checkpoint, if one of the authority's keys signed it under the ledger's name."""
    name = f"hanse/{origin}"
    for key in keys.values():
        try:
            return notes.open_checkpoint(proof.checkpoint, name, key)
        except HanseError as error:
            failed = error
    raise ProofError(f"Step 6 fails: {failed}")
