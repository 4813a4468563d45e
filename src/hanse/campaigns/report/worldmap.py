"""The world maps: apparent sources, and reflectors apart from them."""

from dataclasses import dataclass
from pathlib import Path

from hanse.campaigns.report import geometry, words
from hanse.campaigns.report.sources import Group, Sources
from hanse.kernel.countries import NUMERIC, country_name
from hanse.kernel.errors import DataMissingError


@dataclass(frozen=True, slots=True)
class Land:
    """A country on the map: its outline, its shade (0 for none), and what the pointer is told."""

    path: str
    shade: int
    words: str


@dataclass(frozen=True, slots=True)
class Map:
    """One map; `absent` lists countries with sources that the borders file does not draw."""

    title: str
    group: Group
    lands: tuple[Land, ...]
    absent: tuple[str, ...]
    width: float = geometry.WIDTH
    height: float = geometry.HEIGHT


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps to draw, in order; `problem` says why there is none."""

    drawn: tuple[Map, ...]
    problem: str = ""


def maps(borders: Path | None, sources: Sources) -> Maps:
    """A map of apparent sources, and one of reflectors where there are any; a bare one where neither is."""
    if borders is None:
        return Maps((), "No borders file was given, so there is no map. `hanse data` says how to get one.")
    try:
        world = geometry.countries(borders)
    except DataMissingError as error:
        return Maps((), str(error))
    drawn = []
    if sources.direct.places or not sources.reflected.places:
        drawn.append(_map("Apparent sources", sources.direct, world))
    if sources.reflected.places:
        drawn.append(_map("Location of reflectors", sources.reflected, world))
    return Maps(tuple(drawn))


def _map(title: str, group: Group, world: list[geometry.Country]) -> Map:
    place_of = {_shape_of(place.code): place for place in group.places}
    lands = []
    for country in world:
        place = place_of.get(country.id or country.name)
        label = f"{country.name}: {words.percent(place.share)}" if place else country.name
        lands.append(Land(country.path, place.shade if place else 0, label))
    outlined = {country.id or country.name for country in world}
    absent = tuple(
        f"{country_name(place.code)} {words.percent(place.share)}"
        for place in group.places
        if _shape_of(place.code) not in outlined
    )
    return Map(title, group, tuple(lands), absent)


def _shape_of(code: str) -> str:
    """What a country is found by in the borders: its number, or its name where ISO gave it none (Kosovo)."""
    return NUMERIC.get(code) or country_name(code)
