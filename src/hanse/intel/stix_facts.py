"""What is known of a STIX 2.1 object."""

import re
from collections.abc import Iterator
from typing import Any, Final

from hanse.intel import grading, stix_extension, stix_pattern
from hanse.intel.facts import Facts, Gathering, plain, time_us, whole
from hanse.intel.values import KINDS

_NAMED: Final = frozenset({
    "attack-pattern", "campaign", "course-of-action", "identity", "infrastructure", "intrusion-set", "malware", "threat-actor",
    "tool", "vulnerability",
})  # fmt: skip
"""Types whose name says which thing it is, so that two objects of one name are about one thing."""

_LISTS: Final = ("aliases", "x_mitre_aliases")
_TEXTS: Final = (
    "description", "abstract", "content", "explanation", "opinion", "subject", "body", "command_line", "display_name",
    "contact_information", "objective", "product", "result_name",
)  # fmt: skip
_TITLES: Final = (
    "name", "value", "path", "key", "subject", "abstract", "attribute_summary", "pattern", "account_login", "user_id",
    "command_line", "product", "relationship_type", "opinion", "content",
)  # fmt: skip
"""What an object is called by, the first that it has."""
_SKIPPED: Final = frozenset({"created_by_ref", "object_marking_refs", "granular_markings", "contents"})
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,19}", re.IGNORECASE)

_PROPERTIES: Final[dict[str, list[tuple[tuple[str, ...], str, str]]]] = {}
"""By type: where in an object a value stands, its name as a path, and what kind of value it is."""
for _path, _kind in stix_pattern.KINDS.items():
    _of, _, _name = _path.partition(":")
    if "_ref" not in _name:
        _PROPERTIES.setdefault(_of, []).append((tuple(_name.replace("'", "").split(".")), _name, _kind))


def facts(kind: str, raw: dict[str, Any]) -> Facts:
    """What is known of an object of a type; what it has beyond that stays in it."""
    found = Gathering()
    _values(raw, kind, "", found)
    _said(raw, found)
    for role, target in _references(raw):
        found.reference(role, target)
    times = {name: time_us(raw.get(name)) for name in ("created", "modified", "valid_until")}
    found.problems += [
        f"{name}: {str(raw[name])[:60]!r} is no time."
        for name in times
        if name in raw and times[name] is None
    ]
    labels = raw.get("labels")
    tags = tuple(filter(None, map(plain, labels if isinstance(labels, list) else ())))
    grade, confidence = grading.of_tags(tags)
    if "confidence" in raw:
        confidence = None if isinstance(raw["confidence"], str) else whole(raw["confidence"], 100)
    return Facts(
        title=_title(raw, kind),
        text="\n".join(_texts(raw)),
        creator=plain(raw.get("created_by_ref")),
        created_us=times["created"],
        modified_us=times["modified"],
        valid_until_us=times["valid_until"],
        revoked=raw.get("revoked") is True,
        confidence=confidence,
        grade=grade,
        tags=tags,
        values=tuple(found.values),
        references=tuple(found.references),
        problems=tuple(found.problems),
    )


def _title(raw: dict[str, Any], kind: str) -> str:
    """What an object is called; where it has no name, what it is about."""
    for name in _TITLES:
        if name in raw and (text := plain(raw[name])):
            return text[:500]
    if told := plain(stix_extension.said(raw).get("title")):
        return told[:500]
    number = whole(raw.get("number"), 2**32 - 1)
    if kind == "autonomous-system" and number is not None:
        return f"AS{number}"
    return plain(raw.get("id"))[:500]


def _texts(raw: dict[str, Any]) -> Iterator[str]:
    """The words of an object, those of its translations among them."""
    yield from filter(None, (plain(raw[name]) for name in _TEXTS if name in raw))
    translated = raw.get("contents")
    for words in translated.values() if isinstance(translated, dict) else ():
        yield from filter(None, map(plain, words.values() if isinstance(words, dict) else ()))


def _values(raw: dict[str, Any], kind: str, before: str, into: Gathering) -> None:
    """The values that an object names; `before` is where it stands in another."""
    if kind == "indicator":
        if plain(raw.get("pattern_type")) in {"", "stix"}:
            stix_pattern.gather(plain(raw.get("pattern")), into)
        return
    for parts, path, meaning in _PROPERTIES.get(kind, ()):
        text = _at(raw, parts)
        if text is not None:
            into.value(meaning, text, before + path)
    hashes = raw.get("hashes")
    for name, text in hashes.items() if isinstance(hashes, dict) else ():
        if meant := stix_pattern.kind_of(f"{kind}:hashes.{name}"):
            into.value(meant, text, f"{before}hashes.{name}")
    if kind in _NAMED:
        _names(raw, into)
    if kind == "observed-data":
        _observed(raw, into)
    external = raw.get("external_references")
    for one in external if isinstance(external, list) else ():
        if (
            isinstance(one, dict)
            and plain(one.get("source_name")).lower() == "cve"
            and one.get("external_id")
        ):
            into.value("cve", one["external_id"], "external_references")


def _names(raw: dict[str, Any], into: Gathering) -> None:
    """By what names a thing goes; a vulnerability's is a value of its own where it is a CVE."""
    name = plain(raw.get("name"))
    if name:
        into.value("cve" if _CVE.fullmatch(name) else "name", name, "name")
    for aliases in (raw.get(name) for name in _LISTS):
        for alias in aliases if isinstance(aliases, list) else ():
            into.value("name", alias, "alias")


def _observed(raw: dict[str, Any], into: Gathering) -> None:
    """Values of the objects inside observed data, as STIX 2.0 has them and 2.1 still allows."""
    inside = raw.get("objects")
    for key, one in inside.items() if isinstance(inside, dict) else ():
        if isinstance(one, dict) and isinstance(one.get("type"), str) and one["type"] != "observed-data":
            _values(one, one["type"], f"objects.{key}.", into)


def _said(raw: dict[str, Any], into: Gathering) -> None:
    """What an object names in Hanse's words: values that STIX has no objects for, and what it cites."""
    own = stix_extension.said(raw)
    for one in own["values"] if isinstance(own.get("values"), list) else ():
        if isinstance(one, dict) and one.get("kind") in KINDS:
            into.value(one["kind"], one.get("value"), "text")
    for one in own["cites"] if isinstance(own.get("cites"), list) else ():
        if isinstance(one, dict):
            into.reference("cites", one.get("id"))


def _at(raw: Any, parts: tuple[str, ...]) -> Any:
    """What stands at a place in an object; None for nothing."""
    for part in parts:
        raw = raw.get(part) if isinstance(raw, dict) else None
    return raw


def _references(raw: Any) -> Iterator[tuple[str, Any]]:
    """Every property of an object, or of what is inside it, that names others by their ids."""
    for name, value in raw.items():
        if name in _SKIPPED:
            continue
        if isinstance(value, str) and not name.endswith("_ref"):
            continue  # most of what objects have
        if name.endswith("_ref"):
            yield from _named(name, value)
        elif name.endswith("_refs") and isinstance(value, list):
            for target in value:
                yield from _named(name, target)
        else:
            for inside in value if isinstance(value, list) else (value,):
                if isinstance(inside, dict):
                    yield from _references(inside)


def _named(role: str, target: Any) -> Iterator[tuple[str, Any]]:
    """A reference, but for the numbers by which STIX 2.0 names objects inside of observed data."""
    if not isinstance(target, str) or "--" in target:
        yield role, target
