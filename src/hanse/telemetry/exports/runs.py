"""What of a call's datagrams is read together: the sets of one stream and one template."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hanse.telemetry.exports.scan import Bytes, Table
from hanse.telemetry.exports.streams import Stream, Waiting
from hanse.telemetry.exports.templates import Template

Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(slots=True)
class Batch:
    """The datagrams of one call, listed."""

    data: Bytes
    heads: Table
    sets: Table
    streams: list[Stream]
    stream_of: Ints
    """Per datagram, an index of `streams`."""
    records: Ints
    """Records per set; `sequence.UNKNOWN` where they could not be counted."""
    received_us: Ints
    """Per datagram, when it was received, microseconds UTC."""


@dataclass(slots=True)
class Run:
    """Sets of one stream to be read with one template; all arrays have shape (sets,)."""

    stream: Stream
    template: Template
    data: Bytes
    begins: Ints
    ends: Ints
    export_us: Ints
    uptime_ms: Ints
    received_us: Ints
    holds_from: Ints
    """The set at which each is read, in the order of the batch: its own, or its template's if later."""
    sampling: Ints | None = None
    sets: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Which sets of the batch they are; empty for sets that waited from an earlier batch."""


def run_of(batch: Batch, stream: Stream, template: Template, places: Ints, from_place: int) -> Run:
    """Sets of a batch, to be read with a template that holds from one of its sets on."""
    sets = batch.sets[places]
    heads = batch.heads[sets["datagram"]]
    return Run(
        stream,
        template,
        batch.data,
        sets["begin"].copy(),
        sets["end"].copy(),
        heads["export_us"].copy(),
        heads["uptime_ms"].copy(),
        batch.received_us[sets["datagram"]],
        np.maximum(places, from_place),
        heads["sampling"].copy() if stream.version == 5 else None,
        places,
    )


def late_run(stream: Stream, template: Template, waiting: Waiting, place: int) -> Run:
    """Data sets that waited, read at the set that brought their template."""
    return Run(
        stream,
        template,
        waiting.data,
        waiting.begins,
        waiting.ends,
        waiting.export_us,
        waiting.uptime_ms,
        waiting.received_us,
        np.full(len(waiting), place, np.int64),
    )
