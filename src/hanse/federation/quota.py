"""How much of a partner is taken in a day: what is more waits there, so that no partner fills this node's disk."""

from typing import Final

from django.conf import settings
from django.db.models import F

from hanse.federation.models import Link
from hanse.federation.stream import Page
from hanse.kernel.clock import now_us

_DAY_US: Final = 86_400_000_000
_GB: Final = 1_000_000_000


def spent(partner: str) -> str:
    """Why nothing more of a partner is taken today; empty while something is."""
    limit = settings.HANSE_NODE.partner_gigabytes
    row = Link.objects.filter(pk=partner, day=_today()).first()
    if row is None or row.day_bytes < limit * _GB:
        return ""
    return (
        f"It sent {limit} GB today, which is what is taken of one partner in a day (setting partner_gigabytes). "
        "The rest waits there, and is fetched from midnight UTC on."
    )


def count(partner: str, page: Page) -> None:
    """Put a page that was taken on a partner's account of the day."""
    add(
        partner,
        sum(
            len(part)
            for one in page.items
            for part in (one.payload, one.signature, one.salt, one.body)
            if part
        ),
    )


def add(partner: str, came: int) -> None:
    """Put bytes of a partner that are kept on its account of the day."""
    if not Link.objects.filter(pk=partner, day=_today()).update(day_bytes=F("day_bytes") + came):
        Link.objects.filter(pk=partner).update(day=_today(), day_bytes=came)


def _today() -> int:
    return now_us() // _DAY_US
