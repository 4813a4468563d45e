"""Attacks as STIX 2.1: what was observed, where, and what is claimed of it; nothing more.

An attack is an incident, with its figures in Hanse's extension (`hanse.intel.stix_extension`), and observed data with
the traffic. Source addresses that may be forged appear nowhere: only networks whose hosts completed connections or
answered forged requests are told, as apparent sources, and reflectors as what they are: machines of third parties
that were misused. No address becomes an indicator.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from hanse.attacks.attack import Attack
from hanse.constituency import Target
from hanse.intel.stix_extension import Telling, extended, filled, made_id, observable
from hanse.kernel import units

CONFIDENCE: Final = {"high": 85, "medium": 50, "low": 15}
"""STIX 2.1, appendix A: the scale of low, medium and high."""
_MOST_OBSERVED: Final = 999_999_999
_ONE_PORT: Final = 0.9
"""Share of the packets from which one port is told as the traffic's; others are in the evidence."""
_BELIEVED: Final = frozenset({"direct", "reflected"})
"""Classes whose source addresses are those of the hosts that sent."""
_WORDS: Final = {
    "direct": "The apparent sources completed connections or answered, so that their addresses are not forged.",
    "reflected": "The apparent sources are reflectors: machines of third parties that answered forged requests.",
    "spoofed": "The source addresses are forged: they say nothing of where the attack came from.",
    "undetermined": "Whether the source addresses are forged is not known: they say nothing of who attacked.",
}
_SENTENCE: Final = "{vector} on {victim} from {start} UTC, for {duration}: up to {bits} and {packets}, from {sources} apparent sources."


def incident_id(authority: str, attack: str) -> str:
    """The id of an attack as an incident.

    Args:
        authority: Who recorded it.
        attack: The attack's id there.
    """
    return made_id("incident", authority, attack)


def observed_id(authority: str, attack: str) -> str:
    """The id of the observed data of an attack."""
    return made_id("observed-data", authority, attack)


def objects(
    attack: Attack, telling: Telling, *, trace: Mapping[str, Any] | None = None, target: Target | None = None
) -> list[dict[str, Any]]:
    """The STIX objects of an attack, in an order in which each refers to earlier ones only.

    Args:
        attack: The attack.
        telling: Who tells it, and how it is marked.
        trace: What the source test says of it (`Trace.as_json`), where there is one; its class counts.
        target: Whose the victim is, where it is known.
    """
    kind = str(trace["source_class"]) if trace else attack.source_class
    victim = _address(attack.victim)
    networks = [_address(name) for name, _ in attack.top_networks] if kind in _BELIEVED else []
    traffic = [_traffic(attack, victim, None, 1.0)]
    shares = [share for _, share in attack.top_networks]
    traffic += [
        _traffic(attack, victim, source, share) for source, share in zip(networks, shares, strict=False)
    ]
    observed = telling.domain_object(
        "observed-data", attack.id, first_observed=units.iso(attack.start_us), last_observed=units.iso(attack.end_us),
        number_observed=min(max(attack.flows, 1), _MOST_OBSERVED),
        object_refs=[one["id"] for one in (victim, *networks, *traffic)],
    )  # fmt: skip
    incident = _incident(attack, telling, kind, trace)
    made = [*_once([victim, *networks, *traffic]), observed, incident]
    made.append(
        telling.relation(
            incident["id"], "related-to", observed["id"], description="The traffic of the attack."
        )
    )
    if target is not None:
        whose = victim_identity(telling, target.organisation)
        made += [
            whose,
            telling.relation(incident["id"], "related-to", whose["id"], description="The victim is theirs."),
        ]
    if kind == "reflected" and networks:
        made += _reflectors(attack, telling, incident["id"], networks)
    return made


def victim_identity(telling: Telling, organisation: str) -> dict[str, Any]:
    """An organisation that was attacked."""
    return telling.domain_object(
        "identity", "organisation", organisation, name=organisation, identity_class="organization"
    )


def _incident(attack: Attack, telling: Telling, kind: str, trace: Mapping[str, Any] | None) -> dict[str, Any]:
    """The attack itself, with its figures and evidence in Hanse's words."""
    told = attack.as_json() | {"source_class": kind}
    told["evidence"] = {name: value for name, value in told["evidence"].items() if name != "source_sketch"}
    if kind not in _BELIEVED:
        del told["evidence"]["top_networks"]
    vector = attack.vector.replace("_", " ")
    sentence = _SENTENCE.format(
        vector=vector[:1].upper() + vector[1:], victim=attack.victim, start=units.second(attack.start_us),
        duration=units.duration(attack.duration_s), bits=units.bit_rate(attack.peak_bps),
        packets=units.packet_rate(attack.peak_pps), sources=units.count(attack.sources),
    )  # fmt: skip
    verdict = str(trace["verdict"]) if trace else _WORDS[kind]
    extension = {"attack": filled(told), **({"trace": filled(dict(trace))} if trace else {})}
    return telling.domain_object(
        "incident", attack.id, name=f"{vector[:1].upper() + vector[1:]} on {attack.victim}",
        description=f"{sentence} {verdict}", confidence=CONFIDENCE.get(attack.confidence),
        extensions=extended(**extension),
    )  # fmt: skip


def _reflectors(
    attack: Attack, telling: Telling, incident: str, networks: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The machines that were misused, and the networks that they are in."""
    made = telling.domain_object(
        "infrastructure", attack.id, name=f"Reflectors of {attack.id}", infrastructure_types=["amplification"],
        description="Machines of third parties that answered forged requests. They were misused: they are not the attacker's.",
        first_seen=units.iso(attack.start_us), last_seen=units.iso(attack.end_us),
    )  # fmt: skip
    consists = [telling.relation(made["id"], "consists-of", one["id"]) for one in _once(networks)]
    return [
        made,
        *consists,
        telling.relation(incident, "related-to", made["id"], description="Misused for the attack."),
    ]


def _traffic(
    attack: Attack, victim: dict[str, Any], source: dict[str, Any] | None, share: float
) -> dict[str, Any]:
    """The traffic on the victim, of all sources or of an apparent one; packets and bytes are estimates."""
    contributing: dict[str, Any] = {
        "start": units.iso(attack.start_us), "end": units.iso(attack.end_us), "dst_ref": victim["id"],
        "protocols": _protocols(attack.vector, victim["type"]),
    }  # fmt: skip
    if source is not None:
        contributing["src_ref"] = source["id"]
        contributing["extensions"] = extended(apparent_source=True)
    for name, ports in (("src_port", attack.src_ports), ("dst_port", attack.dst_ports)):
        if ports and ports[0][1] >= _ONE_PORT:
            contributing[name] = ports[0][0]
    counted = {"src_packets": round(attack.packets * share)}
    if source is None:
        counted["src_byte_count"] = attack.bytes
    return observable("network-traffic", contributing, is_active=False, **counted)


def _protocols(vector: str, address: str) -> list[str]:
    """The protocols of a vector, from the outermost to the innermost, by names that IANA's registry of services has."""
    outer = "ipv6" if address == "ipv6-addr" else "ipv4"
    if vector.startswith("http"):
        return [outer, "tcp", "http"]
    if vector.startswith("tcp"):
        return [outer, "tcp"]
    if vector.startswith("icmp"):
        return [outer, "icmp"]
    if vector.startswith("esp"):
        return [outer, "esp"]
    return [outer, "udp"] if vector == "udp_flood" or vector.endswith("_reflection") else [outer]


def _address(text: str) -> dict[str, Any]:
    """An address or a network as a cyber-observable; a network of one address is the address."""
    network = ipaddress.ip_network(text, strict=False)
    single = network.prefixlen == network.max_prefixlen
    value = str(network.network_address) if single else str(network)
    return observable(f"ipv{network.version}-addr", {"value": value})


def _once(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each object once, in order."""
    return list({one["id"]: one for one in made}.values())
