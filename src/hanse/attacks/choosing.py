"""Which attacks of a set somebody wants: the filters that lists, timelines and the API share."""

import ipaddress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F
from django.db.models.lookups import In

from hanse.attacks.models import STANDING, Attack, Membership, RunAttack
from hanse.kernel import addresses
from hanse.kernel.errors import UsageError
from hanse.policy.guarded import Unindexed

if TYPE_CHECKING:
    from django.db.models import QuerySet

_EQUAL = ("vector", "organisation", "sector", "country")


def choose(rows: "QuerySet[Attack]", **wanted: Any) -> "QuerySet[Attack]":
    """The attacks for which all that is given holds.

    Args:
        rows: Attacks that the actor may see.
        wanted: ``since_us`` and ``until_us`` (microseconds UTC), ``victim`` (address, or network that holds it),
            ``vector``, ``organisation``, ``sector``, ``country``, ``state`` (a `State`, or ``standing``),
            ``campaign``, ``run``, ``peak_bps`` (at least, bit/s).

    Raises:
        UsageError: The victim is no address or network.
    """
    rows = rows.filter(**{name: wanted[name] for name in _EQUAL if name in wanted})
    bounds = {"since_us": "end_us__gte", "until_us": "start_us__lte", "peak_bps": "peak_bps__gte"}
    rows = rows.filter(**{field: wanted[name] for name, field in bounds.items() if name in wanted})
    if "victim" in wanted:
        first, last = _network(wanted["victim"])
        rows = rows.filter(victim_sort__gte=first, victim_sort__lte=last)
    if "state" in wanted:
        states = STANDING if wanted["state"] == "standing" else (wanted["state"],)
        rows = rows.filter(state__in=states)
    if "campaign" in wanted:
        members = Membership.objects.filter(campaign=wanted["campaign"])
        rows = rows.filter(pk__in=members.values("attack"))
    if "run" in wanted:
        rows = rows.filter(pk__in=found_by(wanted["run"]))
    return rows


def on_organisations(rows: "QuerySet[Attack]", part: str) -> In:
    """The condition that an attack hit an organisation whose name contains a text, in capitals or not.

    There are few names for many attacks, so the names are looked through, not the attacks.

    Args:
        rows: Attacks that the actor may see, to which the condition is put.
        part: The text.
    """
    names = set(rows.order_by().values_list("organisation", flat=True).distinct())
    wanted = part.casefold()
    found = [name for name in names if wanted in name.casefold()]
    # Many names: SQLite is to go through the attacks in the order asked for, where one of them comes soon.
    many = len(found) > len(names) // 8
    return In(Unindexed(F("organisation")) if many else F("organisation"), found)


def found_by(run: UUID | str) -> "QuerySet[RunAttack, Any]":
    """Ids of the attacks that an analysis found, for a filter ``pk__in``.

    Raises:
        ValueError: It is no id.
    """
    one = run if isinstance(run, UUID) else UUID(run)
    return RunAttack.objects.filter(run=one).values("attack")


def _network(text: str) -> tuple[str, str]:
    """First and last address of what somebody typed, in hexadecimal."""
    try:
        first, last = addresses.network_bounds(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise UsageError(f"{text!r} is no address or network. Write it like 192.0.2.0/24.") from None
    return first.hex(), last.hex()
