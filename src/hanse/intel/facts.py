"""What a page, the search and the correlation know of an item: worked out of it as it came, whatever its format."""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from hanse.intel.values import Value, ValueProblem, normalise, shown
from hanse.intel.values.value import MASKED

LONGEST_ID: Final = 1_000
"""Characters of an id of another item: longer ones name nothing that was brought here."""
LONGEST_NUMBER: Final = 18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Facts(NamedTuple):
    """What is known of an item.

    Attributes:
        title: What it is called.
        text: What full text finds it by, besides the title.
        creator: Who says so: a name or an id, as the item has it.
        created_us: When it was made, microseconds UTC; None where it does not say.
        modified_us: When it was changed last, microseconds UTC.
        valid_until_us: Until when it holds, microseconds UTC.
        revoked: Whether its creator has taken it back.
        confidence: 0 to 100; None where it does not say.
        grade: What it says of its own source, such as ``admiralty B2``; empty where it does not.
        tags: Its tags or labels, as they are written.
        values: The values that it names, each with the part of the item that names it.
        references: Ids of other items that it names, each with the part that names it.
        problems: What of it could not be understood, in words; it is kept all the same.
    """

    title: str = ""
    text: str = ""
    creator: str = ""
    created_us: int | None = None
    modified_us: int | None = None
    valid_until_us: int | None = None
    revoked: bool = False
    confidence: int | None = None
    grade: str = ""
    tags: tuple[str, ...] = ()
    values: tuple[tuple[Value, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


class Gathering:
    """Gathers values and references of one item, each once, and what could not be understood."""

    def __init__(self) -> None:
        self.values: dict[tuple[Value, str], None] = {}
        self.references: dict[tuple[str, str], None] = {}
        self.problems: list[str] = []

    def value(self, kind: str, text: Any, role: str) -> None:
        """Add a value; one that is none of its kind is a problem."""
        if not isinstance(text, (str, int)) or isinstance(text, bool):
            self.problems.append(f"{role}: a text was expected.")
            return
        if kind == "address" and "/" in str(text):
            kind = "network"
        try:
            value = normalise(kind, str(text))
        except ValueProblem as problem:
            self.problems.append(f"{role}: {problem}")
        else:
            self.values[_single(value), role] = None

    def reference(self, role: str, target: Any) -> None:
        """Add a reference to another item."""
        if isinstance(target, str) and target and len(target) <= LONGEST_ID and "\0" not in target:
            self.references[target, role] = None
        else:
            self.problems.append(f"{role}: an id was expected.")


def time_us(text: Any) -> int | None:
    """A time of ISO 8601, in microseconds UTC; None where it is none. Finer digits are cut; no zone is UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    gone = moment - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def plain(value: Any) -> str:
    """A text of an item, without NUL, which no database keeps; anything else is none."""
    return value.strip().replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else ""


def whole(value: Any, most: int) -> int | None:
    """A whole number from 0 on, also as a text; None for anything else, and for one above `most`."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def titled(kind: str, text: str) -> str:
    """What an item that is a value is called: the text as it came, but for kinds that are shown masked."""
    if kind not in MASKED:
        return text[:500]
    try:
        return shown(normalise(kind, text))
    except ValueProblem:
        return f"no {kind}"


def _single(value: Value) -> Value:
    """A network of one address is that address."""
    text, _, bits = value.text.partition("/")
    alone = value.kind == "network" and bits == ("128" if ":" in text else "32")
    return Value("address", text) if alone else value
