"""What the entry of an export for court holds, and how it becomes a row."""

from uuid import UUID

from hanse.cases import words
from hanse.cases.contents import Part
from hanse.cases.court_models import CourtExport
from hanse.cases.projecting import happened
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop

EXPORTED = "cases.exported"


class CaseExported(Part, frozen=True, kw_only=True):
    """A case was given out for court; why is the entry's reason. The proof of this entry goes with the archive.

    Attributes:
        manifest: SHA-256 of the archive's manifest, hexadecimal.
        files: How many files are in it.
        exhibits: How many of them are evidence.
        whom: To whom it goes.
    """

    manifest: str
    files: int
    exhibits: int
    whom: str


def _project(recorded: Recorded, content: CaseExported) -> None:
    CourtExport.objects.create(
        object_id=recorded.object_id, case=UUID(content.case), manifest=content.manifest, files=content.files,
        exhibits=content.exhibits, whom=content.whom, why=recorded.reason, time_us=recorded.time_us,
        actor_name=recorded.actor_name, sequence=recorded.sequence,
    )  # fmt: skip
    happened(recorded, UUID(content.case), content.team)


def _forget(object_id: UUID) -> None:
    drop(CourtExport.objects, object_id)
    drop(CourtExport.objects, object_id, "case")


KINDS = (Kind(EXPORTED, CaseExported, _project, _forget, sealed=True),)

words.say({EXPORTED: "The case was exported for court"})
