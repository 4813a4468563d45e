"""Made traffic for the tests of the detector: every piece adds flows to one table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hanse.kernel.address_columns import pack_all
from hanse.kernel.addresses import pack
from hanse.telemetry.schema import FLOW

T0 = 1_178_150_400_000_000
"""2007-05-03 00:00:00 UTC, in microseconds."""

VICTIM = "195.80.105.107"


def addresses(count: int, seed: int = 1, base: str = "81.0.0.0") -> np.ndarray:
    """Distinct made-up IPv4 sources, shape (count, 16)."""
    start = int.from_bytes(pack(base)[12:], "big")
    numbers = start + np.random.default_rng(seed).permutation(max(count * 7, 1000))[:count]
    out = np.zeros((count, 16), np.uint8)
    out[:, 10:12] = 255
    out[:, 12:] = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
    return out


def flows(
    count: int,
    *,
    src: np.ndarray | Sequence[str],
    dst: np.ndarray | Sequence[str] = (VICTIM,),
    start_s: float = 0.0,
    span_s: float = 60.0,
    length_s: float = 0.0,
    protocol: int = 6,
    flags: int = 0,
    icmp: int = 0,
    src_port: int | np.ndarray = 0,
    dst_port: int | np.ndarray = 0,
    packets: int = 1,
    size: int = 60,
    sampling: int = 1,
    fragments: int = 0,
    tunnel: int = 0,
    outer: tuple[np.ndarray, str] | None = None,
    seed: int = 1,
) -> pa.Table:
    """Flows spread evenly over `span_s` seconds from `start_s` on, sources and targets in turn."""
    sources = pack_all(src) if not isinstance(src, np.ndarray) else src
    targets = pack_all(dst) if not isinstance(dst, np.ndarray) else dst
    start = T0 + ((start_s + np.linspace(0, max(span_s - length_s, 0), count, endpoint=False)) * 1e6).astype(
        np.int64
    )
    end = start + int(length_s * 1e6)
    turn = np.arange(count)

    def column(value: int | np.ndarray, kind: pa.DataType) -> pa.Array:
        values = value if isinstance(value, np.ndarray) else np.full(count, value)
        return pa.array(values.astype(kind.to_pandas_dtype()), kind)

    def address(rows: np.ndarray) -> pa.Array:
        return pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), count, [None, pa.py_buffer(np.ascontiguousarray(rows).tobytes())]
        )

    stamp = FLOW.field("start").type
    none = pa.nulls(count, pa.binary(16))
    columns = {
        "start": pa.array(start).cast(stamp),
        "end": pa.array(end).cast(stamp),
        "src": address(sources[turn % len(sources)]),
        "dst": address(targets[turn % len(targets)]),
        "src_port": column(src_port, pa.uint16()),
        "dst_port": column(dst_port, pa.uint16()),
        "protocol": column(protocol, pa.uint8()),
        "tcp_flags": column(flags, pa.uint8()),
        "icmp_type": column(icmp, pa.uint8()),
        "icmp_code": column(0, pa.uint8()),
        "packets": column(packets, pa.int64()),
        "bytes": column(packets * size, pa.int64()),
        "sampling": column(sampling, pa.int32()),
        "fragments": column(fragments, pa.int64()),
        "ttl": column(0, pa.uint8()),
        "tunnel": column(tunnel, pa.uint8()),
        "outer_src": address(outer[0][turn % len(outer[0])]) if outer else none,
        "outer_dst": address(np.tile(pack_all([outer[1]]), (count, 1))) if outer else none,
        "exporter": none,
        "vantage": pa.array(["test"] * count),
    }
    return pa.table(columns, FLOW)


def write(folder: Path, *parts: pa.Table) -> list[str]:
    """Write the parts as one Parquet file and return its path as the detector takes it."""
    # A new name each time: the engine keeps the footers of files that it has read by name and time.
    path = folder / f"flows-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.concat_tables(parts), path)
    return [str(path)]


def icmp_flood(
    start_s: float, span_s: float, pps: int = 200, victim: str = VICTIM, **more: object
) -> pa.Table:
    """Echo requests from 100 sources at `pps` packets/s, in flows of up to 5 s."""
    length = min(5.0, span_s / 2)
    count = max(int(pps * span_s / 50), 20)
    options = {"src": addresses(100, base="82.0.0.0"), "size": 1028, "packets": 50, **more}
    return flows(
        count, dst=[victim], start_s=start_s, span_s=span_s, length_s=length, protocol=1, icmp=8, **options
    )


def both_ways(
    count: int, client: np.ndarray, server: str, port: int, *, protocol: int = 6, **more: object
) -> list[pa.Table]:
    """Conversations: the client's flows and the server's answers."""
    rng = np.random.default_rng(3)
    ports = rng.integers(32_768, 61_000, count)
    flags = 27 if protocol == 6 else 0
    there = flows(
        count, src=client, dst=[server], src_port=ports, dst_port=port, protocol=protocol, flags=flags, **more
    )
    back = flows(
        count, src=[server], dst=client, src_port=port, dst_port=ports, protocol=protocol, flags=flags, **more
    )
    return [there, back]
