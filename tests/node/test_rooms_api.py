"""The API of the rooms that see attacks: what programs and the islands of the pages get, and who gets it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest
from django.urls import path

from hanse import jobs_wiring
from hanse.attacks.api import TimelineOut
from hanse.attacks.api import router as attacks
from hanse.attacks.models import Attack, Decision
from hanse.campaigns.api import router as campaigns
from hanse.campaigns.models import Campaign
from hanse.constituency.api import router as constituency
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Marking, Tlp
from hanse.recording import record
from hanse.telemetry import service as flows
from hanse.telemetry.api import router as telemetry
from hanse.tracing.api import router as tracing
from hanse.web.api import make_api
from tests.attacks.build import VICTIM, icmp_flood, write
from tests.node.made import estonian
from tests.node.test_jobs_wiring import Told
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]

urlpatterns = [
    path(
        "api/",
        make_api(
            [
                ("/attacks", attacks),
                ("/campaigns", campaigns),
                ("/constituency", constituency),
                ("/flows", telemetry),
                ("/tracing", tracing),
            ]
        ).urls,
    )
]

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]


@pytest.fixture
def mari(actor: People, client_as: Clients) -> ActingClient:
    """An analyst's client, with the Estonian attacks on record."""
    who = actor("analyst")
    record(estonian(), who)
    return client_as(who)


def test_lists_and_pages(mari: ActingClient) -> None:
    """Every attack comes once over the pages, in order, and filters say the same as the rows."""
    seen, cursor = [], ""
    while True:
        found = mari.get(f"/api/attacks?limit=50&sort=-peak_bps{cursor}").json()
        seen += [one["id"] for one in found["items"]]
        if not found["next"]:
            break
        cursor = f"&cursor={found['next']}"
    assert len(seen) == len(set(seen)) == 128
    police = mari.get(f"/api/attacks?victim={VICTIM}&limit=500").json()["items"]
    assert len(police) == Attack.projected.filter(victim=VICTIM).count()
    network = mari.get("/api/attacks?victim=195.80.96.0/19&limit=500").json()["items"]
    assert len(network) == Attack.projected.filter(victim__startswith="195.80.1").count()
    campaign = Campaign.projected.get()
    members = mari.get(f"/api/attacks?campaign={campaign.pk}&state=standing&limit=500").json()["items"]
    assert len(members) == campaign.named
    assert mari.get("/api/attacks?victim=nowhere").status_code == 400


def test_one_attack_and_decisions(mari: ActingClient) -> None:
    """An attack is decided on and the decision withdrawn over the API, each with its reason."""
    one = mari.get("/api/attacks?limit=1").json()["items"][0]["id"]
    whole = mari.get(f"/api/attacks/{one}").json()
    assert whole["detail"]["evidence"]["confidence"] == whole["confidence"]
    assert whole["marking"]["tlp"] == "AMBER"
    made = mari.post(
        f"/api/attacks/{one}/false-positive", {"reason": "A test."}, content_type="application/json"
    )
    assert made.status_code == 201
    assert mari.get(f"/api/attacks/{one}").json()["state"] == "false-positive"
    assert mari.get(f"/api/attacks/{one}/decisions").json()[0]["reason"] == "A test."
    decision = made.json()["decision"]
    undone = mari.post(
        f"/api/attacks/decisions/{decision}/withdraw", {"reason": "No."}, content_type="application/json"
    )
    assert undone.status_code == 204
    assert mari.get(f"/api/attacks/{one}/decisions").json()[0]["withdrawn"]


def test_timeline_and_map(mari: ActingClient) -> None:
    """The timeline draws every attack on its organisation's line; the map says what is not attributable."""
    drawn = mari.get("/api/attacks/timeline").json()
    assert TimelineOut(**drawn).dict() == drawn
    assert len(drawn["attacks"]) == 128
    assert {one["row"] for one in drawn["attacks"]} <= {row["id"] for row in drawn["rows"]}
    assert {one["vector"] for one in drawn["attacks"]} <= {kind["id"] for kind in drawn["vectors"]}
    shown = mari.get("/api/tracing/countries").json()
    assert shown["attacks"] == 128
    assert shown["attributable"] == 124
    assert shown["not_attributable_share"] == pytest.approx(4 / 128)
    assert shown["values"][0]["country"] == "US"
    assert shown["elsewhere"]["value"] > 0
    assert "4 are not attributable" in shown["words"]


def test_campaigns(mari: ActingClient) -> None:
    """A campaign comes with its counts, attacks in order, and links that hold it together."""
    one = mari.get("/api/campaigns").json()["items"][0]
    whole = mari.get(f"/api/campaigns/{one['id']}").json()
    assert whole["standing"] == whole["named"] == one["named"]
    starts = [
        row["start_us"] for row in mari.get(f"/api/campaigns/{one['id']}/attacks?limit=500").json()["items"]
    ]
    assert starts == sorted(starts)
    links = mari.get(f"/api/campaigns/{one['id']}/links").json()
    assert len(links) == one["named"] - 1
    assert all(len(link["tests"]) > 1 for link in links)
    assert len(mari.get(f"/api/campaigns/{one['id']}/timeline").json()["attacks"]) == one["named"]


def test_what_one_may_not_see_is_nowhere(actor: People, client_as: Clients) -> None:
    """Attacks for named persons only are in no list, count, map, timeline or campaign of anybody else."""
    told = estonian()
    red = replace(Marking.own("ee-cert"), tlp=Tlp.RED)
    record(told, actor("analyst"), red)
    client = client_as(actor("analyst"))
    assert client.get("/api/attacks").json()["items"] == []
    assert client.get("/api/attacks/timeline").json()["attacks"] == []
    assert client.get("/api/campaigns").json()["items"] == []
    assert client.get("/api/tracing/countries").json()["attacks"] == 0
    hidden = Attack.projected.first().pk
    for where in ("", "/rates", "/decisions", "/alerts", "/flows"):
        assert client.get(f"/api/attacks/{hidden}{where}").status_code == 404
    reason = {"reason": "It is none."}
    assert (
        client.post(
            f"/api/attacks/{hidden}/false-positive", reason, content_type="application/json"
        ).status_code
        == 404
    )
    assert not Decision.objects.exists()


def test_flows_and_rates(actor: People, client_as: Clients) -> None:
    """The flows behind an attack and its rates come from the stored partitions."""
    who = actor("analyst", stepped_up_us=now_us())
    inbox = jobs_wiring.inbox()
    inbox.mkdir(parents=True, exist_ok=True)
    try:
        name = Path(write(inbox, icmp_flood(600.0, 400.0))[0]).name
        jobs_wiring.analyse({"paths": [name]}, Told(), who)
        client = client_as(who)
        one = client.get("/api/attacks").json()["items"][0]["id"]
        rows = client.get(f"/api/attacks/{one}/flows?limit=5").json()
        assert [row["dst"] for row in rows] == [VICTIM] * 5
        drawn = client.get(f"/api/attacks/{one}/rates").json()
        assert [len(series["values"]) for series in drawn["series"]] == [200, 200]
        assert client.get("/api/flows/inputs").json()["items"][0]["flows"] == 1_600
        part = client.get("/api/flows/partitions").json()["items"][0]["id"]
        told = {"partitions": [part], "reason": "Too old."}
        asked = client.post("/api/flows/partitions/remove", told, content_type="application/json")
        assert (asked.status_code, set(asked.json())) == (201, {"proposal"})
        run = client.get("/api/attacks/runs").json()["items"][0]
        assert run["detail"]["inputs"] == [[name, 1_600]]
    finally:
        rmtree(inbox)
        rmtree(flows.flows_folder(), ignore_errors=True)


def test_the_constituency(actor: People, client_as: Clients) -> None:
    """A registry is tried, imported, looked up and changed over the API."""
    client = client_as(actor("analyst"))
    text = "prefix,organisation,sector,country,site\n192.0.2.0/24,Parliament,public administration,EE,\n"
    say = {"csv": text, "name": "ee.csv"}

    def send(where: str, told: dict[str, object]) -> object:
        return client.post(f"/api/constituency{where}", told, content_type="application/json")

    assert send("/import", say).json()["rows"][0]["status"] == "new"
    assert client.get("/api/constituency").json()["items"] == []
    assert send("/import", say | {"apply": True}).json()["applied"]
    assert client.get("/api/constituency/lookup?address=192.0.2.9").json()["organisation"] == "Parliament"
    assert client.get("/api/constituency/lookup?address=10.0.0.1").status_code == 204
    row = {
        "prefix": "192.0.2.9",
        "organisation": "Library",
        "sector": "public administration",
        "country": "EE",
    }
    assert send("/rows", row).status_code == 204
    assert send("/rows", row | {"sector": "magic"}).status_code == 400
    assert client.get("/api/constituency/lookup?address=192.0.2.9").json()["organisation"] == "Library"
    assert send("/rows/remove", {"prefix": "192.0.2.9/32"}).status_code == 204
    wrong = send("/import", {"csv": text + "x,Y,z,EE,\n", "apply": True}).json()
    assert not wrong["applied"]
    assert "line 3, column prefix" in wrong["rows"][0]["words"]
    refused = client_as(actor("approver")).post(
        "/api/constituency/rows", row, content_type="application/json"
    )
    assert refused.status_code == 403
