"""Proving an exported entry to somebody who has no node: pure, offline, from one file.

The steps, in order; each needs the ones before it:

1. the file is a proof of a format that this version knows;
2. the founding entry is signed by the key that it names, and that key has the fingerprint that was trusted;
3. each later key was brought, and each revocation said, by an entry that the key before it signed;
4. the entry is signed by one of these keys, in its time and before it was revoked, or the authority stands by it since;
5. the body is what the entry commits to;
6. the checkpoint is signed by one of these keys, before that key was revoked;
7. the entry is a leaf of the checkpoint's tree;
8. most of the witnesses saw the checkpoint: those that are trusted, else those that the proof itself names;
9. the time stamp, where roots are trusted for one, is over this checkpoint (RFC 3161).

Whoever has a revoked key can sign with any date: where the checkpoint is signed by one, trusted witnesses or a trusted
time stamp have to show that it is from before the revocation. What the authority itself wrote between the theft and the
rotation it may stand by, one stretch of entries at a time: they are believed under a checkpoint of a later key alone. That
no thief can sign who has the stolen one; who could write into the ledger itself is why people have to look at them first.
A proof made before a revocation cannot know of it: whoever doubts a key asks the authority for a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from hanse.kernel import envelope, merkle, notes, strict_json
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US, Moment
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import VerifyKey
from hanse.kernel.units import iso
from hanse.ledger.witness import is_witnessed, seen_by

FORMAT = "hanse/proof/1"
LIMIT_BYTES = 64 * 1024 * 1024
"""A proof is read into memory whole; evidence files are proven by their hash, not carried in it."""
CLOCK_US = 60_000_000
"""By how much two honest clocks may differ, microseconds."""


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
        keys: The founding entry and each rotation and revocation of keys, and what the authority stands by, in order.
        position: Leaf of the entry.
        inclusion: Its audit path (RFC 9162, section 2.1.3).
        checkpoint: The signed note over the tree's root.
        timestamp: RFC 3161 response over the checkpoint, or empty.
        witnesses: Verifier keys of those whom the authority asked to witness its ledger (C2SP).
    """

    format: str
    entry: SignedEntry
    keys: tuple[SignedEntry, ...]
    position: int
    inclusion: tuple[bytes, ...]
    checkpoint: str
    timestamp: bytes = b""
    witnesses: tuple[str, ...] = ()


class Actor(msgspec.Struct, frozen=True):
    """Who wrote an entry: their id, whether a person, a token, the system or a partner, and their name."""

    id: str
    kind: str
    name: str


class Said(msgspec.Struct, frozen=True):
    """The body of an entry: who, what and why."""

    actor: Actor
    content: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof proves.

    Attributes:
        envelope: The entry's envelope.
        body: Its body: actor, reason and content.
        authority: The authority's name, as its founding entry says it.
        fingerprint: Fingerprint of the authority's first key, to compare with the published one.
        checkpoint_us: When the checkpoint says that it was signed, microseconds UTC.
        witnesses: How many witnesses it was looked for: those that are trusted, else those that the proof itself names.
        witnessed: Whether most of them saw the checkpoint.
        steps: What was checked, one sentence each.
    """

    envelope: envelope.Envelope
    body: Said
    authority: str
    fingerprint: str
    checkpoint_us: int
    witnesses: int
    witnessed: bool
    steps: tuple[str, ...] = field(default=())


def verify(
    data: bytes,
    trusted: str = "",
    roots: bytes = b"",
    witnesses: Sequence[str] = (),
    *,
    must_be_witnessed: bool = True,
) -> Proven:
    """Check a proof.

    Args:
        data: The exported file.
        trusted: Fingerprint of the authority's first key, from a source that is trusted; without it, the proof
            only shows that everything was signed by the key that it names itself.
        roots: PEM certificates of trusted time-stamping authorities; with them, a time stamp must be there.
        witnesses: Verifier keys (C2SP) of trusted witnesses; with them, most must have seen the checkpoint.
        must_be_witnessed: Whether it fails where they did not; else the caller judges by what is proven.

    Raises:
        ProofError: A step fails; the message names it.
    """
    proof = _read(data)
    keys = _keys(proof, trusted)
    head = _signed(proof.entry, keys, 4, doubted=True)
    keys.in_its_time(head)
    body = _body(proof.entry, head, 5)
    checkpoint, signer = _checkpoint(proof, keys)
    by = keys.stands_by(head, signer.id)
    leaf = envelope.hashed(proof.entry.payload, proof.entry.signature)
    if not merkle.verify_inclusion(proof.position, checkpoint.size, leaf, proof.inclusion, checkpoint.root):
        raise ProofError("Step 7 fails: the entry is not in the checkpoint's tree.")
    seen = _witnessed(proof, witnesses)
    if witnesses and must_be_witnessed and not seen.most:
        raise ProofError(
            f"Step 8 fails: {seen.words} If it is older than some minutes, the ledger may have been put back or shown in two "
            "versions: ask a witness."
        )
    stamped_us, stamp = _stamp(proof, _time(checkpoint), roots)
    since = _before_revocation(keys, signer.id, seen.by_us, stamped_us)
    steps = (
        f"1. The file is a proof in the format {FORMAT}.",
        f"2. {keys.name} ({keys.authority}) was founded under key {keys.first.id}.",
        f"3. Later keys that follow: {len(keys.held) - 1}; revocations: {len(keys.revoked)}. Each is signed for.",
        f"4. Entry {head.seq:,} ({head.kind}) of {iso(head.time)} is signed by key {head.key}{keys.later(head.key)}{by}.",
        "5. The body is what the entry commits to.",
        f"6. The checkpoint over {checkpoint.size:,} leaves is signed by {keys.authority}, by key {signer.id}{since}.",
        f"7. The entry is leaf {proof.position:,} of that tree.",
        f"8. {seen.words}",
        f"9. {stamp}",
    )
    return Proven(
        head, body, keys.name, fingerprint(keys.first), _time(checkpoint), seen.asked, seen.most, steps
    )


class _Founded(msgspec.Struct, frozen=True):
    """What is read of a founding entry's content."""

    authority: str
    name: str
    verify: str


class _Rotated(msgspec.Struct, frozen=True):
    """What is read of a rotation's content."""

    verify: str
    replaces: str


class _Revoked(msgspec.Struct, frozen=True):
    """What is read of a revocation's content."""

    key: str
    since_us: Moment


class _Vouched(msgspec.Struct, frozen=True):
    """What is read of the content of an entry by which an authority stands by others."""

    key: str
    first: int
    last: int


class _Keys:
    """An authority's keys, as far as its own entries vouch for them."""

    def __init__(self, founded: _Founded, first: VerifyKey) -> None:
        self.authority, self.name, self.first = founded.authority, founded.name, first
        self.current = first
        self.held = {first.id: first}
        self.brought = {first.id: 0}
        self.replaced: dict[str, envelope.Envelope] = {}
        self.revoked: dict[str, int] = {}
        self.vouched: list[tuple[_Vouched, envelope.Envelope]] = []

    def believed(self, key: str, time_us: int, step: int) -> None:
        """Refuse a key that was revoked before a time."""
        if self._is_doubted(key, time_us):
            raise ProofError(f"Step {step} fails: key {key} was revoked from {iso(self.revoked[key])} on.")

    def _is_doubted(self, key: str, time_us: int) -> bool:
        return self.revoked.get(key, time_us + 1) <= time_us

    def stands_by(self, head: envelope.Envelope, signer: str) -> str:
        """Refuse an entry of a key that was revoked before, unless the authority stands by it; that, as the end of a sentence.

        Args:
            head: The entry's.
            signer: Signed the checkpoint that it is under.
        """
        if not self._is_doubted(head.key, head.time):
            return ""
        found = [
            by
            for what, by in self.vouched
            if head.recipient is None
            and what.key == head.key
            and what.first <= head.seq <= what.last
            and not self._is_doubted(by.key, by.time)
        ]
        if not found:
            self.believed(head.key, head.time, 4)
        if signer in self.revoked:
            raise ProofError(
                f"Step 4 fails: key {head.key} was revoked from {iso(self.revoked[head.key])} on. The authority stands by the "
                "entry, but this checkpoint is of a revoked key. Ask for the proof again, under a later checkpoint."
            )
        return f"; the authority stands by it since {iso(found[0].time)}, under key {found[0].key}"

    def in_its_time(self, head: envelope.Envelope) -> None:
        """Refuse an entry in the node's own order that stands where another key signed; others are counted elsewhere."""
        by = self.replaced.get(head.key)
        if head.recipient is None and (
            head.seq < self.brought[head.key] or (by is not None and head.seq > by.seq)
        ):
            raise ProofError(
                f"Step 4 fails: key {head.key} was not the one that signed at entry {head.seq:,}."
            )

    def later(self, key: str) -> str:
        """What became of a key, as the end of a sentence: it was replaced, or revoked, or neither."""
        if key in self.revoked:
            return f", which was revoked from {iso(self.revoked[key])} on"
        by = self.replaced.get(key)
        return f", which was replaced on {iso(by.time)}" if by is not None else ""


def fingerprint(key: VerifyKey) -> str:
    """A key in a form that two people compare by telephone: its SHA-256 as 16 groups of four hexadecimal digits."""
    digits = sha256(key.raw).hexdigest()
    return " ".join(digits[at : at + 4] for at in range(0, 64, 4))


def _read(data: bytes) -> Proof:
    """Step 1."""
    try:
        proof: Proof = strict_json.decode(data, Proof, limit_bytes=LIMIT_BYTES)
    except HanseError as error:
        raise ProofError(f"Step 1 fails: this is no proof ({error}).") from None
    if proof.format != FORMAT:
        raise ProofError(f"Step 1 fails: the format is {proof.format!r}; this version knows {FORMAT}.")
    return proof


def _keys(proof: Proof, trusted: str) -> _Keys:
    """Steps 2 and 3: the authority's keys, each vouched for by the one before."""
    if not proof.keys:
        raise ProofError("Step 2 fails: the founding entry is missing.")
    keys = _founding(proof.keys[0])
    print_ = fingerprint(keys.first)
    if trusted and "".join(trusted.split()).lower() != print_.replace(" ", ""):
        raise ProofError(f"Step 2 fails: the first key's fingerprint is {print_}, not the trusted one.")
    last = -1
    for said in proof.keys:
        head = _signed(said, keys, 3)
        if head.key != keys.current.id or head.seq <= last:
            raise ProofError(f"Step 3 fails: entry {head.seq:,} does not follow from the key before it.")
        last = head.seq
        if head.kind == "ledger.key_rotated":
            rotated = _content(said, head, _Rotated, 3)
            if rotated.replaces != keys.current.id:
                raise ProofError(f"Step 3 fails: entry {head.seq:,} replaces another key.")
            keys.replaced[keys.current.id] = head
            keys.current = _key(rotated.verify, 3)
            keys.held[keys.current.id], keys.brought[keys.current.id] = keys.current, head.seq + 1
        elif head.kind == "ledger.key_revoked":
            revoked = _content(said, head, _Revoked, 3)
            keys.revoked[revoked.key] = min(revoked.since_us, keys.revoked.get(revoked.key, revoked.since_us))
        elif head.kind == "ledger.key_vouched":
            keys.vouched.append((_content(said, head, _Vouched, 3), head))
        elif said is not proof.keys[0]:
            raise ProofError(f"Step 3 fails: an entry of kind {head.kind} stands among the keys.")
    return keys


def _founding(said: SignedEntry) -> _Keys:
    """Step 2: the first key, which signs for itself."""
    try:
        head = envelope.decode(said.payload)
    except HanseError as error:
        raise ProofError(f"Step 2 fails: {error}") from None
    if head.kind != "ledger.founded":
        raise ProofError(f"Step 2 fails: an entry of kind {head.kind} stands where the founding should.")
    founded = _content(said, head, _Founded, 2)
    keys = _Keys(founded, _key(founded.verify, 2))
    _signed(said, keys, 2)
    return keys


def _key(text: str, step: int) -> VerifyKey:
    try:
        return VerifyKey(bytes.fromhex(text))
    except (ValueError, HanseError):
        raise ProofError(f"Step {step} fails: {text[:80]!r} is no Ed25519 public key.") from None


def _signed(said: SignedEntry, keys: _Keys, step: int, *, doubted: bool = False) -> envelope.Envelope:
    """The envelope of an entry, if one of the keys signed it for this authority and was to be believed then.

    Args:
        said: The entry.
        keys: The authority's.
        step: Whose it is, for the message.
        doubted: Whether a key that was revoked before is let pass, for the caller to look at.
    """
    try:
        named = envelope.decode(said.payload)
        key = keys.held.get(named.key)
        head = envelope.verify(said.payload, said.signature, key) if key else None
    except HanseError as error:
        raise ProofError(f"Step {step} fails: {error}") from None
    if head is None:
        raise ProofError(f"Step {step} fails: key {named.key} is none of {keys.name}'s.")
    if head.origin != keys.authority:
        raise ProofError(
            f"Step {step} fails: the entry is of {head.origin}, the keys are of {keys.authority}."
        )
    if not FIRST_MOMENT_US <= head.time <= LAST_MOMENT_US:
        raise ProofError(f"Step {step} fails: the entry is of a time that no calendar has.")
    if not doubted:
        keys.believed(head.key, head.time, step)
    return head


_Content = TypeVar("_Content", bound=msgspec.Struct)


def _content(said: SignedEntry, head: envelope.Envelope, kind: type[_Content], step: int) -> _Content:
    """The content of an entry about keys, if its body is what the entry commits to."""
    try:
        return msgspec.convert(_body(said, head, step).content, kind)
    except msgspec.ValidationError as error:
        raise ProofError(
            f"Step {step} fails: entry {head.seq:,} says nothing about keys ({error})."
        ) from None


def _body(said: SignedEntry, head: envelope.Envelope, step: int) -> Said:
    """Step 5: the body, if the envelope commits to it."""
    if envelope.commit(said.salt, said.body) != head.commitment:
        raise ProofError(
            f"Step {step} fails: the body of entry {head.seq:,} is not what the entry commits to."
        )
    try:
        body: Said = strict_json.decode(said.body, Said, limit_bytes=LIMIT_BYTES)
    except HanseError as error:
        raise ProofError(f"Step {step} fails: the body cannot be read ({error}).") from None
    return body


def _checkpoint(proof: Proof, keys: _Keys) -> tuple[notes.Checkpoint, VerifyKey]:
    """Step 6: the checkpoint, if one of the authority's keys signed it under the ledger's name, and that key."""
    name, failed = f"hanse/{keys.authority}", ""
    for key in reversed(keys.held.values()):
        try:
            checkpoint = notes.open_checkpoint(proof.checkpoint, name, key)
        except HanseError as error:
            failed = failed or str(error)
            continue
        keys.believed(key.id, _time(checkpoint), 6)
        return checkpoint, key
    raise ProofError(f"Step 6 fails: {failed}")


def _before_revocation(keys: _Keys, key: str, *shown_us: int | None) -> str:
    """Step 6 for a key that was revoked: what shows that it signed before, as the end of a sentence.

    Args:
        keys: The authority's.
        key: Signed the checkpoint.
        shown_us: By when the checkpoint existed, as each of those says whom the reader trusts; None for nobody.

    Raises:
        ProofError: Those whom the reader trusts saw it only after the revocation.
    """
    since = keys.revoked.get(key)
    if since is None:
        return keys.later(key)
    trusted = [one for one in shown_us if one is not None]
    if not trusted:
        return (
            f"{keys.later(key)}; that it signed before rests on the date that it wrote itself. Ask for the proof again, "
            "under a later checkpoint, or trust a witness or a time-stamping authority"
        )
    if min(trusted) >= since:
        raise ProofError(
            f"Step 6 fails: key {key} was revoked from {iso(since)} on, and its checkpoint was seen only by "
            f"{iso(min(trusted))}: whoever has the key can have dated it back. Ask for the proof again, under a later checkpoint."
        )
    return f"{keys.later(key)}, and existed by {iso(min(trusted))}"


def _time(checkpoint: notes.Checkpoint) -> int:
    """When a checkpoint says that it was signed, microseconds UTC."""
    for line in checkpoint.extensions:
        name, _, text = line.partition(" ")
        if (
            name == "time"
            and text.isascii()
            and text.isdigit()
            and len(text) < 20
            and int(text) <= LAST_MOMENT_US
        ):
            return int(text)
    raise ProofError("Step 6 fails: the checkpoint does not say when it was signed.")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Step 8: who saw the checkpoint.

    Attributes:
        asked: How many witnesses it was looked for.
        most: Whether most of them saw it.
        words: It in a sentence, and what to do.
        by_us: By when most of those that are trusted had seen it, microseconds UTC; None where none are.
    """

    asked: int
    most: bool
    words: str
    by_us: int | None = None


def _witnessed(proof: Proof, trusted: Sequence[str]) -> _Seen:
    """Step 8 for the trusted witnesses; without any, what the proof shows by itself."""
    keys: dict[str, list[VerifyKey]] = {}
    try:
        for text in trusted or proof.witnesses:
            name, key = notes.parse_verifier_key(text)
            keys.setdefault(name.removeprefix("hanse/"), []).append(key)
        seen = seen_by(proof.checkpoint, keys)
    except HanseError as error:
        raise ProofError(f"Step 8 fails: {error}") from None
    told = ", ".join(f"{name} by {iso(time_s * 1_000_000)}" for name, time_s in sorted(seen.items()))
    most = is_witnessed(len(seen), len(keys))
    if most and not trusted:
        # Whoever signs two histories can name witnesses of their own making, under anybody's name.
        words = (
            f"By keys that the proof itself names, the checkpoint was seen by {len(seen)} of {len(keys)} witnesses: {told}. "
            "Ask them for their keys, and give these with --witness."
        )
        return _Seen(len(keys), most, words)
    if most:
        most_s = sorted(seen.values())[len(keys) // 2]
        words = f"The checkpoint was seen by {len(seen)} of {len(keys)} witnesses: {told}."
        return _Seen(len(keys), most, words, most_s * 1_000_000)
    if trusted:
        words = f"{len(seen)} of the {len(keys)} trusted witnesses saw this checkpoint{': ' + told if told else ''}."
    elif keys:
        words = f"Unwitnessed: {len(seen)} of {len(keys)} witnesses saw this checkpoint. Ask for the proof again later."
    else:
        words = "Nobody witnesses this ledger: that there is no other history of it is not shown."
    return _Seen(len(keys), most, words)


def _stamp(proof: Proof, said_us: int, roots: bytes) -> tuple[int | None, str]:
    """Step 9: the time of the trusted stamp, microseconds UTC, and the words.

    Args:
        proof: The proof.
        said_us: When the checkpoint says that it was signed.
        roots: As of `verify`.
    """
    if not roots:
        return None, (
            "A time stamp was not asked for." if not proof.timestamp else "Its time stamp was left unchecked."
        )
    if not proof.timestamp:
        raise ProofError("Step 9 fails: the proof has no time stamp.")
    from hanse.ledger.timestamp import stamped_us  # noqa: PLC0415 - most proofs have no stamp; it loads X.509

    try:
        stamped = stamped_us(proof.timestamp, proof.checkpoint, roots)
    except HanseError as error:
        raise ProofError(f"Step 9 fails: {error}") from None
    told = f"The checkpoint existed by {iso(stamped)}"
    if stamped + CLOCK_US < said_us:
        told += f", though it says of itself that it is of {iso(said_us)}: the clock of the node was ahead"
    return stamped, f"{told}."
