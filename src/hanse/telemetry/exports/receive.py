"""Many datagrams per system call, into memory that is set aside once.

`recvmmsg(2)` fills a block of slots; a datagram per call would cost the interpreter more than the
decoding. Where there is no `recvmmsg` (other systems than Linux) the same block is filled one by one.
"""

import contextlib
import ctypes
import socket
import struct
import sys
import time
from typing import Any

import numpy as np
import numpy.typing as npt

SLOTS = 2_048
"""Datagrams in a block: about 55,000 flows."""
SLOT = 9_216
"""Octets for one datagram: a jumbo frame. What is longer is cut, and counted."""
NAME = 28
"""Octets of the largest socket address (sockaddr_in6)."""

SO_RCVBUFFORCE = 33
"""asm-generic/socket.h: a receive buffer above the system's limit, for root."""
SO_MEMINFO, DROPS, MEMINFO_WORDS = 55, 8, 9
"""asm-generic/socket.h and linux/sock_diag.h: what a socket's memory is used for, and its drops."""
MSG_DONTWAIT = 0x40


class _Vector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("size", ctypes.c_uint32))


def _recvmmsg() -> Any:
    """The C library's recvmmsg; None where it has none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).recvmmsg
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    return call


class Block:
    """Slots for datagrams, filled from any number of sockets, then decoded, then used again.

    Attributes:
        buffer: The slots' octets.
        count: Slots that are filled.
        since: When the first of them was, monotonic seconds.
        truncated: Datagrams that were longer than a slot.
    """

    def __init__(self) -> None:
        self.buffer = np.zeros(SLOTS * SLOT, np.uint8)
        self.count = 0
        self.since = 0.0
        self.truncated = 0
        self._names = np.zeros((SLOTS, NAME), np.uint8)
        self._sizes = np.zeros(SLOTS, np.int32)
        self._times = np.zeros(SLOTS, np.int64)
        self._call = _recvmmsg()
        self._messages = (_Message * SLOTS)()
        self._vectors = (_Vector * SLOTS)()
        for number, (vector, message) in enumerate(zip(self._vectors, self._messages, strict=True)):
            vector.base, vector.size = self.buffer.ctypes.data + number * SLOT, SLOT
            header = message.header
            header.name, header.name_size = self._names.ctypes.data + number * NAME, NAME
            header.vectors, header.vector_count = ctypes.addressof(vector), 1
        messages: Any = self._messages  # a buffer, though its stubs do not say so
        self._view = np.frombuffer(messages, np.dtype(_Message))

    def receive(self, source: socket.socket) -> int:
        """Take what a socket has, without waiting; how many datagrams that were."""
        room = SLOTS - self.count
        found = self._many(source, room) if self._call else self._one_by_one(source, room)
        if found and not self.count:
            self.since = time.monotonic()
        self._times[self.count : self.count + found] = time.time_ns() // 1000
        self.count += found
        return found

    def _many(self, source: socket.socket, room: int) -> int:
        first = ctypes.addressof(self._messages) + self.count * ctypes.sizeof(_Message)
        found = int(self._call(source.fileno(), first, room, MSG_DONTWAIT, None))
        if found <= 0:
            return 0
        some = self._view[self.count : self.count + found]
        self._sizes[self.count : self.count + found] = some["size"]
        self.truncated += int(np.count_nonzero(some["header"]["flags"] & socket.MSG_TRUNC))
        return found

    def _one_by_one(self, source: socket.socket, room: int) -> int:
        for number in range(room):
            slot = self.count + number
            view = self.buffer[slot * SLOT : (slot + 1) * SLOT].data
            try:
                size, address = source.recvfrom_into(view, SLOT)
            except (BlockingIOError, InterruptedError):
                return number
            self._sizes[slot] = size
            name = socket.inet_pton(source.family, address[0].partition("%")[0])
            at = 4 if source.family == socket.AF_INET else 8
            self._names[slot, :2] = np.frombuffer(struct.pack("=H", source.family), np.uint8)
            self._names[slot, at : at + len(name)] = np.frombuffer(name, np.uint8)
        return room

    def datagrams(
        self,
    ) -> tuple[
        npt.NDArray[np.uint8],
        npt.NDArray[np.int64],
        npt.NDArray[np.int32],
        npt.NDArray[np.uint8],
        npt.NDArray[np.int64],
    ]:
        """The filled slots as `ExportDecoder.decode` takes them."""
        count = self.count
        family = self._names[:count, :2].copy().view(np.uint16).ravel()
        senders = self._names[:count, 8:24].copy()
        four = family == socket.AF_INET
        senders[four, :10] = 0
        senders[four, 10:12] = 255
        senders[four, 12:] = self._names[:count][four, 4:8]
        offsets = np.arange(count, dtype=np.int64) * SLOT
        return self.buffer, offsets, self._sizes[:count], senders, self._times[:count]

    def clear(self) -> None:
        """Make all slots free again."""
        self._view["header"]["name_size"][: self.count] = NAME
        self.count = self.truncated = 0


def bind(address: str, buffer_octets: int) -> socket.socket:
    """A UDP socket on ``port``, ``address:port`` or ``[address]:port``; a port alone is IPv4 and IPv6.

    Raises:
        ValueError: The text is no such thing.
        OSError: The address is taken, or not this machine's.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"{address!r} is no port and no address with a port")
    number = int(port)
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_octets)
        # Only root on Linux may go above net.core.rmem_max.
        with contextlib.suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer_octets)
        bound.setblocking(False)
        bound.bind((host, number))
    except OSError:
        bound.close()
        raise
    return bound


def dropped(source: socket.socket) -> int:
    """Datagrams that the kernel threw away because the socket's buffer was full; 0 where it cannot say."""
    try:
        words = source.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * MEMINFO_WORDS)
    except OSError:
        return 0
    return int(struct.unpack(f"={MEMINFO_WORDS}I", words)[DROPS]) if len(words) == 4 * MEMINFO_WORDS else 0
