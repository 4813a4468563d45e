"""CSV and Parquet tables of other programs: which column means what, found or told."""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hanse.kernel.errors import UsageError
from hanse.telemetry.cells import UNITS
from hanse.telemetry.reading import InputReport
from hanse.telemetry.schema import FLOW
from hanse.telemetry.tabular import FIELDS, Layout, Rows
from hanse.telemetry.texttable import TextTable, header_of, split_header

ALIASES: dict[str, tuple[str, ...]] = {
    "start": (
        "start", "starttime", "flowstart", "ts", "tstart", "firstseen", "first", "firstswitched", "stime",
        "timestampstart", "timestampmin", "timeflowstart", "timeflowstartms", "timeflowstartns",
        "flowstartseconds", "flowstartmilliseconds", "flowstartmicroseconds", "flowstartnanoseconds",
        "startms", "startus", "startns", "begin", "timestamp", "datetime", "time", "timereceived",
        "timereceivedns",
    ),
    "end": (
        "end", "endtime", "flowend", "te", "tend", "lastseen", "last", "lastswitched", "ltime",
        "timestampend", "timestampmax", "timeflowend", "timeflowendms", "timeflowendns", "flowendseconds",
        "flowendmilliseconds", "flowendmicroseconds", "flowendnanoseconds", "endms", "endus", "endns",
    ),
    "duration": ("duration", "dur", "td"),
    "src": (
        "src", "sa", "srcaddr", "srcaddress", "srcip", "srcipaddr", "srcipaddress", "sourceip",
        "sourceipaddress", "sourceaddress", "sourceaddr", "source", "saddr", "ipsrc", "sourceipv4address",
        "sourceipv6address", "idorigh",
    ),
    "dst": (
        "dst", "da", "dstaddr", "dstaddress", "dstip", "dstipaddr", "dstipaddress", "destinationip",
        "destinationipaddress", "destinationaddress", "destinationaddr", "destination", "destip", "daddr",
        "ipdst", "destinationipv4address", "destinationipv6address", "idresph",
    ),
    "src_port": (
        "srcport", "sp", "sport", "sourceport", "portsrc", "l4srcport", "sourcetransportport", "idorigp",
    ),
    "dst_port": (
        "dstport", "dp", "dport", "destinationport", "destport", "portdst", "l4dstport",
        "destinationtransportport", "idrespp",
    ),
    "protocol": ("protocol", "proto", "pr", "prot", "ipproto", "ipprotocol", "protocolidentifier"),
    "tcp_flags": ("tcpflags", "flags", "flg", "tcpcontrolbits"),
    "icmp_type": ("icmptype", "icmptypeipv4", "icmptypeipv6"),
    "icmp_code": ("icmpcode", "icmpcodeipv4", "icmpcodeipv6"),
    "packets": (
        "packets", "ipkt", "pkt", "pkts", "inpkts", "inpackets", "packetdeltacount", "packettotalcount",
        "totalpackets", "packetcount", "spkts",
    ),
    "bytes": (
        "bytes", "ibyt", "byt", "octets", "inbytes", "octetdeltacount", "octettotalcount", "totalbytes",
        "bytecount", "sbytes",
    ),
    "reverse_packets": ("reversepackets", "opkt", "outpkts", "outpackets", "reversepacketdeltacount"),
    "reverse_bytes": ("reversebytes", "obyt", "outbytes", "reverseoctetdeltacount"),
    "sampling": ("sampling", "samplingrate", "samplerate", "samplinginterval"),
    "fragments": ("fragments",),
    "ttl": ("ttl", "minimumttl", "minttl"),
    "tunnel": ("tunnel",),
    "outer_src": ("outersrc",),
    "outer_dst": ("outerdst",),
    "exporter": (
        "exporter", "ra", "router", "routerip", "sampleraddress", "exporteraddress", "exporteripv4address",
        "exporteripv6address", "peeripsrc",
    ),
}  # fmt: skip
"""Names under which programs write each field, best first, in lower case without ``_ - . :`` and
spaces: nfdump, IPFIX (RFC 7012 element names), Zeek, Argus, pmacct, goflow2, Akvorado, SiLK-like exports."""

_UNIT_WORDS = (
    ("milliseconds", "ms"), ("microseconds", "us"), ("nanoseconds", "ns"), ("seconds", "s"),
    ("startms", "ms"), ("endms", "ms"), ("startus", "us"), ("endus", "us"), ("ns", "ns"),
)  # fmt: skip


def plain_name(name: str) -> str:
    """A column name as `ALIASES` has it."""
    return re.sub(r"[\s_.:-]", "", name).lower()


def guess(names: Sequence[str]) -> Layout:
    """The layout that a table's column names suggest; `Layout.missing` tells whether it is enough."""
    plain = {plain_name(name): name for name in reversed(names)}
    columns: dict[str, str] = {}
    time = ""
    for field, aliases in ALIASES.items():
        found = next((alias for alias in aliases if alias in plain), None)
        if found is None:
            continue
        columns[field] = plain[found]
        if field == "start":
            time = next((unit for word, unit in _UNIT_WORDS if found.endswith(word)), "")
    if "end" in columns:
        columns.pop("duration", None)
    return Layout(columns, time=time, icmp_in_port="icmp_type" not in columns)


def parse_mapping(text: str) -> Layout:
    """The layout that a user states: ``start=ts,src=source_ip,...`` or the path of a TOML or JSON file.

    Keys are the fields in `FIELDS`, and ``time`` and ``duration_unit`` for units. A whole number in
    place of a column name (``sampling=1000``) holds for every row.

    Raises:
        UsageError: It cannot be read, names unknown fields or units, or lacks a needed field.
    """
    given = _from_file(Path(text)) if text.endswith((".toml", ".json")) else _from_words(text)
    time = str(given.pop("time", ""))
    duration = str(given.pop("duration_unit", "s"))
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise UsageError(f"--columns: there is no field {unknown[0]!r}. Fields are: {', '.join(FIELDS)}.")
    if time not in {"", "iso", *UNITS} or duration not in UNITS:
        raise UsageError("--columns: a unit of time is s, ms, us or ns, and for time also iso.")
    constants = {name: value for name, value in given.items() if isinstance(value, int)}
    columns = {name: str(value) for name, value in given.items() if name not in constants}
    wrong = sorted(set(constants) & {"start", "end", "src", "dst", "exporter", "duration"})
    layout = Layout(columns, constants, time, duration, icmp_in_port="icmp_type" not in given)
    if wrong or layout.missing():
        raise UsageError(f"--columns: name the column that holds {(wrong or layout.missing())[0]!r}.")
    return layout


def stated(text: str) -> str:
    """A mapping that came from far, as it is: it must say what it means, and can never name a file of this machine.

    Raises:
        UsageError: It is none.
    """
    if "=" not in text or text.endswith((".toml", ".json")):
        raise UsageError("--columns: write field=column, with commas between.")
    parse_mapping(text)
    return text


def _from_words(text: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for pair in text.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (name and equals and value):
            raise UsageError(f"--columns: {pair!r} is not of the form field=column.")
        given[name] = int(value) if value.isdecimal() else value
    return given


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
        given = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"--columns {path}: it cannot be read: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(value, str | int) for value in given.values()):
        raise UsageError(f"--columns {path}: it must hold pairs of a field and a column name.")
    return given


def layout_for(names: Sequence[str], told: Layout | None) -> Layout:
    """The told layout if the table has its columns, else the one that the names suggest."""
    if told is not None and set(told.columns.values()) <= set(names):
        return told
    return guess(names)


def read_csv(
    data: npt.NDArray[np.uint8], report: InputReport, vantage: str, told: Layout | None = None
) -> Iterator[pa.RecordBatch]:
    """FLOW batches of a CSV or TSV table with a header line."""
    header, first = header_of(data)
    delimiter, names = split_header(header)
    layout = layout_for(names, told)
    table = TextTable(data, names, delimiter, first, first_line=2)
    yield from read_text(table, layout, report, vantage)


def read_text(
    table: TextTable, layout: Layout, report: InputReport, vantage: str, **extra: Any
) -> Iterator[pa.RecordBatch]:
    """FLOW batches of a text table; further arguments go to `Rows`."""
    if not usable(layout, table.names, report):
        return
    say_defaults(layout, report)
    rows = Rows(layout, report, vantage, line_of=table.line_of, **extra)
    for batch in table.batches(report):
        yield from rows.flows(batch)
    rows.finish()


def is_flow_parquet(file: pq.ParquetFile) -> bool:
    """Whether a Parquet file can be read in place: FLOW columns, their types, nulls only where allowed."""
    schema = file.schema_arrow
    for field in FLOW:
        if field.name not in schema.names or schema.field(field.name).type != field.type:
            return False
        if not field.nullable and schema.field(field.name).nullable and _nulls(file, field.name):
            return False
    return True


def _nulls(file: pq.ParquetFile, name: str) -> bool:
    """Whether a column holds nulls, or does not say in its statistics."""
    at = file.schema_arrow.get_field_index(name)
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(at).statistics
        if statistics is None or not statistics.has_null_count or statistics.null_count:
            return True
    return False


def usable(layout: Layout, names: Sequence[str], report: InputReport) -> bool:
    """Whether a layout says all that a flow needs; what it lacks is a problem of the input."""
    repeated = sorted({name for name in layout.columns.values() if list(names).count(name) > 1})
    if repeated:
        report.add(f"column {repeated[0]!r} occurs more than once.", do="Give every column its own name.")
        return False
    missing = layout.missing()
    if missing:
        report.add(
            f"no column is known to hold {' and '.join(missing)}; there are: {', '.join(names)[:300]}.",
            do="Say which it is, for instance --columns start=WHEN,src=FROM,dst=TO.",
        )
        return False
    return True


def say_defaults(layout: Layout, report: InputReport) -> None:
    """Say what each row counts as where no column tells."""
    known = {*layout.columns, *layout.constants}
    for name, default in (("packets", "one packet"), ("bytes", "no bytes"), ("protocol", "protocol 0")):
        if name not in known:
            report.add(f"no column holds {name}: each row counts as {default}.", field=name, fatal=False)
