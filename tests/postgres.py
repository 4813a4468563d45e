"""A PostgreSQL server of the tests' own, from Debian's packages: started on a free port, gone with the run."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLACES = ("/usr/lib/postgresql",)


def programs() -> Path | None:
    """The folder with the newest server's programs, or None where none is installed."""
    found = [Path(path).parent for path in (shutil.which("initdb"),) if path]
    for place in PLACES:
        found += [path.parent for path in Path(place).glob("*/bin/initdb")]
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()], default=None)


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        address: Where it answers.
        data: Its data folder.
    """

    address: str
    data: Path
    _control: tuple[str, ...]

    def restart(self) -> None:
        """Stop it at once, as in a crash, and start it again on what is on its disk."""
        subprocess.run([*self._control, "-m", "immediate", "restart"], check=True, cwd=self.data.parent)


@contextmanager
def server(*, durable: bool = True) -> Iterator[str]:
    """A fresh server; yields its address. See `running`."""
    with running(durable=durable) as made:
        yield made.address


@contextmanager
def running(*, durable: bool = True) -> Iterator[Server]:
    """A fresh server, gone with its data afterwards.

    Args:
        durable: Whether it flushes to disk. Without, it outlives the end of its processes all the same, but not that
            of the machine, which no test brings about; emptying the tables between tests is several times as quick.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    bin_folder = programs()
    if bin_folder is None:
        raise FileNotFoundError("PostgreSQL's server is not installed (Debian: postgresql).")
    folder = Path(tempfile.mkdtemp(prefix="hanse-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root; Debian's package brings the user.
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    data = folder / "data"
    run = [*as_user, str(bin_folder / "initdb"), "-D", str(data), "-U", "hanse", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*run, "--no-sync", "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder)
    port = _free_port()
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c wal_recycle=off"
    )
    if not durable:
        options += " -c fsync=off -c full_page_writes=off"
    control = [*as_user, str(bin_folder / "pg_ctl"), "-D", str(data), "-s", "-w"]
    control += ["-o", options, "-l", str(folder / "log")]
    subprocess.run([*control, "start"], check=True, cwd=folder)
    try:
        yield Server(f"postgresql://hanse@127.0.0.1:{port}/postgres", data, tuple(control))
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
