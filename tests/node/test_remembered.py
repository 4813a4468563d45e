"""What is remembered of many rows shows nobody what policy hides, and nothing that has changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import transaction

from hanse.accounts import consultations
from hanse.attacks import service as attacks
from hanse.attacks.models import Attack
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.markings import Tlp
from hanse.ledger.service import purge
from hanse.policy import service as policy
from hanse.policy.remembered import LOOKED_THROUGH, Remembered
from hanse.recording import record, with_derived
from hanse.tracing import service as tracing
from hanse.tracing.models import Trace
from tests.node.made import earliest
from tests.web.acting import ActingClient

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]
Clients = Callable[..., ActingClient]


class Asked:
    """Counts the attacks that an actor may see, and how often that was worked out."""

    def __init__(self, most: int = 8) -> None:
        self.remembered = Remembered(most)
        self.times = 0

    def count(self, actor: Actor, at_us: int | None = None, **narrowed: object) -> int:
        """How many there are."""

        def work_out(rows) -> int:
            self.times += 1
            return len(rows)

        rows = Attack.objects.for_actor(actor, "attacks.view", at_us=at_us).filter(**narrowed)
        return self.remembered.answer(rows.values_list("pk"), work_out)


@pytest.fixture
def mari(actor: People) -> Actor:
    """An analyst, with eighteen attacks on record."""
    mari = actor("analyst")
    record(earliest(18), mari)
    return mari


def test_a_question_is_worked_out_once_until_something_is_written(mari: Actor) -> None:
    """Looking at things leaves an answer as it is; any other entry has it worked out anew."""
    asked = Asked()
    number = asked.count(mari)
    row = Attack.projected.first()
    consultations.record(mari, "attacks.view", [row.pk])
    consultations.record(mari, "attacks.export", [row.pk], recipient="a court")
    assert (asked.count(mari), asked.times) == (number, 1)
    attacks.note(row.pk, "Ask the host.", mari)
    assert (asked.count(mari), asked.times) == (number, 2)


def test_readers_of_different_rights_are_answered_apart(mari: Actor, actor: People) -> None:
    """What belongs to a team is counted for its members alone, whoever asked first, on the map and in the timeline."""
    jaan, liis = actor("analyst", teams=("alpha",)), actor("analyst", teams=("beta",))
    row = Attack.projected.filter(source_class="direct").first()
    policy.mark(row.pk, replace(row.marking.marking, tlp=Tlp.RED), "alpha", mari, "It is about an officer.")
    for _ in range(2):
        assert tracing.countries(jaan).attacks == tracing.countries(mari).attacks + 1
        assert tracing.countries(jaan).attributable == tracing.countries(mari).attributable + 1
        assert tracing.countries(liis) == tracing.countries(mari)


def test_a_picture_drops_at_once_what_was_marked_away_or_purged(
    mari: Actor, actor: People, client_as: Clients
) -> None:
    """Map and timeline, already asked for, tell nothing of an attack from the moment it is hidden or purged."""
    client = client_as(mari)

    def told() -> tuple[int, str]:
        countries = client.get("/api/tracing/countries").json()
        return countries["attacks"], client.get("/api/attacks/timeline").content.decode()

    hidden, purged = Attack.projected.filter(source_class="direct").order_by("pk")[:2]
    number, text = told()
    assert told()[0] == number
    assert str(hidden.pk) in text
    policy.mark(hidden.pk, replace(hidden.marking.marking, tlp=Tlp.RED), "alpha", mari, "It is secret.")
    assert told()[0] == number - 1
    assert str(hidden.pk) not in told()[1]
    assert str(purged.pk) in told()[1]
    purge(with_derived([purged.pk]), actor("officer"), "Its retention is over.")
    assert told()[0] == number - 2
    assert str(purged.pk) not in told()[1]


def test_a_passed_retention_date_needs_no_entry(mari: Actor) -> None:
    """Beyond the date an attack is counted no more, though nothing was written and the same was asked before."""
    row, now = Attack.projected.first(), now_us()
    marking = replace(row.marking.marking, retention_us=now + 1_000_000)
    policy.mark(row.pk, marking, "", mari, "For a second.")
    asked = Asked()
    number = asked.count(mari, now)
    assert asked.count(mari, now + 2_000_000) == number - 1
    assert (asked.count(mari, now), asked.times) == (number, 2)


@pytest.mark.parametrize("replaced", [False, True])
def test_what_was_rolled_back_is_forgotten(mari: Actor, replaced: bool) -> None:
    """An answer of a transaction that came to nothing is not given, even where another entry has its entry's number."""
    asked = Asked()
    number = asked.count(mari, state="over")
    row = Attack.projected.filter(state="over").first()
    with transaction.atomic():
        attacks.mark_false_positive(row.pk, "A backup.", mari)
        assert asked.count(mari, state="over") == number - 1
        transaction.set_rollback(True)
    if replaced:
        attacks.note(row.pk, "As many entries as before, but another one.", mari)
    assert asked.count(mari, state="over") == number


def test_a_change_meanwhile_is_not_overlooked(mari: Actor) -> None:
    """An answer that was found while something was written, and others asked, is not given to the next."""
    remembered = Remembered(8)
    row = Attack.projected.first()
    rows = Attack.objects.for_actor(mari, "attacks.view").values_list("pk")

    def slow(rows) -> int:
        number = len(rows)
        attacks.note(row.pk, "In between.", mari)
        assert remembered.answer(rows.filter(state="merged"), len) == 0
        return number

    assert remembered.answer(rows, slow) == 18
    assert remembered.answer(rows, lambda _rows: -1) == -1


def test_only_so_many_answers_and_entries(mari: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer that nobody asked for longest goes first, and too many entries to look through count as a change."""
    asked = Asked(most=2)
    for state in ("over", "running", "over", "merged"):
        asked.count(mari, state=state)
    assert asked.times == 3
    asked.count(mari, state="over")
    assert asked.times == 3
    asked.count(mari, state="running")
    assert asked.times == 4
    assert LOOKED_THROUGH > 2
    monkeypatch.setattr("hanse.policy.remembered.LOOKED_THROUGH", 2)
    for _ in range(3):
        consultations.record(mari, "attacks.view", [Attack.projected.first().pk])
    asked.count(mari, state="running")
    assert asked.times == 5


def test_the_map_adds_up_what_the_traces_say(mari: Actor) -> None:
    """Sources and attacks by country are the sums over the traces of standing attacks, the most sources first."""
    sources: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for row in Trace.projected.all():
        for country, share in row.detail["countries"]:
            sources[country] = sources.get(country, 0) + round(share * row.sources)
            numbers[country] = numbers.get(country, 0) + 1
    found = tracing.countries(mari)
    told = {one.country: (one.sources, one.attacks) for one in found.countries}
    assert told == {country: (sources[country], numbers[country]) for country in sources}
    assert [one.sources for one in found.countries] == sorted(sources.values(), reverse=True)
    assert len(told) > 1
