"""The log of a node's processes: a line per event on stderr, JSON where no terminal reads it, and nothing secret.

Somebody at a terminal reads warnings and errors among the words of the command, and nothing of what goes well.

Configured once per process by the composition root. Rooms write with the standard library's loggers and never
write what a marked thing says; what libraries write is cleaned here as well. It is the standard library's alone:
every process of a node begins with it.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from hanse.kernel.printable import printable

FOR_GRANIAN: Final[dict[str, Any]] = {
    "handlers": {},
    "formatters": {},
    "loggers": {
        name: {"handlers": [], "level": "WARNING", "propagate": True}
        for name in ("_granian", "granian.access")
    },
}
"""What the web server is told of logging: to write through the process's own log."""

_GONE = "[left out]"
_PATTERNS: Final = (
    # 1. Tokens of this node, and what stands after Authorization. 2. Passwords in addresses. 3. One-time links.
    (re.compile(r"\bhanse_[A-Za-z0-9_-]{16,}"), _GONE),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {_GONE}"),
    (re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@"), rf"\1:{_GONE}@"),
    (re.compile(r"(/welcome/)[A-Za-z0-9_-]{16,}"), rf"\1{_GONE}"),
    (
        re.compile(r"(?i)\b(password|passphrase|secret)(['\"]?\s*[=:]\s*)(['\"]?)[^\s,'\"}\[]+\3"),
        rf"\1\2{_GONE}",
    ),
    # 4. What a database repeats of a row that it refuses, which may be what a marked thing says.
    (re.compile(r"\n?DETAIL:.*?(?=\n\S|\Z)", re.DOTALL), ""),
)

_PLACES: Final = 50
"""Of a traceback, those nearest to the error."""

REPEAT_S: Final = 600.0
"""What goes wrong the same way again and again, such as once a second for months, is said once in so many seconds."""

_MOST: Final = 1_000
"""Lines that are remembered; beyond them it is begun anew."""

_configured: list[bool] = []


def configure() -> None:
    """Send everything that this process logs to stderr; a second call changes nothing."""
    if _configured:
        return
    _configured.append(True)
    root = logging.getLogger()
    root.handlers[:] = [handler(sys.stderr)]
    root.setLevel(logging.INFO)
    logging.getLogger("fido2").setLevel(logging.WARNING)  # names every credential that signs in
    logging.captureWarnings(capture=True)


def handler(stream: TextIO) -> logging.Handler:
    """What writes to a stream: to a terminal what is wrong alone, to everything else all that happens."""
    terminal = stream.isatty()
    made = logging.StreamHandler(stream)
    made.setLevel(logging.WARNING if terminal else logging.INFO)
    made.setFormatter(formatter(terminal=terminal))
    made.addFilter(Repeats())
    return made


def formatter(*, terminal: bool) -> logging.Formatter:
    """The formatter of every line: words for a terminal, else one JSON object."""
    return _Words() if terminal else _Objects()


def clean(text: str) -> str:
    """A text without what looks like a secret."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


class Repeats(logging.Filter):
    """Leaves out warnings and errors that were said a moment ago word for word; the next one says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is said."""
        if record.levelno < logging.WARNING:
            return True
        error = record.exc_info[1] if record.exc_info else None
        try:
            line = (record.name, record.getMessage(), type(error).__name__, str(error))
        except (TypeError, ValueError, KeyError):
            return True  # its values do not fit its words, which is said where it is written
        now, (since, more) = time.monotonic(), self._said.get(line, (-REPEAT_S, 0))
        if now - since < REPEAT_S:
            self._said[line] = since, more + 1
            return False
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[line] = now, 0
        record.repeated = more
        return True


class _Words(logging.Formatter):
    """A line for people, and below it where an error was raised.

    What others said stands in both: nothing of it moves the cursor, or looks like a line of ours.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s [%(levelname)-8s] %(message)s [%(name)s]")

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the last look at all of it."""
        return clean(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line itself."""
        more = getattr(record, "repeated", 0)
        return printable(super().formatMessage(record)) + (f" ({more:,} times more since)" if more else "")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Where an error was raised; no line of it begins as those of the log do."""
        return "\n".join(f"  {printable(line)}" for line in clean(super().formatException(ei)).split("\n"))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - logging's names
        """When it was, in UTC."""
        return _time(record)


class _Objects(logging.Formatter):
    """A line for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        told: dict[str, object] = {
            "event": clean(record.getMessage()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _time(record),
        }
        if more := getattr(record, "repeated", 0):
            told["repeated"] = more
        if record.exc_info and record.exc_info[1] is not None:
            told["exception"] = [_raised(error) for error in _chain(record.exc_info[1])]
        return json.dumps(told)


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it came of; one that came of itself ends it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _raised(error: BaseException) -> dict[str, object]:
    """What was raised, and the places that it went through; never what variables held, which is people's data."""
    places = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    return {
        "type": type(error).__name__,
        "value": clean(str(error))[:2_000],
        "at": [f"{one.filename}:{one.lineno} {one.name}" for one in places],
    }
