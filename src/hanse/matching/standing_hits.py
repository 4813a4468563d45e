"""Hits of standing matching: looked for whenever tokens of either side came, so that both sides see one at once.

Not while a partner's turn is answered, which takes as long whether or not there is one.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Max

from hanse.kernel import sealing, strict_json
from hanse.kernel.clock import now_us
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.writing import writing
from hanse.matching import hits, standing_on, standing_quota
from hanse.matching.agreeing import agreement_with
from hanse.matching.models import Agreement, Hit
from hanse.matching.offering import Offered, offered, values_of
from hanse.matching.publishing import name_of
from hanse.matching.standing_models import HeldToken, OwnTurns, TheirTurns
from hanse.matching.standing_state import held_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

AT_ONCE: Final = 500
"""Tokens looked up in one query."""


def blind(token: bytes) -> bytes:
    """By what a token of a partner's is found."""
    return sealing.blind(keyring.current().index, "matching.token", token.hex())


def ahead(row: OwnTurns, fresh: Mapping[bytes, bytes]) -> set[UUID]:
    """For `meet`, which nobody may wait for: the selectors of those new tokens that the partner holds as its own."""
    return _having(row.partner, _common(row, fresh))


def meet(row: OwnTurns, fresh: Mapping[bytes, bytes], some: Collection[UUID]) -> None:
    """Look whether the partner holds this side's new tokens as its own; the caller is in `writing`.

    What it sent since `ahead` is found by the next `look`.

    Args:
        row: This side's turns.
        fresh: The new tokens by keyed hash of the value.
        some: As of `ahead`.
    """
    if some:
        _record(row, _common(row, fresh), some)


def _common(row: OwnTurns, fresh: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Those of this side's tokens that the partner holds as its own, by keyed hash of the value."""
    theirs = TheirTurns.objects.filter(partner=row.partner, epoch=row.epoch, mask=row.mask).first()
    found = held(theirs, fresh.values()) if theirs is not None else set()
    return {name: token for name, token in fresh.items() if token in found}


def _having(partner: str, names: Collection[bytes]) -> set[UUID]:
    """The selectors that are offered and have one of some values, by keyed hash: all are opened for it, of one hit too."""
    agreement = Agreement.objects.filter(partner=partner, until_us__gt=now_us()).first()
    if agreement is None or not names:
        return set()
    own = offered(agreement)
    return {one.selector for one in own if any(name_of(value) in names for value in values_of([one]))}


def of_more(partner: str, own: Iterable[Offered], held_: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
    """Values that were hits with a partner, are held, and that a selector without a hit has as well.

    Args:
        partner: With whom.
        own: All that is offered.
        held_: The token of each value that both sides hold, by keyed hash.
    """
    rows = Hit.objects.filter(partner=partner, way="standing")
    known = set(rows.values_list("selector", flat=True))
    if not known:
        return ()
    names = {one.selector: {name_of(value) for value in values_of([one])} for one in own}
    met = {name for selector in known & names.keys() for name in names[selector]} & held_.keys()
    more = {name for selector in names.keys() - known for name in names[selector]}
    return tuple(sorted(met & more))


def look(partner: str, epoch: str) -> None:
    """Look whether this side has what the partner sent since the last look."""
    theirs = TheirTurns.objects.filter(partner=partner, epoch=epoch).first()
    came = HeldToken.objects.filter(turns=theirs.pk, id__gt=theirs.looked) if theirs is not None else None
    last = came.aggregate(last=Max("id"))["last"] if came is not None else None
    if theirs is None or came is None or last is None:
        return
    came = came.filter(id__lte=last)
    own, found = _met(theirs, came)
    some = _having(partner, found)  # before the ledger is locked
    with writing():
        if some:
            own, found = _met(theirs, came)
        if some and own is not None:
            _record(own, found, some)
        TheirTurns.objects.filter(pk=theirs.pk).update(looked=last)


def _met(theirs: TheirTurns, came: "QuerySet[HeldToken]") -> tuple[OwnTurns | None, dict[bytes, bytes]]:
    """This side's turns, and those of its tokens that are among some of the partner's, by keyed hash of the value."""
    own = OwnTurns.objects.filter(partner=theirs.partner, epoch=theirs.epoch, mask=theirs.mask).first()
    if own is None:
        return None, {}
    known = {bytes(one) for one in came.values_list("token", flat=True)}
    return own, {name: token for name, token in held_of(own).items() if blind(token) in known}


def held(theirs: TheirTurns, tokens: Iterable[bytes]) -> set[bytes]:
    """Those of some tokens that a partner has sent and not taken back."""
    known = {blind(token): token for token in tokens}
    names, found = list(known), set()
    for at in range(0, len(names), AT_ONCE):
        rows = HeldToken.objects.filter(turns=theirs.pk, token__in=names[at : at + AT_ONCE])
        found |= {known[bytes(one)] for one in rows.values_list("token", flat=True)}
    return found


def reference(partner: str, epoch: str, token: bytes) -> str:
    """What names a hit to both."""
    pair = sorted((authority(), partner))
    return hits.reference(strict_json.canonical(["standing", *pair, epoch]), token)


def _record(row: OwnTurns, found: Mapping[bytes, bytes], some: Collection[UUID]) -> None:
    """Put hits on record: those of what is still offered.

    Args:
        row: This side's turns.
        found: The token of each value that both have, by keyed hash.
        some: The selectors that have one of them.
    """
    if not found:
        return
    agreement = agreement_with(row.partner)
    own = offered(agreement, selectors=some)
    names = {value: name_of(value) for value in values_of(own)}
    references = {
        value: reference(row.partner, row.epoch, found[name])
        for value, name in names.items()
        if name in found
    }
    hits.record(row.partner, "standing", None, own, references)
    if standing_quota.spent(agreement):
        standing_on.stop(row.partner, standing_quota.words(agreement))
