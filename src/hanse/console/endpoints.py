"""Non-public addresses that the node may reach, such as the authority's own mail relay: two people allow each."""

from ipaddress import ip_address
from typing import Any
from uuid import UUID

import msgspec

from hanse.accounts.approvals import Approvable, Pending, propose
from hanse.accounts.models import Proposal
from hanse.accounts.rules import ask_fresh
from hanse.console.models import AllowedHost
from hanse.egress.addresses import why_not_public
from hanse.egress.destination import host_name
from hanse.egress.errors import RefusedError
from hanse.egress.rules import AllowedEndpoint
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.kinds import Kind
from hanse.ledger.objects import named
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import append
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError


class EndpointAllowed(msgspec.Struct, frozen=True):
    """A port of a host may be reached at a non-public address."""

    host: str
    port: int
    address: str
    proposal: str


class EndpointWithdrawn(msgspec.Struct, frozen=True):
    """It may no longer."""

    host: str
    port: int
    address: str


def propose_endpoint(host: str, port: int, address: str, why: str, actor: Actor) -> UUID:
    """Propose that one port of a host may be reached at a non-public address; another person has to approve it.

    Raises:
        RefusedError: The actor may not, the host or port is none, or no such address can ever be allowed.
        UsageError: No reason is given, or the address is public.
    """
    name, number = host_name(host.strip()), address.strip()
    AllowedEndpoint(name, number, port)
    if why_not_public(ip_address(number)) is None:
        raise UsageError(f"{number} is public: the node may reach it anyway.")
    number = str(ip_address(number))
    return propose("console.allow_endpoint", {"host": name, "port": port, "address": number}, why, actor)


def withdraw_endpoint(host: str, port: int, address: str, actor: Actor) -> None:
    """Reach a host's port at that address no longer; one person is enough to close a door.

    Raises:
        RefusedError: The actor may not, or has to prove a passkey first: alerts may go through that door.
        NotVisibleError: It is not allowed anyway.
    """
    require(actor, "settings.edit")
    ask_fresh(actor, "what goes to that address, such as alerts, reaches it no longer.")
    try:
        name, number = host_name(host.strip()), str(ip_address(address.strip()))
    except (RefusedError, ValueError):
        name, number = host, address  # nothing was ever allowed under such a name
    one = _id(name, port, number)
    if not AllowedHost.objects.filter(pk=one).exists():
        raise NotVisibleError(f"{host}, port {port}, at {address} is not among what the node may reach.")
    append("console.endpoint_withdrawn", EndpointWithdrawn(name, port, number), actor=actor, object_id=one)


def allowed() -> list[AllowedEndpoint]:
    """All that two people have allowed."""
    return [
        AllowedEndpoint(row.host, row.address, row.port)
        for row in AllowedHost.objects.order_by("host", "port")
    ]


def waiting() -> list[Proposal]:
    """What is proposed and waits for a second person, newest first."""
    open_now = Proposal.objects.filter(action=APPROVABLE.action, state="open", expires_us__gt=now_us())
    return list(open_now.order_by("-proposed_us"))


def _id(host: str, port: int, address: str) -> UUID:
    return named("endpoint", f"{host} {port} {address}")


def _words(subject: dict[str, Any]) -> str:
    return f"Let the node reach port {subject['port']} of {subject['host']} at the non-public address {subject['address']}."


def _execute(proposal: Pending, approver: Actor) -> str:
    host, port, address = (proposal.subject[name] for name in ("host", "port", "address"))
    content = EndpointAllowed(host, port, address, proposal.id.hex)
    one = _id(host, port, address)
    append("console.endpoint_allowed", content, actor=approver, reason=proposal.why, object_id=one)
    return ""


def _project_allowed(recorded: Recorded, content: EndpointAllowed) -> None:
    set_row(
        AllowedHost.objects,
        recorded.object_id,
        {
            "host": content.host,
            "port": content.port,
            "address": content.address,
            "sequence": recorded.sequence,
        },
    )


def _project_withdrawn(recorded: Recorded, _: EndpointWithdrawn) -> None:
    _forget(recorded.object_id)


def _forget(object_id: UUID) -> None:
    drop(AllowedHost.objects, object_id)


APPROVABLE = Approvable("console.allow_endpoint", "settings.edit", _words, _execute)
KINDS = (
    Kind("console.endpoint_allowed", EndpointAllowed, _project_allowed, _forget),
    Kind("console.endpoint_withdrawn", EndpointWithdrawn, _project_withdrawn),
)
