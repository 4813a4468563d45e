"""Which flows are sought and what is found, without what `flow_search` needs for finding it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hanse.kernel.addresses import Network
from hanse.kernel.errors import HanseError

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 200
"""Flows on a page: enough to recognise a pattern."""

Rank = Literal["bytes", "packets", "flows"]


class TooMuchError(HanseError):
    """A search is wider than one page may ask."""

    status = 400


class GoneError(HanseError):
    """A file of flows went away while it was read: by quota, retention or hand."""

    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which flows are sought; None does not narrow.

    Attributes:
        since_us: Flows that were still seen at or after it, microseconds UTC.
        until_us: Flows that began at or before it, microseconds UTC.
        address: At either end.
        source: The source address.
        target: The destination address.
        port: At either end.
        source_port: The source port.
        target_port: The destination port.
        protocol: IP protocol number.
    """

    since_us: int | None = None
    until_us: int | None = None
    address: Network | None = None
    source: Network | None = None
    target: Network | None = None
    port: int | None = None
    source_port: int | None = None
    target_port: int | None = None
    protocol: int | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """What flows add up to.

    Attributes:
        key: What they share: an address of 16 bytes, a pair of protocol and port, or a protocol; None is all.
        flows: Flow records.
        packets: Estimate.
        octets: Estimate.
    """

    key: Any
    flows: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        flows: The first flows, in the flow schema, in order of start.
        total: All of them together.
        sources: Source addresses with most.
        targets: Destination addresses with most.
        source_ports: Source ports with most, as pairs of protocol and port.
        target_ports: Destination ports with most, likewise.
        protocols: Protocols with most.
        files: The files that hold at least one of the flows.
    """

    flows: "pa.Table"
    total: Sum
    sources: tuple[Sum, ...]
    targets: tuple[Sum, ...]
    source_ports: tuple[Sum, ...]
    target_ports: tuple[Sum, ...]
    protocols: tuple[Sum, ...]
    files: tuple[str, ...]
