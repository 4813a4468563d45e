"""`hanse data` and `hanse --help`: what needs no telemetry."""

import json
import subprocess
import sys
import time

import click

from hanse.cli import COMMANDS, main
from tests.cli.shell import hanse

HEAVY = ("numba", "scipy", "pyarrow", "ibis", "duckdb", "rich", "jinja2")


def test_status_is_the_same_in_both_formats():
    """The JSON names whether there is address data, and the lines agree."""
    value = json.loads(hanse("data", "status", "--format", "json").stdout)
    text = hanse("data", "status").stdout
    assert isinstance(value["available"], bool)
    assert value["available"] == ("is off" not in text)


def test_a_bad_table_is_refused_in_one_line(tmp_path):
    """Nonsense for address data ends in an error with its place, not in a traceback."""
    bad = tmp_path / "bad.csv"
    bad.write_text("nonsense\n", "utf-8")
    result = hanse("data", "update", bad)
    assert result.exit_code in {1, 2}
    assert isinstance(result.exception, SystemExit)
    assert "bad.csv, line 1" in result.stderr


def test_help_loads_nothing_heavy():
    """`hanse --help` imports none of the large libraries."""
    program = (
        "import sys; from hanse.cli import main; main(['--help'], standalone_mode=False);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert time.monotonic() - began < 5
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_every_command_has_help():
    """Each command named in the help exists, answers to its name, and explains itself."""
    assert isinstance(main, click.Group)
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert command.name == name
        assert hanse(name, "--help").exit_code == 0


def test_an_unknown_command_is_wrong_usage():
    """A command that is none ends with 2."""
    result = hanse("atacks")
    assert result.exit_code == 2
    assert "No such command" in result.stderr
