"""What was written here as others get it: without the ids that follow from what it names, whichever way it leaves.

A cited attack or campaign goes by an id that tells nothing of it: from its own id, a victim could be found by trying.
Partners of the league and those at the open edge are told the same id, so that they can join what they have.
"""

from typing import Any
from uuid import UUID

from hanse.federation.sharing import shared_id
from hanse.intel import withholding
from hanse.intel.stix_extension import made_id
from hanse.ledger.identity import authority


def for_others(raw: dict[str, Any]) -> dict[str, Any]:
    """An object that was written here, as others get it.

    Args:
        raw: The STIX object.
    """
    return withholding.cited_as(raw, [_cited(one) for one in withholding.citing(raw)])


def _cited(cite: dict[str, Any]) -> dict[str, Any]:
    """What something rests on, named by the id under which it is shared; an item keeps the id that it has in STIX."""
    shared_as = shared_id(UUID(cite["object"])).hex
    name = cite["id"]
    if cite["sort"] != "item":
        name = made_id(name.partition("--")[0], authority(), shared_as)
    return {"sort": cite["sort"], "object": shared_as, "id": name}
