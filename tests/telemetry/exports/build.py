"""Export datagrams with known content, made quickly enough to load a collector."""

from dataclasses import dataclass, field
from struct import pack

import numpy as np
import numpy.typing as npt

MTU = 1_464
"""Octets that most exporters put into one datagram on Ethernet."""
EXPORT_S = 1_178_700_000
"""2007-05-09T08:40:00Z."""
UPTIME_MS = 86_400_000

V4_FIELDS = [(8, 4), (12, 4), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1),
             (10, 4), (14, 4), (16, 4), (17, 4), (9, 1), (13, 1)]  # fmt: skip
"""A usual flow template of a router: 49 octets, 29 records in a datagram."""
IPFIX_FIELDS = [(152, 8), (153, 8), *[pair for pair in V4_FIELDS if pair[0] not in {21, 22}]]
TIMES = {21: ">u4", 22: ">u4"}


def dtype_of(fields: list[tuple[int, int]]) -> np.dtype[np.void]:
    """The record of a template whose fields are 1, 2, 4 or 8 octets wide."""
    return np.dtype([(str(number), f">u{width}") for number, width in fields])


V5_DTYPE = dtype_of(
    [(8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
     (1000, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (1001, 2)]
)  # fmt: skip


def records(dtype: np.dtype[np.void], count: int, seed: int = 1) -> npt.NDArray[np.void]:
    """Made-up flows in the fields that a template has."""
    random = np.random.default_rng(seed)
    out = np.zeros(count, dtype)
    packets = random.zipf(1.7, count).clip(1, 100_000)
    first = UPTIME_MS - random.integers(0, 60_000, count)
    values = {
        "8": random.integers(0x0B000000, 0x5FFFFFFF, count),
        "12": 0xC3500000 + random.integers(0, 65_536, count),
        "2": packets,
        "1": packets * random.integers(40, 1_500, count),
        "22": first,
        "21": np.minimum(first + random.integers(0, 30_000, count), UPTIME_MS),
        "7": random.integers(1_024, 65_536, count),
        "11": random.choice([53, 80, 443, 123, 25], count),
        "4": random.choice([6, 17], count, p=[0.7, 0.3]),
        "6": random.choice([2, 16, 24, 27], count),
        "10": 3,
        "14": 7,
        "16": 3_249,
        "17": 2_586,
        "9": 16,
        "13": 24,
    }
    values["152"] = EXPORT_S * 1000 - UPTIME_MS + values["22"]
    values["153"] = EXPORT_S * 1000 - UPTIME_MS + values["21"]
    for name in dtype.names or ():
        if name in values:
            out[name] = values[name]
    return out


def v5_header(count: int, sequence: int, *, sampling: int = 0, engine: int = 0) -> bytes:
    """The header of a v5 datagram."""
    return pack(">HHIIIIHH", 5, count, UPTIME_MS, EXPORT_S, 0, sequence & 0xFFFFFFFF, engine, sampling)


def v9(sequence: int, *sets: bytes, source: int = 0, count: int = 1, export_s: int = EXPORT_S) -> bytes:
    """A v9 datagram around its sets."""
    head = pack(">HHIIII", 9, count, UPTIME_MS, export_s, sequence & 0xFFFFFFFF, source)
    return head + b"".join(sets)


def ipfix(sequence: int, *sets: bytes, domain: int = 0, export_s: int = EXPORT_S) -> bytes:
    """An IPFIX message around its sets."""
    body = b"".join(sets)
    return pack(">HHIII", 10, 16 + len(body), export_s, sequence & 0xFFFFFFFF, domain) + body


def a_set(number: int, content: bytes, *, pad: bool = True) -> bytes:
    """A set around its content, padded to four octets."""
    padding = bytes(-len(content) % 4) if pad else b""
    return pack(">HH", number, 4 + len(content) + len(padding)) + content + padding


def specifiers(fields: list[tuple[int, ...]]) -> bytes:
    """Field specifiers: (element, width) or (element, width, enterprise)."""
    return b"".join(
        pack(">HHI", one[0] | 0x8000, one[1], one[2]) if len(one) == 3 else pack(">HH", *one)
        for one in fields
    )


def template(number: int, fields: list[tuple[int, ...]]) -> bytes:
    """A template record, for both v9 and IPFIX."""
    return pack(">HH", number, len(fields)) + specifiers(fields)


def ipfix_options(number: int, scopes: list[tuple[int, ...]], fields: list[tuple[int, ...]]) -> bytes:
    """An IPFIX options template record."""
    head = pack(">HHH", number, len(scopes) + len(fields), len(scopes))
    return head + specifiers(scopes) + specifiers(fields)


def v9_options(number: int, scopes: list[tuple[int, ...]], fields: list[tuple[int, ...]]) -> bytes:
    """A v9 options template record."""
    return pack(">HHH", number, 4 * len(scopes), 4 * len(fields)) + specifiers(scopes) + specifiers(fields)


@dataclass
class Stream:
    """Datagrams of one exporter, ready to be sent or decoded.

    Attributes:
        data: All of them back to back.
        offsets: First octet of each, shape (n,).
        lengths: Octets of each, shape (n,).
        flows: Flows in all of them.
        packets: Sum of their packets.
        octets: Sum of their octets.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]
    flows: int
    packets: int
    octets: int
    each: int = 0
    senders: npt.NDArray[np.uint8] = field(init=False)
    times: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Let all of them come from 192.0.2.1 at the time of export."""
        self.senders = np.zeros((len(self.offsets), 16), np.uint8)
        self.senders[:, 10:] = [255, 255, 192, 0, 2, 1]
        self.times = np.full(len(self.offsets), EXPORT_S * 1_000_000)


def _sum(stored: npt.NDArray[np.void], name: str) -> int:
    return int(stored[name].astype(np.int64).sum())


def stream(kind: str, datagrams: int, seed: int = 1) -> Stream:
    """Datagrams of one kind (``v5``, ``v9``, ``ipfix``), filled up to the MTU, the template first."""
    dtype = {"v5": V5_DTYPE, "v9": dtype_of(V4_FIELDS), "ipfix": dtype_of(IPFIX_FIELDS)}[kind]
    head = {"v5": 24, "v9": 24, "ipfix": 20}[kind]
    each = 30 if kind == "v5" else (MTU - head) // dtype.itemsize
    content = records(dtype, datagrams * each, seed)
    size = head + -(-each * dtype.itemsize // 4) * 4 if kind != "v5" else head + each * 48
    data = np.zeros((datagrams, size), np.uint8)
    data[:, head : head + each * dtype.itemsize] = content.view(np.uint8).reshape(datagrams, -1)
    numbers = np.arange(datagrams)
    if kind == "v5":
        first, step, at = v5_header(each, 0), each, 16
    elif kind == "v9":
        first, step, at = v9(0, pack(">HH", 260, size - 20), count=each), 1, 12
        numbers = numbers + 1
    else:
        whole = ipfix(0, bytes(size - 16))
        first, step, at = whole[:16] + pack(">HH", 260, size - 16), each, 8
    data[:, :head] = np.frombuffer(first, np.uint8)
    data[:, at : at + 4] = (numbers * step).astype(">u4").view(np.uint8).reshape(-1, 4)
    before = b""
    if kind == "v9":
        before = v9(0, a_set(0, template(260, V4_FIELDS)))
    elif kind == "ipfix":
        before = ipfix(0, a_set(2, template(260, IPFIX_FIELDS)))
    lengths = np.full(datagrams, size, np.int32)
    if before:
        lengths = np.concatenate([[len(before)], lengths]).astype(np.int32)
    joined = np.concatenate([np.frombuffer(before, np.uint8), data.ravel()])
    offsets = np.cumsum(lengths, dtype=np.int64) - lengths
    return Stream(joined, offsets, lengths, len(content), _sum(content, "2"), _sum(content, "1"), each)
