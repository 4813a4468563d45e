"""The pieces of a run: what goes over the wire, some of it at a time, kept until nobody needs it any more."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import msgspec

from hanse.intel.values import Value
from hanse.matching.models import RunPart

PART_BYTES: Final = 1 << 20
"""Bytes of a piece: 32,768 points. Far below what a message may hold, and a second on a slow line."""
POINTS, TOKENS, DIGEST = "points", "tokens", "digest"
GIVEN: Final = (POINTS, DIGEST, TOKENS)
"""What a side gives the other, in this order."""
VALUES: Final = "values"
FETCHED: Final = "fetched"
"""Marks that the other side fetched some of this side's tokens: from then on it knows hits."""
_values = msgspec.msgpack.Decoder(tuple[tuple[str, str], ...])


def theirs(name: str) -> str:
    """Under what name the other side's pieces of a sort are kept."""
    return f"their-{name}"


def count(run: UUID, name: str) -> int:
    """How many pieces of a sort there are, without a gap from the first on."""
    return RunPart.objects.filter(run=run, name=name).count()


def put(run: UUID, name: str, place: int, data: bytes) -> None:
    """Keep a piece; one that is there stays: a run makes the same again."""
    RunPart.objects.get_or_create(run=run, name=name, place=place, defaults={"data": data})


def get(run: UUID, name: str, place: int) -> bytes | None:
    """A piece, or None where it is not there."""
    data = RunPart.objects.filter(run=run, name=name, place=place).values_list("data", flat=True).first()
    return None if data is None else bytes(data)


def whole(run: UUID, name: str) -> bytes:
    """All pieces of a sort."""
    rows = RunPart.objects.filter(run=run, name=name).order_by("place").values_list("data", flat=True)
    return b"".join(bytes(one) for one in rows)


def put_all(run: UUID, name: str, data: Iterable[bytes]) -> None:
    """Cut a stream into pieces and keep them; those that are there are gone over."""
    place, held = 0, bytearray()
    for some in data:
        held += some
        while len(held) >= PART_BYTES:
            put(run, name, place, bytes(held[:PART_BYTES]))
            del held[:PART_BYTES]
            place += 1
    if held:
        put(run, name, place, bytes(held))


def needed(size_bytes: int) -> int:
    """Pieces of so many bytes."""
    return -(-size_bytes // PART_BYTES)


def put_values(run: UUID, values: Sequence[Value]) -> None:
    """Keep what is compared, sealed: cases may change while a run goes on, and an auditor does it again later."""
    data = msgspec.msgpack.encode([(one.kind, one.text) for one in values])
    RunPart.objects.get_or_create(run=run, name=VALUES, place=0, defaults={"values": data})


def values(run: UUID) -> tuple[Value, ...]:
    """What is compared."""
    row = RunPart.objects.filter(run=run, name=VALUES, place=0).first()
    return () if row is None else tuple(Value(kind, text) for kind, text in _values.decode(row.values))


def drop_values() -> None:
    """Keep nothing of what was compared, in any run: something of a case is purged."""
    RunPart.objects.filter(name=VALUES).delete()


def drop(run: UUID) -> None:
    """Keep nothing of a run any more."""
    RunPart.objects.filter(run=run).delete()
