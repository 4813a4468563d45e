"""Compile the loops over packets, once: ``python -m tests.kernels``.

On a fresh clone each process that meets a capture before they are on the disk compiles all of them for itself, for some
seconds: those that run the tests, and the nodes that they start.
"""

import tempfile
from pathlib import Path

from hanse.telemetry.read import read
from tests.browser.captures import flood


def main() -> None:
    """Read a small capture."""
    with tempfile.TemporaryDirectory(prefix="hanse-kernels-") as folder:
        capture = Path(folder) / "capture.pcap"
        capture.write_bytes(flood(packets=10))
        read([str(capture)], workdir=Path(folder))


if __name__ == "__main__":
    main()
