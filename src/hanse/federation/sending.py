"""Addressing entries to partners: each gets its own, with its own marking, and cannot tell who else got what."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec
from django.conf import settings

from hanse.federation import stream
from hanse.federation.models import Partner
from hanse.federation.partners import active
from hanse.kernel.actors import Actor, system
from hanse.kernel.keys import OpenKey, SigningKey
from hanse.kernel.markings import Marking
from hanse.ledger.recorded import Recorded
from hanse.ledger.writing import Draft, append_many


def speaker() -> Actor:
    """In whose name entries to partners are written: the authority's.

    Which person did it is in the own entry of what they did, and nobody else's business.
    """
    node = settings.HANSE_NODE
    return system("league", node.authority, node.country, node.tier)


def send(drafts: Sequence[Draft]) -> list[Recorded]:
    """Write entries that are addressed to partners; errors as of `ledger.writing.append_many`."""
    return append_many(drafts, speaker())


def to_each(
    partners: Iterable[Partner],
    kind: str,
    content: Callable[[Partner], msgspec.Struct],
    object_id: UUID | None = None,
    marking: Marking | None = None,
) -> list[Draft]:
    """One draft for each partner."""
    return [Draft(kind, content(one), object_id, marking, recipient=one.authority) for one in partners]


def tell_revoked(key: str, since_us: int) -> None:
    """Tell each partner that an earlier key is not to be believed any more, under the key that is."""
    send(to_each(active(), stream.KEY_REVOKED, lambda _: stream.KeyRevoked(key, since_us)))


def tell_new_key(signing: SigningKey, opening: OpenKey, _actor: Actor) -> None:
    """Bring each partner the new keys, under the key that it knows."""
    content = stream.KeyChanged(signing.public.raw.hex(), opening.public.raw.hex())
    send(to_each(active(), stream.KEY_CHANGED, lambda _: content))
