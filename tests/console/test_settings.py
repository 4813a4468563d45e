"""Settings: each change an entry, secrets never shown, mistakes told beside their field, closed doors opened by two."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

from hanse.accounts.approvals import approve, reject, words_of
from hanse.accounts.models import Proposal
from hanse.accounts.rules import RefusedError
from hanse.accounts.service import prefer
from hanse.console import endpoints, processes
from hanse.console.service import GROUPS, Collector, Mail, Storage, Webhook, change, setting, wish_collector
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger import keyring
from hanse.ledger.models import Body, Entry
from hanse.ledger.objects import named
from hanse.ledger.shadow import differences
from hanse.ledger.writing import append
from hanse.policy import asking
from hanse.policy.guarded import NotVisibleError
from hanse.telemetry.exporters import ExporterState
from tests.accounts.people import NODE, acting, newcomer
from tests.web.acting import ActingClient

pytestmark = [pytest.mark.urls("hanse.urls"), pytest.mark.django_db(transaction=True)]

SECRET = "a secret of forty characters, or nearly s"
MAIL = {
    "relay": "relay.ee.example", "port": "587", "security": "starttls", "user": "node", "password": SECRET,
    "sender": "node@ee.example", "recipients": "duty@ee.example\n",
}  # fmt: skip

Clients = Callable[..., ActingClient]


@pytest.fixture
def admin(actor: Callable[..., Actor], client_as: Clients) -> ActingClient:
    """The client of an administrator who may bring in telemetry too."""
    return client_as(actor("administrator", "analyst", stepped_up_us=now_us()))


def kinds() -> list[str]:
    """What the ledger holds, in order."""
    return list(Entry.objects.order_by("sequence").values_list("kind", flat=True))


def errors(html: str) -> str:
    """The words beside the fields."""
    return " ".join(re.findall(r'<p class="error"[^>]*>([^<]*)', html))


def test_a_change_is_an_entry_once_and_equals_its_replay(admin: ActingClient) -> None:
    """A group saved is one sealed entry; saved again as it is, none; the row equals a replay."""
    for _ in range(2):
        assert admin.post("/settings/mail/", MAIL).status_code == 302
    assert kinds().count("console.setting_changed") == 1
    assert setting(Mail).recipients == ("duty@ee.example",)
    assert Body.objects.get(entry__kind="console.setting_changed").sealed
    assert list(differences()) == []


def test_a_channel_without_a_relay_is_said_to_send_nothing(admin: ActingClient) -> None:
    """Who fills in whom to tell and forgets by which relay is not told that it holds."""
    without = {**MAIL, "relay": "", "user": "", "password": ""}
    for told, words in ((MAIL, "It holds from now on."), (without, "No alert is sent this way.")):
        assert words in admin.post("/settings/mail/", told, follow=True).content.decode()


def test_secrets_are_shown_nowhere(admin: ActingClient) -> None:
    """Neither pages nor API nor the database's rows hold a password or key in clear; an empty field keeps it."""
    admin.post("/settings/mail/", MAIL)
    admin.post("/settings/webhook/", {"url": "https://siem.ee.example/in", "secret": SECRET})
    for page in (
        "/settings/",
        "/settings/mail/",
        "/settings/webhook/",
        "/api/settings",
        "/api/settings/mail",
    ):
        answer = admin.get(page)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
    assert admin.get("/api/settings/mail").json()["secrets"] == {"password": True}
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM console_setting")
        assert SECRET.encode() not in b"".join(bytes(str(row[0]), "utf-8") for row in cursor.fetchall())
    admin.post("/settings/mail/", {**MAIL, "password": "", "port": "465"})
    admin.post("/settings/webhook/", {"url": "https://siem.ee.example/other", "secret": ""})
    assert (setting(Mail).password, setting(Mail).port) == (SECRET, 465)
    assert setting(Webhook).secret == SECRET


def test_a_password_goes_to_no_other_relay(admin: ActingClient) -> None:
    """Who may change settings and does not know the password cannot have it sent to a server of their own, on page or API."""
    admin.post("/settings/mail/", MAIL)
    other = {**MAIL, "relay": "relay.evil.example", "password": ""}
    assert "Type it again" in errors(admin.post("/settings/mail/", other).content.decode())
    told = {"values": {"relay": "relay.evil.example"}}
    assert admin.patch("/api/settings/mail", told, content_type="application/json").status_code == 400
    assert setting(Mail).relay == MAIL["relay"]
    told = {"values": {"port": 465}}
    assert admin.patch("/api/settings/mail", told, content_type="application/json").status_code == 200
    assert setting(Mail).password == SECRET
    admin.post("/settings/mail/", {**other, "password": "another one"})
    assert (setting(Mail).relay, setting(Mail).password) == ("relay.evil.example", "another one")


def test_a_cookie_or_token_alone_turns_no_alerts_away(
    actor: Callable[..., Actor], client_as: Clients
) -> None:
    """Attacks are told where the channels of alerts lead: to set these takes a passkey that was just proved."""
    receiver = {"url": "https://evil.example/in", "secret": SECRET}
    token = actor("administrator", kind="token", scopes=frozenset({"settings.edit", "settings.view"}))
    for who in (actor("administrator"), token):
        client = client_as(who)
        for name, typed in (("mail", MAIL), ("webhook", receiver)):
            told = {"values": typed}
            asked = client.patch(f"/api/settings/{name}", told, content_type="application/json")
            assert asked.status_code == 401
            if who is not token:
                assert client.post(f"/settings/{name}/", typed).status_code == 401
    assert (setting(Mail).relay, setting(Webhook).url) == ("", "")
    assert "console.setting_changed" not in kinds()


def test_a_cookie_or_token_alone_blinds_no_node(actor: Callable[..., Actor], client_as: Clients) -> None:
    """Without the collector no attack is seen, and without the relay's address none is told: both take a fresh passkey."""
    opened = endpoints.EndpointAllowed("relay.ee.example", 587, "10.0.0.25", uuid4().hex)
    append(
        "console.endpoint_allowed",
        opened,
        actor=NODE,
        object_id=named("endpoint", "relay.ee.example 587 10.0.0.25"),
    )
    change(Collector(on=True, address="127.0.0.1", port=5000), NODE)
    off = {"address": "127.0.0.1", "port": "5000", "exporters": "192.0.2.1"}
    there = {"host": "relay.ee.example", "port": 587, "address": "10.0.0.25"}
    token = actor("administrator", kind="token", scopes=frozenset({"settings.edit", "settings.view"}))
    for who in (actor("administrator"), token):
        client = client_as(who)
        told = {"values": {"on": False}}
        asked = client.patch("/api/settings/collector", told, content_type="application/json")
        assert asked.status_code == 401
        closing = client.post("/api/settings/endpoints/close", there, content_type="application/json")
        assert closing.status_code == (403 if who is token else 401)
        if who is not token:
            assert client.post("/settings/collector/", off).status_code == 401
            assert client.post("/settings/endpoints/close/", there).status_code == 401
    assert setting(Collector).on
    assert len(endpoints.allowed()) == 1
    fresh = client_as(actor("administrator", stepped_up_us=now_us()))
    assert fresh.post("/settings/collector/", off).status_code == 302
    assert fresh.post("/settings/endpoints/close/", there).status_code == 302
    assert not setting(Collector).on
    assert endpoints.allowed() == []


def test_a_password_goes_with_its_user(admin: ActingClient) -> None:
    """Who empties the user or the receiver has not left its secret behind."""
    admin.post("/settings/mail/", MAIL)
    admin.post("/settings/mail/", {**MAIL, "user": "", "password": ""})
    assert setting(Mail).password == ""


@pytest.mark.parametrize(
    ("group", "typed", "words"),
    [
        ("mail", {**MAIL, "relay": "0x7f.1"}, "number form"),
        ("mail", {**MAIL, "sender": ""}, "Give the address that alerts come from."),
        ("mail", {**MAIL, "recipients": ""}, "Give at least one address."),
        ("mail", {**MAIL, "recipients": "duty@ee.example\nno address"}, "no mailbox"),
        ("mail", {**MAIL, "security": "none"}, "only with TLS"),
        ("mail", {**MAIL, "port": "0"}, "greater than or equal to 1"),
        ("webhook", {"url": "http://siem.ee.example/", "secret": SECRET}, "https"),
        ("webhook", {"url": "https://siem.ee.example/", "secret": "short"}, "at least 32 characters"),
        ("webhook", {"url": "https://siem.ee.example/", "secret": ""}, "Give a secret"),
        (
            "collector",
            {"on": "on", "address": "everywhere", "port": "4739"},
            "Enter a valid IPv4 or IPv6 address",
        ),
        ("watching", {"folders": "/nowhere/at/all"}, "no folder of this machine"),
        ("watching", {"folders": "relative"}, "Write its absolute path"),
        ("storage", {"flows_gib": "0", "upload_gib": "1"}, "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_told_beside_its_field(admin: ActingClient, group: str, typed: dict, words: str) -> None:
    """What cannot be meant changes nothing, says so in words, and what was typed stays; no secret comes back."""
    answer = admin.post(f"/settings/{group}/", typed)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert words in errors(html).replace("&#x27;", "'")
    assert "console.setting_changed" not in kinds()
    assert SECRET not in html


def test_watched_folders_are_named_in_one_form(admin: ActingClient, tmp_path: Path, node_home: Path) -> None:
    """A link or a trailing slash is the same folder; the node's own folders cannot be watched."""
    real, link = tmp_path / "in", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    for typed in (str(real), f"{real}/", str(link)):
        assert admin.post("/settings/watching/", {"folders": typed}).status_code == 302
    assert kinds().count("telemetry.folder_watched") == 1
    assert str(real) in admin.get("/settings/").content.decode()
    assert "own" in errors(admin.post("/settings/watching/", {"folders": str(node_home)}).content.decode())


def test_who_may_change_what(actor: Callable[..., Actor], client_as: Clients) -> None:
    """An analyst watches folders but changes no settings; an administrator the other way round."""
    analyst, administrator = client_as(actor("analyst")), client_as(actor("administrator"))
    assert analyst.get("/settings/").status_code == 403
    assert analyst.get("/settings/mail/").status_code == 403
    assert analyst.get("/settings/watching/").status_code == 200
    assert administrator.get("/settings/").status_code == 200
    assert administrator.get("/settings/watching/").status_code == 403
    with pytest.raises(asking.RefusedError):
        change(Collector(on=True), actor("analyst"))


def test_the_api_changes_a_group_as_the_page_does(admin: ActingClient) -> None:
    """Fields that are not named stay; unknown ones and mistakes are refused in words; secrets come in, never out."""
    told = {
        "values": {"relay": "relay.ee.example", "sender": "node@ee.example", "recipients": ["a@ee.example"]}
    }
    answer = admin.patch("/api/settings/mail", told, content_type="application/json")
    assert answer.status_code == 200, answer.content
    admin.patch("/api/settings/mail", {"values": {"port": 465}}, content_type="application/json")
    assert (setting(Mail).relay, setting(Mail).port) == ("relay.ee.example", 465)
    for values, words in (
        ({"colour": 1}, "has no colour"),
        ({"port": 0}, "port:"),
        ({"recipients": 7}, "mailbox"),
    ):
        answer = admin.patch("/api/settings/mail", {"values": values}, content_type="application/json")
        assert answer.status_code == 400
        assert words in answer.json()["detail"]
    assert admin.get("/api/settings/nothing").status_code == 404


def test_nobody_overwrites_what_somebody_else_has_just_set(admin: ActingClient) -> None:
    """With the tag of what was read, the second of two changes is refused; read again, it goes through."""
    where, send = "/api/settings/storage", {"content_type": "application/json"}
    tag = admin.get(where)["ETag"]
    for gib, status in ((60, 200), (70, 412)):
        told = {"values": {"flows_gib": gib}}
        assert admin.patch(where, told, headers={"If-Match": tag}, **send).status_code == status
    assert setting(Storage).flows_gib == 60
    again = {"If-Match": admin.get(where)["ETag"]}
    assert admin.patch(where, {"values": {"flows_gib": 70}}, headers=again, **send).status_code == 200


def test_two_people_open_a_non_public_address_and_one_closes_it(client_as: Clients) -> None:
    """A proposal opens nothing; its proposer cannot approve it; another person's approval does; one person closes."""
    mari = acting(newcomer("administrator", "approver"))
    jaan = acting(newcomer("approver", name="Jaan Tamm"))
    client = client_as(mari)
    typed = {
        "host": "Relay.ee.example.",
        "port": "587",
        "address": "10.0.0.25",
        "why": "It is our own relay.",
    }
    assert client.post("/settings/endpoints/", typed).status_code == 302
    (proposal,) = endpoints.waiting()
    assert endpoints.allowed() == []
    with pytest.raises(RefusedError):
        approve(proposal.pk, mari)
    assert endpoints.allowed() == []
    approve(proposal.pk, jaan)
    (opened,) = endpoints.allowed()
    assert (opened.host, opened.port, opened.address) == ("relay.ee.example", 587, "10.0.0.25")
    assert "10.0.0.25" in client.get("/settings/").content.decode()
    there = {"host": opened.host, "port": opened.port, "address": opened.address}
    for port in ("443", "", "9" * 5_000, "587x"):
        assert client.post("/settings/endpoints/close/", there | {"port": port}).status_code == 404
    closed = client.post("/settings/endpoints/close/", there)
    assert closed.status_code == 302
    assert endpoints.allowed() == []
    assert kinds()[-2:] == ["console.endpoint_allowed", "console.endpoint_withdrawn"]
    assert list(differences()) == []


def test_what_nobody_may_open_is_not_even_proposed(admin: ActingClient) -> None:
    """Metadata services, public addresses and hosts in a number form are refused, with words beside the field."""
    for host, address, words in (
        ("relay.ee.example", "169.254.169.254", "cannot be allowed"),
        ("relay.ee.example", "8.8.8.8", "is public"),
        ("0177.0.0.1", "10.0.0.1", "number form"),
    ):
        typed = {"host": host, "port": 443, "address": address, "why": "I would like to."}
        assert words in errors(admin.post("/settings/endpoints/", typed).content.decode())
        answer = admin.post("/api/settings/endpoints", typed, content_type="application/json")
        assert answer.status_code == 400
    assert "accounts.proposed" not in kinds()


def test_without_a_port_it_is_that_of_https(admin: ActingClient) -> None:
    """Whoever names none on the page or to the API proposes 443, and the second person reads it."""
    told = {"host": "hooks.ee.example", "address": "10.0.0.25", "why": "It is our own receiver."}
    assert admin.post("/settings/endpoints/", told | {"port": ""}).status_code == 302
    told["address"] = "10.0.0.26"
    assert admin.post("/api/settings/endpoints", told, content_type="application/json").status_code == 201
    second, first = endpoints.waiting()
    assert first.subject["port"] == second.subject["port"] == 443
    assert "port 443 of hooks.ee.example" in words_of(first)


def test_a_refused_proposal_opens_nothing(actor: Callable[..., Actor]) -> None:
    """Neither does closing what is not open leave an entry."""
    proposal = endpoints.propose_endpoint(
        "relay", 25, "10.0.0.25", "It is ours.", acting(newcomer("administrator"))
    )
    reject(proposal, "It is not.", acting(newcomer("approver", name="Jaan Tamm")))
    assert endpoints.allowed() == []
    assert endpoints.waiting() == []
    with pytest.raises(NotVisibleError):
        endpoints.withdraw_endpoint("relay", 25, "10.0.0.25", actor("administrator", stepped_up_us=now_us()))
    with pytest.raises(UsageError):
        endpoints.propose_endpoint("relay", 25, "10.0.0.25", " ", actor("administrator"))


def test_a_door_is_one_however_it_is_spelled() -> None:
    """Allowed twice in two spellings, it is closed once: nothing stays open under the other."""
    mari, jaan = acting(newcomer("administrator")), acting(newcomer("approver", name="Jaan Tamm"))
    for host, address in (("Relay.Example.", "FD00::0001"), (" relay.example", " fd00:0::1 ")):
        approve(endpoints.propose_endpoint(host, 587, address, "Our relay.", mari), jaan)
    assert [(one.host, one.address, one.port) for one in endpoints.allowed()] == [
        ("relay.example", "fd00::1", 587)
    ]
    endpoints.withdraw_endpoint("RELAY.example", 587, "fd00:0:0::1", mari)
    assert endpoints.allowed() == []
    for host, address in (("relay.example", "no address"), ("no host!", "fd00::1")):
        with pytest.raises(NotVisibleError):
            endpoints.withdraw_endpoint(host, 587, address, mari)


def test_exporters_are_addresses_or_networks(admin: ActingClient) -> None:
    """Each is said once in its standard form; what is neither, or too many, is refused beside the field."""
    typed = {"on": "on", "address": "127.0.0.1", "port": "5000"}
    for told, words in (
        ("192.0.2.1/24", "no network"),
        ("router.example", "no network"),
        ("\n".join(f"10.0.{one // 256}.{one % 256}" for one in range(501)), "More than"),
    ):
        assert words in errors(
            admin.post("/settings/collector/", typed | {"exporters": told}).content.decode()
        )
    told = "192.0.2.1\n2001:DB8::/32\n192.0.2.1/32\n"
    assert admin.post("/settings/collector/", typed | {"exporters": told}).status_code == 302
    assert setting(Collector).exporters == ("192.0.2.1", "2001:db8::/32")


def test_nobody_alone_empties_the_stored_flows_by_a_smaller_quota(client_as: Clients) -> None:
    """Fewer flows than before is a proposal, on the page and by the API; the rest of the form holds at once, as more does."""
    mari = acting(newcomer("administrator"))
    client = client_as(mari)
    typed = {"flows_gib": "1", "upload_gib": "3"}
    assert client.post("/settings/storage/", typed).status_code == 302
    answer = client.patch("/api/settings/storage", {"values": typed}, content_type="application/json")
    assert answer.status_code == 409, "a second one waits for the first to be decided"
    assert client.post("/settings/storage/", {"flows_gib": "2", "upload_gib": "4"}).status_code == 409
    assert setting(Storage) == Storage(flows_gib=50, upload_gib=3)
    with pytest.raises(RefusedError, match="another person"):
        change(Storage(flows_gib=1), mari)
    one = Proposal.objects.get()
    assert "Keep 1 GiB" in words_of(one)
    approve(one.pk, acting(newcomer("approver", name="Jaan Tamm")))
    assert setting(Storage) == Storage(flows_gib=1, upload_gib=3)
    assert client.post("/settings/storage/", typed | {"flows_gib": "60"}).status_code == 302
    assert setting(Storage).flows_gib == 60
    assert list(differences()) == []


def test_the_collector_is_wished_as_it_is_set(tmp_path: Path) -> None:
    """The file that the keeper reads follows the setting, and changes its mark with the address alone."""
    assert processes.wished(tmp_path) == processes.Wish(on=False)
    change(Collector(on=True, address="127.0.0.1", port=5000), NODE)
    wish_collector(tmp_path)
    assert processes.wished(tmp_path) == processes.Wish(on=True, mark="127.0.0.1:5000")
    change(Collector(on=True, address="::1", port=5000), NODE)
    change(GROUPS["storage"](flows_gib=7), NODE)
    wish_collector(tmp_path)
    assert processes.wished(tmp_path).mark == "[::1]:5000"


def test_a_collector_that_fell_silent_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process said of itself holds for half a minute; half a file or one of another version is none."""
    processes.collector_is(tmp_path, processes.CollectorState(state="running"))
    assert processes.collector_state(tmp_path).state == "running"
    now = processes.time.time()
    monkeypatch.setattr(processes.time, "time", lambda: now + processes.SILENT_S + 1)
    assert processes.collector_state(tmp_path).state == "failed"
    (tmp_path / "run" / "collector.json").write_text('{"state": "dancing"}')
    assert processes.collector_state(tmp_path).state == "off"


def test_the_settings_page_says_why_the_collector_does_not_run(admin: ActingClient, node_home: Path) -> None:
    """Words and the time of the next attempt stand on the page, and the part that it polls says the same."""
    change(Collector(on=True), NODE)
    processes.collector_is(
        node_home, processes.CollectorState(state="failed", words="Port in use.", again_s=2e9)
    )
    for address in ("/settings/", "/settings/collector/state/"):
        html = admin.get(address).content.decode()
        assert "does not run" in html
        assert "Port in use." in html
    assert admin.get("/api/settings/collector/state").json()["words"] == "Port in use."
    processes.collector_is(node_home, processes.CollectorState(state="off"))


ROUTERS = (
    ExporterState(
        address="192.0.2.1", protocol="NetFlow v9", domain=7, flows=900, share=0.9, skew_s=-6e8, dated=900, changes=12,
        flaps=True,
    ),
    ExporterState(address="192.0.2.2", protocol="sFlow v5", domain=0, flows=100, share=0.1),
)  # fmt: skip


def test_whose_clock_is_wrong_is_said_wherever_the_collector_is_shown(
    admin: ActingClient, node_home: Path
) -> None:
    """Each exporter with its share and its clock on the page and in the API, and in words what to do."""
    change(Collector(on=True), NODE)
    processes.collector_is(
        node_home, processes.CollectorState(state="running", exporters=ROUTERS, exporters_all=30)
    )
    for address in ("/settings/", "/settings/collector/state/?part=exporters"):
        html = admin.get(address).content.decode()
        for words in (
            "192.0.2.1",
            "19 years behind",
            "90%",
            "set it by NTP",
            "change again and again",
            "tells no time",
            "of 30",
        ):
            assert words in html, words
    told = admin.get("/api/settings/collector/state").json()
    assert [one["skew_s"] for one in told["exporters"]] == [-6e8, None]
    assert told["exporters_all"] == 30
    assert len(told["advice"]) == 2
    processes.collector_is(node_home, processes.CollectorState(state="off"))


def test_a_collector_that_sees_nothing_is_not_well(admin: ActingClient, node_home: Path) -> None:
    """It stores, and nobody watches: health says so, and the page why."""
    change(Collector(on=True), NODE)
    processes.worker_lives(node_home)
    processes.collector_is(
        node_home, processes.CollectorState(state="blind", words="The live analysis fails.", flows=5)
    )
    answer = admin.get("/health/")
    assert (answer.status_code, answer.json()["collector"]) == (503, "blind")
    html = admin.get("/settings/").content.decode()
    assert "The live analysis fails." in html
    assert "reports no attacks" in html
    processes.collector_is(node_home, processes.CollectorState(state="off"))


def test_health_says_part_by_part_what_is_ill_and_nothing_else(client_as: Clients, node_home: Path) -> None:
    """Without a sign of the worker 503, with one 200; the answer holds no word of what the node knows."""
    (node_home / "run" / "worker.alive").unlink(missing_ok=True)
    answer = client_as(None).get("/health/")
    assert (answer.status_code, answer.json()["worker"]) == (503, "silent")
    processes.worker_lives(node_home)
    answer = client_as(None).get("/health/")
    assert (answer.status_code, answer.json()["well"]) == (200, True)
    assert set(json.loads(answer.content)) == {
        "well", "database", "worker", "keys", "collector", "disk", "checkpoints", "head_age_s",
    }  # fmt: skip


def test_a_key_file_that_nobody_who_serves_can_open_is_not_well(
    admin: ActingClient, node_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change of the passphrase what is served could not start anew: health and the settings say to restart it."""
    processes.worker_lives(node_home)
    monkeypatch.setattr(keyring, "behind", lambda: "The passphrase does not open the keys.")
    answer = admin.get("/health/")
    assert (answer.status_code, answer.json()["keys"]) == (503, "changed")
    assert "restart it" in admin.get("/settings/").content.decode()


def test_an_invitation_asks_for_the_passkey_before_the_form(client_as: Clients) -> None:
    """Who has not proved it lately is sent to prove it first, and not once everything is typed."""
    admin = replace(acting(newcomer("administrator")), stepped_up_us=None)
    answer = client_as(admin).get("/people/invite/")
    assert (answer.status_code, answer["Location"]) == (302, "/people/step-up/?next=/people/invite/")


def test_only_languages_that_there_are_can_be_chosen(client_as: Clients) -> None:
    """With one language there is nothing to choose; another one is refused."""
    client = client_as(acting(newcomer("analyst")))
    assert 'name="language"' not in client.get("/people/me/").content.decode()
    with pytest.raises(UsageError, match="no language 'et'"):
        prefer("et", "", client.who)
