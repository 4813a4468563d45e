"""Which values two authorities both have: private set intersection by Diffie and Hellman over ristretto255.

Each side hides each of its values under its own mask; each puts its mask on top of the other's. What both have is
equal then, as masks commute; all else stays hidden, for only the two masks together could open it. The steps, which
each side takes at the same time:

1. `prepare` its values; commit to them (`commitment`); exchange the commitments.
2. `points_of` them, once in an epoch; `masked`: send the points, shuffled.
3. `doubled`: put its mask on the other's points, keeping the tokens of it back; send only their `digest`.
4. Once both digests are there: send the tokens.
5. `check_tokens` of the other, then `hits`, or `overlap` where only the number may be known.

Step 3 comes before 4 so that nobody can make up hits: the tokens that would be one are known only from the other's
own. Both learn the hits; nothing else passes but the two sizes, which are declared. Whom this does not stop:
`docs/explanation/matching.md`.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from hanse.intel.values import Value
from hanse.matching import group, sixteen
from hanse.matching.group import CHUNK, POINT, ProtocolError
from hanse.matching.hash_to_group import Hasher, hasher
from hanse.matching.later import np
from hanse.matching.secret import RunSecret

if TYPE_CHECKING:
    import numpy.typing as npt

TOKEN: Final = 16
"""Bytes that are compared of a point under both masks. One bit of a point's first 16 bytes is fixed, so that two
different values among a million times a million look equal with a chance of 10^12 / 2^127, below 10^-26."""
MOST: Final = 4_000_000
"""Values of a side."""


def prepare(values: Iterable[Value]) -> tuple[Value, ...]:
    """The values as a side's set: each once, in the one order that its commitment has.

    Raises:
        ValueError: There are more than `MOST`.
    """
    if len(own := tuple(sorted(set(values)))) > MOST:
        raise ValueError(
            f"At most {MOST:,} values can be compared at once, not {len(own):,}: choose fewer kinds."
        )
    return own


def points_of(
    values: Sequence[Value], protocol: str, epoch: str, pool: Executor | None = None
) -> Iterator[bytes]:
    """The values as points, in chunks and in their order: the same for every partner in an epoch.

    They are never sent, and are to be kept like the values themselves: who has them can try guesses.

    Args:
        values: As `prepare` gave them.
        protocol: Both sides' word for what is done; so is the epoch.
        epoch: Points of another cannot be compared with these.
        pool: Threads.
    """
    hashers = {kind: hasher(protocol, epoch, kind) for kind in {value.kind for value in values}}
    parts = (values[at : at + CHUNK] for at in range(0, len(values), CHUNK))
    return group.over(parts, partial(_hashed, hashers=hashers), pool)


_Asked = tuple[Value, str, str, bytes]
_remembered: ContextVar[dict[_Asked, bytes] | None] = ContextVar("points", default=None)


@contextmanager
def remembered() -> Iterator[None]:
    """Have no point of `point_of` worked out twice meanwhile, by this thread: a thousand of them take a tenth of a second."""
    before = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(before)


def point_of(value: Value, protocol: str, epoch: str, secret: RunSecret) -> bytes:
    """One value's point under this side's mask, as it is sent."""
    known, asked = _remembered.get(), (value, protocol, epoch, secret.sealed())
    if known is not None and asked in known:
        return known[asked]
    found = group.multiply(secret.mask(), hasher(protocol, epoch, value.kind).point(value.text.encode()))
    if known is not None:
        known[asked] = found
    return found


def masked(points: bytes, secret: RunSecret, pool: Executor | None = None) -> Iterator[bytes]:
    """Step 2: this side's points under its mask, in chunks; their order says nothing.

    Args:
        points: All that `points_of` gave.
        secret: That of this run and no other.
        pool: Threads.
    """
    rows = np.frombuffer(points, np.uint8).reshape(-1, POINT)
    order = secret.order(len(rows))
    parts = (rows[order[at : at + CHUNK]].tobytes() for at in range(0, len(rows), CHUNK))
    return group.over(parts, partial(group.multiply, secret.mask()), pool)


def doubled(
    chunks: Iterable[bytes], number: int, secret: RunSecret, pool: Executor | None = None
) -> Iterator[bytes]:
    """Step 3: tokens of the other side's points with this side's mask on top, in chunks and in their order.

    Args:
        chunks: As they come.
        number: Of points, as the other side committed to it.
        secret: That of this run.
        pool: Threads.

    Raises:
        ProtocolError: One is no point, or there are more or fewer than it said.
    """
    return group.over(_counted(chunks, number), partial(_doubled, mask=secret.mask()), pool)


def unordered(tokens: bytes) -> bytes:
    """Tokens in an order that says nothing, to be sent where only the number of hits may be known."""
    # As strings of bytes, in whose order the other side expects them.
    return np.sort(np.frombuffer(tokens, f"S{TOKEN}")).tobytes()


def digest(tokens: bytes, sender: str, session: bytes) -> bytes:
    """Step 3: what is sent of the tokens before the other's are known.

    Args:
        tokens: All that will be sent.
        sender: Who sends them: a digest that the other side sends back as its own is none of its tokens.
        session: Hash of both commitments.
    """
    name = sender.encode()
    return sha256(
        b"HANSE-V01 tokens" + len(name).to_bytes(2) + name + sha256(session).digest() + tokens
    ).digest()


def check_tokens(tokens: bytes, number: int, said: bytes, sender: str, session: bytes) -> bytes:
    """Step 5: the tokens that came, if they are those of which the digest had been sent.

    Args:
        tokens: As they came.
        number: How many values this side had sent.
        said: Their digest as it came in step 3.
        sender: The other side.
        session: Hash of both commitments.

    Raises:
        ProtocolError: They are not, or not as many as this side has values, or some are equal.
    """
    if len(tokens) != number * TOKEN:
        raise ProtocolError(f"{len(tokens):,} bytes of tokens came where {number * TOKEN:,} were due.")
    if not compare_digest(digest(tokens, sender, session), said):
        raise ProtocolError("The tokens are not those that had been announced; nothing of them was used.")
    if not sixteen.are_distinct(sixteen.rows_of(tokens)):
        raise ProtocolError("Some of the tokens are equal, but no two of the values are.")
    return tokens


def hits(values: Sequence[Value], secret: RunSecret, returned: bytes, made: bytes) -> dict[Value, bytes]:
    """Step 5: this side's values that the other has too, sorted, with the token of each, which both sides have.

    Args:
        values: As in step 2, and their secret.
        secret: That of this run.
        returned: The other side's tokens of this side's values, checked.
        made: This side's tokens of the other's values.

    Raises:
        ProtocolError: The other side sent one value twice.
    """
    found = np.flatnonzero(_among(returned, made))
    places = secret.order(len(values))[found]
    return {
        values[places[at]]: returned[found[at] * TOKEN : (found[at] + 1) * TOKEN] for at in np.argsort(places)
    }


def overlap(returned: bytes, made: bytes) -> int:
    """Step 5: how many values both sides have. Both sets of tokens were sent `unordered`.

    Raises:
        ProtocolError: The other side sent one value twice.
    """
    return int(_among(returned, made).sum())


def each(points: bytes) -> list[bytes]:
    """Points one by one."""
    return [points[at : at + POINT] for at in range(0, len(points), POINT)]


def check_distinct(points: bytes) -> bytes:
    """The other side's points, if no two are equal: tokens of equal ones would say which of them are hits.

    Raises:
        ProtocolError: Two are.
    """
    rows = np.frombuffer(points, f"S{POINT}")
    if len(np.unique(rows)) != len(rows):
        raise ProtocolError("The other side sent a value twice, and so fewer than it had committed to.")
    return points


def tokens_of(points: bytes) -> bytes:
    """What is compared of points under both masks."""
    rows = np.frombuffer(points, np.uint8).reshape(-1, POINT)
    return rows[:, :TOKEN].tobytes()


def _hashed(values: Sequence[Value], hashers: dict[str, Hasher]) -> bytes:
    return b"".join([hashers[value.kind].point(value.text.encode()) for value in values])


def _doubled(points: bytes, mask: bytes) -> bytes:
    return tokens_of(group.multiply(mask, points, "The other side's values"))


def _counted(chunks: Iterable[bytes], number: int) -> Iterator[bytes]:
    """The chunks, as long as they are no more than was said; whoever sends more is not worked for."""
    left = number * POINT
    for chunk in chunks:
        if not 0 < len(chunk) <= min(left, CHUNK * POINT):
            raise ProtocolError(
                f"A chunk of {len(chunk):,} bytes came where at most {min(left, CHUNK * POINT):,} were left of the "
                f"{number:,} values that had been committed to."
            )
        left -= len(chunk)
        yield chunk
    if left:
        raise ProtocolError(
            f"{left // POINT:,} of the {number:,} values that had been committed to did not come."
        )


def _among(returned: bytes, made: bytes) -> "npt.NDArray[np.bool_]":
    """Whether each token that came back is one of those that were made here."""
    rows = sixteen.rows_of(made)
    ordered = rows[sixteen.order_of(rows)]
    if not sixteen.are_distinct(ordered):
        raise ProtocolError("The other side sent a value twice, and so fewer than it had committed to.")
    return sixteen.places_in(sixteen.rows_of(returned), ordered)[1]
