"""What a partner may find out in a day by standing matching: what it sends cannot be told from decoys, so hits count."""

from django.db.models import Q

from hanse.cases.models import Selector
from hanse.kernel.clock import now_us
from hanse.ledger.among import among, among_numbers
from hanse.matching.models import Agreement, Hit
from hanse.matching.offering import offered, values_of
from hanse.matching.publishing import name_of
from hanse.matching.quota import DAY_US


def hits_per_day(agreement: Agreement) -> int:
    """Selectors that may newly become known to a partner in a day, a hundredth of what may be compared of a kind.

    Whole sets are compared where both have more in common: what is known by any way does not count again.
    """
    return max(1, agreement.per_day // 100)


def newly_found(partner: str) -> int:
    """Values that standing matching found in the last 24 hours, and that were in no hit with the partner before.

    One that several cases here have counts once: the partner learnt it once.
    """
    since = now_us() - DAY_US
    standing, late = Q(way="standing"), Q(found_us__gt=since)
    rows = Hit.objects.filter(partner=partner)
    today = set(rows.filter(standing, late).values_list("selector", flat=True))
    of = dict(Selector.objects.filter(pk__in=among(today)).values_list("pk", "value"))
    alike = dict(
        Selector.objects.filter(value__in=among_numbers(set(of.values()))).values_list("pk", "value")
    )
    known = rows.filter(~standing | ~late, selector__in=among(today | alike.keys()))
    known_now = set(known.values_list("selector", flat=True))
    old = {alike[one] for one in known_now & alike.keys()}
    gone = today - of.keys() - known_now
    return len(set(of.values()) - old) + len(gone)


def too_many(agreement: Agreement, names: set[bytes]) -> bool:
    """Whether too much would be known if these were found as well.

    Args:
        agreement: With the partner.
        names: Keyed hashes of the values.
    """
    most = hits_per_day(agreement) - newly_found(agreement.partner)
    return len(names) > most and _unknown(agreement, names) > most


def spent(agreement: Agreement) -> bool:
    """Whether more is known than should be, as after two openings: what both sent before either could look."""
    return newly_found(agreement.partner) > hits_per_day(agreement)


def words(agreement: Agreement) -> str:
    """Why it goes off."""
    return (
        f"More than {hits_per_day(agreement):,} selectors would newly become known in a day. Standing matching is off: compare "
        "whole sets, or let people of both sides turn it on again."
    )


def _unknown(agreement: Agreement, names: set[bytes]) -> int:
    """How many of some values are of selectors that are in no hit with the partner yet; those alone that are in one are opened."""
    met = set(Hit.objects.filter(partner=agreement.partner).values_list("selector", flat=True))
    return len(names - {name_of(value) for value in values_of(offered(agreement, selectors=met))})
