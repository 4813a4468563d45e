"""Use cases of subject access: a request is taken, answered or refused with its legal reason, and what is held erased.

Directive (EU) 2016/680, articles 12 to 16. Erasing takes two people and goes through the ledger's purge: bodies, rows
and files of evidence go, with every request of theirs, so that no name is left; an erasure that names nobody stays, and a
statement with the proofs of both entries, which `hanse verify` accepts.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from operator import or_
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from hanse.accounts import consultations
from hanse.accounts.approvals import Approvable, Pending, propose, waiting_about
from hanse.accounts.models import Proposal
from hanse.cases.court import own_fingerprint
from hanse.cases.court_models import CourtExport
from hanse.cases.evidence_models import Evidence
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.keyed import selector_id
from hanse.cases.models import Case, Happening
from hanse.cases.subject_entries import (
    ANSWERED,
    ASKED,
    ERASED,
    STATED,
    ErasureStated,
    SubjectAnswered,
    SubjectAsked,
    SubjectErased,
)
from hanse.cases.subject_finding import Held, Person, asked, held_on
from hanse.cases.subject_models import ANSWERS, GROUNDS, LAWS, OPEN, Erasure, SubjectRequest
from hanse.cases.words import line, lines
from hanse.intel.models import Batch, Item
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.markings import Marking, Tlp
from hanse.ledger.bundle import Document, written
from hanse.ledger.identity import authority
from hanse.ledger.models import Entry
from hanse.ledger.proof import export as prove
from hanse.ledger.service import next_entry, purge, worked_out_for_purge
from hanse.ledger.tree import integrate
from hanse.ledger.writing import append, writing
from hanse.policy.asking import RefusedError, require
from hanse.policy.decision import Subject, may
from hanse.policy.guarded import subject_of

KEPT_US = 731 * 86_400_000_000
"""A request is kept for two years: as long as its answer may be contested, and no longer than it is needed."""

_TRIES = 3
"""How often what is held on somebody is looked for before the ledger is locked, where something comes meanwhile."""
_CHANGES = ("cases.", "intel.", "policy.", "federation.", "ledger.purged")
"""How the kinds of entries begin that may change what is held on somebody, or its marking."""

THEY = "the person whom it is about"
"""To whom an answer is disclosed: the request says who that is, sealed."""


class AnsweredError(UsageError):
    """The request is answered already."""

    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as somebody types it.

    Attributes:
        name: Who asks; may be empty where a selector is known.
        born: Day of birth; may be empty.
        selectors: Kind and text of each; an empty kind is told from the text.
        identity: How it was proven that it is them.
        received_us: When the request came, microseconds UTC.
    """

    name: str
    born: str
    selectors: tuple[tuple[str, str], ...]
    identity: str
    received_us: int


def take(request: Request, actor: Actor) -> UUID:
    """Put a request on record; its id.

    Raises:
        RefusedError: The actor may not.
        ValueProblem: There is nothing to look for, or a selector or day is none.
        UsageError: It is not said how the identity was proven, or it came in the future.
    """
    require(actor, "cases.answer")
    found = asked(request.name, request.born, request.selectors)
    if not request.identity.strip():
        raise UsageError("Say how you know that it is them: data given to the wrong person is a breach.")
    if request.received_us > now_us() + 86_400_000_000:
        raise UsageError("It cannot have come in the future. Correct the day.")
    content = SubjectAsked(
        name=line(found.name), born=found.born, selectors=tuple((one.kind, one.text) for one in found.selectors),
        identity=line(request.identity), received_us=request.received_us,
    )  # fmt: skip
    own = replace(Marking.own(authority()), tlp=Tlp.AMBER_STRICT, retention_us=now_us() + KEPT_US)
    return append(ASKED, content, actor=actor, object_id=uuid4(), marking=own).object_id


def request_for(actor: Actor, request_id: UUID, action: str = "cases.answer") -> SubjectRequest:
    """One request.

    Raises:
        NotVisibleError: There is none for the actor.
    """
    return SubjectRequest.objects.get_for(actor, action, request_id)


def person_of(row: SubjectRequest) -> Person:
    """Whom a request is about."""
    texts = [(kind, text) for kind, text in row.selectors]
    return asked(row.name, row.born, [pair for pair in texts if pair[0] not in {"person", "company"}])


def earlier_of(row: SubjectRequest, actor: Actor) -> list[SubjectRequest]:
    """Other requests of the same person, by name and day of birth or by a selector, as far as the actor may see them."""
    mine = person_of(row).surely(selector_id)
    others = SubjectRequest.objects.for_actor(actor, "cases.answer").exclude(pk=row.pk).order_by("sequence")
    return [one for one in others if mine & person_of(one).surely(selector_id)]


def answer(
    request_id: UUID, what: str, told: Iterable[UUID], ground: str, why: str, actor: Actor
) -> list[Held]:
    """Answer a request; what they are told.

    Args:
        request_id: The request.
        what: One of `ANSWERS`, but for open.
        told: Objects that they are told of, where they are told anything.
        ground: One of `GROUNDS`, where something is withheld.
        why: The reasons, in words, where something is withheld.
        actor: Who answers.

    Raises:
        NotVisibleError: There is no such request for the actor.
        AnsweredError: It is answered.
        RefusedError: Something chosen may not be told to them.
        UsageError: The answer does not fit what is held, or the legal reason is missing.
    """
    given = _Given(what, frozenset(told), ground, why)
    row = request_for(actor, request_id)
    _check_open(row)
    for _ in range(_TRIES):
        seen, held = next_entry(), held_on(person_of(row), actor)
        with writing():
            if not _came_since(seen):
                return _answer(request_for(actor, request_id), held, given, actor)
    with writing():
        row = request_for(actor, request_id)
        return _answer(row, held_on(person_of(row), actor), given, actor)


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer; attributes as the arguments of `answer`."""

    what: str
    told: frozenset[UUID]
    ground: str
    why: str


def _answer(row: SubjectRequest, held: list[Held], given: _Given, actor: Actor) -> list[Held]:
    """Put an answer on record, and what of that which is held they are told; the caller is in `writing`."""
    _check_open(row)
    what = given.what
    wanted = given.told if what in {"given", "restricted"} else frozenset()
    chosen = [one for one in held if one.object_id in wanted]
    _check_answer(what, held, chosen, given.ground, given.why)
    content = SubjectAnswered(
        answer=what, ground=given.ground if what in {"restricted", "refused"} else "",
        told=tuple(one.object_id.hex for one in chosen), withheld=len(held) - len(chosen),
    )  # fmt: skip
    reason, marking = lines(given.why), row.marking.marking
    append(ANSWERED, content, actor=actor, reason=reason, object_id=row.pk, marking=marking)
    if chosen:
        consultations.record(actor, "cases.tell", [one.object_id for one in chosen], "", recipient=THEY)
    return chosen


def _check_open(row: SubjectRequest) -> None:
    if row.state != OPEN:
        raise AnsweredError("The request is answered already. Take a new one where they ask again.")


def _came_since(seen: int) -> bool:
    """Whether an entry from this one on may have changed what is held on somebody."""
    rows = Entry.objects.filter(sequence__gte=seen)
    return rows.filter(reduce(or_, (Q(kind__startswith=one) for one in _CHANGES))).exists()


def told_in(row: SubjectRequest, actor: Actor) -> list[Held]:
    """What an answer told and is still held; within what the reader may see."""
    wanted = {UUID(one) for one in row.told}
    return [one for one in held_on(person_of(row), actor) if one.object_id in wanted] if wanted else []


def propose_erasure(request_id: UUID, objects: Sequence[UUID], law: str, why: str, actor: Actor) -> UUID:
    """Propose to erase what is held on somebody, with all requests of theirs; the proposal, which another person decides on.

    Raises:
        NotVisibleError: There is no such request for the actor.
        RefusedError: The actor may not erase one of them, or did not prove a passkey.
        UsageError: Nothing is chosen, something chosen is not held on them or stays, or no legal basis is given.
        ProposedAlreadyError: It is proposed already.
    """
    require(actor, "cases.erase")
    row = request_for(actor, request_id)
    held = {one.object_id: one for one in held_on(person_of(row), actor)}
    if not objects:
        raise UsageError("Choose what is to be erased.")
    if law not in LAWS:
        raise UsageError("Choose by which law it is erased: it goes into the proof.")
    for one in objects:
        if one not in held:
            raise UsageError("Something chosen is not held on them, or no longer. Load the page again.")
        if held[one].stays:
            raise UsageError(held[one].stays)
    for about in _subjects(objects):
        if not (decision := may(actor, "cases.erase", about, now_us=now_us())):
            raise RefusedError(decision)
    subject = {
        "request": row.pk.hex, "objects": sorted(one.hex for one in set(objects)), "law": law,
        "earlier": sorted(one.pk.hex for one in earlier_of(row, actor)),
    }  # fmt: skip
    return propose(ERASING.action, subject, why, actor)


def waiting_on(request_id: UUID) -> list[Proposal]:
    """Open proposals to erase what is held on whom a request is about."""
    return waiting_about(ERASING.action, "request", request_id)


def receivers(held: Iterable[Held]) -> list[CourtExport]:
    """The archives in which cases that hold something were given out: their receivers are to be told (article 16(6))."""
    cases = {one.case.pk for one in held if one.case is not None}
    return list(CourtExport.objects.filter(case__in=cases).order_by("-sequence"))


def erasure_for(actor: Actor, erasure_id: UUID) -> Erasure:
    """One erasure.

    Raises:
        NotVisibleError: There is none for the actor.
    """
    return Erasure.objects.get_for(actor, "cases.answer", erasure_id)


def statement(row: Erasure, actor: Actor) -> Iterator[bytes]:
    """A statement of an erasure as a bundle, piece by piece: what was erased, by which law, and the proofs of it.

    Args:
        row: The erasure, loaded for the actor.
        actor: Who gives it out.

    Raises:
        RefusedError: The actor may not.
    """
    require(actor, "cases.tell")
    consultations.record(actor, "cases.tell", [row.pk], "", recipient=THEY)
    integrate()
    node = settings.HANSE_NODE
    told = {
        "format": "hanse/erasure/1", "authority": node.authority, "request": str(row.request), "time_us": row.time_us,
        "objects": row.objects_erased, "entries": row.entries_erased, "law": LAWS[row.law], "purged_by": row.purge,
        "said_by": row.sequence,
    }  # fmt: skip
    page = render_to_string(
        "cases/subject_statement.html", {"row": row, "node": node, "fingerprint": own_fingerprint()}
    )
    documents = [
        Document("statement.html", "The statement, to be read and printed", [page.encode()]),
        Document("statement.json", "The same, to be read by programs", [msgspec.json.format(msgspec.json.encode(told), indent=1)]),
        *(Document(f"entries/{one:09}.json", f"Entry {one} of the ledger, with its proof", [prove(one)], proof=True)
          for one in (row.purge, row.sequence)),
    ]  # fmt: skip

    def seal(manifest: bytes, files: int) -> bytes:
        content = ErasureStated(manifest=sha256(manifest).hexdigest(), files=files)
        recorded = append(STATED, content, actor=actor, object_id=row.pk, marking=row.marking.marking)
        integrate()
        return prove(recorded.sequence)

    return written(f"Statement of an erasure by {node.name}", documents, seal)


def _check_answer(what: str, held: list[Held], chosen: list[Held], ground: str, why: str) -> None:
    """Refuse an answer that is not true, or withholds without a legal reason.

    Raises:
        UsageError: It is so.
        RefusedError: Something chosen may not be told.
    """
    if what not in ANSWERS or what == OPEN:
        raise UsageError("Choose how it is answered.")
    if back := next((one for one in chosen if one.kept_back), None):
        raise UsageError(
            f"{back.what[:80]} may not be told to them: {back.kept_back} Leave it out, and say why."
        )
    left = [one for one in held if one.sure and one not in chosen]
    if what == "given" and left:
        raise UsageError(
            "Not everything is chosen that is held on them. Choose the rest, or answer that it is told in part."
        )
    if what == "nothing" and left:
        raise UsageError("Something is held on them. Tell it, or withhold it with its legal reason.")
    if what in {"restricted", "refused"} and (ground not in GROUNDS or not why.strip()):
        raise UsageError(
            "Choose the legal ground and give the reasons: the supervisory authority may ask (article 15(4))."
        )


def _subjects(objects: Collection[UUID]) -> list[Subject]:
    """What policy is asked about before things are erased: they, and the cases that they are part of or were taken out of."""
    ids, models = list(objects), (Case, Evidence, Item, Batch, JointCase)
    cases = Happening.objects.filter(object_id__in=ids).values_list("case", flat=True)
    joint = JointSaying.objects.filter(pk__in=ids).values_list("joint", flat=True)
    wanted = {*ids, *cases, *joint}
    return [
        subject_of(row)
        for model in models
        for row in model.projected.filter(pk__in=wanted).select_related("marking")
    ]


def _words(subject: dict[str, Any]) -> str:
    number = len(subject["objects"])
    earlier = len(subject.get("earlier", ()))
    requests = "the request itself" if not earlier else f"the request itself with {earlier} earlier of theirs"
    return (
        f"Erase what is held on the person of request {subject['request'][:12]} for good, by {LAWS[subject['law']]}: "
        f"{number} {'thing' if number == 1 else 'things'}, and {requests}."
    )


def _execute(proposal: Pending, approver: Actor) -> str:
    """Purge what is left of it, and say so; files of evidence go once that is on disk."""
    told = proposal.subject
    request, going = UUID(told["request"]), _left(told)
    requests = [request, *(UUID(one) for one in told.get("earlier", ()))]
    entries = Entry.objects.filter(object_id__in=[*going, *requests], body__isnull=False).count()
    purged = purge([*going, *requests], approver, proposal.why, LAWS[told["law"]])
    content = SubjectErased(
        request=request.hex, objects=tuple(one.hex for one in going), entries=entries, law=told["law"],
        purge=purged.sequence, proposal=proposal.id.hex,
    )  # fmt: skip
    append(
        ERASED,
        content,
        actor=approver,
        reason=proposal.why,
        object_id=uuid4(),
        marking=Marking.own(authority()),
    )
    return ""


def _left(subject: dict[str, Any]) -> list[UUID]:
    """What of it has not been purged before."""
    wanted = [UUID(one) for one in subject["objects"]]
    left = Entry.objects.filter(object_id__in=wanted, body__isnull=False)
    return sorted(set(left.values_list("object_id", flat=True)))


def _over(subject: dict[str, Any]) -> str:
    return "" if _left(subject) else "Nothing of it is left: it was purged before."


def _where(subject: dict[str, Any]) -> str:
    """The entries of the request: also for an approver who may not see it."""
    return f"{reverse('console:ledger')}?object={UUID(subject['request'])}"


def cases_of(held: Iterable[Held]) -> list[Case]:
    """The cases in which something is held, in order."""
    return list({one.case.pk: one.case for one in held if one.case is not None}.values())


def _ahead(subject: dict[str, Any]) -> AbstractContextManager[None]:
    return worked_out_for_purge(map(UUID, subject["objects"]))


ERASING = Approvable(
    "cases.erase_subject", "cases.erase", _words, _execute, _where,
    about=lambda subject: [subject["request"]], over=_over,
    asks=lambda subject: _subjects(_left(subject)), ahead=_ahead,
)  # fmt: skip
"""What two people agree on."""
