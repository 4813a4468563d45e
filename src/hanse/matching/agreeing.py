"""Agreements: what this authority lets be compared with a partner's selectors. Two people make one, one person ends it.

Each side has its own: a run compares the kinds that both offer, and what one does not offer is not compared.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from django.utils.translation import gettext_lazy as _

from hanse.accounts import approvals
from hanse.accounts.approvals import Approvable, Pending
from hanse.cases.selector import KINDS as SELECTOR_KINDS
from hanse.cases.words import CATEGORIES, line
from hanse.federation.partners import called, partner_of
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.units import count, minute
from hanse.ledger.kinds import Kind, kind_of
from hanse.ledger.models import Entry
from hanse.ledger.reading import content_of
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import append
from hanse.matching.contents import TEXT_LIMIT, Agreed
from hanse.matching.models import Agreement
from hanse.policy.asking import require

AGREED: Final = "matching.agreed"
AGREE: Final = "matching.agree"

OFFERED: Final = tuple(kind for kind in SELECTOR_KINDS if kind != "name")
"""Kinds that can be compared: never a name without a birth, which would match half a town."""
USUAL: Final = ("suspect", "convicted", "contact", "other")
"""Categories that are offered unless somebody says otherwise: no victims and no witnesses."""
PROTECTED: Final = frozenset({"victim", "witness"})
LONGEST_DAYS: Final = 731
"""Two years: who needs it for longer agrees anew."""
MOST_PER_DAY: Final = 1_000_000
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An agreement as somebody types it; attributes as of `contents.Agreed`."""

    partner: str
    kinds: Collection[str]
    categories: Collection[str] = USUAL
    legal_basis: str
    case_class: str
    per_day: int = 10_000
    sources: bool = False
    until_us: int


class NoAgreementError(UsageError):
    """There is no agreement with that partner."""

    status = 409
    title = _("Nothing is agreed with this partner")


def propose(terms: Terms, why: str, actor: Actor) -> UUID:
    """Propose what is offered to a partner from now on, instead of what was before; the proposal's id.

    Raises:
        RefusedError: The actor may not.
        UsageError: A text is missing, or nothing of that name is compared.
    """
    require(actor, AGREE)
    partner_of(terms.partner)
    if unknown := sorted(set(terms.kinds) - set(OFFERED)):
        raise UsageError(
            f"{unknown[0]!r} is no kind that can be compared. It is one of {', '.join(OFFERED)}."
        )
    if unknown := sorted(set(terms.categories) - set(CATEGORIES)):
        raise UsageError(f"{unknown[0]!r} is no category of people.")
    if not terms.kinds or not terms.categories:
        raise UsageError("Choose at least one kind and one category of people.")
    if not 1 <= terms.per_day <= MOST_PER_DAY:
        raise UsageError(f"Let 1 to {MOST_PER_DAY:,} selectors of a kind be compared in a day.")
    if not now_us() < terms.until_us <= now_us() + LONGEST_DAYS * _DAY_US:
        raise UsageError("Choose a day within the next two years until which it holds.")
    subject = {
        "partner": terms.partner,
        "kinds": sorted(set(terms.kinds)),
        "categories": sorted(set(terms.categories)),
        "legal_basis": _text(terms.legal_basis, "the law under which they are compared"),
        "case_class": _text(terms.case_class, "what kind of cases they are of"),
        "per_day": terms.per_day,
        "sources": terms.sources,
        "until_us": terms.until_us,
        "after": _last_word(),
    }
    return approvals.propose(AGREE, subject, why, actor)


def end(partner: str, why: str, actor: Actor) -> None:
    """Offer nothing to a partner any more; runs that go on end, hits stay.

    Raises:
        RefusedError: The actor may not.
        NoAgreementError: There is none.
        UsageError: No reason is given.
    """
    require(actor, AGREE)
    row = agreement_with(partner)
    if not why.strip():
        raise UsageError("Say why it ends.")
    append(AGREED, Agreed(partner=partner, ended=True), actor=actor, reason=why.strip(), object_id=row.pk)


def agreement_with(partner: str) -> Agreement:
    """The agreement that holds with a partner.

    Raises:
        NoAgreementError: There is none, or it is over.
    """
    row = Agreement.objects.filter(partner=partner, until_us__gt=now_us()).first()
    if row is None:
        raise NoAgreementError(
            f"Nothing is agreed with {partner[:80]} to be compared. Propose an agreement first: under "
            "Matches, Agree with a partner."
        )
    return row


def _text(text: str, what: str) -> str:
    told = line(text)
    if not told or len(told) > TEXT_LIMIT:
        raise UsageError(f"Say {what}, in up to {TEXT_LIMIT:,} characters.")
    return told


def _last_word() -> int:
    """Sequence of the last entry on any agreement; -1 before the first."""
    said = Entry.objects.filter(kind=AGREED).order_by("-sequence")
    return said.values_list("sequence", flat=True).first() or -1


def _is_said_anew(partner: str, after: int) -> bool:
    """Whether something was agreed with a partner, or ended, after an entry."""
    rows = Entry.objects.filter(kind=AGREED, sequence__gt=after, body__isnull=False).select_related("body")
    said = (content_of(row, row.body, kind_of(AGREED)) for row in rows)
    return any(isinstance(one, Agreed) and one.partner == partner for one in said)


def _make(pending: Pending, actor: Actor) -> str:
    """Both people agreed."""
    content = msgspec.convert({**pending.subject, "proposal": pending.id.hex}, Agreed)
    held = Agreement.objects.filter(partner=content.partner).first()
    append(AGREED, content, actor=actor, reason=pending.why, object_id=held.pk if held else uuid4())
    return ""


def _over(told: dict[str, Any]) -> str:
    """Whether something else was agreed since: what one person ended does not come back by an older proposal."""
    if _is_said_anew(told["partner"], told["after"]):
        return f"What is agreed with {told['partner']} was changed or ended since this was proposed."
    return ""


def _words(told: dict[str, Any]) -> str:
    kinds = ", ".join(SELECTOR_KINDS[one] for one in told["kinds"])
    people = ", ".join(CATEGORIES[one] for one in told["categories"])
    counted = " It may also be counted how many sources of attacks both have." if told.get("sources") else ""
    care = " This includes victims or witnesses." if PROTECTED & set(told["categories"]) else ""
    return (
        f"Let selectors of open cases ({kinds}) be compared with those of {called(told['partner'])}, of people who are: {people}, "
        f"up to {count(told['per_day'])} of a kind a day, until {minute(told['until_us'])}, under: {told['legal_basis']}.{counted}{care}"
    )


def _project(recorded: Recorded, content: Agreed) -> None:
    Agreement.objects.filter(pk=recorded.object_id).delete()
    if not content.ended:
        Agreement.objects.create(
            object_id=recorded.object_id, partner=content.partner, kinds=list(content.kinds),
            categories=list(content.categories), legal_basis=content.legal_basis, case_class=content.case_class,
            per_day=content.per_day, sources=content.sources, until_us=content.until_us, sequence=recorded.sequence,
        )  # fmt: skip


def _forget(object_id: UUID) -> None:
    drop(Agreement.objects, object_id)


APPROVAL = Approvable(AGREE, AGREE, _words, _make, about=lambda told: [told["partner"]], over=_over)
KINDS = (Kind(AGREED, Agreed, _project, _forget),)
