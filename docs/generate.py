"""Write the reference pages that follow from the code: `.venv/bin/python docs/generate.py`.

`tests/test_docs.py` compares what this makes with what lies in docs/reference.
"""  # noqa: INP001 - a program beside the pages it writes, no package

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from hanse import collecting
from hanse.attacks import baseline, intervals, judge, lessons, screen, traffic, vectors
from hanse.cli import main
from hanse.telemetry.schema import FLOW

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code. Change the code, then run it again. -->\n"

TRAFFIC = {
    vectors.ICMP: "ICMP or ICMPv6; answers (echo reply, unreachable, time exceeded, ...) only unasked",
    vectors.SYN: "TCP, SYN and never ACK, or one packet with SYN and FIN or RST",
    vectors.ACK: "TCP, only ACK set, or any other flags without SYN that no other row takes",
    vectors.RST: "TCP, RST without SYN and ACK, or RST and ACK only",
    vectors.FIN: "TCP, FIN without SYN, RST and ACK, or all six flags",
    vectors.NULL: "TCP without any flag",
    vectors.SYNACK: "TCP, SYN and ACK only",
    vectors.TCP_ANSWER: "TCP from port 80, 443 or 8080 without SYN, more than an ACK",
    vectors.UDP: "UDP, from no port of a reflection service",
    vectors.FRAGMENT: "later fragments of UDP or TCP, or UDP from port 0 to port 0",
    vectors.GRE: "GRE, the outer packet of the tunnel",
    vectors.ESP: "ESP",
    vectors.WEB: "TCP connections (SYN and more) to port 80, 443, 8080 or 8443, one flow each",
    vectors.MIXED: "the sum of all classes that are not reflections or sessions",
}
"""How `traffic.class_of` sorts flows, in words."""

NUMBERS = (
    ("What is an attack and what is none", vectors),
    ("Records that count at all", traffic),
    ("Which victims are looked at closely", screen),
    ("Where an interval begins and ends", intervals),
    ("How sure a finding is", judge),
    ("Learnt thresholds", baseline),
    ("Lessons", lessons),
    ("Live", collecting),
)
EXIT_CODES = (
    "Exit code 0 whether or not anything is found, 1 when an input could not be read wholly or a step failed, "
    "2 for wrong usage. Data goes to standard output, progress and problems to standard error.\n"
)
OTHER_NUMBERS = (
    "The thresholds of each vector are in [vectors](vectors.md); these hold for all. The reasoning as a whole: "
    "[thresholds explained](../explanation/thresholds.md). The source test's numbers are in "
    "[tracing](../explanation/tracing.md), those of the links in [campaigns](../explanation/campaigns.md).\n"
)
NO_THRESHOLDS = {"ANYTHING", "DAY_US", "ICMP_ANSWER", "LARGEST", "MIXED", "REFLECTION"}
"""Numbers that name or convert something and decide nothing."""


def cell(text: str) -> str:
    """Text fit for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is the head."""
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "".join("| " + " | ".join(cell(value) for value in line) + " |\n" for line in lines)


def number(value: float) -> str:
    """A number with commas between thousands."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def cli_page() -> str:
    """Every command with its arguments and options."""
    parts = [
        "# Commands\n",
        NOTE,
        EXIT_CODES,
    ]
    context = click.Context(main, info_name="hanse")
    parts += [command_section(command, within) for command, within in walk(main, context)]
    return "\n".join(parts)


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """A command and all below it, in order of name."""
    yield command, context
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            below = command.commands[name]
            yield from walk(below, click.Context(below, info_name=name, parent=context))


def command_section(command: click.Command, context: click.Context) -> str:
    """One command: usage, meaning, options."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = f"## {context.command_path}\n\n```\n{usage}\n```\n\n{inspect.cleandoc(command.help or '')}\n"
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    rows = [option_row(option, context) for option in options if not option.is_eager]
    return text + ("\n" + table(("option", "meaning", "default"), *rows) if rows else "")


def kind_of(option: click.Option, context: click.Context) -> str:
    """What an option takes, with the bounds of a number."""
    kind = option.type
    if isinstance(kind, click.IntRange | click.FloatRange):
        bounds = [f"at least {kind.min:g}" if kind.min is not None else ""]
        bounds += [f"at most {kind.max:g}" if kind.max is not None else ""]
        return "NUMBER, " + ", ".join(bound for bound in bounds if bound)
    return option.make_metavar(context)


def option_row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    """Names and kind of value, meaning, default."""
    kind = "" if option.is_flag else " " + kind_of(option, context)
    names = ", ".join(f"`{name}{kind}`" for name in option.opts)
    default = option.get_default(context) if option.show_default else None
    return names, option.help or "", "required" if option.required else f"`{default}`" if default else ""


def schema_page() -> str:
    """The flow table."""
    rows = [
        (
            f"`{field.name}`",
            str(field.type),
            "yes" if field.nullable else "",
            field.metadata[b"meaning"].decode(),
        )
        for field in FLOW
    ]
    return (
        "# The flow table\n\n" + NOTE + "\nEvery input becomes rows of this Arrow schema "
        f"(`{FLOW.metadata[b'hanse.schema'].decode()}` in the Parquet metadata). A flow is a unidirectional run of "
        "packets with one key, as one vantage point saw it. Counters are as observed: multiply `packets` and `bytes` "
        "by `sampling` for the estimate. How files become flows is told in [inputs](inputs.md).\n\n"
        + table(("field", "type", "may be null", "meaning"), *rows)
        + "\nIn CSV and JSON, addresses are text (IPv4 in dotted form) and times are ISO 8601 UTC.\n"
    )


def vectors_page() -> str:
    """Every vector with its fixed thresholds."""
    floods = [vector for vector in vectors.vectors().values() if vector.code < vectors.REFLECTION]
    rows = [
        (
            f"`{vector.name}`",
            TRAFFIC[vector.code],
            number(vector.min_pps),
            number(vector.min_packets),
            number(vector.min_sources),
            "yes" if vector.unanswered else "",
            vector.why.replace("`HEAVY_CLIENT`", "[thresholds](thresholds.md)"),
        )
        for vector in floods
    ]
    services = [
        (f"`{service.name}_reflection`", str(service.port), number(service.answer_bytes))
        for service in vectors.reflection_services()
    ]
    return (
        "# Vectors\n\n"
        + NOTE
        + "\nA vector is a kind of attack traffic. A second counts from the given rate on; "
        "the whole interval must have the given packets and distinct sources. Where *unasked* says yes, traffic of "
        "sources with which the victim converses is left out. The thresholds of a network (carpet bombing) are "
        f"{number(vectors.CARPET_FACTOR)} times those of a host. Why at all: [thresholds](../explanation/thresholds.md).\n\n"
        + table(
            ("vector", "traffic", "packets/s", "packets", "sources", "unasked", "reason or source"), *rows
        )
        + "\n## Reflections\n\nUDP answers from a service's port that the victim did not ask for: from "
        f"{number(vectors.REFLECTION_PPS)} packets/s, {vectors.REFLECTION_PACKETS} packets and "
        f"{vectors.REFLECTION_SOURCES} reflectors on, if they have at least the given IP octets per packet on average.\n\n"
        + table(("vector", "UDP port", "octets per packet"), *services)
    )


def documented_numbers(module: ModuleType) -> Iterator[tuple[list[str], str]]:
    """Names assigned line after line in a module, with the docstring that follows them."""
    names: list[str] = []
    last = 0
    for node in ast.parse(inspect.getsource(module)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                names = [*names, name] if node.lineno == last + 1 else [name]
                last = node.end_lineno or 0
            case ast.Expr(value=ast.Constant(value=str(text))) if names and node.lineno == last + 1:
                yield names, text
                names = []


def thresholds_page() -> str:
    """Every other number of the definition, with its reason."""
    parts = [
        "# Numbers of the detector\n",
        NOTE,
        OTHER_NUMBERS,
    ]
    for title, module in NUMBERS:
        rows = []
        for names, text in documented_numbers(module):
            values = {
                name: getattr(module, name)
                for name in names
                if name.isupper() and name[0] != "_" and name not in NO_THRESHOLDS
            }
            values = {name: value for name, value in values.items() if isinstance(value, int | float)}
            if values:
                said = "<br>".join(f"`{name}` = {number(value)}" for name, value in values.items())
                rows.append((said, text))
        parts.append(f"## {title}\n\n" + table(("number", "reason or source"), *rows))
    return "\n".join(parts)


def pages() -> dict[str, str]:
    """All generated pages by file name."""
    return {
        "cli.md": cli_page(),
        "flow-schema.md": schema_page(),
        "thresholds.md": thresholds_page(),
        "vectors.md": vectors_page(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")
