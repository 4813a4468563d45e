"""What an item rested on and its originator has recalled: that it was, by whom and when, and nothing of what it was.

Told to those alone who might have seen it while it was here: by its markings, which its entries keep, and by the team
of what cites it, which is the team of what is cited.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from hanse.federation import recalling
from hanse.federation.recalling import Gone
from hanse.intel.own import Cite
from hanse.intel.stix_extension import made_id
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.policy.decision import Subject, may

SORT: Final = "item"
"""Of all that can be cited, items alone come from partners."""


def recalled(cites: Sequence[Cite], team: str, actor: Actor, action: str = "intel.view") -> dict[UUID, Gone]:
    """Of what is cited, what was recalled; the last recall of each of which the actor may know, by the id that is cited.

    Args:
        cites: What an item rests on.
        team: Id of the need-to-know team that the item belongs to; empty for none.
        actor: Who looks.
        action: What the actor does with the item.
    """
    found = recalling.gone([UUID(one.object) for one in cites if one.sort == SORT])
    at = now_us()
    told = {}
    for thing, times in found.items():
        known = [one for one in times if may(actor, action, Subject(SORT, one.marking, team), now_us=at)]
        if known:
            told[thing] = known[-1]
    return told


def note(cite: Cite, gone: Gone, report: dict[str, Any]) -> dict[str, Any]:
    """A STIX note on what cites something, that it was recalled; marked as the report is told."""
    on = units.iso(gone.time_us)
    return {
        "type": "note", "spec_version": "2.1", "id": made_id("note", "recalled", report["id"], cite.id, on),
        "created_by_ref": report["created_by_ref"], "created": on, "modified": on,
        "abstract": "Recalled by its originator",
        "content": f"{cite.id}, on which this rests, was recalled by its originator, {gone.name}, on {on}.",
        "object_refs": [report["id"]], "object_marking_refs": report["object_marking_refs"],
    }  # fmt: skip
