"""What is known of a STIX 2.1 object."""

from collections.abc import Iterator
from typing import Any, Final

from hanse.intel import stix_pattern
from hanse.intel.facts import Facts, Gathering, plain, time_us

_NAMED: Final = frozenset({
    "attack-pattern", "campaign", "course-of-action", "identity", "infrastructure", "intrusion-set", "malware", "threat-actor",
    "tool", "vulnerability",
})  # fmt: skip
"""Types whose name says which thing it is, so that two objects of one name are about one thing."""

_LISTS: Final = ("aliases", "x_mitre_aliases")
_TEXTS: Final = ("description", "abstract", "content", "explanation", "opinion", "subject", "body")
_SKIPPED: Final = frozenset({"created_by_ref", "object_marking_refs", "granular_markings"})


def facts(kind: str, raw: dict[str, Any]) -> Facts:
    """What is known of an object of a type; what it has beyond that stays in it."""
    found = Gathering()
    _values(raw, kind, found)
    for role, target in _references(raw):
        found.reference(role, target)
    confidence = raw.get("confidence")
    return Facts(
        title=_title(raw, kind),
        text="\n".join(filter(None, (plain(raw.get(name)) for name in _TEXTS))),
        creator=plain(raw.get("created_by_ref")),
        created_us=time_us(raw.get("created")),
        modified_us=time_us(raw.get("modified")),
        valid_until_us=time_us(raw.get("valid_until")),
        revoked=raw.get("revoked") is True,
        confidence=confidence if isinstance(confidence, int) and 0 <= confidence <= 100 else None,
        values=tuple(found.values),
        references=tuple(found.references),
        problems=tuple(found.problems),
    )


def _title(raw: dict[str, Any], kind: str) -> str:
    """What an object is called; where it has no name, what it is about."""
    for name in ("name", "value", "path", "key", "subject", "abstract", "pattern", "relationship_type", "opinion"):
        if text := plain(raw.get(name)):
            return text[:500]
    if kind == "autonomous-system":
        return f"AS{raw.get('number')}"
    return plain(raw.get("id"))[:500]


def _values(raw: dict[str, Any], kind: str, into: Gathering) -> None:
    """The values that an object names."""
    if kind == "indicator":
        if plain(raw.get("pattern_type")) in {"", "stix"}:
            stix_pattern.gather(plain(raw.get("pattern")), into)
        return
    for path, meaning in stix_pattern.KINDS.items():
        of, _, name = path.partition(":")
        if of == kind and name in raw:
            into.value(meaning, raw[name], name)
    hashes = raw.get("hashes")
    for name, text in hashes.items() if isinstance(hashes, dict) else ():
        if meant := stix_pattern.kind_of(f"{kind}:hashes.{name}"):
            into.value(meant, text, f"hashes.{name}")
    if kind in _NAMED and plain(raw.get("name")):
        into.value("name", raw["name"], "name")
        for aliases in (raw.get(name) for name in _LISTS):
            for alias in aliases if isinstance(aliases, list) else ():
                into.value("name", alias, "alias")
    external = raw.get("external_references")
    for one in external if isinstance(external, list) else ():
        if isinstance(one, dict) and plain(one.get("source_name")).lower() == "cve" and one.get("external_id"):
            into.value("cve", one["external_id"], "external_references")


def _references(raw: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every property of an object that names others."""
    for name, value in raw.items():
        if name in _SKIPPED:
            continue
        if name.endswith("_ref") and isinstance(value, str):
            yield name, value
        elif name.endswith("_refs") and isinstance(value, list):
            for target in value:
                yield name, target
