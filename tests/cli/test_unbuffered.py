"""What a command prints arrives whole, whatever happens to its process meanwhile."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.shell import floods, hanse


def test_a_command_that_is_stopped_and_goes_on_loses_nothing(tmp_path: Path) -> None:
    """With PYTHONUNBUFFERED Python's own output drops what a pipe takes in a second part, and the command ends with 0."""
    words = ["attacks", str(floods(tmp_path, *range(0, 40_000, 1_000))), "--format", "json"]
    whole = hanse(*words).stdout_bytes
    assert len(whole) > 1 << 17, "a pipe would hold it"
    command = [sys.executable, "-m", "hanse", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while "pipe_write" not in _waits_for(process.pid) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        assert process.stdout.read() == whole
        assert process.wait() == 0


def _waits_for(process: int) -> str:
    """What the kernel says that a process waits for."""
    return Path(f"/proc/{process}/wchan").read_text()
