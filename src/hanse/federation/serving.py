"""What a partner that asks is given: the entries addressed to it, and the proof of them."""

from typing import TYPE_CHECKING

from django.db.models import Max

from hanse.federation.models import Link
from hanse.federation.stream import MOST, PAGE_BYTES, PROVED, Item, Page, Pull, StreamError
from hanse.federation.witnesses import named
from hanse.kernel import merkle, tiles
from hanse.ledger.models import Body, Checkpoint, Entry, Lost
from hanse.ledger.reading import opened
from hanse.ledger.tallies import Opening, TallyError, opening
from hanse.ledger.tree import consistency, get_tile, latest, tallies_of

if TYPE_CHECKING:
    from django.db.models import QuerySet


def page_for(partner: str, wanted: Pull, link: Link) -> Page:
    """The next page of what is addressed to a partner.

    Args:
        partner: Id of the partner.
        wanted: What it asked for.
        link: How the exchange with it stands; where the next page begins is remembered in it, unsaved.

    Raises:
        StreamError: It asks for what this ledger cannot have.
    """
    total = _total(partner, link)
    if wanted.first < 0:
        raise StreamError(f"{partner} asks from entry {wanted.first:,} on.")
    if wanted.first > total:
        raise StreamError(
            f"{partner} has {wanted.first:,} entries of this ledger, which has {total:,} for it: it was put back."
        )
    entries, items = _items(_from(partner, wanted.first, link))
    if entries:
        link.at_place, link.at_sequence = wanted.first + len(entries) - 1, entries[-1].sequence
    return _proven(partner, wanted, entries, items, total)


def _mine(partner: str) -> "QuerySet[Entry]":
    return Entry.objects.filter(recipient=partner).order_by("sequence")


def _lost(partner: str) -> "QuerySet[Lost]":
    """Of these only the hashes are left; they have their places among the others."""
    return Lost.objects.filter(recipient=partner).order_by("sequence")


def _total(partner: str, link: Link) -> int:
    """How many are addressed to the partner; counted from where the last page ended."""
    since = link.at_sequence
    return (
        link.at_place
        + 1
        + _mine(partner).filter(sequence__gt=since).count()
        + _lost(partner).filter(sequence__gt=since).count()
    )


def _from(partner: str, first: int, link: Link) -> list[Entry | Lost]:
    """The entries from a place on, some more than a page takes.

    Where the last page ended is remembered: counting from the first one each time would take the square of the backlog.
    """
    since = link.at_sequence if first == link.at_place + 1 else _sequence(partner, first - 1)
    mine: list[Entry | Lost] = list(_mine(partner).filter(sequence__gt=since)[:MOST])
    lost = list(_lost(partner).filter(sequence__gt=since)[:MOST])
    return sorted([*mine, *lost], key=lambda one: one.sequence)[:MOST] if lost else mine


def _sequence(partner: str, place: int) -> int:
    """The sequence of the entry at a place, which is there; -1 before the first."""
    if place < 0:
        return -1
    mine = _mine(partner).values_list("sequence", flat=True)
    lost = list(_lost(partner).values_list("sequence", flat=True))
    return sorted([*mine[: place + 1], *lost])[place] if lost else mine[place]


def _items(rows: list[Entry | Lost]) -> tuple[list[Entry | Lost], list[Item]]:
    """The entries that fit into a page, with their bodies."""
    bodies = {body.entry_id: body for body in Body.objects.filter(entry__in=[one.sequence for one in rows])}
    items: list[Item] = []
    size = 0
    for row in rows:
        item = _item(row, bodies.get(row.sequence))
        size += len(item.payload) + len(item.body or b"")
        if items and size > PAGE_BYTES:
            break
        items.append(item)
    return rows[: len(items)], items


def _item(row: Entry | Lost, body: Body | None) -> Item:
    if isinstance(row, Lost):
        return Item(b"", bytes(row.hashed))
    payload, signature = bytes(row.payload), bytes(row.signature)
    if body is None:
        return Item(payload, signature)
    return Item(payload, signature, bytes(body.salt), opened(row, body))


def _proven(partner: str, wanted: Pull, entries: list[Entry | Lost], items: list[Item], total: int) -> Page:
    """The page, with the newest checkpoint where the reader does not have it or it proves more."""
    page = Page(wanted.first, tuple(items), total)
    newest = _newest()
    if newest is None or newest.size < wanted.size:
        return page
    shown = _opening(newest, partner)
    counted = shown.tally.count if shown else 0
    until = min(counted, wanted.first + len(items), wanted.proven + PROVED)
    if newest.size == wanted.size and until <= wanted.proven:
        return page
    leaves, paths = _leaves(partner, wanted, entries, until, newest.size)
    return Page(
        first=page.first,
        items=page.items,
        total=total,
        checkpoint=newest.note,
        consistency=consistency(wanted.size, newest.size) if wanted.size else (),
        opening=shown,
        proved=wanted.proven,
        leaves=leaves,
        paths=paths,
    )


def _newest() -> Checkpoint | None:
    """The newest checkpoint that a witness has as well, where this ledger has witnesses.

    What a partner has verified and no witness has kept could not be gone on from after a restore: the node would
    contradict what it signed. Until a witness has seen a checkpoint, what it covers stays provisional elsewhere.
    """
    names = named()
    if not names:
        return latest()
    seen = Link.objects.filter(pk__in=names).aggregate(size=Max("cosigned"))["size"] or 0
    return Checkpoint.objects.filter(size__lte=seen).order_by("-size").first()


def _opening(checkpoint: Checkpoint, partner: str) -> Opening | None:
    try:
        return opening(tallies_of(checkpoint), partner)
    except TallyError:
        return None


def _leaves(
    partner: str, wanted: Pull, entries: list[Entry | Lost], until: int, size: int
) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """The leaves of the entries from the first that is not proven yet, and their joint proof."""
    if until <= wanted.proven:
        return (), ()
    places = [one.position for one in entries[: max(0, until - wanted.first)]]
    if wanted.proven < wanted.first:
        places = [*_places(partner, wanted.proven, min(wanted.first, until)), *places]
    told = tuple(place for place in places if place is not None)
    return told, tuple(merkle.joint_proof(sorted(told), size, tiles.read_hash(get_tile)))


def _places(partner: str, first: int, until: int) -> list[int | None]:
    """The leaves of what is addressed to a partner, between two of its places, those that were lost among them."""
    mine = Entry.objects.filter(recipient=partner).order_by("sequence").values_list("sequence", "position")
    lost = list(
        Lost.objects.filter(recipient=partner).order_by("sequence").values_list("sequence", "position")
    )
    if not lost:
        return [position for _, position in mine[first:until]]
    return [position for _, position in sorted([*mine[:until], *lost])[first:until]]
