"""What is normal for each victim: its own past by hour of the week, robustly."""

from collections.abc import Sequence
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hanse.attacks import screen
from hanse.attacks.thresholds import HOURS_PER_WEEK, Cell, hour_of_week
from hanse.attacks.traffic import classified, sound
from hanse.engine import Engine
from hanse.kernel.errors import UsageError

SPREADS = 10.0
"""How many robust standard deviations above the median traffic is still normal. Internet traffic is
heavy-tailed, so that 3 would be passed daily; 10 keeps the rate of false alarms per host and week
under one on self-similar traffic, and floods lie orders of magnitude above it."""

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution (Rousseeuw and Croux 1993)."""

SCHEMA = pa.schema(
    [
        pa.field("victim", pa.binary(), nullable=False),
        pa.field("code", pa.int32(), nullable=False),
        pa.field("limit", pa.list_(pa.float64(), HOURS_PER_WEEK), nullable=False),
    ],
    metadata={"hanse.schema": "baseline/1"},
)


def learn(engine: Engine, paths: Sequence[str]) -> dict[Cell, npt.NDArray[np.float64]]:
    """Limits in packets/s by victim, class and hour of the week, from past flow Parquet.

    A limit is the median of the victim's rate per minute in that hour of the week, plus `SPREADS`
    robust standard deviations. A week of past gives 60 values for each; more weeks make attacks in the
    past matter less. Conversations are not taken out, which errs on the side of higher limits.
    """
    flows = sound(engine.read(paths))
    traffic = classified(engine, flows)
    busy = screen.without_multicast(
        engine.arrow(screen.busy_hosts(screen.sums_by_host(engine, flows, traffic)))
    )
    victims = engine.table(busy, "hanse_baseline_victims").select("victim").distinct()
    sums = (
        traffic.semi_join(victims, "victim")
        .mutate(minute=lambda rows: (rows.start_us / screen.MINUTE_US).floor().cast("int64"))
        .group_by("victim", "code", "minute")
        .agg(packets=lambda rows: rows.packets.sum().cast("float64"))
    )
    rows = engine.arrow(sums).sort_by([("victim", "ascending"), ("code", "ascending")])
    if rows.num_rows == 0:
        return {}
    minute = rows["minute"].to_numpy()
    return _limits(rows, minute, _observed(engine, traffic, minute))


def _observed(engine: Engine, traffic: ir.Table, minute: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Minutes that were watched, by hour of the week: those of the hours in which any flow began.

    Not all from the first to the last: one flow of a clock that is wrong by years would have every hour count as
    watched and quiet, and all of them fit into no memory.
    """
    hours = traffic.select(hour=(traffic.start_us / (60 * screen.MINUTE_US)).floor().cast("int64")).distinct()
    hour = engine.arrow(hours)["hour"].to_numpy()
    first, last = int(minute.min()), int(minute.max())
    begin, end = np.maximum(hour * 60, first), np.minimum(hour * 60 + 60, last + 1)
    watched = np.maximum(end - begin, 0)
    return np.bincount(hour_of_week(hour * 3_600), watched, HOURS_PER_WEEK).astype(np.int64)


def _limits(
    rows: pa.Table, minute: npt.NDArray[np.int64], observed: npt.NDArray[np.int64]
) -> dict[Cell, npt.NDArray[np.float64]]:
    """Limits of each victim and class from its sums per minute, rows sorted by both."""
    victim = rows["victim"].to_pylist()
    code = rows["code"].to_pylist()
    rate = rows["packets"].to_numpy() / 60.0
    hour = hour_of_week(minute * 60)
    edges = [i for i in range(1, len(victim)) if (victim[i], code[i]) != (victim[i - 1], code[i - 1])]
    found = {}
    for low, high in zip([0, *edges], [*edges, len(victim)], strict=True):
        found[victim[low], code[low]] = np.array(
            [
                robust_limit(rate[low:high][hour[low:high] == number], int(observed[number]))
                for number in range(HOURS_PER_WEEK)
            ]
        )
    return found


def robust_limit(rates: npt.NDArray[np.float64], minutes: int) -> float:
    """Median plus `SPREADS` robust standard deviations of rates, minutes without traffic counted as 0."""
    if minutes == 0:
        return 0.0
    values = np.zeros(max(minutes, len(rates)))
    values[: len(rates)] = rates
    middle = float(np.median(values))
    return middle + SPREADS * MAD_TO_SIGMA * float(np.median(np.abs(values - middle)))


def save(limits: dict[Cell, npt.NDArray[np.float64]], path: Path) -> None:
    """Write limits as Parquet."""
    cells = sorted(limits)
    table = pa.table(
        {
            "victim": [victim for victim, _ in cells],
            "code": [code for _, code in cells],
            "limit": [limits[cell].tolist() for cell in cells],
        },
        schema=SCHEMA,
    )
    pq.write_table(table, path)


def load(path: Path) -> dict[Cell, npt.NDArray[np.float64]]:
    """Read what `save` wrote.

    Raises:
        UsageError: The file is no baseline.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(
            f"{path}: no readable baseline ({error}). Make one with: hanse learn FLOWS --out {path}"
        ) from error
    if (table.schema.metadata or {}).get(b"hanse.schema") != b"baseline/1":
        raise UsageError(f"{path}: not a baseline. Make one with: hanse learn FLOWS --out {path}")
    return {(row["victim"], row["code"]): np.array(row["limit"]) for row in table.to_pylist()}
