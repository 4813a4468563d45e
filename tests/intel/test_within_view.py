"""Look-ups read what the reader may see and nothing else; what they read by follows every marking."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hanse.intel import correlating, finding, projecting, service, within_view
from hanse.intel.models import Holding, Item, Posting
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.service import purge
from hanse.policy import service as policy
from tests.conftest import AUTHORITY
from tests.intel.test_room import bundle, indicator, shared
from tests.ledger.made import findings

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
TEAM = "operation-amber"


def brought(actor: Actor, first: int, last: int, **more: object) -> list[Item]:
    """Indicators of one address, and another of their own each."""
    made = [indicator(n, "8.8.4.4", description="A flood of words", **more) for n in range(first, last)]
    service.bring_in(bundle(*made), "some.json", actor)
    return list(Item.projected.filter(type="indicator").order_by("number"))


def counted() -> dict[tuple[str, str], int]:
    """By marking and team, how many items the holdings say there are."""
    return {(row.marking_id, row.team): row.items for row in Holding.projected.all()}


def test_holdings_count_what_there_is(actor: People) -> None:
    """Whatever is brought in, marked anew or purged, holdings count the items, and postings stand in their item's."""
    mari = actor("analyst")
    rows = brought(mari, 1, 7)
    for row in rows[:2]:
        policy.mark(row.pk, row.marking.marking, TEAM, mari, "Known to the team alone.")
    purge([rows[5].pk], mari, "Brought in by mistake.")
    service.bring_in(
        bundle(indicator(1, "8.8.4.4", modified="2025-01-01T00:00:00.000Z")), "newer.json", actor("analyst", teams=(TEAM,))
    )  # fmt: skip
    assert counted() == Counter(Item.projected.values_list("marking_id", "team"))
    assert {team for _, team in counted()} == {"", TEAM}
    places = dict(Item.projected.values_list("number", "holding"))
    assert {(one.item, one.holding) for one in Posting.objects.all()} == set(places.items())
    assert findings() == []


def test_two_markings_never_stand_under_one_number(actor: People, monkeypatch) -> None:
    """Should hashes ever meet, the second is refused with nothing written, or whoever may see one would see both."""
    mari = actor("analyst")
    row, other = brought(mari, 1, 3)
    monkeypatch.setattr(projecting, "holding_id", lambda *_: row.holding)
    own = row.marking.marking
    red = replace(own, tlp=Tlp.RED)
    for marking, team in ((red, ""), (own, TEAM)):
        with pytest.raises(projecting.HoldingError, match="under one number"):
            policy.mark(other.pk, marking, team, mari, "It is more than was thought.")
    with pytest.raises(projecting.HoldingError, match="Nothing was written"):
        service.bring_in(bundle(indicator(3, "8.8.4.4")), "red.json", mari, marking=red)
    assert list(Item.projected.filter(type="indicator").order_by("number")) == [row, other]
    assert counted() == Counter(Item.projected.values_list("marking_id", "team"))
    brought(mari, 3, 5)
    assert counted() == Counter(Item.projected.values_list("marking_id", "team")), (
        "what is marked the same joins"
    )


def test_nobody_can_look_for_two_markings_with_one_number() -> None:
    """The numbers of holdings follow from a secret: another node's are others."""
    key, other = bytes(32), bytes(31) + b"x"
    assert projecting._holding_id(key, "a", "b") == projecting._holding_id(key, "a", "b")
    assert projecting._holding_id(key, "a", "b") != projecting._holding_id(other, "a", "b")


def test_what_a_team_alone_may_see_is_found_by_nobody_else(actor: People) -> None:
    """An item that is given to a team leaves the others' correlations, counts and searches at once."""
    mari, member = actor("analyst"), actor("analyst", teams=(TEAM,))
    own, other, *_ = brought(mari, 1, 4)
    assert [(one.count, one.of) for one in shared(own, mari)] == [(2, 3)]
    policy.mark(other.pk, other.marking.marking, TEAM, mari, "Known to the team alone.")
    assert [(one.count, one.of) for one in shared(own, mari)] == [(1, 2)]
    assert [(one.count, one.of) for one in shared(own, member)] == [(2, 3)]
    for text in ("8.8.4.4", "8.8.4.0/24", "flood words"):
        assert other not in finding.matching(text, mari), text
        assert other in finding.matching(text, member), text


@pytest.mark.parametrize("text", ["8.8.4.4", "8.8.0.0/16", "flood"])
def test_hidden_items_crowd_nothing_out(actor: People, monkeypatch, text: str) -> None:
    """However many newer items are hidden, the older ones that a reader may see are found."""
    monkeypatch.setattr(finding, "MOST", 3)
    mari = actor("analyst")
    first = brought(mari, 1, 2)
    for row in brought(mari, 2, 9)[1:]:
        policy.mark(row.pk, row.marking.marking, TEAM, mari, "Known to the team alone.")
    assert list(finding.matching(text, mari)) == first


def test_a_look_up_never_reads_what_is_hidden(actor: People) -> None:
    """A correlation asks for the postings of the reader's holdings by name, so that its time tells of no others."""
    mari = actor("analyst")
    own, *others = brought(mari, 1, 4)
    for row in others:
        policy.mark(row.pk, row.marking.marking, TEAM, mari, "Known to the team alone.")
    view = within_view.view_of(mari)
    hidden = set(Holding.projected.values_list("pk", flat=True)) - set(view.holdings)
    assert hidden
    with CaptureQueriesContext(connection) as queries:
        assert shared(own, mari) == []
    asked = [query["sql"] for query in queries if "intel_posting" in query["sql"]]
    assert asked
    assert all(f"holding = {view.holdings[0]}" in sql for sql in asked)
    assert not any(str(one) in sql for one in hidden for sql in asked)


def test_the_newest_come_first_and_no_more_than_wanted(actor: People) -> None:
    """Many holdings and many values, in either way of asking, give the newest items once each."""
    mari = actor("analyst")
    service.bring_in(bundle(*(indicator(n, "8.8.4.4") for n in range(1, 6))), "a.json", mari)
    strict = Marking.own(AUTHORITY)
    service.bring_in(bundle(*(indicator(n, "8.8.4.5") for n in range(6, 9))), "b.json", mari, marking=strict)
    view = within_view.view_of(mari)
    values = list(Posting.objects.values_list("value", flat=True).distinct())
    numbers = list(Item.projected.order_by("-number").values_list("number", flat=True))
    assert within_view.naming(values, view, 4) == numbers[:4]
    many = view._replace(holdings=(*view.holdings, *range(500)))
    assert within_view.naming(values, many, 4) == numbers[:4]
    assert within_view.naming(values, view, 4, beside=numbers[0]) == numbers[1:5]
    assert correlating.items_naming(values[0], mari, 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tick", 3),
        ("TICK", 3),
        ("ticketless", 1),
        ("spring tick", 1),
        ("tick spring", 0),
        ("desk-tick", 1),
        ("desk-t", 1),
        ("mul", 1),
        ("mül", 1),
        ("example org", 1),
        ("shop.example.org", 1),
        ("ticket.", 3),
        ("serial", 100),
        ("serial9", 11),
        ("tock", 0),
        ("...", 0),
    ],
)
def test_the_last_word_may_be_a_beginning(actor: People, text: str, found: int) -> None:
    """Few words with that beginning or many, in any case, after other words or within one: the same items are found."""
    mari = actor("analyst")
    told = [
        "A ticket in spring",
        "Ticketless",
        "Left at the desk-ticket",
        "Müller",
        "Served at https://shop.example.org/pay",
    ]
    told += [f"serial{number}" for number in range(100)]
    made = [indicator(at, f"11.0.0.{at}", description=words) for at, words in enumerate(told, 1)]
    service.bring_in(bundle(*made), "some.json", mari)
    assert len(finding.matching(text, mari)) == found


def test_few_beginnings_are_asked_for_as_words(actor: People) -> None:
    """On SQLite no beginning is gathered where the words that begin so are few: FTS5 would read all items of all of them."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's index is asked in another way")
    mari = actor("analyst")
    brought(mari, 1, 9)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(finding.matching("floo", mari)) == 8
    asked = [one["sql"] for one in queries if "MATCH" in one["sql"]]
    assert any('"flood"' in sql for sql in asked)
    assert not any("*'" in sql for sql in asked)
