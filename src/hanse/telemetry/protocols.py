"""What the numbers in a flow are called: protocols and TCP flags."""

PROTOCOLS = {
    1: "ICMP", 2: "IGMP", 4: "IP-in-IP", 6: "TCP", 17: "UDP", 41: "IPv6", 47: "GRE", 50: "ESP", 51: "AH",
    58: "ICMPv6", 88: "EIGRP", 89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP", 136: "UDPLite",
}  # fmt: skip
"""Names of the protocols that occur (IANA, Assigned Internet Protocol Numbers); others are shown by number."""

FLAGS = ((1, "FIN"), (2, "SYN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"), (64, "ECE"), (128, "CWR"))
"""TCP flags (RFC 9293, section 3.1)."""


def protocol_name(number: int) -> str:
    """``TCP``; ``protocol 200`` where it has no name here."""
    return PROTOCOLS.get(number, f"protocol {number}")


def flag_words(flags: int) -> str:
    """``SYN+ACK``."""
    return "+".join(name for bit, name in FLAGS if flags & bit)
