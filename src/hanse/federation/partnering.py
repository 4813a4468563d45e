"""Becoming partners, being suspended, expelled or moved: what people of this authority decide about another one."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hanse.accounts import approvals
from hanse.accounts.approvals import Approvable, Pending
from hanse.egress.addresses import can_be_allowed, why_not_public
from hanse.egress.rules import AllowedEndpoint, system_resolve
from hanse.federation import invitation
from hanse.federation.contents import PartnerAdded, PartnerMoved, PartnerStands
from hanse.federation.invitation import Invitation, InvitationError
from hanse.federation.models import Link, Partner, Standing, Witnessed
from hanse.federation.partners import own_invitation, partner_of
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import TIER_WORDS
from hanse.ledger import keyring, objects
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry, Head
from hanse.ledger.writing import append, writing
from hanse.policy.asking import require

_PAGES = frozenset({"add", "groups", "invitation", "proposed", "releases", "rules"})
"""Words in addresses of this room's pages, which stand where an authority's id does."""

ADD, MOVE, STAND = "federation.add", "federation.move", "federation.stand"


def invite(actor: Actor) -> bytes:
    """This node's invitation as a file.

    Raises:
        RefusedError: The actor may not see partners.
    """
    require(actor, "federation.view")
    return invitation.write(own_invitation(), keyring.signing(Head.objects.get(pk=1).key))


def propose(data: bytes, address: str, why: str, actor: Actor) -> Any:
    """Propose to become partners with who is in an invitation; the proposal's id.

    Args:
        data: The invitation, a file.
        address: The non-public address of its endpoint, where it has one and is to be reached there; may be empty.
        why: The reason, which the second person reads.
        actor: Who proposes.

    Raises:
        InvitationError: The file is none, is this node's own, or its keys are those of another partner; or its node is
            reached without https, and not on this machine.
        RefusedError: The actor may not.
    """
    require(actor, "federation.partner")
    one = invitation.read(data)
    _check_new(one)
    _check_address(one.endpoint, address)
    subject = msgspec.to_builtins(one) | {
        "address": address,
        "fingerprint": invitation.fingerprint(one, own_invitation()),
        "told": Head.objects.get(pk=1).key,
    }
    return approvals.propose(ADD, subject, why, actor)


def _check_new(one: Invitation) -> None:
    if one.authority == authority():
        raise InvitationError("This is this node's own invitation. Import the other authority's.")
    if one.authority in _PAGES:
        raise InvitationError(
            f"An authority called {one.authority!r} would have no page here: it needs another id."
        )
    standing = Partner.objects.filter(pk=one.authority).first()
    if standing is not None and standing.state != Standing.EXPELLED:
        raise InvitationError(f"{one.authority} is a partner already. Expel it first, if its keys are lost.")


def _check_address(endpoint: str, address: str) -> None:
    """Refuse a non-public address that nobody may approve, and a node without https at any address but this machine's.

    A name under localhost is whatever the machine's own list of hosts says it is: the address has to be written.
    """
    if address:
        AllowedEndpoint.of(endpoint, address)
    if urlsplit(endpoint).scheme != "https" and not invitation.is_loopback(address):
        raise InvitationError(
            f"{endpoint} is reached without https, as only a node on this machine may be. Give the address at which this "
            "machine reaches it, 127.0.0.1 or ::1, as Non-public address; or have the partner serve https."
        )


def own_address(endpoint: str) -> str:
    """The non-public address of an endpoint as this machine sees it now, for people to approve; empty for none."""
    host = urlsplit(endpoint).hostname or ""
    try:
        found = set(system_resolve(host, 0))
    except (OSError, UnicodeError):
        return ""
    private = sorted(
        one
        for one in found
        if why_not_public(ip_address(one)) is not None and can_be_allowed(ip_address(one))
    )
    return private[0] if private and len(private) == len(found) else ""


def _add(pending: Pending, actor: Actor) -> str:
    """Both people agreed: the authority is a partner from now on."""
    told = dict(pending.subject)
    told.pop("fingerprint")
    content = msgspec.convert(told | {"proposal": pending.id.hex}, PartnerAdded)
    _check_new(Invitation(**{name: told[name] for name in Invitation.__struct_fields__}))
    with writing():
        append(
            "federation.partner_added", content, actor=actor, reason=pending.why,
            object_id=objects.named("partner", content.authority),
        )  # fmt: skip
        begin_anew(content.authority)
    return ""


def begin_anew(name: str) -> None:
    """Forget how far an earlier exchange with an authority had come: its ledger may be another one now.

    Numbers of messages stay: none that was heard before is heard again.
    """
    line = Link.objects.filter(pk=name).first()
    if line is not None:
        line.delete()
        Link.objects.create(pk=name, heard=line.heard, said=line.said)
    Witnessed.objects.filter(partner=name).delete()


def suspend(name: str, why: str, actor: Actor) -> None:
    """Exchange nothing with a partner from now on, until two people say otherwise.

    One person is enough: it has to be quick, and loses nothing.

    Raises:
        UnknownPartnerError: There is no such partner.
        UsageError: It is not active, or no reason was given.
        RefusedError: The actor may not.
    """
    require(actor, "federation.partner")
    row = partner_of(name)
    if row.state != Standing.ACTIVE:
        raise UsageError(f"{row.name} is {row.get_state_display()}, so that it cannot be suspended.")
    if not why.strip():
        raise UsageError("Say why: the partner will ask.")
    stands(row, Standing.SUSPENDED, why.strip(), actor)


def stands(row: Partner, state: str, why: str, actor: Actor, proposal: str = "") -> None:
    """Put on record how a partner stands."""
    content = PartnerStands(str(state), proposal)
    append("federation.partner_stands", content, actor=actor, reason=why, object_id=row.object_id)


def propose_standing(name: str, state: str, why: str, actor: Actor) -> Any:
    """Propose to take a partner in again, or to expel it.

    Raises:
        UnknownPartnerError: There is no such partner.
        UsageError: It stands so already, or that is no standing that two people decide on.
        RefusedError: The actor may not.
    """
    require(actor, "federation.partner")
    row = partner_of(name)
    allowed = {Standing.SUSPENDED: {"active", "expelled"}, Standing.ACTIVE: {"expelled"}}
    if state not in allowed.get(Standing(row.state), set()):
        raise UsageError(f"{row.name} is {row.get_state_display()}: it cannot become {state!r}.")
    return approvals.propose(
        STAND, {"authority": name, "state": state, "from": row.state, "at": _last_word(row)}, why, actor
    )


def _last_word(row: Partner) -> int:
    """Sequence of the last entry on whether an authority is a partner and how it stands."""
    said = Entry.objects.filter(
        object_id=row.object_id, kind__in=("federation.partner_added", "federation.partner_stands")
    )
    return said.order_by("-sequence").values_list("sequence", flat=True)[0]


def _stand(pending: Pending, actor: Actor) -> str:
    """Both people agreed."""
    told = pending.subject
    stands(partner_of(told["authority"]), told["state"], pending.why, actor, pending.id.hex)
    return ""


def _standing_over(told: dict[str, Any]) -> str:
    """Whether the partner stands otherwise than they saw it: suspended again, or expelled, since."""
    row = Partner.objects.filter(pk=told["authority"]).first()
    if row is None:
        return "There is no such partner any more."
    if (row.state, _last_word(row)) != (told["from"], told["at"]):
        return f"It was decided anew how {row.name} stands since this was proposed: it is {row.get_state_display()}."
    return ""


def propose_move(name: str, endpoint: str, address: str, why: str, actor: Actor) -> Any:
    """Propose another address for a partner.

    Raises:
        UnknownPartnerError: There is no such partner.
        InvitationError: That is no address of a node, or one without https that is not on this machine.
        RefusedError: The actor may not.
    """
    require(actor, "federation.partner")
    row = partner_of(name)
    invitation.check_endpoint(endpoint)
    _check_address(endpoint, address)
    subject = {
        "authority": name,
        "endpoint": endpoint,
        "address": address,
        "from": row.endpoint,
        "at": _last_word(row),
    }
    return approvals.propose(MOVE, subject, why, actor)


def _move(pending: Pending, actor: Actor) -> str:
    """Both people agreed."""
    told = pending.subject
    content = PartnerMoved(told["endpoint"], told["address"], pending.id.hex)
    row = partner_of(told["authority"])
    append("federation.partner_moved", content, actor=actor, reason=pending.why, object_id=row.object_id)
    return ""


def _move_over(told: dict[str, Any]) -> str:
    """Whether the partner is elsewhere than they saw it: moved, or a partner anew, since."""
    row = Partner.objects.filter(pk=told["authority"]).first()
    if row is None:
        return "There is no such partner any more."
    if (row.endpoint, _last_word(row)) != (told["from"], told["at"]):
        return f"{row.name} was moved, or it was decided anew how it stands, since this was proposed."
    return ""


def _add_words(told: dict[str, Any]) -> str:
    where = f" at the non-public address {told['address']}" if told["address"] else ""
    return (
        f"Become partners with {told['name']} ({told['authority']}, {told['country'] or 'no one country'}, "
        f"{TIER_WORDS[told['tier']]}), reached at {told['endpoint']}{where}. Call a person there whom you know, and "
        f"approve only if their node shows the same fingerprint: {told['fingerprint']}"
    )


def _about(told: dict[str, Any]) -> list[str]:
    return [told["authority"]]


APPROVALS = (
    Approvable(ADD, "federation.partner", _add_words, _add, about=_about),
    Approvable(
        STAND,
        "federation.partner",
        lambda told: f"{told['authority']} is to be {Standing(told['state']).label}.",
        _stand,
        about=_about,
        over=_standing_over,
    ),
    Approvable(
        MOVE,
        "federation.partner",
        lambda told: f"{told['authority']} is reached at {told['endpoint']} {told['address']} from now on.",
        _move,
        about=_about,
        over=_move_over,
    ),
)
