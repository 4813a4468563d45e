"""Removing stored flows by hand: one person proposes it with a reason, another one lets them go for good."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from hanse.accounts.approvals import Approvable, Pending, propose
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.policy.asking import require
from hanse.telemetry import service

ACTION: Final = "telemetry.remove"


class GoneError(UsageError):
    """None of the files is there any more."""

    status = 409


def propose_removal(partitions: Iterable[UUID], why: str, actor: Actor) -> UUID:
    """Propose to remove files of flows for good; the proposal, which another person decides on.

    What findings rest on does not come back, so one person alone, or who stole their passkey, must not be able to take
    it away.

    Raises:
        RefusedError: The actor may not, or did not prove a passkey.
        UsageError: None of them is there for the actor to see, or no reason is given.
        ProposedAlreadyError: One of them is proposed already.
    """
    require(actor, ACTION)
    rows = list(service.partitions(actor).filter(pk__in=list(partitions)))
    if not rows:
        raise UsageError("None of these files is there any more. Look at the list again.")
    subject = {
        "partitions": [row.pk.hex for row in rows],
        "rows": sum(row.rows for row in rows),
        "bytes": sum(row.bytes for row in rows),
        "start_us": min(row.start_us for row in rows),
        "end_us": max(row.end_us for row in rows),
    }
    return propose(ACTION, subject, why, actor)


def _words(subject: dict[str, Any]) -> str:
    number = len(subject["partitions"])
    return (
        f"Remove {units.count(number)} {'file' if number == 1 else 'files'} of stored flows for good: "
        f"{units.count(subject['rows'])} records ({units.volume(subject['bytes'])}), from {units.second(subject['start_us'])} "
        f"to {units.second(subject['end_us'])}. What was found in them can no longer be checked against them."
    )


def _execute(proposal: Pending, approver: Actor) -> str:
    """Remove those of them that are still there: the quota may have taken some meanwhile.

    Raises:
        GoneError: None is.
    """
    wanted = [UUID(one) for one in proposal.subject["partitions"]]
    if not service.remove_partitions(wanted, approver, proposal.why, proposal.id):
        raise GoneError("None of these files is there any more. Refuse it.")
    return ""


def _where(subject: dict[str, Any]) -> str:
    """The files of that time, as far as who looks may see them."""
    span = {"since": units.second(subject["start_us"]), "until": units.second(subject["end_us"])}
    return f"{reverse('telemetry:partitions')}?{urlencode(span)}"


APPROVABLE = Approvable(ACTION, ACTION, _words, _execute, _where, about=lambda subject: subject["partitions"])
"""What two people agree on."""
