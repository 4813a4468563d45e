"""Witnessing the ledgers of partners, and having this one witnessed: checkpoint after checkpoint, compared with others.

A witness is given every checkpoint in order, follows the tree, remembers it before it answers, and cosigns. Witnesses
of one ledger show each other the newest checkpoint that they saw: two that were shown different histories find out.
"""

from typing import Final

import msgspec
from django.db import transaction

from hanse.federation import quota
from hanse.federation.contradicting import say
from hanse.federation.models import Link, Partner, Witness, Witnessed
from hanse.federation.partners import link_of, own_key, verify_keys
from hanse.federation.witnesses import named, watched
from hanse.kernel import notes
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.routing import database
from hanse.ledger.witness import (
    ConflictError,
    Followed,
    Record,
    WitnessError,
    compare,
    follow,
    log_of,
    opened,
    seen_by,
)
from hanse.ledger.witnessed import add_cosignatures, has_checkpoint, records_after

MOST_RECORDS: Final = 500
"""Checkpoints in one message."""


class PutBackError(HanseError):
    """A witness has seen more of this ledger than is here: the database was put back to an older state."""


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """Checkpoints for a witness.

    Attributes:
        size: Leaves of the last checkpoint that the witness is believed to have; 0 for none.
        records: Those that follow, in order.
    """

    size: int
    records: tuple[Record, ...]


class Cosigned(msgspec.Struct, frozen=True, array_like=True):
    """What a witness answers.

    Attributes:
        size: Leaves of the last checkpoint that it has now.
        lines: A signature line for each checkpoint that it was given; where they do not follow its own, one for `last`.
        against: The note that what it was given contradicts; empty where it contradicts nothing.
        last: The note over as many leaves, where it was given what does not follow its own.
    """

    size: int
    lines: tuple[str, ...] = ()
    against: str = ""
    last: str = ""


class Regain(msgspec.Struct, frozen=True, array_like=True):
    """Leaves of the last checkpoint of the asked one's ledger that the asker, a witness that lost its database, has."""

    size: int


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """The newest checkpoint of somebody's ledger that its sender was shown as a witness."""

    authority: str
    note: str


class Compared(msgspec.Struct, frozen=True, array_like=True):
    """What it was compared with: a note that contradicts it; empty where nothing does, or nothing is known."""

    against: str = ""


def witness(partner: Partner, offer: Offer) -> Cosigned:
    """Follow a partner's ledger, remember, and cosign.

    Raises:
        WitnessError: This node did not consent, what was given is no record of the partner's ledger, or it is more than
            is kept of one partner in a day.
    """
    name = partner.authority
    if name not in watched():
        raise WitnessError(f"{authority()} does not witness the ledger of {name}. Ask its people.")
    if why := quota.spent(name):
        raise WitnessError(why)
    if len(offer.records) > MOST_RECORDS:
        raise WitnessError(f"{name} gave {len(offer.records):,} checkpoints at once.")
    try:
        with transaction.atomic(using=database()):
            Link.objects.select_for_update().get(pk=name)
            return _witness(partner, offer)
    except ConflictError as conflict:
        say(partner, str(conflict), conflict.before, conflict.now)
        return Cosigned(_last(name).size, against=conflict.before)


def _witness(partner: Partner, offer: Offer) -> Cosigned:
    name = partner.authority
    last = _last(name)
    keys = list(verify_keys(name).values())
    if offer.size != last.size:
        for record in offer.records[:1]:  # a ledger that was put back shows in the first
            _compare(name, record.note, opened(record.note, name, keys))
        return Cosigned(last.size, (_line(partner, last.note),) if last.note else (), last=last.note)
    rows, lines = [], []
    for record in offer.records:
        last = follow(last, record, name, keys)
        rows.append(
            Witnessed(
                partner=name, size=last.size, peaks=last.peaks, note=record.note, leaves=record.leaves,
                sealed=record.sealed, seen_us=now_us(),
            )
        )  # fmt: skip
        lines.append(_line(partner, record.note))
    Witnessed.objects.bulk_create(rows)
    quota.add(name, sum(len(one.note) + len(one.leaves) + len(one.sealed) for one in offer.records))
    _compare_with_pulled(name)
    return Cosigned(last.size, tuple(lines))


def _line(partner: Partner, note: str) -> str:
    """The signature line by which this node says that it saw a checkpoint of a partner."""
    key = own_key(partner, link_of(partner.authority).has)
    return notes.cosign(note, log_of(authority()), key, now_us() // 1_000_000).removeprefix(note)


def reached(partner: str) -> int:
    """Leaves of the last checkpoint of a partner's ledger that this node has as its witness; 0 for none."""
    return _last(partner).size


def _last(name: str) -> Followed:
    row = Witnessed.objects.filter(partner=name).order_by("-size").first()
    return Followed() if row is None else Followed(row.size, bytes(row.peaks), row.note)


def _compare_with_pulled(name: str) -> None:
    """Refuse what contradicts the checkpoint that came with the partner's entries; errors as of `compare`."""
    note = link_of(name).checkpoint
    if note:
        _compare(name, note, notes.parse_checkpoint(notes.parse(note)[0]))


def _compare(name: str, note: str, shown: notes.Checkpoint) -> None:
    """Refuse a note of a partner that is not part of what this witness saw; what is newer is seen later."""
    row = Witnessed.objects.filter(partner=name, size__gte=shown.size).order_by("size").first()
    if row is not None:
        compare(shown, note, row.note, name)


def check_pulled(partner: Partner, note: str) -> None:
    """Refuse a checkpoint that came with entries and contradicts what this node saw as a witness.

    Raises:
        ConflictError: It does.
    """
    if note:
        _compare(partner.authority, note, notes.parse_checkpoint(notes.parse(note)[0]))


def compared(sender: Partner, shown: Shown) -> Compared:
    """What a fellow witness was shown, against what this one was; a stranger to the ledger learns nothing."""
    name = shown.authority
    stands = Witness.objects.filter(pk=name).first()
    if stands is None or name not in watched() or sender.authority not in stands.fellows:
        return Compared()
    head = opened(shown.note, name, verify_keys(name).values())
    try:
        _compare(name, shown.note, head)
    except ConflictError as conflict:
        say(Partner.objects.get(pk=name), str(conflict), conflict.before, conflict.now)
        return Compared(conflict.before)
    return Compared()


def to_offer(partner: str) -> tuple[list[int], Offer] | None:
    """The checkpoints that a named witness has not seen, and their sizes; None where it has all, or is none."""
    if partner not in named():
        return None
    size = link_of(partner).cosigned
    sizes, records = records_after(size)
    return (sizes, Offer(size, tuple(records))) if records else None


def given_again(partner: Partner, wanted: Regain) -> Offer:
    """The checkpoints of this ledger that a named witness has not, or no longer, as many as a message takes."""
    _, records = records_after(wanted.size) if partner.authority in named() else ([], [])
    return Offer(wanted.size, tuple(records))


def take_cosigned(partner: Partner, sizes: list[int], offer: Offer, answer: Cosigned) -> None:
    """Keep what a witness said.

    Raises:
        PutBackError: It has seen another ledger than this one, and shows what this node signed of that.
        WitnessError: Its signatures do not hold, or it shows nothing of what it says to have seen.
    """
    name = partner.authority
    if answer.against or not has_checkpoint(answer.size, answer.last):
        _check_is_own(partner, answer.against or answer.last)
        raise PutBackError(
            f"{partner.name} has seen {answer.size:,} leaves of this ledger, and they are not those that are here: "
            "this database was put back to an older state. Stop the node; `hanse node restore` makes it anew from a "
            "backup, and `hanse node recover` takes back what partners kept."
        )
    if answer.size and not answer.lines and not answer.last:
        raise WitnessError(f"{partner.name} says to have seen this ledger, and shows nothing of it.")
    if answer.lines:
        told = [one.note for one in offer.records]
        if answer.last:
            sizes, told = [answer.size], [answer.last]
        if len(answer.lines) != len(sizes) or answer.size != sizes[-1]:
            raise WitnessError(f"{partner.name} gave {len(answer.lines)} cosignatures for {len(sizes)}.")
        keys = list(verify_keys(name).values())
        for note, line in zip(told, answer.lines, strict=True):
            if line.count("\n") != 1 or not seen_by(note + line, {name: keys}):
                raise WitnessError(f"A cosignature of {partner.name} does not hold.")
        add_cosignatures(zip(sizes, answer.lines, strict=True))
    Link.objects.filter(pk=name).update(cosigned=answer.size)


def _check_is_own(partner: Partner, note: str) -> None:
    """Refuse a witness that says to have seen another history and has no checkpoint of it that this node signed.

    People stop a node, and restore it, by such a word.
    """
    try:
        head = opened(note, authority(), keyring.current().verify_keys())
        is_here = has_checkpoint(head.size, note)
    except (WitnessError, notes.NoteError):
        is_here = True
    if is_here:
        raise WitnessError(
            f"{partner.name} says to have seen another history of this ledger, and shows no checkpoint of one that this "
            "node signed. Nothing was put back as far as that shows; ask its people what they have."
        )


def to_show(partner: str, told: dict[str, int]) -> list[Shown]:
    """The newest checkpoints to compare with a partner: of ledgers that it witnesses as well, once for each size.

    Args:
        partner: The fellow witness.
        told: The sizes that it was shown before, by authority; those shown now are put down in it.
    """
    shown = []
    for row in Witness.objects.filter(partner__in=watched()):
        last = _last(row.partner)
        if partner in row.fellows and partner != row.partner and last.size > told.get(row.partner, 0):
            told[row.partner] = last.size
            shown.append(Shown(row.partner, last.note))
    return shown


def take_compared(shown: Shown, answer: Compared, found_by: str) -> None:
    """Put on record that a fellow witness was shown another history.

    Raises:
        WitnessError: What it answers does not show that.
    """
    if not answer.against:
        return
    name = shown.authority
    keys = list(verify_keys(name).values())
    theirs, ours = opened(answer.against, name, keys), opened(shown.note, name, keys)
    try:
        if theirs.size == ours.size:
            compare(ours, shown.note, answer.against, name)
        else:
            _compare(name, answer.against, theirs)
    except ConflictError as conflict:
        say(Partner.objects.get(pk=name), str(conflict), conflict.before, conflict.now, found_by)
        return
    raise WitnessError(f"{found_by} says that {name} contradicts itself, and shows nothing that does.")
