"""What partners at the open edge send, taken in as every bundle is: with the account of it, and at least TLP:AMBER."""

from collections.abc import Callable

from hanse.intel import service
from hanse.kernel.actors import Actor
from hanse.kernel.markings import Marking
from hanse.taxii.shelves import Received

_SHORT = 500
"""Characters of why something was left out, as the sender reads it."""


def take(data: bytes, name: str, actor: Actor, done: Callable[[int, int], None]) -> Received:
    """Take a STIX bundle in on behalf of the partner who sent it: it originates it, and nothing else of it is believed.

    Args:
        data: The bundle.
        name: What it is called.
        actor: The partner.
        done: Told how many objects are done, and of about how many.

    Raises:
        RefusedError: The partner may not.
        UsageError: It is no STIX.
    """
    account = service.bring_in(data, name, actor, marking=Marking.own(actor.authority), progress=done)
    failures = [
        (one["id"], one["version"], "Something else is on record under that id and version; it stays.")
        for one in account.clashes
    ]
    failures += [("", "", why[:_SHORT]) for why in account.left_out]
    taken = account.items - len(account.clashes)
    return Received(taken, failures, f"/intelligence/imports/{account.object_id}/")
