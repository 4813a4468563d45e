"""What the entries of a case hold. A part of a case names the case and its team, so that it is guarded by itself."""

import msgspec

from hanse.kernel.clock import Moment


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What a case says of itself; the object is the case, the date until when it is kept is in its marking.

    Attributes:
        title: What it is called.
        reference: The authority's own file number; may be empty.
        authority: Who leads it.
        legal_basis: The law that it rests on.
        purpose: What it is for.
        owner: Id of the person who leads it, hexadecimal.
        team: Id of its need-to-know team.
        review_us: When somebody has to decide whether it goes on, microseconds UTC.
    """

    title: str
    reference: str
    authority: str
    legal_basis: str
    purpose: str
    owner: str
    team: str
    review_us: Moment


class StatusSet(msgspec.Struct, frozen=True, kw_only=True):
    """How the case stands from now on; why is the entry's reason. The object is the case."""

    status: str
    team: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Something that belongs to a case; the object is the part.

    Attributes:
        case: Id of the case, hexadecimal.
        team: Id of the case's team, as it was then.
    """

    case: str
    team: str


class PersonSaid(Part, frozen=True, kw_only=True):
    """A person of a case, as they are known from now on.

    Attributes:
        category: One of `words.CATEGORIES`.
        name: As it is written.
        born: Day of birth, ``1970-12-31``; may be empty.
        country: Nationality, ISO 3166 alpha-2; may be empty.
        note: What is said of them.
    """

    category: str
    name: str
    born: str = ""
    country: str = ""
    note: str = ""


class SelectorAdded(Part, frozen=True, kw_only=True):
    """A selector of a case.

    Attributes:
        kind: One of `selector.KINDS`.
        text: Its normal form.
        written: As it was written; a card's number is masked.
        person: Id of the person of the case who uses it, hexadecimal; may be empty.
        note: What is said of it.
    """

    kind: str
    text: str
    written: str
    person: str = ""
    note: str = ""


class TaskSet(Part, frozen=True, kw_only=True):
    """Something to do.

    Attributes:
        title: What.
        owner: Id of the person who does it, hexadecimal; may be empty.
        due_us: Until when, microseconds UTC; None for no date.
    """

    title: str
    owner: str = ""
    due_us: Moment | None = None


class TaskDone(Part, frozen=True, kw_only=True):
    """A task is done, or is not after all."""

    done: bool


class NoteWritten(Part, frozen=True, kw_only=True):
    """A note."""

    text: str


class LinkMade(Part, frozen=True, kw_only=True):
    """A case is tied to something that is on record elsewhere.

    Attributes:
        sort: One of `words.TIED`.
        target: Id of the object, hexadecimal.
        why: What ties them.
    """

    sort: str
    target: str
    why: str


class PartRemoved(Part, frozen=True, kw_only=True):
    """A part is taken out again; why is the entry's reason."""
