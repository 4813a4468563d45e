"""The group that everything here is computed in: ristretto255 (RFC 9496), by libsodium.

Points and scalars are 32 bytes each. Many points are one run of bytes, one after the other, as they go over the wire.
Every point that somebody else sent is refused unless it is the one encoding of an element other than the identity:
with a second encoding, equal things would not look equal, and the identity stays itself under every mask.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar

from hanse.kernel.errors import DataMissingError, HanseError

POINT: Final = 32
"""Bytes of a point, and of a scalar."""
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Number of elements: a prime (RFC 9496, section 4)."""
CHUNK: Final = 1024
"""Points of a chunk: 32 KiB on the wire, and about a tenth of a second of one core."""
AHEAD: Final = 4
"""Chunks under work at once: two for each of two cores, and all that is held of a stream in memory."""

_T = TypeVar("_T")
_IDENTITY: Final = bytes(POINT)
_loading = threading.Lock()


class ProtocolError(HanseError):
    """What the other side sent cannot be what was agreed; nothing of it may be used."""


@cache
def sodium() -> ModuleType:
    """The binding of libsodium, loaded when it is first needed: it writes its library to a file and loads that.

    Raises:
        DataMissingError: It cannot be loaded from the folder for temporary files.
    """
    with _loading:
        try:
            import rbcl  # noqa: PLC0415 - loading it is work, and is not done at import
        except OSError as error:
            raise DataMissingError(
                f"The library for matching (libsodium) could not be loaded: {error}. It is unpacked into the "
                "folder for temporary files: give this process one from which programs may run, by TMPDIR."
            ) from error
        _tidy(rbcl)
        return rbcl  # type: ignore[no-any-return] # the binding has no types of its own


def _tidy(rbcl: ModuleType) -> None:
    """Remove the file that the binding leaves behind: a loaded library needs it no more (where it does, it stays)."""
    with suppress(OSError, AttributeError, TypeError):
        Path(rbcl._sodium._name).unlink()  # noqa: SLF001 - nothing else says where it is


def random_scalar() -> bytes:
    """A scalar that nobody can guess; never zero."""
    return bytes(sodium().crypto_core_ristretto255_scalar_random())


def check_scalar(scalar: bytes, what: str = "A scalar") -> bytes:
    """The scalar, if it is one: 32 bytes, little-endian, not zero and below the order.

    Raises:
        ProtocolError: It is none.
    """
    if len(scalar) != POINT or not 0 < int.from_bytes(scalar, "little") < ORDER:
        raise ProtocolError(f"{what} is not a number between zero and the order of the group.")
    return scalar


def check_points(points: bytes, what: str = "What was sent", number: int | None = None) -> bytes:
    """The points, if each is the one encoding of an element other than the identity.

    Args:
        points: One after the other.
        what: What they are, for the error.
        number: How many there must be; any number if None.

    Raises:
        ProtocolError: Their number or one of them is wrong; says which.
    """
    _check_form(points, what, number)
    valid = sodium().crypto_core_ristretto255_is_valid_point
    for at in range(0, len(points), POINT):
        point = points[at : at + POINT]
        if not valid(point) or point == _IDENTITY:
            raise _no_point(what, at, len(points))
    return points


def multiply(scalar: bytes, points: bytes, what: str = "What was sent") -> bytes:
    """Each of the points times the scalar; points are checked on the way.

    Raises:
        ProtocolError: The scalar is none, or one of the points is none, or the identity.
    """
    check_scalar(scalar)
    _check_form(points, what, None)
    times = sodium().crypto_scalarmult_ristretto255
    try:
        return b"".join([times(scalar, points[at : at + POINT]) for at in range(0, len(points), POINT)])
    except RuntimeError:  # as the scalar is not zero, one of the points is none, or the identity
        check_points(points, what)
        raise


def over(chunks: Iterable[_T], work: Callable[[_T], bytes], pool: Executor | None = None) -> Iterator[bytes]:
    """What the work makes of each chunk, in their order; never more than `AHEAD` chunks are held.

    Args:
        chunks: A stream.
        work: Spends its time in libsodium, which leaves other threads free to run.
        pool: Threads to do it with; none to do it here.
    """
    if pool is None:
        yield from map(work, chunks)
        return
    waiting: deque[Future[bytes]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) == AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for one in waiting:
            one.cancel()


def chunks_of(points: bytes) -> Iterator[bytes]:
    """A run of points, cut into chunks."""
    for at in range(0, len(points), CHUNK * POINT):
        yield points[at : at + CHUNK * POINT]


def _check_form(points: bytes, what: str, number: int | None) -> None:
    if len(points) % POINT:
        raise ProtocolError(f"{what} is {len(points):,} bytes long: no whole number of points.")
    if number is not None and len(points) != number * POINT:
        raise ProtocolError(f"{what} holds {len(points) // POINT:,} points where {number:,} were due.")
    # libsodium 1.0.18, which the binding brings, ignores the highest bit, so that each point had two encodings.
    high = points[POINT - 1 :: POINT]
    if high and max(high) > 0x7F:
        first = next(at for at, byte in enumerate(high) if byte > 0x7F)
        raise _no_point(what, first * POINT, len(points))


def _no_point(what: str, offset: int, length: int) -> ProtocolError:
    return ProtocolError(
        f"{what}: point {offset // POINT + 1:,} of {length // POINT:,} is no element of the group that may be sent "
        "(not its one encoding, or the identity). Nothing of it was used."
    )
