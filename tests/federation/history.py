"""Partners in every state, with what they sent: for the node that has lived through everything."""

from uuid import UUID

from hanse.accounts import approvals
from hanse.attacks import shared
from hanse.attacks.models import Attack as AttackRow
from hanse.federation import exchange, invitation, partnering, recalling, ruling, sharing, stream
from hanse.federation.contents import Recall, RecallAnswered
from hanse.federation.invitation import Invitation
from hanse.federation.models import Partner, Standing
from hanse.federation.sharing import Audience, Sharing
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
    _shared(fi, mari, other)
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


def _shared(peer: Peer, mari: Actor, other: Actor) -> None:
    """Two attacks shared, one recalled; a rule; an attack of theirs, and one that they recalled."""
    to = Audience(authorities=frozenset({peer.authority}))
    one, two = AttackRow.projected.order_by("start_us")[:2]
    for row in (one, two):
        sharing.share(Sharing("attack", row.pk, to, frozenset({"victim"})), mari, "They are next.")
    recalling.recall(two.pk, mari, "It was wrong.")
    approvals.approve(ruling.propose("attack", to, frozenset({"sources"}), "As agreed.", mari), other)
    ruling.follow()
    content = shared.without(shared.find(None, one.pk).content, frozenset(), UUID(int=5))
    for at in (5, 6):
        peer.entry(shared.KIND, content, object_id=UUID(int=at))
    peer.entry("federation.recalled", Recall(UUID(int=6).hex, "It was wrong."))
    peer.entry("federation.recall_answered", RecallAnswered(sharing.shared_id(two.pk).hex, "purged"))
    _pulled(peer)


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
