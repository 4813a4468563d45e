"""One analysis from inputs to findings, every part wired once."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from hanse.attacks import baseline, lessons
from hanse.attacks.attack import Attack, Detection
from hanse.attacks.detect import Options, detect, sensitivity, span_of
from hanse.attacks.evidence_slice import slice_of
from hanse.attacks.sources import SOURCES
from hanse.attacks.thresholds import Thresholds
from hanse.attacks.vectors import JOIN_GAP_S
from hanse.campaigns.campaign import Campaign
from hanse.constituency.registry import Registry, Target
from hanse.engine import open_engine
from hanse.kernel.errors import UsageError
from hanse.telemetry.columns import parse_mapping
from hanse.telemetry.read import Progress, ReadResult, read
from hanse.telemetry.reading import InputReport
from hanse.tracing.address_data import AddressData
from hanse.tracing.government import GovernmentNetworks
from hanse.tracing.trace import Trace

Step = Callable[[str], None]

LESSONS_FILE = Path("hanse-lessons.json")


@dataclass(frozen=True)
class Choices:
    """What the user chose; the defaults are what `hanse attacks PATH` means.

    Attributes:
        registry: Registry CSV of the constituency.
        gap_s: Quiet time that ends an attack, s.
        baseline: File of learnt thresholds.
        lessons: File of analysts' decisions; used when it exists.
        engine: Address of the engine.
        memory: DuckDB's memory limit.
        columns: Column mapping of CSV or Parquet inputs.
        government: CSV of networks that government bodies hold.
        campaigns: Whether to look for campaigns too.
        sensitivity: Whether to count under other gaps too.
    """

    registry: Path | None = None
    gap_s: int = JOIN_GAP_S
    baseline: Path | None = None
    lessons: Path = LESSONS_FILE
    engine: str = "duckdb"
    memory: str = "3GB"
    columns: str | None = None
    government: Path | None = None
    campaigns: bool = True
    sensitivity: bool = False


@dataclass(frozen=True)
class Analysis:
    """All findings of one run.

    Attributes:
        detection: Attacks with their source class, their sources, and what was dismissed.
        traces: One per attack.
        campaigns: Campaigns; empty when not asked for.
        inputs: What was read.
        registry: The constituency, where one was given.
        data: The address data, or why there is none.
        sensitivity: Attacks under other gaps, by gap in s; None when not asked for.
        lessons: How many lessons were applied.
        span_us: First start and last end of all flows, microseconds UTC; None without flows.
        left_out: Files in folders that are no telemetry, with the reason.
    """

    detection: Detection
    traces: tuple[Trace, ...]
    campaigns: tuple[Campaign, ...]
    inputs: tuple[InputReport, ...]
    registry: Registry | None
    data: AddressData
    sensitivity: dict[int, int] | None
    lessons: int
    span_us: tuple[int, int] | None
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """The attacks, in order of start."""
        return self.detection.attacks

    @property
    def whole(self) -> bool:
        """Whether every input could be read wholly."""
        return all(report.whole for report in self.inputs)

    def targets(self) -> dict[str, Target]:
        """The registry's target by victim, for the victims that are in it."""
        found = {}
        for attack in self.attacks:
            target = self.registry.lookup(attack.victim.split("/")[0]) if self.registry else None
            if target is not None:
                found[attack.victim] = target
        return found


@contextmanager
def telemetry(
    paths: Sequence[str], columns: str | None, progress: Progress | None = None
) -> Iterator[tuple[list[str], ReadResult]]:
    """Inputs of any kind as Parquet, with their accounts; what was converted is gone when the context ends."""
    told = parse_mapping(columns) if columns else None
    with tempfile.TemporaryDirectory(prefix="hanse-") as workdir:
        result = read(paths, workdir=Path(workdir), told=told, progress=progress)
        yield [str(path) for path in result.files], result


def options_from(choices: Choices) -> tuple[Options, int]:
    """The detector's options, and how many lessons are in them."""
    learnt = baseline.load(choices.baseline) if choices.baseline else None
    taught = lessons.load(choices.lessons)
    thresholds = Thresholds(learnt, lessons.raised(taught))
    return Options(lessons.gaps(taught, choices.gap_s), thresholds), len(taught)


def analyse(
    paths: Sequence[str], choices: Choices, step: Step = lambda _: None, progress: Progress | None = None
) -> Analysis:
    """From inputs of any kind to attacks, their apparent sources, and campaigns.

    Raises:
        UsageError: A path matches nothing, or a file of choices is malformed.
    """
    from hanse.campaigns.link import find_campaigns  # noqa: PLC0415 - loads scipy, which the collector does without
    from hanse.tracing.trace_attacks import trace  # noqa: PLC0415 - as above

    registry = Registry.load(choices.registry) if choices.registry else None
    government = GovernmentNetworks.load(choices.government) if choices.government else None
    options, taught = options_from(choices)
    step("reading")
    with telemetry(paths, choices.columns, progress) as (files, result):
        found, counts, span = _detect(files, choices, options, step)
    step("testing the sources")
    data = AddressData.find()
    attacks, traces = trace(found, data, government)
    found = replace(found, attacks=attacks)
    campaigns: tuple[Campaign, ...] = ()
    if choices.campaigns and attacks:
        step("linking attacks")
        campaigns = find_campaigns(attacks, found.sources, registry, traces=traces, span_us=span)
    inputs, left_out = tuple(result.reports), tuple(result.left_out)
    return Analysis(found, traces, campaigns, inputs, registry, data, counts, taught, span, left_out)


def _detect(
    files: Sequence[str], choices: Choices, options: Options, step: Step
) -> tuple[Detection, dict[int, int] | None, tuple[int, int] | None]:
    """Attacks, counts under other gaps where asked for, and the span of the telemetry."""
    if not files:
        return Detection((), SOURCES.empty_table()), None, None
    with open_engine(choices.engine, choices.memory) as engine:
        found = detect(engine, files, options, step)
        counts = None
        if choices.sensitivity:
            step("counting under other gaps")
            counts = sensitivity(engine, files, options)
        return found, counts, span_of(engine, files)


def evidence_of(
    paths: Sequence[str],
    choices: Choices,
    attack_id: str,
    step: Step = lambda _: None,
    progress: Progress | None = None,
) -> tuple[pa.Table, ReadResult]:
    """The flows behind one attack, and the account of the inputs.

    Raises:
        UsageError: No attack of that id is found in the inputs.
    """
    options, _ = options_from(choices)
    with (
        telemetry(paths, choices.columns, progress) as (files, result),
        open_engine(choices.engine, choices.memory) as engine,
    ):
        attacks = (
            {attack.id: attack for attack in detect(engine, files, options, step).attacks} if files else {}
        )
        if attack_id not in attacks:
            raise UsageError(
                f"No attack {attack_id} in these inputs; `hanse attacks` lists the {len(attacks)} there are."
            )
        step("cutting out the evidence")
        return slice_of(engine, files, attacks[attack_id]), result
