"""Which kinds of attack traffic there are, how a flow is sorted among them, and from which rate they count.

Every number of the definition stands here (or in reflection_services.toml) with its reason or source;
docs/explanation/thresholds is generated from this module.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

ICMP, SYN, ACK, RST, FIN, NULL, SYNACK, TCP_ANSWER, UDP, FRAGMENT, GRE, ESP, OTHER, WEB, SESSION = range(
    1, 16
)
ICMP_ANSWER = 16
MIXED = 20
REFLECTION = 100
"""Codes of flows; `REFLECTION` + n is the n-th service of `reflection_services`."""

WEB_PORTS = (80, 443, 8080, 8443)
TCP_REFLECTOR_PORTS = (80, 443, 8080)

JOIN_GAP_S = 300
"""Quiet time that ends an attack, s. Moore, Voelker and Savage 2001 (section 4) and Corsaro's RSDoS
plugin both let a flow of backscatter expire after 300 s."""

REFLECTION_PPS = 10.0
REFLECTION_PACKETS = 100
REFLECTION_SOURCES = 10
"""A reflection: answers nobody asked for, from at least 10 hosts of one service, 100 packets in all
(Moore 2001's minimum), 10 packets/s at peak. Unasked answers from many hosts do not occur in normal
use, so the rate may be low: the SSDP test attack of 2014-12-29 shows about 15 packets/s."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One kind of attack traffic and the fixed thresholds for it.

    Attributes:
        code: Number of the flow class.
        name: Public name.
        min_pps: Rate over one second from which a second counts, packets/s.
        min_packets: Packets in the whole interval, at least.
        min_sources: Distinct sources, at least.
        unanswered: Leave out sources that the victim converses with (see `evidence.conversations`).
        scannable: A port scan looks alike and has to be told apart.
        why: Reason or source of the numbers.
        service_port: For a reflection, the port that answers.
        answer_bytes: For a reflection, the mean octets per packet from which answers are amplified.
    """

    code: int
    name: str
    min_pps: float
    min_packets: int
    min_sources: int
    unanswered: bool
    scannable: bool
    why: str
    service_port: int = 0
    answer_bytes: int = 0


_FLOODS = (
    Vector(
        ICMP,
        "icmp_flood",
        50,
        200,
        1,
        unanswered=False,
        scannable=True,
        why="Monitoring sends about 1 packet/s per monitor and routers limit their own ICMP to a few packets/s "
        "(RFC 1812, 4.3.2.8); 50 packets/s is out of reach of both. Ping floods need no more than one source.",
    ),
    Vector(
        SYN,
        "tcp_syn_flood",
        50,
        200,
        1,
        unanswered=False,
        scannable=True,
        why="A half-open connection lives for about 63 s under five SYN-ACK retries, so that 1,024 entries "
        "(a common backlog; RFC 4987, section 3) fill at 16 SYN/s; three times that is no accident.",
    ),
    Vector(
        ACK,
        "tcp_ack_flood",
        500,
        5_000,
        20,
        unanswered=True,
        scannable=False,
        why="Segments outside any conversation, with or without data; late segments of closed connections stay under some dozens/s.",
    ),
    Vector(
        RST,
        "tcp_rst_flood",
        200,
        2_000,
        10,
        unanswered=True,
        scannable=False,
        why="Resets answer the victim's own attempts in normal use; unasked ones from ten hosts at 200/s do not.",
    ),
    Vector(
        FIN,
        "tcp_fin_flood",
        100,
        1_000,
        1,
        unanswered=True,
        scannable=True,
        why="A FIN without ACK is no regular segment (RFC 9293, 3.10.7.4); only scans and floods send it.",
    ),
    Vector(
        NULL,
        "tcp_null_flood",
        100,
        1_000,
        1,
        unanswered=True,
        scannable=True,
        why="A segment without flags is never regular (RFC 9293); only scans and floods send it.",
    ),
    Vector(
        SYNACK,
        "tcp_synack_reflection",
        50,
        200,
        20,
        unanswered=True,
        scannable=False,
        why="A SYN-ACK answers the victim's own SYN; unasked ones from twenty hosts mean that its address was forged.",
    ),
    Vector(
        TCP_ANSWER,
        "tcp_reflection",
        200,
        2_000,
        50,
        unanswered=True,
        scannable=False,
        why="Web servers and middleboxes answer forged requests (Bock et al., USENIX Security 2021); "
        "the victim never spoke to any of them.",
    ),
    Vector(
        UDP,
        "udp_flood",
        500,
        5_000,
        20,
        unanswered=True,
        scannable=False,
        why="One-way UDP from one or a few hosts is logging, flow export or video; from twenty hosts that the victim "
        "never answers, at 500 packets/s, it is not.",
    ),
    Vector(
        FRAGMENT,
        "ip_fragment_flood",
        50,
        500,
        5,
        unanswered=True,
        scannable=False,
        why="Later fragments from hosts that the victim never answers (tunnels send fragments all day): under 1% of traffic in normal use (Shannon, Moore and Claffy 2002).",
    ),
    Vector(
        GRE,
        "gre_flood",
        500,
        5_000,
        10,
        unanswered=True,
        scannable=False,
        why="A GRE tunnel has one peer and answers it; ten unanswered outer sources are no tunnel.",
    ),
    Vector(
        ESP,
        "esp_flood",
        500,
        5_000,
        10,
        unanswered=True,
        scannable=False,
        why="An IPsec tunnel has one peer and answers it; ten unanswered sources are no tunnel.",
    ),
    Vector(
        WEB,
        "http_request_flood",
        2_000,
        50_000,
        10,
        unanswered=False,
        scannable=False,
        why="Real users open some connections and read; flood clients reconnect without pause. See `HEAVY_CLIENT`.",
    ),
)
# One-way mixtures only show in the sum over all classes; no vector of its own.
_MIXTURE = Vector(
    MIXED,
    "generic_traffic_flood",
    200,
    2_000,
    10,
    unanswered=True,
    scannable=False,
    why="The sum of all unanswered classes where none has a majority of the packets and the same sources send "
    "several of them.",
)

HEAVY_CLIENT_FLOWS_PER_MINUTE = 60
HEAVY_SHARE = 0.5
"""An HTTP request flood: at least half of the connections come from clients that open one a second or
more, all the time. In a flash crowd the requests per client fall as the crowd grows (Jung,
Krishnamurthy and Rabinovich 2002)."""

SWEEP_PER_MINUTE = 5.0
"""Echo requests a minute with which fewer than `SCAN_MAX_SOURCES` sources watch each host of a network: three
to five every some minutes are usual for monitoring (fping, check_ping). More is one attack on the network."""

SCAN_MAX_SOURCES = 10
SCAN_PACKETS_PER_TARGET = 5.0
SCAN_MIN_TARGETS = 20
"""A port scan: fewer than 10 sources that send each port (or host and port) they try at most 5 packets
on average (a probe and its repetitions), over at least 20 of them."""

MIXTURE_MAJORITY = 0.6
MIXTURE_SOURCES = 0.3
"""A generic flood: no class has 60% of a second's packets, and at least 30% of the sources sent two
classes or more."""

CHANCE_PORT_SHARE = 0.01
"""A flood from random source ports hits each service's port by chance: with 64,512 unprivileged ports and
some 20 services, about 0.03% of its packets. A reflection under 1% of such a flood is that."""

SAMPLED_EXCHANGE = 5.0
SAMPLED_SYN_SHARE = 3.0
"""In sampled telemetry the packets of one conversation are mostly not sampled both ways, so that none can be
told from a flood by its answers. What holds is the balance of all of them. A busy host receives at most
5 packets for each it sends in the same protocol, even when it only downloads (TCP acknowledges every second
segment, RFC 9293; QUIC and offloading less often), and a connection brings at least 3 packets after its SYN
(acknowledgement, request, FIN). Only traffic beyond that is reported."""

CARPET_FACTOR = 5.0
CARPET_MIN_HOSTS = 8
"""Carpet bombing: a /24 (IPv4) or /48 (IPv6) in which at least 8 hosts are hit and none alone is over
its threshold. A prefix is held to 5 times a host's threshold, since it gathers the noise of all its hosts."""

PREFIX_OCTETS = 15
V6_PREFIX_OCTETS = 6
"""Leading octets of an address that make a network: /24 of an IPv4-mapped address, /48 of IPv6 (the
least that is announced between networks for each)."""


@dataclass(frozen=True, slots=True)
class Service:
    """A UDP service that reflects: name, port it answers from, octets from which an answer is amplified."""

    name: str
    port: int
    answer_bytes: int


@cache
def reflection_services() -> tuple[Service, ...]:
    """The services of reflection_services.toml, in its order."""
    text = files("hanse.attacks").joinpath("reflection_services.toml").read_text("utf-8")
    return tuple(Service(**row) for row in tomllib.loads(text)["service"])


@cache
def vectors() -> dict[int, Vector]:
    """All vectors by code: the floods, the mixture, and one reflection per service."""
    found = {vector.code: vector for vector in (*_FLOODS, _MIXTURE)}
    for number, service in enumerate(reflection_services()):
        found[REFLECTION + number] = Vector(
            REFLECTION + number,
            f"{service.name}_reflection",
            REFLECTION_PPS,
            REFLECTION_PACKETS,
            REFLECTION_SOURCES,
            unanswered=True,
            scannable=False,
            why=f"Unasked answers from UDP port {service.port}; see REFLECTION_SOURCES.",
            service_port=service.port,
            answer_bytes=service.answer_bytes,
        )
    return found


def minute_packets(vector: Vector) -> float:
    """Packets in a minute from which it is looked at by the second.

    Ten seconds at the threshold, or the least packets of an attack, whichever is less. The edge of an
    attack is cut by at most the time that so many packets take.
    """
    return min(10 * vector.min_pps, float(vector.min_packets))


def protocol_of(code: int) -> int:
    """IP protocol number of a class; 0 where it has several."""
    named = {GRE: 47, ESP: 50, UDP: 17, WEB: 6, SESSION: 6}
    if code >= REFLECTION:
        return named[UDP]
    return 6 if code in {SYN, ACK, RST, FIN, NULL, SYNACK, TCP_ANSWER} else named.get(code, 0)


def is_reflection(code: int) -> bool:
    """Whether a class stands for answers that reflectors sent (UDP services, SYN-ACK, other TCP)."""
    return code >= REFLECTION or code in {SYNACK, TCP_ANSWER}


_SHORT = frozenset(
    [
        "icmp",
        "tcp",
        "udp",
        "syn",
        "ack",
        "rst",
        "fin",
        "dns",
        "ntp",
        "ssdp",
        "http",
        "https",
        "gre",
        "ip",
        "snmp",
        "ldap",
        "cldap",
        "quic",
        "ssh",
        "sip",
    ]
)


def vector_words(name: str) -> str:
    """A vector's name as people write it: ``tcp_syn_flood`` is "TCP SYN flood"."""
    words = [word.upper() if word in _SHORT else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
