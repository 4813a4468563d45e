"""Sketches of sources: the library's own, whatever the order, and good enough to tell an overlap."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasketches import compact_theta_sketch, update_theta_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.attacks import detect as detecting
from hanse.attacks.detect import detect
from hanse.attacks.sketch import SIZE, common, sketch_of
from hanse.engine import open_engine
from hanse.kernel.errors import UsageError
from tests.attacks import build
from tests.attacks.build import addresses, flows


def octets(items: list[bytes]) -> pa.Array:
    """Items of 16 octets as a column of addresses."""
    return pa.array(items, pa.binary(16))


def random_addresses(count: int, seed: int) -> pa.Array:
    """IPv6 addresses from nowhere in particular."""
    made = np.random.default_rng(seed).integers(0, 256, (count, 16)).astype(np.uint8)
    return octets([row.tobytes() for row in made])


@settings(max_examples=30)
@given(
    count=st.sampled_from([0, 1, 2, 100, SIZE - 1, SIZE, SIZE + 1, 3_000, 20_000]), seed=st.integers(0, 99)
)
def test_it_is_the_sketch_that_datasketches_makes(count: int, seed: int) -> None:
    """Octet for octet what the library makes of the same items; it takes text only, here of 16 octets."""
    items = [f"{number:016d}" for number in np.random.default_rng(seed).integers(0, 10**15, count)]
    library = update_theta_sketch(SIZE.bit_length() - 1)
    for item in items:
        library.update(item)
    library.trim()
    assert sketch_of(octets([item.encode() for item in items])) == library.compact().serialize()


@settings(max_examples=30)
@given(
    count=st.sampled_from([1, 500, 9_000]),
    repeated=st.integers(0, 3),
    seed=st.integers(0, 99),
    cut=st.integers(0, 3),
)
def test_order_and_repetition_do_not_matter(count: int, repeated: int, seed: int, cut: int) -> None:
    """The same set of sources gives the same octets, wherever in memory they lie."""
    items = random_addresses(count, seed)
    order = np.random.default_rng(seed + 1).permutation(np.tile(np.arange(count), repeated + 1))
    shuffled = pa.concat_arrays([random_addresses(cut, 5), items.take(pa.array(order))]).slice(cut)
    assert sketch_of(shuffled) == sketch_of(items)
    assert sketch_of(pa.chunked_array([shuffled.slice(0, 7), shuffled.slice(7)])) == sketch_of(items)


def test_two_authorities_estimate_what_they_share() -> None:
    """Of 60,000 and 70,000 sources with 30,000 in common, the bounds hold the truth and are not wide."""
    items = random_addresses(100_000, 3)
    found = common(sketch_of(items[:60_000]), sketch_of(items[30_000:]))
    assert found.least <= 30_000 <= found.most
    assert found.most - found.least < 15_000
    assert found.all == pytest.approx(100_000, rel=0.1)
    none = common(sketch_of(items[:40_000]), sketch_of(items[40_000:]))
    assert none.estimate == none.least == 0


def test_few_sources_are_compared_exactly() -> None:
    """Sketches that hold all of their sources count those in common without error."""
    items = random_addresses(1_000, 4)
    found = common(sketch_of(items[:600]), sketch_of(items[400:]))
    assert (found.least, found.estimate, found.most, found.all) == (200, 200, 200, 1_000)


@pytest.mark.parametrize("wrong", [b"", b"xx", b"\x01\x03\x03\x00\x00\x1a\x00\x00" + bytes(8), b"\xff" * 64])
def test_what_is_no_sketch_is_refused_in_words(wrong: bytes) -> None:
    """Damaged octets, and a sketch of another seed, end in an error that says what to give."""
    with pytest.raises(UsageError, match="source_sketch"):
        common(sketch_of(random_addresses(10, 1)), wrong)


@pytest.mark.parametrize("limit", [detecting.SOURCE_LIMIT, 1_000])
def test_an_attack_carries_the_sketch_of_all_its_sources(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its rows of sources are only a sample, the sketch is of all of them."""
    sources = addresses(5_000)
    paths = build.write(tmp_path, flows(40_000, src=sources, flags=2, dst_port=80, span_s=60))
    monkeypatch.setattr(detecting, "SOURCE_LIMIT", limit)
    with open_engine() as engine:
        found = detect(engine, paths)
        rows = engine.arrow(engine.read(paths).select("src").distinct())
    (attack,) = found.attacks
    assert attack.sources == rows.num_rows
    assert found.sources.num_rows == min(limit, rows.num_rows)
    assert attack.source_sketch == sketch_of(rows["src"])
    assert compact_theta_sketch.deserialize(attack.source_sketch).get_estimate() == pytest.approx(
        5_000, rel=0.1
    )
