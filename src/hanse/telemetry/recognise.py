"""What an input is, by its content and never by its name."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hanse.telemetry import columns, exports, nfdump, packets, zeek
from hanse.telemetry.tabular import Layout
from hanse.telemetry.texttable import header_of, split_header

HEAD = 65_536
"""Bytes by which an input is recognised; captures and Parquet are looked at further on."""

UTF8_LONGEST = 4
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
PARQUET_MAGIC = b"PAR1"
UNDERSTOOD = (
    "pcap and pcapng captures (of traffic, or of a NetFlow, IPFIX or sFlow export stream), raw NetFlow, "
    "IPFIX and sFlow datagrams, nfdump files and nfdump's CSV, Zeek conn.log (TSV or JSON), Parquet, and "
    "CSV or TSV with a header line; plain or packed with gzip, zstd or xz"
)


class Kind(StrEnum):
    """What an input can be; the value is the name in reports."""

    EXPORT_CAPTURE = "export stream in a capture"
    CAPTURE = "capture"
    NFDUMP = "nfdump"
    FLOW_PARQUET = "Parquet, flow table"
    PARQUET = "Parquet"
    ZEEK_TSV = "Zeek conn.log"
    ZEEK_JSON = "Zeek conn.log, JSON"
    NFDUMP_CSV = "nfdump CSV"
    CSV = "CSV"
    EXPORT_DUMP = "raw export datagrams"


@dataclass(frozen=True, slots=True)
class Content:
    """An input's bytes, with what several recognisers look at.

    Attributes:
        data: All bytes.
        head: The first `HEAD` of them.
        text: The head as text; empty if its first line is none.
        told: The layout that the user stated, if any.
    """

    data: npt.NDArray[np.uint8]
    head: bytes
    text: str
    told: Layout | None

    @property
    def is_text(self) -> bool:
        """Whether the head could be text of any kind: UTF-8 without control bytes but white space."""
        whole = self.head[: -(UTF8_LONGEST - 1)] if len(self.head) == HEAD else self.head
        return (
            bool(self.head)
            and not _CONTROL.search(whole)
            and "\ufffd" not in whole.decode("utf-8", "replace")[:-1]
        )

    @property
    def names(self) -> list[str]:
        """Column names in the first line."""
        return split_header(self.text.split("\n", 1)[0].rstrip("\r"))[1]


def content_of(data: npt.NDArray[np.uint8], told: Layout | None = None) -> Content:
    """What the recognisers need of an input."""
    head = data[:HEAD].tobytes()
    line, _ = header_of(data)
    return Content(data, head, head.decode("utf-8", "replace").removeprefix("\ufeff") if line else "", told)


def _is_parquet(content: Content) -> bool:
    return content.head.startswith(PARQUET_MAGIC) and not _is_flow_parquet(content)


def _is_flow_parquet(content: Content) -> bool:
    if not content.head.startswith(PARQUET_MAGIC):
        return False
    try:
        file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(content.data)))
        return columns.is_flow_parquet(file)
    except (pa.ArrowException, OSError):
        return False


def _is_csv(content: Content) -> bool:
    return bool(content.text) and not columns.layout_for(content.names, content.told).missing()


RECOGNISERS: tuple[tuple[Kind, Callable[[Content], bool]], ...] = (
    (
        Kind.EXPORT_CAPTURE,
        lambda content: packets.recognise(content.head) and packets.looks_like_export(content.data),
    ),
    (Kind.CAPTURE, lambda content: packets.recognise(content.head)),
    (Kind.NFDUMP, lambda content: bool(nfdump.layout_of(content.head))),
    (Kind.FLOW_PARQUET, _is_flow_parquet),
    (Kind.PARQUET, _is_parquet),
    (Kind.ZEEK_TSV, lambda content: zeek.tsv_fields(content.text) is not None),
    (Kind.ZEEK_JSON, lambda content: zeek.is_json(content.text)),
    (Kind.NFDUMP_CSV, lambda content: content.told is None and nfdump.is_csv_header(content.names)),
    (Kind.CSV, _is_csv),
    (Kind.EXPORT_DUMP, lambda content: bool(exports.recognise(content.head))),
)
"""In order: magic numbers first, then text by its first lines, then what only its structure tells."""


def recognise(content: Content) -> Kind | None:
    """What an input is; None for nothing that Hanse understands."""
    if not content.head:
        return None
    return next((kind for kind, fits in RECOGNISERS if fits(content)), None)


def why_not(content: Content) -> tuple[str, str]:
    """What is wrong with an input that was not recognised, and what the user can do."""
    if not content.head:
        return "it is empty.", "Fetch it again, or leave it out."
    if content.text and len(content.names) > 1 and not content.text.lstrip().startswith(("{", "[")):
        missing = " and ".join(columns.layout_for(content.names, content.told).missing())
        what = f"it is a table, but no column is known to hold {missing}; there are: "
        return what + f"{', '.join(content.names)[:300]}.", (
            "Say which it is, for instance --columns start=WHEN,src=FROM,dst=TO."
        )
    return "it is nothing that is understood.", f"Understood are {UNDERSTOOD}."
