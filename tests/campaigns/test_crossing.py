"""Links across borders on a node: found as partners' attacks come, seen by who may, gone with what they link."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from hanse.attacks import service as attacks
from hanse.attacks import shared
from hanse.attacks.attack import Attack
from hanse.attacks.models import Attack as AttackRow
from hanse.attacks.models import PartnerAttack
from hanse.campaigns import service
from hanse.campaigns.across import Across
from hanse.campaigns.following import Follower
from hanse.campaigns.models import Campaign, CrossLink
from hanse.federation import exchange, receiving
from hanse.federation.contents import Card, Carried, Forwarded, Recall
from hanse.federation.handlers import own_id
from hanse.federation.models import Partner
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp, is_at_least
from hanse.ledger.check import check
from hanse.ledger.models import Body, Entry
from hanse.ledger.recorded import Recorded
from hanse.ledger.replay import rebuild
from hanse.ledger.service import purge
from hanse.ledger.writing import Draft
from hanse.policy import service as policy
from hanse.recording import record
from tests.campaigns.league import by_state, sketched
from tests.campaigns.plans import estonia
from tests.federation.peer import NODE, Peer
from tests.node.made import analysis_of

pytestmark = [pytest.mark.usefixtures("founded"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]

WEEK = 40
"""So many attacks of the exercise, the first ones: five days of it."""


@pytest.fixture(scope="module")
def seen_by() -> dict[str, list[Attack]]:
    """The attacks by the state that sees them."""
    return by_state(sorted(sketched(estonia(7)), key=lambda one: one.start_us)[:WEEK])


@pytest.fixture
def mari(actor: People) -> Actor:
    """An analyst."""
    return actor("analyst")


@pytest.fixture
def home(seen_by: dict[str, list[Attack]]) -> list[AttackRow]:
    """What Estonia sees itself, on record."""
    record(analysis_of(estonia(7), seen_by["EE"]), NODE)
    return list(AttackRow.projected.order_by("start_us"))


@pytest.fixture
def fi() -> Peer:
    """Finland, a partner."""
    return joined("fi-cert", "FI")


def joined(name: str, country: str) -> Peer:
    """An authority that is a partner."""
    peer = Peer(authority=name, country=country)
    peer.joins()
    return peer


def shares(
    peer: Peer, some: Sequence[Attack], *, sketches: bool = True, tlp: Tlp = Tlp.GREEN, **more
) -> list[UUID]:
    """A partner shares attacks on its victims, whose addresses it withholds; the ids under which it does."""
    marking = Marking(originators=frozenset({peer.authority}), tlp=tlp)
    ids = []
    for one in some:
        there = uuid4()
        ids.append(there)
        peer.entry(
            shared.KIND, told(peer, one, there, sketches=sketches), object_id=there, marking=marking, **more
        )
    pulled(peer)
    return ids


def told(peer: Peer, one: Attack, there: UUID, *, sketches: bool = True) -> shared.Shared:
    """An attack as a partner tells it."""
    hidden = replace(one, id=there.hex, victim="", source_sketch=one.source_sketch if sketches else b"")
    return shared.Shared(
        attack=hidden, victim_mark=f"mark {one.victim}", sector="public administration", country=peer.country
    )


def pulled(peer: Peer) -> None:
    """Fetch what a partner has."""
    exchange.pull_all(Partner.objects.get(pk=peer.authority), peer)


def found(who: Actor) -> list[Across]:
    """What somebody is told, after everything was compared."""
    Follower().settle()
    return service.across(who)


@pytest.mark.parametrize("sketches", [True, False])
def test_no_state_alone_and_all_together(home, fi, mari, seen_by, sketches) -> None:
    """What Estonia sees is against it alone; with what two partners share it is one campaign against three states."""
    assert {row.scope for row in Campaign.projected.all()} <= {"state", "sector", "organisation", "unknown"}
    assert found(mari) == []
    shares(fi, seen_by["FI"], sketches=sketches)
    shares(joined("gb-cert", "GB"), seen_by["GB"], sketches=sketches)
    whole = found(mari)[0]
    assert whole.title == "Attacks on 3 states, one campaign"
    assert whole.states == ("EE", "FI", "GB")
    assert "one coordinated campaign" in whole.verdict
    assert whole.contributions[0].authority == "ee-cert"
    assert {one.authority for one in whole.contributions} == {"ee-cert", "fi-cert", "gb-cert"}
    assert sum(number for _, number in whole.bonds_by) == len(whole.bonds)
    without = {one.authority: one.stands for one in whole.without}
    assert without["fi-cert"][0].startswith("Attacks on 2 states, one campaign of ")
    assert list(check()) == []


def test_a_partners_word_is_its_own(home, fi, mari, seen_by) -> None:
    """A partner that copies what it was shown and invents a state is named, and without it nothing of that stands."""
    shares(fi, seen_by["FI"])
    honest = found(mari)[0]
    liar = joined("xx-cert", "RU")
    ours = [one for row in home for one in seen_by["EE"] if one.id == row.name]
    shares(liar, [replace(one, victim="192.0.2.1", start_us=one.start_us + 1_000_000) for one in ours])
    whole = found(mari)[0]
    assert whole.states == ("EE", "FI", "RU")
    (without,) = [one for one in whole.without if one.authority == "xx-cert"]
    assert without.stands == (f"Attacks on 2 states, one campaign of {len(honest.members)} attacks",)
    assert not without.alone
    between = [one for one in whole.bonds if "xx-cert" not in one.contributors]
    assert {(one.first.object_id, one.second.object_id) for one in between} == {
        (one.first.object_id, one.second.object_id) for one in honest.bonds
    }


def test_whom_a_partner_invents_to_pass_on_for_is_itself(home, fi, mari, seen_by) -> None:
    """It costs the links of nobody else, it is named, and without it nothing stands that rests on its word."""
    shares(fi, seen_by["FI"])
    honest = found(mari)[0]
    liar = joined("xx-cert", "RU")
    ours = [one for row in home for one in seen_by["EE"] if one.id == row.name]
    for at, one in enumerate(ours):
        nobody = Peer(authority=f"n{at}-cert", country="RU", here="xx-cert")
        content = told(nobody, replace(one, victim="192.0.2.1", start_us=one.start_us + 1_000_000), uuid4())
        clear = Marking(originators=frozenset({nobody.authority}), tlp=Tlp.CLEAR)
        item = nobody.entry(shared.KIND, content, object_id=uuid4(), marking=clear)
        card = Card(
            authority=nobody.authority, name=f"CERT {at}", country="RU", tier="member",
            verify=nobody.signing.public.raw.hex(),
        )  # fmt: skip
        forwarded = Forwarded(
            originator=card,
            original=Carried(item.payload, item.signature, item.salt or b"", item.body or b""),
        )
        both = replace(clear, originators=frozenset({nobody.authority, "xx-cert"}))
        liar.entry("federation.forwarded", forwarded, object_id=uuid4(), marking=both)
    pulled(liar)
    assert PartnerAttack.projected.filter(passed_on=True).count() == len(ours)
    whole = found(mari)[0]
    assert {one.authority for one in whole.contributions} == {"ee-cert", "fi-cert", "xx-cert"}
    (without,) = [one for one in whole.without if one.authority == "xx-cert"]
    assert without.stands == (f"Attacks on 2 states, one campaign of {len(honest.members)} attacks",)
    between = [one for one in whole.bonds if "xx-cert" not in one.contributors]
    assert {(one.first.object_id, one.second.object_id) for one in between} == {
        (one.first.object_id, one.second.object_id) for one in honest.bonds
    }


def test_what_is_passed_on_is_compared_as_it_comes(home, fi, mari, seen_by) -> None:
    """It stands under its originator's id, in the envelope of the one that passed it on: it waits for no restart."""
    follower = Follower()
    shares(fi, seen_by["FI"][:1])
    follower.look(budget_s=60)
    before = CrossLink.projected.count()
    se = Peer(authority="se-cert", country="SE", here="fi-cert")
    for one in seen_by["FI"][1:]:
        clear = Marking(originators=frozenset({"se-cert"}), tlp=Tlp.CLEAR)
        there = uuid4()
        item = se.entry(shared.KIND, told(se, one, there), object_id=there, marking=clear)
        card = Card(
            authority="se-cert",
            name="CERT-SE",
            country="SE",
            tier="member",
            verify=se.signing.public.raw.hex(),
        )
        original = Carried(item.payload, item.signature, item.salt or b"", item.body or b"")
        both = replace(clear, originators=frozenset({"se-cert", "fi-cert"}))
        fi.entry(
            "federation.forwarded",
            Forwarded(originator=card, original=original),
            object_id=uuid4(),
            marking=both,
        )
    pulled(fi)
    assert PartnerAttack.projected.filter(passed_on=True).exists()
    assert follower.look(budget_s=60) > 0
    assert CrossLink.projected.count() > before


def test_the_link_is_there_as_soon_as_the_attack(home, fi, mari, seen_by) -> None:
    """What comes while the node looks is linked at its next look, and what was linked stays as it was recorded."""
    follower = Follower()
    shares(fi, seen_by["FI"])
    follower.look(budget_s=60)
    before = set(CrossLink.projected.values_list("pk", "sequence"))
    assert before
    assert follower.look() == 0
    last = next(one for one in reversed(seen_by["FI"]) if one.source_class == "direct")
    hour = 3_600_000_000
    (there,) = shares(fi, [replace(last, start_us=last.start_us + hour, end_us=last.end_us + hour)])
    assert follower.look(budget_s=60) > 0
    new = own_id("fi-cert", there)
    assert any(new in (one.first, one.second) for one in CrossLink.projected.all())
    assert before <= set(CrossLink.projected.values_list("pk", "sequence"))


def test_what_came_while_nobody_looked_is_linked_all_the_same(home, fi, mari, seen_by) -> None:
    """One that begins anew, one that followed all along, and one that compares everything record the same links."""
    follower = Follower()
    for one in seen_by["FI"]:
        shares(fi, [one])
        follower.look(budget_s=60)
    follower.settle()
    followed = set(CrossLink.projected.values_list("first", "second"))
    assert Follower().settle() == 0
    assert set(CrossLink.projected.values_list("first", "second")) == followed


def test_recalled_attacks_take_their_links_along(home, fi, mari, seen_by) -> None:
    """In the moment of a recall the links of an attack and what they said are gone, bodies too; a rebuild agrees."""
    ids = shares(fi, seen_by["FI"])
    assert found(mari)
    gone = own_id("fi-cert", ids[0])
    of_gone = [row for row in CrossLink.projected.all() if gone in (row.first, row.second)]
    assert of_gone
    fi.entry("federation.recalled", Recall(ids[0].hex, "It was wrong."))
    pulled(fi)
    assert not CrossLink.projected.filter(pk__in=[row.pk for row in of_gone]).exists()
    entries = Entry.objects.filter(object_id__in=[row.pk for row in of_gone])
    assert entries.exists()
    assert not Body.objects.filter(entry_id__in=entries.values("sequence")).exists()
    for one in ids[1:]:
        fi.entry("federation.recalled", Recall(one.hex, "All of it."))
    pulled(fi)
    assert service.across(mari) == []
    assert not CrossLink.projected.exists()
    state = list(CrossLink.projected.values())
    rebuild()
    assert list(CrossLink.projected.values()) == state
    assert list(check()) == []


def test_a_rebuild_makes_the_same_links(home, fi, mari, seen_by) -> None:
    """Links are projections: after a purge of one attack, rows and verdicts are those that a replay makes."""
    shares(fi, seen_by["FI"])
    Follower().settle()
    purge([home[0].pk], NODE, "Its retention is over.")
    rows, said = list(CrossLink.projected.order_by("pk").values()), service.across(mari)
    assert rows
    assert not any(home[0].pk in (row["first"], row["second"]) for row in rows)
    rebuild()
    assert list(CrossLink.projected.order_by("pk").values()) == rows
    assert service.across(mari) == said


def test_a_link_is_as_strict_as_both_its_attacks(home, fi, mari, seen_by) -> None:
    """When it is found, when the partner narrows its attack, and when the own one is marked anew."""
    (there,) = shares(fi, seen_by["FI"][:1], tlp=Tlp.GREEN)
    Follower().settle()
    ends = {end for link in CrossLink.projected.all() for end in (link.first, link.second)}
    row = AttackRow.projected.filter(pk__in=ends).earliest("start_us")
    assert strict()
    fi.entry(
        shared.KIND, told(fi, seen_by["FI"][0], there), object_id=there, version=2,
        marking=Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.RED, handling=frozenset({"H2"})),
    )  # fmt: skip
    pulled(fi)
    assert strict()
    assert CrossLink.projected.select_related("marking")[0].marking.marking.tlp is Tlp.RED
    stricter = replace(Marking.own("ee-cert"), purposes=frozenset({"investigation"}))
    policy.mark(row.pk, stricter, "team-a", NODE, "For one case.")
    assert strict()
    link = (
        CrossLink.projected.filter(first=row.pk).first() or CrossLink.projected.filter(second=row.pk).first()
    )
    assert link.team == "team-a"
    policy.mark(own_id("fi-cert", there), link.marking.marking, "team-b", NODE, "For another.")
    assert not CrossLink.projected.filter(pk=link.pk).exists()
    assert list(check()) == []


def strict() -> bool:
    """Whether there are links, each as strict as both of its ends."""
    rows = list(CrossLink.projected.select_related("marking"))
    ends = {
        one.pk: one.marking.marking
        for model in (AttackRow, PartnerAttack)
        for one in model.projected.select_related("marking")
    }
    return bool(rows) and all(
        is_at_least(row.marking.marking, ends[end]) for row in rows for end in (row.first, row.second)
    )


def test_sources_withheld_later_leave_no_word_of_them(home, fi, mari, seen_by) -> None:
    """When a partner sends an attack once more without its sources, what was said of them is gone at once."""
    (there,) = shares(fi, seen_by["FI"][:1])
    Follower().settle()
    rows = list(CrossLink.projected.all())
    assert any("sources" in json.dumps(row.tests) for row in rows)
    fi.entry(shared.KIND, told(fi, seen_by["FI"][0], there, sketches=False), object_id=there, version=2)
    pulled(fi)
    assert not any("sources" in json.dumps(row.tests) for row in CrossLink.projected.all())
    Follower().settle()
    assert not any("sources" in json.dumps(row.tests) for row in CrossLink.projected.all())


def test_what_somebody_may_not_see_neither_links_nor_counts(home, fi, actor, mari, seen_by) -> None:
    """With red attacks of a partner among them, an analyst is told exactly what a node would tell that has none."""
    half = len(seen_by["FI"]) // 2
    shares(fi, seen_by["FI"][:half])
    plain = found(mari)
    assert plain
    shares(joined("gb-cert", "GB"), seen_by["GB"], tlp=Tlp.RED)
    chief = actor("analyst", "officer")
    assert {one.authority for one in found(chief)[0].contributions} == {"ee-cert", "fi-cert", "gb-cert"}
    shown = found(mari)
    assert [one.members for one in shown] == [one.members for one in plain]
    assert [one.without for one in shown] == [one.without for one in plain]
    assert [(one.verdict, one.title, one.bonds_by) for one in shown] == [
        (one.verdict, one.title, one.bonds_by) for one in plain
    ]


def test_a_partners_restriction_hides_no_own_campaign(home, fi, mari, seen_by) -> None:
    """The own campaigns stay as they are, whatever a partner's attacks are marked."""
    before = list(service.standing(mari).order_by("pk").values())
    shares(fi, seen_by["FI"], tlp=Tlp.RED)
    assert found(mari) == []
    assert list(service.standing(mari).order_by("pk").values()) == before


def test_what_is_no_attack_links_nothing(home, fi, mari, seen_by) -> None:
    """An attack that somebody here, or its own authority, calls none is in no campaign across borders."""
    (there,) = shares(fi, seen_by["FI"][:1])
    (whole,) = found(mari)
    for row in {one for bond in whole.bonds for one in (bond.first, bond.second)}:
        if row.contributor == "ee-cert":
            attacks.mark_false_positive(row.object_id, "A backup.", mari)
    assert service.across(mari) == []
    none = replace_state(told(fi, seen_by["FI"][0], there), "false-positive")
    fi.entry(shared.KIND, none, object_id=there, version=2)
    pulled(fi)
    assert found(mari) == []


def test_attacks_that_come_together_are_written_together(home, fi, mari, seen_by, monkeypatch) -> None:
    """A page of attacks is one call of the ledger, those among them that had come before as well."""
    calls = []
    whole = receiving.append_many

    def counted(drafts: list[Draft], actor: Actor) -> list[Recorded]:
        calls.append(len(drafts))
        return whole(drafts, actor)

    monkeypatch.setattr(receiving, "append_many", counted)
    ids = shares(fi, seen_by["FI"])
    assert len(ids) > 2
    for one, there in zip(seen_by["FI"], ids, strict=True):
        fi.entry(shared.KIND, told(fi, one, there), object_id=there, version=2)
    pulled(fi)
    assert calls == [len(ids), len(ids)]


def replace_state(content: shared.Shared, state: str) -> shared.Shared:
    """The same attack, where it stands otherwise."""
    return shared.Shared(
        attack=content.attack, victim_mark=content.victim_mark, country=content.country, state=state
    )
