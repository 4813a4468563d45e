"""Standing matching: new selectors of two authorities meet at once, by tokens that carry the masks of both.

For each pair and epoch each side has a mask. Of a new selector one side sends the point under its mask; the other
puts its own on top, keeps the token of it, and sends the token back. Both then hold the tokens of both, look for
equal ones each time that some are added, and so see a hit at the same moment. Without the two masks a token says
nothing.

In each turn of a fixed schedule a side sends `ADDED` points and takes `TAKEN` of its tokens back, whatever
happened: decoys fill up, and what is too many waits. So the other side learns that a turn came, and nothing of how
many selectors are new or closed.

Decoys, orders and what is drawn among decoys follow from the secret that the mask follows from, for each turn by
itself: who has it can make the turn again (`redone`), and nobody else can tell a decoy from a selector.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final

from hanse.intel.values import Value
from hanse.matching import group, psi
from hanse.matching.group import POINT, ProtocolError
from hanse.matching.hash_to_group import hasher
from hanse.matching.padding import padded_size, shares
from hanse.matching.psi import TOKEN, tokens_of
from hanse.matching.secret import RunSecret

ADDED: Final = 128
TAKEN: Final = 64

_PROTOCOL: Final = "standing"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the turns of a pair are: known to both, and kept whether or not there is something to send.

    Attributes:
        begun_us: Begin of the epoch, microseconds since 1970 UTC; turn 0 is then.
        every_us: Microseconds from turn to turn.
    """

    begun_us: int
    every_us: int

    def turn(self, now_us: int) -> int:
        """The turn that is due or was last; negative before the epoch."""
        return (now_us - self.begun_us) // self.every_us


@dataclass(frozen=True, slots=True)
class Queue:
    """What a side has to send to one partner.

    Attributes:
        new: Selectors that wait, the oldest first.
        gone: Tokens of closed selectors that the partner still holds, the oldest first. This side uses them no more.
        decoys: Tokens that the partner holds and that are of no selector.
        turn: The last turn that was taken.
    """

    new: tuple[Value, ...] = ()
    gone: tuple[bytes, ...] = ()
    decoys: tuple[bytes, ...] = ()
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """What goes out in one turn.

    Attributes:
        values: Its selectors; points of decoys fill up.
        taken: Tokens taken back, decoys among them, in an order that says nothing.
        number: Counts the turns of the epoch; zero opens. No two of an epoch share a decoy.
    """

    values: tuple[Value, ...]
    taken: tuple[bytes, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Points that went out, and what each was of.

    Attributes:
        points: What is sent.
        places: The selector of each point; None for a decoy's.
    """

    points: bytes
    places: tuple[Value | None, ...]


def due(
    queue: Queue, schedule: Schedule, now_us: int, secret: RunSecret, number: int
) -> tuple[Turn | None, Queue]:
    """The turn that is due, and what waits then: a function of the queue, the time, the secret and the turn's number.

    Turns that were missed are not made up: how many selectors wait would show. None is due while the other side has not
    answered so many that there are decoys for it.

    Args:
        queue: What waits.
        schedule: That of the pair.
        now_us: Microseconds since 1970, UTC.
        secret: This side's for this pair and epoch.
        number: Of the turn that is made if one is due.
    """
    if (turn := schedule.turn(now_us)) <= queue.turn or len(queue.decoys) < TAKEN:
        return None, queue
    part = shares(len(queue.new), len(queue.gone), len(queue.decoys), added=ADDED, taken=TAKEN)
    drawn, kept = _drawn(queue.decoys, TAKEN - part.gone, secret, number, b"taken")
    taken, _ = _drawn((*queue.gone[: part.gone], *drawn), TAKEN, secret, number, b"order of the taken")
    rest = replace(queue, new=queue.new[part.new :], gone=queue.gone[part.gone :], decoys=kept, turn=turn)
    return Turn(queue.new[: part.new], taken, number), rest


def some(decoys: Sequence[bytes], number: int, secret: RunSecret, turn: int) -> tuple[bytes, ...]:
    """So many of the decoys, each as likely as another, as they are remembered after a turn."""
    return _drawn(decoys, number, secret, turn, b"remembered")[0]


def opening(values: Sequence[Value], secret: RunSecret, epoch: str, pool: Executor | None = None) -> Sent:
    """Turn 0: all selectors that the epoch begins with, filled up so that their number says little."""
    return _sent(values, points_in(0, len(values)), secret, epoch, 0, pool)


def sent(turn: Turn, secret: RunSecret, epoch: str, pool: Executor | None = None) -> Sent:
    """The points of a turn, shuffled.

    Args:
        turn: As it was due.
        secret: This side's for this pair and epoch.
        epoch: As both sides agreed it.
        pool: Threads.
    """
    return _sent(turn.values, ADDED, secret, epoch, turn.number, pool)


def points_in(number: int, values: int) -> int:
    """How many points a turn has, by its number and how many selectors it has: the number says it for all but the first."""
    return ADDED if number else padded_size(values + TAKEN)


def redone(reals: Sequence[Value | bytes], secret: RunSecret, epoch: str, number: int) -> bytes:
    """The points that a turn must have had, by what stands on record of it.

    Args:
        reals: Its selectors, in the order in which they were put in; for one that is gone its point, as of `point_of`.
        secret: This side's for this pair and epoch.
        epoch: As both sides agreed it.
        number: Of the turn.

    Raises:
        ProtocolError: They are more than a turn has points.
    """
    size = points_in(number, len(reals))
    if len(reals) > size:
        raise ProtocolError(f"A turn has {size} points, and no room for {len(reals):,} selectors.")
    known = [None if isinstance(one, bytes) else one for one in reals]
    points = bytearray(_sent(known, size, secret, epoch, number, None).points)
    for one, place in zip(reals, _turn_secret(secret, number).order(size).tolist(), strict=False):
        if isinstance(one, bytes):
            points[place * POINT : (place + 1) * POINT] = one
    return bytes(points)


def point_of(value: Value, secret: RunSecret, epoch: str) -> bytes:
    """What is sent of a selector in whatever turn of an epoch."""
    return psi.point_of(value, _PROTOCOL, epoch, secret)


def answered(points: bytes, number: int, secret: RunSecret, pool: Executor | None = None) -> bytes:
    """Tokens of the other side's points: to be kept, and to be sent back in their order.

    Args:
        points: As they came.
        number: `ADDED`, or the size of its opening.
        secret: This side's for this pair and epoch.
        pool: Threads.

    Raises:
        ProtocolError: Not so many points, or one is none.
    """
    if len(points) != number * POINT:
        raise ProtocolError(f"A turn of {len(points) / POINT:g} points came where {number:,} were due.")
    mask = secret.mask()
    doubled = group.over(group.chunks_of(points), lambda chunk: group.multiply(mask, chunk, "The turn"), pool)
    return tokens_of(b"".join(doubled))


def told(sent_: Sent, tokens: bytes) -> tuple[dict[bytes, Value], tuple[bytes, ...]]:
    """What the answer says: the token of each selector that was sent, and the tokens of the decoys.

    Raises:
        ProtocolError: Not a token for each point, or some are equal.
    """
    each = split(tokens)
    if len(tokens) != len(sent_.places) * TOKEN or len(set(each)) != len(each):
        raise ProtocolError("The answer has not one token of its own for each point.")
    own = {token: value for token, value in zip(each, sent_.places, strict=True) if value is not None}
    return own, tuple(token for token in each if token not in own)


def taken_back(held: set[bytes], taken: Sequence[bytes]) -> set[bytes]:
    """The other side's tokens that are left when it took some back.

    Raises:
        ProtocolError: It took back another number than each turn has, or what it never sent.
    """
    if len(taken) != TAKEN or len(set(taken)) != TAKEN or not held.issuperset(taken):
        raise ProtocolError(f"A turn takes {TAKEN} tokens back that had been sent, no more and no fewer.")
    return held.difference(taken)


def hits(own: Mapping[bytes, Value], theirs: Iterable[bytes]) -> list[Value]:
    """This side's selectors that the other has too. Looked for whenever tokens of either side were added."""
    return sorted(own[token] for token in set(theirs) if token in own)


def split(tokens: bytes) -> list[bytes]:
    """Tokens one by one."""
    return [tokens[at : at + TOKEN] for at in range(0, len(tokens), TOKEN)]


def _turn_secret(secret: RunSecret, number: int) -> RunSecret:
    """What all of a turn but its mask follows from."""
    return secret.part(b"turn", number.to_bytes(8))


def _drawn(
    among: Sequence[bytes], number: int, secret: RunSecret, turn: int, what: bytes
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """So many of them, drawn by chance, and the others in their order."""
    order = _turn_secret(secret, turn).part(what).order(len(among)).tolist()
    return tuple(among[at] for at in order[:number]), tuple(among[at] for at in sorted(order[number:]))


def _sent(
    values: Sequence[Value | None],
    size: int,
    secret: RunSecret,
    epoch: str,
    number: int,
    pool: Executor | None,
) -> Sent:
    """So many points, of the values and of decoys, shuffled and under this side's mask.

    A decoy costs what a selector costs, so that the time until they are sent says nothing either; and is drawn for each
    place, also where it is not needed.
    """
    of_turn = _turn_secret(secret, number)
    decoys = of_turn.fill(size)
    places: list[Value | None] = [None] * size
    padded = [*values, *[None] * (size - len(values))]
    for value, place in zip(padded, of_turn.order(size).tolist(), strict=True):
        places[place] = value
    hashers = {
        kind: hasher(_PROTOCOL, epoch, kind) for kind in {one.kind for one in values if one} | {"decoy"}
    }
    mask = secret.mask()

    def masked(part: range) -> bytes:
        points = [
            hashers["decoy"].point(decoys[at]) if (value := places[at]) is None
            else hashers[value.kind].point(value.text.encode())
            for at in part
        ]  # fmt: skip
        return group.multiply(mask, b"".join(points))

    parts = (range(at, min(at + group.CHUNK, size)) for at in range(0, size, group.CHUNK))
    return Sent(b"".join(group.over(parts, masked, pool)), tuple(places))
