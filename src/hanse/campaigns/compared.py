"""What is compared of an attack with those of other authorities: little enough to keep a great many at hand."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from hanse.attacks.attack import Attack
from hanse.attacks.sketch import smallest
from hanse.campaigns.fingerprint import Look, look
from hanse.campaigns.source_overlap import population
from hanse.kernel.errors import UsageError

SAMPLE = 256
"""Hashes compared of each attack, 2 kB: a number in common of 128 is known to 6 %."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is compared of an attack.

    Attributes:
        object_id: Its object.
        contributor: The authority that saw it.
        group: Its marking and team: attacks of one group are visible to the same readers.
        start_us: First second over the threshold, microseconds UTC.
        vector: What kind of traffic.
        look: Its fingerprint.
        victim: The same for one victim.
        withheld_by: Who withholds the address of the victim, which is then a mark of theirs; empty where it is told.
        country: Its state, ISO 3166 alpha-2; may be empty.
        reflected: Whether its sources are reflectors.
        people: How many hosts attacks of this kind draw their sources from; 0 where they are forged.
        sample: The smallest hashes of its sources, ascending.
        share: The share of all addresses that they are a sample of.
    """

    object_id: UUID
    contributor: str
    group: str
    start_us: int
    vector: str
    look: Look
    victim: str
    withheld_by: str
    country: str
    reflected: bool
    people: float
    sample: npt.NDArray[np.uint64]
    share: float

    @property
    def counted(self) -> float:
        """How many sources it has, by its sketch."""
        return len(self.sample) / self.share


def seen(attack: Attack, object_id: UUID, contributor: str, group: str, country: str, mark: str = "") -> Seen:
    """What is compared of an attack; a sketch that cannot be read counts as withheld.

    Args:
        attack: The attack, as far as it was shared.
        object_id: Its object.
        contributor: The authority that saw it.
        group: Its marking and team.
        country: Its victim's state; may be empty.
        mark: What stands for its victim where that is withheld.
    """
    people = population(attack)
    sample, share = np.empty(0, np.uint64), 1.0
    if people and attack.source_sketch:
        with suppress(UsageError):
            sample, share = smallest(attack.source_sketch, SAMPLE)
    return Seen(
        object_id, contributor, group, attack.start_us, attack.vector, look(attack), attack.victim or mark,
        "" if attack.victim else contributor, country, attack.source_class == "reflected", people, sample, share,
    )  # fmt: skip
