"""The documentation says what the program does: pages from code, commands, links, JSON fields, promises."""

import importlib.util
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pytest

from hanse import show
from hanse.attacks.attack import Attack, Detection, Dismissed
from hanse.attacks.detect import SENSITIVITY_GAPS
from hanse.attacks.present import COLUMNS, as_table
from hanse.attacks.sources import SOURCES
from hanse.attacks.traffic import class_of
from hanse.attacks.vectors import vectors
from hanse.campaigns import verdict
from hanse.campaigns.campaign import Link, LinkTest
from hanse.cli import main
from hanse.collecting import Announcer
from hanse.constituency import SECTORS, Registry, Target
from hanse.engine import open_engine
from hanse.pipeline import Analysis
from hanse.telemetry.columns import parse_mapping
from hanse.telemetry.reading import InputReport
from hanse.tracing.address_data import AddressData, Description
from hanse.tracing.data_files import TableFile
from hanse.tracing.government import GovernmentNetworks
from hanse.tracing.trace import NetworkShare, Trace
from tests.attacks.build import flows
from tests.shared import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
READS = [path.relative_to(ROOT).as_posix() for path in PAGES]


@cache
def generator() -> Any:
    """The program docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def made_pages() -> dict[str, str]:
    """What the generator makes of the code as it is now, by page."""
    pages: dict[str, str] = generator().pages()
    return pages


GENERATED = (
    "explanation/threats.md", "reference/cli.md", "reference/exempt.md", "reference/flow-schema.md",
    "reference/kinds.md", "reference/operations.md", "reference/roles.md", "reference/settings.md",
    "reference/thresholds.md", "reference/vectors.md",
)  # fmt: skip
"""Pages that docs/generate.py writes, within docs/."""


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_follow_the_code(name):
    """Each generated page is what the generator makes of the code as it is now."""
    assert (DOCS / name).read_text("utf-8") == made_pages()[name], "run: .venv/bin/python docs/generate.py"


def test_every_generated_page_is_compared():
    """The generator makes no page that the test above leaves out."""
    assert sorted(made_pages()) == sorted(GENERATED)


def text_of(path: str) -> str:
    """A file of the repository."""
    return (ROOT / path).read_text("utf-8")


def test_every_variable_of_the_environment_is_documented():
    """Each variable with Hanse's name that the program reads stands in the page of settings, and no other."""
    read = set()
    for path in (ROOT / "src").rglob("*.py"):
        read |= set(re.findall(r'environ(?:\.get\(|\[)"(HANSE_\w+)', path.read_text("utf-8")))
    (names,) = re.findall(r'for name in \(("database".*)\):', text_of("src/hanse/settings.py"))
    read |= {f"HANSE_{name.upper()}" for name in re.findall(r"\w+", names)}
    told = {name for name, _ in generator().VARIABLES if name.startswith("HANSE_")}
    assert told == read


@cache
def operations() -> set[tuple[str, str]]:
    """Method and pattern of the path of each operation of the API."""
    from hanse.console.api import api

    described = api.get_openapi_schema()["paths"]
    return {
        (method.upper(), re.sub(r"\{\w+\}", "[^/]+", path))
        for path, methods in described.items()
        for method in methods
    }


@pytest.mark.parametrize("page", READS)
def test_every_call_of_the_api_is_an_operation(page):
    """Each curl of the API in a page names a path and a method that the API has."""
    text = (ROOT / page).read_text("utf-8").replace("\\\n", " ")
    known = operations()
    for line in re.findall(r"^.*\bcurl .*?/api/.*$", text, re.MULTILINE):
        (path,) = re.findall(r"(/api/[^?\s\"'`]+)", line)
        method = (
            re.findall(r"-X (\w+)", line) or ["POST" if " --data" in line or " --json" in line else "GET"]
        )[0]
        assert path == "/api/openapi.json" or any(
            method == one and re.fullmatch(pattern, path) for one, pattern in known
        ), f"{page}: the API has no {method} {path}"


def threats() -> dict[str, list[str]]:
    """The files of tests that docs/explanation/threats.md names for each threat's number."""
    text = (DOCS / "explanation" / "threats.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", text, re.MULTILINE)
    return {number: re.findall(r"`(tests/[^`]+)`", row) for number, row in rows}


def test_every_test_of_a_threat_is_documented():
    """The page of threats names each test file of tests/threats under its number, and only files that exist."""
    told = threats()
    for number, files in told.items():
        assert files, f"threat {number} names no test"
        assert [name for name in files if not (ROOT / name).is_file()] == []
    for path in (ROOT / "tests" / "threats").glob("test_[0-9]*.py"):
        number = str(int(path.name.split("_")[1]))
        assert path.relative_to(ROOT).as_posix() in told.get(number, []), f"{path.name} stands in no row"


def test_decisions_are_numbered_without_gaps():
    """The decisions are numbered on, and the index says each one's title."""
    index = (DOCS / "adr" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", index, re.MULTILINE)
    assert [number for number, _, _ in listed] == [f"{at:04}" for at in range(1, len(listed) + 1)]
    assert sorted(name for _, name, _ in listed) == sorted(
        path.name for path in (DOCS / "adr").glob("[0-9]*.md")
    )
    for number, name, title in listed:
        assert (DOCS / "adr" / name).read_text("utf-8").startswith(f"# {number}: {title}\n"), name


FLAGS = {
    "tcp_syn_flood": [(2, 5, 0), (3, 1, 0), (10, 5, 0), (19, 1, 0)],
    "tcp_synack_reflection": [(18, 1, 80)],
    "tcp_ack_flood": [(16, 5, 80), (24, 5, 0)],
    "tcp_rst_flood": [(4, 1, 0), (20, 1, 0), (5, 1, 0)],
    "tcp_fin_flood": [(1, 1, 0), (41, 1, 0), (63, 5, 0)],
    "tcp_null_flood": [(0, 1, 0)],
    "tcp_reflection": [(24, 5, 443)],
    "http_request_flood": [(27, 9, 0)],
}
"""Flags, packets and source port of flows to port 80 that docs/reference/vectors.md puts into each vector."""


@pytest.mark.parametrize("name", FLAGS)
def test_tcp_flags_are_sorted_as_documented(name):
    """Flows with the flags that a row of the vectors' table names fall into that row's class."""
    shapes = FLAGS[name]
    made = [
        flows(1, src=["192.0.2.1"], flags=flags, packets=packets, src_port=port, dst_port=80)
        for flags, packets, port in shapes
    ]
    with open_engine() as engine:
        table = engine.table(pa.concat_tables(made), "hanse_flags")
        codes = engine.arrow(table.select(code=class_of(table, flags_known=True)))["code"].to_pylist()
    assert {vectors()[code].name for code in codes} == {name}


def command_lines(text: str) -> Iterator[list[str]]:
    """The words after `hanse` of each command line in code blocks and code spans."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(
        r"`((?:\.venv/bin/)?hanse [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    for line in lines:
        for part in re.split(r"\s(?:\||&&|>|>>|2>)\s|\s#\s", re.sub(r"^\$ ", "", line.strip())):
            words = part.split()
            if words and words[0] in {"hanse", ".venv/bin/hanse"}:
                yield shlex.split(part)[1:]


def meant(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that words name, its context, and the words that are left."""
    command: click.Command = main
    context = click.Context(main, info_name="hanse")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        assert below is not None, f"hanse has no command {words[0]!r}"
        context = click.Context(below, info_name=words[0], parent=context)
        command, words = below, words[1:]
    return command, context, words


@pytest.mark.parametrize("page", [page for page in READS if page != "docs/reference/cli.md"])
def test_every_command_line_parses(page):
    """Each command line names a known command, known options, and values of their kind; no file need exist."""
    for words in command_lines((ROOT / page).read_text("utf-8")):
        command, context, rest = meant(words)
        values, _, _ = command.make_parser(context).parse_args(list(rest))
        for param in command.get_params(context):
            value = values.get(param.name)
            if isinstance(param.type, click.Choice | click.IntRange | click.FloatRange) and isinstance(
                value, str
            ):
                param.type.convert(value, param, context)


def test_the_documentation_uses_every_command():
    """Each command stands in at least one command line outside the generated reference."""
    shown = [page for page in PAGES if page.name != "cli.md"]
    used = {
        meant(words)[1].command_path for page in shown for words in command_lines(page.read_text("utf-8"))
    }
    paths = {context.command_path for command, context in walk(main) if not isinstance(command, click.Group)}
    assert paths - used == set()


def walk(
    command: click.Command, parent: click.Context | None = None
) -> Iterator[tuple[click.Command, click.Context]]:
    """A command and all below it."""
    context = click.Context(command, info_name=command.name if parent else "hanse", parent=parent)
    yield command, context
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from walk(below, context)


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that a forge gives the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", READS)
def test_every_relative_link_leads_somewhere(page):
    """Each relative link names a file of the repository, and each anchor a heading in it."""
    here = ROOT / page
    for target in re.findall(r"\]\(([^)\s]+)\)", here.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (here.parent / path).resolve() if path else here
        assert file.exists(), f"{page}: {target} does not exist"
        assert file.is_relative_to(ROOT), f"{page}: {target} leaves the repository"
        assert not anchor or anchor in anchors(file), f"{page}: {target} is no heading"


def test_every_page_can_be_reached():
    """Each page of docs/ is linked from the README or from a page that is."""
    seen, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        seen.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8")):
            linked = (page.parent / target).resolve()
            if linked not in seen and linked.exists():
                left.append(linked)
    assert {page for page in PAGES if page.is_relative_to(DOCS)} - seen == set()


ATTACK = Attack(
    id="A-000000000001",
    victim="192.0.2.7",
    vector="dns_reflection",
    start_us=1_178_150_400_000_000,
    end_us=1_178_150_460_000_000,
    peak_bps=2e6,
    peak_pps=250.0,
    packets=10_000,
    bytes=9_000_000,
    flows=400,
    sources=200,
    networks=150,
    top_networks=(("198.51.100.0/24", 0.2),),
    dst_ports=((80, 0.5),),
    src_ports=((53, 1.0),),
    packet_sizes=((900, 0.9),),
    icmp_type=8,
    answered_share=0.0,
    requested_share=0.0,
    threshold="10 packets/s (fixed); peak 250 packets/s",
    reasons=("A reason.",),
    refuted_by=("A doubt.",),
    linked=("A-000000000002",),
)


def everything() -> dict[str, Any]:
    """JSON of an analysis in which no list is empty and no value is missing."""
    report = InputReport("capture.pcap", "pcap", flows=1)
    report.add("the packet is cut.", offset=24, field="captured length", do="Copy it again.")
    network = NetworkShare(64496, "Example Network", "EE", 20, 0.1, "A ministry")
    trace = Trace(
        ATTACK.id, "reflected", "Reflectors.", ("A reason.",), ("A doubt.",), (("EE", 0.1),),
        "location of reflectors", (network,), 0.5, 0.4,
    )  # fmt: skip
    registry = Registry([Target("192.0.2.7", "A bank", "banking", "EE")])
    links = (Link(ATTACK.id, "A-000000000002", (LinkTest("sources", 1e-9, "Many in common."),)),)
    campaign = verdict.campaign("C-000000000001", [ATTACK], links, registry, 1.0)
    table = TableFile("asn", 4, Path("asn.csv"), "a package", "1.0", date(2026, 6, 17), "somebody")
    data = AddressData({}, Description((table,), (1,), 1, date(2026, 6, 18), "a word"))
    dismissed = Dismissed("192.0.2.8", "udp_flood", 0, 1, "a reason")
    detection = Detection((ATTACK,), SOURCES.empty_table(), (dismissed,))
    counts = dict.fromkeys(SENSITIVITY_GAPS, 1)
    analysis = Analysis(detection, (trace,), (campaign,), (report,), registry, data, counts, 0, (0, 1))
    return show.campaigns_json(analysis)


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path and value of each field in JSON, elements of lists as `[]`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below = f"{path}.{name}" if path else name
            yield below, inner
            yield from fields(inner, below)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")


def documented(heading: str) -> dict[str, str]:
    """Type by field in the tables under a second-level heading of docs/reference/json.md."""
    text = (DOCS / "reference" / "json.md").read_text("utf-8")
    part = text.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", part, re.MULTILINE))


def is_kind(value: Any, kind: str) -> bool:
    """Whether a value is of a documented type."""
    if isinstance(value, list):
        return kind == "list" or (kind == "list of text" and all(isinstance(each, str) for each in value))
    kinds: dict[str, tuple[type, ...]] = {
        "text": (str,), "integer": (int,), "number": (int, float), "object": (dict,), "yes/no": (bool,),
    }  # fmt: skip
    return isinstance(value, kinds.get(kind.removesuffix(" or null"), ())) and (
        kind == "yes/no" or not isinstance(value, bool)
    )


def test_json_is_as_documented():
    """The fields of attacks and campaigns and their types are those of docs/reference/json.md, no more, no less."""
    told = documented("`hanse attacks --format json`") | documented("`hanse campaigns --format json`")
    made = dict(fields(everything()))
    assert sorted(made) == sorted(told)
    wrong = {name: told[name] for name, value in made.items() if not is_kind(value, told[name])}
    assert wrong == {}


def test_json_fields_that_may_be_null_are_documented():
    """Each value that is null for an attack of which little is known is documented as such."""
    told = documented("`hanse attacks --format json`")
    poor = Attack("A-1", "192.0.2.7", "udp_flood", 0, 1, 1.0, 1.0, 1, 1, 1, 1)
    reason = "no tables"
    absent = {"attacks": [poor.as_json()], "traces": [Trace("A-1", "undetermined", "No rule.").as_json()]}
    absent["data"] = AddressData.absent(reason).description.as_json()
    nulls = {name for name, value in fields(absent) if value is None}
    assert {name for name in nulls if not told[name].endswith(" or null")} == set()


def test_live_json_is_as_documented(capsys):
    """A line of `hanse collect --format json` has the documented fields."""
    Announcer(as_json=True, registry=None).begun(ATTACK)
    line = dict(fields(json.loads(capsys.readouterr().out)))
    assert sorted(name for name in line if "." not in name and "[]" not in name) == sorted(
        documented("`hanse collect --format json`")
    )


def test_columns_of_rows_are_documented():
    """Each column of the attacks' CSV and Parquet is named in docs/reference/json.md, in this order."""
    text = (DOCS / "reference" / "json.md").read_text("utf-8").split("## CSV and Parquet")[1]
    named = [name for name in re.findall(r"`(\w+)`", text) if name in COLUMNS]
    assert named[: len(COLUMNS)] == list(COLUMNS)


def test_registry_page_names_every_sector():
    """docs/reference/registry.md lists the sectors that a registry may use, and no other."""
    text = (DOCS / "reference" / "registry.md").read_text("utf-8").split("## Sectors")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^- `([^`]+)`", text, re.MULTILINE)) == sorted(SECTORS)


def test_the_registry_on_its_page_is_one(tmp_path):
    """The example of a registry in its page can be loaded."""
    text = (DOCS / "reference" / "registry.md").read_text("utf-8")
    (example,) = re.findall(r"^```csv\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    path = tmp_path / "registry.csv"
    path.write_text(example, "utf-8")
    assert len(list(Registry.load(path))) == len(example.splitlines()) - 1


def example(page: str, language: str) -> str:
    """The one code block of a language in a page."""
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return found


def test_the_marked_networks_on_their_page_are_read(tmp_path):
    """The example of networks of governments can be loaded."""
    path = tmp_path / "government.csv"
    path.write_text(example("how-to/mark-government-networks.md", "csv"), "utf-8")
    assert len(GovernmentNetworks.load(path).claims) == 2


def test_the_mapping_on_its_page_is_understood(tmp_path):
    """The example of a column mapping can be loaded."""
    path = tmp_path / "mapping.toml"
    path.write_text(example("how-to/read-your-own-csv.md", "toml"), "utf-8")
    assert parse_mapping(str(path)) is not None


def test_the_script_on_its_page_uses_documented_fields():
    """The example script compiles, and the fields it reads are documented."""
    script = example("how-to/read-json-in-a-script.md", "python")
    compile(script, "script", "exec")
    names = {
        name for path in documented("`hanse attacks --format json`") for name in re.findall(r"\w+", path)
    }
    assert set(re.findall(r'\["(\w+)"\]', script)) <= names


def test_readme_names_commands_of_the_makefile():
    """Each `make` target that the documentation names exists, `run` and `test` in the README among them."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {page: set(re.findall(r"`make ([a-z-]+)", page.read_text("utf-8"))) for page in PAGES}
    assert named[ROOT / "README.md"] >= {"run", "test"}
    assert set().union(*named.values()) <= targets


def tracked() -> list[Path]:
    """The files of the repository that are text."""
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if result.returncode:
        pytest.skip("not a git checkout: there is no list of tracked files")
    names = [ROOT / name for name in result.stdout.decode().split("\0") if name]
    return [path for path in names if path.is_file() and b"\0" not in path.read_bytes()[:8_192]]


HOSTS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "--index" + "-url",
    '"resolved' + '":',
)
PLACES = ("/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/")


@pytest.mark.parametrize("words", [HOSTS, PLACES], ids=["registries", "machines"])
def test_no_file_names_a_registry_or_a_machine(words):
    """No tracked file holds the host of a package registry, or a path that only one machine has."""
    found = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked()
        for text in [path.read_text("utf-8", errors="replace")]
        for word in words
        if re.search(rf"(?<![\w.]){re.escape(word)}", text)
    }
    assert found == set()


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-attack.md"])
def test_shown_tables_have_the_columns_of_a_terminal(page):
    """The table of attacks that a page shows has the columns that a terminal of 130 columns gets."""
    head = re.findall(r"^(start \(UTC\) .*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    columns = [str(column.header) for column in as_table([ATTACK], {ATTACK.victim: "A bank"}, 130).columns]
    assert [re.split(r"\s{2,}", line) for line in head] == [columns]


def test_picture_of_the_report_is_small():
    """The picture in the README is there and under 300 kB."""
    assert (DOCS / "images" / "report.png").stat().st_size < 300_000
