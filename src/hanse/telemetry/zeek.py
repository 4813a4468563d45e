"""Zeek's conn.log, as TSV or JSON lines: one row of two directions becomes up to two flows."""

import json
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pa_json

from hanse.telemetry import cells
from hanse.telemetry.cells import Values
from hanse.telemetry.columns import read_text
from hanse.telemetry.reading import InputReport
from hanse.telemetry.tabular import ICMP, ICMPV6, TCP, Layout, Rows
from hanse.telemetry.texttable import TextTable

NEEDED = ("ts", "id.orig_h", "id.resp_h")
TELLING = ("conn_state", "orig_pkts", "orig_ip_bytes", "orig_bytes", "history")
"""Fields that conn.log has and Zeek's other logs, which carry the same addresses, have not."""

_COLUMNS = {
    "start": "ts", "duration": "duration", "src": "id.orig_h", "dst": "id.resp_h",
    "src_port": "id.orig_p", "dst_port": "id.resp_p", "protocol": "proto", "packets": "orig_pkts",
    "bytes": "orig_ip_bytes", "reverse_packets": "resp_pkts", "reverse_bytes": "resp_ip_bytes",
}  # fmt: skip
_HISTORY = "history"
_V4 = np.array([0] * 10 + [255, 255], np.uint8)

_LETTERS = {"S": 2, "H": 18, "A": 16, "D": 16, "F": 1, "R": 4}
"""TCP flags that a letter of `history` proves (Zeek's documentation of conn.log): SYN, SYN with ACK,
ACK, data (which carries ACK, RFC 9293 section 3.1), FIN, RST. Upper case is the originator's."""

_ECHOES = {
    ICMP: {0: 8, 8: 0, 9: 10, 10: 9, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    ICMPV6: {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135,
             139: 140, 140: 139, 144: 145, 145: 144},
}  # fmt: skip
"""ICMP types with a counterpart. For these Zeek writes the counterpart's type as the responder's port;
for all others the code."""

JSON_BLOCK = 4 << 20
"""Bytes of JSON lines parsed at once."""

_JSON_LINES_WORDED = 5


def tsv_fields(head: str) -> list[str] | None:
    """Column names of a Zeek TSV log with these first lines; None where it is none or has no flows."""
    for line in head.splitlines():
        if not line.startswith("#"):
            return None
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
            return names if _is_conn(names) else None
    return None


def is_json(head: str) -> bool:
    """Whether the first line is a JSON object with the connection fields of Zeek."""
    line = head.split("\n", 1)[0].strip()
    if not line.startswith("{"):
        return False
    try:
        row = json.loads(line)
    except ValueError:
        return False
    return isinstance(row, dict) and _is_conn(row)


def _is_conn(names: Collection[str]) -> bool:
    return all(name in names for name in NEEDED) and any(name in names for name in TELLING)


def layout_of(names: list[str], report: InputReport, time: str = "s") -> Layout:
    """What the columns of a conn.log mean, times in this unit; missing counters are reported."""
    columns = {field: name for field, name in _COLUMNS.items() if name in names}
    for field, name, instead in (
        ("bytes", "orig_ip_bytes", "orig_bytes"),
        ("reverse_bytes", "resp_ip_bytes", "resp_bytes"),
    ):
        if field not in columns and instead in names:
            columns[field] = instead
            report.add(f"there is no {name}: {instead} was used, which counts no headers.", fatal=False)
    if "ip_proto" in names:
        columns["protocol"] = "ip_proto"
    return Layout(columns, time=time)


def read_tsv(data: npt.NDArray[np.uint8], report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """FLOW batches of a conn.log with ``#fields`` header; headers repeated further down are skipped."""
    head = data[:65536].tobytes().decode("utf-8", "replace")
    names = tsv_fields(head) or []
    first = first_line = 0
    while data[first : first + 1].tobytes() == b"#":
        end = data[first : first + 65536].tobytes().find(b"\n")
        first = first + end + 1 if end >= 0 else len(data)
        first_line += 1
    table = TextTable(
        data, names, "\t", first, first_line + 1, quote="", nulls=("", "-", "(empty)"), ignored=("#",)
    )
    yield from read_text(table, layout_of(names, report), report, vantage, adapt=adapt)


def read_json(data: npt.NDArray[np.uint8], report: InputReport, vantage: str) -> Iterator[pa.RecordBatch]:
    """FLOW batches of a conn.log in JSON lines; a line that is no JSON costs only itself."""
    first = json.loads(data[:65536].tobytes().split(b"\n", 1)[0])
    wanted = {*_COLUMNS.values(), _HISTORY, "ip_proto", "orig_bytes", "resp_bytes"}
    # Zeek leaves fields without value out of a line, so the first line does not have them all.
    layout = layout_of(sorted((wanted - {"ip_proto"}) | set(first)), report, _unit(first["ts"]))
    texts = _TEXTS | {"ts"} if layout.time == "iso" else _TEXTS
    schema = pa.schema([(name, pa.string() if name in texts else pa.float64()) for name in sorted(wanted)])
    lines = _Lines(data, schema, report)
    rows = Rows(layout, report, vantage, adapt=adapt)
    for table in lines.tables():
        yield from rows.flows(table)
    rows.finish()


def _unit(first: object) -> str:
    """Zeek writes JSON times as seconds, ISO 8601 or milliseconds (`LogAscii::json_timestamps`)."""
    if isinstance(first, str):
        return "iso"
    return "ms" if isinstance(first, int | float) and first >= SECONDS_END else "s"


SECONDS_END = 1e10
"""From here on a number of seconds would lie beyond the year 2286."""

_TEXTS = {"id.orig_h", "id.resp_h", "proto", _HISTORY}


class _Lines:
    """JSON lines to tables of a fixed schema."""

    def __init__(self, data: npt.NDArray[np.uint8], schema: pa.Schema, report: InputReport) -> None:
        self._data = data
        self._schema = schema
        self._report = report
        self._line = 0
        self._bad = 0

    def tables(self) -> Iterator[pa.Table]:
        """A table per block of whole lines."""
        at = 0
        while at < len(self._data):
            block = self._data[at : at + JSON_BLOCK].tobytes()
            end = block.rfind(b"\n") + 1
            if at + len(block) == len(self._data):
                end = len(block)
            if end == 0:
                what = f"line {self._line + 1} is longer than {JSON_BLOCK} bytes; reading stopped there."
                self._report.add(what, offset=at)
                break
            yield self._table(block[:end], at)
            at += end
            self._report.passed(at)
        if self._bad > _JSON_LINES_WORDED:
            self._report.add(f"{self._bad - _JSON_LINES_WORDED} more lines are no JSON objects.")
        self._report.skipped += self._bad

    def _table(self, block: bytes, at: int) -> pa.Table:
        """Arrow parses the block at once; only if it refuses, Python goes line by line."""
        try:
            table = pa_json.read_json(
                pa.BufferReader(block),
                pa_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
                pa_json.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid:
            table = self._line_by_line(block, at)
        self._line += block.count(b"\n")
        return table

    def _line_by_line(self, block: bytes, at: int) -> pa.Table:
        columns: dict[str, list[Any]] = {name: [] for name in self._schema.names}
        for number, line in enumerate(block.split(b"\n")):
            row = _object(line)
            if row is not None:
                for name, kept in columns.items():
                    kept.append(_fit(row.get(name), self._schema.field(name).type))
            elif line.strip():
                self._bad += 1
                if self._bad <= _JSON_LINES_WORDED:
                    self._report.add(f"line {self._line + number + 1} is no JSON object.", offset=at)
            at += len(line) + 1
        return pa.table(columns, schema=self._schema)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _fit(value: object, kind: pa.DataType) -> object:
    """A JSON value in the type of its column; null where it does not fit."""
    if cells.is_text(kind):
        return str(value) if isinstance(value, str | int | float) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    return None


def adapt(values: dict[str, Values], table: pa.RecordBatch | pa.Table) -> None:
    """What only Zeek knows: flags from `history`, ICMP in the ports."""
    protocol = values.get("protocol", np.zeros(len(values["start"]), np.int64))
    v6 = ~(values["src"][:, :12] == _V4).all(axis=1)
    protocol = np.where((protocol == ICMP) & v6, ICMPV6, protocol)
    values["protocol"] = protocol
    if _HISTORY in table.schema.names:
        ahead, back = _flags(cells.plain(table.column(_HISTORY)))
        values["tcp_flags"] = np.where(protocol == TCP, ahead, 0)
        values["tcp_flags_back"] = np.where(protocol == TCP, back, 0)
    if "src_port" in values and "dst_port" in values:
        _icmp(values, protocol)


def _flags(history: pa.Array) -> tuple[Values, Values]:
    encoded = history.dictionary_encode()
    texts = encoded.dictionary.cast(pa.binary()).to_pylist()
    ahead, back = [], []
    for text in texts:
        letters = set(text.decode("ascii", "replace"))
        ahead.append(_proved(letters))
        back.append(_proved({letter.upper() for letter in letters if letter.islower()}))
    index = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    return np.array([*ahead, 0], np.int64)[index], np.array([*back, 0], np.int64)[index]


def _proved(letters: set[str]) -> int:
    """The flags that these capital letters prove, or-ed."""
    flags = 0
    for letter in letters:
        flags |= _LETTERS.get(letter, 0)
    return flags


def _icmp(values: dict[str, Values], protocol: Values) -> None:
    kind, other = values["src_port"], values["dst_port"]
    forward_code = np.zeros(len(kind), np.int64)
    back_kind = np.zeros(len(kind), np.int64)
    for number, pairs in _ECHOES.items():
        mine = protocol == number
        paired = np.isin(kind, list(pairs))
        forward_code[mine] = np.where(paired, 0, other)[mine]
        back_kind[mine] = np.where(paired, other, kind)[mine]
    values["icmp_type"] = kind & 0xFF
    values["icmp_type_back"] = back_kind & 0xFF
    values["icmp_code"] = forward_code & 0xFF
