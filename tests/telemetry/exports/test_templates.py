"""Templates: late, changed, withdrawn, of several exporters; variable and foreign fields."""

from struct import pack

import numpy as np
import pytest

from hanse.kernel.addresses import unpack
from hanse.telemetry.exports.streams import WAITING_BYTES
from tests.telemetry.exports.build import (
    EXPORT_S,
    IPFIX_FIELDS,
    V4_FIELDS,
    a_set,
    dtype_of,
    ipfix,
    records,
    stream,
    template,
    v9,
)
from tests.telemetry.exports.feed import Feed

SMALL: list[tuple[int, ...]] = [(8, 4), (12, 4), (2, 4), (1, 4)]
ROW = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + pack(">II", 3, 300)
SWAPPED: list[tuple[int, ...]] = [(8, 4), (12, 4), (1, 4), (2, 4)]
TEMPLATE = a_set(2, template(300, SMALL))
DATA = a_set(300, ROW)


@pytest.mark.parametrize("kind", ["v5", "v9", "ipfix"])
def test_every_flow_of_a_stream_is_read(kind: str) -> None:
    """Flows, packets and octets of made datagrams all arrive, and nothing is counted as lost."""
    made = stream(kind, 50)
    feed = Feed()
    batch = feed.decoder.decode(made.data, made.offsets, made.lengths, made.senders, made.times)
    assert batch is not None
    batch.validate(full=True)
    assert batch.num_rows == feed.report.flows == made.flows
    assert sum(batch.column("bytes").to_pylist()) == made.octets
    assert feed.report.packets == made.packets
    assert (feed.report.lost, feed.report.skipped, feed.report.problem_count) == (0, 0, 0)


@pytest.mark.parametrize(("kind", "fields"), [("v9", V4_FIELDS), ("ipfix", IPFIX_FIELDS)])
def test_columns_are_the_fields(kind: str, fields: list[tuple[int, int]]) -> None:
    """Each column has the value of its field, record by record."""
    made = stream(kind, 3)
    feed = Feed()
    batch = feed.decoder.decode(made.data, made.offsets, made.lengths, made.senders, made.times)
    assert batch is not None
    sent = records(dtype_of(fields), made.flows)
    for name, field in (("src_port", "7"), ("dst_port", "11"), ("protocol", "4"), ("packets", "2")):
        assert batch.column(name).to_pylist() == sent[field].tolist()
    assert [raw[12:] for raw in batch.column("src").to_pylist()] == [
        int(number).to_bytes(4, "big") for number in sent["8"]
    ]
    starts = np.array(batch.column("start").cast("int64"))
    since = sent["22" if kind == "v9" else "152"].astype(np.int64)
    base = EXPORT_S * 1000 - 86_400_000 if kind == "v9" else 0
    assert (starts == (since + base) * 1000).all()


def test_data_waits_for_its_template_across_calls() -> None:
    """Data sets before their template are kept and decoded with the time of their own datagram."""
    feed = Feed()
    assert feed(ipfix(0, DATA, export_s=EXPORT_S - 60)) == []
    (row,) = feed(ipfix(1, TEMPLATE))
    assert (row["packets"], row["bytes"]) == (3, 300)
    assert row["start"].timestamp() == EXPORT_S - 60
    assert feed.finish().skipped == 0


def test_waiting_data_is_bounded() -> None:
    """Data sets that wait take no more than the room of their exporter; the rest is counted."""
    feed = Feed()
    big = a_set(300, bytes(60_000))
    for number in range(100):
        feed(ipfix(number, big))
    held = sum(one.exporter.waiting_bytes for one in feed.decoder._streams)
    assert held <= WAITING_BYTES
    report = feed.finish()
    assert report.skipped == 100
    assert report.problem_count == 1
    assert "192.0.2.1 domain 0 template 300" in report.problems[0].what


def test_redefinition_holds_from_its_place_on() -> None:
    """A template sent anew changes what comes after it, in the same datagram too, and nothing before."""
    feed = Feed()
    other = a_set(2, template(300, SWAPPED))
    rows = feed(ipfix(0, TEMPLATE, DATA, other, DATA))
    assert sorted((row["packets"], row["bytes"]) for row in rows) == [(3, 300), (300, 3)]


def test_withdrawn_template_reads_nothing() -> None:
    """After its withdrawal a template's data waits for the next definition."""
    feed = Feed()
    assert len(feed(ipfix(0, TEMPLATE, DATA))) == 1
    assert feed(ipfix(1, a_set(2, pack(">HH", 300, 0)), DATA)) == []
    assert len(feed(ipfix(2, TEMPLATE))) == 1


def test_all_templates_can_be_withdrawn_at_once() -> None:
    """Template id 2 without fields withdraws all templates of the domain."""
    feed = Feed()
    feed(ipfix(0, TEMPLATE))
    assert feed(ipfix(0, a_set(2, pack(">HH", 2, 0)), DATA)) == []
    assert feed.finish().skipped == 1


@pytest.mark.parametrize("number", [300, 2])
def test_nothing_is_withdrawn_over_udp(number: int) -> None:
    """A withdrawal over UDP is ignored (RFC 7011, section 8.4): anybody can send one in an exporter's name.

    One datagram a minute would have nothing of that exporter read between its announcements.
    """
    feed = Feed(udp=True)
    feed(ipfix(0, TEMPLATE))
    assert len(feed(ipfix(0, a_set(2, pack(">HH", number, 0)), DATA))) == 1
    assert len(feed(ipfix(1, DATA))) == 1


def test_exporters_and_domains_do_not_mix() -> None:
    """The same template id means what its own exporter and domain said."""
    feed = Feed()
    feed(ipfix(0, TEMPLATE, domain=1))
    feed(ipfix(0, a_set(2, template(300, SWAPPED)), domain=2))
    assert [row["packets"] for row in feed(ipfix(0, DATA, domain=1), ipfix(0, DATA, domain=2))] == [3, 300]
    assert feed(ipfix(0, DATA, domain=1), sender="192.0.2.2") == []
    (row,) = feed(ipfix(0, TEMPLATE, domain=1), sender="192.0.2.2")
    assert unpack(row["exporter"]) == "192.0.2.2"


def test_variable_and_enterprise_fields_are_passed_over() -> None:
    """Variable-length fields (1- and 3-octet lengths) and foreign fields move nothing."""
    fields: list[tuple[int, ...]] = [(8, 4), (82, 65_535), (2, 4, 9), (12, 4), (2, 4), (1, 65_535, 9), (1, 4)]
    rows = b""
    for number, long in ((1, b"x" * 3), (2, b"y" * 300), (3, b"")):
        text = (bytes([255]) + pack(">H", len(long)) if len(long) > 254 else bytes([len(long)])) + long
        rows += bytes([10, 0, 0, 1]) + text + pack(">I", 77) + bytes([10, 0, 0, 2]) + pack(">I", number)
        rows += bytes([2, 0, 0]) + pack(">I", number * 100)
    feed = Feed()
    found = feed(ipfix(0, a_set(2, template(300, fields)), a_set(300, rows)))
    assert [(row["packets"], row["bytes"]) for row in found] == [(1, 100), (2, 200), (3, 300)]


def test_variable_field_that_lies_is_a_problem_with_its_place() -> None:
    """A variable-length field that reaches beyond its set ends the set, with an error that says where."""
    fields: list[tuple[int, ...]] = [(82, 65_535), *SMALL]
    feed = Feed()
    rows = feed(ipfix(0, a_set(2, template(300, fields)), a_set(300, b"\0" + ROW + b"\xf0" + ROW)))
    assert len(rows) == 1
    (problem,) = feed.report.problems
    assert problem.field == "variable-length field"
    assert problem.offset is not None


@pytest.mark.parametrize("width", range(1, 9))
def test_numbers_of_any_width(width: int) -> None:
    """Unsigned numbers may be sent in 1 to 8 octets (reduced-size encoding)."""
    fields: list[tuple[int, ...]] = [(8, 4), (12, 4), (2, width), (1, width), (6, min(width, 2))]
    row = bytes(8) + (200).to_bytes(width, "big") + (255).to_bytes(width, "big")
    (found,) = Feed()(
        ipfix(0, a_set(2, template(300, fields)), a_set(300, row + (0x12).to_bytes(min(width, 2), "big")))
    )
    assert (found["packets"], found["bytes"], found["tcp_flags"]) == (200, 255, 0x12)


def test_two_way_records_are_two_flows() -> None:
    """The reverse counts (PEN 29305) make a flow of their own, back to the source, when not zero."""
    fields: list[tuple[int, ...]] = [
        (8, 4),
        (12, 4),
        (7, 2),
        (11, 2),
        (2, 4),
        (1, 4),
        (2, 4, 29305),
        (1, 4, 29305),
    ]
    rows = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + pack(">HHIIII", 1234, 80, 5, 500, 4, 4_000)
    rows += bytes([10, 0, 0, 3, 10, 0, 0, 2]) + pack(">HHIIII", 1234, 80, 1, 60, 0, 0)
    found = Feed()(ipfix(0, a_set(2, template(300, fields)), a_set(300, rows)))
    assert [(unpack(row["src"]), row["src_port"], row["packets"], row["bytes"]) for row in found] == [
        ("10.0.0.1", 1234, 5, 500),
        ("10.0.0.3", 1234, 1, 60),
        ("10.0.0.2", 80, 4, 4_000),
    ]


def test_damaged_template_says_where() -> None:
    """A template set that ends inside its fields is an error with offset; the datagram's data is read."""
    feed = Feed()
    feed(ipfix(0, TEMPLATE))
    broken = a_set(2, pack(">HH", 400, 9) + bytes(8))
    assert len(feed(ipfix(0, broken, DATA))) == 1
    (problem,) = feed.report.problems
    assert (problem.field, problem.offset) == ("template", 16 + 4 + 12)


def test_padding_is_no_record() -> None:
    """Octets behind the last whole record are padding (RFC 7011, section 3.3.1)."""
    feed = Feed()
    assert len(feed(ipfix(0, TEMPLATE, a_set(300, ROW + bytes(3), pad=False)))) == 1
    assert len(feed(v9(0, a_set(0, template(300, SMALL) + bytes(4)), a_set(300, ROW)))) == 1


def test_records_without_addresses_are_skipped() -> None:
    """Records that name no address or count nothing are counted as skipped, not as flows."""
    feed = Feed()
    counters: list[tuple[int, ...]] = [(10, 4), (1, 4)]
    assert feed(ipfix(0, a_set(2, template(300, counters)), a_set(300, bytes(16)))) == []
    assert feed.report.skipped == 2


def test_batching_changes_nothing() -> None:
    """Flows are the same however the datagrams are divided into calls."""
    sent = [
        ipfix(0, DATA),
        ipfix(1, TEMPLATE, DATA),
        ipfix(2, a_set(2, template(300, SWAPPED)), DATA),
        ipfix(3, DATA, TEMPLATE, DATA),
    ]
    together, apart = Feed(), Feed()
    at_once = together(*sent)
    singly = [row for one in sent for row in apart(one)]
    key = lambda row: (row["packets"], row["bytes"], row["start"])  # noqa: E731 - one expression, used twice
    assert sorted(map(key, at_once)) == sorted(map(key, singly))
    assert together.report.lost == apart.report.lost
