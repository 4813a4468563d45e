"""From a detection to its traces: the source test first, then networks and countries where it allows."""

from collections import Counter
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hanse.attacks.attack import Attack, Detection
from hanse.kernel.countries import UNKNOWN
from hanse.kernel.units import count
from hanse.tracing.address_data import AddressData, Located, shares
from hanse.tracing.government import GovernmentNetworks
from hanse.tracing.observe import References, SourceRows, observe
from hanse.tracing.ranges import country_code
from hanse.tracing.source_test import SourceTest, classify, is_tcp
from hanse.tracing.trace import NetworkShare, Trace

TOP_NETWORKS = 10
"""Networks named in a trace, besides those marked as a government's."""

_MEANING = {"direct": "apparent sources", "reflected": "location of reflectors"}


def trace(
    detection: Detection, data: AddressData, government: GovernmentNetworks | None = None
) -> tuple[tuple[Attack, ...], tuple[Trace, ...]]:
    """Test and locate the sources of every attack.

    Args:
        detection: What the detector found.
        data: The address data, or its absence: classes are then decided without it, countries are not
            named.
        government: Networks to be named as a government's.

    Returns:
        The attacks with their source class, and a trace for each, both in the detection's order.
    """
    rows = _rows_by_attack(detection.sources)
    references = References(data)
    traces = []
    for attack in detection.attacks:
        own = rows.get(attack.id)
        test = classify(attack, observe(attack, own, references) if own is not None else None)
        traces.append(_trace(attack, own, test, data, government or GovernmentNetworks()))
    attacks = tuple(
        replace(attack, source_class=found.source_class)
        for attack, found in zip(detection.attacks, traces, strict=True)
    )
    return attacks, tuple(traces)


def _rows_by_attack(sources: pa.Table) -> dict[str, SourceRows]:
    """The source rows of each attack; one sort instead of a scan for each."""
    if not len(sources):
        return {}
    ordered = sources.sort_by("attack_id").combine_chunks()
    encoded = ordered.column("attack_id").combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    edges = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1, [len(codes)]])
    return {
        encoded.dictionary[int(codes[low])].as_py(): SourceRows.of(ordered.slice(low, high - low))
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    }


def _trace(
    attack: Attack,
    rows: SourceRows | None,
    test: SourceTest,
    data: AddressData,
    government: GovernmentNetworks,
) -> Trace:
    """The trace of one attack; networks and countries only where the class allows them."""
    verdict = _verdict(attack, test)
    found = Trace(
        attack_id=attack.id,
        source_class=test.source_class,
        verdict=verdict,
        reasons=test.reasons,
        refuted_by=test.refuted_by,
        divergence=test.divergence,
        noise_floor=test.noise_floor,
    )
    if test.source_class not in _MEANING or rows is None:
        return found
    if not data.description.available and not government.claims:
        return replace(found, verdict=f"{verdict} {_off(data)}")
    located = data.lookup(rows.addresses)
    claimed = government.match(rows.addresses, located.asn)
    marked, sentences = _marked(claimed, located, data, government, test.source_class)
    countries = tuple(
        (country_code(number), sources / len(rows.addresses)) for number, sources in shares(located.country)
    )
    return replace(
        found,
        verdict=verdict if data.description.available else f"{verdict} {_off(data)}",
        reasons=(*test.reasons, *sentences),
        countries=countries if data.description.available else (),
        countries_mean=_MEANING[test.source_class] if data.description.available else found.countries_mean,
        networks=(*marked, *_top_networks(located, data, claimed < 0)),
    )


def _off(data: AddressData) -> str:
    return f"Tracing by network and country is off: {data.description.reason}"


def _verdict(attack: Attack, test: SourceTest) -> str:
    """One sentence that claims no more than the class allows."""
    if test.source_class == "spoofed":
        return "The source addresses are forged, so the country is not attributable."
    if test.source_class == "reflected":
        asked = (attack.requested_share or 0) >= 0.5
        rest = ", some of which the victim itself had asked" if asked else ""
        return f"Reflected: the addresses are those of reflectors{rest}, not of whoever sent the requests."
    if test.source_class == "direct":
        if test.rule == "handshake":
            return "Apparent sources: the addresses are real machines, whoever commands them."
        proof = (
            "no handshake proves them" if is_tcp(attack) else "this protocol has no handshake to prove them"
        )
        return f"Apparent sources: the addresses behave like real machines, though {proof}."
    return "Whether the source addresses are real is undetermined, so the country is not attributable."


def _top_networks(
    located: Located, data: AddressData, unmarked: npt.NDArray[np.bool_]
) -> tuple[NetworkShare, ...]:
    """The autonomous systems with most sources, those in marked networks left out."""
    total = len(located.asn)
    found = []
    for asn, sources in [entry for entry in shares(located.asn[unmarked]) if entry[0]][:TOP_NETWORKS]:
        country = _usual_country(located, unmarked & (located.asn == asn))
        found.append(NetworkShare(asn, data.holder(asn), country, sources, sources / total))
    return tuple(found)


def _usual_country(located: Located, mask: npt.NDArray[np.bool_]) -> str:
    """The country in which most of some sources are registered."""
    return next((country_code(number) for number, _ in shares(located.country[mask])), UNKNOWN)


def _marked(
    claimed: npt.NDArray[np.int64],
    located: Located,
    data: AddressData,
    government: GovernmentNetworks,
    source_class: str,
) -> tuple[tuple[NetworkShare, ...], tuple[str, ...]]:
    """Government networks among the sources, and a sentence with the evidence for each."""
    total = len(claimed)
    networks, sentences = [], []
    what = "apparent source" if source_class == "direct" else "reflector"
    for index, sources in Counter(claimed[claimed >= 0].tolist()).most_common():
        claim = government.claims[index]
        asn = shares(located.asn[claimed == index])[0][0]
        networks.append(
            NetworkShare(asn, data.holder(asn), claim.country, sources, sources / total, claim.body)
        )
        many = f"{count(sources)} {what}s" if sources > 1 else f"One {what}"
        sentences.append(
            f"{many} ({sources / total:.1%}) in a network registered to {claim.body} "
            f"({claim.name}; claimed by: {claim.claim})."
        )
    return tuple(networks), tuple(sentences)
