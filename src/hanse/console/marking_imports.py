"""The items of an import that was marked anew follow it, as a job: there may be a hundred thousand of them.

An item that is marked as its import was takes the import's new marking. One that is marked otherwise, such as by its own
tags, becomes at least as strict: nothing is weakened that somebody has marked for itself.
"""

from typing import Any, NamedTuple
from uuid import UUID

from hanse.intel import authoring
from hanse.intel import service as intel
from hanse.intel.models import Batch, Item
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, is_at_least, join
from hanse.kernel.strict_json import loads
from hanse.ledger.writing import writing
from hanse.policy.service import mark
from hanse.web import jobs
from hanse.web.jobs import Progress

CHUNK = 500
"""Items of one transaction: other writers wait a second at most."""


class _Change(NamedTuple):
    """From what to what an import was marked anew."""

    old: Marking
    old_team: str
    new: Marking
    new_team: str

    def of(self, row: Item) -> tuple[Marking, str]:
        """The marking and the team that an item of the import has from now on."""
        if (row.marking.marking, row.team) == (self.old, self.old_team):
            return self.new, self.new_team
        return join(row.marking.marking, self.new), row.team or self.new_team


def begin(row: Batch, marking: Marking, team: str, actor: Actor, why: str, proposal: str) -> None:
    """Have the items of an import follow it.

    Args:
        row: The import, as it was marked before.
        marking: Its marking from now on.
        team: Id of its team from now on; empty for none.
        actor: Who marks it, or who approved it.
        why: The reason.
        proposal: Id of what two people decided, hexadecimal; empty where one was enough.
    """
    params = {
        "batch": row.pk.hex, "old": row.marking.marking.text, "old_team": row.team, "new": marking.text, "new_team": team,
        "why": why, "proposal": proposal,
    }  # fmt: skip
    jobs.start("mark-import", f"Marking the items of {row.name[:400]} anew", params, actor)


def follow(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Mark the items of an import anew, and what was written here that rests on them; done twice, it changes nothing.

    Args:
        params: As `begin` gives them.
        progress: Told how many items are done.
        actor: Who marks them.

    Returns:
        Address of the import.

    Raises:
        UsageError: The import was marked more strictly since.
    """
    change = _Change(_marking(params["old"]), params["old_team"], _marking(params["new"]), params["new_team"])
    progress.step("Marking")
    numbers = list(
        Item.projected.filter(batch=params["batch"]).order_by("number").values_list("number", flat=True)
    )
    for at in range(0, len(numbers), CHUNK):
        with writing():
            _check_stands(UUID(params["batch"]), change)
            _some(numbers[at : at + CHUNK], change, actor, params["why"], params["proposal"])
        progress.at(min(at + CHUNK, len(numbers)), len(numbers))
    return f"/intelligence/imports/{UUID(params['batch'])}/"


def _check_stands(batch: UUID, change: _Change) -> None:
    """Whether a change was not taken back: a job that stopped can be begun again long after.

    Raises:
        UsageError: The import is marked more strictly now, so that its items would become weaker than it.
    """
    row = Batch.projected.filter(pk=batch).select_related("marking").first()
    if row is None:
        return
    if not is_at_least(change.new, row.marking.marking) or row.team not in {"", change.new_team}:
        raise UsageError("The import was marked more strictly since. Look at it, and mark it anew.")


def _some(numbers: list[int], change: _Change, actor: Actor, why: str, proposal: str) -> None:
    rows = list(Item.projected.filter(number__in=numbers).select_related("marking").order_by("number"))
    for row in rows:
        marking, team = change.of(row)
        if (marking, team) != (row.marking.marking, row.team):
            mark(row.pk, marking, team, actor, why, proposal)
            intel.seal_as_marked(row.pk, actor, why)
    for one in authoring.resting_on(row.source_id for row in rows):
        marking, team = join(one.marking.marking, change.new), one.team or change.new_team
        if (marking, team) != (one.marking.marking, one.team):
            mark(one.pk, marking, team, actor, why, proposal)
            intel.seal_as_marked(one.pk, actor, why)


def _marking(text: str) -> Marking:
    return Marking.from_json(loads(text.encode()))
