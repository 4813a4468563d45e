"""Everything that is held on a person, in cases and intelligence, within what the reader may see.

Directive (EU) 2016/680, articles 14 and 16: whoever asks is told what is held on them, and has it erased. What is
indexed is found by keyed hashes: the name with the day of birth, and every selector. What is free text is read: notes,
tasks, descriptions, and what earlier versions said or what was taken out again, which the ledger still holds.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db.models import Count, Q
from django.urls import reverse

from hanse.cases.choosing import visible
from hanse.cases.contents import LinkMade, NoteWritten, PersonSaid, SelectorAdded, TaskSet
from hanse.cases.evidence import of_case
from hanse.cases.evidence_models import Custody, Evidence
from hanse.cases.joint_models import JointCase, JointSaying
from hanse.cases.keyed import selector_id
from hanse.cases.models import Case, CasePerson, Happening, Link, Note, Selector, Task
from hanse.cases.selector import KINDS, name_key, read
from hanse.cases.selector import Selector as Asked
from hanse.cases.words import CATEGORIES
from hanse.intel import finding as intel
from hanse.intel.models import Batch, Item, Posting
from hanse.intel.projecting import value_id
from hanse.intel.values import Value, ValueProblem
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.ledger.kinds import kind_of
from hanse.ledger.models import Entry
from hanse.ledger.reading import content_of
from hanse.policy.decision import Subject, may
from hanse.policy.models import MarkedModel

SHORTEST: Final = 4
"""Letters and digits of a text that is looked for inside other texts: shorter ones stand everywhere."""
MOST_ITEMS: Final = 2_000
_CASE_STAYS: Final = "The case itself names them: change it, or purge the case."
_JOINT_STAYS: Final = "The joint case itself names them: ask its founder, or purge the case."
_SAID: Final = (
    "cases.person_said",
    "cases.selector_added",
    "cases.task_set",
    "cases.note_written",
    "cases.link_made",
    "cases.part_removed",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom is looked for.

    Attributes:
        name: Their name; may be empty where a selector is known.
        born: Day of birth, ``1970-12-31``; may be empty.
        selectors: What else is known of them.
    """

    name: str
    born: str
    selectors: tuple[Asked, ...]

    def values(self, number: Callable[[Value], int]) -> set[int]:
        """Numbers of all values by which they are found, in cases or in intelligence."""
        found = self.surely(number)
        if self.name:
            found.add(number(Value("name", name_key(self.name))))
        return found

    def surely(self, number: Callable[[Value], int]) -> set[int]:
        """As `values`, without the name alone, which others have too."""
        found = {number(one.value) for one in self.selectors}
        if self.name and self.born:
            found.add(number(read("person", self.name, born=self.born).value))
        return found

    def is_in(self, *texts: str) -> bool:
        """Whether a text names them, however it is spaced and cased."""
        wanted = [self.name, *(one.text for one in self.selectors), *(one.written for one in self.selectors)]
        plain = _plain(" ".join(texts))
        return any(len(text) >= SHORTEST and text in plain for text in map(_plain, wanted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One thing that is held on a person.

    Attributes:
        object_id: Its object in the ledger.
        sort: What it is, a key of `SORTS`.
        what: What it says.
        how: Why it is thought to be about them.
        sure: Whether it is about them, not only about somebody of the name or beside a mention.
        case: The case that it is in; None for intelligence.
        url: Where it is seen.
        kept_back: Why it may not be told to them; empty where it may.
        sequence: An entry that says so.
        stays: Why it cannot be erased by itself; empty where it can.
    """

    object_id: UUID
    sort: str
    what: str
    how: str
    sure: bool
    case: Case | None
    url: str
    kept_back: str
    sequence: int
    stays: str = ""


SORTS: Final = {
    "person": "Person", "selector": "Selector", "note": "Note", "task": "Task", "link": "Link", "evidence": "Evidence",
    "case": "Case", "joint": "Joint case", "item": "Intelligence", "import": "Import", "earlier": "Earlier version, or taken out",
}  # fmt: skip
"""What can be held: by key, the word on pages."""


def held_on(person: Person, actor: Actor) -> list[Held]:
    """Everything that the reader may see and that is held on a person; what is sure first.

    Args:
        person: Whom.
        actor: The reader.
    """
    values = person.values(selector_id)
    found: dict[UUID, Held] = {}
    for case in visible(actor).order_by("number"):
        back = _kept_back(Case, case, actor)
        for one in _in_case(case, person, values, actor, back):
            found.setdefault(one.object_id, one)
    for one in (*_in_joint_cases(person, actor), *_in_intelligence(person, person.values(value_id), actor)):
        found.setdefault(one.object_id, one)
    return sorted(found.values(), key=lambda one: (not one.sure, one.sequence))


def _in_case(case: Case, person: Person, values: set[int], actor: Actor, back: str) -> Iterator[Held]:
    """What a case holds."""
    url = reverse("cases:case", args=[case.pk])

    def held(row: Any, sort: str, what: str, how: str, *, sure: bool = False, stays: str = "") -> Held:
        return Held(object_id=row.pk, sort=sort, what=what, how=how, sure=sure, case=case, url=url,
                    kept_back=back, sequence=row.sequence, stays=stays)  # fmt: skip

    people = _people(case, person, values)
    for row, how, sure in people:
        born = f", born {row.born}" if row.born else ""
        what = f"{row.name}{born}, {CATEGORIES[row.category].lower()}. {row.note}".strip()
        yield held(row, "person", what, how, sure=sure)
    certain = {row.pk for row, _, sure in people if sure}
    for one in Selector.objects.filter(case=case.pk).filter(Q(value__in=values) | Q(person__in=certain)):
        how = "The selector itself" if one.value in values else "Said to be used by them"
        what = f"{KINDS.get(one.kind, one.kind)}: {one.written} {one.note}".strip()
        yield held(one, "selector", what, how, sure=True)
    for mention, sort, what, stays in _mentions(case, person):
        yield held(mention, sort, what, "It names them", stays=stays)
    for file in of_case(case, actor):
        links = Custody.objects.filter(evidence=file.pk)
        said = [text for link in links for text in (link.whom, link.why)]
        if person.is_in(file.name, file.description, file.source, file.place, *said):
            found = held(
                file, "evidence", f"E{file.exhibit} {file.name}: {file.description}", "It names them"
            )
            yield replace(found, kept_back=_kept_back(Evidence, file, actor) or back)
    yield from _earlier(case, person, values, url, back)


def _people(case: Case, person: Person, values: set[int]) -> list[tuple[CasePerson, str, bool]]:
    """People of a case that are them, or may be: the row, why, and whether it is sure."""
    used = Selector.objects.filter(case=case.pk, value__in=values)
    theirs = {one for one in used.values_list("person", flat=True) if one is not None}
    found = [(row, "A selector of theirs", True) for row in CasePerson.objects.filter(pk__in=theirs)]
    if person.name:
        for row in CasePerson.objects.filter(case=case.pk, name_index=name_key(person.name)).exclude(
            pk__in=theirs
        ):
            if person.born and row.born == person.born:
                found.append((row, "Name and day of birth", True))
            elif not person.born or not row.born:
                found.append((row, "The name alone: a day of birth is missing", False))
    return found


def _mentions(case: Case, person: Person) -> Iterator[tuple[Any, str, str, str]]:
    """What of a case's free text names them: the row, its sort, what it says, and why it stays."""
    for note in Note.objects.filter(case=case.pk):
        if person.is_in(note.text):
            yield note, "note", note.text, ""
    for task in Task.objects.filter(case=case.pk):
        if person.is_in(task.title):
            yield task, "task", task.title, ""
    for link in Link.objects.filter(case=case.pk):
        if person.is_in(link.why):
            yield link, "link", link.why, ""
    for other in CasePerson.objects.filter(case=case.pk):
        if person.is_in(other.note):
            yield other, "person", f"{other.name}: {other.note}", ""
    for one in Selector.objects.filter(case=case.pk):
        if person.is_in(one.note):
            yield one, "selector", f"{one.written}: {one.note}", ""
    if person.is_in(case.title, case.purpose, case.reference, case.status_why):
        yield case, "case", case.title, _CASE_STAYS


def _earlier(case: Case, person: Person, values: set[int], url: str, back: str) -> Iterator[Held]:
    """What earlier versions of parts said of them, and parts that were taken out again: the ledger holds it yet."""
    said = Happening.objects.filter(case=case.pk, kind__in=_SAID).exclude(object_id=case.pk)
    several = said.values("object_id").annotate(times=Count("sequence")).filter(times__gt=1)
    objects = [row["object_id"] for row in several]
    entries = Entry.objects.filter(object_id__in=objects, kind__in=_SAID, body__isnull=False)
    for entry in entries.select_related("body").order_by("sequence"):
        content = content_of(entry, entry.body, kind_of(entry.kind))
        if words := _says(content, person, values):
            yield Held(object_id=entry.object_id, sort="earlier", what=words, how="The ledger still says so",
                       sure=False, case=case, url=url, kept_back=back, sequence=entry.sequence)  # fmt: skip
    for row in Happening.objects.filter(case=case.pk).order_by("sequence"):
        if row.reason and person.is_in(row.reason):
            stays = _CASE_STAYS if row.object_id == case.pk else ""
            yield Held(object_id=row.object_id, sort="earlier", what=str(row.reason), how="A reason names them",
                       sure=False, case=case, url=url, kept_back=back, sequence=row.sequence, stays=stays)  # fmt: skip


def _in_joint_cases(person: Person, actor: Actor) -> Iterator[Held]:
    """What was said in joint cases and names them, by whichever member, and joint cases that name them themselves."""
    seen = JointCase.objects.for_actor(actor, "cases.view").select_related("marking")
    for joint in seen.order_by("sequence"):
        url, back = reverse("cases:joint", args=[joint.pk]), _kept_back(JointCase, joint, actor)

        def held(row: Any, what: str, stays: str = "", *, url: str = url, back: str = back) -> Held:
            return Held(object_id=row.pk, sort="joint", what=what, how="It names them", sure=False, case=None, url=url,
                        kept_back=back, sequence=row.sequence, stays=stays)  # fmt: skip

        if person.is_in(joint.title, joint.purpose):
            yield held(joint, joint.title, _JOINT_STAYS)
        for saying in JointSaying.objects.filter(joint=joint.pk).order_by("sequence"):
            if person.is_in(saying.text):
                yield held(saying, saying.text)


def _says(content: msgspec.Struct, person: Person, values: set[int]) -> str:
    """What an entry says of them; empty where it says nothing."""
    if isinstance(content, SelectorAdded):
        named = selector_id(Value(content.kind, content.text)) in values or person.is_in(content.note)
        return f"{content.written} {content.note}" if named else ""
    told = _texts(content)
    return " ".join(text for text in told if text) if person.is_in(*told) else ""


def _texts(content: msgspec.Struct) -> tuple[str, ...]:
    """The free text of an entry of a part."""
    if isinstance(content, PersonSaid):
        return content.name, content.born, content.note
    if isinstance(content, NoteWritten):
        return (content.text,)
    if isinstance(content, TaskSet):
        return (content.title,)
    if isinstance(content, LinkMade):
        return (content.why,)
    return ()


def _in_intelligence(person: Person, values: set[int], actor: Actor) -> Iterator[Held]:
    """Items of intelligence that name them: by value for sure, by words where only the name stands in them."""
    numbers = Posting.objects.filter(value__in=values).values("item")
    seen = Item.objects.for_actor(actor, "intel.view").filter(number__in=numbers)
    rows = list(seen.select_related("marking").order_by("number")[:MOST_ITEMS])
    for row in rows:
        yield _item(row, actor, "It names a value of theirs", sure=True)
    if person.name:
        known = {row.pk for row in rows}
        for row in intel.matching(person.name, actor).exclude(pk__in=known)[:MOST_ITEMS]:
            yield _item(row, actor, "Its words hold the name", sure=False)
    accounts = Batch.objects.for_actor(actor, "intel.view").filter(Q(clashes__gt=0) | Q(left_out__gt=0))
    for batch in accounts.select_related("marking").order_by("time_us"):
        if person.is_in(json.dumps(batch.detail, ensure_ascii=False)):
            yield Held(object_id=batch.pk, sort="import", what=f"Account of bringing in {batch.name}",
                       how="What was left out of it names them", sure=False, case=None,
                       url=reverse("intel:import", args=[batch.pk]), kept_back=_kept_back(Batch, batch, actor),
                       sequence=batch.sequence)  # fmt: skip


def _item(row: Item, actor: Actor, how: str, *, sure: bool) -> Held:
    return Held(object_id=row.pk, sort="item", what=f"{row.type} {row.title or row.source_id}", how=how, sure=sure,
                case=None, url=reverse("intel:item", args=[row.pk]), kept_back=_kept_back(Item, row, actor),
                sequence=row.sequence)  # fmt: skip


def _kept_back(model: type[MarkedModel], row: MarkedModel, actor: Actor) -> str:
    """Why a thing may not be told to whom it is about, in words; empty where it may."""
    subject = Subject(model.__name__.lower(), row.marking.marking, row.team)
    decision = may(actor, "cases.tell", subject, now_us=now_us())
    return "" if decision else decision.words


def _plain(text: str) -> str:
    """The letters and digits of a text, without case."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def asked(name: str, born: str, selectors: Iterable[tuple[str, str]]) -> Person:
    """Whom is looked for, out of what was typed.

    Args:
        name: Their name; may be empty.
        born: Day of birth; may be empty.
        selectors: Kind and text of each; an empty kind is told from the text.

    Raises:
        ValueProblem: A selector is none, or there is nothing to look for.
    """
    found = tuple(read(kind, text) for kind, text in selectors if text.strip())
    if born.strip() and not name.strip():
        raise ValueProblem("A day of birth alone tells nobody from others. Give the name too.")
    if not name.strip() and not found:
        raise ValueProblem("Give a name, or a telephone, an account or the like.")
    if name.strip() and born.strip():
        read("person", name, born=born)
    return Person(" ".join(name.split()), born.strip(), found)
