"""The shell for tests: commands run inside the test process, and made inputs."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner, Result

from hanse.cli import main
from tests.attacks import build
from tests.telemetry.packets.build import ICMP, Caught, ethernet, icmp, ipv4, pcap


def hanse(*words: object) -> Result:
    """Run a command; standard output and the error stream are apart, and neither is a terminal."""
    return CliRunner().invoke(main, [str(word) for word in words])


def found(*words: object) -> dict[str, Any]:
    """The JSON that a command prints on standard output; it must end with 0."""
    result = hanse(*words, "--format", "json")
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def floods(folder: Path, *starts_s: float, victims: tuple[str, ...] = (build.VICTIM,)) -> Path:
    """A Parquet file with one flood of a minute on each victim at each start; 240 flows each."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[pa.Table] = [
        build.icmp_flood(start, 60, victim=victim) for start in starts_s for victim in victims
    ]
    path = folder / "flows.parquet"
    pq.write_table(pa.concat_tables(parts), path)
    return path


def capture(path: Path, packets: int = 3_000, victim: str = "192.0.2.80") -> Path:
    """A capture of an ICMP flood of 30 s from 50 sources."""
    base = 1_178_700_000_000_000
    made = [
        Caught(
            ethernet(ipv4(icmp(payload=bytes(56)), ICMP, src=f"198.51.100.{1 + i % 50}", dst=victim)),
            base + i * 30_000_000 // packets,
        )
        for i in range(packets)
    ]
    path.write_bytes(pcap(made))
    return path
