"""Many IP addresses at a time: columns of 16 bytes each, in the form of `addresses`."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hanse.kernel.addresses import pack


def v4_column(numbers: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """IPv4 addresses as host-order integers, shape (n,), to an (n, 16) array of bytes."""
    out = np.zeros((len(numbers), 16), np.uint8)
    out[:, 10:12] = 0xFF
    out[:, 12:] = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
    return out


def pack_all(texts: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Addresses in text to an (n, 16) array of bytes.

    Raises:
        ValueError: One of them is no address.
    """
    joined = b"".join(pack(text) for text in texts)
    return np.frombuffer(joined, np.uint8).reshape(-1, 16)
