"""10,000 objects paged by TAXII 2.1 from a served node, beside the same bytes as static files, and beside medallion.

    python bench/taxii.py [--objects N] [--limit N] [--starts N] [--medallion PYTHON]

A new node is made and served as `hanse node serve` does. One partner pages through everything: at once after the start,
when nothing is ready; the first time after each of some other starts, once answers had the time to be made ready, of which
the median counts; and then again, as the next partner would who is offered the same. The pages' bytes are then
written to files that granian, the same server, serves by itself. PYTHON is an interpreter of an environment of its own in
which medallion is installed; it serves fewer of the same objects from memory. Each time a new client in a
process of its own asks for all of it, over one connection, and reads each answer whole: a client that was at it before has
memory at hand, and shows by half the time of static files. Each page that the node tells is written to its ledger and flushed to disk.
"""
# ruff: noqa: PLC0415 - Django is configured first

import argparse
import http.client
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

NODE, FILES, OTHER = 8107, 8108, 8109
"""Ports."""
AUTHORITY = "fi-cert"
TAXII = "application/taxii+json;version=2.1"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
SLOWER, QUICKER = 3.0, 50.0
"""At most so much slower than static files, and at least so much quicker than medallion (issue 5)."""
READY_S = 10.0
"""Seconds between a start and the first question that answers have to be made ready."""
PATIENCE_S = 300
"""How long one page is waited for."""
BESIDE = 2_000
"""Objects that medallion is given: its time grows with their square, with ten thousand it needs ten minutes."""
NEXT = re.compile(rb'"next": ?"([^"]+)"')


def objects(count: int) -> list[dict[str, object]]:
    """Indicators of some 650 bytes."""
    return [
        {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{at:012}",
            "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z", "name": f"Indicator {at}",
            "description": f"Took part in an ICMP flood, number {at}. " * 6, "indicator_types": ["malicious-activity"],
            "pattern": f"[ipv4-addr:value = '9.{at // 62_500}.{at // 250 % 250}.{at % 250}']",
            "pattern_type": "stix", "pattern_version": "2.1", "valid_from": "2024-01-01T00:00:00Z",
        }
        for at in range(count)
    ]  # fmt: skip


def fill(home: Path, count: int) -> None:
    """Make a partner and the objects that it may have; its secret is left in the node's folder."""
    from hanse.bootstrap import start

    start(home)
    from tests.accounts.people import acting, newcomer

    from hanse.accounts import approvals
    from hanse.intel import service
    from hanse.kernel.markings import Marking, Pap, Tlp
    from hanse.taxii import partners

    mari, jaan = acting(newcomer("administrator", "analyst")), acting(newcomer("approver"))
    proposal = partners.propose_partner(AUTHORITY, "CERT Finland", "FI", "member", "For measuring.", mari)
    (home / "secret").write_text(approvals.approve(proposal, jaan))
    bundle = {
        "type": "bundle",
        "id": "bundle--00000000-0000-4000-8000-000000000000",
        "objects": objects(count),
    }
    marking = Marking(originators=frozenset({"ee-cert"}), tlp=Tlp.GREEN, pap=Pap.GREEN)
    service.bring_in(json.dumps(bundle).encode(), "bundle.json", mari, marking=marking)


@contextmanager
def running(command: list[str], port: int, log: Path, **environment: str) -> Iterator[int]:
    """A server, until it is no longer needed; its process id."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=out, stderr=out, cwd=log.parent
        )
    try:
        for _ in range(600):
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect()
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def paged(told: dict[str, Any]) -> None:
    """Page through a collection, as one client does that reads each answer whole; print the seconds and keep the pages.

    Args:
        told: `port`, `path`, `user`, `secret`, `limit`, and `folder` to keep the pages in.
    """
    basic = "Basic " + b64encode(f"{told['user']}:{told['secret']}".encode()).decode()
    headers = {"Authorization": basic, "Accept": TAXII, "Host": f"localhost:{told['port']}"}
    connection = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=PATIENCE_S)
    pages, query = [], f"?limit={told['limit']}"
    began = time.perf_counter()
    while True:
        connection.request("GET", told["path"] + query, headers=headers)
        response = connection.getresponse()
        pages.append(response.read())
        if response.status != 200:
            raise SystemExit(f"{response.status}: {pages[-1][:300]!r}")
        found = NEXT.search(pages[-1][:200]) or NEXT.search(pages[-1][-200:])
        if found is None:
            break
        query = f"?limit={told['limit']}&next={found[1].decode()}"
    print(time.perf_counter() - began)
    for at, page in enumerate(pages):
        (Path(told["folder"]) / f"{at}.json").write_bytes(page)


def fetched(told: dict[str, Any]) -> None:
    """Fetch static files, as `paged` reads pages; print the seconds.

    Args:
        told: `port`, and `count` of the files.
    """
    connection = http.client.HTTPConnection("127.0.0.1", told["port"])
    pages = []
    began = time.perf_counter()
    for at in range(told["count"]):
        connection.request("GET", f"/files/{at}.json")
        response = connection.getresponse()
        pages.append(response.read())
        if response.status != 200:
            raise SystemExit(f"{response.status} for a static file")
    print(time.perf_counter() - began)


def client(does: str, **told: object) -> float:
    """Seconds that a new client takes, in a process of its own: what an earlier one did is of no use to it."""
    command = [sys.executable, __file__, "--client", does, "--told", json.dumps(told)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def objects_in(folder: Path) -> int:
    """How many objects pages in a folder have."""
    return sum(one.read_bytes().count(b'"pattern_type"') for one in folder.iterdir())


def heaviest(parent: int) -> float:
    """MB of 2^20 bytes of the heaviest process below one."""
    told = subprocess.run(["ps", "-eo", "pid,ppid,rss"], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in told.splitlines()[1:]]
    below, grown = {parent}, True
    while grown:
        more = {pid for pid, above, _ in rows if above in below} - below
        below, grown = below | more, bool(more)
    return max(rss for pid, _, rss in rows if pid in below) / 1024


def medallion(python: str, folder: Path, count: int, limit: int) -> float:
    """Seconds that medallion takes with such objects in its memory."""
    pages = folder / "medallion"
    pages.mkdir()
    made = objects(count)
    manifest = [
        {"date_added": f"2024-01-01T00:{at // 60_000 % 60:02}:{at // 1000 % 60:02}.{at % 1000:03}000Z", "id": one["id"],
         "media_type": "application/stix+json;version=2.1", "version": one["modified"], "specver": "2.1"}
        for at, one in enumerate(made)
    ]  # fmt: skip
    for one, told in zip(made, manifest, strict=True):
        one["_date_added"] = told["date_added"]
    data = {
        "/discovery": {"title": "m", "default": f"http://localhost:{OTHER}/api1/",
                       "api_roots": [f"http://localhost:{OTHER}/api1/"]},
        "api1": {
            "information": {"title": "m", "versions": [TAXII], "max_content_length": 9_765_625}, "status": [],
            "collections": [{"id": COLLECTION, "title": "m", "can_read": True, "can_write": False,
                             "media_types": ["application/stix+json;version=2.1"], "manifest": manifest,
                             "objects": made}],
        },
    }  # fmt: skip
    (folder / "data.json").write_text(json.dumps(data))
    backend = {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
               "filename": str(folder / "data.json")}  # fmt: skip
    config = {"backend": backend, "users": {"u": "p"}, "taxii": {"max_page_size": limit}}
    (folder / "config.json").write_text(json.dumps(config))
    script = Path(python).parent / "medallion"
    command = [python, str(script), "--host", "127.0.0.1", "--port", str(OTHER), str(folder / "config.json")]
    with running(command, OTHER, folder / "medallion.log"):
        path = f"/api1/collections/{COLLECTION}/objects/"
        seconds = client("paged", port=OTHER, path=path, user="u", secret="p", limit=limit, folder=str(pages))  # noqa: S106 - as its configuration has it
        if (told := objects_in(pages)) != count:
            raise SystemExit(f"medallion told {told:,} objects of {count:,}")
    return seconds


def main() -> None:
    """Measure, and say so."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--limit", type=int, default=5_000)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--medallion", help="an interpreter with medallion")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=("paged", "fetched"), help=argparse.SUPPRESS)
    parser.add_argument("--told", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        {"paged": paged, "fetched": fetched}[options.client](options.told)
        return
    if options.fill:
        fill(options.fill, options.objects)
        return
    print(
        f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%F')}"
    )
    with tempfile.TemporaryDirectory(prefix="hanse-taxii-") as folder:
        measured(Path(folder), options)


def static_files(folder: Path, files: Path, count: int) -> float:
    """Seconds that granian takes to serve so many files by itself; the median of 30 clients."""
    (folder / "nothing.py").write_text("def app(environ, start_response):\n    return []\n")
    granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--port", str(FILES), "--log-level",
               "error", "--static-path-route", "/files", "--static-path-mount", str(files), "nothing:app"]  # fmt: skip
    with running(granian, FILES, folder / "files.log"):
        client("fetched", port=FILES, count=count)
        return statistics.median(client("fetched", port=FILES, count=count) for _ in range(30))


def measured(folder: Path, options: argparse.Namespace) -> None:
    """Make a node in a folder and measure it beside the others."""
    home, files = folder / "node", folder / "files"
    told = {
        "HANSE_HOME": str(home), "HANSE_LISTEN": f"127.0.0.1:{NODE}",
        "HANSE_PASSPHRASE_FILE": str(home / "keys" / "passphrase"),
    }  # fmt: skip
    init = ["--unattended", "--authority", "ee-cert", "--name", "CERT Estonia", "--country", "EE"]
    for command in (
        ["-m", "hanse", "node", "init", *init],
        [__file__, "--fill", str(home), "--objects", str(options.objects)],
    ):
        environment = {**os.environ, **told}
        subprocess.run([sys.executable, *command], check=True, env=environment, stdout=subprocess.DEVNULL)
    secret = (home / "secret").read_text()
    serve = [sys.executable, "-m", "hanse", "node", "serve"]
    files.mkdir()

    def paging(collection: str = "everything") -> float:
        path = f"/taxii2/root/collections/{collection}/objects/"
        of = {"port": NODE, "path": path, "user": AUTHORITY, "secret": secret, "limit": options.limit}
        return client("paged", **of, folder=str(files if collection == "everything" else folder))

    with running(serve, NODE, folder / "node.log", **told):
        paging("reports")  # imports
        at_once = paging()
    firsts = []
    for left in reversed(range(options.starts)):
        with running(serve, NODE, folder / "node.log", **told) as pid:
            paging("reports")  # imports
            time.sleep(READY_S)
            before = heaviest(pid)
            firsts.append(paging())
            if left:
                continue
            after = heaviest(pid)
            again = [paging() for _ in range(30)]
            later = heaviest(pid)
            again += [paging() for _ in range(30)]
            last = heaviest(pid)
    pages = len(list(files.iterdir()))
    static = static_files(folder, files, pages)
    size = sum(one.stat().st_size for one in files.iterdir())
    count = objects_in(files)
    print(f"{count:,} objects, {size:,} bytes, {pages} pages of at most {options.limit:,}")
    warm = statistics.median(again)
    print(f"static files: {static * 1e3:.1f} ms")
    print(
        f"the node, at once after its start: {at_once * 1e3:.1f} ms, {at_once / static:.1f} times static files"
    )
    first = statistics.median(firsts)
    each = ", ".join(f"{one / static:.1f}" for one in sorted(firsts))
    print(
        f"the node, the first time, {READY_S:.0f} s after its start, {len(firsts)} starts: {first * 1e3:.1f} ms, "
        f"{first / static:.1f} times static files (at most {SLOWER}); each: {each}"
    )
    print(f"the node, again: {warm * 1e3:.1f} ms, {warm / static:.1f} times static files (at most {SLOWER})")
    print(
        f"web process: {before:.0f} MB before, {after:.0f} after the first time, {later:.0f} after 30 more, {last:.0f} after 60"
    )
    if options.medallion:
        few = min(BESIDE, options.objects)
        one_each = medallion(options.medallion, folder, few, options.limit) / few
        quicker, again_quicker = (one_each / (seconds / count) for seconds in (first, warm))
        print(
            f"medallion, {few:,} objects: {one_each * few * 1e3:,.0f} ms, {one_each * 1e6:,.0f} µs an object"
        )
        print(
            f"an object is told {quicker:,.0f} times as fast the first time, {again_quicker:,.0f} times again (at least {QUICKER:.0f})"
        )


if __name__ == "__main__":
    main()
