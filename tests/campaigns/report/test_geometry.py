"""Borders: decoded, cut at the antimeridian, and laid on an equal-area map."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.campaigns.report import geometry
from hanse.kernel.errors import DataMissingError


def area(ring):
    """Signed area of a ring in the plane (shoelace formula)."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


@given(st.floats(-179, 178), st.floats(-80, 80))
def test_equal_area(longitude, latitude):
    """A small cell of the globe keeps its area on the map, wherever it lies (to 0.1 per cent)."""
    step = 0.2
    corners = [(0, 0), (step, 0), (step, step), (0, step)]
    drawn = abs(area([geometry.project(longitude + x, latitude + y) for x, y in corners]))
    low, high = math.radians(latitude), math.radians(latitude + step)
    assert drawn == pytest.approx(math.radians(step) * (math.sin(high) - math.sin(low)), rel=1e-3)


def test_quantised_arcs_shared_and_reversed(borders):
    """Delta-coded arcs are decoded, a negative index runs an arc backwards, Antarctica is left out."""
    found = {country.name: country for country in geometry.countries(borders)}
    assert set(found) == {"Russia", "Estonia", "Fiji"}
    start = re.match(r"M([\d.]+),([\d.]+)", found["Russia"].path)
    x, y = geometry.place(27, 58)
    assert float(start[1]) == pytest.approx(x, abs=0.25)
    assert float(start[2]) == pytest.approx(y, abs=0.25)


def test_antimeridian_is_cut():
    """A ring over the antimeridian becomes two pieces, one at each edge, none across the map."""
    ring = [(178.0, -20.0), (-178.0, -20.0), (-178.0, -15.0), (178.0, -15.0), (178.0, -20.0)]
    pieces = geometry.cut(ring)
    assert len(pieces) == 2
    assert sorted(max(x for x, _ in piece) - min(x for x, _ in piece) for piece in pieces) == [2.0, 2.0]
    assert sum(abs(area(piece)) for piece in pieces) == pytest.approx(4 * 5)


def test_ring_around_a_pole_is_led_over_it():
    """A ring that runs once around the world covers everything to its pole."""
    ring = [(float(x if x <= 180 else x - 360), -70.0) for x in range(0, 361, 10)]
    assert sum(abs(area(piece)) for piece in geometry.cut(ring)) == pytest.approx(360 * 20)


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-85, 85)), min_size=3, max_size=20))
def test_every_piece_is_on_the_map(points):
    """Whatever the ring, no piece leaves the map."""
    for piece in geometry.cut([*points, points[0]]):
        assert all(-180 <= x <= 180 for x, _ in piece)
        geometry.outline(piece)


def test_world_atlas(world_atlas):
    """The real borders give 176 countries, all on the map, Russia in more than one piece."""
    found = {country.id or country.name: country for country in geometry.countries(world_atlas)}
    assert len(found) == 176
    assert "Kosovo" in found
    assert found["643"].path.count("M") > 5
    assert sum(len(country.path) for country in found.values()) < 200_000


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"arcs": [], "objects": {"countries": {}}}', "\x00"])
def test_other_files_are_refused(tmp_path, text):
    """What is no TopoJSON of countries is refused with the file's name and what to use."""
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(DataMissingError, match=r"other\.json.*world-atlas"):
        geometry.countries(path)
