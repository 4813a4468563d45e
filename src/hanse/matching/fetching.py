"""Partners' published sets: fetched in pieces once, and kept up to date by what changed in each version."""

from collections.abc import Iterator
from typing import Final

from hanse.egress.client import Client
from hanse.federation import exchange
from hanse.federation.models import Partner
from hanse.matching import tags
from hanse.matching.answering import is_name
from hanse.matching.group import ProtocolError
from hanse.matching.publishing import DELTAS, PIECE_BYTES, SET, Given, Wanted, column
from hanse.matching.tag_models import TheirSet
from hanse.matching.tags import TAG, Delta, TagSet

LARGEST_BYTES: Final = 10**8
"""Of a set: ten million tags."""
MOST_ROUNDS: Final = 200
"""Answers that one set takes at most: a hundred pieces, and the versions of two days."""

MOST_VERSIONS: Final = 10_000
"""Versions that a set can have: a month and its day of grace have 1,536."""


class NotYetError(ProtocolError):
    """The partner has no set yet; it is asked again."""


def fetched(partner: Partner, epoch: str, client: Client) -> TagSet:
    """A partner's set of a month, as it is published now; what of it is here already is not fetched again.

    Raises:
        LinkError: The partner did not answer.
        NotYetError: It has none.
        ProtocolError: What it gives is no set.
    """
    row = TheirSet.objects.filter(partner=partner.authority, epoch=epoch).first()
    if row is not None:
        try:
            return _up_to_date(row, partner, client)
        except _AnewError:
            row.delete()
    row = _whole(partner, epoch, client)
    try:
        return _up_to_date(row, partner, client)
    except _AnewError:
        row.delete()
        raise ProtocolError(
            f"{partner.authority} gives a set to which its own versions do not lead."
        ) from None


class _AnewError(ProtocolError):
    """What is here leads no further: the whole is fetched anew."""


def _up_to_date(row: TheirSet, partner: Partner, client: Client) -> TagSet:
    """A set with all versions after it. It is kept once, for it may have 100 MB: at the end, or when no answer comes."""
    here = held = TagSet(row.epoch, row.version, column(bytes(row.tags)))
    try:
        for held, more in _versions(here, row.serial, partner, client):
            if not more:
                return held
    finally:
        if held.version != row.version:
            row.version, row.tags = held.version, held.tags.tobytes()
            row.save()
    raise ProtocolError(f"{partner.authority} has no end of versions of its set.")


def _versions(held: TagSet, serial: str, partner: Partner, client: Client) -> Iterator[tuple[TagSet, bool]]:
    """A set after each answer, and whether there are more versions than came."""
    for _ in range(MOST_ROUNDS):
        given = _ask(partner, Wanted(held.epoch, serial, held.version), client)
        if given.size or given.serial != serial:
            raise _AnewError("It was made anew, or is too old here.")
        try:
            for added, taken in given.deltas:
                held = tags.applied(held, Delta(held.epoch, held.version + 1, _tags(added), _tags(taken)))
        except ProtocolError as error:
            raise _AnewError(str(error)) from None
        yield held, given.more


def _whole(partner: Partner, epoch: str, client: Client) -> TheirSet:
    """A whole set, piece by piece; begun anew where the partner goes on to a later one meanwhile."""
    data = b""
    first: tuple[str, int, int] | None = None
    for _ in range(MOST_ROUNDS):
        given = _ask(partner, Wanted(epoch, place=len(data) // PIECE_BYTES), client)
        said = given.serial, given.version, given.size
        if first is not None and said != first:
            data, first = b"", None
            continue
        first = said
        due = min(PIECE_BYTES, given.size - len(data))
        if not 0 < given.size <= LARGEST_BYTES or len(given.data) != due:
            raise ProtocolError(f"{partner.authority} gives another number of tags than it says to have.")
        data += given.data
        if len(data) == given.size:
            tags.read(epoch, given.version, data)
            values = {"serial": given.serial, "version": given.version, "tags": data}
            return TheirSet.objects.update_or_create(partner=partner.authority, epoch=epoch, defaults=values)[
                0
            ]
    raise ProtocolError(f"{partner.authority} has no end of pieces of its set.")


def _ask(partner: Partner, wanted: Wanted, client: Client) -> Given:
    given = exchange.ask(partner, SET, wanted, Given, client)
    if given.refused:
        raise NotYetError(f"{partner.authority} publishes nothing yet: {given.refused[:200]}")
    if not is_name(given.serial) or not 0 <= given.version <= MOST_VERSIONS or len(given.deltas) > DELTAS:
        raise ProtocolError(f"{partner.authority} gives a set that is named or counted as none can be.")
    return given


def _tags(data: bytes) -> tags.Tags:
    if len(data) % TAG:
        raise ProtocolError(f"{len(data):,} bytes are no whole number of tags.")
    return column(data)
