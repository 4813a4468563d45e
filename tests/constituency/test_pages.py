"""The constituency's pages: who may see and change it, what an import would do, and how it is undone."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from shutil import rmtree

import pytest
from django.urls import reverse

from hanse.accounts.models import Consultation
from hanse.constituency import service
from hanse.constituency.models import Protected
from hanse.constituency.registry import Target
from hanse.constituency.sectors import SECTORS
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.policy.service import mark
from hanse.web import uploads
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]

HEAD = "prefix,organisation,sector,country,site\n"
FIRST = HEAD + (
    "192.0.2.0/24,Parliament,public administration,EE,riigikogu.ee\n"
    "198.51.100.7,Harbour Bank,banking,EE,\n"
    "2001:db8::/32,Clinic,health,LV,\n"
)
SECOND = (
    HEAD
    + "192.0.2.0/24,Parliament of Estonia,public administration,EE,riigikogu.ee\n203.0.113.0/24,Mill,energy,EE,\n"
)
ROW = {
    "network": "203.0.113.0/24",
    "organisation": "Mill",
    "sector": "energy",
    "country": "ee",
    "site": "",
    "reason": "",
}
AMBER = {"marking_tlp": "AMBER", "marking_pap": "AMBER"}


@pytest.fixture
def mari(actor: People, client_as: Clients) -> ActingClient:
    """An analyst's client."""
    yield client_as(actor("analyst"))
    rmtree(uploads.inbox_folder(), ignore_errors=True)


@pytest.fixture
def filled(mari: ActingClient) -> ActingClient:
    """An analyst's client, with three rows on record."""
    put(mari.who, FIRST, "first.csv")
    return mari


def put(who: Actor, text: str, name: str, marking: Marking | None = None) -> None:
    """Import a registry file."""
    path = uploads.inbox_folder() / "made.csv"
    path.write_text(text, "utf-8")
    assert service.import_file(path, who, name=name, marking=marking).applied
    path.unlink()


def tried(client: ActingClient, text: str | bytes, **more: str) -> object:
    """Send a file to be tried."""
    file = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    file.name = "second.csv"
    return client.post(reverse("constituency:try"), {"file": file, **AMBER, **more})


def applied(client: ActingClient, answer: object) -> object:
    """Send the form that a tried file came back with."""
    form = answer.context["form"]
    return client.post(reverse("constituency:apply"), {**form.initial, **AMBER, "marking": ""})


def prefixes() -> set[str]:
    """What is protected."""
    return set(Protected.projected.values_list("prefix", flat=True))


def shown(answer: object) -> list[str]:
    """The networks that a list shows, in order."""
    return re.findall(r"<tr data-row[^>]*><td><(?:a[^>]*|code)>([^<]*)</", answer.content.decode())


def test_the_list_is_in_order_of_address_and_filters(filled: ActingClient) -> None:
    """Rows are in order of address, not of text; each filter lets through what it names."""
    where = reverse("constituency:list")
    assert shown(filled.get(where)) == ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]
    assert shown(filled.get(where, {"organisation": "bank"})) == ["198.51.100.7/32"]
    assert shown(filled.get(where, {"sector": "health"})) == ["2001:db8::/32"]
    assert shown(filled.get(where, {"country": "lv"})) == ["2001:db8::/32"]
    assert shown(filled.get(where, {"within": "192.0.2.9"})) == ["192.0.2.0/24"]
    assert shown(filled.get(where, {"within": "192.0.0.0/8"})) == ["192.0.2.0/24"]
    assert filled.get(where, {"within": "nowhere"}).status_code == 400


def test_a_row_leads_to_the_attacks_on_its_organisation(filled: ActingClient) -> None:
    """Each row has a link to the list of attacks, narrowed to the organisation."""
    assert b"/attacks/?organisation=Harbour+Bank" in filled.get(reverse("constituency:list")).content


def test_who_may_see_and_who_may_change(filled: ActingClient, actor: People, client_as: Clients) -> None:
    """An investigator sees rows and no way to change them; an auditor of envelopes sees none; nobody is sent to the login."""
    row = Protected.projected.first()
    investigator = client_as(actor("investigator"))
    page = investigator.get(reverse("constituency:list")).content.decode()
    assert "Harbour Bank" in page
    assert reverse("constituency:row", args=[row.pk]) not in page
    assert reverse("constituency:import") not in page
    for name in ("add", "import", "put-back"):
        assert investigator.get(reverse(f"constituency:{name}")).status_code == 403
    assert investigator.get(reverse("constituency:row", args=[row.pk])).status_code == 403
    assert investigator.post(reverse("constituency:add"), ROW).status_code == 403
    assert client_as(actor("auditor")).get(reverse("constituency:list")).status_code == 403
    assert client_as(None).get(reverse("constituency:list")).status_code == 302
    assert len(prefixes()) == 3


def test_one_network_is_added_changed_and_removed(filled: ActingClient) -> None:
    """A form adds, changes and removes one row, each with its reason in the ledger."""
    assert filled.post(reverse("constituency:add"), ROW | {"reason": "New customer."}).status_code == 302
    row = Protected.projected.get(prefix="203.0.113.0/24")
    assert (row.organisation, row.country) == ("Mill", "EE")
    where = reverse("constituency:row", args=[row.pk])
    assert filled.post(where, ROW | {"organisation": "Great Mill"}).status_code == 302
    row.refresh_from_db()
    assert row.organisation == "Great Mill"
    assert filled.post(where, {"remove": "1", "reason": "Gone."}).status_code == 302
    assert "203.0.113.0/24" not in prefixes()
    assert Entry.objects.filter(kind="constituency.changed").count() == 3
    assert filled.get(where).status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("network", "192.0.2.1/24", "192.0.2.0/24"),
        ("network", "nowhere", "no address or network"),
        ("network", "0.0.0.0/0", "wider than a /8"),
        ("network", "192.0.2.0/24", "in the list already"),
        ("organisation", " ", "required"),
        ("sector", "magic", "magic"),
        ("country", "E1", "no country code"),
    ],
)
def test_a_mistake_is_said_beside_its_field(filled: ActingClient, field: str, value: str, words: str) -> None:
    """What cannot be meant stands beside its field with how to mend it; nothing is changed, nothing typed is lost."""
    answer = filled.post(reverse("constituency:add"), ROW | {field: value, "site": "kept.example"})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert words in " ".join(answer.context["form"].errors[field])
    assert b"kept.example" in answer.content
    assert len(prefixes()) == 3


def test_the_sectors_are_those_of_the_directive(filled: ActingClient) -> None:
    """All 18 sectors of NIS2 can be chosen and no other."""
    field = filled.get(reverse("constituency:add")).context["form"].fields["sector"]
    choices = [value for _, group in field.choices[1:] for value, _ in group]
    assert tuple(choices) == SECTORS


def test_a_dry_run_changes_nothing(filled: ActingClient) -> None:
    """Trying a file says row by row what it would do, and neither rows nor ledger nor inbox know of it after."""
    before, entries = list(Protected.projected.order_by("pk").values()), Entry.objects.count()
    answer = tried(filled, SECOND)
    assert answer.status_code == 200
    told = {(row.status, row.prefix) for row in answer.context["rows"]}
    assert told == {
        ("new", "203.0.113.0/24"),
        ("changed", "192.0.2.0/24"),
        ("removed", "198.51.100.7/32"),
        ("removed", "2001:db8::/32"),
    }
    assert "becomes &#x27;Parliament of Estonia&#x27;" in answer.content.decode()
    assert list(Protected.projected.order_by("pk").values()) == before
    assert Entry.objects.count() == entries
    assert list(uploads.inbox_folder().iterdir()) == []


def test_applying_does_what_the_dry_run_said(filled: ActingClient) -> None:
    """The form of the dry run carries file, name and marking; applying it makes exactly those rows."""
    answer = tried(filled, SECOND, marking_tlp="AMBER+STRICT")
    form = answer.context["form"].initial
    sent = {"csv": form["csv"], "name": form["name"], "version": form["version"]}
    marked = {"marking_tlp": "AMBER+STRICT", "marking_pap": "GREEN"}
    assert filled.post(reverse("constituency:apply"), sent | marked).status_code == 302
    assert prefixes() == {"192.0.2.0/24", "203.0.113.0/24"}
    row = Protected.projected.select_related("marking").first()
    assert (row.marking.marking.tlp, row.marking.marking.pap) == (Tlp.AMBER_STRICT, Pap.GREEN)


def test_every_wrong_row_is_named_and_none_is_taken(filled: ActingClient) -> None:
    """A file with mistakes says each with line and column, without a path of this machine, and cannot be applied."""
    answer = tried(filled, FIRST + "x,,magic,EE,\n")
    words = [row.words for row in answer.context["rows"]]
    assert [text.split(": ")[0] for text in words] == [
        f"second.csv, line 5, column {column}" for column in ("prefix", "organisation", "sector")
    ]
    assert b"Import it" not in answer.content
    assert len(prefixes()) == 3
    assert b"not UTF-8" in tried(filled, b"\xff\xfe\x00").content
    assert list(uploads.inbox_folder().iterdir()) == []


def test_an_import_does_not_overtake_somebody_else(filled: ActingClient) -> None:
    """Where the constituency was changed between trying and applying, nothing is applied and the report is made anew."""
    answer = tried(filled, SECOND)
    service.change(Target("10.0.0.0/8", "Museum", "research", "EE"), filled.who)
    late = applied(filled, answer)
    assert late.status_code == 200
    assert late.context["overtaken"]
    assert ("removed", "10.0.0.0/8") in {(row.status, row.prefix) for row in late.context["rows"]}
    assert "10.0.0.0/8" in prefixes()
    assert applied(filled, late).status_code == 302
    assert prefixes() == {"192.0.2.0/24", "203.0.113.0/24"}


def test_the_last_import_is_undone(filled: ActingClient) -> None:
    """What was before the last import comes back, single changes before it too; undoing twice is where one was."""
    service.change(Target("10.0.0.0/8", "Museum", "research", "EE"), filled.who)
    before = {
        row["prefix"]: row["organisation"] for row in Protected.projected.values("prefix", "organisation")
    }
    assert applied(filled, tried(filled, SECOND)).status_code == 302
    where = reverse("constituency:put-back")
    page = filled.get(where)
    assert {(row.status, row.prefix) for row in page.context["rows"]} >= {("new", "10.0.0.0/8")}
    assert prefixes() == {"192.0.2.0/24", "203.0.113.0/24"}
    assert filled.post(where, {"version": "1"}).context["overtaken"]
    assert prefixes() == {"192.0.2.0/24", "203.0.113.0/24"}
    assert filled.post(where, {"version": page.context["version"]}).status_code == 302
    assert {
        row["prefix"]: row["organisation"] for row in Protected.projected.values("prefix", "organisation")
    } == before
    again = filled.get(where)
    assert filled.post(where, {"version": again.context["version"]}).status_code == 302
    assert prefixes() == {"192.0.2.0/24", "203.0.113.0/24"}


def test_nothing_is_undone_where_nothing_was_imported(mari: ActingClient) -> None:
    """Without an import the page says so and offers nothing."""
    assert mari.get(reverse("constituency:put-back")).status_code == 400
    assert mari.get(reverse("constituency:import")).context["before"] is None


def test_the_registry_file_can_be_imported_again(filled: ActingClient) -> None:
    """What is taken out is what was put in: trying it says that nothing changes; the taking is written down."""
    answer = filled.get(reverse("constituency:file"))
    text = b"".join(answer.streaming_content)
    assert tried(filled, text).context["counts"] == {
        "new": 0,
        "changed": 0,
        "removed": 0,
        "same": 3,
        "wrong": 0,
    }
    taken = Consultation.objects.get()
    assert (taken.action, len(taken.objects_seen)) == ("constituency.export", 3)
    assert taken.recipient


def test_exports_are_no_formulas(mari: ActingClient) -> None:
    """An organisation that is called like a formula comes out as a text, in the file and in the list's export."""
    service.change(Target("10.0.0.0/8", "=cmd|' /C calc'!A0", "research", "EE"), mari.who)
    whole = b"".join(mari.get(reverse("constituency:file")).streaming_content).decode("utf-8-sig")
    assert next(csv.DictReader(io.StringIO(whole)))["organisation"].startswith("'=cmd")
    listed = b"".join(mari.get(reverse("constituency:list"), {"as": "csv"}).streaming_content).decode(
        "utf-8-sig"
    )
    assert next(csv.DictReader(io.StringIO(listed)))["Organisation"].startswith("'=cmd")


def test_rows_one_may_not_see_stay_hidden_and_whole(
    actor: People, client_as: Clients, mari: ActingClient
) -> None:
    """Rows for named persons only are in no list, report or file of another, who can neither replace, change nor remove them."""
    red = replace(Marking.own("ee-cert"), tlp=Tlp.RED)
    put(mari.who, FIRST, "secret.csv", red)
    other = client_as(actor("analyst", name="Jaan Tamm"))
    assert shown(other.get(reverse("constituency:list"))) == []
    assert b"Parliament" not in b"".join(other.get(reverse("constituency:file")).streaming_content)
    answer = tried(other, SECOND)
    assert answer.status_code == 403
    assert b"Harbour Bank" not in answer.content
    assert other.get(reverse("constituency:import")).context["before"] is None
    assert other.get(reverse("constituency:row", args=[Protected.projected.first().pk])).status_code == 404
    with pytest.raises(service.HiddenRowsError):
        service.change(Target("192.0.2.0/24", "Mine", "research", "EE"), other.who)
    with pytest.raises(service.HiddenRowsError):  # the same network, as IPv6 writes it
        service.change(Target("::ffff:192.0.2.0/120", "Mine", "research", "EE"), other.who)
    with pytest.raises(UsageError, match="not in the constituency"):
        service.remove("192.0.2.0/24", other.who)
    assert len(prefixes()) == 3


def test_asking_whose_an_address_is_tells_of_no_hidden_row(client_as: Clients, actor: People) -> None:
    """Inside a hidden network the answer is what it is beside it: the visible network around both, or nobody."""
    mari, jaan = actor("analyst", "officer"), actor("analyst", name="Jaan Tamm")
    put(
        mari,
        HEAD
        + "192.0.2.0/24,Parliament,public administration,EE,\n192.0.2.8/29,Agents,public administration,EE,\n",
        "a.csv",
    )
    hidden = Protected.projected.get(prefix="192.0.2.8/29")
    mark(hidden.pk, replace(Marking.own("ee-cert"), tlp=Tlp.RED), "", mari, "Nobody is to know.")
    for who, inside in ((mari, "Agents"), (jaan, "Parliament")):
        for address, whose in (("192.0.2.9", inside), ("192.0.2.99", "Parliament")):
            told = client_as(who).get(f"/api/constituency/lookup?address={address}")
            assert (told.status_code, told.json()["organisation"]) == (200, whose)


def test_a_change_keeps_the_marking(mari: ActingClient) -> None:
    """A row that is marked strictly stays so when somebody corrects its name."""
    strict = replace(Marking.own("ee-cert"), tlp=Tlp.AMBER_STRICT)
    put(mari.who, FIRST, "strict.csv", strict)
    row = Protected.projected.get(prefix="192.0.2.0/24")
    told = ROW | {"network": row.prefix, "organisation": "Riigikogu"}
    assert mari.post(reverse("constituency:row", args=[row.pk]), told).status_code == 302
    row = Protected.projected.select_related("marking").get(pk=row.pk)
    assert (row.organisation, row.marking.marking.tlp) == ("Riigikogu", Tlp.AMBER_STRICT)


def test_the_api_imports_with_a_marking_and_puts_back(filled: ActingClient) -> None:
    """Programs import with the marking that they say, and undo it: first in words, then in deed."""

    def send(where: str, **told: object) -> dict[str, object]:
        answer = filled.post(f"/api/constituency/import{where}", told, content_type="application/json")
        assert answer.status_code == 200
        return answer.json()

    assert send("", csv=SECOND, apply=True, tlp="AMBER+STRICT")["applied"]
    row = Protected.projected.select_related("marking").first()
    assert row.marking.marking.tlp == Tlp.AMBER_STRICT
    assert not send("/put-back")["applied"]
    assert len(prefixes()) == 2
    assert send("/put-back", apply=True)["applied"]
    assert len(prefixes()) == 3
