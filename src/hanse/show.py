"""An analysis as people and programs read it: tables, JSON, CSV, Arrow, the report's findings."""

import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hanse.attacks import present
from hanse.campaigns.campaign import Campaign
from hanse.campaigns.report.findings import Findings
from hanse.campaigns.report.page import write
from hanse.kernel import units
from hanse.kernel.printable import printable
from hanse.pipeline import Analysis
from hanse.telemetry import listing
from hanse.telemetry.reading import InputReport
from hanse.tracing.data_files import find_borders


def _inert(text: str) -> str:
    """Text for a console that neither Rich nor the terminal takes for more than text."""
    return escape(printable(text))


SHOWN_ON_TERMINAL = 200
"""Attacks printed in a terminal's table; more are in the report and the other formats."""


def attacks_json(found: Analysis) -> dict[str, Any]:
    """``{"attacks", "inputs", "data", ...}`` as documented in docs/reference/json."""
    value: dict[str, Any] = {
        "attacks": [attack.as_json() for attack in found.attacks],
        "inputs": [report.as_json() for report in found.inputs],
        "data": found.data.description.as_json(),
        "traces": [trace.as_json() for trace in found.traces],
        "dismissed": [dismissed.as_json() for dismissed in found.detection.dismissed],
    }
    if found.sensitivity is not None:
        value["sensitivity"] = {str(gap): number for gap, number in found.sensitivity.items()}
    return value


def campaigns_json(found: Analysis) -> dict[str, Any]:
    """What `attacks_json` gives, and the campaigns."""
    return {**attacks_json(found), "campaigns": [campaign.as_json() for campaign in found.campaigns]}


def attacks_csv(found: Analysis) -> str:
    """One line per attack."""
    return present.as_csv(found.attacks)


def attacks_arrow(found: Analysis) -> pa.Table:
    """One row per attack."""
    return present.as_arrow(found.attacks)


def campaigns_arrow(found: Analysis) -> pa.Table:
    """One row per campaign and attack."""
    rows = [
        (campaign.id, attack, campaign.scope, campaign.country, campaign.verdict)
        for campaign in found.campaigns
        for attack in campaign.attacks
    ]
    names = ("campaign", "attack", "scope", "country", "verdict")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def campaigns_csv(found: Analysis) -> str:
    """One line per campaign and attack."""
    return present.csv_text(campaigns_arrow(found).column_names, campaigns_arrow(found).to_pylist())


def attacks_table(found: Analysis, console: Console, *, explain: bool = False) -> None:
    """The attacks, their count, and what the reader has to know of the data."""
    names = {victim: target.organisation for victim, target in found.targets().items()}
    shown = found.attacks[:SHOWN_ON_TERMINAL]
    if shown:
        console.print(present.as_table(shown, names, console.width))
        more = len(found.attacks) - len(shown)
        rest = f", {units.count(more)} more in --format csv and in `hanse report`" if more else ""
        console.print(
            f"\n{units.count(len(found.attacks))} attack{'' if len(found.attacks) == 1 else 's'}{rest}."
        )
    else:
        console.print(nothing_found(found))
    if found.sensitivity is not None:
        counts = ", ".join(f"{units.duration(gap)}: {number}" for gap, number in found.sensitivity.items())
        console.print(f"Attacks by the quiet time that ends one: {counts}.")
    if explain and found.detection.dismissed:
        console.print(_dismissed(found))
    elif explain:
        console.print("Nothing else came over a threshold.")
    if found.lessons:
        console.print(f"{found.lessons} lessons of analysts were applied (`hanse lesson list`).")
    console.print(_data_in_short(found), style="dim", highlight=False, soft_wrap=True)


def _data_in_short(found: Analysis) -> str:
    """Which address data the source test had, in one line; the report has all that must be said of it."""
    data = found.data.description
    if not data.available:
        return data.lines()[0]
    names = dict.fromkeys(f"{file.origin} {file.version}".strip() for file in data.files)
    age = "of unknown date" if data.age_days is None else f"{units.count(data.age_days)} days old"
    return f"Address data: {', '.join(names)}; {age}. Sources and licences: `hanse data status`."


def nothing_found(found: Analysis) -> str:
    """That there is no attack, and in what."""
    flows = units.count(sum(report.flows for report in found.inputs))
    if found.span_us is None:
        return "No flows in the inputs, so no attack either."
    span = f"{units.minute(found.span_us[0])} to {units.minute(found.span_us[1])}"
    return f"No attack found in {flows} flows from {span}. What came close: --explain."


def _dismissed(found: Analysis) -> Table:
    table = Table(
        title="Over a threshold, but no attack", box=None, title_justify="left", header_style="bold"
    )
    for name in ("start (UTC)", "victim", "looked like", "why it is none"):
        table.add_column(name)
    for row in found.detection.dismissed[:SHOWN_ON_TERMINAL]:
        table.add_row(units.second(row.start_us), _inert(row.victim), row.vector, _inert(row.reason))
    return table


def campaigns_table(found: Analysis, console: Console) -> None:
    """Each campaign: verdict, evidence, what would refute it; then what stands alone."""
    from hanse.campaigns.link import left_out  # noqa: PLC0415 - loads scipy, which the collector does without

    for campaign in found.campaigns:
        _campaign(campaign, console)
    members = {attack for campaign in found.campaigns for attack in campaign.attacks}
    alone = len(found.attacks) - len(members)
    if not found.attacks:
        console.print(nothing_found(found))
    elif not found.campaigns:
        console.print(f"{units.count(alone)} attacks, none linked to another by two independent tests.")
    elif alone:
        console.print(f"{units.count(alone)} attacks belong to no campaign.")
    if words := left_out(len(found.attacks)):
        console.print(words)


def _campaign(campaign: Campaign, console: Console) -> None:
    console.print(f"[bold]{_inert(campaign.verdict)}[/bold]", soft_wrap=True, highlight=False)
    for line in campaign.evidence:
        console.print(f"  · {_inert(line)}", soft_wrap=True, highlight=False)
    console.print("  What would refute it:", highlight=False)
    for line in campaign.refuted_by:
        console.print(f"  · {_inert(line)}", style="dim", soft_wrap=True, highlight=False)
    console.print(f"  {campaign.id}\n", style="dim", highlight=False)


def problems(found: Analysis, talk: Console) -> None:
    """What was wrong with the inputs of an analysis, on the error stream."""
    input_problems(found.inputs, found.left_out, talk)


def input_problems(inputs: Iterable[InputReport], left_out: Iterable[tuple[str, str]], talk: Console) -> None:
    """What was wrong with inputs, and what in folders was left out, on the error stream."""
    for path, why in left_out:
        talk.print(f"hanse: {_inert(path)}: left out, {_inert(why)}", soft_wrap=True, highlight=False)
    for report in inputs:
        for problem in report.problems:
            talk.print(f"hanse: {_inert(str(problem))}", soft_wrap=True, highlight=False)
        hidden = report.problem_count - len(report.problems)
        if hidden > 0:
            talk.print(
                f"hanse: {_inert(report.path)}: and {hidden} more problems", soft_wrap=True, highlight=False
            )
        if report.lost:
            talk.print(
                f"hanse: {_inert(report.path)}: {units.count(report.lost)} records lost before they came here",
                soft_wrap=True,
                highlight=False,
            )


def findings(
    found: Analysis, *, title: str, marking: str, exercise: bool, options: Mapping[str, Any]
) -> Findings:
    """The content of the report."""
    targets = found.targets()
    return Findings(
        title=title,
        generated_us=time.time_ns() // 1_000,
        attacks=found.attacks,
        traces=found.traces,
        campaigns=found.campaigns,
        organisation_of={victim: target.organisation for victim, target in targets.items()},
        sector_of={victim: target.sector for victim, target in targets.items()},
        country_of={victim: target.country for victim, target in targets.items()},
        inputs=found.inputs,
        span_us=found.span_us,
        data_description="\n".join(found.data.description.lines()),
        parameters=_parameters(options),
        sensitivity=found.sensitivity,
        exercise=exercise,
        marking=marking,
        borders=find_borders(),
    )


def _parameters(options: Mapping[str, Any]) -> dict[str, str]:
    baseline = options.get("baseline")
    return {
        "Quiet time that ends an attack": units.duration(options["gap_s"]),
        "Thresholds": f"learnt ({baseline}), never under the fixed ones" if baseline else "fixed",
        "Engine": str(options["engine"]),
        "Hanse": version("hanse"),
    }


def write_report(page: Findings, path: Path) -> None:
    """Write the report."""
    write(page, path)


def flows_csv(rows: pa.Table, out: IO[str]) -> None:
    """Flows as text, addresses and times as people write them."""
    listing.write_csv(rows.to_batches(), out)
