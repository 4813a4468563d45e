"""What the entries of *who else?* hold: keys, questions, what came of them, and that somebody else asked."""

import msgspec

from hanse.kernel.clock import Moment

STATES = {
    "waiting": "Has not answered yet",
    "found": "Has the same",
    "nothing": "Has none of them",
    "refused": "Refuses to answer",
    "failed": "Answered what cannot be used",
    "unanswered": "Did not answer within a day",
}
"""How a question stands with one partner, in words."""

SOURCES = "sources"
"""`Questioned.about` of a partner that wanted common sources counted."""


class TagKeyMade(msgspec.Struct, frozen=True, kw_only=True):
    """The key under which a partner's questions are answered for a month. Sealed; it purges itself when that is over.

    Attributes:
        partner: Whose questions.
        epoch: The month.
        seed: 32 bytes that the key follows from, hexadecimal.
    """

    partner: str
    epoch: str
    seed: str


class TagKeyTold(msgspec.Struct, frozen=True, kw_only=True):
    """To the partner: the public half of the key. Answers that were made with another one are not believed.

    Attributes:
        epoch: The month.
        public: The point, hexadecimal.
        speaks: What this node speaks, as of `hello.speaks`: who speaks otherwise would miss what both have.
    """

    epoch: str
    public: str
    speaks: str


class QuestionAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks partners whether they have selectors of a case; the object is the question. Sealed.

    Attributes:
        case: The case, hexadecimal.
        team: Its team, as it was then.
        partners: Who is asked.
        selectors: Which of the case's selectors, hexadecimal ids.
        epoch: The month under whose keys it is asked.
        secret: What all that hides it follows from, hexadecimal: with it the question can be asked again bit by bit.
        officer: Id of the person who alone sees what came of it, hexadecimal; empty for all who work on the case.
    """

    case: str
    team: str
    partners: tuple[str, ...]
    selectors: tuple[str, ...]
    epoch: str
    secret: str
    officer: str = ""


class QuestionAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a question at one partner; the object is the question. Sealed.

    Attributes:
        partner: Who.
        state: One of `STATES`, never ``waiting``.
        why: Why it did not answer, in words; empty where it did.
        hits: How many of the selectors it has too.
    """

    partner: str
    state: str
    why: str = ""
    hits: int = 0


class Questioned(msgspec.Struct, frozen=True, kw_only=True):
    """A partner asked: all that can be known is that it did, and when. The object is this asking.

    So are counts of sources: what they were about is `source_contents.CountAsked`, and goes with the attacks; that a
    partner had them counted stays.

    Attributes:
        partner: Who.
        question: How it names its question, so that one that is repeated counts once.
        epoch: Under which key.
        digest: SHA-256 of what was sent, which says nothing of what was asked, hexadecimal; of a count that was answered
            a keyed hash of the own attack, equal for the same one.
        refused: Why it got no answer, in words; empty where it got one.
        about: What it wanted: `SOURCES`; empty for who else has something.
        at_us: When, microseconds UTC.
    """

    partner: str
    question: str
    epoch: str
    digest: str
    refused: str = ""
    about: str = ""
    at_us: Moment = 0
