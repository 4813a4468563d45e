"""The words of cases: categories of people, states, and what a case can be tied to."""

from typing import Final

from hanse.kernel.printable import printable

CATEGORIES: Final = {
    "suspect": "Suspect",
    "convicted": "Convicted",
    "victim": "Victim",
    "witness": "Witness",
    "contact": "Contact",
    "other": "Other",
}
"""Whom personal data is about, told apart as Directive (EU) 2016/680, article 6 asks: by key, the word on pages."""

CATEGORY_HELP: Final = {
    "suspect": "Serious grounds to believe that they have committed or are about to commit a crime.",
    "convicted": "Convicted of a crime.",
    "victim": "Victim of a crime, or facts give reason to believe so.",
    "witness": "May be called to testify, or can give information.",
    "contact": "In contact with a suspect or a convicted person.",
    "other": "None of these.",
}
"""What each category means."""

OPEN, SUSPENDED, CLOSED = "open", "suspended", "closed"

STATES: Final = {OPEN: "Open", SUSPENDED: "Suspended", CLOSED: "Closed"}
"""How a case stands: by key, the word on pages."""

TIED: Final = {"attack": "Attack", "campaign": "Campaign", "item": "Report or intelligence"}
"""What a case can be tied to: by key, the word on pages."""

HAPPENED: Final = {
    "cases.opened": "The case was opened",
    "cases.changed": "What the case says of itself was changed",
    "cases.status_set": "The case's state was set",
    "cases.person_said": "A person was put on record",
    "cases.selector_added": "A selector was added",
    "cases.task_set": "A task was set",
    "cases.task_done": "A task was ticked or unticked",
    "cases.note_written": "A note was written",
    "cases.link_made": "The case was tied to something",
    "cases.part_removed": "Something was taken out",
}
"""What each kind of entry says happened; other rooms' kinds add theirs with `say`."""


def line(text: str) -> str:
    """A text in one line, with all that could hide or turn round what stands beside it as an escape."""
    return printable(" ".join(text.split()))


def lines(text: str) -> str:
    """A text of several lines, likewise."""
    return printable(text.replace("\r\n", "\n").replace("\r", "\n").strip(), keep="\n\t")


def say(words: dict[str, str]) -> None:
    """Add what kinds of entries say happened in a case, for the timeline.

    Args:
        words: By the kind's name, a short sentence without a stop.
    """
    HAPPENED.update(words)
