"""How much of one partner is taken in a day: what is more is told to come tomorrow, so that none fills this node's disk."""

from typing import Final

from django.conf import settings
from django.db.models import F

from hanse.kernel.clock import now_us
from hanse.ledger.writing import writing
from hanse.taxii.asker import Asker, TaxiiError
from hanse.taxii.models import Day

_DAY_US: Final = 86_400_000_000
_GB: Final = 1_000_000_000


def count(asker: Asker, size: int) -> None:
    """Put a sending on its partner's account of the day; of those that come at once, each sees the one before.

    Args:
        asker: Who sends.
        size: Bytes that are kept.

    Raises:
        TaxiiError: With it, the partner would have sent more than is taken in a day.
    """
    limit, today = settings.HANSE_NODE.partner_gigabytes, now_us() // _DAY_US
    with writing():
        mine = Day.objects.filter(partner=asker.partner.pk)
        mine.exclude(day=today).delete()
        row = mine.first()
        if (row.bytes if row else 0) + size > limit * _GB:
            raise TaxiiError(
                429,
                f"You sent {limit} GB today, which is what this node takes of one partner. Go on after midnight UTC.",
            )
        if row is None:
            Day.objects.create(partner=asker.partner.pk, day=today, bytes=size)
        else:
            mine.update(bytes=F("bytes") + size)
