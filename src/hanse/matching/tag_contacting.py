"""Contact after *who else?*: only then the side that was asked learns of the hit, and of this one alone.

What comes with the contact shows that its sender had the selector hashed with the key of the month: a tag that it
merely read in the published set is refused, or it could be told why we look into something it does not have.
"""

from dataclasses import dataclass

from hanse.federation.handlers import Arrived
from hanse.intel.values import Value
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.identity import authority
from hanse.matching import hits, publishing
from hanse.matching.asking import reference
from hanse.matching.contents import Contact
from hanse.matching.epochs import months
from hanse.matching.offering import Offered
from hanse.matching.tags import PROOF


def check(here: Arrived, content: Contact) -> None:
    """Refuse a contact whose tag is none of this node's, or not proven to have been asked for.

    Raises:
        UsageError: It is.
    """
    if not hits.named(here.partner, content.references) and _found(here.partner, content) is None:
        raise UsageError(
            f"{here.partner} makes contact by a tag that it was not answered for, or of a month that is over, or of "
            "what is not offered any more."
        )


def found_by_asker(here: Arrived, content: Contact) -> None:
    """Put the hit on record on this side, with what names it to both; once, whatever is offered after that."""
    if content.tag and not hits.named(here.partner, content.references):
        found = _found(here.partner, content)
        if found is not None:
            hits.record(here.partner, "who-else", None, found.own, {found.value: found.named})


@dataclass(frozen=True, slots=True)
class _Found:
    """What a contact is about: a value, the selectors that have it, and what names the hit."""

    value: Value
    own: list[Offered]
    named: str


def _found(partner: str, content: Contact) -> _Found | None:
    """What a contact is about; None where that is nothing."""
    try:
        proof = bytes.fromhex(content.tag)
    except ValueError:
        return None
    if len(proof) != PROOF:
        return None
    for epoch in months(now_us()):
        named = reference(authority(), partner, epoch, proof)
        if named in content.references and (having := publishing.having(partner, epoch, proof)):
            return _Found(*having, named)
    return None
