from pathlib import Path

import numpy as np
import pytest

from hanse.attacks.attack import Attack, Detection
from hanse.tracing.address_data import AddressData
from hanse.tracing.address_space import unicast_space
from hanse.tracing.government import GovernmentNetwork, GovernmentNetworks
from hanse.tracing.observe import SourceRows
from hanse.tracing.trace import Trace
from hanse.tracing.trace_attacks import trace
from tests.tracing import made

ABSENT = AddressData.absent("the packages are not installed.")


def _known_botnet() -> SourceRows:
    """300 machines in 40 networks, three of four in 5.0.0.0/8 (SE) and the others in 91.0.0.0/9 (EE)."""
    rng = np.random.default_rng(11)
    nets = np.concatenate([(5 << 8) + rng.integers(0, 256, 30), (91 << 8) + rng.integers(0, 128, 10)])
    numbers = np.unique((rng.choice(nets, 300) << 16 | rng.integers(0, 65536, 300)).astype(np.uint32))
    return made.rows(numbers, made.several(len(numbers), rng))


def _forged() -> SourceRows:
    return made.rows(np.unique(made.draw(unicast_space(4), 3000, np.random.default_rng(12))))


def _trace(
    rows: SourceRows, data: AddressData, government: GovernmentNetworks | None = None, **changes: object
) -> tuple[Attack, Trace]:
    attack = made.attack(**changes)
    attacks, traces = trace(Detection((attack,), made.sources_table([("a1", rows)])), data, government)
    return attacks[0], traces[0]


def test_direct_sources_have_countries_and_networks(tmp_path: Path) -> None:
    """Rule: apparent sources are named by country and network, with shares of distinct sources."""
    attack, found = _trace(_known_botnet(), made.data(tmp_path))
    assert attack.source_class == found.source_class == "direct"
    assert found.countries_mean == "apparent sources"
    assert [code for code, _ in found.countries] == ["SE", "EE"]
    assert sum(share for _, share in found.countries) == pytest.approx(1)
    assert (found.networks[0].holder, found.networks[0].country) == ("Second Networks", "SE")
    assert found.verdict.startswith("Apparent sources")
    assert found.noise_floor is not None
    assert found.divergence is not None
    assert found.divergence > found.noise_floor


def test_spoofed_sources_have_neither(tmp_path: Path) -> None:
    """Rule: forged addresses name no country and no network, whatever the address data says."""
    attack, found = _trace(_forged(), made.data(tmp_path), vector="tcp_syn_flood")
    assert attack.source_class == "spoofed"
    assert (found.countries, found.networks, found.countries_mean) == ((), (), "not attributable")
    assert "country is not attributable" in found.verdict


def test_reflected_sources_are_the_location_of_reflectors(tmp_path: Path) -> None:
    """Rule: reflectors are located as reflectors, and the verdict says that the sender is elsewhere."""
    _, found = _trace(_known_botnet(), made.data(tmp_path), vector="ntp_reflection")
    assert found.countries_mean == "location of reflectors"
    assert "not of whoever sent the requests" in found.verdict


def test_undetermined_is_not_attributable(tmp_path: Path) -> None:
    """Rule: what could not be decided names no country."""
    _, found = _trace(made.rows(made.botnet(5, np.random.default_rng(0)), 9), made.data(tmp_path))
    assert (found.source_class, found.countries) == ("undetermined", ())
    assert "not attributable" in found.verdict


@pytest.mark.parametrize(("rows", "expected"), [(_known_botnet(), "direct"), (_forged(), "spoofed")])
def test_without_address_data_the_class_stands_and_countries_are_off(rows: SourceRows, expected: str) -> None:
    """Rule: the source test works without address data; the verdict then says why no country is named."""
    attack, found = _trace(rows, ABSENT)
    assert attack.source_class == expected
    assert (found.countries, found.networks) == ((), ())
    assert ("tracing by network and country is off" in found.verdict.lower()) == (expected == "direct")


def test_government_networks_are_named_with_the_evidence(tmp_path: Path) -> None:
    """Rule: a marked network is named as registered to its body, with number, share and the claim's source."""
    claim = GovernmentNetwork(None, 64498, "Ministry of Examples", "EE", "national register")
    data = made.data(tmp_path)
    _, found = _trace(_known_botnet(), data, GovernmentNetworks((claim,)))
    marked = found.networks[0]
    assert (marked.government, marked.asn, marked.country) == ("Ministry of Examples", 64498, "EE")
    assert [network.asn for network in found.networks] == [64498, 64497]
    sentence = found.reasons[-1]
    assert sentence.startswith(f"{marked.sources} apparent sources (")
    assert (
        "in a network registered to Ministry of Examples (AS64498; claimed by: national register)" in sentence
    )
    _, forged = _trace(_forged(), data, GovernmentNetworks((claim,)))
    assert "Ministry" not in " ".join((*forged.reasons, forged.verdict))


def test_several_attacks_keep_their_own_sources(tmp_path: Path) -> None:
    """Rule: each attack is judged by its own rows, in the detection's order; one without rows claims nothing."""
    attacks = tuple(made.attack(id=name) for name in ("z", "m", "none"))
    table = made.sources_table([("m", _forged()), ("z", _known_botnet())])
    found, traces = trace(Detection(attacks, table), made.data(tmp_path))
    assert [attack.source_class for attack in found] == ["direct", "spoofed", "undetermined"]
    assert [one.attack_id for one in traces] == ["z", "m", "none"]


def test_no_attacks_no_traces() -> None:
    """Rule: nothing detected, nothing traced."""
    assert trace(Detection((), made.sources_table([])), ABSENT) == ((), ())


def test_a_trace_is_plain_json(tmp_path: Path) -> None:
    """Rule: a trace's JSON holds plain values only."""
    import json

    _, found = _trace(_known_botnet(), made.data(tmp_path))
    assert json.loads(json.dumps(found.as_json()))["countries"][0]["country"] == "SE"
