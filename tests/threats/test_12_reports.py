"""Threat 12 for what is written here: a report, and the file that it leaves in, are never weaker than what they rest on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanse.console.marking import Wish, mark_anew
from hanse.intel import authoring, service
from hanse.intel.models import Item
from hanse.intel.source_marking import of_stix
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Pap, Tlp, is_at_least, strictest
from tests.conftest import AUTHORITY
from tests.intel.test_own import held, report
from tests.intel.test_room import bundle, indicator

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]


def levels() -> st.SearchStrategy[Marking]:
    """Markings that an officer who is an analyst can read."""
    return st.builds(
        Marking,
        originators=st.just(frozenset({AUTHORITY})),
        tlp=st.sampled_from(Tlp),
        pap=st.sampled_from(Pap),
        handling=st.sets(st.sampled_from(("H0", "H1", "H2"))).map(frozenset),
        purposes=st.sampled_from((None, frozenset({"defence"}), frozenset({"defence", "investigation"}))),
        retention_us=st.sampled_from((None, 4_000_000_000_000_000, 4_100_000_000_000_000)),
    )


def inputs(mari: Actor, markings: list[Marking]) -> list[Item]:
    """Items marked so."""
    start = Item.projected.count()
    for at, marking in enumerate(markings, start):
        service.bring_in(
            bundle(indicator(at, f"8.8.{at // 250}.{at % 250 + 1}")), "one.json", mari, marking=marking
        )
    return list(Item.projected.filter(format="stix").select_related("marking").order_by("number"))[
        -len(markings) :
    ]


def told(row: Item, mari: Actor) -> list[tuple[dict[str, Any], Marking]]:
    """The reports of the file that an item leaves in, with the marking that a reader of it takes from it."""
    objects = service.taken_out([row], "test", mari).document["objects"]
    definitions = {one["id"]: one for one in objects if one["type"] == "marking-definition"}
    open_to_all = Marking(originators=frozenset({AUTHORITY}), tlp=Tlp.CLEAR, pap=Pap.CLEAR)
    return [
        (one, of_stix(one, definitions, open_to_all)[0])
        for one in objects
        if one["type"] in {"report", "indicator"}
    ]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(levels(), min_size=1, max_size=3), levels(), levels())
def test_no_report_is_weaker_than_what_it_rests_on(
    actor: People, markings: list[Marking], chosen: Marking, later: Marking
) -> None:
    """Whatever is chosen for it, whatever it cites first or later, and however its inputs are marked anew."""
    mari = actor("analyst", "investigator", "officer", stepped_up_us=now_us())
    rows = inputs(mari, markings)
    one = authoring.write(replace(report(), cites=(rows[0].pk,)), mari, marking=chosen)
    everything = tuple(row.pk for row in rows)
    authoring.change(one, held(one).source_version, replace(report("All of it"), cites=everything), mari)
    whole = held(one).marking.marking
    assert is_at_least(whole, strictest([chosen, *(held(row.pk).marking.marking for row in rows)]))
    try:
        mark_anew(rows[0].pk, Wish(later), "It was found out.", mari)
    except UsageError:
        assert later == held(rows[0].pk).marking.marking  # it is marked so already
    whole = held(one).marking.marking
    assert all(is_at_least(whole, held(row.pk).marking.marking) for row in rows)
    for raw, marking in told(held(one), mari):
        of = next((row for row in rows if row.source_id == raw["id"]), held(one))
        assert is_at_least(marking, held(of.pk).marking.marking), raw["id"]
