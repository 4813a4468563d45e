"""What the entries of evidence hold, and how they become rows: the file's own row and its chain of custody."""

from dataclasses import replace
from uuid import UUID

from hanse.cases import words
from hanse.cases.contents import Part
from hanse.cases.evidence_models import DESTROYED, HELD, RETURNED, Custody, Evidence
from hanse.cases.models import Case
from hanse.cases.projecting import happened
from hanse.kernel.clock import Moment
from hanse.kernel.markings import Marking, join
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.policy.models import stored

RECEIVED, HANDLING = "cases.evidence_received", "cases.evidence_handled"
NUMBERED = "cases.exhibit_numbered"


class EvidenceReceived(Part, frozen=True, kw_only=True):
    """A file came into a case; the object is the piece of evidence, why is the entry's reason.

    Attributes:
        exhibit: Its number in the case, from 1.
        name: What it was called.
        size: Its length in bytes.
        sha256: Of its content, hexadecimal.
        file: Under which name it lies in the store.
        description: What it is.
        source: From whom or where it came.
        place: Where the original is kept; may be empty.
        received_us: When the authority got it, microseconds UTC.
    """

    exhibit: int
    name: str
    size: int
    sha256: str
    file: str
    description: str
    source: str
    place: str
    received_us: Moment


class ExhibitNumbered(Part, frozen=True, kw_only=True):
    """A number was given to a piece of evidence; the object is the case, so that it outlives the evidence's erasure.

    Attributes:
        exhibit: The number, the highest of the case.
    """

    exhibit: int


class EvidenceHandled(Part, frozen=True, kw_only=True):
    """Something happened to a piece of evidence; why is the entry's reason.

    Attributes:
        what: One of `evidence_models.HANDLED`, but for its receipt.
        whom: To whom or where; may be empty.
        proposal: Id of what two people decided, hexadecimal; empty where one was enough.
    """

    what: str
    whom: str = ""
    proposal: str = ""


def marking_of(part: UUID, case: Marking) -> Marking:
    """The marking that a part has from now on where its case has a new one: evidence keeps what is stricter of its own."""
    row = Evidence.projected.filter(pk=part).select_related("marking").first()
    if row is None:
        return case
    return join(replace(row.marking.marking, retention_us=case.retention_us), case)


def _received(recorded: Recorded, content: EvidenceReceived) -> None:
    values = {
        "marking": stored(recorded.marking), "team": content.team, "case": UUID(content.case),
        "exhibit": content.exhibit, "name": content.name, "size": content.size, "sha256": content.sha256,
        "file": content.file, "description": content.description, "source": content.source,
        "place": content.place, "received_us": content.received_us, "state": HELD,
        "time_us": recorded.time_us, "actor_name": recorded.actor_name, "sequence": recorded.sequence,
    }  # fmt: skip
    Evidence.projected.create(object_id=recorded.object_id, **values)
    _link(recorded, content, "received", content.source)


def _numbered(recorded: Recorded, content: ExhibitNumbered) -> None:
    Case.projected.filter(pk=recorded.object_id).update(
        exhibits=content.exhibit, sequence=recorded.sequence, version=recorded.version
    )


def _handled(recorded: Recorded, content: EvidenceHandled) -> None:
    row = Evidence.projected.filter(pk=recorded.object_id)
    if content.what in {RETURNED, DESTROYED}:
        row.update(state=content.what)
    if content.what == "moved":
        one = row.get()
        one.place = content.whom
        one.save(update_fields=["place"])
    _link(recorded, content, content.what, content.whom)


def _link(recorded: Recorded, content: Part, what: str, whom: str) -> None:
    """A link of the chain, which is a line of the case's timeline too."""
    Custody.objects.create(
        sequence=recorded.sequence, evidence=recorded.object_id, case=UUID(content.case), what=what, whom=whom,
        why=recorded.reason, time_us=recorded.time_us, actor_name=recorded.actor_name,
    )  # fmt: skip
    happened(recorded, UUID(content.case), content.team)


def _forget(object_id: UUID) -> None:
    """A piece of evidence that is purged, or all of a case that is."""
    drop(Evidence.projected, object_id)
    drop(Evidence.projected, object_id, "case")
    drop(Custody.objects, object_id, "evidence")
    drop(Custody.objects, object_id, "case")


KINDS = (
    Kind(RECEIVED, EvidenceReceived, _received, _forget, sealed=True),
    Kind(NUMBERED, ExhibitNumbered, _numbered, sealed=True),
    Kind(HANDLING, EvidenceHandled, _handled, sealed=True),
)

words.say(
    {
        RECEIVED: "A piece of evidence was received",
        NUMBERED: "A piece of evidence was given its number",
        HANDLING: "Evidence was opened, handed out, moved, returned or destroyed",
    }
)
