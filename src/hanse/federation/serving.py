"""What a partner that asks is given: the entries addressed to it, and the proof of them."""

from typing import TYPE_CHECKING

from hanse.federation.models import Link
from hanse.federation.stream import MOST, PAGE_BYTES, PROVED, Item, Page, Pull, StreamError
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
    mine = Entry.objects.filter(recipient=partner).order_by("sequence")
    lost = Lost.objects.filter(recipient=partner).count()
    total = lost + (mine.count() if wanted.first == 0 else _total(mine, link))
    if wanted.first < lost:
        raise StreamError(
            f"Of the first {lost:,} entries for {partner} some were lost with a database, and {partner} had them: they "
            "cannot be given again."
        )
    if wanted.first > total:
        raise StreamError(
            f"{partner} has {wanted.first:,} entries of this ledger, which has {total:,} for it: it was put back."
        )
    # Lost ones are among those that the partner has: the places of rows are as many less.
    entries, items = _items(list(_from(mine, wanted.first - lost, link)[:MOST]))
    if entries:
        link.at_place, link.at_sequence = wanted.first - lost + len(entries) - 1, entries[-1].sequence
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
