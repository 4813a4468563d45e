"""Write the reference pages that follow from the code: `.venv/bin/python docs/generate.py`.

`tests/test_docs.py` compares what this makes with what lies in docs/reference.
"""  # noqa: INP001 - a program beside the pages it writes, no package

import ast
import inspect
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import MISSING, fields
from importlib import import_module
from itertools import groupby
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
import msgspec

from hanse import collecting
from hanse import settings as node_settings
from hanse.attacks import baseline, intervals, judge, lessons, live, screen, traffic, vectors
from hanse.bootstrap import configure
from hanse.cli import main
from hanse.kernel.keys import Keyring
from hanse.ledger import exempt, keyfile
from hanse.policy.actions import ACTIONS, Action
from hanse.policy.roles import roles
from hanse.telemetry import store
from hanse.telemetry.exports import receipt, streams
from hanse.telemetry.schema import FLOW

sys.path.insert(0, str(Path(__file__).resolve().parent))
from threats_told import FAULTS, THREATS, THREATS_FOOT, THREATS_HEAD

DOCS = Path(__file__).resolve().parent
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
    ("Live: a single flow", live),
    ("Clocks of exporters", receipt),
    ("Where live flows lie", store),
    ("Templates of exporters", streams),
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

VARIABLES = (
    ("HANSE_HOME", "the node's folder; without it, the user's data folder. `--home` goes before it"),
    ("HANSE_DATABASE", "goes before `database` in the file"),
    ("HANSE_URL", "goes before `url` in the file"),
    ("HANSE_LISTEN", "goes before `listen` in the file"),
    ("HANSE_METRICS", "goes before `metrics` in the file"),
    ("HANSE_PASSPHRASE_FILE", "a file that holds nothing but the passphrase of the node's keys"),
    (
        "CREDENTIALS_DIRECTORY",
        f"set by systemd; the passphrase is read from the credential `{keyfile.CREDENTIAL}` in it",
    ),
)
"""Environment variables that a node reads, in words."""

JSON_TYPES = {str: "text", int: "integer", float: "number", bool: "yes/no", NoneType: "null"}
"""Types as readers of JSON call them."""

SETTINGS_HEAD = (
    "A node has two kinds of settings. What it is and where it runs stands in `settings.toml` in its home folder, "
    "and is read when a process starts. What people decide about it is set in the console, is an entry of the "
    "ledger, and holds at once.\n"
)
KINDS_HEAD = (
    "The kind of an entry says what its body's `content` holds and which rows follow from it. Times are "
    "microseconds UTC, ids are UUIDs in hexadecimal. Bodies marked *sealed* are always encrypted at rest; all "
    "others are when their marking has a handling code. What is *read by who oversees* no other person here reads or "
    "takes out, whatever they may read otherwise. An unknown kind, from a newer node, is kept as it is and "
    "projected after an upgrade. How an entry is built: [the ledger's format](ledger.md).\n"
)
EXEMPT_HEAD = (
    "Everything in the database is either the ledger itself or follows from it, and `hanse node fsck` compares it "
    "column by column with a replay. This is the whole list of what it does not compare, with the reason of each. "
    "Nobody's rights or findings rest on it alone. What of it is sealed has to open in "
    "[its own row](../explanation/encryption.md#what-a-sealed-column-is-bound-to).\n"
)
ROLES_HEAD = (
    "Roles are data (`src/hanse/policy/roles.toml`). A person has any number of them. Policy asks for the action "
    "and then looks at the thing's [marking](../explanation/markings.md); a role alone shows nobody anything that "
    "its marking withholds. How people get them: [people and roles](../how-to/people-and-roles.md).\n"
)
OPERATIONS_HEAD = (
    "The node's own description, with all fields, is at `/api/openapi.json`. How requests and answers look in "
    "general: [API](api.md). *Action* is what [policy](roles.md) asks for, and what a token's scope names.\n"
)


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


def attributes(documented: type) -> dict[str, str]:
    """What a class's docstring says of each attribute, and those of the classes that it builds on."""
    told: dict[str, str] = {}
    for one in reversed(documented.__mro__):
        _, _, part = inspect.cleandoc(vars(one).get("__doc__") or "").partition("Attributes:\n")
        told |= dict(re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", part, re.MULTILINE))
    return {name: ticks(text) for name, text in told.items()}


def summary(documented: type) -> str:
    """What a class's docstring says before its attributes."""
    return ticks(inspect.cleandoc(documented.__doc__ or "").partition("Attributes:")[0])


def ticks(text: str) -> str:
    """Text in one line, code marked as Markdown does."""
    return " ".join(text.split()).replace("``", "`")


def type_name(annotation: Any) -> str:
    """A type as readers of JSON call it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {list, tuple}:
        told = [type_name(one) for one in inner if one is not ...]
        return f"list of {told[0]}" if origin is list or ... in inner else f"({', '.join(told)})"
    if origin is dict:
        return "object"
    if origin is Annotated:
        return type_name(inner[0])
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inner)
    if origin is UnionType or origin is Union:
        return " or ".join(type_name(one) for one in inner)
    return JSON_TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def settings_page() -> str:
    """The settings file, the environment, and the groups of settings in the console."""
    from hanse.console.service import GROUPS  # noqa: PLC0415 - needs Django

    said = attributes(node_settings.Node)
    rows = []
    for one in fields(node_settings.Node):
        if one.name != "home":
            default = "required" if one.default is MISSING else f"`{shown(one.default)}`"
            rows.append((f"`{one.name}`", said[one.name], default))
    parts = [
        "# Settings\n",
        NOTE,
        SETTINGS_HEAD,
        (
            "## The file\n\n`hanse node init` writes it. Restart the node after changing it. A setting that is not in "
            f"this table is refused.\n\n{table(('setting', 'meaning', 'default'), *rows)}"
        ),
        "An issuer of OpenID Connect is a table of its own, such as:\n",
        (
            '```toml\n[[oidc]]\nid = "police"\nname = "Police sign-in"\nissuer = "https://login.example/realms/police"\n'
            'client_id = "hanse"\nsecret_file = "/etc/hanse/oidc-police"\n```\n'
        ),
        f"## The environment\n\n{table(('variable', 'meaning'), *((f'`{name}`', text) for name, text in VARIABLES))}",
        (
            "## In the console\n\nSettings, for administrators. Each change is an entry; passwords and secrets are "
            "encrypted at rest and never shown again.\n"
        ),
    ]
    return "\n".join([*parts, *(group_section(name, group) for name, group in GROUPS.items())])


def group_section(name: str, group: type[msgspec.Struct]) -> str:
    """One group of settings in the console."""
    said = attributes(group)
    rows = [
        (f"`{one.name}`", said.get(one.name, ""), f"`{shown(one.default)}`")
        for one in msgspec.structs.fields(group)
    ]
    return f"### {name}\n\n{summary(group)}\n\n" + table(("setting", "meaning", "default"), *rows)


def shown(value: Any) -> str:
    """A default as people type it."""
    empty = {"": '""', (): "none", True: "true", False: "false"}
    return empty[value] if isinstance(value, bool | str | tuple) and value in empty else str(value)


def kinds_page() -> str:
    """Every kind of entry, with the fields of its content."""
    from hanse.ledger.kinds import all_kinds  # noqa: PLC0415 - the rooms bring them when Django is configured

    parts = ["# Kinds of entries\n", NOTE, KINDS_HEAD]
    own = [kind for kind in all_kinds() if kind.content.__module__.startswith("hanse.")]
    for room, kinds in groupby(own, key=lambda kind: kind.name.partition(".")[0]):
        rows = [kind_row(kind) for kind in kinds]
        parts.append(f"## {room}\n\n" + table(("kind", "meaning", "fields", "sealed"), *rows))
    return "\n".join(parts)


def kind_row(kind: Any) -> tuple[str, str, str, str]:
    """One kind: its name, what it says, its fields, and whether its bodies are always sealed."""
    said, meaning = attributes(kind.content), summary(kind.content)
    if named := re.search(r"[;,]? ?[Ff]ields as of `models\.(\w+)`(?:, then [^.;]*)?", meaning):
        models = import_module(f"hanse.{kind.name.partition('.')[0]}.models")
        said |= attributes(getattr(models, named[1]))
        meaning = meaning.replace(named[0], "")
    told = [
        f"`{one.name}` {type_name(one.type)}" + (f": {said[one.name]}" if one.name in said else "")
        for one in msgspec.structs.fields(kind.content)
    ]
    sealed = "; ".join(["yes"] * kind.sealed + ["read by who oversees"] * kind.overseen)
    return f"`{kind.name}`", no_none(meaning), no_none("<br>".join(told)), sealed


def no_none(text: str) -> str:
    """Python's None in JSON's word."""
    return re.sub(r"\bNone\b", "null", text)


def exempt_page() -> str:
    """What in the database is no projection."""
    tables = [(f"`{name}`", why) for name, why in exempt.TABLES.items()]
    columns = [(f"`{name}`", why) for name, why in exempt.COLUMNS.items()]
    return "\n".join(
        [
            "# What is not a projection\n",
            NOTE,
            EXEMPT_HEAD,
            "## Tables\n\n" + table(("table", "reason"), *tables),
            "## Columns\n\n" + table(("column", "reason"), *columns),
        ]
    )


def roles_page() -> str:
    """Roles, actions, and who may do what."""
    known = roles()
    about = [
        (
            role.title,
            ", ".join(sorted(role.purposes)) or "none",
            "yes" if role.oversight else "",
        )
        for role in known.values()
    ]
    matrix = [
        (
            f"`{action.name}`",
            f"may {action.words}",
            *("yes" if action.name in role.actions else "" for role in known.values()),
            demands(action),
        )
        for action in ACTIONS.values()
    ]
    heads = ("action", "", *(role.title for role in known.values()), "also")
    return "\n".join(
        [
            "# Roles and actions\n",
            NOTE,
            ROLES_HEAD,
            "## Roles\n",
            table(("role", "purposes", "oversees"), *about),
            (
                "Who oversees sees all envelopes, whatever their marking and team, and an embargoed body only when a "
                "second person opened it.\n"
            ),
            "## Actions\n",
            table(heads, *matrix),
            (
                "*passkey*: proved in the last five minutes. *second person*: never the one who began it. *logged*: who, "
                "when and which thing are written down (Directive (EU) 2016/680, article 25). *reason*: the person says "
                "why.\n"
            ),
        ]
    )


def demands(action: Action) -> str:
    """What an action asks for beside the role."""
    told = (
        (action.step_up, "passkey"),
        (action.second_person, "second person"),
        (action.logged, "logged"),
        (action.reason, "reason"),
    )
    return ", ".join(word for asked, word in told if asked)


def operations_page() -> str:
    """Every operation of the API, from its OpenAPI description."""
    from hanse.console.api import api  # noqa: PLC0415 - needs Django

    parts = ["# Operations of the API\n", NOTE, OPERATIONS_HEAD]
    told = [
        (path, method, operation)
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    ]
    for room, operations in groupby(told, key=lambda one: one[0].split("/")[2]):
        rows = [operation_row(*one) for one in operations]
        parts.append(f"## {room}\n\n" + table(("operation", "action", "meaning", "in the address"), *rows))
    return "\n".join(parts)


def operation_row(path: str, method: str, operation: dict[str, Any]) -> tuple[str, str, str, str]:
    """One operation: address, action, meaning, query parameters."""
    query = ", ".join(f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] == "query")
    action = operation.get("x-hanse-action")
    meaning = ticks(operation.get("description") or operation.get("summary") or "")
    return f"`{method.upper()} {path}`", f"`{action}`" if action else "one's own", meaning, query


def django_ready() -> None:
    """Configure a node that holds nothing, unless this process has one."""
    from django.conf import settings  # noqa: PLC0415 - only to ask

    if not settings.configured:
        home = Path(tempfile.gettempdir()) / f"hanse-docs-{os.getpid()}"
        configure(node_settings.Node(home, "ee-cert", "CERT Estonia", "EE"), Keyring.new())


def threats_page() -> str:
    """What a node faces, what it does about it, and the tests that try it."""
    rows = []
    for number, (attack, defence, more) in THREATS.items():
        own = sorted((DOCS.parent / "tests" / "threats").glob(f"test_{number:02}_*.py"))
        tests = [path.relative_to(DOCS.parent).as_posix() for path in own] + list(more)
        if tests:
            rows.append((str(number), attack, defence, "<br>".join(f"`{test}`" for test in tests)))
    faults = [(fault, promise, f"`{test}`") for fault, promise, test in FAULTS]
    return "\n".join(
        [
            "# Threats, and the tests that try them\n",
            NOTE,
            THREATS_HEAD,
            table(("number", "attack", "defence", "tests"), *rows),
            "## Faults\n\nNothing that was acknowledged is ever lost.\n",
            table(("fault", "what holds", "test"), *faults),
            THREATS_FOOT,
        ]
    )


def pages() -> dict[str, str]:
    """All generated pages by their path within docs/."""
    django_ready()
    return {
        "explanation/threats.md": threats_page(),
        "reference/cli.md": cli_page(),
        "reference/exempt.md": exempt_page(),
        "reference/flow-schema.md": schema_page(),
        "reference/kinds.md": kinds_page(),
        "reference/operations.md": operations_page(),
        "reference/roles.md": roles_page(),
        "reference/settings.md": settings_page(),
        "reference/thresholds.md": thresholds_page(),
        "reference/vectors.md": vectors_page(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, "utf-8")
