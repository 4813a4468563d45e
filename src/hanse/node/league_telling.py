"""What a league tells its visitor, line by line: since when, who, what."""

import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from hanse.kernel.printable import printable

_WHEN, _WHO = 8, 15
_WIDEST: Final = 120


class Teller:
    """Writes lines to the terminal as things happen."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST) - 1

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def happened(self, who: str, what: str) -> None:
        """Something that happened just now."""
        when = f"{self.seconds:5.1f} s  "
        self._wrapped(f"{when}{who:<{_WHO}}", what, _WHEN + _WHO + 1)

    def say(self, words: str = "") -> None:
        """A paragraph; lines that begin with a space stay as they are."""
        if words.startswith(" ") or not words:
            self._console.print(printable(words, keep="\n"))
            sys.stdout.flush()
        else:
            self._wrapped("", words, 0)

    def heading(self, words: str) -> None:
        """What comes now."""
        self.say()
        self.say(words)

    @contextmanager
    def busy(self, words: str) -> Iterator[Callable[[str], None]]:
        """Say at the foot of a terminal what is going on; nothing elsewhere. Gives what says how far it is."""
        if not sys.stdout.isatty():
            yield lambda _: None
            return
        with self._console.status(words) as status:
            yield lambda more: status.update(f"{words} ({printable(more)})" if more else words)

    def _wrapped(self, first: str, words: str, indent: int) -> None:
        width = max(self._width, indent + 30)
        lines = textwrap.wrap(
            f"{first} {words}" if first else printable(words), width, subsequent_indent=" " * indent,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        self._console.print(printable("\n".join(lines), keep="\n"))
        sys.stdout.flush()
