"""Threat 12: an attack says whose its victim is, and is as strict as what it has that from."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hanse.attacks import service as attacks
from hanse.attacks.models import Attack
from hanse.campaigns.models import Campaign
from hanse.constituency import service as constituency
from hanse.kernel.actors import Actor, system
from hanse.kernel.markings import Marking, Tlp
from hanse.policy.service import mark
from hanse.recording import record
from tests.campaigns.plans import estonia_registry
from tests.node.made import earliest

pytestmark = pytest.mark.django_db(transaction=True)

People = Callable[..., Actor]

STRICT = replace(Marking.own("ee-cert"), tlp=Tlp.AMBER_STRICT)


def test_an_attack_is_as_strict_as_the_row_that_names_its_victim(actor: People) -> None:
    """What an analysis finds repeats rows of the constituency; nothing of it is weaker than they, nor is its campaign."""
    mari = actor("analyst", "administrator")
    constituency.load(estonia_registry(), mari, "customers.csv", marking=STRICT)
    record(earliest(18), mari)
    named = Attack.projected.exclude(prefix="")
    assert {row.marking.marking for row in named} == {STRICT}
    assert {row.marking.marking for row in Campaign.projected.all()} == {STRICT}


def test_released_by_hand_it_stays_so(actor: People) -> None:
    """Who released an attack, knowing whom it names, is not overruled by the next analysis of the same telemetry."""
    mari = actor("analyst", "administrator")
    constituency.load(estonia_registry(), mari, "customers.csv", marking=STRICT)
    record(earliest(18), mari)
    row = Attack.projected.exclude(prefix="").first()
    mark(row.pk, Marking.own("ee-cert"), "", mari, "The customer agreed.")
    record(earliest(18), mari)
    assert Attack.projected.get(pk=row.pk).marking.marking == Marking.own("ee-cert")


def test_a_live_attack_is_as_strict_from_its_first_second(actor: People) -> None:
    """The detector names the victim's owner before anybody has looked."""
    constituency.load(estonia_registry(), actor("analyst"), "customers.csv", marking=STRICT)
    found = earliest(1).attacks[0]
    target = constituency.lookup(found.victim)
    assert target is not None
    recorded = attacks.begun(found, target, system("collector", "ee-cert"))
    assert recorded.marking == STRICT
    assert attacks.ended(found, target, system("collector", "ee-cert")).marking == STRICT
