"""The log of a node's processes: a line per event on stderr, JSON where no terminal reads it, and nothing secret.

Configured once per process by the composition root. Rooms write with the standard library's loggers and never
write what a marked thing says; what libraries write is cleaned here as well.
"""

import logging
import re
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

FOR_GRANIAN: Final[dict[str, Any]] = {
    "handlers": {},
    "formatters": {},
    "loggers": {
        name: {"handlers": [], "level": "WARNING", "propagate": True}
        for name in ("_granian", "granian.access")
    },
}
"""What the web server is told of logging: to write through the process's own log."""

_SECRET_NAMES = frozenset(
    {
        "password",
        "passphrase",
        "secret",
        "token",
        "authorization",
        "cookie",
        "sessionid",
        "csrfmiddlewaretoken",
    }
)
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

_configured: list[bool] = []


def configure() -> None:
    """Send everything that this process logs to stderr; a second call changes nothing."""
    if _configured:
        return
    _configured.append(True)
    terminal = sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(terminal=terminal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("fido2").setLevel(logging.WARNING)  # names every credential that signs in
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def formatter(*, terminal: bool) -> logging.Formatter:
    """The formatter of every line: aligned words for a terminal, else one JSON object."""
    shown: list[Processor] = (
        [
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            _clean_line,
        ]
        if terminal
        else [_tracebacks, _shorter, _clean_values, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
    )


def clean(text: str) -> str:
    """A text without what looks like a secret."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _without_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Values under names that say what they are."""
    return {key: _GONE if key.lower() in _SECRET_NAMES else value for key, value in event.items()}


def _shorter(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A traceback as what was raised and the places that it went through."""
    if "exception" in event:
        event["exception"] = [
            {
                "type": error["exc_type"],
                "value": clean(error["exc_value"])[:2_000],
                "at": [f"{frame['filename']}:{frame['lineno']} {frame['name']}" for frame in error["frames"]],
            }
            for error in event["exception"]
        ]
    return event


def _clean_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The last look at every text of an event."""
    return {key: clean(value) if isinstance(value, str) else value for key, value in event.items()}


def _clean_line(_: WrappedLogger, __: str, line: Any) -> str:
    """The last look at a line for a terminal."""
    return clean(str(line))


_tracebacks: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # variables hold people's data
)

_SHARED: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_secrets,
]
