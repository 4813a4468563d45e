"""Columns of made flows to the flow table, as two border routers would have exported them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.exercise.days import MS_US
from hanse.kernel.address_columns import pack_all, v4_column
from hanse.telemetry.schema import ADDRESS, FLOW, TIMESTAMP

ROUTERS = (("192.0.2.1", "border-1"), ("192.0.2.2", "border-2"))
"""Exporter address (TEST-NET-1, RFC 5737) and vantage name of the two border routers."""

Column: TypeAlias = npt.NDArray[np.int64]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ICMP, TCP, UDP, GRE, ESP, IGMP = 1, 6, 17, 47, 50, 2


@dataclass(slots=True)
class Records:
    """Flow records as columns, all of shape (n,); a single number stands for a constant column.

    Attributes:
        start_us: First packet, microseconds UTC.
        end_us: Last packet, microseconds UTC.
        src: IPv4 source as host-order integer.
        dst: IPv4 destination as host-order integer.
        protocol: IP protocol number.
        packets: Packets.
        octets: IP octets, headers included.
        src_port, dst_port, tcp_flags, icmp_type, icmp_code, fragments, ttl: As in the flow schema.
    """

    start_us: Column
    end_us: Column
    src: Column
    dst: Column
    protocol: Column
    packets: Column
    octets: Column
    src_port: Column
    dst_port: Column
    tcp_flags: Column
    icmp_type: Column
    icmp_code: Column
    fragments: Column
    ttl: Column

    @classmethod
    def of(
        cls,
        start_us: Column,
        end_us: Column,
        src: npt.ArrayLike,
        dst: npt.ArrayLike,
        protocol: npt.ArrayLike,
        packets: npt.ArrayLike,
        octets: npt.ArrayLike,
        src_port: npt.ArrayLike = 0,
        dst_port: npt.ArrayLike = 0,
        tcp_flags: npt.ArrayLike = 0,
        icmp_type: npt.ArrayLike = 0,
        icmp_code: npt.ArrayLike = 0,
        fragments: npt.ArrayLike = 0,
        ttl: npt.ArrayLike = 56,
    ) -> Self:
        """Records from columns or constants; times are cut to the millisecond, as exporters give them."""
        shape = np.shape(start_us)
        given = (src, dst, protocol, packets, octets, src_port, dst_port, tcp_flags)
        rest = (icmp_type, icmp_code, fragments, ttl)
        columns = [np.broadcast_to(np.asarray(each, np.int64), shape) for each in (*given, *rest)]
        begin = start_us // MS_US * MS_US
        return cls(begin, np.maximum(end_us // MS_US * MS_US, begin), *columns)

    @classmethod
    def joined(cls, parts: Sequence["Records"]) -> "Records":
        """Several lots of records as one; at least one lot."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        """Number of records."""
        return len(self.start_us)

    def where(self, keep: npt.NDArray[np.bool_]) -> "Records":
        """The records for which `keep` holds."""
        return Records(*(getattr(self, field.name)[keep] for field in fields(self)))

    def answered(self, **changes: npt.ArrayLike) -> "Records":
        """The opposite direction: addresses and ports exchanged, other columns as given."""
        turned = replace(self, src=self.dst, dst=self.src, src_port=self.dst_port, dst_port=self.src_port)
        shape = self.start_us.shape
        given = {name: np.broadcast_to(np.asarray(value, np.int64), shape) for name, value in changes.items()}
        return replace(turned, **given)

    def table(self) -> pa.Table:
        """The records in the flow schema; sampling is 1, and there are no tunnels."""
        n = len(self)
        router = _router(self.src ^ self.dst)
        exporters = pack_all(address for address, _ in ROUTERS)[router]
        names = pa.DictionaryArray.from_arrays(
            pa.array(router.astype(np.int8)), [each for _, each in ROUTERS]
        )
        empty = pa.nulls(n, ADDRESS)
        columns = {
            "start": _times(self.start_us),
            "end": _times(self.end_us),
            "src": _addresses(v4_column(self.src.astype(np.uint32))),
            "dst": _addresses(v4_column(self.dst.astype(np.uint32))),
            "src_port": pa.array(self.src_port.astype(np.uint16)),
            "dst_port": pa.array(self.dst_port.astype(np.uint16)),
            "protocol": pa.array(self.protocol.astype(np.uint8)),
            "tcp_flags": pa.array(self.tcp_flags.astype(np.uint8)),
            "icmp_type": pa.array(self.icmp_type.astype(np.uint8)),
            "icmp_code": pa.array(self.icmp_code.astype(np.uint8)),
            "packets": pa.array(self.packets),
            "bytes": pa.array(self.octets),
            "sampling": pa.array(np.ones(n, np.int32)),
            "fragments": pa.array(self.fragments),
            "ttl": pa.array(self.ttl.astype(np.uint8)),
            "tunnel": pa.array(np.zeros(n, np.uint8)),
            "outer_src": empty,
            "outer_dst": empty,
            "exporter": _addresses(exporters),
            "vantage": names.cast(pa.string()),
        }
        return pa.Table.from_arrays([columns[name] for name in FLOW.names], schema=FLOW)


def _router(pair: Column) -> Column:
    """Which router carries a pair of addresses; both directions take the same one."""
    return (pair ^ pair >> 8 ^ pair >> 16) & 1


def _times(us: Column) -> pa.Array:
    return pa.array(us).cast(TIMESTAMP)


def _addresses(raw: npt.NDArray[np.uint8]) -> pa.Array:
    """An (n, 16) array of bytes as a column, without a Python object per address."""
    whole = np.ascontiguousarray(raw)
    return pa.FixedSizeBinaryArray.from_buffers(ADDRESS, len(whole), [None, pa.py_buffer(whole)])
