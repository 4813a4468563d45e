"""What sequence numbers say was lost, for all streams at once.

A gap counts as lost until the datagram that belongs there arrives late; each one fills its place
once. A jump that is too far to be loss, or a step back to where no gap is, is believed to be a
restart when the next datagram continues from it, as RFC 3550 (appendix A.1) does for RTP; a single
stray datagram changes nothing. Numbers have 32 bits and wrap.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from hanse.telemetry.packets.compiled import kernel

Ints = npt.NDArray[np.int64]
Table = npt.NDArray[Any]
Int = Any

GAPS = 16
"""Gaps per stream that late datagrams may still fill; older ones stay lost."""
UNKNOWN = -1
"""Units of a datagram whose records could not be counted (their template is not known)."""
WORD = 1 << 32
MAX_GAP = 1 << 22
"""A larger jump is a restart: 4 million records are 8 s of 500,000 flows/s, and 2.5 days of a
router that sends 20 datagrams/s."""
NOTHING = -1

STATE = np.dtype(
    [
        ("expected", np.int64),  # next sequence number; NOTHING before the first datagram
        ("candidate", np.int64),  # where a restarted stream would continue; NOTHING if none is likely
        ("lost", np.int64),
        ("restarts", np.int64),
        ("next_gap", np.int64),
        ("gap_start", np.int64, GAPS),
        ("gap_size", np.int64, GAPS),
    ],
    align=True,
)


def fresh(count: int) -> Table:
    """The states of `count` streams of which nothing was seen."""
    states = np.zeros(count, STATE)
    states["expected"] = states["candidate"] = NOTHING
    return states


@kernel
def _fill(state: Any, sequence: Int, units: Int) -> bool:
    """Take a late datagram's units out of the gap it lies in; False if it lies in none."""
    for number in range(GAPS):
        size = state.gap_size[number]
        into = (sequence - state.gap_start[number]) % WORD
        if size > 0 and into < size:
            found = min(max(units, 0), size - into)
            state.lost -= found
            # What lies before it stays open; what lies behind it takes the next place of the ring.
            state.gap_size[number] = into
            _open(state, (sequence + found) % WORD, size - into - found)
            return True
    return False


@kernel
def _open(state: Any, start: Int, size: Int) -> None:
    if size > 0:
        slot = state.next_gap % GAPS
        state.gap_start[slot], state.gap_size[slot] = start, size
        state.next_gap += 1


@kernel
def follow(rows: Ints, sequences: Ints, units: Ints, states: Table) -> Int:
    """Follow datagrams in order of arrival; the change in the number lost (negative if found late).

    Args:
        rows: Which state each belongs to; negative for none.
        sequences: Their sequence numbers.
        units: What each counts: records, or 1 where the number counts datagrams; UNKNOWN is allowed.
        states: An array of `STATE`, changed in place.
    """
    change = 0
    for number in range(len(rows)):
        if rows[number] < 0:
            continue
        state = states[rows[number]]
        before = state.lost
        sequence, count = sequences[number], units[number]
        after = (sequence + count) % WORD if count >= 0 else NOTHING
        ahead = (sequence - state.expected) % WORD
        if state.expected < 0 or ahead == 0:
            state.expected, state.candidate = after, NOTHING
        elif sequence == state.candidate:
            state.expected, state.candidate = after, NOTHING
            state.gap_size[:] = 0
            state.restarts += 1
        elif ahead < MAX_GAP:
            state.lost += ahead
            _open(state, state.expected, ahead)
            state.expected, state.candidate = after, NOTHING
        elif not _fill(state, sequence, count):
            state.candidate = after
        change += state.lost - before
    return change
