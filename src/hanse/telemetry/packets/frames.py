"""A frame: where one captured packet lies in a capture file, and what the container says of it."""

from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Records = npt.NDArray[Any]
Int = Any
"""A whole number inside a kernel: 64 bits, signed, for numba to check. `int()` of an octet would be
unsigned there, and signed mixed with unsigned is a float: octets are always taken with `np.int64`."""
Row = Any
"""One row of a structured array inside a kernel."""

FRAME = np.dtype(
    [
        ("offset", np.int64),  # first byte of the packet in the file
        ("time_us", np.int64),  # microseconds UTC
        ("captured", np.int64),  # octets of it in the file
        ("wire", np.int64),  # octets of it on the wire, as the capturing program says
        ("link", np.int32),  # link type as registered at tcpdump.org; NO_LINK where unknown
    ],
    align=True,
)

NO_LINK = -1
"""Link of a frame whose block names an interface that its section never described."""

CHUNK_FRAMES = 8_192
"""Frames handled at once: with their dissection about 1.3 MB, which stays in a core's own cache."""

CHUNK_BYTES = 1 << 25
"""Span of the file handled at once, 32 MiB: bounds what a chunk of jumbo packets can take."""

MAX_CAPTURED = 262_144
"""Most octets in one packet: the bound that libpcap sets for all link types but USB and D-Bus."""


def as_bytes(data: npt.NDArray[np.uint8]) -> Bytes:
    """A read-only, plain view of a file's bytes: the one array type that the kernels are compiled for."""
    view = np.ascontiguousarray(data).view(np.ndarray)[:]
    view.flags.writeable = False
    return view
