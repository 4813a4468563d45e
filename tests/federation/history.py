"""Partners in every state, with what they sent: for the node that has lived through everything."""

from dataclasses import replace
from uuid import UUID

import msgspec

from hanse.accounts import approvals
from hanse.attacks import shared
from hanse.attacks.models import Attack as AttackRow
from hanse.campaigns.following import Follower
from hanse.campaigns.models import CrossLink
from hanse.cases import joint
from hanse.cases.joint_entries import SAID, JointSaid
from hanse.federation import (
    acting,
    exchange,
    groups,
    invitation,
    opening,
    originals,
    partnering,
    recalling,
    refusing,
    releases,
    ruling,
    sending,
    sharing,
    stream,
    witnesses,
)
from hanse.federation.contents import (
    Acted,
    Card,
    Carried,
    Forwarded,
    Opened,
    Recall,
    RecallAnswered,
    Refusal,
    Refusals,
    ReleaseAsked,
    ReleaseDecided,
    WitnessAnswered,
    WitnessAsked,
)
from hanse.federation.handlers import own_id
from hanse.federation.invitation import Invitation
from hanse.federation.models import Given, Partner, Recalling, Release, Standing
from hanse.federation.sharing import Audience, Sharing
from hanse.intel import grades
from hanse.intel.as_shared import Shared
from hanse.intel.models import Item
from hanse.intel.shared import KIND as KNOWN
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import tree, witnessed
from tests.federation.peer import Made, Peer


def partners(mari: Actor, other: Actor) -> None:
    """One partner made by two people, which sends entries, one of them refused, and contradicts itself; one expelled."""
    fi = _joined("fi-cert", "FI", mari, other)
    fi.entry("from.tomorrow")
    fi.rotates()
    fi.entry(content=Made("signed by nobody"), key=Peer().signing)
    fi.checkpoint()
    _pulled(fi)
    lv = _joined("lv-cert", "LV", mari, other)
    _shared(fi, mari, other)
    _known(fi, mari, other)
    _witnessed(fi, mari)
    sending.tell_revoked("an earlier one", 1)
    fi.entry(stream.KEY_REVOKED, stream.KeyRevoked("an earlier one of theirs", 1))
    _passed_on(fi, mari)
    _joint(fi, mari)
    fi.tree[0] = bytes(32)
    fi.tree += [bytes(32)] * 4
    fi.sign()
    _pulled(fi)
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
    group = groups.make("Baltic", [peer.authority, "lv-cert"], "The three of us.", mari)
    groups.change(group, [peer.authority], "They have no part in it.", mari)
    into = groups.change(group, [peer.authority, "lv-cert"], "They have after all.", mari)
    assert into is not None
    approvals.approve(into, other)
    approvals.approve(ruling.propose("attack", to, frozenset({"sources"}), "As agreed.", mari), other)
    ruling.follow()
    content = shared.without(shared.find(None, one.pk).content, frozenset(), UUID(int=5))
    for at in (5, 6):
        peer.entry(shared.KIND, content, object_id=UUID(int=at))
    stands = _alone_in_its_hour()
    theirs = shared.find(None, stands.pk).content
    moment = msgspec.structs.replace(
        theirs, country="FI", victim_mark="a mark",
        attack=replace(theirs.attack, victim="", start_us=stands.start_us + 1_000_000),
    )  # fmt: skip
    for at in (7, 8):  # one that starts with ours and looks alike, and one that is recalled with its link
        peer.entry(shared.KIND, moment, object_id=UUID(int=at))
    peer.entry("federation.recalled", Recall(UUID(int=6).hex, "It was wrong."))
    peer.entry("federation.recall_answered", RecallAnswered(sharing.shared_id(two.pk).hex, "purged"))
    _pulled(peer)
    assert Follower().settle()
    peer.entry("federation.recalled", Recall(UUID(int=8).hex, "It was wrong as well."))
    _pulled(peer)
    assert CrossLink.projected.exists()


def _known(peer: Peer, mari: Actor, other: Actor) -> None:
    """A report shared, by a rule as well, and recalled; indicators of theirs, one newer, one graded here, one recalled."""
    to = Audience(authorities=frozenset({peer.authority}))
    row = Item.projected.filter(format="own", type="report").earliest("number")
    sharing.share(Sharing("report", row.pk, to, frozenset({"text"})), mari, "They are next.")
    rule = ruling.propose("indicator", to, frozenset({"author"}), "As agreed.", mari, Tlp.AMBER)
    approvals.approve(rule, other)
    recalling.recall(row.pk, mari, "It was wrong.")
    for at in (20, 21, 22):
        raw = {"type": "indicator", "id": f"indicator--{at}", "pattern": f"[ipv4-addr:value = '8.8.8.{at}']"}
        content = Shared(object=raw, grade="admiralty B2", confidence=at)
        peer.entry(KNOWN, content, object_id=UUID(int=at))
        if at == 21:
            peer.entry(KNOWN, content, object_id=UUID(int=at), version=2)
    peer.entry("federation.recalled", Recall(UUID(int=22).hex, "It was wrong."))
    _pulled(peer)
    grades.grade(own_id(peer.authority, UUID(int=20)), "admiralty A1", 90, "We saw it ourselves.", mari)


def _joint(peer: Peer, mari: Actor) -> None:
    """A joint case of this authority, in which a partner says something."""
    opening = joint.Opening(
        title="Operation Amber", purpose="Find who rents the machines.", legal_basis="KrMS, section 470",
        members=frozenset({peer.authority, "lv-cert"}), retention_us=4_102_444_800_000_000,
    )  # fmt: skip
    made = joint.open_joint(opening, "We see the same machines.", mari)
    for sort, text in (("joined", ""), ("note", "We saw them too.")):
        content = JointSaid(founder="ee-cert", joint=made.hex, sort=sort, text=text)
        members = frozenset(f"authority:{one}" for one in ("ee-cert", peer.authority, "lv-cert"))
        marking = Marking(originators=frozenset({peer.authority}), tlp=Tlp.GREEN, releasable=members)
        peer.entry(SAID, content, marking=marking)
    _pulled(peer)
    task = joint.Told(sort="task", text="Ask the hoster.", to=peer.authority, due_us=4_102_444_800_000_000)
    about = joint.say(made, task, mari)
    joint.say(made, joint.Told(sort="done", about=about), mari)


def _witnessed(peer: Peer, mari: Actor) -> None:
    """Each witnesses the other's ledger."""
    witnesses.name(peer.authority, mari)
    peer.entry(witnesses.ANSWERED, WitnessAnswered(consents=True))
    peer.entry(witnesses.ASKED, WitnessAsked(asked=True, fellows=("ee-cert",)))
    _pulled(peer)
    witnesses.answer(peer.authority, mari, consents=True)
    tree.integrate()
    exchange.offer(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    assert witnessed.standing(tree.latest()).witnessed


def _passed_on(peer: Peer, mari: Actor) -> None:
    """Asked for both ways, decided, opened, passed on and recalled with a further hop."""
    thing = own_id(peer.authority, UUID(int=5))
    request = releases.ask(thing, "lv-cert", "They are next.", mari)
    decided = ReleaseDecided(
        request=request.hex, object_id=UUID(int=5).hex, digest="", to="lv-cert", granted=False, reason="No."
    )
    peer.entry(releases.DECIDED, decided)
    opening.opened(thing)
    acting.acted(thing, "warned", "The operator.", mari)
    to = Audience(authorities=frozenset({"lv-cert"}))
    assert sharing.share(Sharing("partner-attack", thing, to), mari, "They are next.")[0].decision
    given = Given.objects.filter(recipient=peer.authority, recalled_us=None).first()
    assert given is not None
    asked = ReleaseAsked(
        object_id=given.shared.hex, version=1, to="lv-cert", to_name="LV", to_country="LV", to_tier="member",
        purpose="They are next.",
    )  # fmt: skip
    peer.entry(releases.ASKED, asked, object_id=UUID(int=50))
    peer.entry(opening.OPENED, Opened(given.shared.hex))
    peer.entry(acting.ACTED, Acted(given.shared.hex, "blocked", "At the border."))
    peer.entry(
        refusing.REFUSED, Refusals((Refusal(given.shared.hex, shared.KIND, 4 * 10**15, "Too strict."),))
    )
    told = Recalling.objects.filter(recipient=peer.authority).earliest("sequence")
    peer.entry("federation.recall_answered", RecallAnswered(told.shared.hex, "asked", at="lv-cert"))
    original = Peer("se-cert", "SE", here=peer.authority)
    sent = original.made(
        shared.KIND, shared.without(shared.find(None, given.thing).content, frozenset(), UUID(int=60)),
        object_id=UUID(int=60), marking=Marking(originators=frozenset({"se-cert"}), tlp=Tlp.GREEN),
    )  # fmt: skip
    card = Card(
        authority="se-cert", name="SE", country="SE", tier="member", verify=original.signing.public.raw.hex()
    )
    content = Forwarded(
        originator=card, original=Carried(sent.payload, sent.signature, sent.salt or b"", sent.body or b"")
    )
    both = Marking(originators=frozenset({"se-cert", peer.authority}), tlp=Tlp.GREEN)
    peer.entry(originals.FORWARDED, content, object_id=UUID(int=61), marking=both)
    _pulled(peer)
    releases.refuse(Release.objects.get(incoming=True).pk, "Not them.", mari)


def _alone_in_its_hour() -> AttackRow:
    """An ICMP flood with no attack of another look around it: one that starts with it and looks so is linked to it."""
    others = AttackRow.projected.exclude(vector="icmp_flood").values_list("start_us", flat=True)
    floods = AttackRow.projected.filter(state="over", vector="icmp_flood").order_by("start_us")
    return next(row for row in floods if all(abs(row.start_us - one) > 3_600_000_000 for one in others))


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
