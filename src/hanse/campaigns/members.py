"""What a campaign's page counts and lists of its attacks, from one narrow query for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from hanse.attacks.models import STANDING, Attack, State

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Member(NamedTuple):
    """An attack of a campaign; fields as of `attacks.models.Attack`, in the order of the query's columns."""

    start_us: int
    object_id: UUID
    end_us: int
    state: str
    victim: str
    organisation: str
    sector: str
    country: str
    peak_bps: float


@dataclass(frozen=True, slots=True)
class Hit:
    """What a campaign did to one organisation.

    Attributes:
        organisation: Its name; empty for all that are not in the constituency.
        sector: Its sector.
        country: Its country, ISO alpha-2.
        number: Attacks on it.
        hosts: Distinct victims.
        peak: Highest peak, bit/s.
        first: Start of the first attack, microseconds UTC.
        last: End of the last, microseconds UTC.
    """

    organisation: str
    sector: str
    country: str
    number: int
    hosts: int
    peak: float
    first: int
    last: int


@dataclass(frozen=True)
class Members:
    """The attacks of a campaign that somebody may see.

    Attributes:
        all: All of them, in order of start.
        standing: Those that still count as attacks.
    """

    all: Sequence[Member]
    standing: Sequence[Member]

    @cached_property
    def running(self) -> int:
        """How many go on."""
        return sum(one.state == State.RUNNING for one in self.standing)

    @cached_property
    def victims(self) -> int:
        """Distinct victims of the standing ones."""
        return len({one.victim for one in self.standing})

    @cached_property
    def peak(self) -> Member | None:
        """The strongest of the standing ones."""
        return max(self.standing, key=lambda one: (one.peak_bps, -one.object_id.int), default=None)

    @cached_property
    def hits(self) -> list[Hit]:
        """Who was hit by the standing ones, most often first; those that are not known are one row."""
        whose: dict[tuple[str, str, str], list[Member]] = {}
        for one in self.standing:
            whose.setdefault((one.organisation, one.sector, one.country), []).append(one)
        told = [_hit(*named, members) for named, members in whose.items()]
        return sorted(told, key=lambda hit: (-hit.number, hit.organisation, hit.sector, hit.country))


def members_in(rows: "QuerySet[Attack]") -> Members:
    """The attacks of a campaign, as far as they may be seen.

    Args:
        rows: `service.named_of` the campaign, of those that the actor may see.
    """
    told = rows.order_by().values_list(*Member._fields)  # noqa: SLF001 - a documented name
    found = sorted(starmap(Member, told))
    return Members(found, [one for one in found if one.state in STANDING])


def _hit(organisation: str, sector: str, country: str, members: Iterable[Member]) -> Hit:
    those = list(members)
    return Hit(
        organisation,
        sector,
        country,
        number=len(those),
        hosts=len({one.victim for one in those}),
        peak=max(one.peak_bps for one in those),
        first=min(one.start_us for one in those),
        last=max(one.end_us for one in those),
    )
