"""Sharing reports, indicators and other STIX with partners: what they get, what comes of theirs, and taking it back."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from hanse.accounts import approvals
from hanse.accounts.models import Team
from hanse.attacks import stix
from hanse.attacks.models import Attack
from hanse.console import marking as marks
from hanse.console.marking import Wish
from hanse.federation import exchange, originals, ruling, sharing
from hanse.federation.contents import Card, Carried, Forwarded, Recall
from hanse.federation.handlers import own_id
from hanse.federation.models import Partner, Received
from hanse.federation.sharing import Audience, Sharing
from hanse.intel import authoring, correlating, finding, models, service, shared, twins
from hanse.intel.as_shared import Shared
from hanse.intel.authoring import Piece
from hanse.intel.models import Item, Posting, Value
from hanse.intel.own import Written
from hanse.intel.stix_extension import identity_id, said
from hanse.intel.values import Value as Named
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger import retention
from hanse.ledger.check import check
from hanse.ledger.models import Entry
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.policy import embargo, guarded
from hanse.policy import service as policy
from hanse.recording import record
from tests.accounts.people import acting, newcomer
from tests.federation.peer import NODE, Peer
from tests.federation.test_serving import Reader
from tests.intel.stix_corpus import bundle
from tests.node.made import earliest

pytestmark = pytest.mark.usefixtures("founded")

MEMBERS = Audience(tiers=frozenset({"member"}))
ADDRESS = "185.199.108.77"
THEIRS = "indicator--11111111-1111-4111-8111-111111111111"
AT = UUID(int=5)
GREEN = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def mari():
    """An officer and analyst with a fresh passkey."""
    return replace(acting(newcomer("officer", "analyst", name="Mari")), stepped_up_us=now_us())


def _report(mari, **more) -> Item:
    told = {"type": "report", "title": "Booters of spring", "text": "Rented at night.", **more}
    return Item.projected.get(pk=authoring.write(Piece(written=Written(**told)), mari))


def _got(peer: Peer) -> list[Shared]:
    """What a partner reads of intelligence."""
    found = Reader(peer).pull(names=False)
    mine = [one for one in found.arrivals if one.head.kind == shared.KIND and one.written]
    return [msgspec.json.decode(one.written.content, type=Shared) for one in mine]


def _indicator(address: str = ADDRESS, **more) -> Shared:
    raw = {
        "type": "indicator", "spec_version": "2.1", "id": THEIRS, "created": "2026-01-01T00:00:00.000Z",
        "modified": "2026-01-01T00:00:00.000Z", "name": f"Booter at {address}", "description": "Sells floods.",
        "created_by_ref": identity_id("fi-cert"), "pattern": f"[ipv4-addr:value = '{address}']", "pattern_type": "stix",
        "valid_from": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return Shared(object={**raw, **more})


def _pull(peer: Peer) -> list[str]:
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)
    refused = Received.objects.filter(partner=peer.authority, state="refused")
    return list(refused.values_list("why", flat=True))


def test_a_dry_run_shows_exactly_what_a_partner_then_gets(peer, mari):
    """The preview is the content, and nothing has left before; whole, it says all that was written."""
    row = _report(mari, values=(Named("iban", "EE382200221020145685"),), confidence=70)
    wanted = Sharing("report", row.pk, MEMBERS)
    told = sharing.preview(wanted, mari)
    assert _got(peer) == []
    sharing.share(wanted, mari, "They are next.")
    assert _got(peer) == [told[0].content]
    assert told[0].content.object == service.item_of(row).raw
    assert told[0].content.confidence == 70
    assert row.pk.hex not in Reader(peer).raw().items[-1].body.decode()


def test_what_is_withheld_is_nowhere_in_what_a_partner_gets(peer, mari):
    """Neither words, nor author, nor what it names, nor the ids of the values that it names."""
    other = _report(mari, title="Before it")
    piece = Written(
        type="report", title="Booters", text="Rented at night.", values=(Named("address", ADDRESS),)
    )
    row = Item.projected.get(pk=authoring.write(Piece(written=piece, cites=(other.pk,)), mari))
    raw = service.item_of(row).raw
    everything = frozenset({"text", "author", "references", "values"})
    sharing.share(Sharing("report", row.pk, MEMBERS, everything), mari, "They are next.")
    text = Reader(peer).raw().items[-1].body.decode()
    for hidden in ("Rented", ADDRESS, other.source_id, raw["created_by_ref"], *raw["object_refs"]):
        assert hidden not in text, hidden
    [got] = _got(peer)
    assert (got.object["name"], got.withheld) == ("Booters", tuple(sorted(everything)))


def test_what_a_partner_shares_is_found_and_correlates(peer, mari):
    """It is an item of the partner's, found by value and by words, and shares its value with what is known here."""
    service.bring_in(bundle({**_indicator().object, "id": "indicator--2", "name": "Ours"}), "ours.json", mari)
    peer.entry(shared.KIND, _indicator(), object_id=AT)
    assert _pull(peer) == []
    row = Item.projected.get(format="partner")
    assert (row.pk, row.origin, row.first_hand) == (own_id("fi-cert", AT), "fi-cert", True)
    assert set(finding.matching(ADDRESS, mari)) == set(Item.projected.all())
    assert list(finding.matching("Sells", mari)) == list(Item.projected.order_by("-number"))
    whole = service.item_of(row)
    assert whole.raw == _indicator().object
    ours = Item.projected.get(format="stix")
    [found] = correlating.of_item(ours, [Named("address", ADDRESS)], mari)
    assert [one.pk for one in found.items] == [row.pk]
    rebuild()
    assert [str(one) for one in check()] == []


def test_a_newer_version_takes_the_place_of_the_older_one(peer, mari):
    """The newest version counts, whatever the order; what somebody here thought of it stays."""
    peer.entry(shared.KIND, _indicator(), object_id=AT)
    peer.entry(shared.KIND, _indicator("185.199.108.99"), object_id=AT, version=3)
    peer.entry(shared.KIND, _indicator("185.199.108.98"), object_id=AT, version=2)
    assert _pull(peer) == []
    row = Item.projected.get()
    assert (row.version, row.title) == (3, "Booter at 185.199.108.99")
    assert not finding.matching(ADDRESS, mari).exists()
    rebuild()
    assert [str(one) for one in check()] == []


def test_a_recall_takes_all_that_followed_from_it(peer, mari):
    """Item, values, postings and words go; a partner's recall takes nothing that others said; a rebuild agrees."""
    other = Peer("lv-cert", "LV")
    other.joins()
    for one in (peer, other):
        one.entry(shared.KIND, _indicator(), object_id=AT)
        assert _pull(one) == []
    peer.entry("federation.recalled", Recall(AT.hex, "It was wrong."))
    _pull(peer)
    assert Item.projected.get().origin == "lv-cert"
    other.entry("federation.recalled", Recall(AT.hex, "It was wrong."))
    _pull(other)
    assert not Item.projected.exists()
    assert not Posting.objects.exists()
    assert not Value.objects.exists()
    assert not models.Reference.objects.exists()
    assert not models.Holding.projected.exists()
    rebuild()
    assert [str(one) for one in check()] == []


def test_one_thing_by_several_ways_is_one_for_its_reader(peer, mari):
    """By a file and from two partners it is listed once, its page names the others, and it does not correlate with itself."""
    service.bring_in(bundle(_indicator().object), "ours.json", mari)
    lv = Peer("lv-cert", "LV")
    lv.joins()
    for one in (lv, peer):
        one.entry(shared.KIND, _indicator(), object_id=AT)
        assert _pull(one) == []
    assert Item.projected.count() == 3
    [row] = twins.once(mari)
    assert row.format == "stix"
    assert [one.origin for one in twins.others(row, mari)] == ["lv-cert", "fi-cert"]
    assert correlating.of_item(row, [Named("address", ADDRESS)], mari) == []
    assert finding.matching(ADDRESS, mari).count() == 1


def test_of_two_partners_who_made_a_thing_counts_first(peer, mari):
    """Where only partners have it, the one who is its creator is shown, though another told of it before."""
    lv = Peer("lv-cert", "LV")
    lv.joins()
    for one in (lv, peer):
        one.entry(shared.KIND, _indicator(), object_id=AT)
        _pull(one)
    assert [one.origin for one in twins.once(mari)] == ["fi-cert"]


def test_no_partner_takes_the_place_of_what_another_said(peer, mari):
    """Under the id of an own report, however new: the report stands as it is, and what names another creator is seen too."""
    row = _report(mari)
    raw = service.item_of(row).raw
    theirs = {**raw, "modified": "2099-01-01T00:00:00.000Z", "name": "All is well"}
    peer.entry(shared.KIND, Shared(object=theirs), object_id=AT)
    peer.entry(
        shared.KIND,
        Shared(object={**theirs, "created_by_ref": identity_id("fi-cert")}),
        object_id=UUID(int=6),
    )
    assert _pull(peer) == []
    assert service.item_of(Item.projected.get(pk=row.pk)).raw == raw
    titles = {one.title for one in twins.once(mari)}
    assert titles == {"Booters of spring", "All is well"}
    assert twins.once(mari).count() == 2
    service.bring_in(bundle(raw), "back.json", mari)
    assert Item.projected.filter(source_id=row.source_id).count() == 4


@pytest.mark.parametrize("wrong", [
    {"id": ""}, {"id": 7}, {"type": None}, {"id": "x" * 1_001}, {"type": "a\0b"}, {"description": "x" * 1_000_001},
])  # fmt: skip
def test_what_can_be_no_object_is_refused(peer, wrong):
    """It is quarantined with the reason, and what comes after it is taken."""
    peer.entry(shared.KIND, _indicator(**wrong))
    peer.entry(shared.KIND, _indicator(), object_id=AT)
    assert len(_pull(peer)) == 1
    assert Item.projected.get().pk == own_id("fi-cert", AT)


@pytest.mark.parametrize("change", [{"grade": "splendid"}, {"confidence": 101}, {"withheld": ("all",)}])
def test_a_grade_that_is_none_is_refused(peer, change):
    """What is said about the object has a meaning here, or it is quarantined."""
    peer.entry(shared.KIND, msgspec.structs.replace(_indicator(), **change))
    assert len(_pull(peer)) == 1
    assert not Item.projected.exists()


@pytest.mark.parametrize("strange", [
    {"type": "x-stroopwafel", "id": "x-stroopwafel--1"}, {"pattern": ["no", {"text": 1}], "name": {"a": 1}},
    {"modified": "yesterday", "valid_until": 5}, {"description": "\0\u202e\x1b[2J"}, {"object_refs": [{"a": [[]]}, 7]},
    {"confidence": 10**30}, {"extensions": {"extension-definition--x": []}},
])  # fmt: skip
def test_what_is_not_understood_is_kept(peer, mari, strange):
    """Types and members that nothing here knows come in as they are; a replay gives the same."""
    peer.entry(shared.KIND, _indicator(**strange), object_id=AT)
    assert _pull(peer) == []
    assert service.item_of(Item.projected.get()).raw == _indicator(**strange).object
    rebuild()
    assert [str(one) for one in check()] == []


def test_a_rule_shares_what_is_written_of_a_sort_up_to_a_level(peer, mari):
    """Reports of TLP:GREEN and lower as they are written; no stricter one, no indicator, and nothing that came in."""
    jaan = replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us())
    before = _report(mari, title="Before")
    proposal = ruling.propose("report", MEMBERS, frozenset({"text"}), "As agreed.", mari, Tlp.GREEN)
    approvals.approve(proposal, jaan)
    green = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN)
    for title, marking in (("Green", green), ("Amber", Marking.own("ee-cert"))):
        authoring.write(Piece(written=Written(type="report", title=title)), mari, marking=marking)
    value = Written(type="indicator", values=(Named("address", ADDRESS),))
    authoring.write(Piece(written=value), mari, marking=green)
    theirs = {**service.item_of(before).raw, "id": THEIRS.replace("indicator", "report"), "name": "A file's"}
    service.bring_in(bundle(theirs), "file.json", mari, marking=green)
    assert (ruling.follow(), ruling.follow()) == (1, 0)
    assert [one.object["name"] for one in _got(peer)] == ["Green"]
    with pytest.raises(UsageError, match="no level"):
        ruling.propose("report", MEMBERS, frozenset(), "As agreed.", mari, "PURPLE")


def test_what_is_taken_back_is_taken_back_at_those_who_have_it(peer, mari):
    """A revoked report goes again to whom it was shared with, without what was withheld; nobody shares it by hand."""
    row = _report(mari)
    sharing.share(Sharing("report", row.pk, MEMBERS, frozenset({"text"})), mari, "They are next.")
    authoring.take_back(row.pk, row.source_version, "It was another.", mari)
    last = _got(peer)[-1]
    assert last.object["revoked"]
    assert "description" not in last.object


def test_a_cited_attack_is_named_by_an_id_that_tells_nothing_of_it(peer, mari):
    """Its STIX id follows from victim and time, so that neither it nor this node's own id leaves."""
    record(earliest(12), NODE)
    attack = Attack.projected.earliest("start_us")
    told = Written(type="report", title="Floods", text="Of May.")
    row = Item.projected.get(pk=authoring.write(Piece(written=told, cites=(attack.pk,)), mari))
    sharing.share(Sharing("report", row.pk, MEMBERS), mari, "They are next.")
    text = Reader(peer).raw().items[-1].body.decode()
    for hidden in (stix.incident_id("ee-cert", attack.name), attack.pk.hex, attack.name, attack.victim):
        assert hidden not in text
    told = _got(peer)[0].object
    [cited] = told["object_refs"]
    assert cited.startswith("incident--")
    [cite] = said(told)["cites"]
    assert (cite["object"], cite["id"]) == (sharing.shared_id(attack.pk).hex, cited)
    import jsonschema  # loaded where it is needed: it takes its time

    schema = json.loads((ROOT / "docs/reference/stix-extension.json").read_text())
    jsonschema.validate(said(told), schema)


def test_whom_a_copy_is_hidden_from_sees_another_and_no_hint(peer, mari):
    """Threat 16: a copy that a reader may not see puts out of their sight nothing that they may, and changes no count."""
    lv = Peer("lv-cert", "LV")
    lv.joins()
    kaja = replace(acting(newcomer("analyst", name="Kaja")), stepped_up_us=now_us())
    later = now_us() + 86_400_000_000
    hidden = Marking(
        originators=frozenset({"fi-cert"}), tlp=Tlp.AMBER, embargo_us=later, embargo_for=frozenset({"Juha"})
    )
    peer.entry(shared.KIND, _indicator(), object_id=AT, marking=hidden)
    lv.entry(shared.KIND, _indicator(), object_id=AT)
    lv.entry(shared.KIND, _indicator(id="indicator--3", created_by_ref="identity--x"), object_id=UUID(int=6))
    for one in (peer, lv):
        assert _pull(one) == []
    assert [one.origin for one in twins.once(mari).filter(source_id=THEIRS)] == ["fi-cert"]
    [seen] = twins.once(kaja).filter(source_id=THEIRS)
    assert (seen.origin, twins.others(seen, kaja)) == ("lv-cert", [])
    [found] = correlating.of_item(seen, [Named("address", ADDRESS)], kaja)
    assert (found.count, found.of) == (1, 2)
    assert finding.matching(ADDRESS, kaja).count() == 2


def test_what_its_marking_forbids_is_not_passed_on(peer, mari):
    """H2 and TLP:AMBER stop here without a release of the originator; TLP:GREEN goes on as it was signed."""
    Peer("lv-cert", "LV").joins()
    whose = {"originators": frozenset({"fi-cert"})}
    markings = {
        "handling.h2": Marking(**whose, tlp=Tlp.GREEN, handling=frozenset({"H2"})),
        "tlp.amber": Marking(**whose, tlp=Tlp.AMBER),
        "": Marking(**whose, tlp=Tlp.GREEN),
    }
    for number, (rule, marking) in enumerate(markings.items(), 10):
        peer.entry(
            shared.KIND, _indicator(id=f"indicator--{number}"), object_id=UUID(int=number), marking=marking
        )
        assert _pull(peer) == []
        thing = own_id("fi-cert", UUID(int=number))
        to = Sharing(shared.ONWARD_SORT, thing, Audience(authorities=frozenset({"lv-cert"})))
        [shown] = sharing.share(to, mari, "They are next.")
        assert shown.decision.rules == ((rule,) if rule else ("marking",))
    assert Entry.objects.filter(recipient="lv-cert", kind=originals.FORWARDED).count() == 1


def _passes_on(relay: Peer, peer: Peer, version: int, object_id: UUID, address: str = ADDRESS) -> None:
    """One partner passes on what another shared with it."""
    sent = Peer("fi-cert", "FI", signing=peer.signing, here=relay.authority).made(
        shared.KIND, _indicator(address), object_id=AT, marking=GREEN, version=version
    )
    card = Card(
        authority="fi-cert", name="FI", country="FI", tier="member", verify=peer.signing.public.raw.hex()
    )
    whole = Forwarded(originator=card, original=Carried(sent.payload, sent.signature, sent.salt, sent.body))
    both = Marking(originators=frozenset({"fi-cert", relay.authority}), tlp=Tlp.GREEN)
    relay.entry(originals.FORWARDED, whole, object_id=object_id, marking=both)
    assert _pull(relay) == []


def test_what_a_partner_passes_on_is_its_originators_item(peer, mari):
    """It comes as its originator signed it; what the originator sends itself counts, and stays until it takes that back."""
    lv = Peer("lv-cert", "LV")
    lv.joins()
    _passes_on(lv, peer, 2, UUID(int=61))
    row = Item.projected.get()
    assert (row.pk, row.origin, row.first_hand, row.passed_on) == (
        own_id("fi-cert", AT),
        "fi-cert",
        True,
        True,
    )
    assert service.item_of(row).raw == _indicator().object
    peer.entry(shared.KIND, _indicator(), object_id=AT, marking=GREEN)
    assert _pull(peer) == []
    _passes_on(lv, peer, 3, UUID(int=61), "185.199.108.99")
    lv.entry("federation.recalled", Recall(UUID(int=61).hex, "It was wrong."))
    _pull(lv)
    row = Item.projected.get()
    assert (row.version, row.passed_on, service.item_of(row).raw) == (1, False, _indicator().object)
    rebuild()
    assert [str(one) for one in check()] == []
    peer.entry("federation.recalled", Recall(AT.hex, "It was wrong."))
    _pull(peer)
    assert not Item.projected.exists()


def test_what_two_pass_on_stays_as_the_other_has_it_when_one_takes_it_back(peer, mari):
    """Its row rests on what is left, also where what went was newer; a rebuild agrees."""
    relays = [Peer("lv-cert", "LV"), Peer("lt-cert", "LT")]
    for at, relay in enumerate(relays, 61):
        relay.joins()
        _passes_on(relay, peer, 70 - at, UUID(int=at), f"185.199.108.{at}")
    assert Item.projected.get().title == "Booter at 185.199.108.61"
    relays[0].entry("federation.recalled", Recall(UUID(int=61).hex, "It was wrong."))
    _pull(relays[0])
    assert service.item_of(Item.projected.get()).raw == _indicator("185.199.108.62").object
    assert not finding.matching("185.199.108.61", mari).exists()
    rebuild()
    assert [str(one) for one in check()] == []


def test_an_embargo_hides_it_from_all_but_the_team(peer, mari, monkeypatch):
    """Until the hour only officers see it, and a team they give it to; its values are found by nobody else; then all do."""
    kaja = replace(acting(newcomer("analyst", name="Kaja")), stepped_up_us=now_us())
    hour = now_us() + 86_400_000_000
    marking = Marking(
        originators=frozenset({"fi-cert"}), tlp=Tlp.AMBER, embargo_us=hour, embargo_for=frozenset({"Juha"})
    )
    peer.entry(shared.KIND, _indicator(), object_id=AT, marking=marking)
    assert _pull(peer) == []
    assert not finding.matching(ADDRESS, kaja).exists()
    assert not twins.once(kaja).exists()
    assert twins.once(mari).exists()
    for module in (guarded, embargo):
        monkeypatch.setattr(module, "now_us", lambda: hour + 1)
    assert finding.matching(ADDRESS, kaja).exists()
    assert embargo.open_due(NODE) == 0
    assert Item.projected.get().marking.marking == marking


def test_a_retention_date_purges_it(peer, mari):
    """What a partner shared with a date goes by itself, with its values."""
    marking = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.GREEN, retention_us=now_us() - 1)
    peer.entry(shared.KIND, _indicator(), object_id=AT, marking=marking)
    assert _pull(peer) == []
    retention.purge_due()
    assert not Item.projected.exists()
    assert not Value.objects.exists()


def test_how_it_is_marked_is_its_originators_to_say(peer, mari):
    """A person here gives it to a team, and changes nothing else of its marking."""
    peer.entry(shared.KIND, _indicator(), object_id=AT)
    assert _pull(peer) == []
    thing = own_id("fi-cert", AT)
    stricter = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.RED)
    with pytest.raises(UsageError, match="stays marked as fi-cert"):
        marks.mark_anew(thing, Wish(stricter), "Only us.", mari)
    team = Team.objects.create(object_id=UUID(int=77), name="Operation Amber", said_by=0).pk.hex
    marks.mark_anew(thing, Wish(Item.projected.get().marking.marking, team), "Only they.", mari)
    peer.entry(shared.KIND, _indicator("185.199.108.99"), object_id=AT, version=2)
    assert _pull(peer) == []
    assert Item.projected.get().team == team


def test_a_decision_on_a_correlation_goes_with_its_item_and_one_for_everywhere_stays(peer, mari):
    """What somebody said of a recalled item goes with it; that a value is none anywhere holds when it comes again."""
    service.bring_in(bundle({**_indicator().object, "id": "indicator--2"}), "ours.json", mari)
    for at in (5, 6):
        peer.entry(shared.KIND, _indicator(id=f"indicator--{at}"), object_id=UUID(int=at))
    assert _pull(peer) == []
    row, _ = Item.projected.filter(format="partner").order_by("number")
    value = Posting.objects.filter(item=row.number).values_list("value", flat=True)[0]
    service.undo(value, row, "Another one's.", mari)
    service.undo(value, None, "A public resolver.", mari)
    peer.entry("federation.recalled", Recall(AT.hex, "It was wrong."))
    _pull(peer)
    assert [one.why for one in models.Undone.objects.all()] == ["A public resolver."]
    purge(list(Item.projected.values_list("pk", flat=True)), mari, "Erased.")
    assert models.Undone.objects.count() == 1
    rebuild()
    assert [str(one) for one in check()] == []


def test_what_is_too_large_is_given_to_nobody_and_stops_no_rule(peer, mari):
    """The dry run says so; a rule goes on with what comes after it; without its words it can be shared."""
    urls = tuple(Named("url", f"http://a.example/{number}{'x' * 4_000}") for number in range(300))
    large = _report(mari, title="Large", text="Rented at night.")
    approver = replace(acting(newcomer("approver", name="Jaan")), stepped_up_us=now_us())
    approvals.approve(ruling.propose("report", MEMBERS, frozenset(), "As agreed.", mari), approver)
    sharing.share(Sharing("report", large.pk, MEMBERS), mari, "They are next.")
    piece = Piece(written=Written(type="report", title="Large", text="Rented at night.", values=urls))
    authoring.change(large.pk, large.source_version, piece, mari)
    _report(mari, title="Small")
    wanted = Sharing("report", large.pk, MEMBERS)
    assert sharing.preview(wanted, mari)[0].decision.rules == ("size",)
    assert ruling.follow() == 1
    assert [one.object["name"] for one in _got(peer)] == ["Large", "Small"]
    assert sharing.preview(replace(wanted, withheld=frozenset({"values"})), mari)[0].content is not None
    policy.mark(large.pk, Marking.own("ee-cert"), "", mari, "For a test.")
    assert [row.recalled_us is None for row in sharing.held_by(large.pk)] == [False]
