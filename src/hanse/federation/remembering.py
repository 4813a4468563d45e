"""After a backup was restored: who has what of this node, where the entry that said so is lost and the copy is not.

What was sent to a partner comes back from it. What this node wrote for itself when it sent it does not, unless a
witness had seen it; without that the copy would be in no book here, and neither a recall nor a stricter marking would
ever reach it.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from hanse.federation.contents import Shared
from hanse.federation.models import Given, Recalling, Received
from hanse.federation.sending import speaker
from hanse.federation.sharing import SHARED, Shareable, shareable, shared_id, sorts
from hanse.kernel import envelope
from hanse.kernel.markings import Marking
from hanse.ledger.models import Entry
from hanse.ledger.writing import append, writing

WHY = "Partners have it. What was withheld is not on record any more, so that all counts as withheld from now on."


class _Copy(NamedTuple):
    """A thing as a partner has it: under which id, and who."""

    shared: UUID
    recipient: str


def remember() -> int:
    """Put on record who has what, where a copy came back and no book names it; how many copies.

    What was withheld from them is not known: nothing that can be withheld is sent when they get it anew.
    """
    found = 0
    with writing():
        for sort in map(shareable, sorts()):
            found += _remember(sort)
    return found


def _remember(sort: Shareable) -> int:
    missing = _missing(sort)
    if not missing:
        return 0
    things = {shared_id(one): one for one in _things(sort)}
    by_thing: dict[UUID, list[_Copy]] = defaultdict(list)
    for copy in missing:
        if (
            copy.shared in things
        ):  # what was found since the backup is gone here, and cannot be marked or recalled
            by_thing[copy.shared].append(copy)
    for shared, copies in by_thing.items():
        names = tuple(sorted(one.recipient for one in copies))
        content = Shared(things[shared].hex, sort.sort, names, tuple(sorted(sort.parts)))
        marking = Marking.from_json(envelope.reread(missing[copies[0]]).marking)
        append(SHARED, content, actor=speaker(), reason=WHY, object_id=shared, marking=marking)
    return sum(map(len, by_thing.values()))


def _missing(sort: Shareable) -> dict[_Copy, bytes]:
    """The copies that partners have and no book names, each with the envelope of its newest version."""
    rows = Entry.objects.filter(kind=sort.kind, body__isnull=False).exclude(recipient="").order_by("sequence")
    sent = {
        _Copy(shared, recipient): (sequence, bytes(payload))
        for sequence, shared, recipient, payload in rows.values_list(
            "sequence", "object_id", "recipient", "payload"
        )
    }
    named = {_Copy(*one) for one in Given.objects.filter(recalled_us=None).values_list("shared", "recipient")}
    recalled = {
        _Copy(shared, recipient): sequence
        for sequence, shared, recipient in Recalling.objects.order_by("sequence").values_list(
            "sequence", "shared", "recipient"
        )
    }
    return {
        copy: payload
        for copy, (sequence, payload) in sent.items()
        if copy not in named and recalled.get(copy, -1) < sequence
    }


def _things(sort: Shareable) -> Iterator[UUID]:
    """All that can be shared under a sort: what is this node's own, and what partners sent."""
    after = -1
    while some := sort.changed(after):
        yield from (thing for _, thing in some)
        after = some[-1][0]
    rows = Received.objects.exclude(object_id=None).values_list("object_id", flat=True)
    yield from (one for one in rows.distinct() if one is not None)
