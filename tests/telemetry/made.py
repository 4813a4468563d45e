"""Flows that tests make: small FLOW batches from plain rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hanse.kernel.address_columns import pack_all
from hanse.telemetry.assemble import flow_batch

NOON = 1_178_712_000_000_000
"""2007-05-09 12:00:00 UTC, microseconds."""


def batch(starts: Sequence[int], vantage: str = "made", **columns: Any) -> pa.RecordBatch:
    """Flows that start at these microseconds UTC, from 192.0.2.1 to 198.51.100.7, one packet each."""
    rows = len(starts)
    values = {
        "start": np.array(starts, np.int64),
        "src": np.repeat(pack_all(["192.0.2.1"]), rows, axis=0),
        "dst": np.repeat(pack_all(["198.51.100.7"]), rows, axis=0),
        "src_port": np.arange(rows) % 65536,
        "dst_port": np.full(rows, 80),
        "protocol": np.full(rows, 17),
        "packets": np.ones(rows, np.int64),
        "bytes": np.full(rows, 60),
    }
    values |= {name: np.asarray(column) for name, column in columns.items()}
    return flow_batch(values, vantage)
