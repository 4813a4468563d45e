"""Published sets: for each partner and month the tags of what it is offered, in versions of a fixed schedule.

A set holds no text: what is real of it is known by keyed hashes of this node's own. It is no projection, since decoys
are drawn by chance; one that is lost is made anew from the open cases, and the partner fetches it anew.
"""

import logging
import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Final

import msgspec

from hanse.federation.models import Partner
from hanse.federation.models import Standing as PartnerStanding
from hanse.federation.wire import Asked
from hanse.intel.values import Value
from hanse.kernel import sealing
from hanse.kernel.clock import now_us
from hanse.kernel.errors import HanseError
from hanse.ledger import keyring
from hanse.ledger.service import next_entry
from hanse.ledger.writing import writing
from hanse.matching import tag_keys, tags
from hanse.matching.agreeing import NoAgreementError, agreement_with
from hanse.matching.epochs import begin_us, month, months, over_us
from hanse.matching.later import np
from hanse.matching.models import Agreement
from hanse.matching.offering import Offered, offered, selectors_let, still_offered, values_of
from hanse.matching.tag_models import OwnDelta, OwnSet
from hanse.matching.tags import ADDED, PROOF, TAG, Published, TagSet
from hanse.matching.voprf import KeyPair

_log = logging.getLogger(__name__)

SET: Final = "tag-set"
GIVEN: Final = "tags"
EVERY_US: Final = 1_800_000_000
"""From version to version, half an hour: a set grows by 512 tags each time whatever happens, 7.6 MB in a month."""
BASE_EVERY: Final = 48
"""Versions from one that is given whole to the next, a day of them: who has an older one fetches the whole."""
PIECE_BYTES: Final = 1 << 20
NAME: Final = 16
"""Bytes of the keyed hash by which a value is known again."""
REMEMBERED: Final = 8
"""Versions of own sets that a process remembers, 7 MB for each 100,000 selectors."""
PLACE: Final = 8
"""Bytes of the number of an entry, the least first."""
DELTAS: Final = 60
"""Versions in one answer: 0.9 MB."""


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """What is asked for of a set.

    Attributes:
        epoch: The month.
        serial: Which making of the set the asker has; empty for none.
        version: Which version of it.
        place: Which piece of the whole, where it has none that deltas lead on from.
    """

    epoch: str
    serial: str = ""
    version: int = 0
    place: int = 0


class Given(msgspec.Struct, frozen=True, array_like=True):
    """The answer: the versions after the asker's, or a piece of a whole one.

    Attributes:
        serial: Which making of the set.
        version: Of the whole; without one, the last that the deltas make.
        size: Bytes of the whole; zero where deltas lead on.
        data: The piece.
        deltas: Tags that each version adds and takes, in order.
        more: Whether there are more versions than fit.
        refused: Why there is no set, in words; empty where there is one.
    """

    serial: str = ""
    version: int = 0
    size: int = 0
    data: bytes = b""
    deltas: tuple[tuple[bytes, bytes], ...] = ()
    more: bool = False
    refused: str = ""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What this node knows of a set of its own.

    Attributes:
        current: Its tags as they are published.
        decoys: Those that are of nothing.
        names: Keyed hashes of the values that are in it, 16 bytes each.
        real: The proof of each, of which the tag is the first part: who makes contact shows by the rest that it asked.
        gone: Tags of what is not offered any more and could not be taken away yet.
        had: The value of each selector that was offered as it was made, by its keyed hash, and after each the entry by
            which the selector stands: who has a value is known without any selector being opened for it.
    """

    current: bytes
    decoys: bytes
    names: bytes
    real: bytes
    gone: bytes = b""
    had: bytes = b""

    def named(self) -> dict[bytes, bytes]:
        """The proof of each value by its keyed hash."""
        return dict(zip(_split(self.names, NAME), _split(self.real, PROOF), strict=True))


def name_of(value: Value) -> bytes:
    """The keyed hash by which this node knows a value again, 16 bytes."""
    return sealing.blind(keyring.current().index, "matching.value", f"{value.kind}\0{value.text}")


def slot(epoch: str, at_us: int) -> int:
    """The slot of the schedule that a moment is in."""
    return max(0, at_us - begin_us(epoch)) // EVERY_US


def publish_due() -> int:
    """Make the set of each partner and month that there is none of yet, and each version that is due; how many.

    Versions that were missed are not made up: how many selectors wait would show. Sets that nothing is agreed about any
    more, or whose month is over, go. A set that does not open, such as one altered in the database, is named in the log
    and keeps no other partner's from being published.
    """
    now, made = now_us(), 0
    agreed = {row.partner: row for row in Agreement.objects.filter(until_us__gt=now)}
    active = set(Partner.objects.filter(state=PartnerStanding.ACTIVE).values_list("pk", flat=True))
    for row in OwnSet.objects.defer("base", "kept"):
        if row.partner not in agreed or row.partner not in active or over_us(row.epoch) < now:
            drop(row)
        elif slot(row.epoch, now) > row.slot:
            made += _tried(row.partner, partial(_next, row.pk, agreed[row.partner], now))
    for partner in sorted(active & agreed.keys()):
        if not OwnSet.objects.filter(partner=partner, epoch=month(now)).exists():
            made += _tried(partner, partial(_first, agreed[partner], month(now), now))
    return made


def _tried(partner: str, make: Callable[[], int]) -> int:
    """What was made for a partner; none, and why in the log, where something of it is not as it should be."""
    try:
        return make()
    except HanseError as error:
        _log.error("nothing new is published for %s, and it is tried again: %s", partner, error)
        return 0


def drop(row: OwnSet) -> None:
    """Keep nothing of a set."""
    with writing():
        OwnDelta.objects.filter(serial=row.serial).delete()
        OwnSet.objects.filter(pk=row.pk).delete()


def _first(agreement: Agreement, epoch: str, now: int) -> int:
    """Version 0: everything that is offered."""
    with writing():
        key = tag_keys.key_of(agreement.partner, epoch) or tag_keys.make(agreement.partner, epoch)
    since, own = next_entry(), offered(agreement)
    values = values_of(own)
    real = [tags.proof_of(key, epoch, value) for value in values]
    published = tags.publish(epoch, tags.packed(_tags(real)))
    names = b"".join(map(name_of, values))
    current = published.current.tags.tobytes()
    kept = Kept(current, published.decoys.tobytes(), names, b"".join(real), had=_had(own))
    with writing():
        if not still_offered(agreement, own, since):
            return 0  # some of it was purged, kept out or closed meanwhile: it is made at the next look
        OwnSet.objects.create(
            partner=agreement.partner, epoch=epoch, serial=secrets.token_hex(16), slot=slot(epoch, now), base=current,
            kept=msgspec.msgpack.encode(kept),
        )  # fmt: skip
    return 1


def _next(pk: int, agreement: Agreement, now: int) -> int:
    """The version that is due."""
    row = OwnSet.objects.get(pk=pk)
    key = tag_keys.key_of(row.partner, row.epoch)
    if key is None:
        return 0
    kept = msgspec.msgpack.decode(row.kept, type=Kept)
    since, own = next_entry(), offered(agreement)
    kept, delta = changed(row, kept, key, values_of(own))
    kept = msgspec.structs.replace(kept, had=_had(own))
    with writing():
        if not OwnSet.objects.filter(pk=pk, version=row.version).exists():
            return 0  # it was dropped meanwhile, or another process made it
        if not still_offered(agreement, own, since):
            return 0  # as of the first: the version is made at the next look
        row.version, row.slot = delta.version, slot(row.epoch, now)
        row.kept = msgspec.msgpack.encode(kept)
        added, taken = delta.added.tobytes(), delta.taken.tobytes()
        OwnDelta.objects.create(serial=row.serial, version=delta.version, added=added, taken=taken)
        if row.version % BASE_EVERY == 0:
            OwnDelta.objects.filter(serial=row.serial, version__lte=row.base_version).delete()
            row.base_version, row.base = row.version, kept.current
        row.save()
    return 1


def changed(row: OwnSet, kept: Kept, key: KeyPair, values: list[Value]) -> tuple[Kept, tags.Delta]:
    """The next version of a set, for what is offered now; what waits stays out of it until there is room."""
    held = kept.named()
    wanted = {name_of(value): value for value in values}
    left = {name: proof for name, proof in held.items() if name in wanted}
    gone = _split(kept.gone, TAG) + _tags(proof for name, proof in held.items() if name not in wanted)
    waiting = [name for name in wanted if name not in held][:ADDED]
    # What went and came again while its tag could not be taken away stays in.
    new = {name: tags.proof_of(key, row.epoch, wanted[name]) for name in waiting}
    withdrawn = set(gone)
    back = {name: proof for name, proof in new.items() if proof[:TAG] in withdrawn}
    new = {name: proof for name, proof in new.items() if name not in back}
    returned = set(_tags(back.values()))
    gone = [tag for tag in gone if tag not in returned]
    before = Published(TagSet(row.epoch, row.version, column(kept.current)), column(kept.decoys))
    after, delta, added, taken = tags.changed(before, tags.packed(_tags(new.values())), tags.packed(gone))
    now_in = left | back | dict(list(new.items())[:added])
    return (
        Kept(
            after.current.tags.tobytes(), after.decoys.tobytes(), b"".join(now_in), b"".join(now_in.values()),
            b"".join(gone[taken:]),
        ),
        delta,
    )  # fmt: skip


def give(asked: Asked) -> Given:
    """What a partner that asks for its set is given."""
    wanted = msgspec.msgpack.decode(asked.body, type=Wanted)
    try:
        agreement_with(asked.partner.authority)
    except NoAgreementError:
        return Given(refused="Nothing is agreed to be compared.")
    meant = wanted.epoch in months(now_us()) and min(wanted.version, wanted.place) >= 0
    own = OwnSet.objects.defer("kept").filter(partner=asked.partner.authority)
    row = own.filter(epoch=wanted.epoch).first() if meant else None
    if row is None:
        return Given(refused="There is no such set yet, or none any more.")
    if wanted.serial == row.serial and wanted.version <= row.version:
        last = wanted.version >= row.base_version
        if last or OwnDelta.objects.filter(serial=row.serial, version=wanted.version + 1).exists():
            return _after(row, wanted.version)
    base = bytes(row.base)
    piece = base[wanted.place * PIECE_BYTES : (wanted.place + 1) * PIECE_BYTES]
    return Given(row.serial, row.base_version, len(base), piece)


def _after(row: OwnSet, version: int) -> Given:
    rows = list(
        OwnDelta.objects.filter(serial=row.serial, version__gt=version).order_by("version")[: DELTAS + 1]
    )
    some = tuple((bytes(one.added), bytes(one.taken)) for one in rows[:DELTAS])
    return Given(row.serial, version + len(some), deltas=some, more=len(rows) > DELTAS)


def having(partner: str, epoch: str, proof: bytes) -> tuple[Value, list[Offered]] | None:
    """The value that is offered to a partner and has a proof, and all selectors that have it; None where there is none.

    The ledger is locked meanwhile. So nothing is opened for what is no proof: with tags alone, which all are published, a
    partner could have all opened for each of a thousand contacts. For one that is, only the selectors that have its value
    are, and those that came to be offered after the set's last version.
    """
    agreement = Agreement.objects.filter(partner=partner, until_us__gt=now_us()).first()
    key = tag_keys.key_of(partner, epoch)
    if agreement is None or key is None:
        return None
    row = OwnSet.objects.filter(partner=partner, epoch=epoch).values_list("serial", "version").first()
    # A set that was lost with a database, or of a month that begins, is not made yet.
    proven = _proven(*row) if row is not None else _unpublished(agreement.sequence, epoch, key.public)
    if (name := proven.name_of(proof)) is None:
        return None
    let = selectors_let(agreement)
    looked = [let[entry] for entry in proven.may_have(list(let), name)]
    found = {
        one: value
        for one in offered(agreement, selectors=looked)
        for value in values_of([one])
        if name_of(value) == name
    }
    return (next(iter(found.values())), list(found)) if found else None


class _Proven:
    """What is real of one version of an own set, to be found by its proof."""

    def __init__(self, kept: Kept) -> None:
        proofs = np.frombuffer(kept.real, f"S{PROOF}")
        self._order = np.argsort(proofs)
        self._proofs, self._names = proofs[self._order], kept.names
        self._had = np.frombuffer(kept.had, [("name", f"V{NAME}"), ("entry", "<i8")])

    def name_of(self, proof: bytes) -> bytes | None:
        """The keyed hash of the value that has a proof; None where none has."""
        wanted = np.frombuffer(proof, f"S{PROOF}")
        at = int(np.searchsorted(self._proofs, wanted)[0])
        if at == len(self._proofs) or self._proofs[at] != wanted[0]:
            return None
        place = int(self._order[at])
        return self._names[place * NAME : (place + 1) * NAME]

    def may_have(self, entries: list[int], name: bytes) -> list[int]:
        """Those of some selectors, by entry, that have a value, by keyed hash, or came after this version was made."""
        own, had = np.array(entries, np.int64), self._had["entry"]
        having_it = had[self._had["name"] == np.void(name)]
        some: list[int] = own[np.isin(own, having_it) | ~np.isin(own, had)].tolist()
        return some


@lru_cache(maxsize=1)
def _unpublished(agreed: int, epoch: str, public: bytes) -> _Proven:
    """What is offered to a partner that has no set yet: worked out once likewise, for it takes seconds.

    Args:
        agreed: The entry by which what is agreed with it stands.
        epoch: The month.
        public: Of the month's key.
    """
    agreement = Agreement.objects.get(sequence=agreed)
    key = tag_keys.key_of(agreement.partner, epoch)
    own = offered(agreement) if key is not None and key.public == public else []
    values = values_of(own)
    real = b"".join(tags.proof_of(key, epoch, one) for one in values) if key is not None else b""
    return _Proven(Kept(b"", b"", b"".join(map(name_of, values)), real, had=_had(own)))


@lru_cache(maxsize=REMEMBERED)
def _proven(serial: str, version: int) -> _Proven:
    """What is real of a version of an own set: read once, for each wrong contact asks for it while the ledger is locked."""
    kept = OwnSet.objects.only("partner", "epoch", "serial", "kept").get(serial=serial, version=version).kept
    return _Proven(msgspec.msgpack.decode(kept, type=Kept))


def _had(own: Iterable[Offered]) -> bytes:
    """What selectors have, as `Kept` says it."""
    return b"".join(
        name_of(value) + one.entry.to_bytes(PLACE, "little") for one in own for value in values_of([one])
    )


def _tags(proofs: Iterable[bytes]) -> list[bytes]:
    return [proof[:TAG] for proof in proofs]


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def column(data: bytes) -> tags.Tags:
    """Tags one after the other as a column."""
    return np.frombuffer(data, f"S{TAG}")
