"""The pages of flows: what is found, by whom, what leaves the node, what was read, and what can be started."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from hanse.accounts.approvals import address_of, approve, words_of
from hanse.accounts.models import Consultation, Proposal
from hanse.kernel import units
from hanse.kernel.actors import Actor
from hanse.kernel.clock import FIRST_MOMENT_US, LAST_MOMENT_US, now_us
from hanse.kernel.markings import Marking, Pap, Tlp
from hanse.ledger.models import Entry
from hanse.telemetry import flow_search, limits, panels, reading_in, searching, service
from hanse.telemetry.models import Input, Partition, Watched
from hanse.telemetry.reading import InputReport
from hanse.telemetry.store import write_parquet
from hanse.web import uploads
from hanse.web.models import Job
from tests.accounts.people import acting, newcomer
from tests.attacks.build import T0, flows
from tests.attacks.test_adversary import with_column
from tests.web.acting import ActingClient
from tests.web.conftest import client_as

__all__ = ["client_as"]

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]
Store = Callable[..., Partition]

HOUR_S = 3_600.0
SOURCE = "81.0.0.7"
OTHER = "2001:db8::7"
VICTIM = "195.80.105.107"


@pytest.fixture
def store(actor: People, node_home: Path) -> Store:
    """Puts a table of flows on record as one file."""
    who = actor("analyst")

    def put(table: pa.Table, name: str, marking: Marking | None = None, source: str = "import") -> Partition:
        path = service.flows_folder() / "test" / f"{name}.parquet"
        write_parquet(path, [table])
        recorded = service.record_partitions([path], source, who, marking=marking)
        return Partition.projected.get(pk=recorded[0].object_id)

    yield put
    rmtree(service.flows_folder(), ignore_errors=True)
    rmtree(uploads.inbox_folder(), ignore_errors=True)


@pytest.fixture
def two_hours(store: Store) -> tuple[Partition, Partition]:
    """Web traffic in the first hour, DNS over IPv6 in the second."""
    first = flows(
        300, src=[SOURCE], span_s=HOUR_S - 60, length_s=30.0, dst_port=443, src_port=50_000, size=1_000
    )
    second = flows(
        40,
        src=[OTHER],
        dst=["2001:db8::53"],
        start_s=HOUR_S,
        span_s=600.0,
        protocol=17,
        dst_port=53,
        sampling=10,
    )
    return store(first, "first"), store(second, "second")


def at(seconds: float) -> str:
    """A time of the made flows as people type it."""
    return units.second(T0 + int(seconds * 1e6))


def asked(client: ActingClient, **told: object) -> dict[str, object]:
    """The context of a search's page."""
    answer = client.get(reverse("telemetry:list"), told)
    assert answer.status_code == 200
    return {name: answer.context[name] for name in answer.context.keys()}  # noqa: SIM118 - it is no dict


def test_without_a_question_it_says_what_is_held(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """No flow is shown before something is asked for; the counts are those of the files."""
    told = asked(client_as(actor("analyst")))
    assert "found" not in told
    assert told["held"].rows == 340
    assert [(one.what, one.partitions) for one in told["held"].sources] == [("Files read in", 2)]
    assert [(one.day, one.rows) for one in told["held"].days] == [("2007-05-03", 340)]
    assert not Consultation.objects.exists()


def test_how_much_may_be_kept_is_said_as_it_was_set(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who set 50 GiB reads 50 GiB, and not 53.7 GB."""
    told = limits.Limits(50 * 2**30, uploads.Caps())
    monkeypatch.setattr(limits, "_told", [lambda: told])
    assert "of the 50 GiB that it may" in client_as(actor("analyst")).get("/flows/").content.decode()


def test_a_flow_outside_the_time_is_not_shown(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """What ended before or began after the time is not found; what was seen in it is, also if it began earlier."""
    client = client_as(actor("analyst"))
    told = asked(client, since=at(600), until=at(659))
    shown = told["flows"]
    assert len(shown) == told["found"].total.flows
    assert all(
        one.start_us <= T0 + 660_000_000 and one.start_us + one.lasted_us >= T0 + 600_000_000 for one in shown
    )
    assert min(one.start_us for one in shown) < T0 + 600_000_000
    assert told["looked"].rows == (two_hours[0],)
    assert asked(client, since=at(3 * HOUR_S))["found"].total.flows == 0


def test_a_minute_or_day_that_is_typed_counts_to_its_end(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """The end of a span is the end of the day, minute or second that somebody wrote."""
    client = client_as(actor("analyst"))
    assert asked(client, until="2007-05-03")["found"].total.flows == 340
    assert asked(client, until="2007-05-03 00:00")["found"].total.flows == 6
    assert asked(client, until="2007-05-03 00:00:00")["found"].total.flows == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"address": SOURCE}, 300),
        ({"address": VICTIM}, 300),
        ({"source": VICTIM}, 0),
        ({"destination": "195.80.96.0/19"}, 300),
        ({"address": "2001:db8::/32"}, 40),
        ({"address": "0.0.0.0/0"}, 300),
        ({"port": 53}, 40),
        ({"source_port": 53}, 0),
        ({"destination_port": 53}, 40),
        ({"protocol": "udp"}, 40),
        ({"protocol": "6"}, 300),
        ({"protocol": "udp", "address": SOURCE}, 0),
    ],
)
def test_every_filter_narrows(
    two_hours: tuple[Partition, Partition],
    actor: People,
    client_as: Clients,
    filters: dict[str, object],
    expected: int,
) -> None:
    """Each filter lets through the flows that it names and no other; IPv6 networks hold no IPv4 addresses."""
    told = asked(client_as(actor("analyst")), **filters)
    assert told["found"].total.flows == expected
    assert len(told["flows"]) == min(expected, 200)


def test_sums_are_estimates_and_lead_on(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """Figures are times the sampling, are ranked by what was asked, and each row narrows to exactly its flows."""
    client = client_as(actor("analyst"))
    told = asked(client, since="2007-05-03", by="packets")
    tops = {heading: rows for heading, _, rows in told["tops"]}
    assert [(row.words, row.sum.packets) for row in tops["Sources"]] == [(OTHER, 400), (SOURCE, 300)]
    assert [(row.words, row.sum.flows) for row in tops["Destination ports"]] == [
        ("UDP 53", 40),
        ("TCP 443", 300),
    ]
    assert told["found"].total.packets == 700
    assert sum(row.share for row in tops["Protocols"]) == pytest.approx(1)
    for rows in tops.values():
        for row in rows:
            narrowed = client.get(reverse("telemetry:list") + row.url).context
            assert narrowed["found"].total.flows == row.sum.flows


def test_wrong_words_are_said_beside_their_field(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """What cannot be meant shows no flows, says where and how to mend it, and keeps what was typed."""
    client = client_as(actor("analyst"))
    wrong = {"since": "yesterday", "address": "nowhere", "port": "70000", "protocol": "carrier pigeon"}
    answer = client.get(reverse("telemetry:list"), wrong)
    assert set(answer.context["form"].errors) == set(wrong)
    assert "found" not in answer.context
    assert b"carrier pigeon" in answer.content
    swapped = client.get(reverse("telemetry:list"), {"since": at(60), "until": at(0)})
    assert list(swapped.context["form"].errors) == ["until"]


def test_who_may_not_is_refused(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """Flows are for those whose role has them; taking them out and removing them need more."""
    approver = client_as(actor("approver"))
    assert approver.get(reverse("telemetry:list")).status_code == 403
    investigator = client_as(actor("investigator"))
    assert investigator.get(reverse("telemetry:list"), {"port": 53}).status_code == 200
    refused = investigator.post(reverse("telemetry:remove"), {"ids": [two_hours[0].pk], "reason": "No."})
    assert refused.status_code == 403
    token = actor("analyst", kind="token", scopes=frozenset({"telemetry.view"}))
    narrow = client_as(token)
    assert narrow.get(reverse("telemetry:list"), {"port": 53}).status_code == 200
    assert narrow.get(reverse("telemetry:list"), {"port": 53, "as": "csv"}).status_code == 403


def test_flows_of_files_one_may_not_see_are_nowhere(store: Store, actor: People, client_as: Clients) -> None:
    """Flows for named persons only are in no search, sum, overview or list of files of anybody else."""
    store(flows(50, src=[SOURCE]), "open")
    red = replace(Marking.own("ee-cert"), tlp=Tlp.RED)
    hidden = store(flows(70, src=[SOURCE]), "red", red)
    client = client_as(actor("analyst", stepped_up_us=now_us()))
    assert asked(client, address=SOURCE)["found"].total.flows == 50
    assert asked(client)["held"].rows == 50
    assert str(hidden.pk) not in client.get(reverse("telemetry:partitions")).content.decode()
    gone = client.post(reverse("telemetry:remove"), {"ids": [hidden.pk], "reason": "Not mine."})
    assert gone.status_code == 400
    assert Partition.projected.filter(pk=hidden.pk).exists()


def test_a_page_carries_the_strictest_marking_of_what_it_shows(
    store: Store, actor: People, client_as: Clients
) -> None:
    """The band is that of the files whose flows are shown, not of those beside."""
    green = replace(Marking.own("ee-cert"), tlp=Tlp.GREEN, pap=Pap.GREEN)
    strict = replace(green, tlp=Tlp.AMBER_STRICT)
    store(flows(5, src=[SOURCE]), "green", green)
    store(flows(5, src=["9.9.9.9"]), "strict", strict)
    client = client_as(actor("analyst"))
    assert asked(client, address=SOURCE)["marking"].tlp == Tlp.GREEN
    assert asked(client, address="0.0.0.0/0")["marking"].tlp == Tlp.AMBER_STRICT


def test_looking_and_taking_are_written_down(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """A search is a consultation of the files that its flows lie in; a file is a disclosure of them."""
    client = client_as(actor("analyst"))
    asked(client, port=53)
    seen = Consultation.objects.get()
    assert (seen.action, seen.objects_seen, seen.recipient) == ("telemetry.view", [two_hours[1].pk.hex], "")
    client.get(reverse("telemetry:list"), {"port": 53, "as": "csv"}).close()
    taken = Consultation.objects.get(action="telemetry.export")
    assert taken.objects_seen == [two_hours[1].pk.hex]
    assert taken.recipient


def test_a_file_has_exactly_what_the_search_found(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """CSV and Parquet have all flows that pass, not only those on the page, in the same order."""
    client = client_as(actor("analyst"))
    query = {"address": SOURCE, "until": at(3_000)}
    total = asked(client, **query)["found"].total.flows
    assert total > 200
    answer = client.get(reverse("telemetry:list"), query | {"as": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    answer = client.get(reverse("telemetry:list"), query | {"as": "parquet"})
    table = pq.read_table(io.BytesIO(b"".join(answer.streaming_content)))
    assert len(rows) == table.num_rows == total
    assert {row["src"] for row in rows} == {SOURCE}
    starts = table["start"].cast(pa.int64()).to_pylist()
    assert starts == sorted(starts)
    assert client.get(reverse("telemetry:list"), query | {"as": "exe"}).status_code == 400


def test_what_must_not_leave_is_shown_and_not_taken(store: Store, actor: People, client_as: Clients) -> None:
    """PAP:RED lets flows be looked at; a file is without them, and the page says so before."""
    store(flows(5, src=[SOURCE]), "mild")
    store(flows(7, src=[SOURCE], start_s=100.0), "red", replace(Marking.own("ee-cert"), pap=Pap.RED))
    client = client_as(actor("analyst"))
    told = asked(client, address=SOURCE)
    assert (told["found"].total.flows, told["looked"].kept_back) == (12, 1)
    answer = client.get(reverse("telemetry:list"), {"address": SOURCE, "as": "parquet"})
    assert pq.read_table(io.BytesIO(b"".join(answer.streaming_content))).num_rows == 5


def test_a_name_from_outside_is_no_formula(store: Store, actor: People, client_as: Clients) -> None:
    """A vantage point that is called like a formula comes out of the CSV as a text."""
    table = flows(3, src=[SOURCE])
    name = '=HYPERLINK("http://evil.example","x")'
    place = table.schema.get_field_index("vantage")
    table = table.set_column(place, table.schema.field(place), pa.array([name] * 3))
    store(table, "formula")
    answer = client_as(actor("analyst")).get(reverse("telemetry:list"), {"address": SOURCE, "as": "csv"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["vantage"] for row in rows] == ["'" + name] * 3


def test_a_file_that_would_be_too_large_is_refused_whole(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More flows than a file takes are never cut silently: nothing leaves, and the page says what to do."""
    monkeypatch.setattr(searching, "FILE_FLOWS", 100)
    client = client_as(actor("analyst"))
    assert asked(client, address=SOURCE)["fits"] is False
    answer = client.get(reverse("telemetry:list"), {"address": SOURCE, "as": "csv"})
    assert answer.status_code == 400
    assert b"Narrow the time" in answer.content
    assert not Consultation.objects.filter(action="telemetry.export").exists()


def test_a_search_that_takes_too_long_is_stopped(two_hours: tuple[Partition, Partition]) -> None:
    """The time limit ends the query itself, and the words say what to narrow."""
    files = [str(service.flows_folder() / row.path) for row in two_hours] * 1_000
    with pytest.raises(flow_search.TooMuchError, match="Narrow the time"):
        flow_search.search(files, flow_search.Sought(), time_s=0.02)


def test_lying_counters_and_clocks_end_no_search_and_no_page(
    store: Store, actor: People, client_as: Clients, tmp_path: Path
) -> None:
    """Flows with the largest counters and rates, and with times beyond the calendar: searched and shown all the same."""
    most = with_column(with_column(flows(3, src=[SOURCE]), "bytes", 2**63 - 1), "sampling", 2**31 - 1)
    store(most, "most")
    found = flow_search.search([str(service.flows_folder() / "test" / "most.parquet")], flow_search.Sought())
    assert found.total.octets == 3 * (2**63 - 1) * (2**31 - 1)
    for us in (-(2**60), 2**60):
        brought = tmp_path / f"{us}.parquet"
        pq.write_table(with_column(with_column(flows(3, src=[SOURCE]), "start", us), "end", us), brought)
        reading_in.read_in([str(brought)], actor("analyst"))
    client = client_as(actor("analyst"))
    for address in ("/", "/flows/", f"/flows/?address={SOURCE}", "/api/flows/held", "/api/flows/partitions"):
        assert client.get(address).status_code == 200, address
    assert client.get(f"/api/flows/search?address={SOURCE}").status_code == 200


def test_files_of_flows_are_removed_with_a_reason(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """Removing asks why first, then proposes it; file and row go when another person approves, the reason stays."""
    path = service.flows_folder() / two_hours[0].path
    stale = client_as(actor("analyst")).post(reverse("telemetry:remove"), {"ids": [two_hours[0].pk]})
    assert stale.status_code == 401
    client = client_as(acting(newcomer("analyst")))
    question = client.post(reverse("telemetry:remove"), {"ids": [two_hours[0].pk]})
    assert question.status_code == 200
    assert path.is_file()
    assert (
        client.post(reverse("telemetry:remove"), {"ids": [two_hours[0].pk], "reason": ""}).status_code == 200
    )
    assert path.is_file()
    reason = {"ids": [two_hours[0].pk], "reason": "Asked for by a court."}
    assert client.post(reverse("telemetry:remove"), reason).status_code == 302
    assert path.is_file()
    (proposal,) = Proposal.objects.all()
    assert "Remove 1 file of stored flows" in words_of(proposal)
    assert client.get(address_of(proposal)).status_code == 200
    approve(proposal.pk, acting(newcomer("approver", name="Jaan Tamm")))
    assert not path.exists()
    assert list(Partition.projected.values_list("pk", flat=True)) == [two_hours[1].pk]
    assert Entry.objects.filter(kind="telemetry.partition_removed", object_id=two_hours[0].pk).exists()
    assert client.post(reverse("telemetry:remove"), {"ids": ["x"]}).status_code == 400


@pytest.fixture
def bad_input(actor: People, store: Store) -> Input:
    """The account of an input that could not be read wholly."""
    report = InputReport("/somewhere/else/0001-border.pcap", "pcap", 0, 12, 3, 4)
    report.add("the record is cut off.", offset=1_234, field="packet header", do="Take the capture again.")
    draft = reading_in._read_draft(
        reading_in.input_read(report, "ab" * 32, "cd" * 16), Marking.own("ee-cert")
    )
    service.append_many([draft], actor("analyst"))
    return Input.projected.get()


def test_inputs_say_how_well_they_were_read(bad_input: Input, actor: People, client_as: Clients) -> None:
    """The list tells what is not whole; the page gives each problem with its place and no path of this machine."""
    client = client_as(actor("analyst"))
    listed = client.get(reverse("telemetry:inputs"))
    assert b"not wholly" in listed.content
    assert b"0001-border.pcap" in listed.content
    assert client.get(reverse("telemetry:inputs"), {"whole": "yes"}).content.count(b"data-row") == 0
    assert client.get(reverse("telemetry:inputs"), {"whole": "perhaps"}).status_code == 400
    answer = client.get(reverse("telemetry:input", args=[bad_input.pk]))
    assert answer.context["problems"] == [
        ("byte 1234, packet header", "the record is cut off. Take the capture again.")
    ]
    assert b"/somewhere/else" not in answer.content
    assert b"ab" * 32 in answer.content
    assert (
        client_as(actor("approver")).get(reverse("telemetry:input", args=[bad_input.pk])).status_code == 403
    )


def test_an_input_leads_to_its_analyses(
    store: Store, actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rooms above know of an input's analyses stands on its page, asked with the span of its flows."""
    who = actor("analyst")
    part = store(flows(5, src=[SOURCE]), "one")
    Partition.projected.filter(pk=part.pk).update(batch="cd" * 16)
    report = InputReport("/x/one.pcap", "pcap", 5, 5)
    draft = reading_in._read_draft(
        reading_in.input_read(report, "ab" * 32, "cd" * 16), Marking.own("ee-cert")
    )
    service.append_many([draft], who)
    spans = []

    def analyses(_row: Input, span: tuple[int, int], _actor: Actor) -> list[panels.Analysis]:
        spans.append(span)
        return [panels.Analysis("7 attacks found", "/attacks/?run=1", T0, "Mari")]

    monkeypatch.setattr(panels, "analyses", [analyses])
    content = client_as(who).get(reverse("telemetry:input", args=[Input.projected.get().pk])).content
    assert spans == [(part.start_us, part.end_us)]
    assert b"7 attacks found" in content


def upload(client: ActingClient, **fields: object) -> object:
    """Send one small file with other fields."""
    file = io.BytesIO(b"not really a capture")
    file.name = "night.pcap"
    return client.post(reverse("telemetry:upload"), {"file": file, **fields}, HTTP_ACCEPT="application/json")


def test_an_upload_starts_its_analysis(store: Store, actor: People, client_as: Clients) -> None:
    """A file goes into the inbox and a job takes it up, with the columns that were said."""
    client = client_as(actor("analyst"))
    answer = upload(client, columns="start=ts,src=a,dst=b,packets=n,bytes=m")
    assert answer.status_code == 201
    job = Job.objects.get()
    assert answer.json() == {"url": f"/jobs/{job.pk}/"}
    assert (job.kind, job.title) == ("analyse", "night.pcap")
    assert job.params["columns"].startswith("start=ts")
    assert (uploads.inbox_folder() / job.params["paths"][0]).is_file()


@pytest.mark.parametrize("columns", ["start", "moon=ts", "/etc/secret.toml", "x=/etc/secret.json"])
def test_columns_that_mean_nothing_leave_nothing(
    store: Store, actor: People, client_as: Clients, columns: str
) -> None:
    """A mapping that is none, or that names a file of the node, is refused; the upload is not kept."""
    answer = upload(client_as(actor("analyst")), columns=columns)
    assert answer.status_code == 400
    assert "secret" not in answer.json()["detail"]
    assert not Job.objects.exists()
    assert list(uploads.inbox_folder().iterdir()) == []


def test_an_upload_keeps_to_the_limits_that_are_set(
    store: Store, actor: People, client_as: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest file is what the node's settings say; a larger one is refused with 413 and leaves nothing."""
    told = limits.Limits(None, uploads.Caps(file_bytes=10))
    monkeypatch.setattr(limits, "_told", [lambda: told])
    answer = upload(client_as(actor("analyst")))
    assert answer.status_code == 413
    assert "night.pcap" in answer.json()["detail"]
    assert list(uploads.inbox_folder().iterdir()) == []


def test_an_upload_is_for_who_may_import(store: Store, actor: People, client_as: Clients) -> None:
    """An investigator looks at flows but brings none in, by no way."""
    client = client_as(actor("investigator"))
    assert upload(client).status_code == 403
    for name in ("load-exercise", "analyse", "watch"):
        assert client.post(reverse(f"telemetry:{name}")).status_code == 403
    assert not Job.objects.exists()
    assert b"data-drop" not in client.get(reverse("telemetry:inputs")).content


def test_stored_flows_are_analysed_again(actor: People, client_as: Clients, store: Store) -> None:
    """The job gets the span that was typed; a wrong one starts nothing and keeps what was typed."""
    client = client_as(actor("analyst"))
    wrong = client.post(
        reverse("telemetry:analyse"), {"since": "2007-05-04", "until": "2007-05-03", "gap_s": "0"}
    )
    assert set(wrong.context["form"].errors) == {"until", "gap_s"}
    assert not Job.objects.exists()
    answer = client.post(reverse("telemetry:analyse"), {"since": "2007-05-03", "until": "2007-05-03"})
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert job.params == {"since_us": T0, "until_us": T0 + 86_400_000_000 - 1}


def test_folders_are_watched_and_no_longer(
    tmp_path: Path, actor: People, client_as: Clients, store: Store
) -> None:
    """A folder of this machine is watched until somebody says otherwise; one that is none is said beside its field."""
    client = client_as(actor("analyst"))
    assert client.post(reverse("telemetry:watch"), {"folder": str(tmp_path)}).status_code == 302
    assert Watched.objects.get().folder == str(tmp_path)
    assert str(tmp_path) in client.get(reverse("telemetry:inputs")).content.decode()
    nowhere = client.post(reverse("telemetry:watch"), {"folder": str(tmp_path / "nowhere")})
    assert list(nowhere.context["form"].errors) == ["folder"]
    assert client.post(reverse("telemetry:watch"), {"folder": str(tmp_path), "off": "1"}).status_code == 302
    assert not Watched.objects.exists()


def test_the_rail_shows_flows_to_who_may(actor: People, client_as: Clients, store: Store) -> None:
    """Flows stand in the rail of an analyst, not in that of an approver."""
    entry = f'href="{reverse("telemetry:list")}"'
    assert entry in client_as(actor("analyst")).get(reverse("telemetry:list")).content.decode()
    assert entry not in client_as(actor("approver")).get(reverse("constituency:list")).content.decode()


def test_the_api_finds_what_the_page_finds(
    two_hours: tuple[Partition, Partition], actor: People, client_as: Clients
) -> None:
    """A search over the API counts, ranks and writes down as the page does; its file has all of the flows."""
    client = client_as(actor("analyst"))
    found = client.get("/api/flows/search", {"address": SOURCE, "limit": 7}).json()
    assert (found["total"]["flows"], len(found["flows"])) == (300, 7)
    assert found["sources"] == [{"key": SOURCE, "flows": 300, "packets": 300, "bytes": 300_000}]
    assert found["destination_ports"][0]["key"] == "6/443"
    assert Consultation.objects.get().objects_seen == [two_hours[0].pk.hex]
    answer = client.get("/api/flows/file", {"port": 53, "form": "parquet"})
    assert pq.read_table(io.BytesIO(b"".join(answer.streaming_content))).num_rows == 40
    assert client.get("/api/flows/held").json()["rows"] == 340
    early = {"since_us": FIRST_MOMENT_US, "until_us": LAST_MOMENT_US}
    assert client.get("/api/flows/search", early).json()["total"]["flows"] == 340
    assert client.get("/api/flows/search", {"address": "nowhere"}).status_code == 400
    assert client_as(actor("approver")).get("/api/flows/search").status_code == 403
    narrow = client_as(actor("analyst", kind="token", scopes=frozenset({"telemetry.view"})))
    assert narrow.get("/api/flows/file").status_code == 403


def test_the_api_starts_what_the_pages_start(store: Store, actor: People, client_as: Clients) -> None:
    """Programs load the exercise and analyse with columns; a mapping can name no file of the node."""
    client = client_as(actor("analyst"))
    assert client.post("/api/flows/load-exercise").status_code == 202
    told = {"paths": ["x.csv"], "columns": "/etc/secret.toml"}
    refused = client.post("/api/flows/analyse", told, content_type="application/json")
    assert refused.status_code == 400
    assert Job.objects.get().kind == "load-exercise"


def test_the_api_tells_of_one_input(bad_input: Input, actor: People, client_as: Clients) -> None:
    """An input's account comes whole, and that it was looked at is written down."""
    client = client_as(actor("analyst"))
    assert client.get(f"/api/flows/inputs/{bad_input.pk}").json()["lost"] == 3
    assert client.get("/api/flows/inputs").json()["items"][0]["id"] == str(bad_input.pk)
    assert [one.objects_seen for one in Consultation.objects.all()] == [[bad_input.pk.hex]] * 2


def test_no_name_tells_how_the_node_is_laid_out(actor: People, store: Store) -> None:
    """An upload is called as its sender called it: in its account, in its flows, and in what is said of its mistakes."""
    folder = uploads.inbox_folder() / "ab12"
    folder.mkdir(parents=True)
    good, bad = folder / "0001-night.csv", folder / "0002-broken.pcap"
    good.write_text(
        "ts,srcaddr,dstaddr,proto,packets,bytes\n2007-06-01 10:00:00,10.0.0.1,192.0.2.1,17,3,180\nx,y,z,17,3,180\n"
    )
    bad.write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(3))
    came = reading_in.read_in([str(good), str(bad)], actor("analyst"))
    assert sorted(one.path for one in came.inputs) == ["broken.pcap", "night.csv"]
    assert {row.name for row in Input.projected.all()} == {"broken.pcap", "night.csv"}
    assert Partition.projected.get().vantage == "night.csv"
    said = " ".join(str(problem) for one in came.inputs for problem in one.problems)
    kept = " ".join(problem for row in Input.projected.all() for problem in row.problems)
    assert "line 3" in said
    assert str(folder.parent) not in said + kept


def test_a_page_of_work_becomes_whole_when_the_work_ends(
    actor: People, client_as: Clients, store: Store
) -> None:
    """While a job runs only its progress is exchanged; at its end the page is loaded anew, with what can be done then."""
    client = client_as(actor("analyst"))
    upload(client)
    job = Job.objects.get()
    part = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "job"}
    where = reverse("jobs:job", args=[job.pk])
    assert "HX-Refresh" not in client.get(where, **part)
    assert b"Cancel this job" in client.get(where).content
    Job.objects.filter(pk=job.pk).update(state="cancelled", ended_us=T0)
    assert client.get(where, **part)["HX-Refresh"] == "true"
    assert b"Begin again" in client.get(where).content
