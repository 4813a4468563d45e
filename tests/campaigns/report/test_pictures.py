"""The numbers behind the pictures."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.campaigns.report import charts, rows, sources, timeline, words
from hanse.campaigns.report.findings import Findings
from tests.campaigns.report import made

HOUR_US = 3_600_000_000
spans = st.tuples(st.integers(0, 400 * 24 * 3600), st.floats(0.2, 200_000), st.sampled_from(("a", "b", "c")))


def findings_of(parts) -> Findings:
    """Findings with an attack for each start (s), duration (s) and victim."""
    attacks = tuple(
        made.attack(number, made.MAY_1 + start * 1_000_000, seconds, victim, "udp_flood", number % 7 + 0.1)
        for number, (start, seconds, victim) in enumerate(parts)
    )
    return Findings(title="x", generated_us=0, attacks=attacks)


@settings(max_examples=60)
@given(st.lists(spans, min_size=1, max_size=40))
def test_every_attack_has_one_bar_inside_the_window(parts):
    """However long and short the attacks, each has one visible bar, wholly inside the picture."""
    findings = findings_of(parts)
    picture = timeline.build(findings)
    bars = [bar for lane in picture.lanes for bar in lane.bars]
    assert sorted(bar.id for bar in bars) == sorted(attack.id for attack in findings.attacks)
    for bar in bars:
        assert bar.width >= timeline.SHORTEST
        assert -1e-6 <= bar.x <= bar.x + bar.width <= 100 + 1e-6
        assert 0 <= bar.row < timeline.ROWS
    assert len(picture.ticks) <= 9


@settings(max_examples=60)
@given(st.lists(spans, min_size=1, max_size=40))
def test_classes_count_every_attack_once(parts):
    """Peaks, durations, days and victims each add up to the number of attacks."""
    findings = findings_of(parts)
    window = timeline.window(findings.attacks, None)
    for counted in (
        charts.peaks(findings.attacks),
        charts.durations(findings.attacks),
        charts.over_time(findings.attacks, *window).columns,
        charts.victims(findings),
    ):
        assert sum(item.attacks for item in counted) == len(parts)


def test_quiet_days_are_seen():
    """The days without attacks inside and around the fortnight are shaded, and no other day is."""
    picture = timeline.build(made.estonia())
    quiet = [(band.start_s // 86400 + 1, band.end_s // 86400) for band in picture.bands if band.quiet]
    assert quiet == [(1, 2), (5, 7), (10, 10), (12, 14)]
    assert picture.quiet_days == 9


def test_attacks_by_day_are_the_published_ones():
    """The columns show each day of the fortnight, with the published counts and zeros between."""
    findings = made.estonia()
    columns = charts.over_time(findings.attacks, *timeline.window(findings.attacks, findings.span_us))
    assert columns.per == "day"
    assert {index: c.attacks for index, c in enumerate(columns.columns, 1) if c.attacks} == made.DAYS
    assert len(columns.columns) == 14


def test_many_organisations_share_the_last_lane():
    """With more organisations than lanes, every attack still has its bar."""
    attacks = tuple(
        made.attack(n, made.MAY_1 + n * HOUR_US, 60, f"192.0.2.{n}", "udp_flood", 1) for n in range(90)
    )
    picture = timeline.build(Findings(title="x", generated_us=0, attacks=attacks))
    assert len(picture.lanes) == timeline.LANES
    assert sum(len(lane.bars) for lane in picture.lanes) == 90
    assert picture.lanes[-1].label == "51 other organisations"


def test_further_vectors_share_the_last_hue():
    """More vectors than hues: the legend still counts every attack."""
    attacks = tuple(made.attack(n, made.MAY_1, 60, "192.0.2.1", f"v{n}_flood", 1) for n in range(12))
    picture = timeline.build(Findings(title="x", generated_us=0, attacks=attacks))
    assert sum(entry.attacks for entry in picture.legend) == 12
    assert picture.legend[-1].label == "5 other vectors"


def test_only_attributable_sources_are_added_up():
    """Spoofed and undetermined attacks name no country, even if their trace brought some along."""
    findings = made.estonia()
    leaky = tuple(
        dataclasses.replace(trace, countries=(("KP", 1.0),)) if trace.source_class == "spoofed" else trace
        for trace in findings.traces
    )
    found = sources.build(dataclasses.replace(findings, traces=leaky))
    assert (found.direct.attacks, found.reflected.attacks, found.hidden.attacks) == (70, 10, 48)
    assert found.hidden.places == found.hidden.networks == ()
    assert "KP" not in {place.code for place in (*found.direct.places, *found.reflected.places)}
    assert found.direct.traffic + found.reflected.traffic + found.hidden.traffic == pytest.approx(1)


def test_shares_of_countries_are_weighted_by_sources():
    """A country's share is over all sources of the group: 10 of 100 and 300 of 300 make 310 of 400."""
    attacks = (
        dataclasses.replace(made.attack(1, made.MAY_1, 60, "192.0.2.1", "udp_flood", 1), sources=100),
        dataclasses.replace(made.attack(2, made.MAY_1, 60, "192.0.2.2", "udp_flood", 1), sources=300),
    )
    traces = tuple(
        dataclasses.replace(made.trace(attack), countries=places)
        for attack, places in zip(attacks, ((("EE", 0.1), ("FI", 0.9)), (("EE", 1.0),)), strict=True)
    )
    found = sources.build(Findings(title="x", generated_us=0, attacks=attacks, traces=traces))
    assert {place.code: place.share for place in found.direct.places} == pytest.approx(
        {"EE": 310 / 400, "FI": 90 / 400}
    )
    assert [place.shade for place in found.direct.places] == [5, 5]


def test_rows_are_in_order_and_link_to_each_other():
    """Rows are numbered by start; linked attacks are found by their numbers."""
    first = made.attack(1, made.MAY_1 + 5, 60, "192.0.2.1", "udp_flood", 1)
    second = made.attack(2, made.MAY_1, 60, "192.0.2.1", "icmp_flood", 1, linked=(first.id, "gone"))
    built = rows.build(Findings(title="x", generated_us=0, attacks=(first, second)))
    assert [(row.number, row.attack.id) for row in built] == [(1, second.id), (2, first.id)]
    assert built[0].linked == ((first.id, 2),)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (0.0004, "<0.1"), (0.0301, "3.0"), (0.0996, "10"), (0.5, "50"), (0.9971, "99.7"), (1, "100")],
)
def test_percent(share, text):
    """Shares keep one decimal where it matters, and only the whole is called 100 per cent."""
    assert words.percent(share) == f"{text}\u202f%"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0341, "0.034"),
        (2.1e-7, "2.1\u2009\u00d7\u200910⁻⁷"),
        (0.0, "<\u202f10⁻³⁰⁰"),
        (float("nan"), "not known"),
    ],
)
def test_probability(value, text):
    """p-values read as people write them; none is ever said to be zero."""
    assert words.probability(value) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("icmp_flood", "ICMP flood"),
        ("tcp_synack_reflection", "TCP SYN-ACK reflection"),
        ("memcached_reflection", "Memcached reflection"),
        ("ip_fragment_flood", "IP fragment flood"),
        ("", ""),
    ],
)
def test_vector_names(name, text):
    """Vectors are named as people write them."""
    assert words.vector(name) == text
