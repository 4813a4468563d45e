"""What a partner gets is what policy releases to it: nothing else is in a page, a count, a header or a query."""

import json
import re
from dataclasses import replace

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.accounts.models import Consultation
from hanse.intel import authoring, service, shared
from hanse.intel.authoring import Piece
from hanse.intel.models import Item
from hanse.intel.own import Written
from hanse.intel.stix_extension import said
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.service import purge
from hanse.ledger.writing import append
from hanse.policy import service as policy
from hanse.taxii import kept, partners
from hanse.taxii.models import LeftOut
from tests.accounts.people import NODE
from tests.intel.test_own import an_attack
from tests.taxii.edge import ALLOWED, AUTHORITY, WHY, Edge, brought, indicator, named, object_of

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = frozenset({"lv-cert"})
HIDDEN = {
    "red": {"tlp": Tlp.RED},
    "amber strict": {"tlp": Tlp.AMBER_STRICT},
    "amber": {"tlp": Tlp.AMBER},
    "pap red": {"pap": Pap.RED},
    "released to another": {"releasable": frozenset({"authority:lv-cert"})},
    "another state's": {"originators": OTHER, "releasable": frozenset({"state:LV"})},
    "H2 of another": {"originators": OTHER, "handling": frozenset({"H2"})},
    "H1 of another": {"originators": OTHER, "handling": frozenset({"H2", "H1"})},
    "H3": {"handling": frozenset({"H3"}), "handling_text": frozenset({"For our eyes."})},
    "for prosecution": {"purposes": frozenset({"prosecution"})},
    "past its date": {"retention_us": now_us() - 1},
}
"""Markings that a member state's partner may not have, by what keeps it."""


@pytest.fixture(autouse=True)
def nothing_kept():
    """Answers of other tests are not kept."""
    kept.clear()


@pytest.fixture
def edge() -> Edge:
    """A partner."""
    return Edge()


def everywhere(edge: Edge) -> str:
    """All that a partner can be told, as text, headers included."""
    told = []
    for path in (
        "everything/objects/",
        "everything/manifest/",
        "indicators/objects/",
        "everything/objects/?match[version]=all",
    ):
        answer = edge.ask("collections/" + path)
        told.append(answer.content.decode() + str({k: v for k, v in answer.items() if k.startswith("X-")}))
    return "".join(told)


@pytest.mark.parametrize("kept_by", HIDDEN)
def test_what_a_marking_keeps_is_told_nowhere(edge, actor, kept_by):
    """With a hidden thing beside a released one, every answer is what it is without the hidden one."""
    mari = actor("analyst")
    brought(mari, indicator(1))
    before = everywhere(edge)
    brought(mari, indicator(2), **HIDDEN[kept_by])
    kept.clear()
    assert everywhere(edge) == before
    assert named(1) in before
    for path in (f"objects/{named(2)}/", f"objects/{named(2)}/versions/"):
        hidden = edge.ask(f"collections/everything/{path}")
        missing = edge.ask(f"collections/everything/{path.replace(named(2), named(3))}")
        assert (hidden.status_code, hidden.content) == (404, missing.content)


def test_what_belongs_to_a_team_is_told_nowhere(edge, actor):
    """A released thing that is given to a need-to-know team is gone from the next answer on, kept ones included."""
    mari = actor("analyst")
    brought(mari, indicator(1), indicator(2))
    assert edge.ids() == edge.ids() == [named(1), named(2)]
    policy.mark(
        object_of(1), Marking(originators=frozenset({AUTHORITY}), **ALLOWED), "operation", mari, "Embargo."
    )
    assert edge.ids() == [named(2)]


def test_hidden_things_cost_no_query_and_no_row(edge, actor):
    """A page takes the same queries, and reads the same rows, with a hundred hidden things as with none."""
    mari = actor("analyst")
    brought(mari, indicator(1))

    def asked() -> list[str]:
        kept.clear()
        with CaptureQueriesContext(connection) as seen:
            edge.ids()
        return [re.sub(r"\d+|'\w*'", "", one["sql"])[:200] for one in seen if "SELECT" in one["sql"]]

    asked()
    before = asked()
    brought(mari, *(indicator(at) for at in range(2, 102)), tlp=Tlp.RED)
    assert asked() == before


def test_a_release_is_told_and_a_recall_is_not(edge, actor):
    """What is released later comes to those who ask for news; what is marked more strictly comes no more."""
    mari = actor("analyst")
    brought(mari, indicator(1), tlp=Tlp.AMBER)
    brought(mari, indicator(2))
    answer = edge.ask("collections/everything/objects/")
    last = answer["X-TAXII-Date-Added-Last"]
    assert edge.ids(added_after=last) == []
    mark = Marking(originators=frozenset({AUTHORITY}), **ALLOWED)
    policy.mark(object_of(1), mark, "", mari, "Released.")
    assert edge.ids(added_after=last) == [named(1)]
    policy.mark(object_of(1), Marking.own(AUTHORITY), "", mari, "Taken back.")
    assert edge.ids(added_after=last) == []
    assert edge.ids() == [named(2)]


def test_older_versions_that_were_stricter_stay_here(edge, actor):
    """A thing that was released lately tells no version from when it was marked more strictly."""
    mari = actor("analyst")
    brought(mari, indicator(1, name="Secret"), tlp=Tlp.RED)
    policy.mark(object_of(1), Marking(originators=frozenset({AUTHORITY}), **ALLOWED), "", mari, "Released.")
    brought(mari, indicator(1, "2024-03-01T00:00:00.000Z", name="Public"))
    told = edge.get("everything/objects", match_version="all")
    assert edge.ids(match_version="all") == [named(1)]
    assert "Secret" not in json.dumps(told)


@pytest.mark.parametrize("said_by_item", [True, False])
def test_older_versions_that_were_of_a_team_stay_here(edge, actor, said_by_item):
    """A thing that was let out of its need-to-know team tells no version that only the team might know."""
    mari = actor("analyst", teams=("alpha",))
    green = Marking(originators=frozenset({AUTHORITY}), **ALLOWED)
    brought(mari, indicator(1, name="Open"))
    policy.mark(object_of(1), green, "alpha", mari, "An informant is named in it.")
    brought(mari, indicator(1, "2024-02-01T00:00:00.000Z", name="Secret"))
    if said_by_item:
        row = Item.projected.get(pk=object_of(1))
        item = msgspec.structs.replace(service.item_of(row), team="alpha")
        append("intel.item", item, actor=mari, object_id=row.pk, marking=green)
    policy.mark(object_of(1), green, "", mari, "Without the name it is for partners.")
    brought(mari, indicator(1, "2024-03-01T00:00:00.000Z", name="Public"))
    told = edge.get("everything/objects", match_version="all")
    assert edge.ids(match_version="all") == [named(1)]
    assert "Secret" not in json.dumps(told)
    path = f"everything/objects/{named(1)}/versions"
    assert edge.get(path)["versions"] == ["2024-03-01T00:00:00.000Z"]


def test_what_is_purged_is_told_no_more(edge, actor):
    """A purge is felt at the next request, whatever was kept."""
    brought(actor("analyst"), indicator(1), indicator(2))
    assert edge.ids() == edge.ids() == [named(1), named(2)]
    purge([object_of(1)], NODE, "Its retention is over.")
    assert edge.ids() == [named(2)]


def test_each_answer_that_discloses_is_written_down(edge, actor):
    """Article 25: who got which things, why, and to whom they went; also where the answer was kept. Nothing told is none."""
    brought(actor("analyst"), indicator(1), indicator(2))
    for _ in range(2):
        edge.ids()
    rows = list(Consultation.objects.filter(action="taxii.fetch"))
    assert len(rows) == 2
    for row in rows:
        assert (row.actor_id, row.why) == (edge.row.pk.hex, WHY)
        assert set(row.objects_seen) == {one.hex for one in Item.projected.values_list("pk", flat=True)}
        assert "fi-cert" in row.recipient
    assert edge.ids(added_after="2100-01-01T00:00:00.000000Z") == []
    assert Consultation.objects.filter(action="taxii.fetch").count() == 2


def test_one_bad_object_breaks_nothing(edge, actor):
    """What cannot be told as STIX is left out and noted once; all else is told (OpenCTI#10517)."""
    brought(actor("analyst"), indicator(1), {"type": "indicator", "id": "indicator--bad"}, indicator(2))
    for _ in range(2):
        assert edge.ids() == [named(1), named(2)]
    (noted,) = LeftOut.objects.all()
    assert "no id of a STIX object" in noted.why


def test_who_was_revoked_comes_no_more(edge, actor):
    """A revoked partner, a wrong secret, a wrong name and nobody are answered alike; a row put back by hand helps nobody."""
    brought(actor("analyst"), indicator(1))
    assert edge.ask("collections/").status_code == 200
    assert edge.ask("collections/", HTTP_AUTHORIZATION=f"Bearer {edge.secret}").status_code == 200
    nobody = edge.ask("collections/", HTTP_AUTHORIZATION="")
    partners.revoke(edge.row.pk, "It has a node now.", edge.people[0])
    edge.row.save()  # as it was: not revoked
    assert edge.ask("collections/").content == nobody.content
    assert (nobody.status_code, nobody["WWW-Authenticate"][:5]) == (401, "Basic")
    other = Edge("lv-cert", "LV")
    other.authority = "fi-cert"
    assert other.ask("collections/").status_code == 401


def test_partners_see_each_others_nothing(edge, actor):
    """Collections of two partners have different ids, and one's are not there for the other; each gets its releases."""
    other = Edge("lv-cert", "LV")
    mari = actor("analyst")
    brought(mari, indicator(1), releasable=frozenset({"authority:fi-cert"}))
    brought(mari, indicator(2), releasable=frozenset({"state:LV"}))
    assert (edge.ids(), other.ids()) == ([named(1)], [named(2)])
    theirs = other.ask("collections/everything/").json()["id"]
    assert edge.ask(f"collections/{theirs}/").status_code == 404


def test_one_person_cannot_make_a_partner(actor):
    """Who proposes a partner cannot approve it, and an analyst cannot propose one."""
    from hanse.accounts import approvals
    from hanse.accounts.rules import RefusedError
    from tests.accounts.people import acting, newcomer

    mari = acting(newcomer("administrator", "approver"))
    proposal = partners.propose_partner("fi-cert", "CERT FI", "FI", "member", WHY, mari)
    with pytest.raises(RefusedError, match="other than the one"):
        approvals.approve(proposal, mari)
    with pytest.raises(RefusedError, match="None of your roles"):
        partners.propose_partner("lv-cert", "CERT LV", "LV", "member", WHY, acting(newcomer("analyst")))


def test_what_own_words_rest_on_goes_by_the_id_that_partners_know(edge, actor):
    """Ids of this node's own, from which a victim could be found by trying, are in no version and no manifest."""
    mari = actor("analyst")
    about = an_attack(mari)
    green = Marking(originators=frozenset({AUTHORITY}), **ALLOWED)
    policy.mark(about.pk, green, "", NODE, "For partners.")
    brought(mari, indicator(1))
    seen = object_of(1)
    piece = Piece(written=Written(type="report", title="T", text="t"), cites=(about.pk, seen))
    report = authoring.write(piece, mari, marking=green)
    before, version = edge.ids(), Item.projected.get(pk=report).source_version
    authoring.change(report, version, replace(piece, written=replace(piece.written, text="More.")), mari)
    assert sorted(edge.ids()) == sorted(before) == sorted([named(1), Item.projected.get(pk=report).source_id])
    kept_here = service.item_of(Item.projected.get(pk=report)).raw
    assert about.pk.hex in json.dumps(kept_here)
    told = everywhere(edge)
    for name in (
        about.pk.hex,
        seen.hex,
        *(one["id"] for one in said(kept_here)["cites"] if one["sort"] == "attack"),
    ):
        assert name not in told
    listed = edge.get("everything/objects", match_version="all")["objects"]
    versions = [one for one in listed if one["type"] == "report"]
    assert len(versions) == 2
    as_shared = shared.find("report", None, report).content.object
    for one in versions:
        assert said(one)["cites"] == said(as_shared)["cites"]
        assert named(1) in one["object_refs"]
    assert versions[-1] | {"object_marking_refs": []} == as_shared | {"object_marking_refs": []}
