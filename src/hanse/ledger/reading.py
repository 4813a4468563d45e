"""Reading entries back: what was signed, and what its body says."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec
from django.db import connections, transaction

from hanse.kernel import envelope, sealing
from hanse.kernel.errors import HanseError
from hanse.kernel.markings import Marking
from hanse.kernel.strict_json import canonical
from hanse.ledger import keyring
from hanse.ledger.kinds import Kind
from hanse.ledger.models import Body, Entry
from hanse.ledger.recorded import Recorded
from hanse.ledger.routing import database


class Who(msgspec.Struct, frozen=True):
    """Who did it: their id, whether a person, a token, the system or a partner, and their name as it was then."""

    id: str
    kind: str
    name: str


class Written(msgspec.Struct, frozen=True):
    """A body as it is committed to: who, why, and the content."""

    actor: Who
    content: msgspec.Raw
    reason: str


def around(who: Who, reason: str) -> tuple[bytes, bytes]:
    """What the one form of a `Written` has before and after its content.

    Raises:
        UnicodeEncodeError: A text holds half a character.
    """
    return b'{"actor":%b,"content":' % canonical(who), b',"reason":%b}' % canonical(reason)


class BodyError(HanseError):
    """A body is not what its entry commits to, or not what its kind says."""


def opened(entry: Entry, body: Body) -> bytes:
    """The committed bytes of a body, unsealed where it is sealed at rest."""
    data = bytes(body.data)
    return sealing.open_rest(keyring.current(), bytes(entry.payload), data) if body.sealed else data


def written(entry: Entry, body: Body) -> Written:
    """Who, why and what.

    Raises:
        BodyError: The bytes are no body.
    """
    try:
        return msgspec.json.decode(opened(entry, body), type=Written)
    except msgspec.DecodeError as error:
        raise BodyError(
            f"Entry {entry.sequence:,}: its body is damaged ({error}). Run `hanse node fsck`."
        ) from None


def recorded_of(entry: Entry, body: Body) -> Recorded:
    """What a projection may know of the entry."""
    head, said = envelope.decode(bytes(entry.payload)), written(entry, body)
    return Recorded(
        sequence=entry.sequence,
        time_us=head.time,
        kind=head.kind,
        object_id=UUID(head.object),
        version=head.version,
        marking=Marking.from_json(head.marking),
        actor_id=said.actor.id,
        actor_name=said.actor.name,
        reason=said.reason,
        recipient=head.recipient or "",
    )


def content_of(entry: Entry, body: Body, kind: Kind) -> msgspec.Struct:
    """The content, as its kind's type.

    Raises:
        BodyError: It does not have the fields that the kind says.
    """
    try:
        return kind.read(written(entry, body).content)
    except msgspec.ValidationError as error:
        raise BodyError(
            f"Entry {entry.sequence:,} ({entry.kind}): {error}. Is it from a newer version?"
        ) from None


@contextmanager
def snapshot() -> Iterator[None]:
    """Read the database as it is at one moment, while others go on writing; inside a transaction, join it."""
    connection = connections[database()]
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        # Django's own transactions begin IMMEDIATE and would keep writers out.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic(using=database()), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
