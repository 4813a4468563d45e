"""A node in processes of its own, to be killed: a nursery that has everything loaded, and forks what works.

`python -m tests.faults.node HOME DATABASE` reads one job per line (JSON) and answers with the process id of the
fork that does it, and later with how it ended. Forks open their own connections; the nursery holds none.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.forking import forked

PASSPHRASE = "for tests"


class Nursery:
    """The parent's end: starts jobs and hears how they ended."""

    def __init__(self, home: Path, database: str) -> None:
        self.home = home
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.node", str(home), database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        self._hear()

    def start(self, job: str, **told: Any) -> int:
        """Fork a job; its process id."""
        self._say({"job": job, **told})
        return int(self._hear()["pid"])

    def wait(self, pid: int) -> int:
        """How a job ended: its exit code, or minus the signal that killed it."""
        self._say({"wait": pid})
        return int(self._hear()["code"])

    def run(self, job: str, **told: Any) -> int:
        """Do a job to its end."""
        return self.wait(self.start(job, **told))

    def findings(self) -> list[str]:
        """What fsck finds, in a process of its own."""
        answer = self.home / "findings"
        assert self.run("check", answer=str(answer)) == 0
        found: list[str] = json.loads(answer.read_text())
        return found

    def close(self) -> None:
        """End the nursery."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=20)

    def _say(self, told: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the nursery ended; its error is above"
        heard: dict[str, Any] = json.loads(line)
        return heard


@contextmanager
def nursery(home: Path, database: str) -> Iterator[Nursery]:
    """A founded node in a folder, ready to fork."""
    home.mkdir(exist_ok=True)
    made = Nursery(home, database)
    try:
        yield made
    finally:
        made.close()


def acknowledged(path: Path) -> list[int]:
    """Sequences that a job wrote down as acknowledged; a last line cut short was not."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [int(line) for line in lines]


# --- the nursery's own side ---------------------------------------------------------------------------------


def configure(home: Path, database: str) -> None:
    """Configure Django for the ledger alone, make the tables and the founding entry."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    from hanse.kernel.keys import Keyring
    from hanse.ledger import identity, keyfile, keyring, kinds
    from hanse.settings import Node, django_settings
    from tests.ledger import things
    from tests.unstretched import stretch_nothing

    stretch_nothing()
    node = Node(home, "ee-cert", "CERT Estonia", "EE", database=database)
    told = django_settings(node, "secret") | {
        "INSTALLED_APPS": ["hanse.ledger", things.NAME],
        "MIGRATION_MODULES": {"ledger": None},
        "AUTH_USER_MODEL": "auth.User",
        "MIDDLEWARE": [],
    }
    settings.configure(**told)
    django.setup()
    identity.belong_to("ee-cert")
    from hanse.ledger import service

    kinds.register(service.KINDS)
    from tests.ledger import made

    if (home / keyfile.KEYS).exists():
        keyring.hold(keyfile.unlock(home))
    else:
        keyring.hold(Keyring.new())
        keyfile.save(home, keyring.current(), PASSPHRASE)
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    from hanse.ledger.models import Entry

    if not Entry.objects.exists():
        made.found()
    connections.close_all()


class _Doom:
    """Kills this process at its n-th step: before each statement, before each commit, and right after it."""

    def __init__(self, at: int) -> None:
        self.steps = 0
        self.commits: list[int] = []
        self._at = at

    def install(self) -> None:
        """Watch this process's connection."""
        from django.db import connection

        connection.ensure_connection()
        connection.execute_wrappers.append(self._statement)
        commit = connection._commit

        def committing() -> None:
            self.commits.append(self.steps)
            self._step()
            commit()
            self._step()

        connection._commit = committing  # type: ignore[method-assign]  # the seam at which a commit is cut

    def _statement(self, execute: Callable[..., Any], *args: Any) -> Any:
        self._step()
        return execute(*args)

    def _step(self) -> None:
        if self.steps == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps += 1


def append(told: dict[str, Any]) -> None:
    """Append alone, in batches, with checkpoints and purges in between, and write down what was acknowledged."""
    from hanse.ledger.service import purge
    from hanse.ledger.tree import integrate
    from hanse.ledger.writing import Draft, append_many
    from tests.ledger.made import MARI, thing
    from tests.ledger.things.service import Made

    doom = _Doom(told.get("doom", -1))
    doom.install()
    descriptor = os.open(told["acks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    last = None
    for number in range(told["times"]):
        if number % 5 == 4:
            rows = append_many([Draft("things.made", Made(name=f"batch {one}")) for one in range(3)], MARI)
        elif number % 7 == 6 and last:
            rows = [purge([last.object_id], MARI, "test")]
        else:
            rows = [thing(name=f"alone {number}", parts=("x" * told.get("width", 10),))]
        last = rows[-1] if rows[-1].kind == "things.made" else None
        os.write(descriptor, b"".join(b"%d\n" % row.sequence for row in rows))
        if number % 4 == 3 and not told.get("no_tree"):
            integrate()
    if "steps" in told:
        Path(told["steps"]).write_text(json.dumps({"steps": doom.steps, "commits": doom.commits}))


def append_in_small_space(told: dict[str, Any]) -> None:
    """Append with files limited in size, until refused; then with room again."""
    from hanse.kernel.errors import HanseError
    from tests.ledger.made import thing

    resource.setrlimit(resource.RLIMIT_FSIZE, (told["limit"], resource.RLIM_INFINITY))
    descriptor = os.open(told["acks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    refused = ""
    for _ in range(2_000):
        try:
            row = thing(parts=("x" * 20_000,))
        except HanseError as error:
            refused = f"{type(error).__name__}: {error}"
            break
        os.write(descriptor, b"%d\n" % row.sequence)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    after = thing(name="there is room again")
    Path(told["answer"]).write_text(json.dumps({"refused": refused, "after": after.sequence}))


def append_through_restarts(told: dict[str, Any]) -> None:
    """Append until told to stop; when the database is away, say so and try again."""
    import time

    from django.db import close_old_connections, connection

    from hanse.ledger.writing import NotWrittenError
    from tests.ledger.made import thing

    descriptor = os.open(told["acks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    refused = 0
    while not Path(told["stop"]).exists():
        try:
            os.write(descriptor, b"%d\n" % thing().sequence)
        except NotWrittenError:
            refused += 1
            connection.close()
            close_old_connections()
            time.sleep(0.05)
    Path(told["answer"]).write_text(json.dumps({"refused": refused}))


def check(told: dict[str, Any]) -> None:
    """Write down what fsck finds."""
    from tests.ledger.made import findings

    Path(told["answer"]).write_text(json.dumps(findings()))


def sequences(told: dict[str, Any]) -> None:
    """Write down which entries are there."""
    from hanse.ledger.models import Entry

    Path(told["answer"]).write_text(
        json.dumps(list(Entry.objects.order_by("pk").values_list("pk", flat=True)))
    )


def write_and_purge(told: dict[str, Any]) -> None:
    """Write things, some with a canary in every place, grow and change them at random, and purge these."""
    import random

    from hanse.ledger.erasing import scrub
    from hanse.ledger.service import purge
    from hanse.ledger.tree import integrate
    from tests.ledger.made import MARI, thing

    dice, canary = random.Random(told["seed"]), told["canary"]
    marked, others = [], []
    for number in range(told["times"]):
        into = marked if number % 5 == 0 else others
        text = canary * dice.randint(1, 30) if into is marked else "x" * dice.randint(1, 900)
        again = dice.choice(into) if into and dice.random() < 0.5 else None
        row = thing(name=text[:90], colour=text[:20], parts=(text, text[:50]), reason=text, object_id=again)
        into.append(row.object_id)
    integrate()
    purge(set(marked), MARI, "erasure")
    if told["scrub"]:
        assert scrub()
        assert not scrub(), "there is nothing to clean a second time"


_JOBS: dict[str, Callable[[dict[str, Any]], None]] = {
    job.__name__: job
    for job in (append, append_in_small_space, append_through_restarts, check, sequences, write_and_purge)
}


def main() -> None:
    """Serve jobs until the input ends."""
    os.environ["HANSE_PASSPHRASE_FILE"] = str(Path(sys.argv[1]) / "passphrase")
    Path(os.environ["HANSE_PASSPHRASE_FILE"]).write_text(PASSPHRASE)
    configure(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            _, status = os.waitpid(told["wait"], 0)
            print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)
        else:
            print(json.dumps({"pid": forked(partial(_JOBS[told["job"]], told))}), flush=True)


if __name__ == "__main__":
    main()
