"""Country borders from a TopoJSON file to outlines on an equal-area map.

Equal-area, because a map that is shaded by share must not let a large country look larger than it is.
"""

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hanse.kernel.errors import DataMissingError

Point = tuple[float, float]
Ring = list[Point]

ANTARCTICA = "010"
WIDTH = 960.0
"""Width of the map in its own units; the page scales it."""
NORTH, SOUTH = 84.0, -58.0
"""Latitudes of the map's edges: Antarctica has no registry of its own and is left out."""

# Equal Earth projection, its polynomial (Šavrič, Patterson and Jenny 2018, doi:10.1080/13658816.2018.1504949).
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = math.sqrt(3) / 2


@dataclass(frozen=True, slots=True)
class Country:
    """One country of the map: ISO 3166 numeric id (empty where it has none), name and SVG path."""

    id: str
    name: str
    path: str


def project(longitude: float, latitude: float) -> Point:
    """Equal Earth: degrees to the plane, radius 1, y upwards."""
    theta = math.asin(_M * math.sin(math.radians(latitude)))
    t2 = theta * theta
    t6 = t2 * t2 * t2
    slope = _A1 + 3 * _A2 * t2 + t6 * (7 * _A3 + 9 * _A4 * t2)
    x = math.radians(longitude) * math.cos(theta) / (_M * slope)
    y = theta * (_A1 + _A2 * t2 + t6 * (_A3 + _A4 * t2))
    return x, y


_SCALE = WIDTH / (2 * project(180, 0)[0])
_TOP = project(0, NORTH)[1]
HEIGHT = round((_TOP - project(0, SOUTH)[1]) * _SCALE, 1)


def place(longitude: float, latitude: float) -> Point:
    """Degrees to map units: x from 0 to `WIDTH`, y from 0 (north) to `HEIGHT`."""
    x, y = project(longitude, latitude)
    return WIDTH / 2 + x * _SCALE, (_TOP - y) * _SCALE


def countries(path: Path) -> list[Country]:
    """All countries of a TopoJSON file with an object ``countries``, Antarctica left out.

    Raises:
        DataMissingError: The file cannot be read or is no such TopoJSON.
    """
    try:
        topology = json.loads(path.read_bytes())
        arcs = _decode(topology)
        shapes = topology["objects"]["countries"]["geometries"]
        found = [_country(shape, arcs) for shape in shapes if str(shape.get("id", "")) != ANTARCTICA]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataMissingError(
            f"{path}: no TopoJSON of the world's countries ({type(error).__name__}: {error}). "
            "Use countries-110m.json of the package world-atlas."
        ) from error
    return [country for country in found if country.path]


def _country(shape: dict[str, Any], arcs: list[Ring]) -> Country:
    kind = shape.get("type")
    polygons: list[Any] = []
    if kind == "Polygon":
        polygons = [shape["arcs"]]
    elif kind == "MultiPolygon":
        polygons = shape["arcs"]
    rings = [_stitch(ring, arcs) for polygon in polygons for ring in polygon]
    pieces = [piece for ring in rings for piece in cut(ring)]
    name = str(shape.get("properties", {}).get("name", ""))
    return Country(str(shape.get("id", "")), name, "".join(outline(piece) for piece in pieces))


def _decode(topology: dict[str, Any]) -> list[Ring]:
    """Arcs in degrees: quantised ones are sums of steps, scaled and moved (TopoJSON 1.0, section 2.1.3)."""
    transform = topology.get("transform")
    if transform is None:
        return [[(float(point[0]), float(point[1])) for point in arc] for arc in topology["arcs"]]
    (kx, ky), (dx, dy) = transform["scale"], transform["translate"]
    decoded = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step in arc:
            x, y = x + step[0], y + step[1]
            points.append((x * kx + dx, y * ky + dy))
        decoded.append(points)
    return decoded


def _stitch(indices: list[int], arcs: list[Ring]) -> Ring:
    """One ring from its arcs; ``~i`` is arc i backwards, and arcs share their end points."""
    ring: Ring = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring.extend(arc[1:] if ring else arc)
    return ring


def cut(ring: Ring) -> list[Ring]:
    """A ring in pieces that do not cross the antimeridian.

    A step of more than 180 degrees of longitude is taken as one over the antimeridian: the ring is
    unrolled past it, and what lies beyond is clipped off and brought back on the other side.
    """
    unrolled = _unroll(ring)
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        moved = [(x + turn, y) for x, y in unrolled]
        if max(x for x, _ in moved) <= -180 or min(x for x, _ in moved) >= 180:
            continue
        piece = _clip(_clip(moved, -180.0, 1.0), 180.0, -1.0)
        if len(piece) > 2:
            pieces.append(piece)
    return pieces


def _unroll(ring: Ring) -> Ring:
    turn = 0.0
    out = [ring[0]]
    for (before, _), (x, y) in pairwise(ring):
        if x - before > 180:
            turn -= 360
        elif x - before < -180:
            turn += 360
        out.append((x + turn, y))
    if turn:
        # A ring that runs once around the world encloses a pole: lead it over that pole.
        pole = math.copysign(90.0, sum(y for _, y in ring))
        out += [(out[-1][0], pole), (out[0][0], pole)]
    return out


def _clip(ring: Ring, edge: float, side: float) -> Ring:
    """The part of a ring on one side of a meridian (Sutherland and Hodgman 1974); side 1 is east of it."""
    out: Ring = []
    for (x0, y0), (x1, y1) in zip(ring[-1:] + ring[:-1], ring, strict=True):
        inside0, inside1 = side * (x0 - edge) >= 0, side * (x1 - edge) >= 0
        if inside0 != inside1:
            out.append((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)))
        if inside1:
            out.append((x1, y1))
    return out


def outline(ring: Ring) -> str:
    """A ring as an SVG path in map units, to a quarter unit; empty where nothing of it is left."""
    points: list[tuple[int, int]] = []
    for longitude, latitude in ring:
        x, y = place(longitude, min(max(latitude, SOUTH), NORTH))
        spot = (round(x * 4), round(y * 4))
        if not points or points[-1] != spot:
            points.append(spot)
    if len(points) < 3:
        return ""
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    moves = "l" + " ".join(f"{dx / 4:g},{dy / 4:g}" for dx, dy in steps)
    return f"M{points[0][0] / 4:g},{points[0][1] / 4:g}{moves}z"
