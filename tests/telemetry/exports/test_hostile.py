"""Random templates are read as they were written; damaged datagrams do no harm."""

import time
from struct import pack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.telemetry.exports import decoder, read_dump, recognise, streams
from hanse.telemetry.exports.streams import TEMPLATE_BYTES, WAITING_BYTES
from hanse.telemetry.reading import InputReport
from tests.telemetry.exports.build import a_set, ipfix, ipfix_options, template, v5_header, v9
from tests.telemetry.exports.feed import Feed
from tests.telemetry.exports.test_sflow import sflow

OTHER = st.integers(400, 30_000)
"""Element numbers that mean nothing to a flow."""


@st.composite
def described(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], bytes, list[tuple[int, int]]]:
    """A template with fields in any order and of any width, records in it, and their counters."""
    packets, octets = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    fields: list[tuple[int, ...]] = [(8, 4), (12, 4), (2, packets), (1, octets)]
    for _ in range(draw(st.integers(0, 6))):
        width = draw(st.sampled_from([1, 2, 3, 7, 20, 65_535]))
        fields.append((draw(OTHER), width, draw(st.integers(0, 2**32 - 1))))
    fields = draw(st.permutations(fields))
    rows, counters = b"", []
    for _ in range(draw(st.integers(1, 5))):
        values = [draw(st.integers(0, min(256**width, 2**63) - 1)) for width in (packets, octets)]
        counters.append((values[0], values[1]))
        known = {2: values[0].to_bytes(packets, "big"), 1: values[1].to_bytes(octets, "big")}
        for number, width, *_ in fields:
            if width == 65_535:
                text = draw(st.binary(max_size=300))
                size = bytes([len(text)]) if len(text) < 255 else b"\xff" + len(text).to_bytes(2, "big")
                rows += size + text
            else:
                rows += known.get(number, b"\x0a" * width)
    return fields, rows, counters


@given(described())
@settings(max_examples=80)
def test_any_template_is_read_as_written(
    case: tuple[list[tuple[int, ...]], bytes, list[tuple[int, int]]],
) -> None:
    """Counters of any width between fields of any width come out as they went in."""
    fields, rows, counters = case
    feed = Feed()
    found = feed(ipfix(0, a_set(2, template(300, fields)), a_set(300, rows, pad=False)))
    assert [(row["packets"], row["bytes"]) for row in found] == counters
    assert feed.report.problem_count == 0


SEEDS = [
    v5_header(2, 0) + bytes(96),
    v9(0, a_set(0, template(300, [(8, 4), (12, 4), (1, 4)])), a_set(300, bytes(24))),
    ipfix(0, a_set(2, template(300, [(8, 4), (82, 65_535), (1, 3)])), a_set(300, b"\1" * 40)),
    ipfix(0, a_set(3, ipfix_options(400, [(302, 4)], [(305, 4)])), a_set(400, bytes(16))),
    sflow(1, [(1, 1), (2, 1)]),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good datagram with some octets changed and cut anywhere."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from([0, 1, 2, 4, 127, 128, 254, 255]))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(st.lists(damaged(), min_size=1, max_size=6))
@settings(max_examples=200)
def test_damaged_datagrams_do_no_harm(datagrams: list[bytes]) -> None:
    """Whatever arrives, every flow given out is whole, every problem has a place, and room is bounded."""
    feed = Feed()
    for row in feed(*datagrams) + feed(*SEEDS):
        assert row["end"] >= row["start"]
        assert min(row["packets"], row["bytes"], row["sampling"] - 1) >= 0
    report = feed.finish()
    assert all(one.field for one in report.problems)
    for stream in feed.decoder._streams:
        assert 0 <= stream.exporter.waiting_bytes <= WAITING_BYTES
        assert 0 <= stream.exporter.template_bytes <= TEMPLATE_BYTES


@given(st.lists(damaged(), max_size=4), st.binary(max_size=64))
@settings(max_examples=100)
def test_damaged_dumps_do_no_harm(datagrams: list[bytes], tail: bytes) -> None:
    """A dump of anything is read to its end or to an error with its offset."""
    data = b"".join(datagrams) + tail
    recognise(data)
    report = InputReport("dump")
    for batch in read_dump(np.frombuffer(data, np.uint8), report, "dump"):
        batch.validate(full=True)
    assert all(0 <= (problem.offset or 0) <= len(data) for problem in report.problems)


def test_a_flood_of_templates_is_refused() -> None:
    """An exporter that describes templates without end is cut off, and that is said."""
    feed = Feed()
    wide: list[tuple[int, ...]] = [(500, 4)] * 3_000
    for number in range(256, 512):
        feed(ipfix(0, a_set(2, template(number, wide))))
    held = {stream.exporter.template_bytes for stream in feed.decoder._streams}
    assert max(held) <= TEMPLATE_BYTES
    assert "refused" in feed.finish().problems[0].what


def test_a_template_that_is_refused_takes_none_off() -> None:
    """Who sends in an exporter's name until its room is full cannot have the exporter's own templates taken away with it."""
    feed = Feed(udp=True)
    own = a_set(2, template(300, [(8, 4), (12, 4), (1, 4)]))
    feed(ipfix(0, own))
    for number in range(400, 700):
        feed(ipfix(0, a_set(2, template(number, [(500, 4)] * 900))))
    (stream,) = feed.decoder._streams
    full = stream.exporter.template_bytes
    feed(ipfix(0, a_set(2, template(300, [(500, 4)] * 3_000))))
    assert len(feed(ipfix(0, a_set(300, bytes(24))))) == 2
    feed(ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (2, 4)]))))
    assert stream.templates[300].has(2), "one that takes no more room comes in its place, however full it is"
    assert full == stream.exporter.template_bytes == sum(stream.sizes.values())


def test_nothing_is_remembered_of_templates_that_are_gone() -> None:
    """A file that announces, changes and withdraws one id after the other costs no more than its last templates."""
    feed = Feed()
    for number in range(256, 2_256):
        feed(
            ipfix(0, a_set(2, template(number, [(8, 4), (12, 4), (1, 4)]))),
            ipfix(0, a_set(2, template(number, [(8, 4), (12, 4), (2, 4)]))),
            ipfix(0, a_set(2, pack(">HH", number, 0))),
        )
    (stream,) = feed.decoder._streams
    assert not stream.templates
    assert not stream.changed


def test_a_template_counts_whatever_stands_beside_it() -> None:
    """Withdrawals in the same set, of four octets each, make no large template a small one."""
    feed = Feed()
    feed(ipfix(0, a_set(2, template(300, [(500, 4)] * 1_000) + pack(">HH", 400, 0) * 500)))
    (stream,) = feed.decoder._streams
    assert stream.exporter.template_bytes >= 4_000


def test_forged_senders_hold_no_more_than_all_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sender is within its bounds, and there are thousands: those not heard for the longest are forgotten."""
    monkeypatch.setattr(streams, "ALL_TEMPLATE_BYTES", 40_000)
    monkeypatch.setattr(streams, "ALL_WAITING_BYTES", 200_000)
    feed, all_ = Feed(), None
    honest = ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)])))
    for number in range(300):
        feed(honest, sender="192.0.2.1")
        forged = ipfix(0, a_set(2, template(300, [(500, 4)] * 100)), a_set(999, bytes(1_000)))
        feed(forged, sender=f"10.0.{number // 256}.{number % 256}")
        all_ = feed.decoder._streams.all
        assert all_.template_bytes <= 80_000
        assert all_.waiting_bytes <= 210_000
    assert all_ is not None
    held = list(feed.decoder._streams)
    assert len(held) < 200
    assert all_.template_bytes == sum(sum(one.sizes.values()) for one in held)
    assert len(feed(ipfix(1, a_set(300, bytes(24))), sender="192.0.2.1")) == 2


def test_a_crowd_of_data_sources_pushes_out_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sFlow datagram names a hundred sources; however many come, exporters of NetFlow are read on."""
    monkeypatch.setattr(streams, "MAX_STREAMS", 50)
    feed = Feed()
    feed(ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)]))), sender="192.0.2.1")
    for number in range(4):
        feed(sflow(number, [(100 * number + one, 1) for one in range(100)]), sender="10.0.0.1")
    assert len(feed(ipfix(0, a_set(300, bytes(24))), sender="192.0.2.1")) == 2


def test_one_sender_of_many_domains_pushes_out_none_but_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends under tens of thousands of domains has its own forgotten, however seldom others are heard."""
    monkeypatch.setattr(streams, "MAX_STREAMS", 128)
    feed = Feed()
    feed(ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)]))), sender="192.0.2.1")
    for number in range(10):
        feed(*[ipfix(0, domain=100 * number + one) for one in range(100)], sender="10.0.0.1")
    held = list(feed.decoder._streams)
    assert len(held) == 128
    assert [one.domain for one in held if one.address.endswith(bytes([10, 0, 0, 1]))] == list(
        range(873, 1_000)
    )
    assert len(feed(ipfix(0, a_set(300, bytes(24))), sender="192.0.2.1")) == 2
    assert not any(
        len(one.exporter.streams) > 2 for one in held if one.address.endswith(bytes([192, 0, 2, 1]))
    )


def test_whoever_holds_more_than_a_share_makes_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty senders that fill what all may hold push out each other, and not who was heard before them and holds little."""
    monkeypatch.setattr(streams, "ALL_TEMPLATE_BYTES", 40_000)
    feed = Feed()
    feed(ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)]))), sender="192.0.2.1")
    for number in range(100):
        forged = ipfix(0, a_set(2, template(300, [(500, 4)] * 900)))
        feed(forged, sender=f"10.0.0.{number % 20}")
    assert feed.decoder._streams.all.template_bytes <= 80_000
    assert len(feed(ipfix(0, a_set(300, bytes(24))), sender="192.0.2.1")) == 2


def test_who_is_forgotten_while_being_read_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A datagram full of streams pushes out others of its own batch: what those would hold, nobody could forget again.

    Counted for ever, it would have every template of every exporter forgotten before each batch: a collector that sees
    nothing any more, and says nothing.
    """
    monkeypatch.setattr(streams, "MAX_STREAMS", 4)
    feed = Feed()
    wide = a_set(2, template(300, [(8, 4), (12, 4), (1, 4), *[(500, 4)] * 100])), a_set(999, bytes(1_000))
    for _ in range(3):
        feed(*[ipfix(0, *wide, domain=domain) for domain in range(20)])
    held = list(feed.decoder._streams)
    all_ = feed.decoder._streams.all
    assert len(held) == 4
    assert all_.template_bytes == sum(sum(one.sizes.values()) for one in held)
    kept = [waiting for one in held for waiting in one.waiting]
    assert all_.waiting_bytes == sum(one.octets for one in kept)
    assert feed.decoder.unreadable == 3 * 20 - sum(map(len, kept))


def test_sets_that_nobody_described_cost_no_more_than_their_length() -> None:
    """Half a million tiny sets, each for a template of its own, are put aside as fast as they come.

    Each handled by itself, some hundred kilobits a second of them would have the collector drop everybody's datagrams.
    """
    feed = Feed(udp=True, hurry=True)
    feed(ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)]))), sender="192.0.2.9")
    noise = [ipfix(0, *[a_set(1_000 + one, b"x", pad=False) for one in range(280)])] * 2_048
    begun = time.process_time()
    feed(*noise)
    assert time.process_time() - begun < 2.0
    waiting = sum(len(some) for one in feed.decoder._streams for some in one.waiting)
    assert waiting > 10_000
    assert feed.decoder.unreadable + waiting == 280 * 2_048
    assert len(feed(ipfix(0, a_set(300, bytes(24))), sender="192.0.2.9")) == 2


def test_in_a_hurry_a_crowd_of_templates_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses hundreds of templates, or changes one without end, takes a bounded time; the others are read, losses said."""
    monkeypatch.setattr(decoder, "MOST_RUNS", 50)
    feed = Feed(udp=True, hurry=True)
    small = [(8, 4), (1, 1)]
    for number in range(300, 500):
        feed(ipfix(0, a_set(2, template(number, small))))
    feed(ipfix(0, a_set(2, template(300, small)), domain=7))
    crowd = ipfix(0, *[a_set(number, b"12345", pad=False) for number in range(300, 500)])
    fickle = [a_set(2, template(500, [(8, 4), (1, 1 + n % 2)])) + a_set(500, bytes(6)) for n in range(100)]
    honest = ipfix(0, *[a_set(300, b"12345", pad=False)] * 30, domain=7)
    rows = feed(crowd, ipfix(0, *fickle), honest)
    assert len(rows) == 30 + 49
    assert feed.decoder.unreadable == 200 - 49 + 100
    assert feed.finish().skipped >= 251


def test_in_a_hurry_templates_that_were_left_out_are_learnt_when_they_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A flood of new templates takes a bounded time; what waits for one that was left out is read later."""
    monkeypatch.setattr(decoder, "MOST_PARSED", 10_000)
    feed = Feed(udp=True, hurry=True)
    flood = [ipfix(0, a_set(2, template(300 + n, [(500, 4)] * 40))) for n in range(200)]
    late = ipfix(0, a_set(2, template(300, [(8, 4), (12, 4), (1, 4)])), a_set(300, bytes(24)), domain=7)
    assert feed(*flood, late) == []
    (crowded, _) = feed.decoder._streams
    assert len(crowded.templates) < 65
    assert len(feed(late)) == 4


def test_changes_without_end_cost_no_more_than_their_length() -> None:
    """Options data that says something else before every flow, and templates that change before every one."""
    feed = Feed()
    set_up = a_set(2, template(300, [(8, 4), (1, 1)])), a_set(3, ipfix_options(400, [(302, 1)], [(305, 1)]))
    feed(ipfix(0, *set_up))
    told = [
        a_set(400, bytes([0, 1 + n % 2]), pad=False) + a_set(300, bytes(5), pad=False) for n in range(100)
    ]
    other = [a_set(2, template(500, [(8, 4), (1, 1 + n % 2)])) + a_set(500, bytes(6)) for n in range(100)]
    begun = time.monotonic()
    rows = feed(*[ipfix(0, *told)] * 300, *[ipfix(0, *other)] * 10)
    assert len(rows) >= 31_000
    assert time.monotonic() - begun < 5.0


def test_unknown_datagrams_are_skipped_with_their_place() -> None:
    """What is no export datagram is counted and named, and the others are read."""
    feed = Feed()
    rows = feed(b"\x00\x07" + bytes(30), SEEDS[0], b"\x00")
    assert len(rows) == 2
    assert feed.report.skipped == 2
    assert [problem.offset for problem in feed.report.problems] == [0, 32 + len(SEEDS[0])]


def test_records_cut_off_a_v5_datagram_are_skipped() -> None:
    """Records that the header counts and the datagram does not hold are counted, the others read."""
    feed = Feed()
    assert len(feed(v5_header(3, 0) + bytes(100))) == 2
    assert feed.report.skipped == 1
    assert feed.report.problems[0].field == "count"
