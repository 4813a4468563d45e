"""An embargo for an action day: shared now, known to named people only, opened at the set hour everywhere."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.attacks import shared
from hanse.attacks.models import Attack, PartnerAttack
from hanse.console import marking as marks
from hanse.console.marking import Wish
from hanse.federation import exchange, sharing
from hanse.federation.handlers import own_id
from hanse.federation.models import Given, Partner, Recalling
from hanse.federation.sharing import Audience, Sharing
from hanse.intel import service as intel
from hanse.intel.models import Item
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from hanse.policy import embargo, guarded
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import StoredMarking
from hanse.policy.service import mark
from tests.accounts.people import acting, newcomer
from tests.federation.peer import NODE, Peer
from tests.federation.test_serving import Reader
from tests.federation.test_sharing import attack, mari

__all__ = ["attack", "mari"]

pytestmark = pytest.mark.usefixtures("founded")

DAY_US = 86_400_000_000


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> str:
    """A need-to-know team."""
    from hanse.accounts.models import Team

    made = Team.objects.create(object_id=UUID(int=77), name="Operation Amber", said_by=0)
    return made.pk.hex


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Makes it so many microseconds later, for policy."""

    def move(by_us: int) -> None:
        at = now_us() + by_us
        for module in (guarded, embargo, marks):
            monkeypatch.setattr(module, "now_us", lambda: at)

    return move


def _sees(actor, object_id: UUID) -> bool:
    try:
        PartnerAttack.objects.get_for(actor, "attacks.view", object_id)
    except NotVisibleError:
        return False
    return list(PartnerAttack.objects.for_actor(actor, "attacks.view").values_list("pk", flat=True)) == [
        object_id
    ]


def _came(attack, peer: Peer, until_us: int) -> UUID:
    """A partner shares an attack under an embargo."""
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    own = Marking(
        originators=frozenset({peer.authority}), embargo_us=until_us, embargo_for=frozenset({"Mari"})
    )
    peer.entry(shared.KIND, content, object_id=UUID(int=5), marking=own)
    exchange.pull_all(Partner.objects.get(), peer)
    return PartnerAttack.projected.get().pk


def test_until_the_hour_its_team_and_then_everybody(attack, peer, mari, team, later):
    """Who may mark gives it to the people that the originator names; nobody else knows of it before the hour."""
    reader = acting(newcomer("analyst", name="Kati"))
    named = replace(acting(newcomer("analyst", name="Mari")), teams=frozenset({team}))
    came = _came(attack, peer, now_us() + DAY_US)
    assert (_sees(reader, came), _sees(named, came), _sees(mari, came)) == (False, False, True)
    assert (
        marks.mark_anew(came, Wish(PartnerAttack.projected.get().marking.marking, team), "Named.", mari)
        is None
    )
    assert (_sees(reader, came), _sees(named, came), _sees(mari, came)) == (False, True, False)
    assert embargo.open_due(NODE) == 0
    later(DAY_US)
    assert _sees(reader, came) is False  # its team is left to take away
    assert (embargo.open_due(NODE), embargo.open_due(NODE)) == (1, 0)
    assert (_sees(reader, came), _sees(named, came), _sees(mari, came)) == (True, True, True)


def test_without_a_team_the_hour_alone_opens_it(attack, peer, mari, later):
    """Also where nobody gave it to anybody, and nothing runs."""
    reader = acting(newcomer("analyst", name="Kati"))
    came = _came(attack, peer, now_us() + DAY_US)
    assert not _sees(reader, came)
    later(DAY_US)
    assert _sees(reader, came)


def test_a_marking_altered_in_the_database_keeps_no_other_embargo_shut(attack, peer, mari, later):
    """Only what has that marking stays as it is until the check of rows has named it."""
    _came(attack, peer, now_us() + DAY_US)
    mark(attack.pk, replace(attack.marking.marking, embargo_us=now_us() + DAY_US), "", NODE, "Amber.")
    StoredMarking.objects.filter(pk=PartnerAttack.projected.get().marking_id).update(text='{"embargo_us":1}')
    later(DAY_US)
    assert embargo.open_due(NODE) == 1
    assert Attack.projected.get(pk=attack.pk).marking.marking.embargo_us is None


def test_a_team_that_gets_it_later_keeps_it(attack, peer, mari, team):
    """What is given to a team once the embargo is over stays with it: the hour of then opens nothing of now."""
    reader = acting(newcomer("analyst", name="Kati"))
    came = _came(attack, peer, now_us() - 1)
    assert _sees(reader, came)
    marks.mark_anew(came, Wish(PartnerAttack.projected.get().marking.marking, team), "An operation.", mari)
    assert embargo.open_due(NODE) == 0
    assert not _sees(reader, came)


def test_what_stays_with_its_team_costs_no_look_of_its_own(attack, peer, mari, team):
    """It is looked every two seconds what is to be opened: what never is must not be asked about one by one for ever."""

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert embargo.open_due(NODE) == 0
        return len(asked)

    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    number = []
    for one in (5, 6, 7):
        own = Marking(originators=frozenset({peer.authority}), embargo_us=now_us() - 1)
        peer.entry(shared.KIND, content, object_id=UUID(int=one), marking=own)
        exchange.pull_all(Partner.objects.get(), peer)
        came = own_id(peer.authority, UUID(int=one))
        marks.mark_anew(came, Wish(own, team), "An operation.", mari)
        number.append(queries())
    assert PartnerAttack.projected.filter(team=team).count() == 3
    assert number[1] == number[2]


def test_a_team_that_it_came_with_keeps_it(attack, mari, team):
    """The items of a team's feed stay that team's, whatever embargo the source has put on them."""
    own = Marking(originators=frozenset({"ee-cert"}), embargo_us=now_us() - 1)
    content = json.dumps({"type": "bundle", "id": f"bundle--{UUID(int=1)}", "objects": [
        {"type": "tool", "id": f"tool--{UUID(int=1)}", "spec_version": "2.1", "name": "x",
         "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z"},
    ]})  # fmt: skip
    intel.bring_in(content.encode(), "x.json", mari, marking=own)
    Item.projected.update(team=team)
    assert embargo.open_due(NODE) == 1
    assert Item.projected.get().team == team


def test_a_newer_version_stays_with_the_team(attack, peer, mari, team):
    """What the partner says later of the same attack is its team's too; how it is marked is the partner's to say."""
    came = _came(attack, peer, now_us() + DAY_US)
    row = PartnerAttack.projected.get()
    with pytest.raises(UsageError, match="stays marked"):
        marks.mark_anew(came, Wish(replace(row.marking.marking, tlp=Tlp.RED), team), "No.", mari)
    marks.mark_anew(came, Wish(row.marking.marking, team), "Named.", mari)
    content = shared.without(shared.find(None, attack.pk).content, frozenset(), UUID(int=5))
    peer.entry(shared.KIND, content, object_id=UUID(int=5), version=2, marking=row.marking.marking)
    exchange.pull_all(Partner.objects.get(), peer)
    assert PartnerAttack.projected.get().team == team


def test_copies_keep_their_embargo_in_later_versions(attack, peer, mari):
    """What was said of a partner's copy holds when the same attack is given again by itself, until it is said anew."""
    hour = now_us() + DAY_US
    under = replace(Marking.own("ee-cert"), embargo_us=hour, embargo_for=frozenset({"Kari"}))
    whom = Audience(authorities=frozenset({peer.authority}))
    sharing.share(Sharing("attack", attack.pk, whom, marking=under), mari, "The action day.")
    sharing.again(Given.objects.all(), NODE, "More is known.")
    sent = [one for one in Reader(peer).pull(names=False).arrivals if one.head.kind == shared.KIND]
    assert [one.marking.embargo_us for one in sent] == [hour, hour]
    assert sent[0].marking.embargo_for == {"Kari"}
    sharing.share(Sharing("attack", attack.pk, whom, marking=Marking.own("ee-cert")), mari, "It is over.")
    sent = [one for one in Reader(peer).pull(names=False).arrivals if one.head.kind == shared.KIND]
    assert sent[-1].marking.embargo_us is None


def test_a_team_gives_to_named_people_only(attack, peer, mari, team):
    """What a team alone knows is given by one of it under an embargo, and by nobody else, and not without one."""
    mark(attack.pk, attack.marking.marking, team, NODE, "Amber.")
    member = replace(mari, teams=frozenset({team}))
    under = replace(Marking.own("ee-cert"), embargo_us=now_us() + DAY_US)
    whom = Audience(authorities=frozenset({peer.authority}))
    assert sharing.preview(Sharing("attack", attack.pk, whom), member)[0].decision.rules == (
        "team.need-to-know",
    )
    told = sharing.preview(Sharing("attack", attack.pk, whom, marking=under), member)
    assert told[0].decision
    with pytest.raises(NotVisibleError):
        sharing.preview(Sharing("attack", attack.pk, whom, marking=under), mari)
    sharing.share(Sharing("attack", attack.pk, whom, marking=under), member, "The action day.")
    mark(attack.pk, replace(attack.marking.marking, tlp=Tlp.AMBER_STRICT), team, NODE, "Stricter.")
    sent = [one for one in Reader(peer).pull(names=False).arrivals if one.head.kind == shared.KIND]
    assert [one.marking.tlp for one in sent] == [Tlp.AMBER, Tlp.AMBER_STRICT]
    assert not Recalling.objects.exists()


def test_nobody_passes_it_on_before_the_hour(attack, peer, mari):
    """Another's embargo is not for this authority to tell further."""
    lv = Peer(authority="lv-cert", country="LV")
    came = _came(attack, peer, now_us() + DAY_US)
    lv.joins()
    [shown] = sharing.preview(
        Sharing("partner-attack", came, Audience(authorities=frozenset({lv.authority}))), mari
    )
    assert "embargo.hour" in shown.decision.rules


def test_an_edge_partner_is_told_nothing_before_the_hour():
    """What is offered to partners without a node is offered from the hour on."""
    hour = now_us() + DAY_US
    own = replace(Marking.own("ee-cert"), tlp=Tlp.CLEAR, embargo_us=hour)
    edge = replace(
        acting(newcomer("officer", name="Mari")),
        kind="partner",
        authority="fi-cert",
        roles=frozenset({"edge"}),
    )
    before = may(edge, "taxii.fetch", Subject("item", own, ""), now_us=hour - 1)
    after = may(edge, "taxii.fetch", Subject("item", own, ""), now_us=hour)
    assert "embargo.hour" in before.rules
    assert "embargo.hour" not in after.rules


def test_an_own_thing_is_news_at_its_hour(attack, mari, later):
    """Who asks what is new since before the hour finds it by an entry, once; its marking says nothing of it any more."""
    hour = now_us() + DAY_US
    under = replace(attack.marking.marking, embargo_us=hour, embargo_for=frozenset({"Kari"}))
    mark(attack.pk, under, "", NODE, "Amber.")
    assert embargo.open_due(NODE) == 0
    before = Entry.objects.latest("sequence").sequence
    later(DAY_US)
    assert (embargo.open_due(NODE), embargo.open_due(NODE)) == (1, 0)
    [entry] = Entry.objects.filter(sequence__gt=before, object_id=attack.pk, kind="policy.marked")
    assert Attack.projected.get(pk=attack.pk).marking.marking == replace(
        under, embargo_us=None, embargo_for=frozenset()
    )
    assert entry.sequence > before
