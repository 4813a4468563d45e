"""Captures (pcap, pcapng) in, flow records out; and the UDP payloads of captured export streams.

In: a file's bytes. Out: Arrow batches in `telemetry.schema.FLOW`, or `Datagrams` for the decoders of
NetFlow, IPFIX and sFlow. Used by: the readers of the telemetry room.
"""

from hanse.telemetry.packets.capture import recognise
from hanse.telemetry.packets.datagrams import Datagrams, looks_like_export, udp_payloads
from hanse.telemetry.packets.flows import read_flows

__all__ = ["Datagrams", "looks_like_export", "read_flows", "recognise", "udp_payloads"]
