"""nfdump's binary files, through the nfdump program, and the CSV that it prints.

The program is called with a format of its own, because its ready-made ones lose something: `csv`
cuts times to seconds, `json` goes record by record, and the default of builds with NSEL support
(Debian's) prints the time of a firewall event, which flow records do not have: "1970-01-01 ...
INVALID". `%ts` and `%te` are the true times, in the local zone, so the zone is set to UTC; `%ter`
loses digits of the milliseconds in 1.7.1.

nfdump multiplies counters by the sampling rate when it collects, and does not print the rate: its
numbers are estimates already, and `sampling` stays 1.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from hanse.telemetry.columns import guess, read_text
from hanse.telemetry.inputs import Source
from hanse.telemetry.reading import InputReport
from hanse.telemetry.tabular import Layout, Rows
from hanse.telemetry.texttable import BLOCK, TextTable, header_of, split_header

MAGIC = 0xA50C
"""First two bytes of nfdump files in the byte order of the machine that wrote them (nffile.h)."""

LAYOUTS = {1: "nfdump 1.6", 2: "nfdump 1.7"}
"""Second two bytes: the layout version."""

_TAGS = {
    "start": "%ts", "end": "%te", "src": "%sa", "dst": "%da", "src_port": "%sp", "dst_port": "%dp",
    "protocol": "%pr", "tcp_flags": "%flg", "packets": "%ipkt", "bytes": "%ibyt",
    "reverse_packets": "%opkt", "reverse_bytes": "%obyt", "exporter": "%ra",
}  # fmt: skip
_LAYOUT = Layout({name: name for name in _TAGS}, time="iso", icmp_in_port=True)
_HINT = "Install nfdump (Debian and Ubuntu: apt install nfdump), or export with `nfdump -r FILE -o csv`."
_TALK_BYTES = 4000
_FOOTER = ("Summary", "No matching flows")


def layout_of(head: bytes) -> str:
    """Which nfdump wrote a file with these first bytes, in either byte order; empty for none."""
    for order in ("little", "big"):
        if int.from_bytes(head[:2], order) == MAGIC:
            return LAYOUTS.get(int.from_bytes(head[2:4], order), "")
    return ""


def read_nfdump(source: Source, report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """FLOW batches of an nfdump file, as the nfdump program prints it; memory stays bounded."""
    program = shutil.which("nfdump")
    if program is None:
        report.add("nfdump files are read through the program nfdump, which is not installed.", do=_HINT)
        return
    form = "fmt:" + ",".join(_TAGS.values())
    command = [program, "-r", f"/dev/fd/{source.fileno()}", "-q", "-N", "-6", "-o", form]
    with tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            pass_fds=(source.fileno(),),
            env={"TZ": "UTC", "LC_ALL": "C", "PATH": os.defpath},
        )
        try:
            if process.stdout is not None:
                yield from _printed(process.stdout, report, vantage)
        finally:
            process.kill()
            process.wait()
            talk.seek(0)
            _listen(talk.read(_TALK_BYTES), process.returncode, report)


def _printed(pipe: IO[bytes], report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    rows = Rows(_LAYOUT, report, vantage)
    wrong: list[str] = []
    first = pipe.read(1)
    if not first:
        return
    try:
        with pa_csv.open_csv(
            pa.PythonFile(_Pushed(first, pipe), "r"),
            pa_csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=list(_TAGS)),
            pa_csv.ParseOptions(quote_char=False, invalid_row_handler=lambda row: _skip(row, wrong)),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(_TAGS, pa.string()), check_utf8=False),
        ) as reader:
            for batch in reader:
                yield from rows.flows(batch)
    except pa.ArrowInvalid as error:
        report.add(f"what nfdump printed cannot be read: {error}.", do="Try the nfdump that wrote the file.")
    if wrong:
        report.add(f"nfdump printed {len(wrong)} lines that are no flows, such as {wrong[0][:80]!r}.")
    rows.finish()


def _skip(row: pa_csv.InvalidRow, wrong: list[str]) -> str:
    if not row.text.startswith(_FOOTER):
        wrong.append("" if wrong else row.text)
    return "skip"


class _Pushed:
    """A pipe whose first byte was read already, to see whether it holds anything."""

    def __init__(self, first: bytes, pipe: IO[bytes]) -> None:
        self._first = first
        self._pipe = pipe
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        if self._first:
            data, self._first = self._first, b""
            return data
        return self._pipe.read(size)

    def close(self) -> None:
        self.closed = True


def _listen(talk: bytes, code: int | None, report: InputReport) -> None:
    """Note what nfdump said; it ends with 0 even for a damaged file, so its words are what counts."""
    lines = [line.strip() for line in talk.decode("utf-8", "replace").splitlines() if line.strip()]
    for line in dict.fromkeys(lines):
        report.add(
            f"nfdump says: {_without_descriptor(line)[:200]}",
            do="Its other blocks were read." if report.flows else "",
        )
    if code and code > 0 and not lines:
        report.add(f"nfdump ended with code {code} and said nothing.")


def _without_descriptor(line: str) -> str:
    return re.sub(r"'?/dev/fd/\d+'?", "the file", line)


def is_csv_header(names: list[str]) -> bool:
    """Whether a CSV header is one of nfdump's: of 1.6 and early 1.7, or of later 1.7."""
    return names[:5] == ["ts", "te", "td", "sa", "da"] or {"firstSeen", "srcAddr", "dstAddr"} <= set(names)


def read_csv(data: npt.NDArray[np.uint8], report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """FLOW batches of the output of `nfdump -o csv`, its closing summary left aside.

    Its times are in the time zone of the machine that printed it, which the file does not say; they
    are read as UTC, and the report says so.
    """
    header, first = header_of(data)
    delimiter, names = split_header(header)
    table = TextTable(data, names, delimiter, first, first_line=2, footer=_FOOTER)
    what = "nfdump prints times in the zone of its machine; they were read as UTC."
    report.add(what, do="Print with TZ=UTC nfdump ... if they are not.", fatal=False)
    yield from read_text(table, guess(names), report, vantage)
