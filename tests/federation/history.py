"""Partners in every state, with what they sent: for the node that has lived through everything."""

from hanse.accounts import approvals
from hanse.federation import exchange, invitation, partnering, stream
from hanse.federation.invitation import Invitation
from hanse.federation.models import Partner, Standing
from hanse.kernel.actors import Actor
from tests.federation.peer import Made, Peer


def partners(mari: Actor, other: Actor) -> None:
    """One partner made by two people, which sends entries, one of them refused, and contradicts itself; one expelled."""
    fi = _joined("fi-cert", "FI", mari, other)
    fi.entry("from.tomorrow")
    fi.rotates()
    fi.entry(content=Made("signed by nobody"), key=Peer().signing)
    fi.checkpoint()
    _pulled(fi)
    fi.tree[0] = bytes(32)
    fi.tree += [bytes(32)] * 4
    fi.sign()
    _pulled(fi)
    lv = _joined("lv-cert", "LV", mari, other)
    move = partnering.propose_move(
        lv.authority, "https://new.lv-cert.example/league/", "", "They moved.", mari
    )
    approvals.approve(move, other)
    partnering.suspend(lv.authority, "Their key is said to be lost.", mari)
    gone = partnering.propose_standing(lv.authority, Standing.EXPELLED, "It was lost.", mari)
    approvals.approve(gone, other)


def invites(peer: Peer) -> bytes:
    """The invitation of a peer, as a file."""
    one = Invitation(
        authority=peer.authority, country=peer.country, endpoint=f"https://{peer.authority}.example/league/",
        name=peer.authority.upper(), seal=peer.openings[peer.seal].public.raw.hex(), tier=peer.tier,
        verify=peer.signing.public.raw.hex(),
    )  # fmt: skip
    return invitation.write(one, peer.signing)


def _joined(name: str, country: str, mari: Actor, other: Actor) -> Peer:
    peer = Peer(authority=name, country=country)
    proposal = partnering.propose(invites(peer), "", "They ask for it.", mari)
    approvals.approve(proposal, other)
    return peer


def _pulled(peer: Peer) -> None:
    try:
        exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    except stream.ConflictError:
        return
