"""Sharing attacks: what each partner gets, what is withheld, what its marking forbids, and taking it back."""

import json
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest
from django.db import connections

from hanse.accounts import approvals
from hanse.attacks import shared
from hanse.attacks.models import Attack, PartnerAttack
from hanse.federation import exchange, keeping, recalling, ruling, sharing, stream
from hanse.federation.contents import Recall, RecallAnswered
from hanse.federation.models import Given, Partner, Recalling, Received, Rule
from hanse.federation.sharing import Audience, Sharing
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.check import check
from hanse.ledger.models import Body, Entry
from hanse.ledger.reading import written
from hanse.ledger.replay import rebuild
from hanse.ledger.routing import database
from hanse.ledger.service import purge
from hanse.ledger.writing import append
from hanse.policy import service as policy
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.federation.peer import NODE, Peer
from tests.federation.test_serving import Reader
from tests.node.made import earliest

pytestmark = pytest.mark.usefixtures("founded")


@pytest.fixture
def attack() -> Attack:
    """An attack of the Estonia exercise on record."""
    record(earliest(12), NODE)
    return Attack.projected.earliest("start_us")


@pytest.fixture
def mari():
    """An officer with a fresh passkey."""
    return replace(
        acting(newcomer("officer", "analyst", name="Mari")),
        stepped_up_us=now_us(),
        roles=frozenset({"officer", "analyst"}),
    )


def _give(attack: Attack, mari, *, withheld: frozenset[str] = frozenset(), marking: Marking | None = None):
    wanted = Sharing("attack", attack.pk, Audience(tiers=frozenset({"member"})), withheld, marking)
    return sharing.share(wanted, mari, "They are next.")


def _got(peer: Peer) -> list[shared.Shared]:
    """The attacks that a partner reads."""
    found = Reader(peer).pull(names=False)
    mine = [one for one in found.arrivals if one.head.kind == shared.KIND and one.written]
    return [msgspec.json.decode(one.written.content, type=shared.Shared) for one in mine]


def test_a_dry_run_shows_exactly_what_a_partner_then_gets(attack, peer, mari):
    """The preview is the content, byte for byte, and nothing has left before."""
    wanted = Sharing("attack", attack.pk, Audience(authorities=frozenset({peer.authority})))
    told = sharing.preview(wanted, mari)
    assert _got(peer) == []
    sharing.share(wanted, mari, "They are next.")
    assert _got(peer) == [told[0].content]
    assert [(one.recipient, one.thing) for one in Given.objects.all()] == [(peer.authority, attack.pk)]


def test_what_is_withheld_is_nowhere_in_what_a_partner_gets(attack, peer, mari):
    """Neither victim nor sources nor the name that follows from them, nor under the id, nor who here shared it."""
    _give(attack, mari, withheld=frozenset({"victim", "sources"}))
    page = Reader(peer).raw()
    text = b"".join(one.payload + one.body for one in page.items).decode()
    detail = json.loads(json.dumps(attack.detail))
    for hidden in (
        attack.victim,
        attack.name,
        attack.organisation,
        attack.pk.hex,
        "Mari",
        detail["source_sketch"],
    ):
        assert not hidden or hidden not in text, hidden
    for network, _ in detail["top_networks"]:
        assert network not in text
    assert _got(peer)[0].victim_mark


@pytest.mark.parametrize(
    ("marking", "rule"),
    [
        (Marking(originators=frozenset({"ee-cert"}), pap=Pap.RED), "pap.red"),
        (Marking(originators=frozenset({"ee-cert"}), releasable=frozenset({"state:LV"})), "releasable"),
        (Marking(originators=frozenset({"ee-cert", "se-cert"})), "tlp.amber"),
        (
            Marking(originators=frozenset({"se-cert"}), tlp=Tlp.GREEN, handling=frozenset({"H2"})),
            "handling.h2",
        ),
    ],
)
def test_what_a_marking_forbids_is_not_given(attack, peer, mari, marking, rule):
    """The dry run says why; sharing gives nothing."""
    policy.mark(attack.pk, marking, "", mari, "for a test")
    wanted = Sharing("attack", attack.pk, Audience(tiers=frozenset({"member"})))
    assert rule in sharing.preview(wanted, mari)[0].decision.rules
    sharing.share(wanted, mari, "They are next.")
    assert _got(peer) == []
    assert not Given.objects.exists()


def test_a_thing_that_is_narrowed_is_recalled_or_given_with_its_new_marking(attack, peer, mari):
    """Marked for fewer, it is taken back from who is not among them; the others get the new marking."""
    other = Peer(authority="lv-cert", country="LV")
    other.joins()
    _give(attack, mari)
    own = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.AMBER, releasable=frozenset({"state:LV"}))
    policy.mark(attack.pk, own, "", mari, "Not for Finland.")
    assert Recalling.objects.get().recipient == peer.authority
    last = Reader(other).raw().items[-1]
    assert json.loads(last.payload)["marking"]["releasable"] == ["state:LV"]
    assert Given.objects.get(recipient="lv-cert").recalled_us is None


@pytest.mark.parametrize(
    ("sign", "state"),
    [("\u2009", "applied"), ("\u00a0", "applied"), ("\x1b", "refused"), ("\u202e", "refused")],
)
def test_large_numbers_in_an_attacks_reasons_are_no_cause_to_refuse_it(attack, peer, mari, sign, state):
    """Counts are written with thin spaces between thousands; what a terminal or a reader could be misled by is refused."""
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    told = replace(content.attack, reasons=(f"12{sign}733 apparent sources in 12{sign}731 networks.",))
    peer.entry(shared.KIND, msgspec.structs.replace(content, attack=told), object_id=UUID(int=5))
    exchange.pull_all(Partner.objects.get(), peer)
    assert Received.objects.get().state == state
    assert PartnerAttack.projected.count() == (state == "applied")


def test_a_recall_reaches_who_has_it_and_their_answer_comes_back(attack, peer, mari):
    """The partner is told once, and what it answers is shown."""
    _give(attack, mari)
    assert recalling.recall(attack.pk, mari, "It was wrong.") == 1
    entry = Reader(peer).raw().items[-1]
    said = json.loads(entry.body)["content"]
    assert UUID(said["object_id"]) == sharing.shared_id(attack.pk)
    assert recalling.take_back(sharing.held_by(attack.pk), "again") == 0
    peer.entry("federation.recall_answered", RecallAnswered(said["object_id"], "purged"))
    exchange.pull_all(Partner.objects.get(), peer)
    assert Recalling.objects.get().answer == "purged"


def test_a_purge_here_is_a_purge_there(attack, peer, mari):
    """Who has it is told, and the copies that this ledger keeps of what it sent go with the thing; a rebuild agrees."""
    _give(attack, mari)
    purge([attack.pk], mari, "An erasure.")
    page = Reader(peer).raw()
    assert [one.body is None for one in page.items] == [True, False]
    assert Recalling.objects.get().recipient == peer.authority
    rebuild()
    assert Recalling.objects.get().recipient == peer.authority
    assert not Given.objects.exists()
    assert [str(one) for one in check()] == []


def test_why_a_thing_is_purged_or_marked_here_goes_to_no_partner(attack, peer, mari):
    """Only who recalls writes for partners: the reasons of a marking and of a purge are this authority's own."""
    secret = "An informant at the partner's named it."
    _give(attack, mari)
    policy.mark(attack.pk, Marking(originators=frozenset({"ee-cert"}), pap=Pap.RED), "", mari, secret)
    other = Attack.projected.latest("start_us")
    _give(other, mari)
    purge([other.pk], mari, secret)
    told = list(Recalling.objects.order_by("sequence").values_list("reason", flat=True))
    assert told == [recalling.STRICTER, recalling.PURGED]
    assert all(secret.encode() not in one.body for one in Reader(peer).raw().items if one.body)


def test_a_partners_recall_purges_what_it_sent_and_nothing_else(attack, peer, mari):
    """Its own object goes, with all that follows from it, and it is told; another partner's of the same id stays."""
    other = Peer(authority="lv-cert", country="LV")
    other.joins()
    content = shared.without(shared.find(None, attack.pk).content, frozenset({"victim"}), UUID(int=5))
    for one in (peer, other):
        one.entry(shared.KIND, content, object_id=UUID(int=5))
        exchange.pull_all(Partner.objects.get(pk=one.authority), one)
    assert PartnerAttack.projected.count() == 2
    peer.entry("federation.recalled", Recall(UUID(int=5).hex, "It was wrong."))
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)
    assert PartnerAttack.projected.get().partner == other.authority
    answers = Entry.objects.filter(kind="federation.recall_answered", recipient=peer.authority)
    assert answers.count() == 1
    purged = Entry.objects.get(kind="ledger.purged")
    assert (
        written(purged, Body.objects.get(pk=purged.pk)).reason
        == "FI-CERT (fi-cert) recalled it: It was wrong."
    )
    rebuild()
    assert PartnerAttack.projected.get().partner == other.authority
    assert [str(one) for one in check()] == []


def test_what_is_shared_anew_after_a_recall_stays(attack, peer):
    """Shared, recalled and shared anew, all in one page: the recall takes what came before it, and nothing after it."""
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    peer.entry(shared.KIND, content, object_id=UUID(int=5))
    peer.entry("federation.recalled", Recall(UUID(int=5).hex, "It was wrong."))
    peer.entry(shared.KIND, content, object_id=UUID(int=5), version=2)
    assert exchange.pull_all(Partner.objects.get(), peer) == 3
    assert PartnerAttack.projected.get().version == 2
    assert Entry.objects.filter(kind="federation.recall_answered", recipient=peer.authority).count() == 1
    rebuild()
    assert PartnerAttack.projected.get().version == 2
    assert [str(one) for one in check()] == []


def test_what_came_with_many_recalls_is_given_back_whole(attack, peer, monkeypatch):
    """A partner that lost its database gets all it sent, however much was answered while it was taken."""
    for module in (keeping, stream):
        monkeypatch.setattr(module, "MOST", 3)  # entries of a page
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    peer.entry(shared.KIND, content, object_id=UUID(int=5))
    for number in (6, 7):
        peer.entry("federation.recalled", Recall(UUID(int=number).hex, "It was wrong."))
    exchange.pull_all(Partner.objects.get(), peer)
    told = keeping.given_back(Partner.objects.get(), keeping.GiveBack(0))
    assert [bool(one.payload) for one in told.entries] == [True] * 3


def test_a_recall_of_what_never_came_is_answered(peer):
    """It is said that nothing is known of it."""
    peer.entry("federation.recalled", Recall(UUID(int=9).hex, "It was wrong."))
    exchange.pull_all(Partner.objects.get(), peer)
    body = json.loads(Reader(peer).raw().items[-1].body)
    assert body["content"] == {"at": "", "done": "unknown", "object_id": UUID(int=9).hex}


@pytest.mark.parametrize("change", [
    {"vector": "a kiss"}, {"start_us": 10, "end_us": 5}, {"peak_bps": float("1e300")}, {"packets": -1},
    {"victim": ""}, {"reasons": ("x" * 400,)}, {"end_us": 2**62},
])  # fmt: skip
def test_an_attack_that_cannot_be_meant_is_refused(attack, peer, change):
    """A partner's attack has the meaning of an attack, or is quarantined."""
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    wrong = msgspec.structs.replace(content, attack=replace(content.attack, **change))
    peer.entry(shared.KIND, wrong)
    peer.entry(shared.KIND, content)
    exchange.pull_all(Partner.objects.get(), peer)
    assert PartnerAttack.projected.count() == 1, list(Received.objects.values_list("why", flat=True))


def test_an_older_version_that_comes_later_changes_nothing(attack, peer):
    """The newest version of a thing counts, whatever the order."""
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    peer.entry(shared.KIND, content, object_id=UUID(int=5), version=2)
    peer.entry(
        shared.KIND, msgspec.structs.replace(content, state="running"), object_id=UUID(int=5), version=1
    )
    exchange.pull_all(Partner.objects.get(), peer)
    assert PartnerAttack.projected.get().state == "over"


def _found_anew(attack: Attack) -> None:
    """Something new of an attack is on record."""
    from hanse.attacks.service import Found

    found = msgspec.convert(attack.detail, shared.Attack)
    append("attacks.found", Found(replace(found, packets=found.packets + 1)), actor=NODE, object_id=attack.pk)


def test_a_rule_of_two_people_shares_what_is_found_from_then_on(attack, peer, mari):
    """What was on record before stays; what is found later goes by itself, without what the rule withholds."""
    other = replace(
        acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us(), roles=frozenset({"approver"})
    )
    proposal = ruling.propose(
        "attack", Audience(tiers=frozenset({"member"})), frozenset({"victim"}), "A year of agreement.", mari
    )
    approvals.approve(proposal, other)
    assert ruling.follow() == 0
    _found_anew(attack)
    assert (ruling.follow(), ruling.follow()) == (1, 0)
    assert [one.attack.victim for one in _got(peer)] == [""]


def test_a_rule_is_judged_where_it_gives(attack, peer, mari, monkeypatch):
    """The thing is read under the lock of the ledger, so that no marking comes between; an ended rule gives no more."""
    other = replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us())
    everybody = Audience(tiers=frozenset({"member"}))
    for why in ("A year of agreement.", "Another one."):
        approvals.approve(ruling.propose("attack", everybody, frozenset(), why, mari, tlp="RED"), other)
    _found_anew(attack)
    sort, locked = sharing.shareable("attack"), []

    def find(actor, thing):
        locked.append(connections[database()].in_atomic_block)
        return sort.find(actor, thing)

    def changed(after):
        found = sort.changed(after)
        ruling.end(Rule.objects.latest("since").pk, "Stop.", mari)
        return found

    monkeypatch.setitem(sharing._shareables, "attack", replace(sort, find=find))
    first, second = Rule.objects.order_by("since")
    assert ruling._follow(first) == 1
    assert locked
    assert all(locked)
    monkeypatch.setitem(sharing._shareables, "attack", replace(sort, changed=changed))
    assert ruling._follow(second) == 0
    assert Entry.objects.filter(kind=sharing.SHARED).count() == 1


@pytest.mark.parametrize(
    "audience", [Audience(tiers=frozenset({"everybody"})), Audience(states=frozenset({""}))]
)
def test_a_tier_or_a_state_that_is_none_means_nobody(attack, peer, mari, audience):
    """An empty state would mean every organisation, which has none; nothing is shared by mistake."""
    with pytest.raises(UsageError, match="is no"):
        sharing.share(Sharing("attack", attack.pk, audience), mari, "They are next.")
