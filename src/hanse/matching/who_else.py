"""Who else? Asking partners whether they have selectors of a case; only who works on the case learns what came of it.

The question waits here until each partner has answered it, or a day is over; `asking` puts it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from django.db.models import Q

from hanse.cases.choosing import case_for, visible
from hanse.cases.models import Selector
from hanse.cases.projecting import happened
from hanse.federation.partners import partner_of
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.ledger.among import among
from hanse.ledger.fields import sealed
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop
from hanse.ledger.writing import append, writing
from hanse.matching.agreeing import agreement_with
from hanse.matching.epochs import month
from hanse.matching.hits import VIEW, visible_hits
from hanse.matching.models import Agreement, Hit
from hanse.matching.offering import RUN, Offered, offered, values_of
from hanse.matching.secret import RunSecret
from hanse.matching.tag_contents import QuestionAnswered, QuestionAsked
from hanse.matching.tag_models import Asking, Question, Reply
from hanse.matching.tags import ASKED
from hanse.policy.asking import require
from hanse.policy.guarded import NotVisibleError
from hanse.policy.models import give_to_nobody

if TYPE_CHECKING:
    from django.db.models import QuerySet

QUESTION: Final = "matching.question_asked"
ANSWERED: Final = "matching.question_answered"
OVERSEE: Final = "matching.oversee"
WAITING: Final = "waiting"


@dataclass(frozen=True, slots=True)
class Askable:
    """What one partner can be asked about a case.

    Attributes:
        partner: Who.
        selectors: Which of the case's selectors.
        values: How many of `ASKED` they take: a person takes one for each way in which the name may be spelled.
    """

    partner: str
    selectors: frozenset[UUID]
    values: int


def askable(case_id: UUID, selectors: Collection[UUID], actor: Actor) -> list[Askable]:
    """What each partner with whom something is agreed can be asked, of some selectors of a case; all of them by default.

    Raises:
        NotVisibleError: There is no such case for the actor.
    """
    case_for(actor, VIEW, case_id)
    chosen = set(selectors) or set(Selector.objects.filter(case=case_id).values_list("pk", flat=True))
    found = []
    for agreement in Agreement.objects.filter(until_us__gt=now_us()).order_by("partner"):
        own = chosen_of(agreement, case_id, chosen, _person(actor))
        found.append(Askable(agreement.partner, frozenset(one.selector for one in own), len(values_of(own))))
    return found


def ask(
    case_id: UUID, selectors: Collection[UUID], partners: Collection[str], why: str, actor: Actor
) -> UUID:
    """Ask partners whether they have selectors of a case; the question's id. It is put within seconds.

    Each is asked about those that the agreement with it offers. None learns which, how many, or whether it has one.

    Args:
        case_id: An open case.
        selectors: Which of its selectors.
        partners: Who is asked.
        why: The reason, which stays in the case.
        actor: Who asks.

    Raises:
        RefusedError: The actor may not have selectors compared.
        NotVisibleError: There is no such case for the actor.
        NoAgreementError: Nothing is agreed with a partner.
        UsageError: Nobody or nothing is chosen, a selector is not of the case, a partner can be asked about none of them,
            there are too many, or no reason is given.
    """
    require(actor, RUN)
    case = case_for(actor, VIEW, case_id)
    chosen, asked = set(selectors), sorted(set(partners))
    if not chosen or not asked:
        raise UsageError("Choose at least one selector and one partner.")
    if not why.strip():
        raise UsageError("Say why, for whoever works on the case after you.")
    if Selector.objects.filter(case=case.pk, pk__in=among(chosen)).count() != len(chosen):
        raise UsageError("There is no such selector in this case.")
    me = _person(actor)
    with writing():
        officer = ""
        for partner in asked:
            own = chosen_of(agreement_with(partner_of(partner).authority), case.pk, chosen, me)
            _check(partner, own)
            if any(one.officer is not None for one in own):
                officer = me.hex if me else ""
        content = QuestionAsked(
            case=case.pk.hex, team=case.team, partners=tuple(asked), selectors=tuple(sorted(one.hex for one in chosen)),
            epoch=month(now_us()), secret=RunSecret.fresh().sealed().hex(), officer=officer,
        )  # fmt: skip
        question = uuid4()
        marking = case.marking.marking
        append(QUESTION, content, actor=actor, reason=why.strip(), object_id=question, marking=marking)
    return question


def _check(partner: str, own: list[Offered]) -> None:
    if not own:
        raise UsageError(
            f"{partner} cannot be asked about any of these: the agreement with it does not offer them, the case is closed "
            "or kept out, or one officer answers for them."
        )
    if (number := len(values_of(own))) > ASKED:
        raise UsageError(
            f"These are {number} of at most {ASKED} at once; a person counts once for each way in which the name may be "
            "spelled. Choose fewer."
        )


def chosen_of(
    agreement: Agreement, case: UUID, selectors: Collection[UUID], officer: UUID | None
) -> list[Offered]:
    """Those of some selectors of a case about which a partner can be asked; no selector of another case is opened.

    Args:
        agreement: With the partner.
        case: The case.
        selectors: Of it.
        officer: Who asks: what one officer answers for, that officer alone asks about.
    """
    chosen = set(selectors)
    return [
        one for one in offered(agreement, case) if one.selector in chosen and one.officer in {None, officer}
    ]


def _person(actor: Actor) -> UUID | None:
    return UUID(actor.id) if actor.kind == "person" else None


def visible_questions(actor: Actor) -> "QuerySet[Question]":
    """The questions that an actor may see: of the actor's cases, and those that one officer asked alone if it is the actor."""
    mine = Q(officer=None) | Q(officer=_person(actor))
    return Question.objects.filter(mine, case__in=visible(actor, VIEW).values("pk"))


def question_for(actor: Actor, question: UUID) -> Question:
    """One question.

    Raises:
        NotVisibleError: There is none, or it is not for the actor to see.
    """
    row = visible_questions(actor).filter(pk=question).first()
    if row is None:
        raise NotVisibleError("There is no such question, or it is not for you to see.")
    return row


def replies(question: Question) -> list[Reply]:
    """How a question stands with each partner, by partner; the caller has loaded the question on somebody's behalf."""
    return list(Reply.objects.filter(question=question.pk).order_by("partner"))


def hits_of(question: Question, actor: Actor) -> "QuerySet[Hit]":
    """What is on record of the partners that were asked and the selectors that were asked for, as far as an actor may see it.

    Raises:
        NotVisibleError: The question is not for the actor to see.
    """
    row = question_for(actor, question.pk)
    selectors = [UUID(one) for one in row.selectors]
    partners = [one.partner for one in replies(row)]
    return visible_hits(actor).filter(way="who-else", partner__in=partners, selector__in=selectors)


def askings(actor: Actor, partner: str = "") -> "QuerySet[Asking]":
    """That partners asked, when, and which were refused and why; the newest first.

    Raises:
        RefusedError: The actor may not oversee what is compared.
    """
    require(actor, OVERSEE)
    rows = Asking.objects.order_by("-at_us", "pk")
    return rows.filter(partner=partner) if partner else rows


def with_questions(purged: Sequence[UUID], _reason: str) -> set[UUID]:
    """What is purged with cases: the questions about them."""
    return set(Question.objects.filter(case__in=among(purged)).values_list("pk", flat=True))


def _project(recorded: Recorded, content: QuestionAsked) -> None:
    case = UUID(content.case)
    Question.objects.create(
        object_id=recorded.object_id, case=case, epoch=content.epoch, secret=content.secret,
        selectors=list(content.selectors), officer=UUID(content.officer) if content.officer else None,
        why=recorded.reason, asked_us=recorded.time_us, actor_name=recorded.actor_name, sequence=recorded.sequence,
    )  # fmt: skip
    Reply.objects.bulk_create(
        Reply(id=_reply(recorded.object_id, one), question=recorded.object_id, partner=one, state=WAITING)
        for one in content.partners
    )
    if content.officer:
        give_to_nobody(recorded.object_id, recorded.sequence)
    else:
        happened(recorded, case, content.team)


def _answered(recorded: Recorded, content: QuestionAnswered) -> None:
    one = _reply(recorded.object_id, content.partner)
    Reply.objects.filter(pk=one).update(
        state=content.state,
        hits=content.hits,
        told_us=recorded.time_us,
        **sealed(Reply, one, why=content.why),
    )


def _reply(question: UUID, partner: str) -> str:
    return f"{question.hex} {partner}"


def _forget(object_id: UUID) -> None:
    drop(Question.objects, object_id)
    drop(Reply.objects, object_id, "question")


KINDS = (
    Kind(QUESTION, QuestionAsked, _project, _forget, sealed=True),
    Kind(ANSWERED, QuestionAnswered, _answered, sealed=True),
)
