"""The log of a node's processes: what each line says, and what none of them says."""

import io
import json
import logging
import sys

import pytest

from hanse import logs
from hanse.logs import Repeats, formatter

SECRETS = (
    "hanse_" + "a" * 40,
    "Bearer abcdefghijkl0123",
    "postgresql://hanse:hush-hush@db.example/hanse",
    "GET /people/welcome/wyjFaPu3gXvfW05f4rXCf0SmczPa8alG3iaut9rKBmI/",
    "passphrase='hush-hush'",
    "duplicate key value\nDETAIL:  Key (name)=(hush-hush) already exists.",
)
KEPT = ("wyjFaPu3gXvfW05f4rXCf0SmczPa8alG3iaut9rKBmI", "hush-hush", "a" * 40, "abcdefghijkl0123")
"""What stands in none of these lines."""


def _record(words: str, *told: object, error: BaseException | None = None) -> logging.LogRecord:
    found = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("hanse.tests", logging.ERROR, __file__, 1, words, told, found)


def _failed() -> BaseException:
    """An error that came of another."""
    try:
        try:
            {}["passphrase=hush-hush"]
        except KeyError as error:
            raise ValueError("that cannot be read") from error
    except ValueError as error:
        return error


def test_a_line_is_one_object_that_says_when_where_and_what() -> None:
    """Programs read the log: a line each, the time in UTC."""
    line = formatter(terminal=False).format(_record("%s went\nwrong", "it"))
    told = json.loads(line)
    assert "\n" not in line
    assert (told["event"], told["level"], told["logger"]) == ("it went\nwrong", "error", "hanse.tests")
    assert told["timestamp"].endswith("Z")
    assert list(told) == ["event", "level", "logger", "timestamp"]


def test_an_error_is_said_with_what_it_came_of_and_without_what_variables_held() -> None:
    """The last first; of each its type, its words and the places that it went through."""
    told = json.loads(formatter(terminal=False).format(_record("failed", error=_failed())))
    assert [one["type"] for one in told["exception"]] == ["ValueError", "KeyError"]
    assert told["exception"][0]["value"] == "that cannot be read"
    assert all(at.endswith(" _failed") for one in told["exception"] for at in one["at"])
    assert [set(one) for one in told["exception"]] == [{"type", "value", "at"}] * 2
    assert "hush-hush" not in json.dumps(told)


def test_an_error_that_came_of_itself_ends() -> None:
    """A circle of causes is gone through once."""
    error = ValueError("a circle")
    error.__cause__ = KeyError("within")
    error.__cause__.__cause__ = error
    told = json.loads(formatter(terminal=False).format(_record("failed", error=error)))
    assert [one["type"] for one in told["exception"]] == ["ValueError", "KeyError"]


def test_what_others_said_does_nothing_to_a_terminal() -> None:
    """A partner's refusal is logged: it repaints nothing there, and makes up no line."""
    said = "no\x1b[2J\u202e\n2026-11-28T00:00:00Z [INFO    ] all is well [hanse]"
    line = formatter(terminal=True).format(_record("refused: %s", said, error=ValueError(said)))
    first, *below = line.split("\n")
    assert "all is well" in first
    assert below
    assert all(one.startswith("  ") for one in below)
    assert "\x1b" not in line
    assert "\u202e" not in line


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_nothing_secret_is_written(secret: str, terminal: bool) -> None:
    """Neither in what is logged nor in what is said of an error, to a terminal or to a program."""
    try:
        {}[secret]
    except KeyError:
        record = logging.LogRecord(
            "libraries", logging.ERROR, __file__, 1, "it said: %s", (secret,), sys.exc_info()
        )
    line = formatter(terminal=terminal).format(record)
    assert "it said" in line
    assert [one for one in KEPT if one in line] == []


def test_what_goes_wrong_every_second_is_said_once_in_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is not filled, and what else went wrong is found; how often it was left out is said."""
    now = [5.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    said = Repeats()
    assert [said.filter(_record("%s fails", "it")) for _ in range(3)] == [True, False, False]
    assert said.filter(_record("%s fails", "another"))
    assert said.filter(_record("%s fails", "it", error=_failed()))
    usual = _record("%s fails", "it")
    usual.levelno = logging.INFO
    assert said.filter(usual)
    assert said.filter(usual)
    assert said.filter(_record("%d fails", "it")), "whose values do not fit is logging's to say"
    now[0] += logs.REPEAT_S
    again = _record("%s fails", "it")
    assert said.filter(again)
    assert json.loads(formatter(terminal=False).format(again))["repeated"] == 2
    assert "it fails [hanse.tests] (2 times more since)" in formatter(terminal=True).format(again)


def test_however_many_lines_there_are_few_are_remembered() -> None:
    """Names of files that others choose stand in some of them."""
    said = Repeats()
    for number in range(3_000):
        assert said.filter(_record("%d fails", number))
    assert len(said._said) <= 1_000


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_nothing_of_what_goes_well(terminal: bool) -> None:
    """Whoever tries Hanse out reads what it says to people, and what is wrong; a file of the log has the rest too."""
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    handler = logs.handler(stream)
    for level, words in ((logging.INFO, "it begins"), (logging.WARNING, "it fails")):
        record = logging.LogRecord("hanse.tests", level, __file__, 1, words, (), None)
        if level >= handler.level:
            handler.handle(record)
    assert ("it begins" in stream.getvalue()) is not terminal
    assert "it fails" in stream.getvalue()
