"""Keys of *who else?*: one for each partner and month, since each partner is offered something of its own.

The seed is in a sealed entry that purges itself when the month is over; the partner gets the public half as an entry
of its own, so that a key that were exchanged behind its back would show on both ledgers.
"""

import secrets
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid4

from hanse.federation.handlers import Arrived, Handler
from hanse.federation.sending import send
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import Draft, append
from hanse.matching import group, voprf
from hanse.matching.epochs import over_us
from hanse.matching.hello import speaks
from hanse.matching.offering import matcher
from hanse.matching.tag_contents import TagKeyMade, TagKeyTold
from hanse.matching.tag_models import TagKey, TheirTagKey
from hanse.matching.voprf import KeyPair

MADE: Final = "matching.tag_key_made"
TOLD: Final = "matching.tag_key_told"
PROTOCOL: Final = "who-else"


def key_of(partner: str, epoch: str) -> KeyPair | None:
    """The key under which a partner's questions of a month are answered; None where there is none, or it is destroyed."""
    row = TagKey.objects.filter(partner=partner, epoch=epoch).first()
    if row is None or over_us(epoch) < now_us():
        return None
    return voprf.derive_key_pair(bytes.fromhex(row.seed), f"{PROTOCOL}/{partner}/{epoch}".encode())


def make(partner: str, epoch: str) -> KeyPair:
    """Make a partner's key of a month, and tell it the public half; the caller is in `writing`, and there is none yet."""
    seed, key = secrets.token_bytes(32), uuid4()
    own = replace(Marking.own(authority()), retention_us=over_us(epoch))
    content = TagKeyMade(partner=partner, epoch=epoch, seed=seed.hex())
    append(MADE, content, actor=matcher(), object_id=key, marking=own)
    made = voprf.derive_key_pair(seed, f"{PROTOCOL}/{partner}/{epoch}".encode())
    told = TagKeyTold(epoch=epoch, public=made.public.hex(), speaks=speaks(PROTOCOL, epoch))
    send([Draft(TOLD, told, key, own, recipient=partner)])
    return made


def _project(recorded: Recorded, content: TagKeyMade) -> None:
    values = {"object_id": recorded.object_id, "seed": content.seed, "sequence": recorded.sequence}
    TagKey.objects.update_or_create(partner=content.partner, epoch=content.epoch, defaults=values)


def _nothing(_: Recorded, __: TagKeyTold) -> None:
    """What the partner is told is in the entry that makes the key."""


def _forget(object_id: UUID) -> None:
    drop(TagKey.objects, object_id)


def _check(here: Arrived, content: TagKeyTold) -> None:
    """Refuse a key that is none."""
    if here.via:
        raise UsageError(f"{here.via} passes on what two authorities alone say to each other.")
    try:
        over, public = over_us(content.epoch), bytes.fromhex(content.public)
    except ValueError:
        raise UsageError(f"{here.partner} tells a key that is none, or of no month.") from None
    if len(content.epoch) != len("2026-11") or over < now_us():
        raise UsageError(f"{here.partner} tells a key of no month, or of one that is over.")
    if len(content.speaks) != 64:
        raise UsageError(f"{here.partner} does not say what it speaks.")
    group.check_points(public, f"The key of {here.partner}", number=1)


def _told(here: Arrived, content: TagKeyTold) -> None:
    """The newest key of a month is the one that answers have to prove: a partner that lost its key makes another."""
    TheirTagKey.objects.filter(partner=here.partner, epoch=content.epoch).delete()
    TheirTagKey.objects.create(
        object_id=here.object_id, partner=here.partner, epoch=content.epoch, public=content.public,
        speaks=content.speaks, sequence=here.sequence,
    )  # fmt: skip


def _forget_theirs(object_id: UUID) -> None:
    drop(TheirTagKey.objects, object_id)


KINDS = (
    Kind(MADE, TagKeyMade, _project, _forget, sealed=True, overseen=True),
    Kind(TOLD, TagKeyTold, _nothing),
)
HANDLERS = (Handler(TOLD, TagKeyTold, _told, _forget_theirs, check=_check),)
