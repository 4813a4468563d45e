"""What a partner's ledger gives: pages of the entries addressed to this authority, and how each is proven.

A page brings entries in the order of their places, from the first that the reader does not have. The newest
checkpoint comes with it: it commits to how many entries are addressed to the reader and to a chain over all of them,
so that one withheld, altered or put in another order shows; and each entry is proven to be a leaf of its tree.
Entries that no checkpoint covers yet are provisional. Pure: reads no database, so that a page can be examined, and
made, anywhere.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from hanse.kernel import envelope, merkle, notes, sealing
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US, Moment
from hanse.kernel.envelope import Envelope, EnvelopeError
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import KeysError, SealKey, VerifyKey
from hanse.kernel.markings import Marking, MarkingError
from hanse.kernel.strict_json import canonical
from hanse.ledger.reading import Written
from hanse.ledger.tallies import Opening, holds, next_chain
from hanse.ledger.witness import LONGEST_NOTE

MOST: Final = 1_000
"""Entries of one page at most: memory stays flat whatever the backlog."""
PAGE_BYTES: Final = 4_000_000
"""Bytes of entries in one page at most; one entry alone may have more, up to `LARGEST`."""
LARGEST: Final = 16_000_000
"""Bytes of an entry at most: what the strictest reader of JSON here takes."""
HASH_BYTES: Final = 32
PROVED: Final = 4_096
"""Entries that one page proves at most."""
LONGEST_HEAD: Final = 100_000
"""Bytes of an envelope at most: all but a few hundred are its marking, which stands on every page that shows the thing."""
LONGEST_KIND: Final = 64
_MOST_VERSIONS: Final = 2**31 - 1
_OBJECT: Final = re.compile(r"[0-9a-f]{32}")

KEY_CHANGED: Final = "federation.key_changed"
"""Kind of the entry by which a partner brings a new key, signed with the one before."""


KEY_REVOKED: Final = "federation.key_revoked"
"""Kind of the entry by which a partner says that a key of its own is not to be believed any more."""


class StreamError(HanseError):
    """A page does not go on where it should, or is not what was asked for."""


class ConflictError(StreamError):
    """A partner contradicts itself: it shows another history than before, or withholds what it counts.

    Attributes:
        before: The checkpoint that was believed; empty for none.
        now: The one that contradicts it, or the entries given.
    """

    def __init__(self, words: str, before: str = "", now: str = "") -> None:
        super().__init__(words)
        self.before, self.now = before, now


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One entry: envelope, signature, and what it commits to; no salt and body where that was purged at its origin.

    Of one that was lost with its origin's database before it was fetched only the leaf hash is left: it stands in place
    of the signature, under no envelope. It has its place, so that the stream goes on.
    """

    payload: bytes
    signature: bytes
    salt: bytes | None = None
    body: bytes | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it is a hash only."""
        return not self.payload and len(self.signature) == HASH_BYTES and self.salt is self.body is None

    @property
    def leaf(self) -> bytes:
        """Its leaf hash."""
        if self.is_lost:
            return self.signature
        return envelope.hashed(self.payload, self.signature)


class Pull(msgspec.Struct, frozen=True, array_like=True):
    """What a reader asks for, and thereby says to have: the signed message around it is its receipt.

    Attributes:
        first: How many entries it has: the place of the first that it wants.
        chain: Its chain over them.
        proven: How many of them are proven to be in the tree.
        size: Size of the last checkpoint that it verified; 0 for none.
        ahead: How many more it has got and not written yet: the page begins after these. `proven` and `size` are then
            as they will be; what counts as its receipt is `first`.
    """

    first: int
    chain: bytes
    proven: int
    size: int
    ahead: int = 0


class Page(msgspec.Struct, frozen=True, array_like=True):
    """What it is answered.

    Attributes:
        first: The place of the first entry.
        items: The entries.
        total: How many are addressed to the reader by now.
        checkpoint: The newest signed note, where it is not the one that the reader has; empty otherwise.
        consistency: That its tree begins with that of the reader's checkpoint.
        opening: The reader's own tally in it; None where the checkpoint counts nothing for the reader.
        proved: The place of the first entry that is proven.
        leaves: The leaf of each of them in the tree.
        paths: Their joint proof (`merkle.joint_proof`), in the order of leaves.
    """

    first: int
    items: tuple[Item, ...]
    total: int
    checkpoint: str = ""
    consistency: tuple[bytes, ...] = ()
    opening: Opening | None = None
    proved: int = 0
    leaves: tuple[int, ...] = ()
    paths: tuple[bytes, ...] = ()


class KeyChanged(msgspec.Struct, frozen=True):
    """New public keys of the entry's origin, hexadecimal; the key before signs it."""

    verify: str
    seal: str


class KeyRevoked(msgspec.Struct, frozen=True):
    """A key of the entry's origin is not to be believed any more.

    Attributes:
        key: Its id.
        since_us: From when on it was not, as its owner says, microseconds UTC.
    """

    key: str
    since_us: Moment


@dataclass(frozen=True, slots=True)
class Arrival:
    """One entry of a page.

    Attributes:
        place: Its place among those addressed to this authority.
        leaf: Its leaf hash.
        chain: The chain with it.
        item: The entry as it came.
        head: Its envelope; None where it is none, and where it was lost at its origin.
        written: Its body; None where it is refused, or was purged at its origin.
        marking: Its marking; None where it is refused.
        why: Why it is refused; empty for one that is accepted.
    """

    place: int
    leaf: bytes
    chain: bytes
    item: Item
    head: Envelope | None = None
    written: Written | None = None
    marking: Marking | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the reader has of a partner's ledger before a page.

    Attributes:
        origin: Id of the partner.
        reader: Id of the own authority.
        count: Entries that it has.
        chain: Chain over them.
        proven: Entries proven to be in the tree.
        checkpoint: The last verified note; empty before the first.
        keys: The partner's keys that are believed, by id.
        chain_at: The chain over the first entries, for a number up to `count`.
        leaves_from: Leaf hashes of entries that it has, from a place on.
    """

    origin: str
    reader: str
    count: int
    chain: bytes
    proven: int
    checkpoint: str
    keys: Mapping[str, VerifyKey]
    chain_at: Callable[[int], bytes]
    leaves_from: Callable[[int], Sequence[bytes]]


@dataclass(slots=True)
class Examined:
    """What a page brought.

    Attributes:
        arrivals: Each entry, accepted or refused.
        proven: Entries proven to be in the tree by now.
        checkpoint: The last verified note by now.
        counted: Entries that the checkpoint counts.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    proven: int = 0
    checkpoint: str = ""
    counted: int = 0


def examine(page: Page, known: Known) -> Examined:
    """Prove what can be proven of a page: each entry for itself, then all together against the checkpoint.

    An entry that is not what it should be is refused by itself and the page goes on: it has its place and its hash,
    whatever it says.

    Raises:
        ConflictError: The partner contradicts what it signed before.
        StreamError: The page is not what was asked for.
    """
    if page.first != known.count:
        raise StreamError(
            f"{known.origin} answered from entry {page.first:,} on; {known.count:,} was asked for."
        )
    if len(page.items) > MOST or len(page.leaves) > PROVED or page.total >= 2**62:
        raise StreamError(f"{known.origin} sent more than a page holds.")
    if page.total < known.count + len(page.items):
        raise ConflictError(
            f"{known.origin} has {page.total:,} entries for {known.reader}, but gave {known.count:,} before. "
            "It was put back to an older state."
        )
    if not page.items and page.total > known.count:
        raise StreamError(
            f"{known.origin} counts {page.total:,} entries but gives none after {known.count:,}."
        )
    keys = dict(known.keys)
    found = Examined(list(_arrivals(page, known, keys)), known.proven, known.checkpoint)
    if len(page.checkpoint) > LONGEST_NOTE:
        raise StreamError(f"{known.origin} sent a checkpoint that is longer than one can be.")
    if page.checkpoint:
        head = read_checkpoint(page.checkpoint, known.origin, keys)
        if head is not None:
            _under_checkpoint(page, head, known, found)
        elif page.total == known.count + len(page.items):
            raise StreamError(
                f"The checkpoint of {known.origin} is not signed with a key that it has brought."
            )
        # Otherwise the key may be in an entry that is still to come.
    return found


def _arrivals(page: Page, known: Known, keys: dict[str, VerifyKey]) -> Iterator[Arrival]:
    """Each entry; those that bring keys add them."""
    chain = known.chain
    for place, item in enumerate(page.items, known.count):
        leaf = item.leaf
        chain = next_chain(chain, leaf)
        if item.is_lost:
            yield Arrival(place, leaf, chain, item)
            continue
        try:
            head, written, marking = _proven(item, place, known, keys)
            if head.kind == KEY_CHANGED and written is not None:
                key = _new_key(written)
                keys[key.id] = key
            if head.kind == KEY_REVOKED and written is not None:
                _revoke(written, keys)
            yield Arrival(place, leaf, chain, item, head, written, marking)
        except HanseError as error:
            yield Arrival(place, leaf, chain, item, _head_or_none(item), why=str(error))


def _proven(
    item: Item, place: int, known: Known, keys: Mapping[str, VerifyKey]
) -> tuple[Envelope, Written | None, Marking]:
    """One entry for itself.

    Raises:
        HanseError: It is not signed by the partner, not for this authority, not in its place, or its body is not
            the one that it commits to.
    """
    head = read_head(item.payload)
    if head.origin != known.origin:
        raise EnvelopeError(f"It says to come from {head.origin[:80]!r}, but {known.origin} sent it.")
    key = keys.get(head.key)
    if key is None:
        raise KeysError(f"It is signed with key {head.key[:40]}, which {known.origin} has not brought.")
    envelope.verify(item.payload, item.signature, key)
    if head.recipient != known.reader:
        raise EnvelopeError(f"It is addressed to {head.recipient!r}, not to {known.reader}.")
    if head.seq != place:
        raise EnvelopeError(f"It says to be entry {head.seq:,}, but was given as entry {place:,}.")
    marking = _marking(canonical(head.marking))
    if known.origin not in marking.originators:
        raise MarkingError(f"Its marking does not name {known.origin} among those it comes from.")
    if item.salt is None and item.body is None:
        return head, None, marking
    if item.salt is None or item.body is None:
        # Purged together, they come together: a body alone is bound by nothing, and would be read all the same.
        raise EnvelopeError("Its body comes without its salt, or the salt without the body.")
    if not commits_to(head, item.salt, item.body):
        raise EnvelopeError("Its body is not the one that it commits to.")
    return head, read_body(item.body), marking


def read_head(payload: bytes) -> Envelope:
    """An envelope that came from outside, if what it says can be meant: whatever is told of it is stored and shown.

    Raises:
        EnvelopeError: It is none, or says what no node writes.
    """
    if len(payload) > LONGEST_HEAD:
        raise EnvelopeError(f"Its envelope has {len(payload):,} bytes; {LONGEST_HEAD:,} are allowed.")
    head = envelope.decode(payload)
    if not FIRST_MOMENT_US <= head.time <= LAST_MOMENT_US:
        raise EnvelopeError("It says to have been written at a moment that no calendar has.")
    if not (_OBJECT.fullmatch(head.object) and 1 <= head.version <= _MOST_VERSIONS):
        raise EnvelopeError("It is about no object, or no version of one.")
    if not 0 < len(head.kind) <= LONGEST_KIND or not head.kind.isprintable():
        raise EnvelopeError("It is of a kind that cannot be written down.")
    return head


def commits_to(head: Envelope, salt: bytes, body: bytes) -> bool:
    """Whether an envelope commits to a body under a salt, neither of which is of another length than one can have.

    Raises:
        EnvelopeError: The body is larger than any reader takes.
    """
    if len(body) > LARGEST:
        raise EnvelopeError(f"Its body has {len(body):,} bytes; {LARGEST:,} are allowed.")
    return len(salt) == envelope.SALT_BYTES and envelope.commit(salt, body) == head.commitment


@lru_cache(maxsize=1_024)
def _marking(text: bytes) -> Marking:
    """The marking in canonical JSON; most entries of a page carry the same few. Errors as of `Marking.from_json`."""
    return Marking.from_json(msgspec.json.decode(text))


def read_body(body: bytes) -> Written:
    """A body that came from outside: in its one form, so that nothing in it has two meanings.

    Raises:
        EnvelopeError: It is none.
    """
    try:
        value: Any = msgspec.json.decode(body)
        written = msgspec.json.decode(body, type=Written)
        one_form = msgspec.json.encode(value, order="sorted") == body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"Its body cannot be read: {error}.") from None
    if not one_form:
        raise EnvelopeError("Its body is not in its one form: a key twice, white space, or another order.")
    return written


def _new_key(written: Written) -> VerifyKey:
    """The key to verify with that a partner brings; the one to seal to has to be one as well, or it is never reached."""
    try:
        told = msgspec.json.decode(written.content, type=KeyChanged)
        sealing.hpke_seal(SealKey(bytes.fromhex(told.seal)), b"", b"")
        return VerifyKey(bytes.fromhex(told.verify))
    except (msgspec.DecodeError, ValueError) as error:
        raise KeysError(f"The new key cannot be read: {error}.") from None


def _revoke(written: Written, keys: dict[str, VerifyKey]) -> None:
    """Believe a key no more; one is left, or the partner could say nothing more."""
    try:
        name = msgspec.json.decode(written.content, type=KeyRevoked).key
    except msgspec.DecodeError as error:
        raise KeysError(f"Which key it revokes cannot be read: {error}.") from None
    if keys.keys() == {name}:
        raise KeysError("It revokes the only key that is believed here.")
    keys.pop(name, None)


def _head_or_none(item: Item) -> Envelope | None:
    try:
        return read_head(item.payload)
    except EnvelopeError:
        return None


def _under_checkpoint(page: Page, head: notes.Checkpoint, known: Known, found: Examined) -> None:
    """Prove the page against its checkpoint, and the checkpoint against the one before."""
    if known.checkpoint:
        _consistent(page, head, known)
    tally = page.opening.tally if page.opening else None
    if page.opening is not None and not holds(page.opening, head):
        raise StreamError(f"The checkpoint of {known.origin} does not commit to the tally that was shown.")
    if tally is not None and tally.recipient != known.reader:
        raise StreamError(f"{known.origin} showed the tally of {tally.recipient[:80]!r}.")
    count = tally.count if tally else 0
    if count > page.total:
        raise ConflictError(
            f"The checkpoint of {known.origin} counts {count:,} entries for {known.reader}; it gives {page.total:,}.",
            known.checkpoint, page.checkpoint,
        )  # fmt: skip
    if count < found.proven:
        raise ConflictError(
            f"The checkpoint of {known.origin} counts {count:,} entries for {known.reader}, fewer than were proven.",
            known.checkpoint, page.checkpoint,
        )  # fmt: skip
    if tally is not None and 0 < count <= known.count + len(found.arrivals):
        chain = (
            found.arrivals[count - known.count - 1].chain if count > known.count else known.chain_at(count)
        )
        if chain.hex() != tally.chain:
            raise ConflictError(
                f"The entries that {known.origin} gave are not those that its checkpoint commits to.",
                known.checkpoint, page.checkpoint,
            )  # fmt: skip
    found.proven = _included(page, head, known, found, count)
    found.checkpoint, found.counted = page.checkpoint, count


def read_checkpoint(note: str, origin: str, keys: Mapping[str, VerifyKey]) -> notes.Checkpoint | None:
    """The checkpoint of an authority in a note, if one of its keys signed it; None where none of them did.

    Raises:
        StreamError: It is no checkpoint of the authority, or its signature does not hold.
    """
    wanted = f"hanse/{origin}"
    try:
        text, signatures = notes.parse(note)
        head = notes.parse_checkpoint(text)
        if head.origin != wanted:
            raise StreamError(f"{origin} showed the checkpoint of {head.origin[:80]!r}.")
        hashed = {(name, which) for name, which, _ in signatures}
        for key in keys.values():
            if (wanted, notes.key_hash(wanted, key)) in hashed:
                notes.verify(note, wanted, key)
                return head
    except notes.NoteError as error:
        raise StreamError(f"The checkpoint of {origin} cannot be believed: {error}") from None
    return None


def _consistent(page: Page, head: notes.Checkpoint, known: Known) -> None:
    before = notes.parse_checkpoint(notes.parse(known.checkpoint)[0])
    if not merkle.verify_consistency(before.size, head.size, before.root, head.root, page.consistency):
        raise ConflictError(
            f"{known.origin} shows a history of {head.size:,} leaves that does not go on from that of "
            f"{before.size:,} leaves which it signed before.",
            known.checkpoint, page.checkpoint,
        )  # fmt: skip


def _included(page: Page, head: notes.Checkpoint, known: Known, found: Examined, count: int) -> int:
    """How many entries, from the first, are proven to be leaves of the checkpoint's tree."""
    if not page.leaves:
        return found.proven
    until = page.proved + len(page.leaves)
    if page.proved != found.proven or until > min(count, known.count + len(found.arrivals)):
        raise StreamError(f"{known.origin} proves other entries than those that are to be proven.")
    hashes = list(known.leaves_from(page.proved))[: len(page.leaves)]
    hashes += [one.leaf for one in found.arrivals][: len(page.leaves) - len(hashes)]
    pairs = sorted(zip(page.leaves, hashes, strict=True))
    root = merkle.root_of_joint([at for at, _ in pairs], [leaf for _, leaf in pairs], head.size, page.paths)
    if root != head.root:
        raise ConflictError(
            f"Entries that {known.origin} gave are not in the tree that its checkpoint commits to.",
            known.checkpoint, page.checkpoint,
        )  # fmt: skip
    return until


def size_of(note: str) -> int:
    """The leaves of a checkpoint that was verified before."""
    return notes.parse_checkpoint(notes.parse(note)[0]).size
