"""Going on with a ledger whose database was put back to a backup: what others kept of it comes back, proven.

Witnesses give the checkpoints that the backup does not have, with the hashes of their leaves and a sealed copy of what
later entries rest on; partners give what was addressed to them. An entry that nobody kept stays in the tree as its
hash, so that the history goes on from where it was, and nothing can be put in its place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from django.db import connections

from hanse.kernel import envelope, merkle, notes, sealing, tiles
from hanse.kernel.envelope import Envelope
from hanse.kernel.errors import HanseError
from hanse.kernel.keys import key_id
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.kinds import known
from hanse.ledger.models import Body, Checkpoint, Entry, Head, Lost, NodeKey
from hanse.ledger.routing import database
from hanse.ledger.tallies import next_chain
from hanse.ledger.tree import add_leaves, get_tile, latest
from hanse.ledger.witness import HASH_BYTES, Followed, Record, follow, parted
from hanse.ledger.witnessed import Kept, Placed, carried
from hanse.ledger.writing import writing

UNPROVEN: Final = 64
"""Hashes without their entries that one partner is believed at a time where no checkpoint covers them.

Nothing proves them, and each is a row for good. Honest ones are of the minutes after the newest checkpoint that a
witness saw: what the partner refused or purged in that time, or what was lost before it was fetched.
"""

_KEY_CHANGED: Final = "federation.key_changed"


class _NewKey(msgspec.Struct):
    verify: str


class _Brings(msgspec.Struct):
    """The body of an entry that tells a partner of new keys, as far as it is read here."""

    content: _NewKey


class RecoveryError(HanseError):
    """What others kept is not of this ledger, or cannot be joined to the backup."""


class UnprovenError(RecoveryError):
    """A partner gives back more hashes that nothing proves than it is believed."""


class Given(NamedTuple):
    """An entry as a partner has it, that it was addressed to.

    Attributes:
        leaf: Its leaf hash.
        payload: The envelope's exact bytes; empty where the partner does not have them any more.
        signature: Their signature.
        salt: Of the commitment; None where the body was purged.
        body: The body's exact bytes; None likewise.
    """

    leaf: bytes
    payload: bytes = b""
    signature: bytes = b""
    salt: bytes | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back.

    Attributes:
        checkpoints: Checkpoints that the backup did not have.
        whole: Entries that came back whole.
        hashes: Entries of which only the hash is left.
    """

    checkpoints: int = 0
    whole: int = 0
    hashes: int = 0


def reached() -> int:
    """Leaves of the newest checkpoint here."""
    last = latest()
    return last.size if last else 0


def take_checkpoints(records: Sequence[Record], witness: str) -> int:
    """Put back the checkpoints that follow the newest one here, and their entries; how many.

    Args:
        records: As a witness was given them.
        witness: Who gives them back.

    Raises:
        RecoveryError: They are not of this ledger, or the backup is of another history.
    """
    with writing():
        for record in records:
            _take(record, witness)
    return len(records)


def _take(record: Record, witness: str) -> None:
    size = reached()
    frontier = merkle.frontier_of(size, tiles.read_hash(get_tile))
    keys = keyring.current().verify_keys()
    try:
        head = follow(Followed(size, b"".join(frontier.peaks), latest_note()), record, authority(), keys)
        told = carried(record, head.size)
    except HanseError as error:
        raise RecoveryError(
            f"What {witness} kept of this ledger does not join the backup: {error} If the keys were changed after "
            "the backup, put the newer file of keys in its place first."
        ) from None
    leaves = parted(record.leaves)
    first = told.entries - len(told.placed)
    for sequence, one in enumerate(told.placed, first):
        if not 0 <= one.position - size < len(leaves):
            raise RecoveryError(_MIXED.format(witness, sequence, head.size))
        leaf = leaves[one.position - size]
        if one.kept is not None and _leaf(one.kept.payload, one.kept.signature) != leaf:
            raise RecoveryError(_MIXED.format(witness, sequence, head.size))
        _put(sequence, one, leaf)
    add_leaves(size, leaves)
    Checkpoint.objects.create(
        size=head.size, first=told.first, entries=told.entries, time_us=told.time_us,
        note=notes.normal(record.note), tallies=told.tallies,
    )  # fmt: skip


_MIXED: Final = (
    "What {} kept of this ledger does not join the backup: entry {:,} is not in the tree of {:,} leaves with which it was "
    "given. Leave that witness out, with --without."
)
"""Of one size there may be two checkpoints, where a database was put back by hand: what was sealed with one is not
believed of the other."""


def _leaf(payload: bytes, signature: bytes) -> bytes:
    return envelope.hashed(payload, signature)


def latest_note() -> str:
    """The newest note here; empty before the first."""
    last = latest()
    return last.note if last else ""


def _put(sequence: int, one: Placed, leaf: bytes) -> None:
    """An entry of the lost time to its place: it is here, comes back whole, or stays as its hash."""
    row = Entry.objects.filter(pk=sequence).values_list("payload", "signature").first()
    if row is not None:
        if _leaf(bytes(row[0]), bytes(row[1])) != leaf:
            raise RecoveryError(
                f"Entry {sequence:,} of the backup is another one than in the tree: the backup is of another history."
            )
        Entry.objects.filter(pk=sequence).update(position=one.position)
    elif one.kept is not None and _belongs(one.kept):
        _insert(sequence, one.position, one.kept)
    else:
        Lost.objects.create(sequence=sequence, position=one.position, recipient=one.recipient, hashed=leaf)


def _belongs(kept: Kept) -> bool:
    """Whether what an entry changes is known: a right taken from somebody, a marking of something, that are here."""
    head = envelope.decode(kept.payload)
    return not head.kind.startswith(("accounts.", "policy.")) or (
        Entry.objects.filter(object_id=UUID(head.object)).exists()
    )


def _insert(sequence: int, position: int | None, kept: Kept) -> None:
    head = _own(kept.payload, kept.signature, "a partner")
    Entry.objects.create(
        sequence=sequence, payload=kept.payload, signature=kept.signature, key=head.key, kind=head.kind,
        object_id=UUID(head.object), version=head.version, recipient=head.recipient or "", time_us=head.time,
        position=position,
    )  # fmt: skip
    if kept.salt is not None and kept.data is not None:
        Body.objects.create(entry_id=sequence, salt=kept.salt, data=kept.data, sealed=kept.sealed)


def _own(payload: bytes, signature: bytes, giver: str) -> Envelope:
    """The envelope, if this node signed it; the error says who gave it.

    Raises:
        RecoveryError: It did not, or not with a key that is here.
    """
    try:
        head = envelope.decode(payload)
        return envelope.verify(payload, signature, keyring.current().verify_key(head.key))
    except HanseError as error:
        raise RecoveryError(f"An entry that {giver} gave back is not this node's: {error}") from None


def place_of_next(recipient: str) -> int:
    """How many entries are addressed to a partner here."""
    return _mine(recipient)


def _mine(recipient: str) -> int:
    rows = Entry.objects.filter(recipient=recipient).count()
    return rows + Lost.objects.filter(recipient=recipient).count()


def take_given_back(partner: str, first: int, given: Iterable[Given]) -> int:
    """Put back what was addressed to a partner, in the order of its places; how many came back whole.

    Of an entry that came without more than its hash the place is kept. Where a checkpoint covers the place, the hash is
    here already, and that is the one that counts.

    Args:
        partner: Who gives it back.
        first: The place of the first.
        given: The entries.

    Raises:
        RecoveryError: One is not this node's, not for that partner, or not in its place.
        UnprovenError: More hashes than are believed; nothing of what was given is taken.
    """
    whole = 0
    with writing():
        rows = Lost.objects.filter(recipient=partner)
        lost = {bytes(one.hashed): one for one in rows}
        here, unproven = _mine(partner), rows.filter(position=None).count()
        for place, one in enumerate(given, first):
            was = lost.get(one.leaf)
            if one.payload:
                new = _give_back(partner, place, one, was, is_here=place < here)
                whole += new
                here += new and was is None
            elif place >= here:
                unproven += 1
                _refuse_unproven(partner, one.leaf, unproven)
                Lost.objects.create(
                    sequence=_next_sequence(), position=None, recipient=partner, hashed=one.leaf
                )
                here += 1
    return whole


def _refuse_unproven(partner: str, leaf: bytes, unproven: int) -> None:
    """Refuse a hash that is none, or one more than are believed.

    Raises:
        UnprovenError: It is to be refused.
    """
    if len(leaf) != HASH_BYTES:
        raise UnprovenError(f"{partner} gave back a hash of {len(leaf):,} bytes; {HASH_BYTES} are one.")
    if unproven > UNPROVEN:
        raise UnprovenError(
            f"{partner} gave back more than {UNPROVEN} hashes that no checkpoint covers, without the entries that they "
            "are of: nothing shows that this node wrote them."
        )


def _give_back(partner: str, place: int, one: Given, was: Lost | None, *, is_here: bool) -> bool:
    """One entry, whole; whether it was not here."""
    head = _own(one.payload, one.signature, partner)
    if (head.recipient, head.seq) != (partner, place):
        raise RecoveryError(f"{partner} gave back an entry that is not the {place:,}th that it was sent.")
    if _leaf(one.payload, one.signature) != one.leaf:
        raise RecoveryError(f"{partner} gave back entry {place:,} with another hash than its own.")
    if was is None and is_here:
        return False
    _refuse_unknown_key(partner, head, one)
    sequence = was.sequence if was else _next_sequence()
    position = was.position if was else None
    if was is not None:
        was.delete()
    _insert(sequence, position, _kept(head, one))
    return True


def _refuse_unknown_key(partner: str, head: Envelope, one: Given) -> None:
    """Refuse an entry that brings, or is signed with, a key that no entry of this ledger names.

    Raises:
        RecoveryError: The keys were changed after the backup, and the entry that said so is lost.
    """
    keys = {head.key}
    if head.kind == _KEY_CHANGED and one.body is not None:
        said = msgspec.json.decode(one.body, type=_Brings).content
        keys.add(key_id(bytes.fromhex(said.verify)))
    if NodeKey.objects.filter(pk__in=keys).count() < len(keys):
        raise RecoveryError(
            f"The keys were changed after the backup, and the entry that says so was lost before a witness saw it: "
            f"{partner} has a key that this ledger does not name. Go on without it; it has to be expelled and made a "
            "partner anew."
        )


def _kept(head: Envelope, one: Given) -> Kept:
    """The rows of an entry that came back in the clear: sealed again where its kind or marking asks for it."""
    if one.salt is None or one.body is None:
        return Kept(one.payload, one.signature, None, None, sealed=False)
    if envelope.commit(one.salt, one.body) != head.commitment:
        raise RecoveryError(f"The body of entry {head.seq:,} for {head.recipient} is not what it commits to.")
    kind = known(head.kind)
    sealed = bool(head.marking.get("handling")) or (kind is not None and kind.sealed)
    data = sealing.seal_rest(keyring.current(), one.payload, one.body) if sealed else one.body
    return Kept(one.payload, one.signature, one.salt, data, sealed)


def _next_sequence() -> int:
    rows = [
        table.objects.order_by("-sequence").values_list("sequence", flat=True).first()
        for table in (Entry, Lost)
    ]
    return max((one for one in rows if one is not None), default=-1) + 1


def mend_head() -> int:
    """Set the head row to what the entries say, those that are lost among them; how many there are."""
    chain, following = bytes(32), 0
    with connections[database()].cursor() as cursor:
        cursor.execute(
            "SELECT sequence, payload, signature, NULL FROM ledger_entry UNION ALL"
            " SELECT sequence, NULL, NULL, hashed FROM ledger_lost ORDER BY sequence"
        )
        for sequence, payload, signature, hashed in cursor:
            if sequence != following:
                raise RecoveryError(f"Entry {following:,} is missing, and no witness has its hash.")
            leaf = hashed or _leaf(bytes(payload), bytes(signature))
            chain, following = next_chain(chain, bytes(leaf)), following + 1
    Head.objects.update_or_create(pk=1, defaults={"next_sequence": following, "chain": chain})
    return following


def lost() -> Mapping[str, int]:
    """How many entries are hashes only, by whom they were addressed to."""
    found: dict[str, int] = {}
    for recipient in Lost.objects.values_list("recipient", flat=True):
        found[recipient] = found.get(recipient, 0) + 1
    return found
