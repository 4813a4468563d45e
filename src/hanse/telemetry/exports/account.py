"""The account of who exports: each stream as it was heard of."""

from collections import Counter
from itertools import islice

import numpy as np
import numpy.typing as npt

from hanse.kernel.addresses import unpack
from hanse.telemetry.exporters import MOST, ExporterState
from hanse.telemetry.exports import receipt
from hanse.telemetry.exports.receipt import skew_of
from hanse.telemetry.exports.scan import SFLOW
from hanse.telemetry.exports.streams import Stream, Streams

STRETCH_US = 300_000_000
"""What an exporter sent lately is what it sent in this stretch of time and the one before."""
PROTOCOLS = {5: "NetFlow v5", 9: "NetFlow v9", 10: "IPFIX", SFLOW: "sFlow v5"}


class Account:
    """Who exports, and how much of late.

    Args:
        kinds: The streams of NetFlow and IPFIX, and those of sFlow.
    """

    def __init__(self, *kinds: Streams) -> None:
        self._kinds = kinds
        self._since_us = 0

    def of(self, now_us: int) -> tuple[list[ExporterState], int]:
        """The exporters that sent most flows lately, and how many there are in all.

        Each address has one told of before any has two: whoever sends under ten thousand domains keeps no other one out.

        Args:
            now_us: Microseconds UTC; what is lately is counted between calls.
        """
        if now_us - self._since_us >= STRETCH_US:
            self._since_us = now_us
            for streams in self._kinds:
                streams.tallies["mark_before"] = streams.tallies["mark"]
                streams.tallies["mark"] = streams.tallies["flows"]
        everyone = [_agents(streams) for streams in self._kinds]
        flows, datagrams, before = (
            np.concatenate(
                [
                    streams.tallies[name][_rows(some)]
                    for streams, some in zip(self._kinds, everyone, strict=True)
                ]
            )
            for name in ("flows", "datagrams", "mark_before")
        )
        lately = flows - before
        whole = max(int(lately.sum()), 1)
        whose = [
            (streams, stream) for streams, some in zip(self._kinds, everyone, strict=True) for stream in some
        ]
        order = np.lexsort((-datagrams, -lately))
        turn = _turns([whose[place][1].address for place in order.tolist()])
        most = order[np.sort(np.argsort(turn, kind="stable")[:MOST])].tolist()
        told = [
            _state(streams, stream, int(lately[place]) / whole, now_us)
            for place, (streams, stream) in ((place, whose[place]) for place in most)
        ]
        return told, len(whose)

    def clocks(self) -> dict[bytes, float]:
        """All addresses (16 bytes) whose clock is wrong, and how many seconds it is ahead; of several, that of most flows."""
        found: list[tuple[int, bytes, float]] = []
        for streams in self._kinds:
            some = _agents(streams)
            tallies = streams.tallies[_rows(some)]
            skews_us, told = receipt.skews_of(tallies)
            for place in np.flatnonzero(told & (np.abs(skews_us) > receipt.CLOCK_US)).tolist():
                flows = int(tallies["flows"][place])
                found.append((flows, some[place].address, float(skews_us[place]) / 1e6))
        return {address: skew_s for _, address, skew_s in sorted(found)}

    def misdated(self) -> list[ExporterState]:
        """Those whose clock is wrong, for an input that is read from a file; at most `MOST`."""
        found = (_state(streams, stream, 0.0, 0) for streams in self._kinds for stream in _agents(streams))
        return list(islice((one for one in found if one.wrong_clock), MOST))


def _agents(streams: Streams) -> list[Stream]:
    """All streams but the data sources beneath an sFlow agent."""
    return [stream for stream in streams if stream.version in PROTOCOLS]


def _rows(streams: list[Stream]) -> npt.NDArray[np.int64]:
    """Their rows in the tallies: there may be tens of thousands of forged ones, which are not looked at one by one."""
    return np.array([stream.row for stream in streams], np.int64)


def _turns(addresses: list[bytes]) -> npt.NDArray[np.int64]:
    """How many times each address stands before its place in a list, shape (n,)."""
    seen: Counter[bytes] = Counter()
    turns = np.empty(len(addresses), np.int64)
    for place, one in enumerate(addresses):
        turns[place] = seen[one]
        seen[one] += 1
    return turns


def _state(streams: Streams, stream: Stream, share: float, now_us: int) -> ExporterState:
    tally = streams.tallies[stream.row]
    skew_us = skew_of(tally)
    return ExporterState(
        address=unpack(stream.address),
        protocol=PROTOCOLS[stream.version],
        domain=stream.domain,
        datagrams=int(tally["datagrams"]),
        flows=int(tally["flows"]),
        share=share,
        skew_s=None if skew_us is None else skew_us / 1e6,
        dated=int(tally["dated"]),
        changes=int(tally["changes"]),
        flaps=stream.flaps(now_us),
    )
