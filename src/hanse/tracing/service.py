"""Use cases of tracing: traces on record, and what they add up to by country."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from django.db.models import F
from django.db.models.lookups import In

from hanse.attacks.models import STANDING, Attack
from hanse.kernel.actors import Actor
from hanse.ledger import objects
from hanse.ledger.among import among
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.policy.guarded import Unindexed
from hanse.policy.models import stored, team_of
from hanse.tracing import models
from hanse.tracing.trace import Trace

if TYPE_CHECKING:
    from django.db.models import QuerySet

NOWHERE = "not attributable"
"""What the countries of a trace mean where its sources say nothing of a place."""

_ADDED_UP: dict[bytes, "Countries"] = {}
"""Sums by the hash of all that they are of. What the reader may see, and nothing that others wrote, has one worked out
anew, so that no time tells of it. To add a hundred thousand shares up takes longer than to read them."""
_REMEMBERED = 256
_PLACES = msgspec.json.Decoder(dict[str, int])


class Traced(msgspec.Struct, frozen=True):
    """Where an attack apparently came from; its object is the attack's.

    Attributes:
        trace: The trace whole.
        sources: Distinct apparent sources of the attack.
    """

    trace: Trace
    sources: int


@dataclass(frozen=True, slots=True)
class Country:
    """What traces say of one country.

    Attributes:
        country: ISO alpha-2 code, ``ZZ`` where unknown.
        sources: Distinct sources of each attack, added up over the attacks: estimates, and one that took
            part in several attacks counts in each.
        attacks: Attacks with apparent sources there.
    """

    country: str
    sources: int
    attacks: int


@dataclass(frozen=True, slots=True)
class Countries:
    """Where attacks apparently come from.

    Attributes:
        countries: Most sources first.
        attacks: Attacks that were traced.
        attributable: Attacks among them whose sources say anything of a place.
        words: What may be concluded and what not, in one or two sentences.
    """

    countries: tuple[Country, ...]
    attacks: int
    attributable: int
    words: str

    @property
    def not_attributable_share(self) -> float:
        """Share of the attacks whose sources say nothing of a place, 0 to 1."""
        return 1 - self.attributable / self.attacks if self.attacks else 0.0


def trace_of(attack_id: UUID, actor: Actor) -> Trace:
    """The trace of one attack.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    row = models.Trace.objects.get_for(actor, "tracing.view", attack_id)
    return msgspec.convert(row.detail, Trace)


def countries(actor: Actor, attack_ids: Iterable[UUID] | None = None) -> Countries:
    """Countries of the apparent sources of attacks that an actor may see.

    Args:
        actor: Who looks.
        attack_ids: The attacks, a query set of ids too, of any number; None for all that still stand.
    """
    traces = models.Trace.objects.for_actor(actor, "tracing.view")
    if attack_ids is None:
        seen = Attack.objects.for_actor(actor, "attacks.view").filter(state__in=STANDING)
        attack_ids = seen.values_list("pk", flat=True)
    # All traces are gone through in their narrow index, which is quicker than one wide row for each attack.
    return _in_all(traces.filter(In(Unindexed(F("object_id")), attack_ids)))


def countries_of(actor: Actor, attack_ids: Collection[UUID]) -> Countries:
    """The same of attacks at hand, some of those that there are: their traces are looked up one by one."""
    traces = models.Trace.objects.for_actor(actor, "tracing.view")
    return _in_all(traces.filter(pk__in=among(attack_ids)))


def any_of(actor: Actor, attack_ids: Collection[UUID]) -> bool:
    """Whether any of some attacks was traced, as far as the actor may see that."""
    return models.Trace.objects.for_actor(actor, "tracing.view").filter(pk__in=among(attack_ids)).exists()


def _in_all(traces: "QuerySet[models.Trace]") -> Countries:
    """What traces add up to."""
    told = list(traces.order_by().values_list("countries_mean", "places__countries"))
    means = Counter(mean for mean, _ in told)
    places = "\n".join(countries for _, countries in told if countries)
    digest = blake2b(f"{sorted(means.items())}\n{places}".encode()).digest()
    if digest not in _ADDED_UP:
        if len(_ADDED_UP) >= _REMEMBERED:
            _ADDED_UP.clear()
        _ADDED_UP[digest] = _added_up(means, places)
    return _ADDED_UP[digest]


def _added_up(means: Counter[str], places: str) -> Countries:
    """Countries of traces: how many there are by what their countries mean, and the lines of their `models.Places`."""
    placed = _PLACES.decode_lines(places)
    attacks = Counter(chain.from_iterable(placed))
    sources = dict.fromkeys(attacks, 0)
    for one in placed:
        for country, number in one.items():
            sources[country] += number
    total = sum(means.values())
    attributable = total - means[NOWHERE]
    order = sorted(sources, key=lambda country: (-sources[country], country))
    found = tuple(Country(one, sources[one], attacks[one]) for one in order)
    return Countries(found, total, attributable, _words(total, attributable, means.keys() - {NOWHERE}))


def _words(total: int, attributable: int, means: set[str]) -> str:
    """What the countries of a set of attacks mean."""
    if not total:
        return "No attack has been traced yet."
    if not attributable:
        return f"The sources of all {total:,} attacks say nothing of a place: they may be forged."
    said = (
        "apparent sources and reflectors"
        if len(means) > 1
        else "reflectors, which say nothing of who sent the requests"
        if means == {"location of reflectors"}
        else "apparent sources, which say nothing of who controls them"
    )
    text = f"Countries of {said}, in {attributable:,} of {total:,} attacks."
    left = total - attributable
    rest = "other one" if left == 1 else f"other {left:,}"
    return f"{text} The sources of the {rest} are not attributable." if left else text


def _project(recorded: Recorded, content: Traced) -> None:
    trace, attack = content.trace, recorded.object_id
    values = {
        "marking": stored(recorded.marking),
        "team": team_of(attack),
        "source_class": trace.source_class,
        "verdict": trace.verdict,
        "countries_mean": trace.countries_mean,
        "sources": content.sources,
        "digest": objects.digest(content),
        "detail": msgspec.to_builtins(trace),
    }
    row = models.Trace(object_id=attack, **values)
    models.Trace.projected.bulk_create(
        [row], update_conflicts=True, unique_fields=["object_id"], update_fields=list(values)
    )
    models.Places.objects.filter(trace=attack).delete()
    if trace.countries and trace.countries_mean != NOWHERE:
        told = {country: round(share * content.sources) for country, share in trace.countries}
        models.Places.objects.bulk_create(
            [models.Places(trace_id=attack, countries=msgspec.json.encode(told).decode())]
        )


def _forget(object_id: UUID) -> None:
    drop(models.Trace.projected, object_id)


KINDS = (Kind("tracing.traced", Traced, _project, _forget),)
