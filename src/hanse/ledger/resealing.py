"""What an object said before it got a handling code is sealed at rest like what it says with it.

The entries stay as they were signed: they commit to the text, and how the text rests is no part of that.
"""

from collections.abc import Collection
from uuid import UUID

from hanse.kernel import sealing
from hanse.ledger import keyring
from hanse.ledger.among import among
from hanse.ledger.models import Body, Scrubbed


def seal_earlier(objects: Collection[UUID], sequence: int) -> int:
    """Seal what earlier entries of some objects say, where it rests in the clear; how many bodies that were.

    It belongs into the transaction of the entry that asks for it. The files are cleaned of the old text by the next
    `erasing.scrub`.

    Args:
        objects: Objects that carry a handling code from now on.
        sequence: The entry that says so.
    """
    clear = Body.objects.filter(
        entry__object_id__in=among(objects), entry__sequence__lt=sequence, sealed=False
    )
    count = 0
    for body in clear.select_related("entry").iterator(chunk_size=500):
        data = sealing.seal_rest(keyring.current(), bytes(body.entry.payload), bytes(body.data))
        Body.objects.filter(pk=body.pk).update(data=data, sealed=True)
        count += 1
    if count:
        Scrubbed.objects.update_or_create(pk=1, defaults={"sealed": sequence})
    return count
