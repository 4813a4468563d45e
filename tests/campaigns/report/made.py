"""Made-up findings for the report's tests: an Estonia-like one, an empty one, an untraced and a hostile one."""

import dataclasses
import random
from itertools import pairwise
from pathlib import Path

from hanse.attacks.attack import Attack
from hanse.campaigns.campaign import Campaign, Link, LinkTest
from hanse.campaigns.report.findings import Findings
from hanse.telemetry.reading import InputReport
from hanse.tracing.trace import NetworkShare, Trace

DAY_US = 86_400_000_000
MAY_1 = 1_177_977_600_000_000
"""2007-05-01 00:00 UTC, microseconds."""

TARGETS = {
    "195.80.105.107": ("Police Board", 35),
    "195.80.106.72": ("Parliament", 7),
    "195.80.109.158": ("Government and Prime Minister", 36),
    "195.80.124.53": ("Ministry of the Environment", 2),
    "213.184.49.171": ("Ministry of Social Affairs", 2),
    "213.184.49.194": ("Ministry of Agriculture", 6),
    "213.184.50.6": ("unnamed government network", 4),
    "213.184.50.69": ("Ministry of Finance", 35),
    "62.65.192.24": ("unnamed", 1),
}
DAYS = {3: 21, 4: 17, 8: 31, 9: 58, 11: 1}
VECTORS = {"icmp_flood": 115, "generic_traffic_flood": 9, "tcp_syn_flood": 4}
COUNTRIES = ("US", "DE", "BR", "RU", "CN", "VN", "EG", "TR", "PE", "FR", "PL", "KR", "FI", "SG")

HOSTILE = (
    "<script>alert(1)</script>",
    "</title><script>alert(2)</script>",
    "</noscript><img src=x onerror=alert(3)>",
    '"><svg onload=alert(4)>',
    "' onmouseover='alert(5)",
    "javascript:alert(6)",
    "</style><script>alert(7)</script>",
    "<!--<script>alert(8)//-->",
    "&lt;script&gt;alert(9)&lt;/script&gt;",
    "</textarea></select><iframe srcdoc='<script>alert(10)</script>'>",
    "{{ 7 * 7 }}{% raw %}",
    "]]><math><mi//xlink:href='data:x,<script>alert(11)</script>'>",
    "safe\u202eLMTH.exe\u0000\u001b[31m\udcff",
    "<a href=# style=x:expression(alert(12)) autofocus onfocus=alert(13)>",
    "https://example.net/track.gif",
)


def spread(counts: dict[str, int] | dict[int, int], random_: random.Random) -> list[str]:
    """Each name as often as counted, shuffled."""
    names = [str(name) for name, number in counts.items() for _ in range(number)]
    random_.shuffle(names)
    return names


def attack(
    number: int, start_us: int, seconds: float, victim: str, vector: str, mbps: float, **more
) -> Attack:
    """An attack with everything filled in."""
    octets = int(mbps * 1e6 / 8 * seconds * 0.6)
    values = {
        "networks": 900,
        "top_networks": (("198.51.100.0/24", 0.031), ("203.0.113.0/24", 0.02)),
        "dst_ports": ((80, 0.97),) if vector.startswith("tcp") else (),
        "packet_sizes": ((1028, 0.83), (84, 0.11)),
        "tcp_flags": 2 if vector.startswith("tcp") else 0,
        "icmp_type": 8 if vector == "icmp_flood" else -1,
        "answered_share": None,
        "requested_share": 0.0,
        "threshold": "1 000 ICMP packets/s to one host, fixed (RSDoS; 40 times the victim's own median)",
        "confidence": "high" if seconds > 60 else "medium",
        "reasons": (
            "97\u202f% of the victim's packets in the interval are ICMP echo requests",
            "the rate rose 212-fold within 2 s",
            "1 404 sources sent packets of one size",
        ),
        "refuted_by": ("a monitoring or measurement campaign of the victim's own at this time",),
        "source_class": "direct",
    } | more
    return Attack(
        id=f"a{number:03d}-{victim.replace('.', '-')}",
        victim=victim,
        vector=vector,
        start_us=start_us,
        end_us=start_us + int(seconds * 1e6),
        peak_bps=mbps * 1e6,
        peak_pps=mbps * 1e6 / 8 / 900,
        packets=octets // 900 + 1,
        bytes=octets,
        flows=octets // 9000 + 1,
        sources=400 + number * 7,
        **values,
    )


def estonia(borders: Path | None = None) -> Findings:
    """128 attacks with the published marginals of May 2007, one campaign, mixed source classes."""
    random_ = random.Random(2007)
    victims = spread({victim: number for victim, (_, number) in TARGETS.items()}, random_)
    vectors = spread(VECTORS, random_)
    days = sorted(int(day) for day in spread(DAYS, random_))
    bins = (
        (10, 59, 17),
        (60, 3600, 78),
        (3600, 18000, 16),
        (18000, 32400, 8),
        (32500, 35900, 2),
        (36000, 37800, 7),
    )
    lengths = [random_.uniform(low, high) for low, high, number in bins for _ in range(number)]
    rates = [
        random_.uniform(low, high)
        for low, high, number in ((0.4, 10, 42), (10, 30, 52), (30, 70, 22), (70, 89, 2), (90, 94.9, 10))
        for _ in range(number)
    ]
    random_.shuffle(lengths)
    random_.shuffle(rates)
    classes = ("direct",) * 70 + ("spoofed",) * 34 + ("reflected",) * 10 + ("undetermined",) * 14
    attacks = []
    for number, (victim, vector, day, seconds, mbps) in enumerate(
        zip(victims, vectors, days, lengths, rates, strict=True), 1
    ):
        start = MAY_1 + (day - 1) * DAY_US + int(random_.uniform(0, 86400 - seconds) * 1e6)
        attacks.append(
            attack(number, start, seconds, victim, vector, mbps, source_class=classes[number * 37 % 128])
        )
    attacks.sort(key=lambda item: item.start_us)
    return Findings(
        title="Estonia 2007, the exercise",
        subtitle="flow telemetry of 1 to 14 May 2007",
        attacks=tuple(attacks),
        traces=tuple(trace(item) for item in attacks),
        campaigns=(campaign(tuple(attacks)),),
        organisation_of={victim: name for victim, (name, _) in TARGETS.items()},
        sector_of=dict.fromkeys(TARGETS, "public administration"),
        country_of=dict.fromkeys(TARGETS, "EE"),
        inputs=inputs(),
        span_us=(MAY_1, MAY_1 + 14 * DAY_US),
        data_description="@ip-location-db/asn 2.3.2026061719 (CC BY 4.0), 160 days old; countries as registered today.",
        parameters={
            "gap": "300 s",
            "thresholds": "fixed for 3 victims, learnt for 6 from their own past",
            "engine": "DuckDB 2.0",
            "hanse_version": "0.1.0",
        },
        sensitivity={60: 151, 300: 128, 600: 126, 3600: 97},
        generated_us=1_795_484_400_000_000,
        exercise=True,
        borders=borders,
    )


def trace(item: Attack) -> Trace:
    """What tracing might say of an attack of this source class."""
    shares = [1 / (rank + 2) ** 1.6 for rank in range(len(COUNTRIES))]
    turn = sum(map(ord, item.victim)) % 4
    places = tuple(zip(COUNTRIES[turn:] + COUNTRIES[:turn], shares, strict=True))
    networks = (
        NetworkShare(64500, "Example Telecom", "US", item.sources // 9, 0.11),
        NetworkShare(64501, "Presidential Administration Net", "RU", 3, 0.004, "a government body"),
        NetworkShare(64502, "Universidad de Ejemplo", "PE", item.sources // 20, 0.05),
    )
    named = {"direct": "apparent sources", "reflected": "location of reflectors"}.get(item.source_class)
    verdict = {
        "direct": "Sources are real hosts as far as can be seen: they are unlike made-up addresses.",
        "reflected": "Sources are services that answered; the sender is not seen.",
        "spoofed": "Sources look drawn at random from the address space; no country can be named.",
        "undetermined": "Too few sources to tell real from false.",
    }[item.source_class]
    return Trace(
        item.id,
        item.source_class,
        verdict,
        (f"{item.sources} sources, 0.3 sources per packet", "TTLs fall into 11 clusters"),
        ("backscatter seen elsewhere at this time",),
        places if named else (),
        named or "not attributable",
        networks if named else (),
        0.412 if named else 0.013,
        0.021,
    )


def campaign(attacks: tuple[Attack, ...]) -> Campaign:
    """One campaign over all attacks, each linked to the one before it."""
    organisations = sorted(((name, number) for name, number in TARGETS.values()), key=lambda item: -item[1])
    links = tuple(
        Link(
            first.id,
            second.id,
            (
                LinkTest(
                    "fingerprint",
                    2.1e-9,
                    f"both ICMP echo floods of 1 028-byte packets, distance 0.0{index % 7}",
                ),
                LinkTest(
                    "concurrency",
                    0.00021 * (index % 9 + 1),
                    "starts 34 s apart; 1 of 4 700 shuffles is closer",
                ),
                *([LinkTest("sources", 1e-80, "212 of 904 sources in common")] if index % 3 else []),
            ),
        )
        for index, (first, second) in enumerate(pairwise(attacks))
    )
    return Campaign(
        "c-estonia",
        tuple(item.id for item in attacks),
        links,
        "a state",
        "EE",
        tuple(organisations),
        (("public administration", 127), ("not in the registry", 1)),
        attacks[0].start_us,
        max(item.end_us for item in attacks),
        "128 separate attacks on 9 organisations of Estonia, 3 to 11 May 2007, are one coordinated campaign against a state.",
        {
            "top_victim_share": 0.281,
            "effective_victims": 4.62,
            "organisations": 9,
            "top_vector_share": 0.898,
            "top_day_share": 0.453,
        },
        (
            "The most attacked organisation takes 28\u202f% of the attacks: no single victim explains the campaign.",
            "90\u202f% are ICMP floods of one packet size; unrelated attacks in this telemetry share none.",
            "58 of 128 fall on 9 May; starts cluster far more than shuffled starts do.",
        ),
        (
            "A common cause that hits these organisations alike, such as a shared upstream's fault.",
            "Proof that the shared sources are one public service that all nine use.",
            "Attacks of the same fingerprint on as many organisations in other states at this time.",
        ),
    )


def inputs() -> tuple[InputReport, ...]:
    """One whole input and one that was not."""
    whole = InputReport("flows/2007-05", "parquet flows", 2_310_455, 41_200_100)
    broken = InputReport("captures/border-2.pcap.gz", "pcap", 81_220, 904_210, lost=1200, skipped=14)
    broken.add("The file ends within a packet.", offset=73_400_320, field="caplen", do="Copy it again.")
    return whole, broken


def empty() -> Findings:
    """Telemetry with nothing in it."""
    return Findings(
        title="Night shift",
        inputs=(inputs()[0],),
        span_us=(MAY_1, MAY_1 + 14 * DAY_US),
        parameters={"gap": "300 s", "thresholds": "learnt per victim"},
        data_description="Tracing is off: the npm packages could not be installed.",
        generated_us=1_795_484_400_000_000,
    )


def untraced() -> Findings:
    """Attacks without address data, borders, registry or campaign."""
    full = estonia()
    return dataclasses.replace(
        full,
        traces=(),
        campaigns=(),
        organisation_of={},
        sector_of={},
        country_of={},
        borders=None,
        data_description="Tracing is off: the npm packages could not be installed.",
        exercise=False,
    )


def two_campaigns(borders: Path | None = None) -> Findings:
    """Two campaigns and lone attacks."""
    full = estonia(borders)
    first, second = full.attacks[:60], full.attacks[60:120]
    both = tuple(
        dataclasses.replace(
            campaign(part), id=f"c-{index}", verdict=f"{len(part)} attacks are one campaign ({index})."
        )
        for index, part in enumerate((first, second), 1)
    )
    return dataclasses.replace(full, campaigns=both)


def hostile(borders: Path | None = None) -> Findings:
    """Every text that comes from outside replaced with a payload."""
    full = estonia(borders)
    bad = dict(enumerate(HOSTILE))

    def text(index: int) -> str:
        return bad[index % len(bad)]

    attacks = tuple(
        dataclasses.replace(
            item,
            id=f"{item.id}{text(index)}",
            victim=text(index + 1),
            vector=text(index + 2),
            threshold=text(index + 3),
            confidence=text(index + 4),
            reasons=(text(index), text(index + 5)),
            refuted_by=(text(index + 6),),
            top_networks=((text(index + 7), 0.5),),
            source_class=text(index + 8),
        )
        for index, item in enumerate(full.attacks[: 2 * len(bad)])
    )
    traces = tuple(
        dataclasses.replace(
            found,
            attack_id=item.id,
            source_class=item.source_class,
            verdict=text(index),
            reasons=HOSTILE,
            countries=((text(index + 1), 0.5), ("US", 0.2)),
            networks=(
                NetworkShare(64500 + index, text(index + 2), text(index + 3), 9, 0.1, text(index + 4)),
            ),
        )
        for index, (item, found) in enumerate(zip(attacks, full.traces, strict=False))
    )
    made = campaign(attacks)
    test = LinkTest(HOSTILE[0], 0.001, HOSTILE[1])
    made = dataclasses.replace(
        made,
        id=HOSTILE[2],
        scope=HOSTILE[3],
        country=HOSTILE[4],
        verdict=HOSTILE[0],
        links=tuple(Link(link.first, link.second, (test, test)) for link in made.links),
        organisations=tuple((text_, 3) for text_ in HOSTILE),
        sectors=((HOSTILE[1], 2),),
        figures=dict.fromkeys(HOSTILE, 0.5),
        evidence=HOSTILE,
        refuted_by=HOSTILE,
    )
    report = InputReport(HOSTILE[2], HOSTILE[3], 10, 10)
    report.add(HOSTILE[0], field=HOSTILE[1], do=HOSTILE[4])
    return dataclasses.replace(
        full,
        title=HOSTILE[1],
        subtitle=HOSTILE[6],
        attacks=attacks,
        traces=traces,
        campaigns=(made,),
        organisation_of={text_: HOSTILE[(index + 1) % len(bad)] for index, text_ in enumerate(HOSTILE)},
        sector_of={text_: text_ for text_ in HOSTILE},
        country_of={text_: text_ for text_ in HOSTILE},
        inputs=(report,),
        data_description=HOSTILE[3],
        parameters={text_: text_ for text_ in HOSTILE},
    )


def topology() -> dict:
    """A small quantised TopoJSON: Estonia and Russia share an arc; Fiji crosses the antimeridian."""
    arcs = [
        [[20700, 14800], [0, -200], [50, 0]],  # the shared border, (27, 58) to (28, 57) or so
        [[20750, 14600], [3000, 0], [0, 1200], [-3050, -1000]],
        [[20750, 14600], [-300, 0], [0, 200], [250, 0]],
        [[35800, 7000], [400, 0], [0, -300], [-400, 0], [0, 300]],
        [[0, 2000], [12000, 0], [12000, 0], [11900, 0], [100, 0]],
    ]
    return {
        "type": "Topology",
        "transform": {"scale": [0.01, 0.01], "translate": [-180, -90]},
        "arcs": arcs,
        "objects": {
            "countries": {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "Polygon", "id": "643", "properties": {"name": "Russia"}, "arcs": [[0, 1]]},
                    {"type": "Polygon", "id": "233", "properties": {"name": "Estonia"}, "arcs": [[-1, 2]]},
                    {"type": "MultiPolygon", "id": "242", "properties": {"name": "Fiji"}, "arcs": [[[3]]]},
                    {"type": "Polygon", "id": "010", "properties": {"name": "Antarctica"}, "arcs": [[4]]},
                    {"properties": {"name": "Nowhere"}, "type": None},
                ],
            }
        },
    }
