"""How many sources two attacks have in common: both sides learn the number, none learns which, and none can raise it."""

import secrets
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.attacks.sketch import SIZE, sketch_of
from hanse.kernel.errors import UsageError
from hanse.matching import common_sources, psi
from hanse.matching.common_sources import LEAST, MOST, Said, Sample
from hanse.matching.group import ProtocolError
from hanse.matching.secret import RunSecret
from tests.campaigns.plans import Maker

EPOCH = "2026-11"


def attack(sources: range, source_class: str = "direct"):
    """An attack from these hosts."""
    maker = Maker(1)
    made = maker.add("10.0.0.1", 0, maker.pool(4))
    addresses = pa.array([bytes(10) + b"\xff\xff" + one.to_bytes(4) for one in sources], pa.binary(16))
    return replace(made, sources=len(sources), source_sketch=sketch_of(addresses), source_class=source_class)


def counted(one: Sample, other: Sample) -> tuple[int, int]:
    """What both sides find."""
    a, b = RunSecret.fresh(), RunSecret.fresh()
    their_tokens = common_sources.tokens_of(one.points(a, EPOCH), b)
    own_tokens = common_sources.tokens_of(other.points(b, EPOCH), a)
    return (
        common_sources.in_common(own_tokens, their_tokens, one.said(a)),
        common_sources.in_common(their_tokens, own_tokens, other.said(b)),
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(LEAST, 60), st.integers(LEAST, 60), st.integers(0, 80))
def test_both_sides_learn_how_many(few: int, many: int, begin: int) -> None:
    """It is the number of hosts in both, for whole sets of sources."""
    one, other = range(few), range(begin, begin + many)
    found = counted(common_sources.sample_of(attack(one)), common_sources.sample_of(attack(other)))
    assert found == (len(set(one) & set(other)),) * 2


def test_samples_say_about_how_many() -> None:
    """Of attacks with more sources than a sketch keeps the number is that of the sample, which holds the same hosts."""
    one, other = (common_sources.sample_of(attack(some)) for some in (range(20_000), range(10_000, 16_000)))
    assert len(one.values) == len(other.values) == MOST == SIZE
    mine, theirs = counted(one, other)
    assert mine == theirs
    assert mine / min(one.share, other.share) == pytest.approx(6_000, rel=0.15)


def test_tokens_come_sorted_and_points_in_an_order_that_says_nothing() -> None:
    """So that no place tells which source is in common."""
    sample, a, b = common_sources.sample_of(attack(range(50))), RunSecret.fresh(), RunSecret.fresh()
    tokens = common_sources.tokens_of(sample.points(a, EPOCH), b)
    rows = [tokens[at : at + psi.TOKEN] for at in range(0, len(tokens), psi.TOKEN)]
    assert rows == sorted(rows)
    assert sample.points(a, EPOCH) == sample.points(a, EPOCH)
    assert sample.points(b, EPOCH) != sample.points(a, EPOCH)


@pytest.mark.parametrize("number", [1, LEAST - 1])
def test_few_sources_are_not_counted(number: int) -> None:
    """The number in common would say which they are."""
    with pytest.raises(UsageError, match="Of fewer than"):
        common_sources.sample_of(attack(range(number)))


def test_forged_and_unknown_sources_are_not_counted() -> None:
    """They are nobody's."""
    with pytest.raises(UsageError, match="forged"):
        common_sources.sample_of(attack(range(50), "spoofed"))
    with pytest.raises(UsageError, match="not known"):
        common_sources.sample_of(replace(attack(range(50)), source_sketch=b""))


@pytest.mark.parametrize(
    ("size", "share"), [(LEAST - 1, 1.0), (SIZE + 1, 1.0), (20, 0.0), (20, 1.5), (20, float("nan"))]
)
def test_what_cannot_be_is_refused(size: int, share: float) -> None:
    """A size or share that no sample has."""
    with pytest.raises(ProtocolError, match="cannot be"):
        common_sources.check(Said(size, share, "0" * 64), bytes(32 * size))


def test_other_numbers_of_points_and_tokens_are_refused() -> None:
    """As many as were said, each once."""
    said = Said(20, 1.0, "0" * 64)
    with pytest.raises(ProtocolError, match="points"):
        common_sources.check(said, bytes(32 * 19))
    with pytest.raises(ProtocolError, match="tokens"):
        common_sources.in_common(secrets.token_bytes(320), bytes(16 * 19), said)
    with pytest.raises(ProtocolError, match="twice"):
        common_sources.in_common(np.arange(40, dtype="<u8").tobytes(), bytes(320), said)


def test_a_count_has_one_name_on_both_sides() -> None:
    """Whoever asked; and another one for other commitments."""
    one, other = Said(20, 1.0, "0" * 64), Said(30, 0.5, "1" * 64)
    named = common_sources.session("q", "a", EPOCH, {"ee": one, "fi": other})
    assert named == common_sources.session("q", "a", EPOCH, {"fi": other, "ee": one})
    assert named != common_sources.session("q", "a", EPOCH, {"ee": other, "fi": one})
    sent = {"ee": (b"p", b"t"), "fi": (b"q", b"u")}
    assert common_sources.transcript(named, sent) == common_sources.transcript(
        named, dict(reversed(sent.items()))
    )
