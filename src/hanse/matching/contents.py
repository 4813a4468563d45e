"""What the entries of matching hold: agreements, runs, hits and contacts."""

from typing import Final

import msgspec

from hanse.kernel.clock import Moment

TEXT_LIMIT: Final = 2_000
"""Characters of a legal basis, or of a reason, that a partner may send."""
NAME_LIMIT: Final = 200
"""Characters of a name, a telephone number, or a word of a hint."""

WAYS: Final = {
    "sets": "Whole sets",
    "who-else": "Who else?",
    "standing": "Standing",
}
"""How two authorities may compare, in words."""


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What this authority lets be compared with a partner's from now on; the object is the agreement.

    Attributes:
        partner: With whom.
        kinds: Of selectors that are offered.
        categories: Of persons whose selectors are offered; see `hanse.cases.words.CATEGORIES`.
        legal_basis: The law under which they are compared.
        case_class: Of what kind of cases they are, in words that the partner reads.
        per_day: Selectors of a kind that the partner may have compared in a day.
        sources: Whether it may be counted how many sources of attacks both have.
        until_us: Until when it holds, microseconds UTC.
        proposal: Id of what two people decided, hexadecimal.
        ended: It holds no longer.
    """

    partner: str
    kinds: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    legal_basis: str = ""
    case_class: str = ""
    per_day: int = 0
    sources: bool = False
    until_us: Moment = 0
    proposal: str = ""
    ended: bool = False


class KeptOut(msgspec.Struct, frozen=True, kw_only=True):
    """A case, or one selector of it, is not offered, or answered for by one officer alone; the object is the case or selector.

    Attributes:
        case: Id of the case, hexadecimal.
        team: Id of its team, as it was then.
        officer: Id of the person who alone sees its hits, hexadecimal; empty where it is not offered at all.
        lifted: It is offered like others again.
    """

    case: str
    team: str
    officer: str = ""
    lifted: bool = False


class RunAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants all that an agreement offers to be compared; the object is the run."""

    partner: str


class Proposed(msgspec.Struct, frozen=True, kw_only=True):
    """One side opens a run, or takes part in one; to the other. The object is the run, as who opened it names it.

    Attributes:
        hello: What it speaks, as JSON of `hello.Hello`.
        commitment: What it commits to, as JSON of `commitment.Commitment`.
        cases: Open cases that its selectors are of.
        answers: The run that it takes part in, hexadecimal; empty where it opens one.
    """

    hello: str
    commitment: str
    cases: int
    answers: str = ""


class RunBegun(msgspec.Struct, frozen=True, kw_only=True):
    """This side's inputs of a run stand fixed; the object is the run. Sealed: whoever has the secret can do the run again.

    Attributes:
        commitment: As it was sent.
        secret: The run's secret, hexadecimal.
        cases: Open cases that the inputs are of.
    """

    commitment: str
    secret: str
    cases: int


class RunEnded(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended, for this side, or for the other when it says so; the object is the run.

    Attributes:
        state: ``finished``, ``declined``, ``failed`` or ``broken``.
        why: In words; empty for a run that went well.
        transcript: Hash of all that went over the wire, hexadecimal; empty where it was not compared to the end.
        run: The run as who opened it names it, hexadecimal; in what the other side is told.
        hits: How many selectors both have; zero in what the other side is told.
        blanket: Whether it was declined for offering more selectors than its cases justify, or than the quota allows.
    """

    state: str
    why: str = ""
    transcript: str = ""
    run: str = ""
    hits: int = 0
    blanket: bool = False


class HitFound(msgspec.Struct, frozen=True, kw_only=True):
    """A partner has the same selector, or a person like one; the object is the hit.

    Attributes:
        partner: Who.
        way: One of `WAYS`.
        run: Id of the run, hexadecimal; empty for other ways.
        case: Own case, hexadecimal.
        team: Its team, as it was then.
        selector: Own selector, hexadecimal.
        kind: Of the selector.
        keys: Zero for the same selector; for a lead, how many keys of the person both have.
        references: What names it to both sides, hexadecimal: nobody else can make them.
        officer: Id of the person who alone sees it, hexadecimal; empty for all who work on the case.
        tag: For ``who-else``, on the side that asked: what shows the other that it was asked, as of `tags.proof_of`.
    """

    partner: str
    way: str
    run: str
    case: str
    team: str
    selector: str
    kind: str
    keys: int = 0
    references: tuple[str, ...] = ()
    officer: str = ""
    tag: str = ""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What one side offers for a hit: to itself on record, and to the other. The object is the hit.

    Attributes:
        references: What names the hit to both.
        name: Whom to call; may be empty.
        telephone: Where; may be empty.
        case_class: A hint of what the case is about; may be empty.
        age: A hint of how old it is; may be empty.
        stage: A hint of how far it is; may be empty.
        agrees: Whether this side wants a joint case.
        declined: Whether this side wants no contact.
        joint: The joint case that this side opened, as it names it, hexadecimal; empty for none.
        tag: For a hit of ``who-else``, from the side that asked: the tag by which the other side finds its selector, with
            what shows that it was asked for and not read from the published set, hexadecimal.
    """

    references: tuple[str, ...]
    name: str = ""
    telephone: str = ""
    case_class: str = ""
    age: str = ""
    stage: str = ""
    agrees: bool = False
    declined: bool = False
    joint: str = ""
    tag: str = ""
