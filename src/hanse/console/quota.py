"""Keeping fewer flows than before removes the oldest for good: two people decide it, as on any removal; more takes one."""

from typing import Any, Final
from uuid import UUID

import msgspec

from hanse.accounts.approvals import Approvable, Pending, propose
from hanse.console import service
from hanse.kernel.actors import Actor

ACTION: Final = "console.keep_fewer_flows"


def propose_fewer(flows_gib: int, why: str, actor: Actor) -> UUID:
    """Propose to keep fewer GiB of collected flows than are kept now; another person has to approve it.

    Raises:
        RefusedError: The actor may not change settings.
        UsageError: No reason is given.
    """
    return propose(ACTION, {"flows_gib": flows_gib}, why, actor)


def _words(subject: dict[str, Any]) -> str:
    return (
        f"Keep {subject['flows_gib']} GiB of collected flows at most. What is stored beyond that is removed for good, the "
        "oldest first."
    )


def _execute(proposal: Pending, approver: Actor) -> str:
    value = msgspec.structs.replace(service.setting(service.Storage), flows_gib=proposal.subject["flows_gib"])
    service.put(value, approver, proposal.why)
    return ""


APPROVABLE = Approvable(ACTION, "settings.edit", _words, _execute, about=lambda _subject: ["flows_gib"])
"""What two people agree on."""
