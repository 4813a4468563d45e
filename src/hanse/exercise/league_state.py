"""How a node of the league stands, as the process beside it tells it; no Django."""

import msgspec


class Moved(msgspec.Struct, frozen=True):
    """Attacks that went from one node to another.

    Attributes:
        attacks: How many.
        last_us: When the last of them did, microseconds UTC.
    """

    attacks: int
    last_us: int


class Taken(msgspec.Struct, frozen=True):
    """A recall.

    Attributes:
        answer: ``purged`` or ``unknown``; empty before it is answered.
        asked_us: When it was asked for, microseconds UTC.
        answered_us: When the answer came; 0 before.
    """

    answer: str
    asked_us: int
    answered_us: int


class Playing(msgspec.Struct, frozen=True):
    """How far a node's exercise is.

    Attributes:
        step: What is done now; empty before it begins and once it is over.
        done: How much of the step.
        total: Of how much; 0 where that is unknown.
        over: Whether all of it is done.
        error: Why it failed; empty where it has not.
    """

    step: str = ""
    done: int = 0
    total: int = 0
    over: bool = False
    error: str = ""

    def __str__(self) -> str:
        """The step, with its share where that is known."""
        return f"{self.step.lower()} {100 * self.done // self.total}%" if self.total else self.step.lower()


class Shown(msgspec.Struct, frozen=True):
    """A campaign across borders, as a console shows it.

    Attributes:
        title: The finding in a few words.
        verdict: The finding in one sentence, without a full stop.
        states: How many states its victims are in.
    """

    title: str
    verdict: str
    states: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a node stands.

    Attributes:
        own: Attacks that it found itself.
        found_us: When the last of them was put on record, microseconds UTC; 0 for none.
        alone: What it says of them: the verdict of each campaign, the largest first.
        scopes: Against whom each of those campaigns is, as of `campaigns.verdict`.
        given: Attacks that partners have of it now, by partner.
        received: Attacks of partners that it has now, by partner.
        taken_back: What it recalled, by partner.
        across: The campaigns across borders that it shows, those on most states first.
    """

    own: int
    found_us: int
    alone: tuple[str, ...]
    scopes: tuple[str, ...]
    given: dict[str, Moved]
    received: dict[str, Moved]
    taken_back: dict[str, Taken]
    across: tuple[Shown, ...]


class Compared(msgspec.Struct, frozen=True):
    """What one side of a partnership waits for.

    Attributes:
        proposal: Id of the proposal, hexadecimal.
        fingerprint: What both sides read out.
    """

    proposal: str
    fingerprint: str


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """How a node's comparison stands.

    Attributes:
        state: Of the run; empty before it is asked for.
        why: How it ended, in words.
        took_s: Seconds from the wish to the hits; zero before.
        hits: Own selectors that the other has too.
        leads: Own people of whom the other may have something.
        offered: Whether the other side has offered anything.
        wanted: Whether the other side wants a joint case.
        joint: Title of the joint case; empty before it is here.
    """

    state: str
    why: str
    took_s: float
    hits: tuple[str, ...]
    leads: tuple[str, ...]
    offered: bool
    wanted: bool
    joint: str
