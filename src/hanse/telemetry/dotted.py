"""Dotted IPv4 addresses in a column of text, to bytes: the loop that most of a text table's time goes to."""

import numpy as np
import numpy.typing as npt

from hanse.telemetry.packets.compiled import kernel

Bytes = npt.NDArray[np.uint8]


@kernel
def parse_dotted(
    text: Bytes, offsets: npt.NDArray[np.int32], out: Bytes, done: npt.NDArray[np.bool_]
) -> None:
    """Read dotted IPv4 addresses without leading zeros; anything else is left for a slower way.

    Args:
        text: All texts one after the other.
        offsets: Where each begins, and where the last ends, shape (n + 1,).
        out: Receives the addresses as 16 bytes, shape (n, 16), zero before.
        done: Receives which texts were such addresses, shape (n,), false before.
    """
    for row in range(len(done)):
        part = -1
        parts = 0
        value = 0
        good = True
        for at in range(offsets[row], offsets[row + 1]):
            byte = text[at]
            if byte >= 48 and byte <= 57 and part != 0:
                part = byte - 48 if part < 0 else part * 10 + byte - 48
                if part > 255:
                    good = False
                    break
            elif byte == 46 and part >= 0 and parts < 3:
                value = value * 256 + part
                parts += 1
                part = -1
            else:
                good = False
                break
        if good and parts == 3 and part >= 0:
            value = value * 256 + part
            out[row, 10] = 255
            out[row, 11] = 255
            for index in range(4):
                out[row, 12 + index] = (value >> (24 - 8 * index)) & 255
            done[row] = True
