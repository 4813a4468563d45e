"""Use cases of purging by hand: what would go is shown, one person proposes it, another one lets it go for good."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.urls import reverse

from hanse.accounts.approvals import Approvable, Pending, propose, waiting_about
from hanse.accounts.models import Proposal
from hanse.attacks.models import Attack
from hanse.attacks.standing import absorbed_in
from hanse.campaigns import service as campaigns
from hanse.cases.choosing import parts_of
from hanse.cases.models import Case
from hanse.console.visible_entries import subject_of
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.models import Entry, Purged
from hanse.ledger.service import purge, worked_out_for_purge
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import NotVisibleError

STAYS = ("ledger.", "accounts.", "console.")
"""Kinds that cannot be purged by hand: the ledger's own, and who did, approved and looked at what."""


class StaysError(UsageError):
    """It is a record of who did what, or what the ledger itself rests on."""

    status = 409


@dataclass(frozen=True, slots=True)
class Going:
    """One object that would be purged.

    Attributes:
        object_id: The object.
        kinds: The kinds of its entries, in order.
        versions: Its entries.
        bodies: Those of them that still have a body.
        first: Sequence of its first entry.
        derived: Whether it goes because it is part of the one that is meant, or was derived of it.
    """

    object_id: UUID
    kinds: tuple[str, ...]
    versions: int
    bodies: int
    first: int
    derived: bool


def would_go(object_id: UUID, actor: Actor) -> list[Going]:
    """What purging an object would take away: itself first, then what was derived of it.

    Raises:
        NotVisibleError: There is no such object, or the actor may not purge it.
        StaysError: It is a record of who did what.
    """
    last = _last(object_id)
    if last is None or not may(actor, "ledger.purge", subject_of(last), now_us=now_us()):
        raise NotVisibleError("There is no such object, or it is not for you to see.")
    return [going for one in _with_derived(object_id) if (going := _going(one, derived=one != object_id))]


def propose_purge(object_id: UUID, why: str, actor: Actor) -> UUID:
    """Propose to purge an object and what was derived of it; the proposal, which another person decides on.

    Raises:
        NotVisibleError: There is no such object, or the actor may not purge it.
        RefusedError: The actor may not purge, or did not prove a passkey.
        StaysError: It is a record of who did what.
        UsageError: No reason is given, or nothing of it is left.
        ProposedAlreadyError: It is proposed already.
    """
    going = would_go(object_id, actor)
    if not any(one.bodies for one in going):
        raise UsageError("Nothing of it is left: it was purged before.")
    subject = {
        "object": object_id.hex,
        "kind": going[0].kinds[0],
        "entries": sum(one.bodies for one in going),
        "derived": len(going) - 1,
        "with": _digest(_with_derived(object_id)),
    }
    return propose(APPROVABLE.action, subject, why, actor)


def purged_by(object_id: UUID) -> int | None:
    """Sequence of the entry that purged an object last; None where none did."""
    gone = Entry.objects.filter(object_id=object_id).values("sequence")
    rows = Purged.objects.filter(sequence__in=gone).order_by("-by")
    return rows.values_list("by", flat=True).first()


def waiting_on(object_id: UUID) -> list[Proposal]:
    """Open proposals to purge an object, newest first."""
    return waiting_about(APPROVABLE.action, "object", object_id)


def _with_derived(object_id: UUID) -> list[UUID]:
    """An object, and what goes with it: the parts of a case; of an attack what was found to be part of it, and the campaigns."""
    if Case.projected.filter(pk=object_id).exists():
        return [object_id, *parts_of(object_id)]
    if not Attack.projected.filter(pk=object_id).exists():
        return [object_id]
    going = [object_id, *absorbed_in(object_id)]
    return [*going, *sorted(campaigns.naming(going))]


def _digest(objects: list[UUID]) -> str:
    """Of which objects one speaks, in a few letters: a case may have thousands of parts."""
    return sha256(b"".join(sorted(one.bytes for one in objects))).hexdigest()


def _last(object_id: UUID) -> Entry | None:
    return Entry.objects.filter(object_id=object_id).order_by("recipient", "-version").first()


def _kept(kinds: Iterable[str]) -> str:
    """The first of some kinds that stays; empty where none does."""
    return next((kind for kind in kinds if kind.startswith(STAYS)), "")


def _going(object_id: UUID, *, derived: bool) -> Going | None:
    rows = Entry.objects.filter(object_id=object_id).order_by("sequence")
    kinds = list(rows.values_list("kind", flat=True))
    if not kinds:
        return None
    if kept := _kept(kinds):
        raise StaysError(f"{kept} is a record of who did what, or of the ledger itself. It stays.")
    held = rows.filter(body__isnull=False).count()
    return Going(object_id, tuple(dict.fromkeys(kinds)), len(kinds), held, rows[0].sequence, derived=derived)


def _words(subject: dict[str, Any]) -> str:
    what = f"Purge the object {subject['object'][:12]} ({subject['kind']}) for good"
    derived = (
        f", among them those of {subject['derived']} that are part of it or derived from it"
        if subject["derived"]
        else ""
    )
    return f"{what}: the content of {subject['entries']} entries{derived}."


def _execute(proposal: Pending, approver: Actor) -> str:
    """Purge it and what is derived of it, which is what two people saw.

    Raises:
        StaysError: It is a record of who did what.
    """
    wanted = _with_derived(UUID(proposal.subject["object"]))
    for one in wanted:
        _going(one, derived=False)
    purge(wanted, approver, proposal.why)
    return ""


def _over(subject: dict[str, Any]) -> str:
    """Whether nothing of it is left, or something was added to what goes, or taken away, since it was proposed."""
    chosen = UUID(subject["object"])
    if _kept(Entry.objects.filter(object_id=chosen).values_list("kind", flat=True)):
        return ""  # `_execute` says that it stays
    wanted = _with_derived(chosen)
    if not Entry.objects.filter(object_id__in=wanted, body__isnull=False).exists():
        return "Nothing of it is left: it was purged before."
    if _digest(wanted) != subject["with"]:
        return "Other things would go with it than when this was proposed."
    return ""


def _where(subject: dict[str, Any]) -> str:
    """Its entries; afterwards the entry that says what was purged and why."""
    object_id = UUID(subject["object"])
    by = purged_by(object_id)
    return (
        reverse("console:ledger") + f"?object={object_id}"
        if by is None
        else reverse("console:entry", args=[by])
    )


def _asks(subject: dict[str, Any]) -> list[Subject]:
    """The object, as policy sees its entries."""
    last = _last(UUID(subject["object"]))
    return [] if last is None else [subject_of(last)]


def _ahead(subject: dict[str, Any]) -> AbstractContextManager[None]:
    return worked_out_for_purge(_with_derived(UUID(subject["object"])))


APPROVABLE = Approvable(
    "ledger.purge", "ledger.purge", _words, _execute, _where,
    about=lambda subject: [subject["object"]], over=_over, asks=_asks,
    ahead=_ahead,
)  # fmt: skip
"""What two people agree on."""
