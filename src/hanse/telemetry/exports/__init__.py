"""NetFlow v5, v9, IPFIX and sFlow v5 datagrams in, flow records out.

In: datagrams with their senders, or raw dumps of them. Out: Arrow batches in `telemetry.schema.FLOW`.
Used by: the readers of captures and dumps, and `telemetry.collect` for live sockets.
"""

from hanse.telemetry.exports.decoder import ExportDecoder, Losses
from hanse.telemetry.exports.dump import read_dump, recognise

__all__ = ["ExportDecoder", "Losses", "read_dump", "recognise"]
