"""Which information elements carry what a flow needs, best first.

Numbers are those of the IANA registry "IPFIX Information Elements"; NetFlow v9's field types are the
same up to 127 (RFC 3954, section 8). The reverse direction of a two-way record carries the same
numbers under private enterprise number 29305 (RFC 5103).
"""

from typing import TypeAlias

Element: TypeAlias = tuple[int, int]
"""Private enterprise number (0 for IANA's own) and element number."""

REVERSE = 29305
"""Private enterprise number of the reverse direction (RFC 5103, section 6.1)."""

SRC4, DST4, SRC6, DST6, IP_VERSION = 8, 12, 27, 28, 60
PROTOCOL = 4
SRC_PORTS = (7, 180, 182)
"""sourceTransportPort, udpSourcePort, tcpSourcePort."""
DST_PORTS = (11, 181, 183)
TCP_FLAGS = 6
ICMP_PAIRS = (32, 139)
"""icmpTypeCodeIPv4 and -IPv6: type times 256 plus code."""
ICMP_TYPES, ICMP_CODES = (176, 178), (177, 179)
TTLS = (52, 192, 53)
"""minimumTTL, ipTTL, maximumTTL."""

OCTETS = (1, 85, 231, 23)
"""octetDeltaCount, octetTotalCount, initiatorOctets, postOctetDeltaCount (v9's OUT_BYTES)."""
LAYER2_OCTETS = (352, 353)
"""layer2OctetDeltaCount, layer2OctetTotalCount: with link headers, so only where nothing else is."""
PACKETS = (2, 86, 298, 24)
"""packetDeltaCount, packetTotalCount, initiatorPackets, postPacketDeltaCount (v9's OUT_PKTS)."""
RESPONDER_OCTETS, RESPONDER_PACKETS = 232, 299

SECONDS, MILLISECONDS, NTP, DELTA, UPTIME = range(5)
"""How a time is written: since 1970, as an NTP time, before export in us, since the exporter's start."""
STARTS = {150: SECONDS, 152: MILLISECONDS, 154: NTP, 156: NTP, 158: DELTA, 22: UPTIME}
"""flowStartSeconds, -Milliseconds, -Microseconds, -Nanoseconds, -DeltaMicroseconds, -SysUpTime."""
ENDS = {151: SECONDS, 153: MILLISECONDS, 155: NTP, 157: NTP, 159: DELTA, 21: UPTIME}
OBSERVED = {322: SECONDS, 323: MILLISECONDS, 324: NTP, 325: NTP}
"""observationTime*: one moment, for records of one packet or event."""
DURATIONS = {161: 1000, 162: 1}
"""flowDurationMilliseconds, -Microseconds: microseconds in one unit."""
SYSTEM_INIT = 160
"""systemInitTimeMilliseconds: when the exporter started."""

SAMPLER_IDS = (48, 302)
"""FLOW_SAMPLER_ID and selectorId."""
INTERVALS = (34, 50)
"""samplingInterval, samplerRandomInterval: one in so many packets."""
PACKET_INTERVAL, PACKET_SPACE = 305, 306
"""samplingPacketInterval packets are taken, then samplingPacketSpace are left out (RFC 5477)."""
SAMPLE_SIZE, SAMPLE_POPULATION = 309, 310
PROBABILITY = 311
"""samplingProbability, a float."""

RATE_ELEMENTS = frozenset({*INTERVALS, PACKET_INTERVAL, SAMPLE_POPULATION, PROBABILITY})
"""Elements any of which tells a sampling rate."""

_FORWARD = frozenset(
    {
        SRC4, DST4, SRC6, DST6, IP_VERSION, PROTOCOL, TCP_FLAGS, RESPONDER_OCTETS, RESPONDER_PACKETS,
        SYSTEM_INIT, PACKET_SPACE, SAMPLE_SIZE,
        *SRC_PORTS, *DST_PORTS, *ICMP_PAIRS, *ICMP_TYPES, *ICMP_CODES, *TTLS, *OCTETS, *LAYER2_OCTETS,
        *PACKETS, *STARTS, *ENDS, *OBSERVED, *DURATIONS, *SAMPLER_IDS, *RATE_ELEMENTS,
    }
)  # fmt: skip
_BACKWARD = frozenset({TCP_FLAGS, *OCTETS, *PACKETS, *STARTS, *ENDS, *DURATIONS, *TTLS})

NEEDED: frozenset[Element] = frozenset({(0, number) for number in _FORWARD}) | frozenset(
    {(REVERSE, number) for number in _BACKWARD}
)
"""All elements that are read; every other one is skipped by its length."""

ADDRESS_WIDTHS = {SRC4: 4, DST4: 4, SRC6: 16, DST6: 16}
