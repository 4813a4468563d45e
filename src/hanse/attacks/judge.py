"""Whether a suspected interval is an attack: the structure of its traffic, beyond its rate.

Limits that flow records set, whoever judges them:

- Whom the victim answers once is excused for that day and protocol. A flood that the victim answers (queries
  to a name server), or whose every bot first gets one answer, is not seen. ICMP requests and SYNs count
  answered or not.
- Packets that two exporters report count twice, and so does their rate. Read one vantage point, or exporters
  that do not see the same links.
- Where only one direction is exported, answers cannot be told from floods: such findings are never sure.
- A live look sees the records of some seconds: where the two directions of conversations are exported further
  apart than that, they look unasked.
- In sampled telemetry a flood under `vectors.SAMPLED_EXCHANGE` times what the victim itself sends, or of SYNs
  under a third of its other TCP packets, cannot be told from conversations.
- Twenty senders of logs or flow exports to one collector look like a UDP flood; clients that all retry a
  service that is down look like a SYN flood; content networks and shared addresses like busy clients.
  A baseline or a lesson (`hanse lesson false-positive`) settles these.
- A request flood of very many clients, each slower than a connection a second, is a crowd by definition;
  so is one that changes its addresses inside an IPv6 network.
- Single packets that carry SYN, PSH, ACK and FIN at once pass as records of whole sessions.
- Attacks spread over more than a /24 or /48, with each part under the threshold, stay unseen.
"""

import ipaddress
from dataclasses import dataclass, field

from hanse.attacks import vectors as v
from hanse.attacks.attack import Attack, Dismissed, attack_name
from hanse.attacks.evidence import Suspect
from hanse.attacks.series import SECOND_US
from hanse.attacks.thresholds import Origin
from hanse.attacks.traffic import ICMP6_ANSWERS, ICMP_ANSWERS
from hanse.kernel import addresses, units

CLEAR_MARGIN = 4.0
"""Peak over threshold from which the rate alone leaves little doubt."""
FEW_OBSERVED = 30
"""Observed packets below which a sampled rate is mostly noise: the relative error of n samples is
about 196% / sqrt(n) (RFC 3176 and sFlow's own accuracy note), 36% at 30."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the evidence flows of one suspect add up to.

    Attributes:
        sources: Distinct apparent sources.
        networks: Distinct source networks.
        flows: Flow records.
        packets: Estimated packets.
        bytes: Estimated IP octets.
        observed: Packets before scaling by the sampling rate.
        mixed_sources: Sources that sent several classes.
        first_us: Start of its first flow, microseconds UTC.
        last_us: End of its last flow, microseconds UTC.
        sees_return: Whether the telemetry shows anything that the victim sent.
        exporters: How many exporters the telemetry comes from.
        answered: Sources with which the victim conversed.
        tried: Distinct (source, host, port) combinations; 0 where not counted.
        ports: Distinct destination ports among them.
        hosts: Distinct hosts among them, or hit hosts of a network.
        heavy_clients: Clients with a connection a second or more.
        heavy_share: Their share of all connections, 0 to 1.
        sent: Packets that the victim itself sent in the same protocol; counted in sampled telemetry only.
        received: Packets other than SYNs that it received in the same protocol; likewise.
        origin: Where the threshold comes from that fired.
        dst_ports, src_ports, sizes, flags, icmp_types: Top values with their shares of packets.
        top_networks: Source networks with most packets and their shares.
    """

    sources: int
    networks: int
    flows: int
    packets: int
    bytes: int
    observed: int
    mixed_sources: int
    first_us: int
    last_us: int
    sees_return: bool = False
    exporters: int = 1
    answered: int = 0
    tried: int = 0
    ports: int = 0
    hosts: int = 1
    heavy_clients: int = 0
    heavy_share: float = 0.0
    sent: int = 0
    received: int = 0
    origin: Origin = "fixed"
    dst_ports: tuple[tuple[int, float], ...] = ()
    src_ports: tuple[tuple[int, float], ...] = ()
    sizes: tuple[tuple[int, float], ...] = ()
    flags: tuple[tuple[int, float], ...] = ()
    icmp_types: tuple[tuple[int, float], ...] = ()
    top_networks: tuple[tuple[str, float], ...] = field(default=())


def victim_text(victim: bytes) -> str:
    """A victim in words: an address, or a network in CIDR form for leading octets of one."""
    if len(victim) == 16:
        return addresses.unpack(victim)
    whole = victim + bytes(16 - len(victim))
    bits = len(victim) * 8 - (96 if addresses.is_v4(whole) else 0)
    return f"{addresses.unpack(whole)}/{bits}"


def victim_key(text: str) -> bytes:
    """The 16 octets of an address, or the leading octets of a network: the reverse of `victim_text`.

    Raises:
        ValueError: The text is neither.
    """
    network = ipaddress.ip_network(text)
    octets = (network.prefixlen + (96 if network.version == 4 else 0)) // 8
    return addresses.pack(str(network.network_address))[:octets]


def judge(suspect: Suspect, facts: Facts) -> Attack | Dismissed:
    """Decide on one suspect."""
    vector = v.vectors()[suspect.code]
    reason = why_not(suspect, vector, facts)
    start_us = max(facts.first_us, suspect.interval.first * SECOND_US)
    end_us = max(min(facts.last_us, suspect.interval.end * SECOND_US), start_us + 1_000)
    victim = victim_text(suspect.victim)
    if reason:
        return Dismissed(victim, vector.name, start_us, end_us, reason)
    confidence, reasons = how_sure(suspect, vector, facts)
    return Attack(
        id=attack_name(victim, vector.name, start_us),
        victim=victim,
        vector=vector.name,
        start_us=start_us,
        end_us=end_us,
        peak_bps=suspect.interval.peak_ops * 8,
        peak_pps=suspect.interval.peak_pps,
        packets=facts.packets,
        bytes=facts.bytes,
        flows=facts.flows,
        sources=facts.sources,
        networks=facts.networks,
        top_networks=facts.top_networks,
        dst_ports=facts.dst_ports,
        src_ports=facts.src_ports,
        packet_sizes=facts.sizes,
        tcp_flags=facts.flags[0][0] if facts.flags else 0,
        icmp_type=facts.icmp_types[0][0] if facts.icmp_types and suspect.code == v.ICMP else -1,
        answered_share=facts.answered / max(facts.sources, 1) if facts.sees_return else None,
        requested_share=0.0 if facts.sees_return and v.is_reflection(suspect.code) else None,
        threshold=threshold_words(suspect, facts),
        confidence=confidence,
        reasons=reasons,
        refuted_by=what_would_refute(suspect.code),
    )


def why_not(suspect: Suspect, vector: v.Vector, facts: Facts) -> str:
    """Why a suspect is no attack; empty when nothing speaks against it."""
    return _too_little(vector, facts) or _looks_normal(suspect, vector, facts)


def _too_little(vector: v.Vector, facts: Facts) -> str:
    """Whether there is too little of it: packets, samples, sources."""
    if facts.packets < vector.min_packets:
        return f"only {facts.packets} packets in all (under {vector.min_packets})"
    if facts.observed < facts.packets and facts.observed < FEW_OBSERVED:
        return f"only {facts.observed} sampled packets, too few for a rate"
    if facts.sources < vector.min_sources and facts.origin != "learnt":
        return f"{facts.sources} sources (under {vector.min_sources}): {vector.why}"
    return ""


def _looks_normal(suspect: Suspect, vector: v.Vector, facts: Facts) -> str:
    """Whether it has the structure of something that is no attack."""
    mean_size = facts.bytes / max(facts.packets, 1)
    reasons = {
        f"a port scan: {'one source' if facts.sources == 1 else f'{facts.sources} sources'} tried {facts.tried} "
        "targets with a few packets each": (vector.scannable and suspect.code != v.ICMP and is_scan(facts)),
        f"monitoring: {facts.sources} sources ping {facts.hosts} hosts of the network, few times a minute each": (
            suspect.code == v.ICMP and len(suspect.victim) < 16 and is_sweep(facts)
        ),
        f"answers of {mean_size:.0f} bytes on average are not amplified (under {vector.answer_bytes})": (
            mean_size < vector.answer_bytes
        ),
        f"sampled telemetry, in which the victim sent {facts.sent} packets in the same time: no more came than "
        "conversations bring": (vector.unanswered and facts.packets <= v.SAMPLED_EXCHANGE * facts.sent),
        f"sampled telemetry, in which {facts.received} other TCP packets came in the same time: no more SYNs than "
        "connections bring": (
            suspect.code == v.SYN and v.SAMPLED_SYN_SHARE * facts.packets <= facts.received
        ),
        f"a crowd: {facts.heavy_share:.0%} of the connections come from clients that open one a second or more "
        f"(under {v.HEAVY_SHARE:.0%})": suspect.code == v.WEB and not _is_request_flood(vector, facts),
        "several vectors from different sources, not one mixture": (
            suspect.code == v.MIXED and facts.mixed_sources < v.MIXTURE_SOURCES * facts.sources
        ),
        f"only {facts.hosts} hosts of the network were hit (under {v.CARPET_MIN_HOSTS})": (
            len(suspect.victim) < 16 and facts.hosts < v.CARPET_MIN_HOSTS
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def is_scan(facts: Facts) -> bool:
    """Whether few sources try many targets with a few packets each."""
    targets = max(facts.ports, facts.hosts)
    return (
        0 < facts.sources < v.SCAN_MAX_SOURCES
        and targets >= v.SCAN_MIN_TARGETS
        and facts.packets <= v.SCAN_PACKETS_PER_TARGET * facts.tried
    )


def is_sweep(facts: Facts) -> bool:
    """Whether few sources ping many hosts as seldom as monitoring does."""
    minutes = max((facts.last_us - facts.first_us) / 60_000_000, 1.0)
    few = 0 < facts.sources < v.SCAN_MAX_SOURCES and facts.hosts >= v.SCAN_MIN_TARGETS
    return few and facts.packets <= v.SWEEP_PER_MINUTE * minutes * facts.tried


def _is_request_flood(vector: v.Vector, facts: Facts) -> bool:
    return facts.heavy_share >= v.HEAVY_SHARE and facts.heavy_clients >= vector.min_sources


def threshold_words(suspect: Suspect, facts: Facts) -> str:
    """Which threshold fired, with its number."""
    kind = {
        "fixed": "fixed",
        "learnt": "learnt from the victim's own past",
        "taught": "raised by an analyst's decision",
    }[facts.origin]
    return (
        f"{units.packet_rate(suspect.interval.threshold)} ({kind}); "
        f"peak {units.packet_rate(suspect.interval.peak_pps)}"
    )


def how_sure(suspect: Suspect, vector: v.Vector, facts: Facts) -> tuple[str, tuple[str, ...]]:
    """Confidence (``high``, ``medium``, ``low``) and why."""
    margin = suspect.interval.peak_pps / max(suspect.interval.threshold, 1e-9)
    reasons = [f"The peak is {margin:.1f} times the threshold."]
    clear = margin >= CLEAR_MARGIN
    needs_return = vector.unanswered or _only_answers(suspect.code, facts)
    if v.is_reflection(suspect.code):
        asked = (
            "that the victim had not asked for."
            if facts.sees_return
            else "to the victim; whether it asked was not seen."
        )
        reasons.append(f"{units.count(facts.sources)} apparent reflectors sent answers {asked}")
    else:
        reasons.append(
            f"{units.count(facts.sources)} apparent sources in {units.count(facts.networks)} networks."
        )
    if facts.sees_return:
        reasons.append(
            f"The victim conversed with {facts.answered} of its {units.count(facts.sources)} sources."
        )
    elif needs_return:
        reasons.append("The return way was not seen, so that a conversation cannot be ruled out.")
    if facts.observed < facts.packets:
        reasons.append(f"Sampled telemetry: {units.count(facts.observed)} packets were observed.")
    if suspect.code == v.WEB:
        reasons.append("Proxies, shared addresses and content networks reconnect as often as flood clients.")
    if facts.exporters > 1:
        reasons.append(
            f"{facts.exporters} exporters report here: packets that two of them saw are counted twice."
        )
    if clear and (facts.sees_return or not needs_return) and suspect.code != v.WEB:
        return "high", tuple(reasons)
    return ("medium" if clear or facts.sees_return else "low"), tuple(reasons)


def _only_answers(code: int, facts: Facts) -> bool:
    """Whether an ICMP flood is mostly answers, which count only where the victim did not ask."""
    answers = sum(share for kind, share in facts.icmp_types if kind in {*ICMP_ANSWERS, *ICMP6_ANSWERS})
    return code == v.ICMP and answers > 0.5


def what_would_refute(code: int) -> tuple[str, ...]:
    """What would show that an attack of this class is none."""
    if v.is_reflection(code):
        return ("Requests from the victim to these hosts, seen at another vantage point.",)
    return {
        v.ICMP: (
            "A monitoring or measurement run that the victim's operator ordered.",
            "For echo replies and errors: packets from the victim that they answer, seen at another vantage point.",
        ),
        v.UDP: (
            "Answers from the victim to these sources, seen at another vantage point.",
            "A collector of logs, flow exports or measurements at the victim, and these sources among its senders.",
        ),
        v.SYN: (
            "Completed handshakes with most of these sources at another vantage point.",
            "A load test that the victim's operator ordered.",
        ),
        v.WEB: ("Proxies, shared addresses, a content network or a load test behind the busiest clients.",),
    }.get(
        code,
        ("Answers from the victim to these sources, seen at another vantage point.",),
    )
