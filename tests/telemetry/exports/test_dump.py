"""Raw dumps: datagrams back to back, told apart by their own lengths."""

import numpy as np
import pytest

from hanse.telemetry.exports import read_dump, recognise
from hanse.telemetry.reading import InputReport
from tests.telemetry.exports.build import stream
from tests.telemetry.exports.test_sflow import sflow


def _read(data: bytes) -> tuple[list[dict[str, object]], InputReport]:
    report = InputReport("dump")
    batches = read_dump(np.frombuffer(data, np.uint8), report, "dump")
    return [row for batch in batches for row in batch.to_pylist()], report


@pytest.mark.parametrize("kind", ["v5", "v9", "ipfix"])
def test_netflow_dump(kind: str) -> None:
    """Every datagram is found; flows have no exporter, since a dump does not say who sent them."""
    made = stream(kind, 20)
    rows, report = _read(made.data.tobytes())
    assert recognise(made.data[:4_096].tobytes())
    assert len(rows) == made.flows
    assert {row["exporter"] for row in rows} == {None}
    assert (report.lost, report.problem_count, report.format) == (0, 0, "raw export datagrams")


def test_mixed_dump() -> None:
    """Datagrams of all protocols may follow each other."""
    kinds = [stream(kind, 3) for kind in ("v9", "v5", "ipfix", "v9")]
    data = b"".join(made.data.tobytes() + sflow(1, [(1, 1)]) for made in kinds)
    rows, report = _read(data)
    assert len(rows) == sum(made.flows for made in kinds) + 4
    assert report.whole


def test_sflow_dump_has_relative_times() -> None:
    """Without a time of day sFlow's flows are as far apart as their datagrams' uptimes, and it is said."""
    late = bytearray(sflow(2, [(1, 2)]))
    late[20:24] = (3_500).to_bytes(4, "big")
    rows, report = _read(sflow(1, [(1, 1)]) + bytes(late))
    assert (rows[1]["start"] - rows[0]["start"]).total_seconds() == 2.5
    assert report.whole
    assert report.problem_count == 1


def test_garbage_in_a_dump_says_where() -> None:
    """Reading stops with the offset where no datagram starts."""
    made = stream("v9", 2).data.tobytes()
    rows, report = _read(made + b"\xff" * 40)
    assert rows
    assert report.problems[0].offset == len(made)
    assert not report.whole


@pytest.mark.parametrize("head", [b"", b"\0\5", b"PAR1" * 20, b"\xd4\xc3\xb2\xa1" + bytes(40), bytes(64)])
def test_other_files_are_not_recognised(head: bytes) -> None:
    """Empty files, captures and Parquet are no dumps."""
    assert not recognise(head)
