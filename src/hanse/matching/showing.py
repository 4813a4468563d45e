"""What pages, API and shell show of matching: hits of the reader's cases, runs with how far they are, agreements with what is left."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from hanse.accounts.models import Proposal
from hanse.cases.choosing import visible
from hanse.cases.models import Case, Selector
from hanse.cases.selector import KINDS
from hanse.cases.words import CATEGORIES
from hanse.federation.models import Partner
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.matching import (
    agreeing,
    commitment,
    contacting,
    count_answering,
    hits,
    offering,
    parts,
    psi,
    quota,
    standing_on,
    who_else,
)
from hanse.matching.contacting import Standing
from hanse.matching.group import POINT
from hanse.matching.models import Agreement, Hit, Run, Withheld
from hanse.matching.names import STRONG
from hanse.matching.run_projecting import COMPARING, GOING
from hanse.matching.source_contents import STATES as SOURCE_STATES
from hanse.matching.source_models import SourceCount
from hanse.matching.standing_days import chain_of, say_the_same
from hanse.matching.standing_models import Mask, StandingDay
from hanse.matching.standing_on import Stands
from hanse.matching.tag_contents import SOURCES
from hanse.matching.tag_models import Question, Reply
from hanse.policy.roles import grant

RUNS_SHOWN = 50
"""Runs on the page, the last first."""

STATES = {
    "wanted": "begins",
    "asked": "begins",
    "proposed": "waits for the partner",
    "comparing": "goes on",
    "finished": "finished",
    "declined": "declined",
    "failed": "ended early",
    "broken": "broken off by the partner",
}
"""How a run stands, in words."""


@dataclass(frozen=True, slots=True)
class HitShown:
    """A hit as the reader may see it.

    Attributes:
        hit: It.
        case: Own case.
        selector: Own selector; None where it was taken out of the case since.
        partner: Name of the other authority.
        stands: How the contact stands.
    """

    hit: Hit
    case: Case
    selector: Selector | None
    partner: str
    stands: Standing

    @property
    def kind(self) -> str:
        """The kind of selector, in words."""
        return KINDS.get(self.hit.kind, self.hit.kind)

    @property
    def words(self) -> str:
        """What was found, and how sure that is."""
        if not self.hit.is_lead:
            return "The same selector"
        strength = "A strong lead" if self.hit.keys >= STRONG else "A lead"
        of = "name and country" if self.hit.kind == "company" else "name and birth"
        keys = f"key of the {of} is" if self.hit.keys == 1 else f"keys of the {of} are"
        return f"{strength}: {self.hit.keys} {keys} the same"


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run, and how far it is.

    Attributes:
        run: It.
        partner: Name of the other authority.
        own: Selectors and keys that this side put in; None before it is said, and for who does not oversee: it is of
            all teams' cases, so that who adds a selector and compares again would see whether another team has it.
        other: That the other side put in.
        same: How many selectors both have; None before the end, and for who does not oversee.
        done: Pieces that are there, of
        all: pieces in all; zero before both have committed. Quarters for who does not oversee.
        left_s: Seconds that it may still take, at the pace of the last ones; None where nothing tells it, and for who
            does not oversee.
    """

    run: Run
    partner: str
    own: commitment.Commitment | None
    other: commitment.Commitment | None
    same: int | None = None
    done: int = 0
    all: int = 0
    left_s: float | None = None

    @property
    def state(self) -> str:
        """How it stands, in words."""
        return STATES[self.run.state]

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self.run.state in GOING

    @property
    def differs(self) -> bool:
        """Whether the two sides say to have sent different things."""
        return bool(
            self.run.transcript
            and self.run.other_transcript
            and self.run.transcript != self.run.other_transcript
        )


@dataclass(frozen=True, slots=True)
class AgreementShown:
    """An agreement, what it offers, and what the partner may still have compared today.

    Attributes:
        agreement: It.
        stands: How standing matching with the partner stands.
        partner: Name of the other authority.
        offered: How many selectors are offered, by the kind's words: of the reader's cases, or of all for who oversees.
        people: Whose, in words.
        used: Selectors that the partner had compared in the last 24 hours, of the kind with the most.
        counted: How many times it had common sources counted in these hours, of
        countable: so many.
        over: Whether it holds no longer.
    """

    agreement: Agreement
    stands: Stands
    partner: str
    offered: tuple[tuple[str, int], ...]
    people: tuple[str, ...]
    used: int
    counted: int
    countable: int
    over: bool


def hits_of(
    actor: Actor, *, case: UUID | None = None, only: UUID | None = None, most: int = 500
) -> list[HitShown]:
    """The hits that an actor may see, the last first."""
    rows = hits.visible_hits(actor).order_by("-found_us", "pk")
    if case is not None:
        rows = rows.filter(case=case)
    if only is not None:
        rows = rows.filter(pk=only)
    found = list(rows[:most])
    cases = {one.pk: one for one in visible(actor, hits.VIEW).filter(pk__in={row.case for row in found})}
    selectors = Selector.objects.in_bulk({row.selector for row in found})
    names, stands = _names(row.partner for row in found), contacting.standing(found, actor)
    return [
        HitShown(row, cases[row.case], selectors.get(row.selector), names[row.partner], stands[row.pk])
        for row in found
    ]


def selectors_hit(case: Case, actor: Actor) -> int:
    """How many selectors of a case partners have too, of the hits that an actor may see."""
    return hits.visible_hits(actor).filter(case=case.pk).values("selector").distinct().count()


def oversees(actor: Actor) -> bool:
    """Whether an actor oversees what is compared, by a role that works on no case: who sees what is of all teams' cases."""
    return grant(actor.roles, who_else.OVERSEE).oversight


def runs(actor: Actor, most: int = RUNS_SHOWN) -> list[RunShown]:
    """The runs of this authority, those that go on first."""
    rows = list(Run.objects.order_by("-begun_us", "pk")[:most])
    names = _names(row.partner for row in rows)
    shown = [_run(row, names[row.partner]) for row in rows]
    if not oversees(actor):
        shown = [_without_numbers(one) for one in shown]
    return sorted(shown, key=lambda one: not one.goes_on)


def _without_numbers(one: RunShown) -> RunShown:
    """A run without what is of all teams' cases."""
    quarters = 4 * one.done // one.all if one.all else 0
    return replace(one, own=None, same=None, done=quarters, all=4 * bool(one.all), left_s=None)


def _run(row: Run, partner: str) -> RunShown:
    own = commitment.read(row.own.encode()) if row.own else None
    other = commitment.read(row.other.encode()) if row.other else None
    if own is None or other is None or row.state != COMPARING:
        return RunShown(row, partner, own, other, row.hits if row.state == "finished" else None)
    wanted = {
        parts.POINTS: own.size * POINT, parts.theirs(parts.POINTS): other.size * POINT,
        parts.TOKENS: other.size * psi.TOKEN, parts.theirs(parts.TOKENS): own.size * psi.TOKEN,
    }  # fmt: skip
    done = sum(parts.count(row.pk, name) for name in wanted)
    all_ = sum(parts.needed(size) for size in wanted.values())
    took_s = (now_us() - row.begun_us) / 1e6
    return RunShown(
        row, partner, own, other, None, done, all_, took_s / done * (all_ - done) if done else None
    )


@dataclass(frozen=True, slots=True)
class CountShown:
    """A count of common sources, as who oversees sees it: of which attacks and what came of it is not theirs to know."""

    count: SourceCount
    partner: str
    state: str


def counts(most: int = RUNS_SHOWN) -> list[CountShown]:
    """The counts of common sources, the last first."""
    rows = list(SourceCount.projected.order_by("-asked_us", "pk")[:most])
    names = _names(row.partner for row in rows)
    return [CountShown(row, names[row.partner], SOURCE_STATES[row.state]) for row in rows]


def agreements(actor: Actor) -> list[AgreementShown]:
    """What is agreed with each partner."""
    whole = oversees(actor)
    rows = list(Agreement.objects.order_by("partner"))
    names = _names(row.partner for row in rows)
    told, stands = [], standing()
    for row in rows:
        counts = offering.counted(row, None if whole else visible(actor, hits.VIEW))
        used = max(quota.spent(row.partner).values(), default=0)
        told.append(
            AgreementShown(
                row, stands[row.partner], names[row.partner],
                tuple((KINDS[kind], counts[kind]) for kind in row.kinds),
                tuple(CATEGORIES[one] for one in row.categories),
                min(used, row.per_day), count_answering.counted_in_a_day(row.partner), count_answering.PER_DAY,
                row.until_us <= now_us(),
            )
        )  # fmt: skip
    return told


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """A question to partners, and what came of it.

    Attributes:
        question: It.
        selectors: How many selectors it was about.
        replies: How it stands with each partner: name and reply.
    """

    question: Question
    selectors: int
    replies: tuple[tuple[str, Reply], ...]


def questions_of(case: Case, actor: Actor) -> list[QuestionShown]:
    """The questions about a case that an actor may see, the last first."""
    rows = list(
        who_else.visible_questions(actor).filter(case=case.pk).order_by("-asked_us", "pk")[:RUNS_SHOWN]
    )
    told = [(row, who_else.replies(row)) for row in rows]
    names = _names(one.partner for _, some in told for one in some)
    return [
        QuestionShown(row, len(row.selectors), tuple((names[one.partner], one) for one in some))
        for row, some in told
    ]


class AskedShown(NamedTuple):
    """That a partner asked.

    Attributes:
        at_us: When, microseconds UTC.
        partner: Its id.
        name: Its name.
        sources: Whether it wanted common sources of attacks counted, and not to be told who else has something.
        refused: Why it got no answer, in words; empty where it got one.
    """

    at_us: int
    partner: str
    name: str
    sources: bool
    refused: str


def askings(actor: Actor, most: int = RUNS_SHOWN) -> list[AskedShown]:
    """That partners asked, the last first; of which attacks stands with these alone.

    Raises:
        RefusedError: The actor may not oversee what is compared.
    """
    asked = list(who_else.askings(actor)[:most])
    names = _names(row.partner for row in asked)
    return [
        AskedShown(row.at_us, row.partner, names[row.partner], row.about == SOURCES, row.refused)
        for row in asked
    ]


def standing() -> dict[str, Stands]:
    """How standing matching stands with each partner with whom something is agreed."""
    partners = list(Agreement.objects.order_by("partner").values_list("partner", flat=True))
    return {one.partner: one for one in standing_on.stands(partners)}


@dataclass(frozen=True, slots=True)
class DayShown:
    """A day of standing matching that is over.

    Attributes:
        day: What this side put on record of it.
        partner: Name of the other authority.
        sent: How many turns this side sent that were answered.
        answered: How many of the other side's were answered.
        differs: Whether the other side says that something else passed.
        again: Whether it can be done again: for thirty days.
        found: What an auditor found, in sentences; None before somebody looked, and for who does not oversee: it has
            numbers of all teams' cases.
    """

    day: StandingDay
    partner: str
    sent: int
    answered: int
    differs: bool
    again: bool
    found: tuple[str, ...] | None


def days(actor: Actor, most: int = RUNS_SHOWN) -> list[DayShown]:
    """The days of standing matching that are over, the last first."""
    now, rows = now_us(), list(StandingDay.objects.filter(theirs=False).order_by("-epoch", "partner")[:most])
    names, whole = _names(row.partner for row in rows), oversees(actor)
    some = {"epoch__in": {row.epoch for row in rows}}
    told = {(row.partner, row.epoch): row for row in StandingDay.objects.filter(theirs=True, **some)}
    masks = set(Mask.objects.filter(**some).values_list("partner", "epoch"))
    return [
        DayShown(
            row, names[row.partner], chain_of(row.own).number, chain_of(row.other).number,
            not all(say_the_same(row, told.get((row.partner, row.epoch)), now)), (row.partner, row.epoch) in masks,
            tuple(row.found) if whole and row.found is not None else None,
        )
        for row in rows
    ]  # fmt: skip


def proposals() -> list[Proposal]:
    """Agreements that wait for a second person."""
    rows = Proposal.objects.filter(action=agreeing.AGREE, state="open", expires_us__gt=now_us())
    return list(rows.order_by("-proposed_us"))


def partners_without() -> list[Partner]:
    """Active partners with whom nothing is agreed."""
    agreed = Agreement.objects.values("partner")
    return list(Partner.objects.filter(state="active").exclude(pk__in=agreed).order_by("authority"))


def on_case(case: Case, actor: Actor) -> dict[str, Any]:
    """What a case's page says of matching: what was found, what is kept out, and when each partner was last asked."""
    compared = [
        one for one in runs(actor) if one.run.state == "finished" and one.run.begun_us >= case.opened_us
    ]
    last: dict[str, RunShown] = {}
    for one in compared:
        last.setdefault(one.run.partner, one)
    selectors = Selector.objects.filter(case=case.pk)
    agreed = Agreement.objects.in_bulk(last, field_name="partner")
    withheld = list(Withheld.objects.filter(case=case.pk).order_by("sequence"))
    texts = {one.pk: one.written for one in selectors.filter(pk__in=[one.object_id for one in withheld])}
    return {
        "hits": hits_of(actor, case=case.pk),
        "questions": questions_of(case, actor),
        "compared": [_compared(one, agreed.get(name), case) for name, one in last.items()],
        "selectors": selectors.count(),
        "withheld": [(one, texts.get(one.object_id, "")) for one in withheld],
    }


class Compared(NamedTuple):
    """What a case's page says of the last comparison with a partner.

    Attributes:
        run: It.
        agreed: Whether anything is agreed with the partner now.
        offered: How many of the case's selectors may be compared with the partner's now.
        then: How many of these were in the case when it was compared.
        held: How many may not, and why, in words.
    """

    run: RunShown
    agreed: bool
    offered: int
    then: int
    held: list[tuple[int, str]]


def _compared(one: RunShown, agreement: Agreement | None, case: Case) -> Compared:
    if agreement is None:
        return Compared(one, False, 0, 0, [])
    told = offering.of_case(agreement, case.pk)
    then = sum(entry < one.run.sequence for entry in told.entries)
    held = [(number, _held(*why)) for why, number in sorted(told.held.items())]
    return Compared(one, True, len(told.entries), then, held)


def _held(why: str, category: str) -> str:
    """Why selectors are not compared, in words that follow their number."""
    if why == "category":
        return (
            _("of a person of the category %s, which is not agreed")
            % CATEGORIES.get(category, category).lower()
        )
    return {
        "kind": _("of a kind that is not agreed"),
        "kept out": _("kept out"),
        "case": _("as the case is not open, or its marking or embargo keeps it here"),
    }[why]


def _names(some: Iterable[str]) -> dict[str, str]:
    wanted = set(some)
    named = dict(Partner.objects.filter(pk__in=wanted).values_list("authority", "name"))
    return {one: named.get(one, one) for one in wanted}
