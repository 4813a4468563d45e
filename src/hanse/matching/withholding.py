"""Cases and selectors that are not compared, or for which one officer alone answers: informants, embargoes, action days."""

from typing import Final
from uuid import UUID

from hanse.cases.choosing import case_for
from hanse.cases.models import Selector
from hanse.cases.projecting import happened
from hanse.cases.service import members
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import append
from hanse.matching.contents import KeptOut
from hanse.matching.models import Withheld

KEPT_OUT: Final = "matching.kept_out"
KEEP_OUT: Final = "matching.keep_out"


def keep_out(case_id: UUID, selector: UUID | None, officer: UUID | None, why: str, actor: Actor) -> None:
    """Let a case, or one selector of it, not be compared, or let one officer alone see its hits and answer for them.

    Args:
        case_id: The case.
        selector: Of the case; None for all of them.
        officer: Who answers; None not to compare it at all.
        why: The reason, which stays in the case.
        actor: Who says so.

    Raises:
        NotVisibleError: There is no such case for the actor.
        UsageError: It has no such selector, that person is not in its team, or no reason is given.
    """
    team = case_for(actor, KEEP_OUT, case_id).team
    if officer is not None and officer not in {one.pk for one in members(team)}:
        raise UsageError("Who answers alone must be in the case's team. Add them to it first.")
    _write(case_id, selector, officer.hex if officer else "", why, actor, lifted=False)


def let_in(case_id: UUID, selector: UUID | None, why: str, actor: Actor) -> None:
    """Let a case, or one selector of it, be compared like others again; errors as of `keep_out`."""
    _write(case_id, selector, "", why, actor, lifted=True)


def _write(
    case_id: UUID, selector: UUID | None, officer: str, why: str, actor: Actor, *, lifted: bool
) -> None:
    case = case_for(actor, KEEP_OUT, case_id)
    if selector is not None and not Selector.objects.filter(case=case.pk, pk=selector).exists():
        raise UsageError("There is no such selector in this case.")
    if not why.strip():
        raise UsageError("Say why, for whoever works on the case after you.")
    content = KeptOut(case=case.pk.hex, team=case.team, officer=officer, lifted=lifted)
    append(
        KEPT_OUT,
        content,
        actor=actor,
        reason=why.strip(),
        object_id=selector or case.pk,
        marking=case.marking.marking,
    )


def _project(recorded: Recorded, content: KeptOut) -> None:
    Withheld.objects.filter(pk=recorded.object_id).delete()
    if not content.lifted:
        Withheld.objects.create(
            object_id=recorded.object_id, case=UUID(content.case), why=recorded.reason, sequence=recorded.sequence,
            officer=UUID(content.officer) if content.officer else None,
        )  # fmt: skip
    happened(recorded, UUID(content.case), content.team)


def _forget(object_id: UUID) -> None:
    drop(Withheld.objects, object_id)
    drop(Withheld.objects, object_id, "case")


KINDS = (Kind(KEPT_OUT, KeptOut, _project, _forget, sealed=True),)
