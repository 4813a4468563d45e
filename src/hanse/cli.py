"""The shell: `hanse` and its commands, each loaded only when it is called or asked for help."""

import io
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import click

from hanse.kernel.errors import HanseError, UsageError
from hanse.kernel.printable import printable

COMMANDS = {
    "attacks": ("hanse.analysing", "List the attacks in captures, exports, logs and tables."),
    "campaigns": ("hanse.analysing", "List the campaigns that attacks belong to."),
    "collect": ("hanse.collecting", "Receive flow exports live, and report attacks."),
    "data": ("hanse.tracing.commands", "Address data: which is used, and how to replace it."),
    "exercise": ("hanse.exercise.commands", "Make telemetry with known truth, to rehearse on."),
    "flows": ("hanse.telemetry.commands", "Read any input, and print or store its flows."),
    "league": ("hanse.node.league_commands", "Rehearse with four nodes on this machine that share."),
    "learn": ("hanse.attacks.commands", "Learn each victim's normal traffic from past flows."),
    "lesson": ("hanse.attacks.commands", "Decide on attacks: a false positive, a merge, a split."),
    "match": ("hanse.matching.commands", "See what partners have too, and have selectors compared."),
    "node": ("hanse.node.commands", "Make, serve, upgrade, back up and check a node."),
    "report": ("hanse.analysing", "Write the findings as one HTML page that opens offline."),
    "verify": ("hanse.ledger.commands", "Prove an exported ledger entry, with no node at hand."),
}
"""Commands: the module that has each under its name, and the line for `hanse --help`."""


class Lazily(MutableMapping[str, click.Command]):
    """The commands by name; a module is imported when its command is taken out.

    Importing them all takes two seconds, mostly for numba, scipy, Ibis and Arrow.
    """

    def __init__(self) -> None:
        self._more: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """The command, its module imported."""
        if name in self._more:
            return self._more[name]
        command: click.Command = getattr(import_module(COMMANDS[name][0]), name)
        return command

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is here already."""
        self._more[name] = command

    def __delitem__(self, name: str) -> None:
        """Take out a command that was added."""
        del self._more[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter({**COMMANDS, **self._more})

    def __len__(self) -> int:
        """How many there are."""
        return len({**COMMANDS, **self._more})


class Shell(click.Group):
    """The group of all commands: its help imports none of them, and no error of Hanse leaves it raw."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong becomes one line and an exit code.

        Raises:
            click.UsageError: Wrong usage (exit code 2).
            click.ClickException: Anything else that Hanse or the file system refused (exit code 1).
        """
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(printable(str(error), keep="\n")) from error
        except HanseError as error:
            raise click.ClickException(printable(str(error), keep="\n")) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(printable(f"{place}{error.strerror or error}")) from error


@click.group(cls=Shell, commands=Lazily(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hanse")
def main() -> None:
    """Hanse finds attacks in raw telemetry, and the campaigns that they belong to.

    Start with `hanse attacks PATH`; PATH is a capture, a flow export, a folder or a glob.
    """
    _written_wholly()


def _written_wholly() -> None:
    """Give standard output a buffer where Python was started without one (PYTHONUNBUFFERED, as services often have it).

    Without it, what a pipe does not take at once is lost, and nobody is told: a pipe takes a part alone when the process
    is stopped and goes on (Ctrl-Z, a paused container).
    """
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        buffer = io.BufferedWriter(raw)
        sys.stdout = io.TextIOWrapper(buffer, sys.stdout.encoding, sys.stdout.errors, line_buffering=True)
