"""What the entries of subject access hold, and how they become rows."""

from uuid import UUID

import msgspec

from hanse.cases.selector import name_key
from hanse.cases.subject_models import OPEN, Erasure, SubjectRequest
from hanse.kernel.clock import Moment
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.policy.models import stored, team_of

ASKED, ANSWERED, ERASED, STATED = (
    "cases.subject_asked", "cases.subject_answered", "cases.subject_erased", "cases.erasure_stated",
)  # fmt: skip


class SubjectAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks what is held on them; the object is the request.

    Attributes:
        name: Their name; may be empty.
        born: Day of birth; may be empty.
        selectors: Pairs of kind and text.
        identity: How it was proven that it is them.
        received_us: When the request came, microseconds UTC.
    """

    name: str
    born: str
    selectors: tuple[tuple[str, str], ...]
    identity: str
    received_us: Moment


class SubjectAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """A request was answered; the reasons are the entry's. The object is the request.

    Attributes:
        answer: One of `subject_models.ANSWERS`, but for open.
        ground: One of `subject_models.GROUNDS`; empty where nothing is withheld.
        told: Ids of the objects that they were told of, hexadecimal.
        withheld: How many objects they were not told of.
    """

    answer: str
    ground: str
    told: tuple[str, ...]
    withheld: int


class SubjectErased(msgspec.Struct, frozen=True, kw_only=True):
    """What was held on somebody was erased, with their request. The object is the erasure; it names nobody.

    Attributes:
        request: Id of the request, hexadecimal.
        objects: Ids of what was erased, hexadecimal.
        entries: How many entries lost their bodies.
        law: One of `subject_models.LAWS`.
        purge: Sequence of the entry that erased them.
        proposal: Id of what two people decided, hexadecimal.
    """

    request: str
    objects: tuple[str, ...]
    entries: int
    law: str
    purge: int
    proposal: str


class ErasureStated(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of an erasure was given out; the object is the erasure.

    Attributes:
        manifest: SHA-256 of the manifest of the statement's archive, hexadecimal.
        files: How many files are in it.
    """

    manifest: str
    files: int


def _asked(recorded: Recorded, content: SubjectAsked) -> None:
    SubjectRequest.projected.create(
        object_id=recorded.object_id, marking=stored(recorded.marking), team=team_of(recorded.object_id),
        name=content.name, name_index=name_key(content.name) if content.name else None, born=content.born,
        selectors=[list(pair) for pair in content.selectors], identity=content.identity,
        received_us=content.received_us, state=OPEN, why="", told=[], time_us=recorded.time_us,
        actor_name=recorded.actor_name, sequence=recorded.sequence,
    )  # fmt: skip


def _answered(recorded: Recorded, content: SubjectAnswered) -> None:
    row = SubjectRequest.projected.get(pk=recorded.object_id)
    row.state, row.ground, row.why, row.told = (
        content.answer,
        content.ground,
        recorded.reason,
        list(content.told),
    )
    row.answered_us, row.answered_by, row.sequence = recorded.time_us, recorded.actor_name, recorded.sequence
    row.save()


def _forget_request(object_id: UUID) -> None:
    drop(SubjectRequest.projected, object_id)


def _erased(recorded: Recorded, content: SubjectErased) -> None:
    Erasure.projected.create(
        object_id=recorded.object_id, marking=stored(recorded.marking), team=team_of(recorded.object_id),
        request=UUID(content.request), objects_erased=len(content.objects), entries_erased=content.entries,
        law=content.law, purge=content.purge, time_us=recorded.time_us, actor_name=recorded.actor_name,
        sequence=recorded.sequence,
    )  # fmt: skip


def _stated(_recorded: Recorded, _content: ErasureStated) -> None:
    """A statement leaves no row: it is in the ledger that it was given out."""


def _forget_erasure(object_id: UUID) -> None:
    drop(Erasure.projected, object_id)


KINDS = (
    Kind(ASKED, SubjectAsked, _asked, _forget_request, sealed=True),
    Kind(ANSWERED, SubjectAnswered, _answered, sealed=True),
    Kind(ERASED, SubjectErased, _erased, _forget_erasure, sealed=True),
    Kind(STATED, ErasureStated, _stated, sealed=True),
)
