"""What is known of a part of a MISP event (MISP core format)."""

import re
from collections.abc import Iterator
from typing import Any, Final

from hanse.intel import grading, misp_types, stix_pattern
from hanse.intel.facts import LONGEST_NUMBER, Facts, Gathering, plain, time_us, titled, whole

_TITLES: Final = {"event": "info", "attribute": "value", "object": "name", "report": "name"}
_TEXTS: Final = ("comment", "description", "content")
_NAMING: Final = ("actor", "intrusion-set", "malware", "ransomware", "tool", "rat", "backdoor", "stealer", "botnet",
                  "banker", "exploit-kit", "malpedia")  # fmt: skip
"""Words in the names of galaxies whose clusters are things with a name."""
_CLUSTER: Final = re.compile(r'misp-galaxy:([\w-]+)="([^"]+)"')
_DELETED: Final = frozenset({"True", "true", "1"})


def facts(kind: str, raw: dict[str, Any]) -> Facts:
    """What is known of a part of an event; what it has beyond that stays in it.

    Args:
        kind: ``event``, ``attribute``, ``object`` or ``report``.
        raw: The part as it came.
    """
    found = Gathering()
    if kind == "attribute":
        _attribute(raw, "", found)
    for proposal in _objects(raw.get("ShadowAttribute")):
        _attribute(proposal, "proposed ", found)
    _clusters(raw, found)
    for one in _objects(raw.get("ObjectReference")):
        found.reference(plain(one.get("relationship_type")) or "related-to", one.get("referenced_uuid"))
    if extends := plain(raw.get("extends_uuid")):
        found.reference("extends", extends)
    creator = raw.get("Orgc")
    tags = tuple(dict.fromkeys(_tags(raw)))
    grade, confidence = grading.of_tags(tags)
    seconds = whole(raw.get("timestamp"), 10**LONGEST_NUMBER)
    return Facts(
        title=_title(kind, raw),
        text="\n".join(filter(None, (plain(raw.get(name)) for name in _TEXTS))),
        creator=plain(creator.get("name")) if isinstance(creator, dict) else "",
        created_us=time_us(raw.get("date")) if kind == "event" else None,
        modified_us=seconds * 1_000_000 if seconds is not None and seconds < 10**12 else None,
        revoked=str(raw.get("deleted")) in _DELETED,
        confidence=confidence,
        grade=grade,
        tags=tags,
        values=tuple(found.values),
        references=tuple(found.references),
        problems=tuple(found.problems),
    )


def _title(kind: str, raw: dict[str, Any]) -> str:
    """What a part is called; numbers too are values of attributes."""
    told = raw.get(_TITLES.get(kind, "name"))
    told = str(told) if isinstance(told, (int, float)) and not isinstance(told, bool) else told
    meant = misp_types.halves(plain(raw.get("type")))[0] if kind == "attribute" else ""
    return titled(meant, plain(told)) or plain(raw.get("uuid"))


def _attribute(raw: dict[str, Any], before: str, into: Gathering) -> None:
    """The values of an attribute; of a composite type both halves."""
    kind, text = plain(raw.get("type")), raw.get("value")
    role = before + kind
    if kind == "stix2-pattern" and isinstance(text, str):
        stix_pattern.gather(text, into)
        return
    first, second = misp_types.halves(kind)
    if "|" not in kind and not second:
        if kind == "vulnerability" and isinstance(text, str) and not text.strip().upper().startswith("CVE"):
            first = "name"
        if first:
            into.value(first, text, role)
        return
    if not isinstance(text, str) or "|" not in text:
        into.problems.append(f"{role}: two values with | between were expected.")
        return
    one, _, other = (
        text.rpartition("|")
        if kind == "malware-sample" or kind.startswith("filename|")
        else text.partition("|")
    )
    for meant, value in ((first, one), (second, other)):
        if meant:
            into.value(meant, value, role)


def _clusters(raw: dict[str, Any], into: Gathering) -> None:
    """The names of actors and malicious programs that galaxies and their tags give."""
    for galaxy in _objects(raw.get("Galaxy")):
        for cluster in _objects(galaxy.get("GalaxyCluster")):
            kind = plain(cluster.get("type"))
            if _names(kind) and plain(cluster.get("value")):
                into.value("name", cluster["value"], f"galaxy {kind}")
    for tag in _objects(raw.get("Tag")):
        if (found := _CLUSTER.fullmatch(plain(tag.get("name")))) and _names(found[1]):
            into.value("name", found[2], f"galaxy {found[1]}")


def _tags(raw: dict[str, Any]) -> Iterator[str]:
    """The tags of a part, those of its galaxies' clusters among them."""
    yield from filter(None, (plain(tag.get("name")) for tag in _objects(raw.get("Tag"))))
    for galaxy in _objects(raw.get("Galaxy")):
        yield from filter(None, (plain(one.get("tag_name")) for one in _objects(galaxy.get("GalaxyCluster"))))


def _names(galaxy: str) -> bool:
    return any(word in galaxy for word in _NAMING)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; nothing of anything else."""
    return (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))
