"""What a tag means: MISP's taxonomies, and the clusters of its galaxies, as their packages have them.

A tag that no package knows is kept and shown as unknown: it may be somebody's own.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from hanse.intel.data_packages import data_folder

_TAG: Final = re.compile(r'([^:="\s]+):([^:="]+)(?:="([^"]*)")?')
_GALAXY: Final = "misp-galaxy"
LONGEST_DESCRIPTION: Final = 2_000
_OFFERED: Final = (
    "rsit", "ddos", "europol-incident", "europol-event", "kill-chain", "admiralty-scale", "estimative-language",
    "malware_classification", "workflow",
)  # fmt: skip
"""Taxonomies whose tags a form offers: ENISA's and Europol's classes of incidents, kill chain, scales. TLP and PAP are
the marking, and have fields of their own."""


class Meaning(NamedTuple):
    """What a tag means.

    Attributes:
        tag: As it is written.
        title: What it is called; the tag itself where nothing knows it.
        taxonomy: What says so; empty where nothing does.
        description: What it means, at most `LONGEST_DESCRIPTION` characters; may be empty.
    """

    tag: str
    title: str
    taxonomy: str = ""
    description: str = ""


class _Term(msgspec.Struct):
    value: str
    expanded: str = ""
    description: str = ""


class _Terms(msgspec.Struct):
    predicate: str
    entry: list[_Term] = []


class _Taxonomy(msgspec.Struct):
    namespace: str
    description: str = ""
    expanded: str = ""
    predicates: list[_Term] = []
    values: list[_Terms] = []


class _Cluster(msgspec.Struct):
    value: str
    description: str = ""


class _Galaxy(msgspec.Struct):
    type: str = ""
    name: str = ""
    values: list[_Cluster] = []


class _Head(msgspec.Struct):
    type: str = ""


def meaning(tag: str) -> Meaning:
    """What a tag means; case does not count."""
    found = _TAG.fullmatch(tag.strip())
    if found is None:
        return Meaning(tag, tag)
    if found[1].lower() == _GALAXY:
        return _cluster(tag, found[2], found[3] or "")
    told = _terms(found[1].lower()).get(_key(found[2], found[3]))
    return Meaning(tag, *told[1:]) if told else Meaning(tag, tag)


def meanings(tags: Iterable[str]) -> list[Meaning]:
    """What each of some tags means."""
    return [meaning(tag) for tag in tags]


@lru_cache(maxsize=1)
def offered() -> list[tuple[str, list[tuple[str, str]]]]:
    """The tags that a form offers, by taxonomy: each with what it is called."""
    told = []
    for name in _OFFERED:
        terms = list(_terms(name).values())
        if terms:
            told.append((terms[0].taxonomy, [(one.tag, one.title) for one in terms]))
    return told


@lru_cache(maxsize=1)
def offered_tags() -> frozenset[str]:
    """The tags that a form offers."""
    return frozenset(tag for _, group in offered() for tag, _ in group)


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """The file of each taxonomy, by its name in lower case: what is read is named here, never by a tag."""
    folder = data_folder("pytaxonomies") / "misp-taxonomies"
    return {file.parent.name.lower(): file for file in sorted(folder.glob("*/machinetag.json"))}


@lru_cache(maxsize=64)
def _terms(name: str) -> dict[str, Meaning]:
    """The tags of a taxonomy: those of its values, or of its predicates where it has no values."""
    file = _files().get(name)
    if file is None:
        return {}
    try:
        told = msgspec.json.decode(file.read_bytes(), type=_Taxonomy)
    except msgspec.DecodeError:
        return {}  # of another shape: its tags are shown as unknown
    whole = (told.expanded or told.namespace).strip()
    found: dict[str, Meaning] = {}
    heads = {one.value: one.expanded or one.value for one in told.predicates}
    with_values = {one.predicate for one in told.values if one.entry}
    for one in told.predicates:
        tag = f"{told.namespace}:{one.value}"
        made = Meaning(tag, one.expanded or one.value, whole, one.description[:LONGEST_DESCRIPTION])
        if one.value not in with_values:
            found[_key(one.value, None)] = made
    for group in told.values:
        for entry in group.entry:
            tag = f'{told.namespace}:{group.predicate}="{entry.value}"'
            title = f"{heads.get(group.predicate, group.predicate)}: {entry.expanded or entry.value}"
            made = Meaning(tag, title, whole, entry.description[:LONGEST_DESCRIPTION])
            found[_key(group.predicate, entry.value)] = made
    return found


def _key(predicate: str, value: str | None) -> str:
    return (predicate if value is None else f"{predicate}={value}").lower()


def _cluster(tag: str, kind: str, value: str) -> Meaning:
    """What a cluster of a galaxy is."""
    name, clusters = _clusters(kind.lower())
    found = clusters.get(value.lower())
    return Meaning(tag, value or tag, name, found) if found is not None else Meaning(tag, tag)


@lru_cache(maxsize=8)
def _clusters(kind: str) -> tuple[str, dict[str, str]]:
    """A galaxy's name, and the description of each of its clusters; the largest has four megabytes, so that few of them stay in memory."""
    file = _galaxy_files().get(kind) or _odd_files().get(kind)
    if file is None:
        return "", {}
    try:
        told = msgspec.json.decode(file.read_bytes(), type=_Galaxy)
    except msgspec.DecodeError:
        return "", {}
    return told.name, {one.value.lower(): one.description[:LONGEST_DESCRIPTION] for one in told.values}


@lru_cache(maxsize=1)
def _galaxy_files() -> dict[str, Path]:
    """The file of each galaxy, by what it is called."""
    folder = data_folder("pymispgalaxies") / "misp-galaxy" / "clusters"
    return {file.stem.lower(): file for file in sorted(folder.glob("*.json"))}


@lru_cache(maxsize=1)
def _odd_files() -> dict[str, Path]:
    """The file of each galaxy, by the type that it has inside, which some files are not called by."""
    found = {}
    for file in _galaxy_files().values():
        try:
            kind = msgspec.json.decode(file.read_bytes(), type=_Head).type
        except msgspec.DecodeError:
            continue
        found[kind.lower()] = file
    return found
