"""The campaigns' pages: what is said, what is not, who may take it out."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from hanse.accounts.models import Consultation
from hanse.attacks import service as attacks
from hanse.attacks.models import STANDING, Attack, Run
from hanse.campaigns import service
from hanse.campaigns.models import Campaign, Link, Replaced
from hanse.campaigns.views import HITS_SHOWN
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.kernel.units import count, minute
from hanse.policy.service import mark
from hanse.recording import record
from hanse.tracing import service as tracing
from hanse.tracing.models import Trace
from tests.accounts.people import NODE
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

TOO_MUCH = re.compile(
    r"directed by|ordered by|attributed to|the attacker is|behind the attacks? (is|was)", re.IGNORECASE
)


def known(who: Actor, marking: Marking | None = None) -> Campaign:
    """The largest campaign of forty Estonian attacks, on record."""
    record(earliest(40), who, marking)
    return Campaign.projected.order_by("-named").first()


@pytest.fixture
def mari(actor: People) -> Actor:
    """An analyst."""
    return actor("analyst")


@pytest.fixture
def campaign(mari: Actor) -> Campaign:
    """A campaign on record."""
    return known(mari)


def page(client: ActingClient, address: str) -> str:
    """A page's text, once it is there."""
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_the_answer_and_its_evidence(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """The page says the verdict, why, what would refute it, who was hit, and which entry says so."""
    text = page(client_as(mari), f"/campaigns/{campaign.pk}/")
    assert campaign.verdict in text
    for one in (*campaign.detail["evidence"], *campaign.detail["refuted_by"]):
        assert one[1:].split("'")[0] in text
    for organisation, number in campaign.detail["organisations"]:
        assert re.search(
            rf"{re.escape(organisation)}</a></td>(<td[^>]*>[^<]*</td>){{2}}<td class=\"num\">{number}</td>",
            text,
        )
    assert f'data-src="/api/campaigns/{campaign.pk}/timeline"' in text
    assert f"/ledger/{campaign.sequence}/" in text
    assert text.count("TLP:AMBER PAP:AMBER") == 2


def test_names_are_text_and_figures_those_of_the_attacks(
    mari: Actor, campaign: Campaign, client_as: Clients
) -> None:
    """An organisation's name is text, whatever it holds; its row counts its attacks and victims, and has its peak."""
    name = '<b>&"Ministry'
    rows = Attack.projected.filter(campaign=campaign.pk)
    rows.filter(pk__in=list(rows.order_by("start_us").values_list("pk", flat=True)[:3])).update(
        organisation=name, sector="s", country="EE", victim="192.0.2.1"
    )
    rows.filter(organisation=name).update(peak_bps=5e12)
    text = page(client_as(mari), f"/campaigns/{campaign.pk}/")
    assert name not in text
    shown = "&lt;b&gt;&amp;&quot;Ministry"
    there = f"/attacks/?campaign={campaign.pk}&amp;organisation=%3Cb%3E%26%22Ministry"
    figures = ["s", "EE", "3", "1", "5.0 Tbit/s"]
    cells = re.search(rf'<tr><td><a href="{re.escape(there)}">{re.escape(shown)}</a></td>(.*?)</tr>', text)
    assert cells is not None
    assert re.findall(r"<td[^>]*>([^<]*)</td>", cells[1])[:5] == figures


def test_those_hit_most_come_first_and_all_are_a_page_away(
    mari: Actor, campaign: Campaign, client_as: Clients
) -> None:
    """Of many organisations a campaign's page shows those hit most often, and leads to all: each is there once."""
    rows = list(Attack.projected.filter(campaign=campaign.pk).order_by("start_us"))
    for number, row in enumerate(rows):
        row.organisation = f"Office {max(0, number - 2):02d}"  # three attacks on the first one
    Attack.projected.bulk_update(rows, ["organisation"])
    client = client_as(mari)
    some, everyone = (page(client, f"/campaigns/{campaign.pk}/{rest}") for rest in ("", "victims/"))
    names = [f"Office {number:02d}" for number in range(len(rows) - 2)]
    assert len(names) > HITS_SHOWN
    assert re.findall(r"organisation=[^>]*>(Office \d+)<", some) == names[:HITS_SHOWN]
    assert re.findall(r"organisation=[^>]*>(Office \d+)<", everyone) == names
    assert f"All {len(names)} organisations" in some
    assert "There are no more organisations" in page(client, f"/campaigns/{campaign.pk}/victims/?page=2")
    assert client.get(f"/campaigns/{campaign.pk}/victims/?page=x").status_code == 400


def test_countries_are_those_of_the_attacks_that_stand(mari: Actor, campaign: Campaign) -> None:
    """Traces looked up one by one add up to what all of them do that are gone through, hidden ones left out."""
    members = Attack.projected.filter(campaign=campaign.pk).order_by("start_us")
    attacks.mark_false_positive(members[0].pk, "A backup.", mari)
    Trace.projected.filter(pk=members[1].pk).update(team="operation-amber")
    stand = members.filter(state__in=STANDING).values_list("pk", flat=True)
    told = tracing.countries_of(mari, list(stand))
    assert told == tracing.countries(mari, stand)
    assert told.attacks == campaign.named - 2
    assert told.countries


def test_the_table_behind_the_map_is_a_page(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """It has a row for each country with its sources and attacks; where nothing was traced, there is no map."""
    client = client_as(mari)
    there = f"/campaigns/{campaign.pk}/sources/"
    assert f'href="{there}"' in page(client, f"/campaigns/{campaign.pk}/")
    text = page(client, there)
    told = tracing.countries(mari, Attack.projected.filter(campaign=campaign.pk).values_list("pk", flat=True))
    assert told.words in text
    rows = re.findall(r'<span class="muted">(..)</span></td><td[^>]*>([^<]*)</td><td[^>]*>(\d+)</td>', text)
    assert rows == [(one.country, count(one.sources), str(one.attacks)) for one in told.countries]
    Trace.projected.all().delete()
    text = page(client, f"/campaigns/{campaign.pk}/")
    assert there not in text
    assert "No attack has been traced yet." in text
    assert "No attack has been traced yet." in page(client, there)


def test_what_is_claimed(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """Neither page nor report says who directed anything: attacks are coordinated, sources are apparent."""
    client = client_as(mari)
    for address in (f"/campaigns/{campaign.pk}/", f"/campaigns/{campaign.pk}/export/?as=html"):
        text = page(client, address)
        assert not TOO_MUCH.search(text)
        assert "coordinated" in text
        assert "apparent sources" in text.lower()


def test_the_weakest_link_comes_first(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """Links are in the order in which the campaign would break; each is there once over the pages."""
    client = client_as(mari)
    rows = sorted(
        Link.objects.filter(campaign=campaign.pk), key=lambda row: -min(one["p_value"] for one in row.tests)
    )
    text = page(client, f"/campaigns/{campaign.pk}/links/")
    pairs = re.findall(
        r"<tr><td><a href=\"/attacks/([^/]+)/.*?</td><td><a href=\"/attacks/([^/]+)/", text, re.DOTALL
    )
    assert len(pairs) == len(rows) == campaign.named - 1
    strengths = {
        frozenset((str(row.first), str(row.second))): min(one["p_value"] for one in row.tests) for row in rows
    }
    shown = [strengths[frozenset(pair)] for pair in pairs]
    assert shown == sorted(shown, reverse=True)
    assert "There are no more links" in page(client, f"/campaigns/{campaign.pk}/links/?page=2")
    assert client.get(f"/campaigns/{campaign.pk}/links/?page=0").status_code == 400


def test_decisions_count_at_once(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """An attack that somebody called none is not counted any more, and the page says that the verdict still does."""
    client = client_as(mari)
    assert "still stand" not in page(client, f"/campaigns/{campaign.pk}/")
    attacks.mark_false_positive(Attack.projected.filter(campaign=campaign.pk).first().pk, "A backup.", mari)
    text = page(client, f"/campaigns/{campaign.pk}/")
    assert f"Of the {campaign.named} attacks that were linked, {campaign.named - 1} still stand" in text


def test_a_replaced_campaign_says_so(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """The page of a campaign that another took the place of leads there, and no list has it."""
    other = Campaign.projected.get(pk=campaign.pk)
    other.pk = attacks.object_of("what was found before")
    Campaign.projected.bulk_create([other])
    Replaced.objects.create(id=campaign.pk.hex + other.pk.hex, campaign=campaign.pk, other=other.pk)
    client = client_as(mari)
    text = page(client, f"/campaigns/{other.pk}/")
    assert "A later analysis found more" in text
    assert f'href="/campaigns/{campaign.pk}/"' in text
    assert f"/campaigns/{other.pk}/" not in page(client, "/campaigns/")


def test_the_export_is_whole(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """The file holds every attack and link with its marking, and that it was taken is written down."""
    told = client_as(mari).get(f"/campaigns/{campaign.pk}/export/").json()
    assert len(told["attacks"]) == len(told["campaign"]["attacks"]) == campaign.named
    assert len(told["campaign"]["links"]) == campaign.named - 1
    assert told["marking"]["tlp"] == "AMBER"
    assert told["entry"] == campaign.sequence
    taken = [row for row in Consultation.objects.order_by("sequence") if row.recipient][-1]
    assert campaign.pk.hex in str(taken.objects_seen)


def test_the_export_names_no_attack_that_is_hidden(
    mari: Actor, campaign: Campaign, client_as: Clients
) -> None:
    """An attack beside one of the campaign's, which a need-to-know team alone may know, is named in no file."""
    member = Attack.projected.filter(pk__in=service.member_ids(campaign.pk)).first()
    beside = attacks.begun(replace(attacks.attack_in(member), id="beside"), None, NODE).object_id
    secret = Attack.projected.get(pk=beside)
    Attack.projected.filter(pk=member.pk).update(detail={**member.detail, "linked": [secret.name]})
    client, address = client_as(mari), f"/campaigns/{campaign.pk}/export/"
    assert secret.name in client.get(address).content.decode()
    mark(secret.pk, secret.marking.marking, "7" * 32, mari, "It concerns an operation.")
    assert secret.name not in client.get(address).content.decode()


def test_the_report_carries_the_whole_marking(actor: People, client_as: Clients) -> None:
    """The HTML file names TLP, PAP and handling codes with their text, as the page does."""
    chief = actor("analyst", "officer")
    strict = replace(
        Marking.own("ee-cert"),
        pap=Pap.GREEN,
        handling=frozenset({"H3"}),
        handling_text=frozenset({"Ask us first."}),
    )
    row = known(chief, strict)
    client = client_as(chief)
    file = client.get(f"/campaigns/{row.pk}/export/?as=html&why=A+case.", follow=True)
    text = file.content.decode()
    assert row.marking.marking.banner() in text
    assert "Ask us first." in text


@pytest.mark.parametrize("role", ["approver", "auditor", "administrator"])
def test_only_who_may_export_exports(
    actor: People, campaign: Campaign, client_as: Clients, role: str
) -> None:
    """Exporting is an action of its own: who only sees campaigns is offered no file and gets none."""
    client = client_as(actor(role))
    assert client.get(f"/campaigns/{campaign.pk}/export/").status_code == 403
    assert client.get("/campaigns/?as=csv").status_code == 403
    seen = client.get(f"/campaigns/{campaign.pk}/")
    assert seen.status_code == (200 if role == "approver" else 403)
    assert f"/campaigns/{campaign.pk}/export/" not in seen.content.decode()


def test_pap_red_leaves_in_no_file(actor: People, client_as: Clients) -> None:
    """A campaign of PAP:RED is seen, and neither it nor its attacks leave."""
    chief = actor("analyst", "officer")
    row = known(chief, replace(Marking.own("ee-cert"), pap=Pap.RED))
    client = client_as(chief)
    text = page(client, f"/campaigns/{row.pk}/")
    assert f"/campaigns/{row.pk}/export/" not in text
    assert client.get(f"/campaigns/{row.pk}/export/").status_code == 404
    assert row.verdict not in b"".join(client.get("/campaigns/?as=csv")).decode()


def test_the_strictest_marking_is_in_the_band(actor: People, client_as: Clients) -> None:
    """A page is marked as its strictest part."""
    chief = actor("analyst", "officer")
    row = known(chief, replace(Marking.own("ee-cert"), tlp=Tlp.RED))
    response = client_as(chief).get(f"/campaigns/{row.pk}/?why=A+case.", follow=True)
    assert response.content.decode().count("TLP:RED PAP:AMBER") == 2


def test_looking_is_written_down(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """Each look at a campaign is one entry of the consultation log."""
    client = client_as(mari)
    before = Consultation.objects.count()
    page(client, f"/campaigns/{campaign.pk}/")
    assert Consultation.objects.count() == before + 1
    assert campaign.pk.hex in str(Consultation.objects.latest("sequence").objects_seen)


def test_names_are_text(mari: Actor, campaign: Campaign, client_as: Clients) -> None:
    """A name out of somebody's file is shown as it is, and never becomes markup."""
    Attack.projected.filter(campaign=campaign.pk).update(organisation='<img src=x onerror="alert(1)">')
    text = page(client_as(mari), f"/campaigns/{campaign.pk}/")
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_a_list_of_one_campaigns_or_one_analysis_says_which(
    mari: Actor, campaign: Campaign, client_as: Clients
) -> None:
    """The chip of the filter calls the campaign as its page does, the analysis by its time and who asked; no id."""
    client = client_as(mari)
    heading = re.search(r"<h1>(.*?)</h1>", page(client, f"/campaigns/{campaign.pk}/"))
    assert heading is not None
    chips = re.search(
        r'<ul class="chips".*?</ul>', page(client, f"/attacks/?campaign={campaign.pk}"), re.DOTALL
    )
    assert chips is not None
    assert f"Campaign: <strong>{heading[1]}</strong>" in chips[0]
    run = Run.projected.latest("time_us")
    told = page(client, f"/attacks/?run={run.pk}")
    assert f"Analysis: <strong>{minute(run.time_us)}, {run.actor_name}</strong>" in told
