"""What this node keeps of a partner's ledger, given back to the partner when it has lost its database."""

from collections.abc import Iterator
from itertools import groupby

import msgspec

from hanse.federation.contents import Received as ReceivedContent
from hanse.federation.models import Partner, Received, Witnessed
from hanse.federation.partners import link_of
from hanse.federation.stream import MOST, PAGE_BYTES, size_of
from hanse.kernel import envelope
from hanse.ledger.models import Entry
from hanse.ledger.reading import written
from hanse.ledger.witness import Record
from hanse.ledger.witnessed import BUDGET_BYTES


class Recover(msgspec.Struct, frozen=True, array_like=True):
    """Leaves of the newest checkpoint that the asker has of its own ledger."""

    size: int


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The checkpoints of the asker's ledger that follow, in order.

    Attributes:
        records: They, as the asked one has them as a witness.
        more: Whether there are more.
        shown: Leaves of the newest one that it verified when it read the asker's entries; 0 for none.
        recovers: Whether the asked one was put back to a backup itself, and may have forgotten some.
    """

    records: tuple[Record, ...]
    more: bool
    shown: int = 0
    recovers: bool = False


class GiveBack(msgspec.Struct, frozen=True, array_like=True):
    """How many entries for the asked one the asker still has: the place of the first that it wants."""

    first: int


class Back(msgspec.Struct, frozen=True, array_like=True):
    """An entry of the asker; only its hash where the asked one has no more of it."""

    leaf: bytes
    payload: bytes = b""
    signature: bytes = b""
    salt: bytes | None = None
    body: bytes | None = None


class GivenBack(msgspec.Struct, frozen=True, array_like=True):
    """The asker's entries in order of their places; and how many the asked one has."""

    entries: tuple[Back, ...]
    total: int


def kept(partner: Partner, wanted: Recover) -> Kept:
    """What this node saw of a partner's ledger, for the partner."""
    rows = Witnessed.objects.filter(partner=partner.authority, size__gt=wanted.size).order_by("size")
    note = link_of(partner.authority).checkpoint
    shown = size_of(note) if note else 0
    records: list[Record] = []
    taken = 0
    for row in rows[:500]:
        record = Record(row.note, bytes(row.leaves), bytes(row.sealed))
        taken += len(record.leaves) + len(record.sealed) + len(record.note)
        if records and taken > BUDGET_BYTES:
            return Kept(tuple(records), more=True, shown=shown)
        records.append(record)
    return Kept(tuple(records), rows.count() > len(records), shown)


def given_back(partner: Partner, wanted: GiveBack) -> GivenBack:
    """What a partner addressed to this node, for the partner."""
    name = partner.authority
    rows = Received.objects.filter(partner=name, place__gte=wanted.first).order_by("place")
    some = list(rows.values_list("place", "leaf", "number")[:MOST])
    total = Received.objects.filter(partner=name, place__isnull=False).count()
    if not some:
        return GivenBack((), total)
    entries: list[Back] = []
    taken = 0
    for leaf, content in _each(name, [(number // MOST, bytes(leaf)) for _, leaf, number in some]):
        taken += len(content.body or b"") + len(content.payload) if content else 0
        if entries and taken > PAGE_BYTES:
            break
        entries.append(
            Back(leaf, content.payload, content.signature, content.salt, content.body)
            if content
            else Back(leaf)
        )
    return GivenBack(tuple(entries), total)


def _each(partner: str, wanted: list[tuple[int, bytes]]) -> Iterator[tuple[bytes, ReceivedContent | None]]:
    """Each leaf with the entry of the partner that it is of, as it came; None for one that was purged.

    Only what came in one page is in memory at a time: a page of places may reach over all that others sent in a year.
    """
    for took, some in groupby(wanted, lambda one: one[0]):
        leaves = [leaf for _, leaf in some]
        whole = _whole(partner, set(leaves), took)
        yield from ((leaf, whole.get(leaf)) for leaf in leaves)


def _whole(partner: str, leaves: set[bytes], took: int) -> dict[bytes, ReceivedContent]:
    """The entries of a page of a partner with some leaf hashes, as they came; those that were purged are not among them.

    They stand between the own entry that says that they were taken and the one before that says so, with what was
    answered to them among them.
    """
    before = Entry.objects.filter(kind="federation.took", sequence__lt=took).order_by("-sequence")
    since = before.values_list("sequence", flat=True).first()
    rows = Entry.objects.filter(
        kind="federation.received", sequence__gt=-1 if since is None else since, sequence__lt=took
    )
    found = {}
    for entry in rows.select_related("body").order_by("sequence"):
        body = getattr(entry, "body", None)
        if body is not None:
            content = msgspec.json.decode(written(entry, body).content, type=ReceivedContent)
            leaf = envelope.hashed(content.payload, content.signature)
            if content.partner == partner and leaf in leaves:
                found[leaf] = content
    return found
