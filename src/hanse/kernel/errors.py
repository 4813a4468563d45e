"""What goes wrong, where, and what to do: the one error root and the problem record."""

from dataclasses import dataclass
from typing import Any


class HanseError(Exception):
    """Root of all errors that Hanse raises on purpose; its text is fit to be shown to a user."""


class UsageError(HanseError):
    """The caller asked for something that cannot be meant; nothing was done."""


class DataMissingError(HanseError):
    """Something optional (a program, a data package) that this action needs is not installed."""


class UnreadableInputError(HanseError):
    """An input cannot be read at all, or not from some offset on."""

    def __init__(self, problem: "Problem") -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one input: what, where, and what to do.

    Attributes:
        path: The input, as the user named it.
        what: One sentence, without the place.
        offset: Byte offset in the (uncompressed) input, where known.
        field: Name of the header field or column, where known.
        do: What the user can do about it; empty when there is nothing to do.
        fatal: Whether data of the input was lost by it (the exit code becomes 1).
    """

    path: str
    what: str
    offset: int | None = None
    field: str | None = None
    do: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        """One line: ``path, byte 1234, field: what. What to do.``."""
        place = [self.path]
        if self.offset is not None:
            place.append(f"byte {self.offset}")
        if self.field:
            place.append(self.field)
        text = f"{', '.join(place)}: {self.what}"
        return f"{text} {self.do}" if self.do else text

    def as_json(self) -> dict[str, Any]:
        """The problem as a JSON object, absent parts left out."""
        values = {
            "path": self.path,
            "what": self.what,
            "offset": self.offset,
            "field": self.field,
            "do": self.do,
        }
        return {key: value for key, value in values.items() if value not in {None, ""}}
