"""The long work of a node: reading captures in and analysing them, loading an exercise, watching folders.

`register` gives the handlers to `hanse.web.jobs`; the composition root calls it once. What only the work itself
needs (numba, scipy, Ibis: a hundred megabytes) is imported when it begins, so that an idle node does without.
"""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Max, Min

from hanse import outcomes
from hanse.attacks import lessons
from hanse.attacks import notices as attack_notices
from hanse.attacks import service as attacks
from hanse.attacks.models import Attack, Run
from hanse.attacks.vectors import JOIN_GAP_S
from hanse.campaigns import notices as campaign_notices
from hanse.console import marking_imports
from hanse.constituency import service as constituency
from hanse.constituency.registry import Registry
from hanse.intel import feed_clock, from_partners, offering
from hanse.intel import jobs as intel_jobs
from hanse.intel import notices as feed_notices
from hanse.intel.feed_models import Feed
from hanse.intel.models import Batch
from hanse.kernel.actors import Actor
from hanse.kernel.clock import now_us
from hanse.kernel.errors import UsageError
from hanse.kernel.printable import printable
from hanse.ledger import objects
from hanse.matching import reopening_days
from hanse.policy.asking import require
from hanse.taxii import receiving, shelves
from hanse.telemetry import reading_in
from hanse.telemetry import service as telemetry
from hanse.telemetry.models import Input, Partition
from hanse.telemetry.reading import InputReport
from hanse.web import jobs
from hanse.web.jobs import Progress
from hanse.web.models import Job, State
from hanse.webhooks import notices

if TYPE_CHECKING:
    from hanse.attacks.detect import Options
    from hanse.recording import Recording

INBOX = "inbox"
"""Folder of the node's home that uploads come into."""

MOST_NAMED = 5
"""Exporters that an analysis names of those whose flows are dated by receipt; the files' entries name all of them."""

AFTER_FAILURE_US = 60_000_000
"""How long a watched folder rests after its work has failed, such as on a full disk: no flood of failing jobs."""

EXERCISE = ("estonia-2007", 2007)
"""Scenario and seed that the first-run page offers."""


def register() -> None:
    """Make the handlers known to this process."""
    found = outcomes.of_analysis
    brought = outcomes.of_import
    jobs.handles(
        "analyse", "telemetry.import", shown=_of_stored_flows, begun_at="telemetry:inputs", came=found
    )(analyse)
    jobs.handles("load-exercise", "telemetry.import", shown=jobs.to_all, came=outcomes.of_exercise)(
        load_exercise
    )
    jobs.handles("watch", "telemetry.import", shown=jobs.to_all, came=found)(watch)
    jobs.handles("bring-in", "intel.import", begun_at="intel:imports", came=brought)(intel_jobs.bring_in)
    of_feed = jobs.as_marked(Feed, "intel.view", "feed")
    jobs.handles(feed_clock.KIND, "intel.subscribe", feed_clock.QUEUE, shown=of_feed, came=outcomes.of_feed)(
        feed_clock.fetch
    )
    jobs.handles(reopening_days.KIND, "matching.reopen", shown=jobs.to_all)(reopening_days.follow)
    of_import = jobs.as_marked(Batch, "intel.view", "batch")
    jobs.handles("mark-import", "policy.mark", shown=of_import)(marking_imports.follow)
    jobs.handles(receiving.KIND, "intel.import", shown=jobs.to_all, came=brought)(receiving.take_in)
    shelves.offer(offering.Offer)
    shelves.take(from_partners.take)
    for one in (attack_notices, campaign_notices, feed_notices):
        notices.register(one.SOURCE)


def _of_stored_flows(_actor: Actor, some: Sequence[Job]) -> list[Job]:
    """Analyses of what is stored name no file that somebody brought."""
    return [job for job in some if not job.params.get("paths")]


@dataclass(frozen=True, slots=True)
class _Told:
    """What one analysis works on.

    Attributes:
        files: Parquet files of flows.
        inputs: Accounts to record with it.
        gap_s: Quiet time that ends an attack, s.
        registry: Whom the victims belong to.
        span_us: What ended before it or began after it is not what was asked for, may be cut, and is left out; None
            for all.
    """

    files: Sequence[str]
    inputs: tuple[InputReport, ...]
    gap_s: int
    registry: Registry
    span_us: tuple[int, int] | None = None


def inbox() -> Path:
    """Where uploads come into."""
    home: Path = settings.HANSE_NODE.home
    return home / INBOX


def analyse(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Read captures and flow files of the inbox in, and find the attacks in them.

    Args:
        params: ``paths`` relative to the inbox; or ``since_us`` and ``until_us``, to analyse what is stored of
            that time again; ``columns`` and ``gap_s`` as of the shell.
        progress: Told each step.
        actor: Who asked for it.

    Returns:
        Address of the attacks found.

    Raises:
        UsageError: A path leads out of the inbox, nothing is there, or nothing in it is telemetry.
    """
    gap_s = int(params.get("gap_s", JOIN_GAP_S))
    if "paths" not in params:
        since, until = params.get("since_us"), params.get("until_us")
        span = _around(since, until, gap_s) if since is not None and until is not None else None
        rows = telemetry.partitions(actor, *(_whole(span, gap_s) if span else (since, until)))
        told = _Told(*_stored(rows), gap_s, constituency.registry(), span)
        return _address(_analysed(told, progress, actor))
    paths = [str(_inside(name)) for name in params["paths"]]
    return _address(_read_and_analysed(paths, params.get("columns"), gap_s, progress, actor))


def load_exercise(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Make the flows of an exercise, take its registry for the constituency, and analyse it.

    Args:
        params: ``scenario``, ``seed`` and ``scale`` as of `hanse exercise`; Estonia 2007 by default.
        progress: Told each step.
        actor: Who asked for it.

    Raises:
        UsageError: The node is not one to rehearse on, or there is no such exercise.
    """
    from hanse.exercise.scenarios import generate  # noqa: PLC0415 - see above

    if not settings.HANSE_NODE.exercise:
        raise UsageError("This node is not one to rehearse on. Set `exercise = true` in its settings first.")
    require(actor, "telemetry.import")
    scenario, seed = str(params.get("scenario", EXERCISE[0])), int(params.get("seed", EXERCISE[1]))
    scale = float(params.get("scale", 1.0))
    batch = _batch_of(scenario, seed, scale)
    folder = telemetry.flows_folder() / "exercises" / f"{scenario}-{seed}-{scale:g}"
    if not Partition.projected.filter(batch=batch).exists():
        progress.step("Making the flows")
        shutil.rmtree(folder, ignore_errors=True)
        generate(scenario, seed, scale, folder, progress.at)
        progress.step("Putting the flows on record")
        telemetry.record_partitions(folder.glob("flows/**/*.parquet"), "exercise", actor, batch=batch)
    registry = Registry.load(folder / "registry.csv")
    if len(constituency.registry()) == 0:
        constituency.load(registry, actor, f"{scenario}.csv")
    rows = list(Partition.projected.filter(batch=batch).order_by("path"))
    account = InputReport(scenario, "exercise", sum(row.rows for row in rows))
    told = _Told(telemetry.files_of(rows), (account,), JOIN_GAP_S, registry)
    _analysed(told, progress, actor)
    return "/"


def exercise_loaded(scenario: str, seed: int, scale: float) -> bool:
    """Whether an exercise's flows are held and an analysis of them is on record since."""
    held = Partition.projected.filter(batch=_batch_of(scenario, seed, scale))
    stored_us = held.aggregate(last=Max("stored_us"))["last"]
    if stored_us is None:
        return False
    since = Run.projected.filter(time_us__gte=stored_us)
    return any(scenario in dict(run.detail["inputs"]) for run in since.only("detail"))


def _batch_of(scenario: str, seed: int, scale: float) -> str:
    """The id under which an exercise's flows are held."""
    return objects.named("exercise", f"{scenario} {seed} {scale}").hex


def watch(params: dict[str, Any], progress: Progress, actor: Actor) -> str:
    """Read in and analyse files of watched folders.

    Args:
        params: ``paths``, as `look` found them.
        progress: Told each step.
        actor: Who asked for it.

    Raises:
        UsageError: No path lies in a watched folder, or nothing is telemetry.
    """
    folders = [row.folder for row in telemetry.watched()]
    paths = [
        one for one in params["paths"] if any(telemetry.lies_in(Path(one), folder) for folder in folders)
    ]
    if not paths:
        first = printable(params["paths"][0])
        raise UsageError(f"{first} lies in no watched folder. Watch its folder first.")
    return _address(_read_and_analysed(paths, None, JOIN_GAP_S, progress, actor, folders))


def detector_options() -> "Options":
    """How the live detector looks: the documented definition, with what people have decided applied."""
    from hanse.attacks.detect import Options  # noqa: PLC0415 - see above
    from hanse.attacks.thresholds import Thresholds  # noqa: PLC0415 - as above

    taught = attacks.lessons_for()
    return Options(lessons.gaps(taught, JOIN_GAP_S), Thresholds(None, lessons.raised(taught)))


def look(actor: Actor) -> bool:
    """Start the work on new files in watched folders, if there are any; the node calls it every few seconds."""
    mine = Job.objects.filter(kind="watch")
    if mine.filter(state__in=(State.WAITING, State.RUNNING)).exists():
        return False
    if mine.filter(state=State.FAILED, ended_us__gt=now_us() - AFTER_FAILURE_US).exists():
        return False
    paths = [str(path) for path in telemetry.new_files()]
    if paths:
        jobs.start("watch", f"{len(paths)} new in watched folders", {"paths": paths}, actor)
    return bool(paths)


def _read_and_analysed(
    paths: Sequence[str],
    columns: str | None,
    gap_s: int,
    progress: Progress,
    actor: Actor,
    within: Sequence[str] = (),
) -> "Recording":
    """Read inputs in, then look for attacks in them and in the flows around them."""
    progress.step("Reading, MB")
    came = reading_in.read_in(paths, actor, columns=columns, progress=_in_mb(progress), within=within)
    if not came.files:
        said = [str(problem) for report in came.inputs for problem in report.problems]
        more = [f"{len(said) - 3:,} more stand with the inputs."] if len(said) > 3 else []
        raise UsageError("\n".join(["There are no flows in it.", *said[:3], *more]))
    rows = list(Partition.projected.filter(pk__in=came.partitions))
    span = _around(min(row.start_us for row in rows), max(row.end_us for row in rows), gap_s)
    own = {row.batch for row in rows}  # what was read of these is told by `came`
    around, missing = _stored(telemetry.partitions(actor, *_whole(span, gap_s)), own)
    files = sorted({*came.files, *around})
    alone = len(files) == len(came.files)
    told = _Told(files, (*came.inputs, *missing), gap_s, constituency.registry(), None if alone else span)
    return _analysed(told, progress, actor)


def _in_mb(progress: Progress) -> Callable[[int, int, str], None]:
    """How far reading is, for people: nobody reads a thousand million bytes."""
    return lambda done, total, _name: progress.at(round(done / 1e6), max(1, round(total / 1e6)))


def _stored(
    rows: Iterable[Partition], told: Collection[str] = ()
) -> tuple[list[str], tuple[InputReport, ...]]:
    """The files of partitions; and where that is not all to be known of them, an input that says so.

    That is where some are on record and not on the disk, where flows are dated by their receipt, and where what they came
    from was read only in part. How many that is, is said, and no name: whoever may see flows need not know each input's.

    Args:
        rows: The partitions.
        told: Imports (their ids) of which it is said elsewhere what was read only in part.

    Raises:
        UsageError: There are partitions, and none of their files.
    """
    rows = list(rows)
    files = telemetry.files_of(rows)
    missing = f"{len(rows) - len(files):,} of {len(rows):,}" if len(files) < len(rows) else ""
    if missing and not files:
        raise UsageError(
            f"{missing} stored files of that time are not on the disk. Copy them back from the backup of the flows, "
            "then analyse again."
        )
    there = set(files)
    rows = [row for row in rows if str(telemetry.flows_folder() / row.path) in there]
    clocks = sorted({exporter for row in rows for exporter, _ in row.clocks})
    said = [f"without {missing} files that are not on the disk"] if missing else []
    some = ", ".join(clocks[:MOST_NAMED]) + (", ..." if len(clocks) > MOST_NAMED else "")
    said += [f"those of {some} dated by their receipt"] if clocks else []
    batches = {row.batch for row in rows} - {"", *told}
    partly = Input.projected.filter(batch__in=list(batches), whole=False).count() if batches else 0
    said += [f"{partly:,} of the files that they came from read only in part"] if partly else []
    if not said:
        return files, ()
    flows = sum(row.rows for row in rows)
    return files, (InputReport(f"stored flows, {'; '.join(said)}", "flows", flows, partly=bool(partly)),)


def _around(since_us: int, until_us: int, gap_s: int) -> tuple[int, int]:
    """The time in which attacks may go on into some time, microseconds UTC: it, and the quiet that ends one."""
    return since_us - gap_s * 1_000_000, until_us + gap_s * 1_000_000


def _whole(span: tuple[int, int], gap_s: int) -> tuple[int, int]:
    """The time that has to be looked at, so that each attack on record that reaches into a span is seen whole."""
    reach = Attack.projected.filter(start_us__lte=span[1], end_us__gte=span[0]).aggregate(
        first=Min("start_us"), last=Max("end_us")
    )
    since, until = _around(reach["first"] or span[0], reach["last"] or span[1], gap_s)
    return min(span[0], since), max(span[1], until)


def _analysed(told: _Told, progress: Progress, actor: Actor) -> "Recording":
    """Find attacks, trace and link them, and put them on record."""
    from hanse import pipeline  # noqa: PLC0415 - see above
    from hanse.recording import record, without  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="hanse-") as folder:
        taught, registry = Path(folder) / "lessons.json", Path(folder) / "registry.csv"
        lessons.save(attacks.lessons_for(), taught)
        told.registry.write(registry)
        choices = pipeline.Choices(
            registry=registry if len(told.registry) else None,
            gap_s=told.gap_s,
            lessons=taught,
            memory="2GB",
        )
        found = pipeline.analyse(told.files, choices, lambda words: progress.step(words.capitalize()))
    found = replace(found, inputs=told.inputs)
    if told.span_us is not None:
        since, until = told.span_us
        beyond = {attack.id for attack in found.attacks if attack.end_us < since or attack.start_us > until}
        found = without(found, beyond)
    progress.step("Putting it on record")
    return record(found, actor)


def _inside(name: str) -> Path:
    """A path of the inbox.

    Raises:
        UsageError: It leads out of it.
    """
    root = inbox().resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or path == root:
        raise UsageError(f"{name} is not in the inbox. Upload it first.")
    return path


def _address(found: "Recording") -> str:
    """Where the attacks of an analysis are shown; the job's page says what was read only in part."""
    return jobs.Result(f"/attacks/?run={found.run}", found.read)
