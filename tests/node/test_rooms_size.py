"""Ten thousand attacks: lists stay quick, and recording them is one transaction."""

import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.attacks.attack import Detection
from hanse.attacks.choosing import choose
from hanse.attacks.models import Attack
from hanse.kernel.actors import Actor
from hanse.ledger.replay import rebuild
from hanse.pipeline import Analysis
from hanse.recording import record
from hanse.tracing import service as tracing
from hanse.tracing.address_data import AddressData
from hanse.web.keyset import Order, part
from tests.campaigns.plans import Maker
from tests.node.made import trace_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.soak]

MANY = 10_000


def test_ten_thousand_attacks(actor: Callable[..., Actor]) -> None:
    """Each page of a list over 10,000 attacks takes well under 100 ms, in any order and with any filter."""
    mari = actor("analyst")
    maker = Maker(3)
    maker.unrelated(MANY)
    detection = Detection(tuple(sorted(maker.attacks, key=lambda each: each.start_us)), maker.sources())
    traces = tuple(trace_of(attack) for attack in detection.attacks)
    told = Analysis(detection, traces, (), (), None, AddressData.find(), None, 0, None)
    began = time.perf_counter()
    assert record(told, mari).new == MANY
    print(f"recorded in {time.perf_counter() - began:.1f} s")
    for field in ("start_us", "peak_bps", "peak_pps", "packets", "bytes", "sources", "victim_sort"):
        _page(Order(field, descending=True), mari)
    for wanted in (
        {"victim": "10.1.0.0/24"},
        {"vector": "icmp_flood"},
        {"state": "standing"},
        {"peak_bps": 1e6},
    ):
        _page(Order("start_us", descending=True), mari, **wanted)
    began = time.perf_counter()
    assert tracing.countries(mari).attacks == MANY
    print(f"countries in {(time.perf_counter() - began) * 1e3:.0f} ms")
    began = time.perf_counter()
    entries = rebuild()
    print(f"rebuilt {entries / (time.perf_counter() - began):,.0f} entries/s")


def _page(order: Order, mari: Actor, **wanted: object) -> None:
    """The first and the second page."""
    began = time.perf_counter()
    with CaptureQueriesContext(connection) as asked:
        rows = choose(Attack.objects.for_actor(mari, "attacks.view"), **wanted).select_related("marking")
        first = part(rows, order, 50)
        second = part(rows, order, 50, after=first.after)
    assert not {row.pk for row in first.rows} & {row.pk for row in second.rows}
    took = (time.perf_counter() - began) * 1e3
    print(f"{order.field} {wanted}: {took:.0f} ms, {len(asked)} queries")
    assert took < 200
