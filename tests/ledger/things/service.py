"""What can be said of things."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from tests.ledger.things.models import Colour, Part, Thing


class Made(msgspec.Struct):
    """A thing as it is from now on."""

    name: str = "a thing"
    size: int = 1
    ratio: float | None = None
    colour: str = ""
    secret: str | None = None
    parts: tuple[str, ...] = ()


class Dropped(msgspec.Struct):
    """A thing that is there no more."""


class Secret(msgspec.Struct):
    """Something whose body is always sealed."""

    text: str


def _made(recorded: Recorded, content: Made) -> None:
    if not isinstance(content.parts, tuple):
        raise TypeError("a projection gets content as it is read back")
    Thing.objects.update_or_create(
        id=recorded.object_id,
        defaults={
            "name": content.name,
            "size": content.size,
            "ratio": content.ratio,
            "flag": content.size > 10,
            "seen": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=recorded.time_us),
            "detail": {"colour": content.colour},
            "secret": content.secret,
            "secret_index": content.secret,
            "secrets": None if content.secret is None else [content.secret],
            "actor": recorded.actor_id,
            "said_by": recorded.sequence,
        },
    )
    Part.objects.filter(thing_id=recorded.object_id).delete()
    Part.objects.bulk_create(
        Part(id=recorded.sequence * 1_000 + number, thing_id=recorded.object_id, text=text)
        for number, text in enumerate(content.parts)
    )
    if content.colour:
        Colour.objects.get_or_create(name=content.colour)


def _dropped(recorded: Recorded, _: Dropped) -> None:
    _forget(recorded.object_id)


def _forget(object_id: UUID) -> None:
    Part.objects.filter(thing_id=object_id).delete()
    Thing.objects.filter(id=object_id).delete()


def sweep() -> None:
    """Remove colours that no thing has."""
    used = {row.detail["colour"] for row in Thing.objects.all()}
    Colour.objects.exclude(name__in=used).delete()


def _nothing(_: Recorded, __: Secret) -> None:
    """No row."""


KINDS = (
    Kind("things.made", Made, _made, _forget),
    Kind("things.dropped", Dropped, _dropped),
    Kind("things.secret", Secret, _nothing, sealed=True),
)
