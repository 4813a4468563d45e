"""The pieces of a run: what goes over the wire, some of it at a time, kept until nobody needs it any more."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from hanse.intel.values import Value
from hanse.matching.commitment import PurgedInput
from hanse.matching.group import ProtocolError
from hanse.matching.models import RunPart

PART_BYTES: Final = 1 << 20
"""Bytes of a piece: 32,768 points. Far below what a message may hold, and a second on a slow line."""
POINTS, TOKENS, DIGEST = "points", "tokens", "digest"
GIVEN: Final = (POINTS, DIGEST, TOKENS)
"""What a side gives the other, in this order."""
VALUES: Final = "values"
FETCHED: Final = "fetched"
"""Marks that the other side fetched some of this side's tokens: from then on it knows hits."""
Inputs = tuple[Value | PurgedInput, ...]
_VALUE: Final = 2
"""Parts of one that was not purged: kind and text. One that was has no kind, but a leaf, a point and an entry."""
_inputs = msgspec.msgpack.Decoder(tuple[tuple[Any, ...], ...])


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
    RunPart.objects.get_or_create(run=run, name=VALUES, place=0, defaults={"values": _packed(values)})


def inputs(run: UUID) -> Inputs:
    """What was put in, in its order; of what was purged since, what is left of it."""
    return tuple(map(_input, _told(run)))


def has_any(run: UUID, some: Mapping[Value, object]) -> bool:
    """Whether any of some values was put in; takes half the time of reading them all."""
    return not some.keys().isdisjoint(_told(run))


def values(run: UUID) -> tuple[Value, ...]:
    """What is compared in a run that goes on.

    Raises:
        ProtocolError: Something of it was purged, by which the run ended.
    """
    own = inputs(run)
    known = tuple(one for one in own if isinstance(one, Value))
    if len(known) < len(own):
        raise ProtocolError("Something of a case was purged meanwhile. Begin it anew.")
    return known


def replace_inputs(run: UUID, own: Inputs) -> None:
    """Keep this of what was put in, in place of all that was kept before."""
    drop_values(run)
    if own:
        RunPart.objects.create(run=run, name=VALUES, place=0, values=_packed(own))


def drop_values(run: UUID) -> None:
    """Keep nothing of what was put into a run."""
    RunPart.objects.filter(run=run, name=VALUES).delete()


def _told(run: UUID) -> tuple[tuple[Any, ...], ...]:
    """What was put in, as it is kept."""
    row = RunPart.objects.filter(run=run, name=VALUES, place=0).first()
    return () if row is None or row.values is None else _inputs.decode(row.values)


def _packed(own: Iterable[Value | PurgedInput]) -> bytes:
    told = [(one.kind, one.text) if isinstance(one, Value) else ("", *one) for one in own]
    return msgspec.msgpack.encode(told)


def _input(told: tuple[Any, ...]) -> Value | PurgedInput:
    return Value(*told) if len(told) == _VALUE else PurgedInput(*told[1:])


def drop(run: UUID) -> None:
    """Keep nothing of a run any more."""
    RunPart.objects.filter(run=run).delete()
