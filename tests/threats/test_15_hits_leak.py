"""Threat 15: hit or no hit leaks by time or size. Nobody who is not to learn of a hit can tell one from a miss.

Hits and misses follow each other in an order drawn by chance, so that whatever else the machine does falls on both.
What each party could see of them is measured: how long it is worked until something is sent, in CPU time, which a busy
machine does not blur, and how many bytes it has.
The two are compared by Welch's t-test (Goodwill and others, 2011: |t| of 4.5 is one in a hundred thousand by chance).
The same test finds a build that leaks, or it would prove nothing.
"""

import random
import time
from collections.abc import Callable
from math import sqrt
from statistics import fmean, variance

import msgspec
import pytest

from hanse.intel.values import Value
from hanse.matching import standing, tags, voprf
from hanse.matching.secret import RunSecret
from hanse.matching.standing import ADDED, TAKEN, Turn
from tests.matching.made import EPOCH, phones

BOUND = 4.5
"""Of |t| (Goodwill, Jun, Jaffe and Rohatgi: A testing methodology for side-channel resistance validation)."""
FEW, MANY = 40, 10_000
"""Of hits and of misses: in every run of the tests, and as the threat is written (`make soak`)."""
KEPT = 0.9
"""Of the times, the shortest: what takes longer was interrupted by something else."""

KEY = voprf.derive_key_pair(bytes(32), b"threat 15")
SECRET = RunSecret.fresh()
HELD = phones(0, 64)
"""What the asked has; nothing else that is asked for is there."""


class Seen(msgspec.Struct):
    """What a party sees of hits and of misses: nanoseconds, and lengths in bytes."""

    times: dict[bool, list[int]]
    sizes: dict[bool, set[int]]


def observed(number: int, does: Callable[[bool, int], bytes]) -> Seen:
    """Let something happen for hits and for misses, in an order drawn by chance.

    Args:
        number: Of each.
        does: Told whether it is a hit and which one, gives the bytes that go to the party.
    """
    seen = Seen({True: [], False: []}, {True: set(), False: set()})
    order = [True, False] * number
    random.shuffle(order)
    for at, hit in enumerate(order):
        begun = time.thread_time_ns()
        sent = does(hit, at)
        seen.times[hit].append(time.thread_time_ns() - begun)
        seen.sizes[hit].add(len(sent))
    return seen


def welch(one: list[int], other: list[int]) -> float:
    """Welch's t of two samples, each without its slowest tenth."""
    a, b = (sorted(some)[: int(len(some) * KEPT)] for some in (one, other))
    return (fmean(a) - fmean(b)) / sqrt(variance(a) / len(a) + variance(b) / len(b))


def tells_nothing(seen: Seen) -> bool:
    """Whether neither time nor size tells a hit from a miss."""
    return (
        len(seen.sizes[True] | seen.sizes[False]) == 1
        and abs(welch(seen.times[True], seen.times[False])) < BOUND
    )


def asked_for(hit: bool, at: int) -> list[Value]:
    """One selector: one that the asked has, or one that it has not."""
    return [HELD[at % len(HELD)] if hit else Value("phone", f"+44770090{at:07}")]


def the_asked_sees(hit: bool, at: int) -> bytes:
    """A question of who else?: what the asked gets."""
    return tags.ask(asked_for(hit, at), EPOCH).blinded.points


def the_asker_sees() -> Callable[[bool, int], bytes]:
    """Its answer: it is made of points that say nothing, so that it takes the same for all of them."""
    asked = {hit: [the_asked_sees(hit, at) for at in range(16)] for hit in (True, False)}

    def does(hit: bool, at: int) -> bytes:
        return b"".join(tags.answer(KEY, asked[hit][at % 16]))

    return does


def a_third_sees_a_turn(hit: bool, at: int) -> bytes:
    """Standing matching: what goes to a third partner in the turn after another one's hit or miss."""
    new = asked_for(hit, at)
    return standing.sent(Turn(tuple(new), (), at), SECRET, EPOCH).points


def the_other_side_answers() -> Callable[[bool, int], bytes]:
    """Standing matching: the tokens that come back for a turn, of which some are hits or none is."""
    turns = {
        hit: [standing.sent(Turn(tuple(HELD if hit else phones(9_000 + at * 64, 64)), (), at), SECRET, EPOCH).points
              for at in range(8)]
        for hit in (True, False)
    }  # fmt: skip

    def does(hit: bool, at: int) -> bytes:
        return standing.answered(turns[hit][at % 8], ADDED, SECRET)

    return does


PARTIES = {
    "the asked, of a question": lambda: the_asked_sees,
    "the asker, of the answer": the_asker_sees,
    "a third partner, of a turn": lambda: a_third_sees_a_turn,
    "the other side, of its tokens": the_other_side_answers,
}


@pytest.mark.parametrize("party", PARTIES)
def test_no_party_can_tell_a_hit_from_a_miss(party):
    """Neither how long it takes nor how much is sent depends on whether it is one."""
    assert tells_nothing(observed(FEW, PARTIES[party]()))


@pytest.mark.soak
@pytest.mark.parametrize("party", PARTIES)
def test_no_party_can_tell_ten_thousand_hits_from_ten_thousand_misses(party):
    """As the threat is written."""
    seen = observed(MANY, PARTIES[party]())
    print(f"{party}: |t| = {abs(welch(seen.times[True], seen.times[False])):.2f}")
    assert tells_nothing(seen)


def test_a_build_that_looks_the_selector_up_first_is_found():
    """An answer before which the asked looks for what was asked for among its own, and works at it again where it is."""
    answer = the_asker_sees()

    def leaks(hit: bool, at: int) -> bytes:
        return answer(hit, at) if not hit else answer(hit, at)[:0] + answer(hit, at)

    assert not tells_nothing(observed(FEW, leaks))


def test_a_build_that_sends_only_what_is_new_is_found():
    """A turn without decoys has the size of what is in it."""

    def leaks(hit: bool, at: int) -> bytes:
        sent = a_third_sees_a_turn(hit, at)
        return sent if hit else sent[: len(sent) // 2]

    assert not tells_nothing(observed(20, leaks))


def test_what_is_taken_back_is_as_many_whatever_was_hit():
    """A token that was a hit is taken back among decoys, in a turn like every other."""
    decoys = tuple(at.to_bytes(16) for at in range(3 * TAKEN))
    queue = standing.Queue(gone=(b"x" * 16,), decoys=decoys)
    turn, _ = standing.due(queue, standing.Schedule(0, 1), 1, SECRET, 1)
    assert turn is not None
    assert len(turn.taken) == TAKEN
