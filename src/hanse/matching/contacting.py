"""Contact after a hit: each side offers a name and a telephone, a hint, or nothing; both together open a joint case.

A hit says that both have the same selector and nothing else. What is told beyond that, people decide on each side.

The joint case is opened by the authority whose id sorts first, and by no other: both know both ids, so that two who agree
at the same moment, neither having heard the other, still open one. The other side waits for the invitation.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from hanse.cases import joint
from hanse.cases.joint_models import JointCase
from hanse.cases.joint_projecting import joint_id
from hanse.cases.models import Case
from hanse.cases.projecting import happened
from hanse.cases.words import line
from hanse.federation.handlers import Arrived, Handler
from hanse.federation.sending import send
from hanse.kernel.actors import Actor
from hanse.kernel.errors import UsageError
from hanse.ledger.identity import authority
from hanse.ledger.kinds import Kind
from hanse.ledger.recorded import Recorded
from hanse.ledger.rows import drop, set_row
from hanse.ledger.writing import Draft, append, writing
from hanse.matching import tag_contacting
from hanse.matching.contents import NAME_LIMIT, Contact
from hanse.matching.hits import MOST_REFERENCES, hit_for, keep_references, references_of
from hanse.matching.models import Hit, Offer, Reference
from hanse.policy.asking import require
from hanse.policy.decision import Subject
from hanse.policy.models import give_to_nobody

CONTACT: Final = "matching.contact"

AGES: Final = ("", "under a month", "under a year", "over a year")
STAGES: Final = ("", "begun", "going on", "before an arrest", "before court")
"""What a hint says of a case: coarse, so that it describes no single one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is offered, as somebody types it; attributes as of `contents.Contact`.

    Attributes:
        opening: The joint case that is opened where both agree; needed, and used, only where this authority opens it and
            the other side has agreed.
    """

    name: str = ""
    telephone: str = ""
    case_class: str = ""
    age: str = ""
    stage: str = ""
    agrees: bool = False
    declined: bool = False
    opening: joint.Opening | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contact stands.

    Attributes:
        own: What this side offered last; None for nothing yet.
        other: What the other side offered last.
        opener: Which of the two authorities opens the joint case.
        joint: Own id of the joint case that was opened; None for none.
        second: Own id of another one, which a node that did not know the rule opened as well; None for none.
    """

    own: Contact | None
    other: Contact | None
    opener: str
    joint: UUID | None = None
    second: UUID | None = None

    @property
    def opens_here(self) -> bool:
        """Whether the next agreement of this side opens the joint case."""
        return (
            self.joint is None and self.opener == authority() and self.other is not None and self.other.agrees
        )

    @property
    def both_agree(self) -> bool:
        """Whether both want a joint case and none is open yet."""
        agreed = self.own is not None and self.own.agrees and self.other is not None and self.other.agrees
        return agreed and self.joint is None

    @property
    def needs_us(self) -> bool:
        """Whether somebody here has to answer, or to open what both want."""
        return self.own is None or (self.both_agree and self.opens_here)

    @property
    def words(self) -> str:
        """How it stands, in words."""
        if self.joint is not None:
            return "A joint case was opened"
        if self.own is not None and self.own.declined:
            return "Declined here"
        if self.other is not None and self.other.declined:
            return "Declined there"
        if self.both_agree:
            where = "this authority opens it" if self.opens_here else "the other side opens it"
            return f"Both want a joint case: {where}"
        if self.own is None:
            return "The other side waits for an answer" if self.other else "Nobody has offered anything yet"
        return "Both have offered something" if self.other else "The other side has not answered yet"


def offer(hit: UUID, told: Told, actor: Actor, why: str = "") -> Standing:
    """Offer something for a hit, or nothing and no contact. How it stands then.

    Where both agree and this authority is the one that opens, a joint case opens with it.

    Raises:
        NotVisibleError: There is no such hit for the actor.
        RefusedError: The actor may not answer hits, or not open joint cases.
        UsageError: Nothing is offered, and nothing of before is taken back. A text is too long, a hint is none of those that can be given, or the joint case that opens is not
            described.
    """
    with writing():
        row = hit_for(actor, hit)
        case = Case.projected.select_related("marking").get(pk=row.case)
        require(actor, CONTACT, Subject("case", case.marking.marking, case.team))
        stands = standing([row], actor)[row.pk]
        if stands.joint is not None:
            raise UsageError("A joint case is open: say it there.")
        taken_back = stands.own is not None and not stands.own.declined
        if not (told.agrees or told.declined or taken_back or _says_something(told)):
            raise UsageError(
                "Say at least one thing: whom to call, a telephone or a hint, or that you want a joint case. Who wants no "
                "contact declines."
            )
        opened = ""
        if told.agrees and stands.opens_here:
            opened = _open(row, told, actor, why).hex
        content = _content(row, told, opened)
        case = Case.projected.select_related("marking").get(pk=row.case)
        append(
            CONTACT, content, actor=actor, reason=line(why), object_id=row.pk, marking=case.marking.marking
        )
        send([Draft(CONTACT, content, row.pk, recipient=row.partner)])
    return standing([row], actor)[row.pk]


def _says_something(told: Told) -> bool:
    return any(line(one) for one in (told.name, told.telephone, told.case_class, told.age, told.stage))


def opener(partner: str) -> str:
    """Which of this authority and a partner opens their joint cases: whose id sorts first, character by character.

    Both compute the same of what both know. Were it who agrees last, two who agree at once would each be it, or neither.
    """
    return min(authority(), partner)


def _open(row: Hit, told: Told, actor: Actor, why: str) -> UUID:
    if told.opening is None:
        raise UsageError(
            "Both sides want a joint case, and this authority opens it: give it a title, a purpose, its legal basis and "
            "a date."
        )
    opening = joint.Opening(
        title=told.opening.title, purpose=told.opening.purpose, legal_basis=told.opening.legal_basis,
        members=frozenset({row.partner}), retention_us=told.opening.retention_us,
    )  # fmt: skip
    return joint.open_joint(opening, why or "Both sides agreed after a match.", actor)


def _content(row: Hit, told: Told, opened: str) -> Contact:
    texts = {name: line(getattr(told, name)) for name in ("name", "telephone", "case_class")}
    for name, text in texts.items():
        if len(text) > NAME_LIMIT:
            raise UsageError(f"Shorten the {name.replace('_', ' ')} to {NAME_LIMIT} characters.")
    if told.age not in AGES or told.stage not in STAGES:
        raise UsageError("Choose one of the hints.")
    if told.declined and (told.agrees or any(texts.values())):
        raise UsageError("Who declines offers nothing.")
    return Contact(
        references=references_of(row), age=told.age, stage=told.stage, agrees=told.agrees, declined=told.declined,
        joint=opened, tag=row.tag, **texts,
    )  # fmt: skip


def standing(some: Iterable[Hit], actor: Actor | None = None) -> dict[UUID, Standing]:
    """How the contact of each hit stands; the caller has loaded the hits on somebody's behalf.

    Args:
        some: The hits.
        actor: For whom; a joint case that this one may not see was not opened. None for the node.
    """
    rows = list(some)
    ids = [row.pk for row in rows]
    own = {one.pk: one for one in Offer.objects.filter(pk__in=ids, theirs=False)}
    mine: dict[tuple[str, str], list[UUID]] = {}
    for one in Reference.objects.filter(thing__in=ids):
        mine.setdefault((one.partner, one.reference), []).append(one.thing)
    wanted = Reference.objects.filter(reference__in=[name for _, name in mine])
    theirs: dict[UUID, list[UUID]] = {}
    for one in wanted.exclude(thing__in=ids):
        for hit in mine.get((one.partner, one.reference), ()):
            theirs.setdefault(hit, []).append(one.thing)
    offers = {
        one.pk: one
        for one in Offer.objects.filter(pk__in=[pk for some in theirs.values() for pk in some], theirs=True)
    }
    said = {}
    for row in rows:
        some_ = [offers[pk] for pk in dict.fromkeys(theirs.get(row.pk, ())) if pk in offers]
        said[row.pk] = sorted((one for one in some_ if _is_for(one, row)), key=lambda one: one.sequence)
    here = _here(actor, [*own.values(), *(one for some_ in said.values() for one in some_)])
    return {row.pk: _stands(row.partner, own.get(row.pk), said[row.pk], here) for row in rows}


def _is_for(offer: Offer, row: Hit) -> bool:
    """Whether what the other side offered is for a hit: no more than it said before this one was found.

    That was said to another case here of the same value, whose hit is named alike: who works on this one would learn of
    that one. Of whole sets each comparison names anew, and who asked the other side is found by what it says.
    """
    return row.way == "sets" or bool(offer.content.get("tag")) or offer.time_us >= row.found_us


def _joint(offer: Offer) -> UUID | None:
    """The joint case that a side says to have opened with an offer."""
    named = offer.content["joint"]
    return joint_id(offer.partner if offer.theirs else authority(), UUID(named)) if named else None


def _here(actor: Actor | None, offers: Collection[Offer]) -> set[UUID]:
    """The joint cases that are here of those that offers name: a name alone is none, or any would end a contact.

    Of what the other side opened those that an actor may see; what was opened for a hit here, its case's people know of.
    """
    named = {case: one.theirs for one in offers if (case := _joint(one)) is not None}
    if not named:
        return set()
    seen = JointCase.projected if actor is None else JointCase.objects.for_actor(actor, "cases.view")
    theirs = seen.filter(pk__in=[case for case, theirs in named.items() if theirs])
    own = JointCase.projected.filter(pk__in=[case for case, theirs in named.items() if not theirs])
    return {*theirs.values_list("pk", flat=True), *own.values_list("pk", flat=True)}


def _stands(partner: str, own: Offer | None, said: Sequence[Offer], here: Collection[UUID]) -> Standing:
    """How a contact stands, from the own offer and the other side's for the same hit, the last of these last."""
    mine = msgspec.convert(own.content, Contact) if own else None
    theirs = msgspec.convert(said[-1].content, Contact) if said else None
    opened = {}
    for by, one in ((authority(), own), *((partner, one) for one in said)):
        if one is not None and (case := _joint(one)) in here:
            opened[by] = case
    # A node that does not know the rule may have opened one as well: both sides go on in the same one.
    cases = [case for _, case in sorted(opened.items())]
    return Standing(mine, theirs, opener(partner), *cases)


def _project(recorded: Recorded, content: Contact) -> None:
    if recorded.recipient:
        return  # the copy that went to the other side says the same
    row = Hit.objects.filter(pk=recorded.object_id).first()
    if row is None:
        return
    _keep(recorded.object_id, row.partner, content, recorded.time_us, recorded.sequence, theirs=False)
    case = Case.projected.get(pk=row.case)
    if row.officer is None:
        happened(recorded, row.case, case.team)


def _arrived(here: Arrived, content: Contact) -> None:
    _keep(here.object_id, here.partner, content, here.received_us, here.sequence, theirs=True)
    keep_references(here.object_id, here.partner, here.sequence, content.references)
    give_to_nobody(here.object_id, here.sequence)  # who works on a case with such a hit reads it there


def _keep(pk: UUID, partner: str, content: Contact, time_us: int, sequence: int, *, theirs: bool) -> None:
    values = {
        "partner": partner, "theirs": theirs, "wants": content.agrees and not content.joint,
        "content": msgspec.to_builtins(content), "time_us": time_us, "sequence": sequence,
    }  # fmt: skip
    set_row(Offer.objects, pk, values)


def _check(here: Arrived, content: Contact) -> None:
    """Refuse an offer that cannot be shown."""
    texts = (
        content.name,
        content.telephone,
        content.case_class,
        content.age,
        content.stage,
        content.joint,
        content.tag,
    )
    if here.via or max(map(len, texts)) > NAME_LIMIT:
        raise UsageError(f"{here.partner} offers what cannot be shown.")
    if not 0 < len(content.references) <= MOST_REFERENCES or any(
        len(one) != 32 for one in content.references
    ):
        raise UsageError(f"{here.partner} offers something for no hit.")
    if content.joint:
        _check_joint(here, content.joint)
    if content.tag:
        tag_contacting.check(here, content)


def _check_joint(here: Arrived, text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        raise UsageError(f"{here.partner} names a joint case that is none.") from None


def _forget(object_id: UUID) -> None:
    drop(Offer.objects, object_id)


def _forget_theirs(object_id: UUID) -> None:
    drop(Offer.objects, object_id)
    drop(Reference.objects, object_id, "thing")


KINDS = (Kind(CONTACT, Contact, _project, _forget, sealed=True),)
HANDLERS = (
    Handler(
        CONTACT,
        Contact,
        _arrived,
        _forget_theirs,
        check=_check,
        then=tag_contacting.found_by_asker,
        taken_back=True,
        dated=True,
    ),
)
