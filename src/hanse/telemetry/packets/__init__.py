"""Captures (pcap, pcapng) in, flow records out; and the UDP payloads of captured export streams.

In: a file's bytes. Out: Arrow batches in `telemetry.schema.FLOW`, or `Datagrams` for the decoders of
NetFlow, IPFIX and sFlow. Used by: the readers of the telemetry room.
"""

from hanse.telemetry.packets.flows import read_flows, recognise

__all__ = ["read_flows", "recognise"]
