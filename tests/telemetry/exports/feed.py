"""Feeding made-up datagrams to a decoder, and reading its flows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hanse.kernel.addresses import pack
from hanse.telemetry.exports import ExportDecoder
from hanse.telemetry.reading import InputReport
from tests.telemetry.exports.build import EXPORT_S


class Feed:
    """A decoder with its report."""

    def __init__(self, *, udp: bool = False, hurry: bool = False) -> None:
        """Start with a fresh decoder."""
        self.report = InputReport("made")
        self.decoder = ExportDecoder(self.report, "test", udp=udp, hurry=hurry)

    def __call__(self, *datagrams: bytes, sender: str = "192.0.2.1") -> list[dict[str, Any]]:
        """Decode datagrams in one call; the flows."""
        batch = decode(self.decoder, datagrams, sender, EXPORT_S * 1_000_000 + 5)
        if batch is None:
            return []
        batch.validate(full=True)
        rows: list[dict[str, Any]] = batch.to_pylist()
        return rows

    def finish(self) -> InputReport:
        """End the input."""
        self.decoder.finish()
        return self.report


def decode(decoder: ExportDecoder, datagrams: Sequence[bytes], sender: str, at_us: int) -> pa.Table | None:
    """Datagrams of one sender through a decoder in one call, all received at one time (microseconds UTC)."""
    lengths = np.array([len(one) for one in datagrams], np.int32)
    count = len(datagrams)
    return decoder.decode(
        np.frombuffer(b"".join(datagrams), np.uint8),
        np.cumsum(lengths, dtype=np.int64) - lengths,
        lengths,
        np.frombuffer(pack(sender) * count, np.uint8).reshape(count, 16),
        np.full(count, at_us),
    )
