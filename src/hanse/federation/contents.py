"""What the entries of this room hold."""

from typing import Final

import msgspec

from hanse.kernel.clock import Moment


class PartnerAdded(msgspec.Struct, frozen=True, kw_only=True):
    """An authority is a partner from now on; the object is the partner.

    Attributes:
        authority: Its id.
        name: Its name.
        country: ISO 3166 alpha-2; empty for an organisation of several states.
        tier: Its tier.
        endpoint: Where its node is reached.
        address: The non-public address that its host may have, which two people approved; empty for none.
        verify: Raw Ed25519 public key, hexadecimal.
        seal: Raw X25519 public key, hexadecimal.
        told: Id of the own key that the partner was told.
        proposal: Id of what two people decided, hexadecimal.
    """

    authority: str
    name: str
    country: str
    tier: str
    endpoint: str
    address: str
    verify: str
    seal: str
    told: str
    proposal: str


class PartnerMoved(msgspec.Struct, frozen=True):
    """A partner is reached at another address; the object is the partner."""

    endpoint: str
    address: str
    proposal: str


class PartnerStands(msgspec.Struct, frozen=True):
    """A partner is suspended, is one again, or is expelled, as `state` says; the object is the partner."""

    state: str
    proposal: str = ""


class Received(msgspec.Struct, frozen=True):
    """An entry that a partner sent, as it came; the object is the partner's object, under an id of this node.

    Attributes:
        partner: Who sent it; proven by the signature.
        place: Its place among those that the partner addressed to this authority.
        payload: The envelope's exact bytes.
        signature: Their signature.
        salt: Of the commitment; None where the body was purged at its origin.
        body: The body's exact bytes; None as above.
    """

    partner: str
    place: int
    payload: bytes
    signature: bytes
    salt: bytes | None
    body: bytes | None


KNOWN: Final = "known"
"""Of an entry that was taken before its sender was expelled and became a partner anew."""


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """What became of one entry that a partner sent.

    Attributes:
        leaf: Its leaf hash, hexadecimal.
        kind: What it is, or said to be; may be empty.
        object_id: The own id of its object, hexadecimal; empty where it was refused.
        state: ``applied``, ``kept`` (of a kind that this version does not know), ``gone`` (purged at its origin, or
            lost there), ``refused``, or ``known`` (taken before the partner was expelled and became one anew).
        why: Why it was refused, or is gone where its origin lost it.
    """

    leaf: str
    kind: str
    object_id: str
    state: str
    why: str = ""


class Took(msgspec.Struct, frozen=True):
    """Entries of a partner that came together; nothing of them is in it that a purge would have to remove.

    Attributes:
        partner: Who sent them.
        first: The place of the first among those that the partner addressed to this authority.
        taken: What became of each.
    """

    partner: str
    first: int
    taken: tuple[Taken, ...]


class Conflict(msgspec.Struct, frozen=True):
    """A partner contradicts what it signed before; the object is the partner.

    Attributes:
        words: What was found.
        before: The note that was believed; may be empty.
        now: The note that contradicts it; may be empty.
        found_by: Who found it: this authority, or the partner that said so.
    """

    words: str
    before: str
    now: str
    found_by: str
    time_us: Moment


class Shared(msgspec.Struct, frozen=True):
    """A thing was given to partners; the object is what is shared, under an id that tells nothing of the thing.

    Attributes:
        thing: Object id of the thing, hexadecimal.
        sort: What it is, such as ``attack``.
        recipients: Ids of the partners that got it this time.
        withheld: The parts that they did not get.
        marked: The marking that their copies have beside the thing's own, as canonical JSON; empty for none.
    """

    thing: str
    sort: str
    recipients: tuple[str, ...]
    withheld: tuple[str, ...] = ()
    marked: str = ""


class Recall(msgspec.Struct, frozen=True):
    """What was shared is to be purged.

    Attributes:
        object_id: What was shared, hexadecimal, as the entry that brought it names it.
        reason: Why, for people.
    """

    object_id: str
    reason: str


class RecallAnswered(msgspec.Struct, frozen=True):
    """What became of a recall.

    Attributes:
        object_id: What was recalled, hexadecimal, as the recall named it.
        done: ``purged``, ``unknown`` where it never came, or ``asked`` where another authority has yet to answer.
        at: The authority to which it was passed on, and whose answer this is; empty for the one that writes this.
    """

    object_id: str
    done: str
    at: str = ""


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Things of a sort are shared by themselves, as they are found and whenever more is known; the object is the rule.

    Attributes:
        sort: What is shared.
        authorities: Ids of partners that get it.
        tiers: Tiers of partners that get it.
        states: Countries whose partners get it.
        groups: Ids of groups whose members get it, hexadecimal.
        withheld: The parts that nobody gets.
        tlp: The strictest level of TLP that is shared so; empty for any that the marking lets leave.
        ended: Whether the rule holds no longer.
        proposal: Id of what two people decided, hexadecimal; empty where one ended it.
    """

    sort: str
    authorities: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    tlp: str = ""
    ended: bool = False
    proposal: str = ""


class GroupSet(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in a group of partners to share with; the object is the group.

    Attributes:
        name: Its name.
        members: Ids of partners; none where it is dissolved.
        proposal: Id of what two people decided, hexadecimal; empty where one was enough.
    """

    name: str
    members: tuple[str, ...] = ()
    proposal: str = ""


class WitnessAsked(msgspec.Struct, frozen=True):
    """Whether a partner is asked to witness the ledger of who writes this.

    Attributes:
        asked: Whether it is.
        fellows: Ids of those who consented, the partner itself among them: they compare what they were shown.
    """

    asked: bool
    fellows: tuple[str, ...] = ()


class WitnessAnswered(msgspec.Struct, frozen=True):
    """Whether an authority consents to witness the ledger of whom this is addressed to."""

    consents: bool


class ReleaseAsked(msgspec.Struct, frozen=True, kw_only=True):
    """An originator is asked to let something of its own be passed on; the object is the request.

    Attributes:
        object_id: What, hexadecimal, as the originator named it.
        version: Which version of it.
        to: Id of the authority that is to have it.
        to_name: Its name.
        to_country: Its country; empty for an organisation of several states.
        to_tier: Its tier.
        purpose: What for, in words that two people there read.
    """

    object_id: str
    version: int
    to: str
    to_name: str
    to_country: str
    to_tier: str
    purpose: str


class ReleaseDecided(msgspec.Struct, frozen=True, kw_only=True):
    """What two people of the originator decided; with the original it goes on to whom it names, and proves itself there.

    Attributes:
        request: The request, hexadecimal, as the asker named it.
        object_id: What, hexadecimal.
        digest: SHA-256 of the envelope that the asker has, hexadecimal: this version and no other.
        to: Id of the authority that may have it.
        granted: Whether it may.
        reason: Why, or why not.
    """

    request: str
    object_id: str
    digest: str
    to: str
    granted: bool
    reason: str


class Carried(msgspec.Struct, frozen=True, array_like=True):
    """An entry as its author signed it."""

    payload: bytes
    signature: bytes
    salt: bytes
    body: bytes


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Who originated something, as the one that passes it on says."""

    authority: str
    name: str
    country: str
    tier: str
    verify: str


class Forwarded(msgspec.Struct, frozen=True, kw_only=True):
    """Something that another authority originated, whole, as it signed it.

    Attributes:
        originator: Who that is.
        original: Its entry, addressed to the one that passes it on.
        release: Its entry that lets the reader have it; None where the marking lets everybody pass it on.
    """

    originator: Card
    original: Carried
    release: Carried | None = None


class Opened(msgspec.Struct, frozen=True):
    """Somebody opened what the reader of this shared, for the first time.

    Attributes:
        object_id: What, hexadecimal, as its originator named it.
    """

    object_id: str


class Acted(msgspec.Struct, frozen=True):
    """What the one who writes this did with what the reader shared.

    Attributes:
        object_id: What, hexadecimal, as its originator named it.
        what: One of `acting.DONE`.
        text: More words; may be empty.
    """

    object_id: str
    what: str
    text: str = ""


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """One entry that was refused.

    Attributes:
        object_id: Its object, hexadecimal, as its author named it.
        kind: Its kind.
        written_us: When its author says to have written it, microseconds UTC.
        why: Why it was refused.
    """

    object_id: str
    kind: str
    written_us: Moment
    why: str


class Refusals(msgspec.Struct, frozen=True):
    """Entries of the reader that were refused."""

    refused: tuple[Refusal, ...]
