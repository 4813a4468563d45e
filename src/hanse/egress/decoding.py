"""The body of an answer, unpacked, within caps on both sizes and on their ratio."""

import zlib
from collections.abc import Iterable, Iterator

from hanse.egress.errors import TooLargeError, UnreachableError

RATIO = 100
"""Most bytes unpacked per byte received: text and JSON pack 3 to 50 times, deflate's most is 1,032."""

FREE_BYTES = 1 << 20
"""Unpacked bytes from which on the ratio is judged: short, very regular answers are harmless."""

_STEP = 1 << 16


def capped(parts: Iterable[bytes], limit: int, host: str) -> Iterator[bytes]:
    """The parts, until they are more than the limit.

    Raises:
        TooLargeError: They are more than `limit` bytes.
    """
    total = 0
    for part in parts:
        total += len(part)
        if total > limit:
            raise too_large(host, limit)
        yield part


def unpacked(parts: Iterable[bytes], limit: int, host: str) -> Iterator[bytes]:
    """A gzip body in pieces of at most 64 KiB; never more than a piece is unpacked ahead of the caps.

    Raises:
        TooLargeError: It unpacks to more than `limit` bytes, or to more than its size can honestly hold.
        UnreachableError: It is no whole gzip stream.
    """
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: a gzip header and trailer (zlib manual)
    received = made = 0
    for part in parts:
        received += len(part)
        rest = part
        while rest:
            try:
                piece = inflate.decompress(rest, _STEP)
            except zlib.error as error:
                raise UnreachableError(
                    f"{host}: the packed answer is damaged ({error}). Try again."
                ) from error
            rest = inflate.unconsumed_tail
            made += len(piece)
            if made > limit:
                raise too_large(host, limit)
            if made > FREE_BYTES and made > RATIO * received:
                raise TooLargeError(
                    f"{host}: the answer unpacks to over {RATIO} times its size. It is refused."
                )
            yield piece
        if inflate.unused_data:
            raise UnreachableError(f"{host}: bytes follow the end of the packed answer. Tell its operator.")
    if not inflate.eof:
        raise UnreachableError(f"{host}: the packed answer is cut. Try again.")


def too_large(host: str, limit: int) -> TooLargeError:
    """The error that says that an answer is over its cap."""
    return TooLargeError(f"{host}: the answer is over {limit:,} bytes. Ask for less, or accept more.")
