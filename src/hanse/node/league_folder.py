"""The folder of a league: what it was made with, and that nobody else runs it meanwhile."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from hanse.kernel.errors import UsageError
from hanse.node.league_posts import LeagueError

KEPT: Final = "league.json"
LOCK: Final = "league.lock"


class Choices(msgspec.Struct, frozen=True):
    """What a league is made with; kept beside it, for it stays as it is.

    Attributes:
        port: Of the first node; the others have the next ones.
        seed: The same seed makes the same telemetry.
        scale: How many flows, as of `hanse exercise`.
        short: Only the day with most attacks.
    """

    port: int
    seed: int
    scale: float
    short: bool = False


def chosen(folder: Path, told: Mapping[str, Any], usual: Choices) -> Choices:
    """What the league in a folder is made with: as it was made, or what is told now, or else the usual.

    Args:
        folder: The folder; made where it is not there.
        told: What is wished, by the names of `Choices`; None for no wish.
        usual: What it is made with otherwise.

    Raises:
        UsageError: The league was made with something else than what is told now.
    """
    kept = folder / KEPT
    wishes = {name: value for name, value in told.items() if value is not None}
    if not kept.exists():
        choices = msgspec.structs.replace(usual, **wishes)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(choices))
        return choices
    choices = msgspec.json.decode(kept.read_bytes(), type=Choices)
    for name, value in wishes.items():
        if getattr(choices, name) != value:
            raise UsageError(
                f"The league in {folder} was made with {name} {getattr(choices, name)}, which its nodes and their "
                f"partners keep. Leave {name} out, or name another folder for another league."
            )
    return choices


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else runs the league in this folder meanwhile.

    Raises:
        LeagueError: Somebody does.
    """
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise LeagueError(
                f"The league in {folder} runs already, in process {lock.read().strip()}. Its consoles are where that "
                "one said; end it with Ctrl-C first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
