"""Hits of standing matching: looked for whenever tokens of either side came, so that both sides see one at once.

Not while a partner's turn is answered, which takes as long whether or not there is one.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from hanse.kernel import sealing, strict_json
from hanse.ledger import keyring
from hanse.ledger.identity import authority
from hanse.ledger.writing import writing
from hanse.matching import hits, standing_on, standing_quota
from hanse.matching.agreeing import agreement_with
from hanse.matching.models import Hit
from hanse.matching.offering import Offered, offered, values_of
from hanse.matching.publishing import name_of
from hanse.matching.standing_models import HeldToken, OwnTurns, TheirTurns
from hanse.matching.standing_state import held_of

AT_ONCE: Final = 500
"""Tokens looked up in one query."""


def blind(token: bytes) -> bytes:
    """By what a token of a partner's is found."""
    return sealing.blind(keyring.current().index, "matching.token", token.hex())


def meet(row: OwnTurns, fresh: Mapping[bytes, bytes]) -> None:
    """Look whether the partner holds this side's new tokens as its own; the caller is in `writing`.

    Args:
        row: This side's turns.
        fresh: The new tokens by keyed hash of the value.
    """
    theirs = TheirTurns.objects.filter(partner=row.partner, epoch=row.epoch, mask=row.mask).first()
    if theirs is None:
        return
    found = held(theirs, fresh.values())
    _record(row, {name: token for name, token in fresh.items() if token in found})


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
    if theirs is None or not HeldToken.objects.filter(turns=theirs.pk, id__gt=theirs.looked).exists():
        return
    with writing():
        came = HeldToken.objects.filter(turns=theirs.pk, id__gt=theirs.looked).order_by("id")
        rows = dict(came.values_list("id", "token"))
        own = OwnTurns.objects.filter(partner=partner, epoch=epoch, mask=theirs.mask).first()
        if own is not None:
            known = {bytes(one) for one in rows.values()}
            _record(own, {name: token for name, token in held_of(own).items() if blind(token) in known})
        TheirTurns.objects.filter(pk=theirs.pk).update(looked=max(rows, default=theirs.looked))


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


def _record(row: OwnTurns, found: Mapping[bytes, bytes]) -> None:
    """Put hits on record: those of what is still offered."""
    if not found:
        return
    agreement = agreement_with(row.partner)
    own = offered(agreement)
    names = {value: name_of(value) for value in values_of(own)}
    references = {
        value: reference(row.partner, row.epoch, found[name])
        for value, name in names.items()
        if name in found
    }
    hits.record(row.partner, "standing", None, own, references)
    if standing_quota.spent(agreement):
        standing_on.stop(row.partner, standing_quota.words(agreement))
