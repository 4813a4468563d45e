"""Whether a UDP payload is a NetFlow v5/v9, IPFIX or sFlow v5 datagram, by its content alone.

Sources: Cisco, "NetFlow Export Datagram Format" (v5); RFC 3954 (v9); RFC 7011 (IPFIX); sflow.org,
"sFlow Version 5".
"""

from struct import unpack_from

V5_HEADER, V5_RECORD, V5_MOST = 24, 48, 30
V9_HEADER, IPFIX_HEADER = 20, 16
SFLOW_MOST = 1_000
"""Samples in one sFlow datagram: one takes 8 octets at least, a datagram 1,400 to 9,000."""


def is_export(payload: bytes, size: int) -> bool:
    """Whether a payload is one datagram of an export stream.

    The version word alone would match other protocols' numbers by chance, so everything that the
    header counts must also fit: records, sets or samples to the end of the datagram.

    Args:
        payload: What was captured of it.
        size: Octets it had on the wire, by the UDP header.
    """
    if len(payload) < IPFIX_HEADER:
        return False
    version: int
    second: int
    version, second = unpack_from(">HH", payload)
    if version == 5:
        wanted = V5_HEADER + V5_RECORD * second
        return 1 <= second <= V5_MOST and wanted <= size < wanted + 4
    if version == 9:
        return second >= 1 and _sets_fit(payload, V9_HEADER, size, (0, 1))
    if version == 10:
        return IPFIX_HEADER < second <= size and _sets_fit(payload, IPFIX_HEADER, second, (2, 3))
    return version == 0 and second == 5 and _samples_fit(payload, size)


def _sets_fit(payload: bytes, pos: int, end: int, templates: tuple[int, int]) -> bool:
    """Whether sets with possible ids follow each other to the end (or to what was captured)."""
    sets = 0
    while end - pos >= 4:
        if len(payload) - pos < 4:
            return sets > 0
        number, length = unpack_from(">HH", payload, pos)
        if number not in templates and number < 256:
            return False
        if length < 4 or length > end - pos:
            return False
        pos += length
        sets += 1
    return sets > 0


def _samples_fit(payload: bytes, size: int) -> bool:
    """Whether an sFlow header with an IPv4 or IPv6 agent is followed by as many samples as it says."""
    kind = unpack_from(">I", payload, 4)[0]
    header = {1: 28, 2: 40}.get(kind)
    if header is None or len(payload) < header:
        return False
    samples = unpack_from(">I", payload, header - 4)[0]
    if not 1 <= samples <= SFLOW_MOST:
        return False
    pos = header
    for done in range(samples):
        if len(payload) - pos < 8:
            return done > 0 and len(payload) < size
        length = unpack_from(">I", payload, pos + 4)[0]
        if length % 4 or length > size - pos - 8:
            return False
        pos += 8 + length
    return True
