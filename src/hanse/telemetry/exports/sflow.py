"""sFlow version 5: sampled packets to flows of one packet each.

Layout: sflow.org, "sFlow Version 5" (July 2004). A flow sample, plain or expanded, becomes one flow:
from the sampled header where there is one, else from the sampled IPv4 or IPv6 record. Counter samples
and extended records are passed over. Times are those of arrival; sFlow has no others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hanse.telemetry.exports.flows import Columns, Piece, fill
from hanse.telemetry.exports.scan import Bytes, Int, Ints, Table, gather
from hanse.telemetry.exports.templates import Template, describe
from hanse.telemetry.packets.compiled import kernel
from hanse.telemetry.packets.dissection import ETHERNET, IPV4, IPV6, LATER, PACKET, dissect
from hanse.telemetry.packets.frames import FRAME

SAMPLE = np.dtype(
    [
        ("datagram", np.int64),
        ("source", np.int64),  # data source: type and index in 32 bits
        ("sequence", np.int64),
        ("rate", np.int64),
        ("kind", np.int64),  # HEADER, SAMPLED4, SAMPLED6; 0 for a sample without a packet
        ("offset", np.int64),  # of the header or the record in the buffer
        ("captured", np.int64),
        ("wire", np.int64),
        ("link", np.int64),  # link type of a header
    ],
    align=True,
)

HEADER, ETHERNET_FRAME, SAMPLED4, SAMPLED6 = 1, 2, 3, 4
"""Formats of flow records with a packet's content (enterprise 0)."""
FLOW, EXPANDED = 1, 3
"""Formats of flow samples (enterprise 0)."""
PROTOCOL_ETHERNET, PROTOCOL_IPV4, PROTOCOL_IPV6 = 1, 11, 12
"""Header protocols."""
NO_LINK = -1
"""Link type of a header of another protocol (token ring, ATM, ...): the dissection knows none."""
SIZE4, SIZE6 = 32, 56
FAULT_SAMPLE, FAULT_RECORD, FAULT_AGENT = 7, 8, 9
FAULTS = {
    FAULT_SAMPLE: ("a sample reaches beyond the end of its datagram", "sample length"),
    FAULT_RECORD: ("a record reaches beyond the end of its sample", "flow record length"),
    FAULT_AGENT: ("the agent's address is neither IPv4 nor IPv6", "agent address type"),
}


def _sampled(width: int, source: int, target: int) -> Template:
    """Sampled IPv4 or IPv6 data: length, protocol, addresses, ports, TCP flags, type of service."""
    fields = [(1, 4), (4, 4), (source, width), (target, width), (7, 4), (11, 4), (6, 4), (210, 4)]
    return describe([((0, number), size) for number, size in fields], options=False)


TEMPLATES = {SAMPLED4: (_sampled(4, 8, 12), SIZE4), SAMPLED6: (_sampled(16, 27, 28), SIZE6)}


@kernel
def _be32(data: Bytes, at: Int) -> Int:
    return (
        (np.int64(data[at]) << 24)
        | (np.int64(data[at + 1]) << 16)
        | (np.int64(data[at + 2]) << 8)
        | np.int64(data[at + 3])
    )


@kernel
def _note(data: Bytes, at: Int, size: Int, form: Int, sample: Any) -> None:
    """Take a flow record into the sample; a header goes before the records made from it."""
    if form == HEADER and size >= 16:
        protocol = _be32(data, at)
        link = NO_LINK
        if protocol == PROTOCOL_ETHERNET:
            link = ETHERNET
        elif protocol == PROTOCOL_IPV4:
            link = IPV4
        elif protocol == PROTOCOL_IPV6:
            link = IPV6
        sample.kind, sample.link, sample.offset = HEADER, link, at + 16
        sample.wire = _be32(data, at + 4)
        sample.captured = min(_be32(data, at + 12), size - 16)
    elif sample.kind == 0 and ((form == SAMPLED4 and size >= SIZE4) or (form == SAMPLED6 and size >= SIZE6)):
        sample.kind, sample.offset, sample.captured = form, at, size


@kernel
def _sample(data: Bytes, at: Int, end: Int, expanded: bool, head: Any, sample: Any) -> None:
    """Fill a SAMPLE row from a flow sample's content."""
    sample.kind = sample.offset = sample.captured = sample.wire = sample.link = 0
    sample.sequence = _be32(data, at)
    shift = 4 if expanded else 0
    source = _be32(data, at + 4)
    sample.source = ((source << 24) ^ _be32(data, at + 8)) & 0xFFFFFFFF if expanded else source
    sample.rate = _be32(data, at + 8 + shift)
    at += 44 if expanded else 32
    while end - at >= 8:
        form, size = _be32(data, at), _be32(data, at + 4)
        at += 8
        if size > end - at:
            head.fault, head.fault_at = FAULT_RECORD, at - 4
            break
        _note(data, at, size, form, sample)
        at += size


@kernel
def _walk(
    data: Bytes, at: Int, size: Int, head: Any, number: Int, samples: Any, row: Int, write: bool
) -> Int:
    """Walk a datagram's samples, write the flow samples from `row` on (if told to), say where they end."""
    end = at + size
    kind = _be32(data, at + 4)
    begin = at + 28 if kind == 1 else at + 40
    if kind not in (1, 2) or begin > end:
        head.fault, head.fault_at = FAULT_AGENT, at + 4
        return row
    head.domain = _be32(data, begin - 16)
    head.sequence = _be32(data, begin - 12)
    head.uptime_ms = _be32(data, begin - 8)
    left = _be32(data, begin - 4)
    at = begin
    while left > 0 and end - at >= 8:
        form, length = _be32(data, at), _be32(data, at + 4)
        at += 8
        if length > end - at:
            head.fault, head.fault_at = FAULT_SAMPLE, at - 4
            return row
        if (form == FLOW and length >= 32) or (form == EXPANDED and length >= 44):
            if write:
                samples[row].datagram = number
                _sample(data, at, at + length, form == EXPANDED, head, samples[row])
            row += 1
        at += length
        left -= 1
    if left > 0:
        head.fault, head.fault_at = FAULT_SAMPLE, begin - 4
    return row


@kernel
def read_agents(
    data: Bytes, offsets: Ints, lengths: npt.NDArray[np.int32], heads: Table, which: Ints, agents: Bytes
) -> Int:
    """Read the headers of the sFlow datagrams `which`; the number of flow samples in all of them.

    Args:
        data: The buffer.
        offsets: First octet of each datagram.
        lengths: Octets of each datagram.
        heads: Rows of `scan.HEADER`; sub-agent (as domain), sequence, uptime and faults are written.
        which: The sFlow datagrams among them.
        agents: Where the agents' addresses go, shape (which, 16), IPv4 as ::ffff:a.b.c.d.
    """
    count = 0
    nothing = np.empty(0, SAMPLE)
    for place in range(len(which)):
        number = which[place]
        at = offsets[number]
        count = _walk(data, at, np.int64(lengths[number]), heads[number], number, nothing, count, False)
        agent = agents[place]
        agent[:] = 0
        if _be32(data, at + 4) == 1:
            agent[10:12] = 255
            agent[12:] = data[at + 8 : at + 12]
        elif heads[number].fault != FAULT_AGENT:
            agent[:] = data[at + 8 : at + 24]
    return count


@kernel
def read_samples(
    data: Bytes, offsets: Ints, lengths: npt.NDArray[np.int32], heads: Table, which: Ints, samples: Table
) -> None:
    """Fill a SAMPLE row for each flow sample of the datagrams `which`."""
    row = 0
    for place in range(len(which)):
        number = which[place]
        size = np.int64(lengths[number])
        row = _walk(data, offsets[number], size, heads[number], number, samples, row, True)


@dataclass(frozen=True, slots=True)
class SampledHeaders:
    """Dissected headers as flows of one packet; all arrays have shape (n,) or (n, 16)."""

    rows: Table
    rates: Ints
    agents: Bytes

    def __len__(self) -> int:
        """How many flows it gives."""
        return len(self.rows)

    def fill(self, columns: Columns) -> None:
        """Write them into their slice of the columns."""
        rows = self.rows
        kind = rows["kind"]
        for end in ("src", "dst", "outer_src", "outer_dst"):
            words = columns[end].view(">u8")
            words[:, 0], words[:, 1] = rows[f"{end}_hi"], rows[f"{end}_lo"]
        columns["start"][:] = columns["end"][:] = rows["time_us"]
        columns["src_port"][:] = kind >> np.uint64(48)
        columns["dst_port"][:] = kind >> np.uint64(32) & np.uint64(0xFFFF)
        columns["tunnel"][:] = kind >> np.uint64(16) & np.uint64(255)
        columns["icmp_type"][:] = kind >> np.uint64(8) & np.uint64(255)
        columns["icmp_code"][:] = kind & np.uint64(255)
        columns["protocol"][:] = rows["protocol"]
        columns["tcp_flags"][:] = rows["flags"]
        columns["ttl"][:] = rows["ttl"]
        columns["packets"][:] = 1
        columns["bytes"][:] = rows["bytes"]
        columns["fragments"][:] = (rows["fragment"] & LATER) != 0
        columns["sampling"][:] = np.clip(self.rates, 1, 2**31 - 1)
        columns["exporter"][:] = self.agents


@dataclass(frozen=True, slots=True)
class SampledAddresses:
    """Sampled IPv4 or IPv6 records as flows of one packet."""

    piece: Piece
    agents: Bytes

    def __len__(self) -> int:
        """How many flows it gives."""
        return len(self.piece)

    def fill(self, columns: Columns) -> None:
        """Write them into their slice of the columns."""
        fill(self.piece, columns)
        columns["packets"][:] = 1
        columns["exporter"][:] = self.agents


def headers(data: Bytes, samples: Table, times: Ints, agents: Bytes) -> tuple[SampledHeaders, int]:
    """Flows of the samples that have a packet header, and how many of those held no IP packet."""
    frames = np.zeros(len(samples), FRAME)
    for name in ("offset", "captured", "wire", "link"):
        frames[name] = samples[name]
    frames["time_us"] = times
    rows = np.zeros(len(samples), PACKET)
    faults = dissect(data, frames, rows, np.uint64(0))  # the rows' hashes are of no use here
    good = rows["fault"] == 0
    return SampledHeaders(rows[good], samples["rate"][good], agents[good]), int(faults)


def addresses(data: Bytes, samples: Table, times: Ints, agents: Bytes, kind: int) -> SampledAddresses:
    """Flows of the samples that have a sampled IPv4 or IPv6 record (`kind`)."""
    template, size = TEMPLATES[kind]
    out = np.empty(len(samples) * size, np.uint8)
    gather(data, samples["offset"].copy(), np.full(len(samples), size), out)
    rates = np.clip(samples["rate"], 1, 2**31 - 1)
    piece = Piece(template, out.view(template.dtype), times, None, None, rates, bytes(16))
    return SampledAddresses(piece, agents)
