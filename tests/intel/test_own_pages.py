"""The pages and the API of what is written here: forms that lose nothing, conflicts that are shown, grades and tags with words."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.campaigns.models import Campaign
from hanse.campaigns.service import members_of
from hanse.campaigns.stix_export import objects_of
from hanse.intel import authoring, grades, grading, service, taxonomies
from hanse.intel.models import Item
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from hanse.policy import service as policy
from hanse.recording import record
from tests.conftest import AUTHORITY
from tests.intel.test_own import an_attack, held, report
from tests.intel.test_room import bundle, indicator
from tests.intel.valid import validated
from tests.ledger.made import findings
from tests.node.test_history import few
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

MARKED = {"marking_tlp": "AMBER", "marking_pap": "AMBER"}


def said(client: ActingClient, address: str, **more: Any) -> str:
    """The text of a page."""
    return client.get(address, more, follow=True).content.decode()


def test_a_report_is_written_on_the_page_that_cites_an_attack(actor: People, client_as: Clients) -> None:
    """From the attack's page the form begins with the citation; what is typed becomes a report that both pages show."""
    mari = actor("analyst")
    client, about = client_as(mari), an_attack(mari)
    assert f"/intelligence/write/report/?cite={about.pk}" in said(client, f"/attacks/{about.pk}/")
    address = f"/intelligence/write/report/?cite={about.pk}"
    assert f"/attacks/{about.pk}/" in said(client, address)
    told = {
        **MARKED, "title": "Flood on the police", "text": "One\ntwo", "values": "8[.]8.4.4\niban: EE382200221020145685",
        "cites": f"/attacks/{about.pk}/ whatever", "tags": "my:own", "more_tags": 'rsit:availability="ddos"',
        "confidence": "70", "grade": "europol B2", "handling": "H2",
    }  # fmt: skip
    response = client.post(address, told)
    row = Item.projected.select_related("marking").get()
    assert (response.status_code, response["Location"]) == (302, f"/intelligence/{row.pk}/")
    assert (row.format, row.type, row.sealed, row.marking.marking.handling) == ("own", "report", True, {"H2"})
    page = said(client, f"/intelligence/{row.pk}/", why="It is my case.")
    for words in (
        "Flood on the police", "One<br>two", f"/attacks/{about.pk}/", "8.8.4.4", "EE382200221020145685",
        "Distributed Denial of Service", "unknown", "mostly proved reliable", "70 of 100: high, likely", "CERT Estonia",
    ):  # fmt: skip
        assert words in page, words
    assert f"/intelligence/{row.pk}/" in said(client, f"/attacks/{about.pk}/")


def test_what_was_taken_back_is_struck_out_in_the_list(actor: People, client_as: Clients) -> None:
    """Who looks through the list does not take for said what its creator has taken back."""
    mari = actor("analyst")
    wrong = authoring.write(report("Wrong <i>one</i>"), mari)
    authoring.write(report("Right one"), mari)
    authoring.take_back(wrong, held(wrong).source_version, "It was wrong.", mari)
    page = said(client_as(mari), "/intelligence/")
    assert "<s>Wrong &lt;i&gt;one&lt;/i&gt;</s>" in page
    assert "taken back" in page
    assert "<s>Right one</s>" not in page


def test_the_number_of_a_card_is_told_where_it_belongs_and_is_not_repeated(
    actor: People, client_as: Clients
) -> None:
    """Nobody is told to keep it as a name: it is kept in cases, and the words that say so do not hold it."""
    told = {**MARKED, "title": "A shop", "values": "4111 1111 1111 1111"}
    page = client_as(actor("analyst")).post("/intelligence/write/report/", told).content.decode()
    assert "Open a case for it" in page
    assert page.count("4111 1111 1111 1111") == 1  # in the field where it was typed
    assert not Item.projected.exists()


def test_lines_that_are_no_values_are_named_and_nothing_typed_is_lost(
    actor: People, client_as: Clients
) -> None:
    """Each wrong line is told with its reason; the form comes back with what was typed, and nothing is written."""
    client = client_as(actor("analyst"))
    told = {
        **MARKED,
        "title": "Kept title",
        "values": "8.8.8.8\nnothing known\niban: EE00",
        "cites": "no address",
    }
    page = client.post("/intelligence/write/report/", told).content.decode()
    for words in ("Line 2", "Line 3", "Line 1 names nothing", "Kept title", "nothing known", "iban: EE00"):
        assert words in page, words
    assert not Item.projected.exists()


def test_who_is_overtaken_sees_both(actor: People, client_as: Clients) -> None:
    """Two open the form, both save: the second sees what the first wrote beside their own words, and can then save."""
    mari = actor("analyst")
    one = authoring.write(report(), mari)
    client, before, address = client_as(mari), held(one).source_version, f"/intelligence/{one}/edit/"
    assert f'value="{before}"' in said(client, address)
    assert client.post(address, {"before": before, "title": "First words"}).status_code == 302
    page = client.post(address, {"before": before, "title": "Second words"}).content.decode()
    assert "First words" in page
    assert "Second words" in page
    assert held(one).title == "First words"
    now = held(one).source_version
    assert f'value="{now}"' in page
    assert client.post(address, {"before": now, "title": "Second words"}).status_code == 302
    assert held(one).title == "Second words"


def test_an_indicator_and_a_sighting_are_written_on_pages(actor: People, client_as: Clients) -> None:
    """An indicator begins with the values of an item; a sighting is of it, named after it, and can be taken back."""
    mari = actor("analyst")
    service.bring_in(b"value,kind\nevil.example,domain\n", "list.csv", mari)
    client, row = client_as(mari), Item.projected.get()
    address = f"/intelligence/write/indicator/?values={row.pk}&cite={row.pk}"
    assert "domain: evil.example" in said(client, address)
    client.post(address, {**MARKED, "values": "evil.example", "cites": str(row.pk), "until_us": "2099-01-01"})
    made = Item.projected.get(type="indicator")
    assert made.title == "domain evil.example"
    seen = client.post(
        f"/intelligence/write/sighting/?of={made.pk}", {**MARKED, "count": "3", "text": "In our log."}
    )
    sighting = Item.projected.get(type="sighting")
    assert seen["Location"] == f"/intelligence/{sighting.pk}/"
    assert sighting.title == "Sighting of domain evil.example"
    before = sighting.source_version
    address = f"/intelligence/{sighting.pk}/take-back/"
    assert client.post(address, {"before": before, "reason": "It was ours."}).status_code == 302
    assert "taken it back" in said(client, f"/intelligence/{sighting.pk}/")
    assert client.get("/intelligence/write/sighting/").status_code == 400
    assert client.get("/intelligence/write/malware/").status_code == 404


def test_an_item_is_graded_and_the_grade_taken_back(actor: People, client_as: Clients) -> None:
    """A person's grade counts instead of the source's, with who and why, outlives a newer version, and can be undone."""
    mari = actor("analyst")
    labels = ['admiralty-scale:source-reliability="c"', 'admiralty-scale:information-credibility="3"']
    service.bring_in(bundle(indicator(1, "8.8.8.8", labels=labels, confidence=40)), "one.json", mari)
    row, client = Item.projected.get(), client_as(mari)
    assert "Admiralty C3: fairly reliable; possibly true" in said(client, f"/intelligence/{row.pk}/")
    address = f"/intelligence/{row.pk}/grade/"
    assert "Choose a grade" in client.post(address, {"reason": "Because."}).content.decode()
    told = {"grade": "admiralty A1", "confidence": "90", "reason": "We saw it ourselves."}
    assert client.post(address, told).status_code == 302
    newer = indicator(1, "8.8.8.8", labels=labels, modified="2025-01-01T00:00:00.000Z", confidence=45)
    service.bring_in(bundle(newer), "two.json", mari)
    page = said(client, f"/intelligence/{row.pk}/")
    for words in ("Admiralty A1: completely reliable; confirmed", "90 of 100: high, highly likely", "We saw it ourselves.",
                  "Mari Maasikas", "fairly reliable"):  # fmt: skip
        assert words in page, words
    told = client.get(f"/api/intelligence/items/{row.pk}").json()
    assert [told[name] for name in ("grade", "confidence", "source_grade", "source_confidence")] == [
        "admiralty A1", 90, "admiralty C3", 45,
    ]  # fmt: skip
    assert findings() == []
    client.post(f"{address}withdraw/")
    assert held(row.pk).standing_grade == "admiralty C3"
    with pytest.raises(UsageError):
        grades.withdraw(row.pk, "", mari)
    assert findings() == []


def test_the_api_writes_changes_grades_and_takes_back(actor: People, client_as: Clients) -> None:
    """A program does what the pages do; an overtaken change is 409, and a wrong value is named."""
    mari = actor("analyst")
    client, about = client_as(mari), an_attack(mari)

    def post(path: str, status: int, **body: Any) -> Any:
        response = client.post(f"/api/intelligence/{path}", json.dumps(body), content_type="application/json")
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    wrong = post(
        "written",
        400,
        type="report",
        title="X",
        values=[{"value": "8.8.8.8"}, {"value": "x", "kind": "iban"}],
    )
    assert "Value 2" in wrong["detail"]
    made = post(
        "written", 201, type="report", title="X", values=[{"value": "8.8.8.8"}], cites=[str(about.pk)],
        marking={"tlp": "CLEAR", "pap": "CLEAR", "originators": ["somebody-else"]},
    )  # fmt: skip
    assert made["marking"] == {"tlp": "AMBER", "pap": "AMBER", "originators": [AUTHORITY]}
    put = {"title": "Y", "version": made["version"]}
    for status in (200, 409):
        response = client.put(
            f"/api/intelligence/written/{made['id']}", json.dumps(put), content_type="application/json"
        )
        assert response.status_code == status, response.content
    post(f"items/{made['id']}/grade", 204, grade="europol A1", why="We saw it ourselves.")
    post(f"items/{made['id']}/grade", 400, grade="Z9", why="We saw it ourselves.")
    post(f"items/{made['id']}/grade/withdraw", 204)
    version = held(made["id"]).source_version
    post(f"written/{made['id']}/take-back", 200, version=version, why="It was ours.")
    assert held(made["id"]).revoked
    assert findings() == []


def test_attacks_and_campaigns_leave_as_stix(actor: People, client_as: Clients) -> None:
    """The buttons of their pages and the API give the same valid bundle, and each is written down."""
    mari = actor("analyst")
    record(few(), mari)
    client, campaign = client_as(mari), Campaign.projected.order_by("-named").first()
    attack = client.get(f"/api/campaigns/{campaign.pk}/attacks").json()["items"][0]["id"]
    for page, api in (
        (f"/attacks/{attack}/", f"/api/attacks/{attack}/stix"),
        (f"/campaigns/{campaign.pk}/", f"/api/campaigns/{campaign.pk}/stix"),
    ):
        assert f"{page}export/?as=stix" in said(client, page)
        before = Entry.objects.filter(kind="accounts.disclosed").count()
        by_page, by_api = client.get(f"{page}export/?as=stix").content, client.get(api).content
        assert Entry.objects.filter(kind="accounts.disclosed").count() == before + 2
        assert json.loads(by_page) == json.loads(by_api)
        result = validated(by_api.decode(), enforce_refs=True)
        assert result.is_valid, [str(error) for error in result.errors]
    assert "campaign" in {one["type"] for one in json.loads(by_api)["objects"]}


def test_many_attacks_leave_after_few_questions(actor: People) -> None:
    """What a campaign's bundle may name of campaigns and other attacks is asked once, however many attacks it has."""
    mari = actor("analyst")
    record(few(), mari)
    campaign = Campaign.projected.select_related("marking").order_by("-named").first()
    asked = []
    for number in (2, 18):
        attacks = members_of(campaign, mari, "attacks.export").select_related("marking")[:number]
        rows = list(attacks)
        with CaptureQueriesContext(connection) as told:
            objects_of(campaign, rows, mari)
        asked.append(len([one for one in told if re.search("FROM .(attacks|campaigns)_", one["sql"])]))
        assert len(rows) == number
    assert 0 < asked[0] == asked[1]


def test_who_says_it_is_shown_by_name_within_the_readers_view(actor: People, client_as: Clients) -> None:
    """An item names its creator by the creator's own item; whoever may not see that one reads the id alone."""
    mari = actor("analyst", teams=("amber",))
    who = {
        "type": "identity", "spec_version": "2.1", "id": "identity--00000000-0000-4000-8000-000000000001",
        "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z", "name": "CERT of Riga",
        "identity_class": "organization",
    }  # fmt: skip
    service.bring_in(bundle(who, indicator(1, "8.8.8.8", created_by_ref=who["id"])), "one.json", mari)
    row, reader = Item.projected.get(type="indicator"), client_as(actor("analyst"))
    for page in (f"/intelligence/{row.pk}/", "/intelligence/?type=indicator"):
        assert "CERT of Riga" in said(reader, page)
    red = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.RED)
    policy.mark(Item.projected.get(type="identity").pk, red, "amber", mari, "Only those who work on it.")
    for page in (f"/intelligence/{row.pk}/", "/intelligence/?type=indicator"):
        assert "CERT of Riga" not in said(reader, page)
    assert "CERT of Riga" not in said(
        client_as(mari), "/intelligence/?type=indicator"
    )  # stricter than the list's rows


@pytest.mark.parametrize(
    ("tag", "taxonomy", "words"),
    [
        ("tlp:amber", "Traffic Light Protocol", "need-to-know"),
        ('RSIT:availability="DDoS"', "rsit", "Denial of Service"),
        ('misp-galaxy:threat-actor="apt28"', "Threat Actor", "APT28"),
        ('misp-galaxy:no-such-galaxy="x"', "", "misp-galaxy:no-such-galaxy"),
        ("../../etc:passwd", "", "../../etc:passwd"),
        ("of our own", "", "of our own"),
    ],
)
def test_a_tag_is_shown_with_what_it_means(tag: str, taxonomy: str, words: str) -> None:
    """Tags of taxonomies and clusters of galaxies have a meaning; any other is kept as it is, and is unknown."""
    told = taxonomies.meaning(tag)
    assert (told.tag, told.taxonomy) == (tag, taxonomy)
    assert words.lower() in f"{told.title} {told.description}".lower()


def test_every_tag_that_is_offered_is_known() -> None:
    """What the form offers is found again with the same words, and no two are the same."""
    offered = [one for _, group in taxonomies.offered() for one in group]
    assert len(offered) == len(taxonomies.offered_tags()) > 100
    assert all(taxonomies.meaning(tag).title == title for tag, title in offered)


@pytest.mark.parametrize(
    ("tags", "grade", "confidence"),
    [
        (['admiralty-scale:source-reliability="b"', 'admiralty-scale:information-credibility="2"'], "admiralty B2", None),
        (['admiralty-scale:information-credibility="1"'], "admiralty F1", None),
        (['Admiralty-Scale:Source-Reliability="A"'], "admiralty A6", None),
        (['admiralty-scale:source-reliability="g"', "tlp:red"], "", None),
        (['misp:confidence-level="usually-confident"'], "", 75),
        ([], "", None),
    ],
)  # fmt: skip
def test_tags_of_the_scales_are_taken_over(tags: list[str], grade: str, confidence: int | None) -> None:
    """One half of the admiralty's scale leaves the other unjudged; what is no step of it grades nothing."""
    assert grading.of_tags(tags) == (grade, confidence)


def test_every_grade_has_words_and_no_other_is_read() -> None:
    """36 grades of the admiralty, 16 of Europol: each is read back; anything else is refused with what is meant."""
    told = [text for _, group in grading.choices() for text, _ in group]
    assert len(told) == len(set(told)) == 52
    assert all(grading.read(text).text == text for text in told)
    for wrong in ("", "B2", "admiralty X1", "europol A5", "admiralty B22", "stars B2"):
        with pytest.raises(UsageError):
            grading.read(wrong)


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(0, "none, impossible"), (29, "low, unlikely"), (30, "medium, unlikely"), (69, "medium, likely"),
     (70, "high, likely"), (99, "high, highly likely"), (100, "high, certain")],
)  # fmt: skip
def test_confidence_has_the_words_of_stix(confidence: int, words: str) -> None:
    """The steps of STIX 2.1, appendix A."""
    assert grading.confidence_words(confidence) == f"{confidence} of 100: {words}"


def test_a_report_that_cites_is_no_weaker_than_it_after_any_change(actor: People) -> None:
    """Also a later citation makes a report stricter, and taking the citation out again does not weaken it."""
    mari = actor("analyst", "officer")
    service.bring_in(bundle(indicator(1, "8.8.8.8")), "one.json", mari,
                     marking=Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.AMBER_STRICT))  # fmt: skip
    cited = Item.projected.get().pk
    one = authoring.write(report(), mari)
    authoring.change(one, held(one).source_version, replace(report(), cites=(cited,)), mari)
    assert held(one).marking.marking.tlp == Tlp.AMBER_STRICT
    authoring.change(one, held(one).source_version, report("Without"), mari)
    assert held(one).marking.marking.tlp == Tlp.AMBER_STRICT


def test_writing_that_turns_round_is_shown_as_escapes(actor: People, client_as: Clients) -> None:
    """Marks that no reader sees are readable in titles, texts and values, of what is written here and what came in."""
    mari, turned = actor("analyst"), "Ministry\u202eecnaniF\u202c"
    service.bring_in(bundle(indicator(1, "8.8.8.8", name=turned, description=turned)), "one.json", mari)
    authoring.write(report(turned, text=turned), mari)
    client = client_as(mari)
    for row in Item.projected.all():
        page = said(client, f"/intelligence/{row.pk}/")
        assert "\u202e" not in page
        assert page.count("Ministry\\u202eecnaniF") >= 2
    assert "\u202e" not in said(client, "/intelligence/")


def test_no_file_speaks_for_this_authority(actor: People, client_as: Clients) -> None:
    """What a file says in this authority's name is shown as a claim, and touches nothing that was written here."""
    mari = actor("analyst")
    one = authoring.write(report("Ours"), mari)
    raw = service.item_of(held(one)).raw | {"name": "Forged", "modified": "2099-01-01T00:00:00.000Z"}
    service.bring_in(bundle(raw), "forged.json", mari)
    assert held(one).title == "Ours"
    forged = Item.projected.get(format="stix")
    client = client_as(mari)
    assert "CERT Estonia, as the file claims" in said(client, f"/intelligence/{forged.pk}/")
    assert "as the file claims" not in said(client, f"/intelligence/{one}/")
