"""What entries of the open edge hold. Ids are UUIDs in hexadecimal, times microseconds UTC."""

import msgspec

from hanse.kernel.clock import Moment


class PartnerMade(msgspec.Struct, frozen=True):
    """An authority may come by TAXII; the object is the partner. Two people agreed on it.

    Attributes:
        authority: Id of the authority.
        name: What it is called.
        country: ISO 3166, two capital letters; empty where it has none.
        tier: Its tier.
        digest: SHA-256 of its secret, hexadecimal.
        proposal: What a second person approved.
    """

    authority: str
    name: str
    country: str
    tier: str
    digest: str
    proposal: str


class PartnerRevoked(msgspec.Struct, frozen=True):
    """It may come no more; the object is the partner."""


class Got(msgspec.Struct, frozen=True):
    """What came of one sending; the object is the sending.

    Attributes:
        partner: Who sent it.
        asked_us: When it was sent.
        total: Objects that were sent.
        taken: Of those, how many are on record.
        failures: Id, version and why of those that are not, as far as they are named.
        account: Address of the page that tells it.
    """

    partner: str
    asked_us: Moment
    total: int
    taken: int
    failures: list[tuple[str, str, str]]
    account: str = ""


class NotTold(msgspec.Struct, frozen=True):
    """A thing cannot be told as STIX and is left out of what partners get; the object is the thing.

    Attributes:
        why: What is wrong with it.
        moved: At which place in the list it was noticed.
    """

    why: str
    moved: int
