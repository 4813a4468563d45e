"""Real nodes of several authorities for tests: their processes, and beside each a process that reads and sets.

`python -m tests.federation.sovereign HOME` reads one job per line (JSON) and answers each with a line.
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tests.node.living import Living, founded, opened, until


class Sovereign(Living):
    """A node of an authority.

    Attributes:
        authority: Its id.
        country: Its country.
        tier: Its tier.
    """

    beside = "tests.federation.sovereign"

    def __init__(self, home: Path, authority: str, country: str, tier: str = "member") -> None:
        super().__init__(home, "sqlite")
        self.authority, self.country, self.tier = authority, country, tier

    def make(self) -> None:
        """Found it by the command of people; in a file of its own, as a copy of one that was founded once per run."""
        name = f"founded-{self.authority}"
        words = ("--authority", self.authority, "--name", f"Authority of {self.country}")
        founded(self.home, (*words, "--country", self.country, "--tier", self.tier), name)
        self.environment |= opened(name)

    def becomes_partner_of(self, other: "Sovereign") -> None:
        """Import the other's invitation, and approve it by a second person; the other has to do the same."""
        invitation = other.do("invite")
        told = self.do("befriend", invitation=invitation, address="127.0.0.1")
        assert told["fingerprint"] == other.do("fingerprint", invitation=self.do("invite"))

    def sent(self, message: str) -> tuple[int, str]:
        """Send it a message between nodes (base64) as anybody on the network can; status and words in the open."""
        until(lambda: self.health()[0] == 200)  # one that was killed may just be coming back
        request = urllib.request.Request(f"{self.url}/league/", base64.b64decode(message), method="POST")  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
                return answer.status, ""
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")

    def has(
        self, what: Callable[[list[dict[str, Any]]], bool], seconds: float = 60.0
    ) -> list[dict[str, Any]]:
        """The partners' attacks that it shows, once they are as wanted."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.do("partner_attacks")
            return what(found)

        until(there, seconds)
        return found


@contextmanager
def two(folder: Path) -> Iterator[tuple[Sovereign, Sovereign]]:
    """Estonia's and Finland's node, served, and partners of each other, until the end."""
    ee = Sovereign(folder / "ee", "ee-cert", "EE")
    fi = Sovereign(folder / "fi", "fi-cert", "FI")
    try:
        for node in (ee, fi):
            node.make()
            node.serve()
        ee.becomes_partner_of(fi)
        fi.becomes_partner_of(ee)
        yield ee, fi
    finally:
        ee.close()
        fi.close()


def work(home: Path, lines: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """The process beside."""
    from hanse.bootstrap import start

    os.environ["HANSE_PASSPHRASE_FILE"] = str(home / "keys" / "passphrase")
    start(home)
    from tests.federation import sovereign_jobs

    for line in lines:
        told = json.loads(line)
        answer = getattr(sovereign_jobs, told.pop("job"))(**told)
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
