"""Delimited text in mapped bytes, as batches of text columns with the line of every row."""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from hanse.telemetry.reading import InputReport
from hanse.telemetry.tabular import WORDED_ROWS

BLOCK = 4 << 20
"""Bytes of text parsed at once; a line must fit in."""

DELIMITERS = (",", "\t", ";", "|")
_LINES_KEPT = 100_000


@dataclass(slots=True)
class TextTable:
    """A delimited table.

    Attributes:
        data: The whole input.
        names: Names of the columns; of equal ones, only the first can be asked for.
        delimiter: What stands between them.
        first: Byte at which the first row starts.
        first_line: Its line number, from 1.
        quote: The quoting character; empty for none.
        nulls: Cells that mean "nothing".
        ignored: First words of lines that are no rows and no mistake (comments).
        footer: First words of lines after which no rows come, and nothing is a mistake.
        wrong: Lines with a wrong number of cells.
    """

    data: npt.NDArray[np.uint8]
    names: Sequence[str]
    delimiter: str
    first: int
    first_line: int
    quote: str = '"'
    nulls: Sequence[str] = ("",)
    ignored: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    wrong: int = 0
    _dropped: list[int] = field(default_factory=list)
    _examples: list[tuple[int, str]] = field(default_factory=list)
    _ended: bool = False

    def batches(self, report: InputReport) -> Iterator[pa.RecordBatch]:
        """Batches of text columns; lines with a wrong number of cells are left out and reported."""
        body = self.data[self.first :]
        if not len(body):
            return
        names = [f"{name}#{at}" if name in self.names[:at] else name for at, name in enumerate(self.names)]
        try:
            with pa_csv.open_csv(
                pa.BufferReader(pa.py_buffer(body)),
                pa_csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK,
                    column_names=names,
                    encoding="utf8" if _is_ascii(body) else "latin1",
                ),
                pa_csv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char=self.quote or False,
                    ignore_empty_lines=False,
                    invalid_row_handler=self._wrong_row,
                ),
                pa_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=list(self.nulls),
                    strings_can_be_null=True,
                ),
            ) as reader:
                for number, batch in enumerate(reader, start=1):
                    yield batch
                    report.passed(self.first + number * BLOCK)  # a batch is a block; others are read ahead
        except pa.ArrowInvalid as error:
            what = f"the table cannot be read on: {error}."
            report.add(what, do="Check that it is a text table with one line per flow.")
        self._report_wrong(report)

    def line_of(self, row: int) -> int:
        """Line of a row counted from 0 over all batches; exact up to 100,000 lines that were left out."""
        line = row
        for _ in range(64):
            further = row + bisect.bisect_right(self._dropped, line)
            if further == line:
                break
            line = further
        return self.first_line + line

    def _wrong_row(self, row: pa_csv.InvalidRow) -> str:
        number = (row.number or 1) - 1
        if len(self._dropped) < _LINES_KEPT:
            self._dropped.append(number)
        text = row.text.strip()
        self._ended = self._ended or text.startswith(self.footer)
        if text and not self._ended and not text.startswith(self.ignored):
            self.wrong += 1
            if len(self._examples) < WORDED_ROWS:
                cells = f"{row.actual_columns} cells where {row.expected_columns} were expected"
                self._examples.append((self.first_line + number, cells))
        return "skip"

    def _report_wrong(self, report: InputReport) -> None:
        for line, cells in self._examples:
            report.add(f"line {line}: {cells}; the line was left out.")
        if self.wrong > len(self._examples):
            report.add(
                f"{self.wrong - len(self._examples)} more lines with a wrong number of cells were left out."
            )
        report.skipped += self.wrong


def _is_ascii(body: npt.NDArray[np.uint8]) -> bool:
    """Whether no byte is above 127.

    If one is, bytes are read as Latin-1, one to one: Arrow drops a line with wrong UTF-8 without a
    word, and no cell of a flow needs such bytes.
    """
    return all(int(body[at : at + BLOCK].max()) < 128 for at in range(0, len(body), BLOCK))


def header_of(data: npt.NDArray[np.uint8], limit: int = 65536) -> tuple[str, int]:
    """First line of a text, and the byte after it; both empty where there is no text line.

    A byte order mark is dropped; NUL or other control bytes mean that it is no text.
    """
    head = data[:limit].tobytes()
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    end = head.find(b"\n", start)
    stop = end if end >= 0 else len(head)
    if (end < 0 and len(data) > limit) or any(
        byte < 32 and byte != 9 for byte in head[start:stop].rstrip(b"\r")
    ):
        return "", 0
    try:
        return head[start:stop].decode().rstrip("\r"), min(stop + 1, len(data))
    except UnicodeDecodeError:
        return "", 0


def split_header(line: str) -> tuple[str, list[str]]:
    """The delimiter of a header line (the one that stands in it most often) and its cells, unquoted."""
    delimiter = max(DELIMITERS, key=line.count)
    return delimiter, [cell.strip().strip("\"'").strip() for cell in line.split(delimiter)]
