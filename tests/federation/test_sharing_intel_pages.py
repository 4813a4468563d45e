"""The pages and the API of sharing intelligence: a dry run with what it names, who has it, and what a partner shared."""

import json
import re
from uuid import UUID

import pytest

from hanse.federation import opening, sharing
from hanse.federation.models import Given, Partner, Recalling, Release
from hanse.federation.sharing import Audience, Sharing
from hanse.intel import authoring, service, shared
from hanse.intel.authoring import Piece
from hanse.intel.models import Item
from hanse.intel.own import Written
from hanse.intel.stix_extension import identity_id
from hanse.intel.values import Value
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from tests.federation.peer import Peer
from tests.federation.test_pages import client, client_as, mari, person, text_of
from tests.federation.test_sharing_intel import ADDRESS, AT, _indicator, _pull
from tests.intel.stix_corpus import bundle

__all__ = ["client", "client_as", "mari"]

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.usefixtures("founded")]

AMBER = Marking(originators=frozenset({"fi-cert"}), tlp=Tlp.AMBER)


@pytest.fixture
def indicator(mari) -> Item:
    """An indicator of this authority."""
    told = Written(type="indicator", values=(Value("address", ADDRESS),))
    return Item.projected.get(pk=authoring.write(Piece(written=told), mari))


@pytest.fixture
def report(mari, indicator) -> Item:
    """A report that rests on it."""
    told = Written(type="report", title="Booters <b>of spring</b>", text="Rented at night.")
    return Item.projected.get(pk=authoring.write(Piece(written=told, cites=(indicator.pk,)), mari))


@pytest.fixture
def theirs(peer: Peer) -> Item:
    """An indicator that Finland shared, not to be passed on; Latvia is a partner as well."""
    Peer("lv-cert", "LV").joins()
    peer.entry(shared.KIND, _indicator(), object_id=AT, marking=AMBER)
    assert _pull(peer) == []
    return Item.projected.get(format="partner")


def test_a_report_is_shared_from_its_page_with_what_it_names(client, peer, report, indicator):
    """The dry run says who has what it names, and who would get it; what is chosen goes along, and nothing else."""
    assert f"/intelligence/{report.pk}/share/" in text_of(client, f"/intelligence/{report.pk}/")
    where = f"/intelligence/{report.pk}/share/"
    chosen = {"authorities": peer.authority, "withheld": "text"}
    answer = client.get(where, chosen)
    [beside] = answer.context["beside"]
    assert (beside.one.thing.object_id, beside.chosen, beside.has, beside.may) == (
        indicator.pk, False, [], [Partner.objects.get().name],
    )  # fmt: skip
    facts = dict(answer.context["facts"])
    assert (facts["What it says"], facts["Said by"]) == ("withheld", "this authority")
    assert "Rented" not in answer.context["json"]
    assert not Given.objects.exists()
    chosen["along"] = indicator.pk.hex
    seen = client.get(where, chosen).context["seen"]
    assert client.post(where, {**chosen, "seen": seen, "reason": ""}).status_code == 200
    assert not Given.objects.exists()
    assert client.post(where, {**chosen, "seen": seen, "reason": "They are next."}).status_code == 302
    held = {row.thing: (row.sort, row.withheld) for row in Given.objects.all()}
    assert held == {report.pk: ("report", ["text"]), indicator.pk: ("indicator", ["text"])}
    text = text_of(client, f"/intelligence/{report.pk}/")
    assert "Who has it" in text
    assert "<b>of" not in text
    assert client.get(where, chosen).context["beside"][0].has == [Partner.objects.get().name]


def test_a_recall_from_the_page_tells_who_has_it(client, peer, report, mari):
    """The page of the item offers it, and says what became of it."""
    sharing.share(Sharing("report", report.pk, Audience(tiers=frozenset({"member"}))), mari, "They are next.")
    where = f"/intelligence/{report.pk}/recall/"
    assert client.post(where, {"partners": peer.authority, "reason": "It was wrong."}).status_code == 302
    assert Recalling.objects.get().reason == "It was wrong."
    assert "not answered yet" in text_of(client, f"/intelligence/{report.pk}/")


def test_a_partners_item_says_whose_it_is_and_looking_is_told_once(client, theirs):
    """Page and list name the partner; its marking is the partner's to change; the first look is told."""
    text = text_of(client, f"/intelligence/{theirs.pk}/")
    assert "fi-cert shared it and signed it" in text
    assert "<dt>Said by</dt><dd>fi-cert</dd>" in text
    assert f"/intelligence/{theirs.pk}/pass-on/" in text
    assert f"/intelligence/{theirs.pk}/share/" not in text
    client.get(f"/intelligence/{theirs.pk}/")
    assert Entry.objects.filter(kind=opening.OPENED, recipient="fi-cert").count() == 1
    assert "fi-cert" in text_of(client, "/intelligence/?origin=fi-cert")
    assert str(theirs.pk) not in text_of(client, "/intelligence/?origin=lv-cert")


def test_a_value_that_stands_on_the_page_is_not_told_as_missing(client, peer, mari):
    """The id of an observable says no more than its value; what a partner names and did not share is still told."""
    written = Written(type="report", title="A booter", values=(Value("address", ADDRESS),))
    ours = Item.projected.get(pk=authoring.write(Piece(written=written), mari))
    raw = dict(shared.find("report", mari, ours.pk).content.object)
    [named] = raw["object_refs"]
    away = f"malware--{UUID(int=7, version=4)}"
    raw |= {
        "id": f"report--{UUID(int=8, version=4)}", "created_by_ref": identity_id("fi-cert"), "object_refs": [named, away],
    }  # fmt: skip
    peer.entry(shared.KIND, shared.Shared(object=raw), object_id=AT, marking=AMBER)
    assert _pull(peer) == []
    text = text_of(client, f"/intelligence/{Item.projected.get(format='partner').pk}/")
    told = text.partition("Tied to")[2].partition("As it came")[0]
    assert (ADDRESS in text, named in told, away in told) == (True, False, True)


def test_a_thing_that_came_by_two_ways_is_listed_once_and_names_both(client, theirs, mari):
    """The list has one row, and its page says from whom else it came."""
    service.bring_in(bundle(_indicator().object), "ours.json", mari)
    ours = Item.projected.get(format="stix")
    text = text_of(client, "/intelligence/")
    assert str(ours.pk) in text
    assert str(theirs.pk) not in text
    assert str(theirs.pk) in text_of(client, f"/intelligence/{ours.pk}/")


def test_a_partners_item_is_passed_on_or_its_originator_asked(client, theirs):
    """What its marking forbids is refused with the reason; asked for, it waits, and the page says so."""
    path = f"/intelligence/{theirs.pk}/pass-on/"
    assert "Ask for a release" in client.get(path).content.decode()
    told = {"partner": "lv-cert", "reason": "They are next."}
    assert "Ask the originator" in client.post(path, {**told, "pass": ""}).content.decode()
    assert client.post(path, {**told, "ask": ""}).status_code == 302
    assert Release.objects.get().purpose == "They are next."
    assert "no answer yet" in text_of(client, f"/intelligence/{theirs.pk}/")


def test_what_was_done_is_told_to_who_shared_it(client, theirs):
    """From its page; what no partner shared has no such page."""
    path = f"/intelligence/{theirs.pk}/acted/"
    assert client.post(path, {"what": "blocked", "text": "At the border."}).status_code == 302
    assert Entry.objects.filter(kind="federation.acted", recipient="fi-cert").count() == 1
    assert "At the border." in text_of(client, f"/intelligence/{theirs.pk}/")


def test_what_cannot_be_shared_says_so(client, peer, report, theirs, mari):
    """A row of a list is no STIX; a partner's item is passed on, and an own one is not."""
    service.bring_in(b"value\n185.199.108.1\n", "list.csv", mari)
    row = Item.projected.get(format="csv")
    assert f"/intelligence/{row.pk}/share/" not in text_of(client, f"/intelligence/{row.pk}/")
    for path in (
        f"{row.pk}/share",
        f"{theirs.pk}/share",
        f"{theirs.pk}/recall",
        f"{report.pk}/pass-on",
        f"{report.pk}/acted",
    ):
        assert client.get(f"/intelligence/{path}/").status_code == 400
    api = f"/api/intelligence/items/{row.pk}/share/try"
    answer = client.post(api, json.dumps({"authorities": ["fi-cert"]}), content_type="application/json")
    assert (answer.status_code, "Only what is in STIX" in answer.content.decode()) == (400, True)


def test_only_those_who_may(client_as, peer, report):
    """An analyst who may see intelligence may share it; an administrator sees nothing of it."""
    admin = client_as(person("Tiit", "administrator"))
    for name in ("share", "recall"):
        assert admin.get(f"/intelligence/{report.pk}/{name}/").status_code == 403


def test_the_api_does_what_the_pages_do(client, peer, report, theirs, mari):
    """A dry run, sharing, who has it, recalling; passing on, asking and saying what was done."""

    def post(path: str, **told):
        answer = client.post(
            f"/api/intelligence/items/{path}", json.dumps(told), content_type="application/json"
        )
        return answer.status_code, (answer.json() if answer.content else None)

    whom = {"authorities": ["fi-cert"]}
    status, [would] = post(f"{report.pk}/share/try", **whom)
    assert (status, would["gets"], would["content"]["object"]["name"]) == (200, True, report.title)
    status, [got] = post(f"{report.pk}/share", **whom, reason="They are next.")
    assert got == would
    held = client.get(f"/api/intelligence/items/{report.pk}/holders").json()
    assert [one["authority"] for one in held] == ["fi-cert"]
    assert post(f"{report.pk}/recall", reason="It was wrong.") == (201, {"told": 1})
    assert post(f"{theirs.pk}/pass-on", authority="lv-cert", reason="x")[1]["gets"] is False
    assert post(f"{theirs.pk}/ask-release", authority="lv-cert", purpose="x")[0] == 201
    assert post(f"{theirs.pk}/acted", what="warned")[0] == 204
    assert client.get(f"/api/intelligence/items/{theirs.pk}").json()["origin"] == "fi-cert"


def test_the_dry_run_is_what_one_sees_of_it(client, peer, report):
    """It leads to the result; how copies are marked stays folded while nobody changed it, and open where somebody did."""
    where = f"/intelligence/{report.pk}/share/"
    page = client.get(where)
    assert 'method="get" action="#dry-run"' in page.content.decode()
    as_it_is = dict(_filled(page.context["strict"]))
    folded = client.get(where, {"authorities": peer.authority, **as_it_is}).content.decode()
    assert 'id="dry-run"' in folded
    assert "<details><summary>Mark the copies" in folded
    for changed in ({"marking_tlp": "RED"}, {"handling": "H1"}, {"releasable": "nonsense"}):
        told = {"authorities": peer.authority, **as_it_is, **changed}
        assert "<details open><summary>Mark the copies" in client.get(where, told).content.decode()


def _filled(form):
    """What a browser sends of a form that nobody touched."""
    fields = re.findall(r'name="([a-z_]+)"[^>]*?(?:value="([^"]*)")?[^>]*>', str(form))
    for name, value in fields:
        if name.startswith("marking_"):
            yield (
                name,
                form.initial["marking"].tlp.value
                if name.endswith("tlp")
                else form.initial["marking"].pap.value,
            )
        elif name not in {"handling", "purposes"}:
            yield name, value
