"""The one flow table: every reader writes it, every room above reads it.

A flow is a unidirectional run of packets with one key (addresses, ports, protocol, tunnel),
as one vantage point saw it. Counters are as observed; multiply by `sampling` for the estimate.
"""

from collections import Counter

import pyarrow as pa

ADDRESS = pa.binary(16)
TIMESTAMP = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, meaning: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"meaning": meaning})


FLOW: pa.Schema = pa.schema(
    [
        _field("start", TIMESTAMP, "first packet, microseconds UTC"),
        _field("end", TIMESTAMP, "last packet, microseconds UTC; never before start"),
        _field("src", ADDRESS, "source address, 16 bytes, IPv4 as ::ffff:a.b.c.d"),
        _field("dst", ADDRESS, "destination address, 16 bytes, IPv4 as ::ffff:a.b.c.d"),
        _field("src_port", pa.uint16(), "source port; 0 where the protocol has none or it was not seen"),
        _field("dst_port", pa.uint16(), "destination port; 0 where the protocol has none or it was not seen"),
        _field("protocol", pa.uint8(), "IP protocol number of the (inner) packet"),
        _field("tcp_flags", pa.uint8(), "all TCP flags seen, or-ed: FIN 1 SYN 2 RST 4 PSH 8 ACK 16 URG 32"),
        _field("icmp_type", pa.uint8(), "ICMP or ICMPv6 type; 0 for other protocols"),
        _field("icmp_code", pa.uint8(), "ICMP or ICMPv6 code; 0 for other protocols"),
        _field("packets", pa.int64(), "packets observed; times sampling is the estimate"),
        _field(
            "bytes",
            pa.int64(),
            "IP octets observed, headers included, link layer not; times sampling is the estimate",
        ),
        _field("sampling", pa.int32(), "1 in how many packets was observed; 1 means all, or unknown"),
        _field(
            "fragments",
            pa.int64(),
            "of packets, those that were not a datagram's first fragment; 0 where unknown",
        ),
        _field("ttl", pa.uint8(), "lowest TTL or hop limit seen; 0 where unknown"),
        _field(
            "tunnel",
            pa.uint8(),
            "protocol number of the outermost tunnel taken off (47 GRE, 4 IP-in-IP, 41 IPv6); 0 for none",
        ),
        _field("outer_src", ADDRESS, "the tunnel's source address", nullable=True),
        _field("outer_dst", ADDRESS, "the tunnel's destination address", nullable=True),
        _field("exporter", ADDRESS, "the router or probe that exported the flow", nullable=True),
        _field("vantage", pa.string(), "name of the vantage point: an input file or a collector's label"),
    ],
    metadata={"hanse.schema": "flow/1"},
)


def flows_by_exporter(exporters: pa.ChunkedArray) -> Counter[bytes]:
    """How many flows each exporter (16 bytes) has in a column of `FLOW`; those without one are left out."""
    counts = exporters.drop_null().value_counts()
    return Counter(
        dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    )
