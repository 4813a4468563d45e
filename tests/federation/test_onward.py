"""Passing on another's material: only as its originator lets, whole, and taken back through every hop."""

from dataclasses import replace
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Proposal
from hanse.accounts.rules import RefusedError
from hanse.attacks import shared
from hanse.attacks.models import Attack, PartnerAttack
from hanse.federation import exchange, originals, recalling, releases, sharing
from hanse.federation.contents import (
    Card,
    Carried,
    Forwarded,
    Recall,
    RecallAnswered,
    ReleaseAsked,
    ReleaseDecided,
)
from hanse.federation.handlers import own_id
from hanse.federation.models import Given, Hop, Partner, PassedOn, Received, Release
from hanse.federation.sharing import Audience, Sharing
from hanse.federation.stream import Item
from hanse.kernel import envelope
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.check import check
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import content_of
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.federation.peer import NODE, Peer
from tests.node.made import earliest

pytestmark = pytest.mark.usefixtures("founded")

THING = UUID(int=77)
H2 = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN, handling=frozenset({"H2"}))
GREEN = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN)
AMBER = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.AMBER)


@pytest.fixture
def fi() -> Peer:
    """Who originates."""
    one = Peer("fi-cert", "FI")
    one.joins()
    return one


@pytest.fixture
def lv() -> Peer:
    """Who is to have it as well."""
    one = Peer("lv-cert", "LV")
    one.joins()
    return one


@pytest.fixture
def mari():
    """An officer with a fresh passkey."""
    return replace(acting(newcomer("officer", "analyst", name="Mari")), stepped_up_us=now_us())


@pytest.fixture
def jaan():
    """An approver with a fresh passkey."""
    return replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us())


def _pull(peer: Peer) -> list[str]:
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)  # type: ignore[arg-type]
    return list(
        Received.objects.filter(partner=peer.authority, state="refused").values_list("why", flat=True)
    )


def _attack() -> shared.Shared:
    """What the originator shares."""
    if not Attack.projected.exists():
        record(earliest(12), NODE)
    row = Attack.projected.earliest("start_us")
    return shared.without(shared.find(None, row.pk).content, frozenset(), THING)


def _sends(fi: Peer, marking: Marking, version: int = 1) -> UUID:
    """The originator shares an attack with this node."""
    fi.entry(shared.KIND, _attack(), object_id=THING, marking=marking, version=version)
    assert _pull(fi) == []
    return own_id("fi-cert", THING)


def _to_lv(thing: UUID) -> Sharing:
    return Sharing("partner-attack", thing, Audience(authorities=frozenset({"lv-cert"})))


def _last(recipient: str, kind: str):
    entry = Entry.objects.filter(recipient=recipient, kind=kind).order_by("-sequence")[0]
    return content_of(entry, Body.objects.get(pk=entry.sequence), kind_of(kind))


def _grants(fi: Peer, thing: UUID, mari, **told) -> None:
    """This node asks, and the originator says yes."""
    request = releases.ask(thing, "lv-cert", "They are next.", mari)
    _, head, original = originals.original_of(thing)
    content = ReleaseDecided(
        **{
            "request": request.hex, "object_id": head.object, "to": "lv-cert", "granted": True, "reason": "Yes.",
            "digest": sha256(original.payload).hexdigest(), **told,
        }
    )  # fmt: skip
    fi.entry(releases.DECIDED, content)
    _pull(fi)


def test_what_the_marking_lets_everybody_pass_on_goes_whole(fi, lv, mari):
    """TLP:GREEN without a code goes on as it was signed, under a marking that names both."""
    thing = _sends(fi, GREEN)
    [shown] = sharing.share(_to_lv(thing), mari, "They are next.")
    assert shown.decision
    told = _last("lv-cert", originals.FORWARDED)
    assert told.original.payload == fi.items[-1].payload
    assert (told.originator.authority, told.release) == ("fi-cert", None)
    entry = Entry.objects.filter(kind=originals.FORWARDED).get()
    assert envelope.decode(bytes(entry.payload)).marking["originators"] == ["ee-cert", "fi-cert"]


@pytest.mark.parametrize("marking", [H2, AMBER])
def test_what_it_does_not_waits_for_the_originator(fi, lv, mari, marking):
    """Refused, asked for, granted: then it goes to the one that the release names, and the release with it."""
    thing = _sends(fi, marking)
    [shown] = sharing.share(_to_lv(thing), mari, "They are next.")
    assert not shown.decision
    assert not Given.objects.filter(thing=thing).exists()
    _grants(fi, thing, mari)
    asked = _last("fi-cert", releases.ASKED)
    assert (asked.object_id, asked.to, asked.purpose) == (THING.hex, "lv-cert", "They are next.")
    assert Release.objects.get().state == "granted"
    [shown] = sharing.share(_to_lv(thing), mari, "They are next.")
    assert shown.decision
    assert _last("lv-cert", originals.FORWARDED).release.payload == fi.items[-1].payload
    se = Peer("se-cert", "SE")
    se.joins()
    audience = Audience(authorities=frozenset({"se-cert"}))
    assert not sharing.preview(Sharing("partner-attack", thing, audience), mari)[0].decision
    _sends(fi, marking, version=2)
    assert Given.objects.get(thing=thing).recalled_us is not None, "the release was for the version before"
    rows = list(Release.objects.values())
    rebuild()
    assert list(Release.objects.values()) == rows
    assert list(check()) == []


@pytest.mark.parametrize("told", [{"granted": False}, {"digest": "00" * 32}, {"to": "se-cert"}])
def test_a_refusal_or_another_release_lets_nothing_go(fi, lv, mari, told):
    """No, another version, another authority: it stays."""
    thing = _sends(fi, H2)
    _grants(fi, thing, mari, **told)
    assert not sharing.preview(_to_lv(thing), mari)[0].decision


def test_two_people_here_release_what_is_ours(fi, mari, jaan):
    """A partner that has something asks; one proposes, another approves; the partner gets a release for its version alone."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    sharing.share(
        Sharing("attack", attack.pk, Audience(authorities=frozenset({"fi-cert"}))), mari, "They are next."
    )
    ours = sharing.shared_id(attack.pk)
    asked = ReleaseAsked(
        object_id=ours.hex, version=1, to="lv-cert", to_name="CERT Latvia", to_country="LV", to_tier="member",
        purpose="The same sources.",
    )  # fmt: skip
    fi.entry(releases.ASKED, asked, object_id=UUID(int=5))
    fi.entry(releases.ASKED, replace_(asked, object_id=uuid4().hex))
    assert "does not have" in _pull(fi)[0]
    row = Release.objects.get()
    proposal = releases.propose(row.pk, "They may.", mari)
    with pytest.raises((RefusedError, UsageError)):
        approvals.approve(proposal, mari)
    approvals.approve(proposal, jaan)
    told = _last("fi-cert", releases.DECIDED)
    sent = Entry.objects.get(object_id=ours, recipient="fi-cert")
    assert (told.granted, told.to, told.digest) == (True, "lv-cert", sha256(bytes(sent.payload)).hexdigest())
    assert told.request == UUID(int=5).hex
    with pytest.raises(UsageError, match="granted already"):
        releases.refuse(row.pk, "No.", mari)
    fi.entry(releases.ASKED, replace_(asked, to="se-cert"))
    _pull(fi)
    releases.refuse(Release.objects.get(to="se-cert").pk, "Not them.", mari)
    assert not _last("fi-cert", releases.DECIDED).granted


def replace_(struct, **more):
    """A content with other fields."""
    import msgspec

    return msgspec.structs.replace(struct, **more)


class _Relay:
    """Finland originates, Latvia passes on to this node; what it passes on can be bent."""

    def __init__(self, lv: Peer) -> None:
        self.lv = lv
        self.fi = Peer("fi-cert", "FI")
        self.fi.here = "lv-cert"
        self.ours = Marking(originators=frozenset({"fi-cert", "lv-cert"}), tlp=Tlp.GREEN)

    def original(self, marking: Marking, **head) -> Item:
        """What Finland sent to Latvia."""
        told = {"recipient": "lv-cert", **head}
        return self.fi.made(shared.KIND, _attack(), object_id=THING, marking=marking, **told)

    def release(self, original: Item, **told) -> Item:
        """Finland's release for this node."""
        content = {
            "request": uuid4().hex, "object_id": THING.hex, "to": "ee-cert", "granted": True, "reason": "Yes.",
            "digest": sha256(original.payload).hexdigest(), **told,
        }  # fmt: skip
        return self.fi.made(releases.DECIDED, ReleaseDecided(**content), recipient="lv-cert")

    def sends(self, original: Item, release: Item | None = None, marking: Marking | None = None) -> list[str]:
        """Latvia passes it on; what was refused, in words."""
        card = Card(
            authority="fi-cert", name="CERT Finland", country="FI", tier="member",
            verify=self.fi.signing.public.raw.hex(),
        )  # fmt: skip
        content = Forwarded(
            originator=card, original=_carried(original), release=_carried(release) if release else None
        )
        self.lv.entry(originals.FORWARDED, content, object_id=UUID(int=9), marking=marking or self.ours)
        return _pull(self.lv)


def _carried(item: Item) -> Carried:
    return Carried(item.payload, item.signature, item.salt or b"", item.body or b"")


@pytest.fixture
def relay(lv) -> _Relay:
    """The relay."""
    return _Relay(lv)


@pytest.mark.parametrize(("more", "why"), [
    ({"retention_us": 1_000}, "retention date is past"), ({"pap": Pap.RED}, "PAP:RED keeps it"),
])  # fmt: skip
def test_a_release_opens_who_may_have_it_and_nothing_else(relay, more, why):
    """What may be kept no longer, or leaves no node, is taken of nobody who passes it on, with a release or without."""
    original = relay.original(replace(H2, **more))
    outer = replace(relay.ours, handling=frozenset({"H2"}), **more)
    [told] = relay.sends(original, relay.release(original), outer)
    assert why in told
    assert not PartnerAttack.projected.exists()


def test_a_release_opens_releasability_for_whom_it_names(relay):
    """It was releasable to another alone: the originator's word for this authority stands beside that."""
    original = relay.original(replace(H2, releasable=frozenset({"authority:lv-cert"})))
    both = frozenset({"authority:ee-cert", "authority:lv-cert"})
    outer = replace(relay.ours, handling=frozenset({"H2"}), releasable=both)
    assert relay.sends(original, relay.release(original), outer) == []
    assert PartnerAttack.projected.exists()


def test_what_is_passed_on_is_its_originators(relay):
    """It stands as the originator's, says who passed it on, and is the same thing as what comes directly."""
    assert relay.sends(relay.original(GREEN)) == []
    row = PartnerAttack.projected.get()
    assert (row.pk, row.partner) == (PassedOn.objects.get().inner, "fi-cert")
    assert row.pk != own_id("fi-cert", THING), "who has not proven who it is takes no id of theirs"
    assert (PassedOn.objects.get().via, PassedOn.objects.get().known) == ("lv-cert", False)
    rows = list(PassedOn.objects.values())
    rebuild()
    assert list(PassedOn.objects.values()) == rows
    assert list(check()) == []


def test_h2_with_its_release_is_taken(relay):
    """The originator's signed word for this authority and this version opens it."""
    original = relay.original(H2)
    strict = replace(relay.ours, handling=frozenset({"H2"}))
    assert relay.sends(original, relay.release(original), strict) == []
    assert PartnerAttack.projected.exists()


@pytest.mark.parametrize(
    "bend", ["none", "another", "refused", "version", "forged", "weaker", "body", "for others", "origin"]
)
def test_a_modified_relay_is_refused(relay, bend):
    """H2 without a release, with another's, a refused or a forged one; a marking made weaker; another body; another's envelope."""
    original = relay.original(H2)
    release: Item | None = relay.release(original)
    marking = replace(relay.ours, handling=frozenset({"H2"}))
    if bend == "none":
        release = None
    elif bend == "another":
        release = relay.release(original, to="se-cert")
    elif bend == "refused":
        release = relay.release(original, granted=False)
    elif bend == "version":
        release = relay.release(relay.original(H2))
    elif bend == "forged":
        relay.fi.signing, kept = Peer("xx").signing, relay.fi.signing
        release = relay.release(original)
        relay.fi.signing = kept
    elif bend == "weaker":
        marking = relay.ours
    elif bend == "body":
        original = Item(original.payload, original.signature, original.salt, (original.body or b"") + b" ")
    elif bend == "for others":
        original = relay.original(H2, recipient="se-cert")
    else:
        original = relay.lv.made(shared.KIND, _attack(), object_id=THING, marking=H2)
    [why] = relay.sends(original, release, marking)
    assert why
    assert not PartnerAttack.projected.exists()
    assert not PassedOn.objects.exists()


def test_a_known_originator_is_believed_by_its_own_key_alone(relay, fi):
    """Where the originator is a partner, a relay cannot bring another key for it."""
    [why] = relay.sends(relay.original(GREEN))
    assert "is not signed by 'fi-cert'" in why


def test_who_is_not_known_takes_nobodys_place(relay):
    """A relay that says to bring Finland's thing, of a version far ahead, before Finland is a partner, keeps nothing of Finland's out."""
    assert relay.sends(relay.original(GREEN, version=1_000_000)) == []
    real = Peer("fi-cert", "FI")
    real.joins()
    real.entry(shared.KIND, _attack(), object_id=THING, marking=GREEN)
    assert _pull(real) == []
    assert PartnerAttack.projected.get(pk=own_id("fi-cert", THING)).version == 1


def test_nobody_answers_a_recall_for_others(fi, lv, mari):
    """What a partner says of a recall that it was not told counts for nothing, here and at the originator."""
    thing = _sends(fi, GREEN)
    sharing.share(_to_lv(thing), mari, "They are next.")
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong."))
    _pull(fi)
    onto = _last("lv-cert", recalling.RECALLED)
    se = Peer("se-cert", "SE")
    se.joins()
    se.entry(recalling.ANSWERED, RecallAnswered(onto.object_id, "purged"))
    se.entry(recalling.ANSWERED, RecallAnswered(onto.object_id, "purged", at="lv-cert"))
    _pull(se)
    assert len(_answers("fi-cert")) == 2
    assert not Hop.objects.exists()


def test_a_request_that_was_changed_by_sql_is_not_released(fi, mari, jaan):
    """What two people approved is what is released."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    to = Audience(authorities=frozenset({"fi-cert"}))
    sharing.share(Sharing("attack", attack.pk, to), mari, "They are next.")
    asked = ReleaseAsked(
        object_id=sharing.shared_id(attack.pk).hex, version=1, to="lv-cert", to_name="CERT Latvia", to_country="LV",
        to_tier="member", purpose="The same sources.",
    )  # fmt: skip
    fi.entry(releases.ASKED, asked)
    _pull(fi)
    proposal = releases.propose(Release.objects.get().pk, "They may.", mari)
    Release.objects.update(to="xx-cert")
    with pytest.raises(UsageError, match="not the one that was proposed"):
        approvals.approve(proposal, jaan)


def _asked_for(fi: Peer, mari) -> UUID:
    """An attack of this authority that a partner has, and asks to pass on."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    to = Audience(authorities=frozenset({"fi-cert"}))
    sharing.share(Sharing("attack", attack.pk, to), mari, "They are next.")
    asked = ReleaseAsked(
        object_id=sharing.shared_id(attack.pk).hex, version=1, to="lv-cert", to_name="CERT Latvia", to_country="LV",
        to_tier="member", purpose="The same sources.",
    )  # fmt: skip
    fi.entry(releases.ASKED, asked)
    assert _pull(fi) == []
    return attack.pk


@pytest.mark.parametrize(
    ("to", "called", "says"),
    [
        ("lv-cert", "NATO (nato): for all members", "to lv-cert (LV-CERT)."),
        ("xx", "CERT Latvia (lv-cert): as agreed", "to xx (no partner here; fi-cert calls it “CERT Latvia (lv-cert): as agreed”)."),
        ("lv\u202e-cert", "CERT Latvia", ""), ("xx", "CERT\nLatvia", ""), ("xx", "CERT\u2066 Latvia", ""),
    ],
)  # fmt: skip
def test_whom_a_release_is_for_stands_first_in_what_is_approved(fi, lv, mari, to, called, says):
    """Under the name that it has here, or as no partner: what the asker calls it is said to be the asker's word."""
    assert lv.authority == "lv-cert"
    _asked_for(fi, mari)
    told = {
        "object_id": sharing.shared_id(Attack.projected.earliest("start_us").pk).hex, "version": 1, "to": to,
        "to_name": called, "to_country": "LV", "to_tier": "member", "purpose": "The same sources.",
    }  # fmt: skip
    fi.entry(releases.ASKED, ReleaseAsked(**told), object_id=UUID(int=5))
    refused = _pull(fi)
    if not says:
        assert len(refused) == 1
        return
    releases.propose(own_id("fi-cert", UUID(int=5)), "They may.", mari)
    [row] = Proposal.objects.all()
    assert says in approvals.words_of(row)


def test_a_request_does_not_change_after_it_was_read(fi, mari, jaan):
    """Its asker cannot have it granted for one authority and shown as granted for another."""
    _asked_for(fi, mari)
    row = Release.objects.get()
    approvals.approve(releases.propose(row.pk, "They may.", mari), jaan)
    changed = ReleaseAsked(
        object_id=row.thing.hex,
        version=1,
        to="xx",
        to_name="XX",
        to_country="XX",
        to_tier="member",
        purpose="Other.",
    )
    fi.entry(releases.ASKED, changed, object_id=row.there, version=2)
    assert len(_pull(fi)) == 1
    assert Release.objects.get().to == "lv-cert"


@pytest.mark.parametrize("what", ["newer", "recalled"])
def test_two_people_release_the_version_that_they_saw(fi, mari, jaan, what):
    """What was shared anew, or recalled, since it was proposed is not released; nor is what was recalled proposed."""
    attack = _asked_for(fi, mari)
    request = Release.objects.get().pk
    proposal = releases.propose(request, "They may.", mari)
    if what == "newer":
        again = Sharing("attack", attack, Audience(authorities=frozenset({"fi-cert"})), frozenset({"victim"}))
        sharing.share(again, mari, "Without the victim.")
    else:
        recalling.recall(attack, mari, "It is wrong.")
    with pytest.raises(UsageError, match="since this was proposed" if what == "newer" else "refused already"):
        approvals.approve(proposal, jaan)
    approvals.reject(proposal, "It is another version now.", jaan)
    if what == "newer":
        assert not Entry.objects.filter(kind=releases.DECIDED).exists()
        approvals.approve(releases.propose(request, "They may.", mari), jaan)
        assert _last("fi-cert", releases.DECIDED).granted
    else:
        with pytest.raises(UsageError, match=r"refused already\. It was recalled, .* It is wrong\."):
            releases.propose(request, "They may.", mari)
        assert not _last("fi-cert", releases.DECIDED).granted


def test_a_release_whose_text_is_gone_releases_nothing(fi, lv, mari):
    """Who asked waits as before, also after a rebuild; no page falls over it."""
    thing = _sends(fi, H2)
    _grants(fi, thing, mari)
    assert sharing.preview(_to_lv(thing), mari)[0].decision
    decision = own_id("fi-cert", UUID(envelope.decode(fi.items[-1].payload).object))
    purge([decision], mari, "By mistake.")
    before = list(Release.objects.values())
    assert [(one["state"], one["digest"]) for one in before] == [("open", "")]
    [shown] = sharing.share(_to_lv(thing), mari, "They are next.")
    assert not shown.decision
    rebuild()
    assert list(Release.objects.values()) == before


def test_a_recall_goes_through_every_hop_and_the_answers_come_back(fi, lv, mari):
    """Passed on, recalled by the originator: the next one is told, and the originator learns of each answer."""
    thing = _sends(fi, GREEN)
    sharing.share(_to_lv(thing), mari, "They are next.")
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong."))
    _pull(fi)
    onto = _last("lv-cert", recalling.RECALLED)
    answers = _answers("fi-cert")
    assert answers == [RecallAnswered(THING.hex, "purged"), RecallAnswered(THING.hex, "asked", at="lv-cert")]
    lv.entry(recalling.ANSWERED, RecallAnswered(onto.object_id, "purged"))
    _pull(lv)
    assert _answers("fi-cert")[2:] == [RecallAnswered(THING.hex, "purged", at="lv-cert")]
    assert not PartnerAttack.projected.filter(pk=thing).exists()


def test_a_long_reason_of_a_recall_is_not_told_whole_to_everybody(fi, lv, mari):
    """Megabytes would be kept and sent once for each who has it from here; what is said begins with who said it."""
    thing = _sends(fi, GREEN)
    sharing.share(_to_lv(thing), mari, "They are next.")
    fi.entry(recalling.RECALLED, Recall(THING.hex, "It was wrong. " * 100_000))
    _pull(fi)
    told = _last("lv-cert", recalling.RECALLED).reason
    assert told.startswith("FI-CERT (fi-cert) recalled it: It was wrong. It was wrong.")
    assert len(told) == 4_000
    assert not PartnerAttack.projected.filter(pk=thing).exists()


def _answers(recipient: str):
    rows = Entry.objects.filter(recipient=recipient, kind=recalling.ANSWERED).order_by("sequence")
    return [content_of(one, Body.objects.get(pk=one.sequence), kind_of(one.kind)) for one in rows]


def test_the_originator_sees_each_hop(fi, mari):
    """What a partner says of those to whom it passed something on is kept beside its own answer."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    sharing.share(
        Sharing("attack", attack.pk, Audience(authorities=frozenset({"fi-cert"}))), mari, "They are next."
    )
    recalling.recall(attack.pk, mari, "It was wrong.")
    ours = sharing.shared_id(attack.pk).hex
    fi.entry(recalling.ANSWERED, RecallAnswered(ours, "purged"))
    fi.entry(recalling.ANSWERED, RecallAnswered(ours, "asked", at="lv-cert"))
    _pull(fi)
    assert (Hop.objects.get().at, Hop.objects.get().answer) == ("lv-cert", "asked")
    fi.entry(recalling.ANSWERED, RecallAnswered(ours, "purged", at="lv-cert"))
    _pull(fi)
    assert Hop.objects.get().answer == "purged"
