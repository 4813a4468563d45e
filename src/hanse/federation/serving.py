"""What a partner that asks is given: the entries addressed to it, and the proof of them."""

from typing import TYPE_CHECKING

from hanse.federation.models import Link
from hanse.federation.stream import MOST, PAGE_BYTES, PROVED, Item, Page, Pull, StreamError
from hanse.kernel import merkle, tiles
from hanse.ledger.models import Body, Checkpoint, Entry
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
    mine = Entry.objects.filter(recipient=partner).order_by("sequence")
    total = mine.count() if wanted.first == 0 else _total(mine, link)
    if wanted.first > total:
        raise StreamError(
            f"{partner} has {wanted.first:,} entries of this ledger, which has {total:,} for it: it was put back."
        )
    entries, items = _items(list(_from(mine, wanted.first, link)[:MOST]))
    if entries:
        link.at_place, link.at_sequence = wanted.first + len(entries) - 1, entries[-1].sequence
    return _proven(partner, wanted, entries, items, total)


def _total(mine: "QuerySet[Entry]", link: Link) -> int:
    """How many are addressed to the partner; counted from where the last page ended."""
    return link.at_place + 1 + mine.filter(sequence__gt=link.at_sequence).count()


def _from(mine: "QuerySet[Entry]", first: int, link: Link) -> "QuerySet[Entry]":
    """The entries from a place on.

    Where the last page ended is remembered: counting from the first one each time would take the square of the backlog.
    """
    if first == link.at_place + 1:
        return mine.filter(sequence__gt=link.at_sequence)
    return mine[first:]


def _items(entries: list[Entry]) -> tuple[list[Entry], list[Item]]:
    """The entries that fit into a page, with their bodies."""
    bodies = {
        body.entry_id: body for body in Body.objects.filter(entry__in=[one.sequence for one in entries])
    }
    items: list[Item] = []
    size = 0
    for entry in entries:
        body = bodies.get(entry.sequence)
        payload, signature = bytes(entry.payload), bytes(entry.signature)
        if body is None:
            item = Item(payload, signature)
        else:
            item = Item(payload, signature, bytes(body.salt), opened(entry, body))
        size += len(payload) + len(item.body or b"")
        if items and size > PAGE_BYTES:
            break
        items.append(item)
    return entries[: len(items)], items


def _proven(partner: str, wanted: Pull, entries: list[Entry], items: list[Item], total: int) -> Page:
    """The page, with the newest checkpoint where the reader does not have it or it proves more."""
    page = Page(wanted.first, tuple(items), total)
    newest = latest()
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


def _opening(checkpoint: Checkpoint, partner: str) -> Opening | None:
    try:
        return opening(tallies_of(checkpoint), partner)
    except TallyError:
        return None


def _leaves(
    partner: str, wanted: Pull, entries: list[Entry], until: int, size: int
) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """The leaves of the entries from the first that is not proven yet, and their joint proof."""
    if until <= wanted.proven:
        return (), ()
    places = [one.position for one in entries[: max(0, until - wanted.first)]]
    if wanted.proven < wanted.first:
        mine = Entry.objects.filter(recipient=partner).order_by("sequence").values_list("position", flat=True)
        places = [*mine[wanted.proven : min(wanted.first, until)], *places]
    told = tuple(place for place in places if place is not None)
    return told, tuple(merkle.joint_proof(sorted(told), size, tiles.read_hash(get_tile)))
