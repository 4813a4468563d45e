"""Are the source addresses of an attack real? Decided before any country is named.

The rules are asked in order and the first that answers decides:

1. reflected: the vector is a reflection and the sources do not look made up;
2. direct: most sources completed a TCP handshake, which a forged address cannot;
3. undetermined: too few sources for statistics;
4. spoofed: too many sources in reserved space;
5. spoofed: sources spread as if drawn at random;
6. spoofed or undetermined: packets from all over the world with one travelled distance;
7. undetermined: all sources in one small network, or traffic that only answers something;
8. direct: clustered as real populations are, several packets from each, nothing against it;
9. undetermined otherwise.

Why each number is what it is: docs/explanation/tracing.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from scipy import special

from hanse.attacks.attack import Attack
from hanse.kernel.units import count
from hanse.tracing.observe import Observed

FEW_SOURCES = 30
"""Below this no statistic of spread tells a real population from random draws: 30 real sources have at
most one pair in a common /16 half of the time."""

HANDSHAKE_SHARE = 0.5
"""Most sources: a completed handshake needs the answer to arrive at the address (RFC 6528 makes it
infeasible to guess)."""

RESERVED_SHARE = 0.02
"""Reserved sources beyond this share, at the 1 % level, are forged ones: random addresses of 2^32 show
13.8 %, the captures we have 0 to 0.01 %; our choice leaves room for leaks through address translation."""

RESERVED_FEW = 0.01
"""Up to this share of reserved sources does not speak against a direct attack (such leaks)."""

RANDOM_NETWORKS = 3_000
"""Equally used /16 networks. Measured: real populations 9 to 424 (two botnet lists, a fingerprint of
5,214 sources, three sets of reflectors), forged ones 20,633 and 46,518; this is the geometric middle."""

FORGED_NETWORKS = 20_000
"""The least that forged sources showed; a direct attack must lie below it with 99 % confidence."""

RANDOM_COARSE = 425
"""The same for /12 networks, where it takes fewer sources to be sure: real 7 to 127, forged 1,426 and
3,161; the geometric middle."""

COARSE_SOURCES = 100
"""From so many sources on the /12 networks are asked: with fewer, a real population in 800 networks of
equal size was taken for random in 4 of 100 trials, with 100 in none of 200."""

SEEN_ONCE = 0.9
"""Share of sources seen in a single packet from which sources count as never coming back."""

TTL_COMMON = 0.99
TTL_SOURCES = 100
TTL_NETWORKS = 50
"""So many sources in so many /16 networks, nearly all with one of three TTL values, are packets from one
place: hop counts of real sources spread over ten values and more (Wang, Jin, Shin 2007); measured 21 to
83 % for three values in reflected attacks, 100 % for two in a forged one."""

ONE_NETWORK = 0.9
"""Share of sources in a single /24 (IPv6: /48): filters against forged addresses mostly work network by
network, so forging inside one's own passes them (Beverly and others 2009)."""

UNANNOUNCED_V6 = 0.5
"""Random IPv6 addresses fall into unannounced space in 99.9 of 100 cases; real ones rarely."""

ICMP_ANSWERS = frozenset({0, 3, 4, 5, 11, 12, 14, 16, 18})
"""ICMP types that a host or router sends only in answer to something (RFC 792, RFC 1122 section 3.2.2)."""


@dataclass(frozen=True, slots=True)
class SourceTest:
    """What the test found.

    Attributes:
        source_class: ``direct``, ``reflected``, ``spoofed`` or ``undetermined``.
        rule: Which rule decided, in a word.
        reasons: The evidence, one sentence each, the deciding one first.
        refuted_by: What would show the class to be wrong.
        divergence: Of the sources from the announced space (else the unreserved), bits; None without.
        noise_floor: 95th percentile of evenly spread sources of that number, bits.
    """

    source_class: str
    rule: str
    reasons: tuple[str, ...]
    refuted_by: tuple[str, ...]
    divergence: float | None = None
    noise_floor: float | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    attack: Attack
    seen: Observed


@dataclass(frozen=True, slots=True)
class _Finding:
    source_class: str
    rule: str
    reason: str


def classify(attack: Attack, seen: Observed | None) -> SourceTest:
    """Decide the source class of an attack.

    Args:
        attack: The attack, as detected.
        seen: What its sources show; None when no source rows are at hand.
    """
    if seen is None:
        reason = "No source addresses of this attack are at hand."
        return SourceTest("undetermined", "none", (reason,), _refuted("undetermined"))
    finding = next(found for rule in _RULES if (found := rule(_Case(attack, seen))) is not None)
    measured = seen.reported
    return SourceTest(
        finding.source_class,
        finding.rule,
        (finding.reason, *_evidence(attack, seen, finding.rule)),
        _refuted(finding.source_class),
        round(measured.value, 4),
        round(measured.floor95, 4),
    )


def is_tcp(attack: Attack) -> bool:
    """Whether a handshake can be expected of this vector."""
    return attack.vector.startswith(("tcp_", "http"))


def _looks_random(seen: Observed) -> bool:
    """Spread wider than any real population; and never coming back, perfectly even, or widest of all."""
    fine, coarse = seen.clustering, seen.coarse
    wide = fine.low > RANDOM_NETWORKS
    if seen.number >= COARSE_SOURCES and fine.networks > RANDOM_NETWORKS and coarse.low > RANDOM_COARSE:
        wide = True
    even = any(found.value <= found.floor99 for found in seen.divergences.values())
    return wide and (seen.once >= SEEN_ONCE or even or fine.low > FORGED_NETWORKS)


def _too_many_reserved(seen: Observed) -> bool:
    """More reserved sources than `RESERVED_SHARE` allows, binomial, 1 % level."""
    return bool(special.bdtrc(seen.reserved - 1, seen.number, RESERVED_SHARE) < 0.01)


def _reflected(case: _Case) -> _Finding | None:
    if not case.attack.vector.endswith("_reflection") or _looks_random(case.seen) or _reserved(case):
        return None
    service = case.attack.vector.removesuffix("_reflection").replace("_", " ")
    port = (
        f" from port {case.attack.src_ports[0][0]} ({case.attack.src_ports[0][1]:.0%})"
        if case.attack.src_ports
        else ""
    )
    return _Finding(
        "reflected", "reflection", f"The traffic is {service} answers{port} of {_hosts(case.seen.number)}."
    )


def _handshake(case: _Case) -> _Finding | None:
    share = case.attack.answered_share
    if not is_tcp(case.attack) or share is None or share < HANDSHAKE_SHARE:
        return None
    return _Finding("direct", "handshake", f"{share:.0%} of the sources completed a TCP handshake.")


def _few(case: _Case) -> _Finding | None:
    if case.seen.number >= FEW_SOURCES:
        return None
    reason = (
        f"{_sources(case.seen.number)}: too few for a statistic of their spread (at least {FEW_SOURCES})."
    )
    return _Finding("undetermined", "few", reason)


def _reserved(case: _Case) -> _Finding | None:
    if case.seen.number < FEW_SOURCES or not _too_many_reserved(case.seen):
        return None
    share = case.seen.reserved / case.seen.number
    reason = (
        f"{count(case.seen.reserved)} sources ({share:.1%}) lie in reserved space and are certainly forged."
    )
    return _Finding("spoofed", "reserved", reason)


def _random(case: _Case) -> _Finding | None:
    seen = case.seen
    if seen.family == 6 and seen.unannounced is not None and seen.unannounced > UNANNOUNCED_V6:
        reason = f"{seen.unannounced:.0%} of the sources lie in IPv6 space that nobody announces."
        return _Finding("spoofed", "unannounced", reason)
    if not _looks_random(seen):
        return None
    fine, coarse = seen.clustering, seen.coarse
    width, found, known = _width(seen), fine, 500
    if fine.low <= RANDOM_NETWORKS:
        width, found, known = "/12" if seen.family == 4 else "/28", coarse, 130
    reason = (
        f"The sources spread as evenly as over {_networks(found.networks)} {width} networks (at least "
        f"{_networks(found.low)} with 99 % confidence); real populations measured so far stay under {known}."
    )
    return _Finding("spoofed", "spread", reason)


def _one_distance(case: _Case) -> _Finding | None:
    seen = case.seen
    if seen.ttl_known < 0.9 or seen.number < TTL_SOURCES or seen.networks < TTL_NETWORKS:
        return None
    if seen.ttl_common < TTL_COMMON:
        return None
    reason = (
        f"{seen.ttl_common:.1%} of sources in {count(seen.networks)} {_width(seen)} networks share three TTL "
        "values, as packets made in one place do."
    )
    return _Finding("spoofed" if seen.once >= SEEN_ONCE else "undetermined", "ttl", reason)


def _one_network(case: _Case) -> _Finding | None:
    if case.seen.densest_share < ONE_NETWORK:
        return None
    reason = (
        f"{case.seen.densest_share:.0%} of the sources lie in {case.seen.densest}: any machine there, or its router, "
        "could have forged the others."
    )
    return _Finding("undetermined", "one network", reason)


def _answers(case: _Case) -> _Finding | None:
    if case.attack.vector != "icmp_flood" or case.attack.icmp_type not in ICMP_ANSWERS:
        return None
    reason = (
        f"ICMP type {case.attack.icmp_type} is what hosts send in answer: the sources may be real and answer "
        "packets forged in the victim's name, or attack with such messages themselves."
    )
    return _Finding("undetermined", "answers", reason)


def _direct(case: _Case) -> _Finding | None:
    apart = all(found.value > found.floor99 for found in case.seen.divergences.values())
    clustered = (
        case.seen.clustering.networks < RANDOM_NETWORKS and case.seen.clustering.high < FORGED_NETWORKS
    )
    returning = case.seen.once <= 0.5
    if not (apart and clustered and returning and case.seen.reserved <= RESERVED_FEW * case.seen.number):
        return None
    reason = (
        f"The sources cluster as in {_networks(case.seen.clustering.networks)} {_width(case.seen)} networks, like real "
        f"populations (under {count(RANDOM_NETWORKS)}), and {1 - case.seen.once:.0%} of them sent several packets."
    )
    return _Finding("direct", "clustered", reason)


def _undecided(_case: _Case) -> _Finding:
    return _Finding(
        "undetermined", "no rule", "No indicator is strong enough to call the sources real or forged."
    )


_RULES: tuple[Callable[[_Case], _Finding | None], ...] = (
    _reflected,
    _handshake,
    _few,
    _reserved,
    _random,
    _one_distance,
    _one_network,
    _answers,
    _direct,
    _undecided,
)


def _width(seen: Observed) -> str:
    return "/16" if seen.family == 4 else "/32"


def _hosts(number: int) -> str:
    return f"{count(number)} host{'s' * (number != 1)}"


def _sources(number: int) -> str:
    return f"{count(number)} source{'s' * (number != 1)}"


def _networks(number: float) -> str:
    return count(number) if number < 1e5 else "more than 100 000"


def _evidence(attack: Attack, seen: Observed, rule: str) -> tuple[str, ...]:
    """The indicators that did not decide, each with its numbers."""
    name, nearest = seen.nearest
    spread = (
        f"Divergence from even spread over {name}: {nearest.value:.3f} bits; chance gives up to "
        f"{nearest.floor95:.3f} (95 %) for {_sources(seen.number)}."
    )
    lines = [spread]
    if attack.sources > seen.number:
        lines.append(f"Judged by {count(seen.number)} of {count(attack.sources)} sources.")
    lines.append(f"{seen.once:.0%} of the sources were seen in a single packet.")
    if rule not in {"spread", "clustered"} and seen.clustering.pairs:
        lines.append(
            f"Sources share networks as if in {_networks(seen.clustering.networks)} {_width(seen)} networks."
        )
    if seen.reserved and rule != "reserved":
        lines.append(f"{count(seen.reserved)} sources lie in reserved space.")
    if seen.unannounced is not None and seen.unannounced_if_random is not None and rule != "unannounced":
        lines.append(
            f"{seen.unannounced:.1%} lie in space that nobody announced when the address data was made "
            f"(random addresses: {seen.unannounced_if_random:.1%})."
        )
    if seen.ttl_known >= 0.9 and rule != "ttl":
        lines.append(f"Three TTL values cover {seen.ttl_common:.0%} of the sources.")
    return (*lines, *_exchange(attack, rule))


def _exchange(attack: Attack, rule: str) -> tuple[str, ...]:
    """What was seen of the way back, and what the protocol allows."""
    lines = []
    if is_tcp(attack) and attack.answered_share is not None and rule != "handshake":
        lines.append(f"{attack.answered_share:.0%} of the sources completed a TCP handshake.")
    if rule == "reflection" and attack.requested_share:
        lines.append(
            f"The victim itself had sent to {attack.requested_share:.0%} of them before: "
            "part of this may be answers that it asked for."
        )
    if rule == "clustered":
        lines.append("No handshake proves the addresses: each of them could have been forged.")
    return tuple(lines)


def _refuted(source_class: str) -> tuple[str, ...]:
    """What would show the class to be wrong."""
    answers = {
        "direct": (
            "Logs of the named networks that show no such outgoing traffic.",
            "Arrival of one source's packets by several unrelated upstreams at the same time.",
        ),
        "reflected": (
            "No requests in the victim's name in the logs of the reflectors.",
            "Requests by the victim itself for all of this traffic.",
        ),
        "spoofed": (
            "Completed handshakes with these sources.",
            "Outgoing traffic to the victim in the flow data of the networks that hold these addresses.",
        ),
        "undetermined": ("A capture with the return way, TTL values or more sources would decide.",),
    }
    return answers[source_class]
