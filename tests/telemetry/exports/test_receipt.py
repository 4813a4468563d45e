"""An exporter whose clock is wrong: what is received live is dated by its receipt, what lies in a file stays as it was told."""

import time
from pathlib import Path
from struct import pack

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.kernel import addresses
from hanse.telemetry.exporters import MOST, ExporterState, advice
from hanse.telemetry.exports import ExportDecoder, receipt
from hanse.telemetry.exports.receipt import CLOCK_US, LATE_US, SAMPLES
from hanse.telemetry.read import read
from hanse.telemetry.reading import InputReport
from tests.telemetry.exports.build import UPTIME_MS, a_set, ipfix, template, v9
from tests.telemetry.exports.feed import decode
from tests.telemetry.exports.test_sflow import sflow
from tests.telemetry.packets import build

NOW_S = 1_790_000_000
NOW_US = NOW_S * 1_000_000
YEARS_US = 19 * 31_557_600 * 1_000_000
ABSOLUTE = [(8, 4), (12, 4), (2, 4), (1, 4), (152, 8), (153, 8), (4, 1)]
RELATIVE = [(8, 4), (12, 4), (2, 4), (1, 4), (22, 4), (21, 4), (4, 1)]


class Live:
    """A decoder of datagrams as they come."""

    def __init__(self, *, live: bool = True) -> None:
        """Start with nothing heard."""
        self.report = InputReport("udp")
        self.decoder = ExportDecoder(self.report, "here", udp=True, hurry=live, live=live)

    def __call__(
        self, *datagrams: bytes, at_us: int = NOW_US, sender: str = "192.0.2.1"
    ) -> list[tuple[int, int]]:
        """Decode datagrams received at one time; first and last packet of their flows."""
        batch = decode(self.decoder, datagrams, sender, at_us)
        if batch is None:
            return []
        times = (batch.column(name).cast("int64").to_pylist() for name in ("start", "end"))
        return list(zip(*times, strict=True))

    def exporter(self, at_us: int = NOW_US) -> ExporterState:
        """The one that sent most."""
        return self.decoder.exporters(at_us)[0][0]


def v5(export_us: int, first_ms: int, last_ms: int, records: int = 1) -> bytes:
    """A v5 datagram of flows that lasted from some milliseconds before its export to some others."""
    head = pack(">HHIIIIHH", 5, records, UPTIME_MS, export_us // 10**6, export_us % 10**6 * 1000, 0, 0, 0)
    body = pack(">III", 0x0B000001, 0xC3500001, 0) + pack(
        ">HHIIII", 3, 7, 5, 500, UPTIME_MS - first_ms, UPTIME_MS - last_ms
    )
    return head + (body + pack(">HHBBBBHHBBH", 1, 2, 0, 0, 17, 0, 0, 0, 0, 0, 0)) * records


def stamped(number: int, start_us: int, end_us: int) -> bytes:
    """A set of one record with times of day."""
    return a_set(
        number, pack(">IIIIQQB", 0x0B000001, 0xC3500001, 5, 500, start_us // 1000, end_us // 1000, 17)
    )


@given(
    skew_us=st.integers(-YEARS_US, YEARS_US).map(lambda us: us // 1000 * 1000),
    delay_us=st.integers(0, 5_000_000),
    first_ms=st.integers(0, 3_600_000),
    last_ms=st.integers(0, 600_000),
)
def test_whatever_the_clock_says_a_live_flow_is_dated_within_a_minute_of_the_truth(
    skew_us: int, delay_us: int, first_ms: int, last_ms: int
) -> None:
    """Years behind or hours ahead, a flow stands where it was, with its length; a clock that is right changes nothing."""
    first_ms = max(first_ms, last_ms)
    told_us = max(NOW_US + skew_us, 0)
    live = Live()
    ((start, end),) = live(v5(told_us, first_ms, last_ms), at_us=NOW_US + delay_us)
    assert end - start == (first_ms - last_ms) * 1000
    assert abs(end - (NOW_US - last_ms * 1000)) <= CLOCK_US + delay_us
    exact = told_us - last_ms * 1000
    wrong = abs(told_us - NOW_US - delay_us) > CLOCK_US
    assert wrong == (live.exporter().dated == 1)
    if not wrong:
        assert end == exact


@pytest.mark.parametrize("kind", ["v9", "ipfix"])
def test_times_of_day_in_the_records_are_shifted_with_the_header(kind: str) -> None:
    """The records' clock is the header's: both are behind by as much."""
    behind = NOW_US - YEARS_US
    flows = stamped(300, behind - 9_000_000, behind - 4_000_000)
    made = (
        v9(0, a_set(0, template(300, ABSOLUTE)), flows, export_s=behind // 10**6)
        if kind == "v9"
        else ipfix(0, a_set(2, template(300, ABSOLUTE)), flows, export_s=behind // 10**6)
    )
    assert Live()(made) == [(NOW_US - 9_000_000, NOW_US - 4_000_000)]


def test_records_of_another_clock_than_the_headers_are_dated_by_receipt() -> None:
    """What passes on the flows of others may have a right clock where theirs is wrong; it is counted and said."""
    live = Live()
    old = NOW_US - YEARS_US
    ahead = NOW_US + 7_200_000_000
    late = NOW_US - LATE_US + 1_000_000
    made = ipfix(
        0, a_set(2, template(300, ABSOLUTE)), stamped(300, old - 5_000_000, old), stamped(300, ahead, ahead + 1_000),
        stamped(300, late, late), export_s=NOW_S,
    )  # fmt: skip
    assert live(made) == [(NOW_US - 5_000_000, NOW_US), (NOW_US - 1_000, NOW_US), (late, late)]
    told = live.exporter()
    assert (told.dated, told.wrong_clock) == (2, False)
    assert "2 flows of 192.0.2.1 (IPFIX) were dated by their receipt" in advice([told])[0]


def test_sets_that_waited_for_their_template_are_dated_by_their_own_receipt() -> None:
    """Not by the receipt of the template, which may come half an hour later."""
    live = Live()
    behind = NOW_US - YEARS_US
    assert live(ipfix(0, stamped(300, behind, behind), export_s=behind // 10**6)) == []
    later = ipfix(1, a_set(2, template(300, ABSOLUTE)), export_s=behind // 10**6 + 1_800)
    assert live(later, at_us=NOW_US + 1_800_000_000) == [(NOW_US, NOW_US)]


def test_a_file_keeps_what_it_was_told() -> None:
    """A capture of an export stream is evidence as it is: only a note says that the clock was wrong."""
    read = Live(live=False)
    told_us = NOW_US - YEARS_US
    assert read(v5(told_us, 5_000, 2_000)) == [(told_us - 5_000_000, told_us - 2_000_000)]
    read.decoder.say_clocks()
    (note,) = read.report.problems
    assert "19 years behind" in note.what
    assert not note.fatal


def test_a_file_of_a_right_clock_has_no_note() -> None:
    """A few seconds are the way from the exporter."""
    read = Live(live=False)
    read(v5(NOW_US - 20_000_000, 5_000, 2_000))
    read.decoder.say_clocks()
    assert read.report.problems == []


def test_forged_datagrams_move_neither_the_clock_that_is_shown_nor_real_flows() -> None:
    """Each datagram is dated by its own receipt, and fewer than half of them do not change the median."""
    live = Live()
    for second in range(SAMPLES):
        at = NOW_US + second * 1_000_000
        real, forged = v5(at, 5_000, 2_000), v5(at - YEARS_US, 5_000, 2_000)
        flows = live(*([forged, real, real]), at_us=at)
        assert flows == [(at - 5_000_000, at - 2_000_000)] * 3
    assert live.exporter().clock == "right"
    assert live.exporter().dated == SAMPLES


def test_a_clock_that_is_set_right_counts_at_once() -> None:
    """The first datagram after it is not shifted by what the clock was before."""
    live = Live()
    for _ in range(SAMPLES):
        live(v5(NOW_US - YEARS_US, 5_000, 2_000))
    assert live.exporter().clock == "19 years behind"
    assert live(v5(NOW_US, 5_000, 2_000)) == [(NOW_US - 5_000_000, NOW_US - 2_000_000)]


def test_each_exporter_has_its_clock_and_its_share() -> None:
    """By address, protocol and domain; sFlow tells no time of day."""
    live = Live()
    live(v5(NOW_US, 5, 2), v5(NOW_US, 5, 2), v5(NOW_US, 5, 2))
    live(v5(NOW_US + 7_200_000_000, 5, 2), sender="192.0.2.2")
    live(sflow(1, [(1, 1)]), sender="192.0.2.3")
    told, number = live.decoder.exporters(NOW_US)
    assert number == 3
    assert [(one.address, one.protocol, one.flows, round(one.share, 2), one.clock) for one in told] == [
        ("192.0.2.1", "NetFlow v5", 3, 0.6, "right"),
        ("192.0.2.2", "NetFlow v5", 1, 0.2, "2 h ahead"),
        ("198.51.100.7", "sFlow v5", 1, 0.2, ""),
    ]
    (words,) = advice(told)
    assert words.startswith("The clock of 192.0.2.2 (NetFlow v5) is 2 h ahead: set it by NTP.")


def test_shares_are_of_late() -> None:
    """Who sent much last week and nothing since has no share; who floods now has."""
    live = Live()
    live(*[v5(NOW_US, 5, 2)] * 9)
    for minute in range(15):
        at = NOW_US + minute * 60_000_000
        live(v5(at, 5, 2), sender="192.0.2.2", at_us=at)
        told, _ = live.decoder.exporters(at)
    assert [(one.address, one.flows, one.share) for one in told] == [
        ("192.0.2.2", 15, 1.0),
        ("192.0.2.1", 9, 0.0),
    ]


def test_one_address_keeps_no_other_from_being_told_of() -> None:
    """Whoever sends under a thousand domains, and more of each than an honest exporter, is told of once before others are."""
    live = Live()
    live(v5(NOW_US, 5, 2))
    for domain in range(60):
        head = ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)])), domain=domain, export_s=NOW_S)
        live(head, ipfix(1, a_set(300, bytes(36)), domain=domain, export_s=NOW_S), sender="192.0.2.9")
    told, number = live.decoder.exporters(NOW_US)
    assert (len(told), number) == (MOST, 61)
    assert "192.0.2.1" in {one.address for one in told}
    assert [one.flows for one in told] == sorted((one.flows for one in told), reverse=True)


def test_the_clocks_of_all_exporters_are_compared() -> None:
    """Also of those beyond the busiest: their flows are dated by receipt likewise, and their files have to say so."""
    live = Live()
    for last in range(MOST + 5):
        live(*[v5(NOW_US, 5, 2)] * 3, sender=f"192.0.2.{last + 1}")
    live(v5(NOW_US - 7_200_000_000, 5, 2), sender="198.51.100.1")
    live(v5(NOW_US + 30_000_000, 5, 2), sender="198.51.100.2")
    assert "198.51.100.1" not in {one.address for one in live.decoder.exporters(NOW_US)[0]}
    assert live.decoder.clocks() == {addresses.pack("198.51.100.1"): -7_200.0}


@given(st.lists(st.lists(st.integers(-(2**61), 2**61), max_size=SAMPLES), min_size=1, max_size=8))
def test_the_medians_of_many_are_those_of_each(clocks: list[list[int]]) -> None:
    """However many clocks were compared of each."""
    tallies = receipt.fresh(len(clocks))
    for row, some in zip(tallies, clocks, strict=True):
        row["skew"][: len(some)] = some
    found, told = receipt.skews_of(tallies)
    for row, some, median, has in zip(tallies, clocks, found, told, strict=True):
        assert has == bool(some)
        assert receipt.skew_of(row) is None or receipt.skew_of(row) == pytest.approx(median, abs=1, rel=1e-9)


def test_when_all_clocks_differ_alike_it_is_this_machines() -> None:
    """Nobody is sent to set fifty routers right."""
    live = Live()
    for last in range(3):
        live(v5(NOW_US + 3_600_000_000 + last * 9_000_000, 5, 2), sender=f"192.0.2.{last + 1}")
    (words,) = advice(live.decoder.exporters(NOW_US)[0])
    assert "this machine's that is wrong" in words


def named(number: int, fields: list[tuple[int, int]]) -> bytes:
    """An IPFIX message that announces a template."""
    return ipfix(0, a_set(2, template(number, fields)), export_s=NOW_S)


def test_templates_that_change_again_and_again_are_said() -> None:
    """Somebody who sends in a router's name announces one meaning, the router the other: flows may be misread."""
    live = Live()
    live(named(300, ABSOLUTE))
    for _ in range(2):
        live(named(300, RELATIVE))
        live(named(300, ABSOLUTE))
    told = live.exporter()
    assert (told.changes, told.flaps) == (4, True)
    assert "change again and again" in advice([told])[0]
    assert not live.exporter(NOW_US + 2 * 3_600_000_000).flaps


def test_templates_said_again_or_changed_once_are_no_trouble() -> None:
    """Exporters repeat them every minute, and a router that is set up anew changes each of them once."""
    live = Live()
    for number in range(300, 700):
        live(named(number, ABSOLUTE))
    for _ in range(3):  # more of them than are kept parsed
        for number in range(300, 700):
            live(named(number, ABSOLUTE))
    assert live.exporter().changes == 0
    for number in range(300, 700):
        live(named(number, RELATIVE))
    told = live.exporter()
    assert (told.changes, told.flaps) == (400, False)
    assert advice([told]) == []


TIMES = [21, 22, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 323]
"""Elements that tell a time or a duration."""


@settings(max_examples=200)
@given(data=st.data(), version=st.sampled_from([9, 10]), export_s=st.integers(0, 2**32 - 1))
def test_no_record_dates_a_live_flow_ahead_or_long_ago(
    data: st.DataObject, version: int, export_s: int
) -> None:
    """Whatever times a forged record tells, by whatever elements: its flow ended within the hour before it was received."""
    fields = data.draw(
        st.lists(st.tuples(st.sampled_from(TIMES), st.sampled_from([1, 2, 4, 8])), min_size=1, max_size=6)
    )
    fields = [(8, 4), (12, 4), (1, 4), (2, 4), *fields]
    size = sum(width for _, width in fields)
    records = b"".join(data.draw(st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=4)))
    made = (
        v9(0, a_set(0, template(300, fields)), a_set(300, records, pad=False), export_s=export_s)
        if version == 9
        else ipfix(0, a_set(2, template(300, fields)), a_set(300, records, pad=False), export_s=export_s)
    )
    flows = Live()(made)
    assert len(flows) == len(records) // size
    for start, end in flows:
        assert 0 <= start <= end
        assert NOW_US - LATE_US <= end <= NOW_US + CLOCK_US


def test_tens_of_thousands_of_forged_senders_are_told_of_quickly() -> None:
    """Who exports is looked at every two seconds, in the thread that decodes: no stranger may fill that time."""
    live = Live()
    count = 20_000
    one = v5(NOW_US, 5, 2)
    senders = np.zeros((count, 16), np.uint8)
    senders[:, 10:12] = 255
    senders[:, 12:] = np.arange(count, dtype=">u4").view(np.uint8).reshape(count, 4)
    lengths = np.full(count, len(one), np.int32)
    offsets = np.cumsum(lengths, dtype=np.int64) - lengths
    live.decoder.decode(
        np.frombuffer(one * count, np.uint8), offsets, lengths, senders, np.full(count, NOW_US)
    )
    began = time.process_time()
    told, number = live.decoder.exporters(NOW_US)
    assert live.decoder.clocks() == {}
    assert time.process_time() - began < 0.5
    assert (len(told), number) == (MOST, count)


@pytest.mark.parametrize(("behind_us", "noted"), [(7_200_000_000, True), (20_000_000, False)])
def test_the_account_of_a_capture_says_whose_clock_was_wrong(
    tmp_path: Path, behind_us: int, noted: bool
) -> None:
    """By the capture's own times; its flows stand as the exporter dated them, and it counts as read wholly."""
    told_us = NOW_US - behind_us
    sent = build.ethernet(build.ipv4(build.udp(v5(told_us, 5_000, 2_000), 5000, 2055), build.UDP))
    path = tmp_path / "export.pcap"
    path.write_bytes(build.pcap([build.Caught(sent, NOW_US + second * 1_000_000) for second in range(5)]))
    found = read([str(path)], workdir=tmp_path / "work")
    (report,) = found.reports
    assert found.whole
    notes = [problem.what for problem in report.problems if "clock" in problem.what]
    assert [note for note in notes if "192.0.2.1 (NetFlow v5) is 2 h 2 s behind" in note] == notes
    assert bool(notes) == noted
    starts = {
        start for file in found.files for start in pq.read_table(file)["start"].cast("int64").to_pylist()
    }
    assert starts == {told_us - 5_000_000}
