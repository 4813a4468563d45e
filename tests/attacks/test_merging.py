"""Merging attacks: what is said of several together is for those alone who may see each of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hanse.attacks import service
from hanse.attacks.models import Attack, Decision
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.models import Entry
from hanse.policy.service import mark
from hanse.recording import record
from tests.node.made import earliest

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]

OWN = Marking.own("ee-cert")
STRICT = replace(OWN, tlp=Tlp.AMBER_STRICT)


def two(mari: Actor) -> tuple[Attack, Attack]:
    """Two attacks on record on one victim by one vector, the earlier first."""
    record(earliest(18), mari)
    for row in Attack.projected.order_by("start_us"):
        alike = Attack.projected.filter(victim=row.victim, vector=row.vector).order_by("start_us")
        if len(alike) > 1:
            return alike[0], alike[1]
    raise AssertionError("the made attacks hold no such pair")


@pytest.mark.parametrize(
    ("marking", "team"), [(STRICT, ""), (OWN, "operation-amber")], ids=["marking", "team"]
)
def test_attacks_that_not_the_same_people_see_are_not_merged(
    actor: People, marking: Marking, team: str
) -> None:
    """A decision on each of them would name the other, and the merged one carry both's traffic, under either's marking."""
    mari = actor("analyst", teams=("operation-amber",))
    first, second = two(mari)
    mark(second.pk, marking, team, mari, "It is of an operation.")
    before = Entry.objects.count()
    with pytest.raises(UsageError, match="Mark the less strict ones anew"):
        service.merge([first.pk, second.pk], "One wave.", mari)
    assert Entry.objects.count() == before
    assert not Decision.objects.exists()


def test_marked_alike_they_are_merged(actor: People) -> None:
    """Every entry of the decision is as strict as each of the attacks."""
    mari = actor("analyst")
    rows = two(mari)
    for row in rows:
        mark(row.pk, STRICT, "", mari, "It is of an operation.")
    before = Entry.objects.order_by("-sequence").values_list("sequence", flat=True)[0]
    service.merge([row.pk for row in rows], "One wave.", mari)
    markings = set(Entry.objects.filter(sequence__gt=before).values_list("marking", flat=True))
    assert markings == {Entry.objects.get(sequence=before).marking}
